#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the real window as a screen reader does.

accessible.py POOLSCOPE RECORDING   starts the window on a private display and bus, and walks what
AT-SPI shows of every page and of the dialogs. Exit 1: something has no name; 77: what this needs is
not here.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time

LAUNCHER = "/usr/libexec/at-spi-bus-launcher"
PAGES = ["overview", "pools", "leaks", "sessions", "blocking", "stacks", "alerts", "configuration",
         "actions"]
DIALOGS = {"ctrl+t": "Attach", "ctrl+o": "Open recordings", "F1": "Keys"}
# What a user can act on or has to read must say what it is.
NAMED = {"push button", "toggle button", "check box", "radio button", "menu item", "check menu item",
         "radio menu item", "menu", "text", "entry", "table", "tree table", "tree", "list",
         "list item", "combo box", "page tab", "icon", "image", "slider", "tool bar", "dialog",
         "table column header", "column header", "canvas"}
PATIENCE = 20.0


def missing():
    for program in ("Xvfb", "openbox", "xdotool", "dbus-run-session"):
        if not shutil.which(program):
            return program
    if not os.path.exists(LAUNCHER):
        return "at-spi2-core"
    try:
        import pyatspi  # noqa: F401
    except ImportError:
        return "python3-pyatspi"
    return None


def outside(arguments):
    """Starts itself again within a session bus of its own. The accessibility bus and the window
    manager now and then do not come up together: then all of it begins anew, twice at most."""
    need = missing()
    if need:
        print("SKIP: this needs", need)
        return 77
    return next((0 for _ in range(3) if attempt(arguments) == 0), 1)


def attempt(arguments):
    with tempfile.TemporaryDirectory() as home:
        environment = dict(os.environ, HOME=home, XDG_CONFIG_HOME=home, XDG_CACHE_HOME=home,
                           XDG_RUNTIME_DIR=home, LC_ALL="C.UTF-8", TZ="UTC")
        environment.pop("WAYLAND_DISPLAY", None)
        environment.pop("AT_SPI_BUS_ADDRESS", None)
        return subprocess.run(["dbus-run-session", "--", sys.executable, os.path.abspath(__file__),
                               "--inside", *arguments], env=environment, check=False).returncode


class Window:
    """The program, its display and what helps it; all of it ends with this."""

    def __init__(self, program, recording):
        self.started = []
        self.program, self.recording = program, recording

    def __enter__(self):
        reading, writing = os.pipe()
        self.run(["Xvfb", "-displayfd", str(writing), "-screen", "0", "1440x900x24", "-nolisten",
                  "tcp"], pass_fds=[writing])
        os.close(writing)
        with os.fdopen(reading) as display:
            number = display.readline().strip()
        os.environ["DISPLAY"] = f":{number}"
        self.run([LAUNCHER, "--launch-immediately"])
        self.run(["openbox"])
        os.environ["QT_LINUX_ACCESSIBILITY_ALWAYS_ON"] = "1"
        os.environ["QT_QPA_PLATFORM"] = "xcb"
        self.run([self.program, "--theme", "light", "--size", "1440x900", self.recording])
        return self

    def __exit__(self, *_):
        for process in reversed(self.started):
            process.terminate()
        for process in self.started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()

    def run(self, command, **more):
        quiet = None if os.environ.get("VERBOSE") else subprocess.DEVNULL
        self.started.append(subprocess.Popen(command, stderr=quiet, stdout=quiet, **more))

    def focused(self, frame):
        """A key without the focus goes nowhere; a window manager that came late gives it to none."""
        import pyatspi
        if frame.getState().contains(pyatspi.STATE_ACTIVE):
            return True
        self.focus("Poolscope")
        return False

    def focus(self, name):
        subprocess.run(["xdotool", "search", "--onlyvisible", "--name", name, "windowfocus"],
                       check=False, stdout=subprocess.DEVNULL)

    def key(self, *keys):
        subprocess.run(["xdotool", "key", "--clearmodifiers", *keys], check=True)


def until(question, what, press=None):
    """Presses a key now and again meanwhile: one that comes before the focus goes nowhere."""
    end = time.monotonic() + PATIENCE
    pressed = 0.0
    while time.monotonic() < end:
        if press and time.monotonic() - pressed > 3:
            press()
            pressed = time.monotonic()
        try:
            answer = question()
        except Exception:  # the tree changes while it is read
            answer = None
        if answer:
            return answer
        time.sleep(0.1)
    raise SystemExit(f"{what}: not in {PATIENCE:.0f} s")


def window_of(pyatspi):
    for application in pyatspi.Registry.getDesktop(0):
        if application and "oolscope" in application.name:
            for frame in application:
                if frame and "Poolscope" in frame.name and "—" in frame.name:
                    return frame
    return None


def walk(node, path=()):
    """Everything that is shown, with the way to it. Tables: the first rows alone."""
    import pyatspi
    states = node.getState()
    if not states.contains(pyatspi.STATE_SHOWING) and node.getRole() != pyatspi.ROLE_TABLE_CELL:
        return
    here = path + (f"{node.getRoleName()} '{node.name[:30]}'",)
    yield node, here
    for i in range(min(node.childCount, 400)):
        child = node.getChildAtIndex(i)
        if child:
            yield from walk(child, here)


def nameless(frame):
    found = set()
    for node, path in walk(frame):
        role = node.getRoleName()
        if role in NAMED and not node.name.strip():
            found.add(" > ".join(path[-4:]))
    return found


def cells(frame):
    return {node.name for node, _ in walk(frame) if node.getRoleName() == "table cell"}


def dialog_of(application):
    for child in application:
        if child and child.getRoleName() == "dialog":
            return child
    return None


def inside(program, recording):
    import pyatspi
    troubles = []
    with Window(program, recording) as window:
        frame = until(lambda: window_of(pyatspi), "The window")
        application = frame.getApplication()
        until(lambda: cells(frame), "A row")
        until(lambda: window.focused(frame), "The focus")
        for number, page in enumerate(PAGES, 1):
            until(lambda page=page: any(node.name.lower() == page for node, _ in walk(frame)
                                        if node.getRoleName() == "filler"), page,
                  lambda number=number: window.key(f"ctrl+{number}"))
            troubles += [f"{page}: no name: {path}" for path in sorted(nameless(frame))]
            if page == "sessions":
                # A state is a glyph and a word; who cannot see the glyph has the word.
                until(lambda: cells(frame) & {"idle in transaction", "waiting for lock", "idle"},
                      "A state in words")
        for key, dialog in DIALOGS.items():
            found = until(lambda: dialog_of(application), dialog, lambda key=key: (window.focused(frame), window.key(key)))
            troubles += [f"{dialog}: no name: {path}" for path in sorted(nameless(found))]
            until(lambda: dialog_of(application) is None, f"{dialog} closed",
                  lambda dialog=dialog: (window.focus(dialog), window.key("Escape")))
    for trouble in troubles:
        print(trouble)
    print(f"{len(PAGES)} pages and {len(DIALOGS)} dialogs looked at, {len(troubles)} without a name")
    return 1 if troubles else 0


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] == "--inside":
        sys.exit(inside(sys.argv[2], sys.argv[3]))
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(outside(sys.argv[1:]))
