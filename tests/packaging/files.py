#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files for the desktop are valid, and one id stands in all of them. 77: a validator is missing."""

import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml

ID = "org.poolscope.Poolscope"
MIME = "application/vnd.poolscope.recording"


def expect(condition, sentence):
    if not condition:
        sys.exit(f"packaging: {sentence}")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    expect(done.returncode == 0, f"{command[0]} says:\n{done.stdout}{done.stderr}")


def main(root):
    folder = root / "packaging"
    desktop = (folder / f"{ID}.desktop").read_text()
    metainfo = xml.parse(folder / f"{ID}.metainfo.xml").getroot()
    mime = xml.parse(folder / f"{ID}.xml").getroot()
    version = re.search(r"project\(Poolscope VERSION ([0-9.]+)", (root / "CMakeLists.txt").read_text())

    expect(f"\nIcon={ID}\n" in desktop, "the desktop entry names another icon")
    expect(f"\nStartupWMClass={ID}\n" in desktop, "the desktop entry names another window class")
    expect(f"\nMimeType={MIME};\n" in desktop, "the desktop entry does not open recordings")
    expect("%F" in desktop, "the desktop entry does not hand files over")
    expect(metainfo.findtext("id") == ID, "the metainfo has another id")
    expect(metainfo.findtext("launchable") == f"{ID}.desktop", "the metainfo starts something else")
    expect(metainfo.findtext("provides/mediatype") == MIME, "the metainfo has another MIME type")
    expect(metainfo.find("releases/release").get("version") == version.group(1),
           "the metainfo's latest release is not the project's version")
    space = {"m": "http://www.freedesktop.org/standards/shared-mime-info"}
    expect(mime.find("m:mime-type", space).get("type") == MIME, "another MIME type")
    expect((root / "resources" / "icons" / f"{ID}.svg").is_file(), "the icon is missing")
    page = (folder / "poolscope.1").read_text()
    expect(f'"Poolscope {version.group(1)}"' in page, "the manual page is of another version")

    missing = [t for t in ("desktop-file-validate", "appstreamcli") if not shutil.which(t)]
    if missing:
        print("not validated, not installed here:", ", ".join(missing))
        return 77
    run("desktop-file-validate", str(folder / f"{ID}.desktop"))
    run("appstreamcli", "validate", "--no-net", str(folder / f"{ID}.metainfo.xml"))
    return 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
