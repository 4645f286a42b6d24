#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a window's test with the keys of a display's own keyboard.

realkeys.py PROGRAM TEST   starts a private display with a window manager, and the test in it, which
presses keys by xdotool. Exit: the test's; 77: what this needs is not here.
"""

import os
import shutil
import subprocess
import sys
import tempfile


def main(*test):
    for program in ("Xvfb", "openbox", "xdotool"):
        if not shutil.which(program):
            print("SKIP: this needs", program)
            return 77
    started = []
    with tempfile.TemporaryDirectory() as home:
        environment = dict(os.environ, HOME=home, XDG_CONFIG_HOME=home, XDG_CACHE_HOME=home,
                           XDG_RUNTIME_DIR=home, LC_ALL="C.UTF-8", TZ="UTC")
        environment.pop("WAYLAND_DISPLAY", None)
        reading, writing = os.pipe()

        def start(command, **more):
            quiet = None if os.environ.get("VERBOSE") else subprocess.DEVNULL
            started.append(subprocess.Popen(command, stdout=quiet, stderr=quiet, env=environment,
                                            **more))

        try:
            start(["Xvfb", "-displayfd", str(writing), "-screen", "0", "1440x900x24", "-nolisten",
                   "tcp"], pass_fds=[writing])
            os.close(writing)
            with os.fdopen(reading) as display:
                number = display.readline().strip()
            if not number:
                print("SKIP: Xvfb does not start here")
                return 77
            environment.update(DISPLAY=f":{number}", QT_QPA_PLATFORM="xcb", POOLSCOPE_XDOTOOL="1")
            start(["openbox"])
            ended = subprocess.run(test, env=environment, check=False, stdout=subprocess.PIPE,
                                   text=True)
            print(ended.stdout, end="")
            # What Qt Test skips it counts, and calls a success.
            skipped = ended.returncode == 0 and "SKIP   : " in ended.stdout
            return 77 if skipped else ended.returncode
        finally:
            for process in reversed(started):
                process.terminate()
            for process in started:
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
