#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs into a folder of its own and starts what was installed there."""

import os
import pathlib
import subprocess
import sys
import tempfile

ID = "org.poolscope.Poolscope"


def main(cmake, build, version):
    with tempfile.TemporaryDirectory() as scratch:
        prefix = pathlib.Path(scratch) / "usr"
        subprocess.run([cmake, "--install", build, "--prefix", str(prefix)], check=True,
                       stdout=subprocess.DEVNULL)
        for name in (f"applications/{ID}.desktop", f"metainfo/{ID}.metainfo.xml",
                     f"mime/packages/{ID}.xml", "man/man1/poolscope.1",
                     "poolscope/agents/go/go.mod", "poolscope/agents/python/pyproject.toml",
                     "doc/poolscope/copyright", f"icons/hicolor/scalable/apps/{ID}.svg"):
            if not (prefix / "share" / name).is_file():
                sys.exit(f"not installed: share/{name}")
        environment = dict(os.environ, HOME=scratch, XDG_RUNTIME_DIR=scratch)
        done = subprocess.run([str(prefix / "bin" / "poolscope"), "--version"], env=environment,
                              capture_output=True, text=True, timeout=30)
        if done.returncode != 0 or done.stdout.strip() != f"poolscope {version}":
            sys.exit(f"poolscope --version: {done.returncode} {done.stdout!r} {done.stderr!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
