#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files for the desktop are valid, and one id stands in all of them. 77: a validator is missing."""

import fnmatch
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


def licence_of_each_file(root, copyright):
    """The last paragraph that names a file holds, as in Debian's format."""
    named = [(files.split(), licence) for files, licence in re.findall(
        r"^Files: ((?:.+\n)(?: .+\n)*)Copyright: .*\nLicense: (.+)$", copyright, re.MULTILINE)]
    expect(len(named) >= 2, "the copyright file names no files")
    for part in ("core", "resources"):
        for path in (root / part).rglob("*"):
            if not path.is_file() or path.is_symlink():
                continue
            said = re.search(rb"SPDX-License-Identifier: ([\w.-]+)", path.read_bytes()[:400])
            name = path.relative_to(root).as_posix()
            holds = [licence for files, licence in named
                     if any(fnmatch.fnmatchcase(name, pattern) for pattern in files)]
            expect(not said or holds[-1] == said.group(1).decode(),
                   f"the copyright file says {holds[-1]} for {name}, which says another")


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

    licence_of_each_file(root, (folder / "copyright").read_text())

    missing = [t for t in ("desktop-file-validate", "appstreamcli") if not shutil.which(t)]
    if missing:
        print("not validated, not installed here:", ", ".join(missing))
        return 77
    run("desktop-file-validate", str(folder / f"{ID}.desktop"))
    run("appstreamcli", "validate", "--no-net", str(folder / f"{ID}.metainfo.xml"))
    return 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
