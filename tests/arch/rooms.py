#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds the sources to the order of the rooms and a few rules beside it.

rooms.py ROOT         prints what breaks a rule, one a line; exit 1 if anything does
rooms.py --self-test  breaks every rule in a tree of its own and expects to hear of it
"""

import os
import re
import sys
import tempfile

APACHE_ROOMS = {"core/base", "core/stack", "core/event", "core/leak", "core/pool", "core/wire",
                "core/agent"}
PLAIN_ROOMS = APACHE_ROOMS | {"core/model", "core/analyze", "core/record", "core/report",
                               "core/compare"}

# What a room may include, beside itself. A room not named here must be added here first.
_ENGINE = ["core/base", "core/stack", "core/event", "core/leak", "core/model", "core/analyze",
           "core/record"]
_CAPTURE = _ENGINE + ["core/wire", "core/source", "core/capture"]
MAY_INCLUDE = {
    "core/base": [],
    "core/stack": ["core/base"],
    "core/event": ["core/base", "core/stack"],
    "core/leak": ["core/base", "core/stack", "core/event"],
    "core/pool": ["core/base", "core/stack", "core/event", "core/leak"],
    "core/wire": ["core/base", "core/stack", "core/event"],
    "core/agent": ["core/base", "core/stack", "core/event", "core/wire"],
    "core/model": _ENGINE[:4],
    "core/analyze": _ENGINE[:5],
    "core/record": _ENGINE[:6],
    "core/report": _ENGINE,
    "core/compare": _ENGINE + ["core/report"],
    "core/source": _ENGINE + ["core/wire"],
    "core/capture": _ENGINE + ["core/wire", "core/source"],
    "ui/paper": _ENGINE + ["core/report"],
    "ui/models": _CAPTURE + ["core/compare"],
    "ui/theme": _CAPTURE + ["ui/models"],
    "ui/charts": _CAPTURE + ["ui/models", "ui/theme"],
    "ui/views": _CAPTURE + ["core/compare", "ui/models", "ui/theme", "ui/charts"],
    "ui/dialogs": _CAPTURE + ["ui/models", "ui/theme", "ui/charts"],
    "ui/mainwindow": _CAPTURE + ["core/report", "core/compare", "ui/paper", "ui/models", "ui/theme", "ui/charts",
                                 "ui/views", "ui/dialogs"],
    "app/cli": _CAPTURE + ["core/report", "core/compare"],
    "app/demo": _CAPTURE + ["core/pool", "core/agent"],
    "app/gui": _CAPTURE + ["core/report", "ui/paper", "ui/models", "ui/theme", "ui/charts", "ui/views", "ui/dialogs",
                           "ui/mainwindow", "app/cli"],
    # main.cpp: nothing but composition.
    "app": _CAPTURE + ["app/cli", "app/gui", "app/demo"],
}
# Modules of Qt that a room may link. Without an entry: none.
QT_MODULES = {
    "core/source": {"Core", "Network"},
    "core/capture": {"Core", "Network"},
    "ui/paper": {"Core", "Gui"},
    "ui/models": {"Core", "Gui"},
    "app/cli": {"Core"},
    "app/demo": {"Core"},
}
for _room in MAY_INCLUDE:
    if _room.startswith("ui/") or _room in ("app", "app/gui"):
        QT_MODULES.setdefault(_room, {"Core", "Gui", "Widgets", "Network", "DBus", "Charts", "Svg",
                                      "SvgWidgets", "OpenGL", "OpenGLWidgets"})
# Who knows a library, and its include: a room, and in core/pool the files of one backend, which are
# a target of their own. app/demo is an application that uses a pool: it speaks to its database.
OWNED_LIBRARIES = [
    (re.compile(r"<(sqlite3\.h|SQLiteCpp/)"), ("core/record/", "core/pool/sqlite", "app/demo/"), "SQLite"),
    (re.compile(r"<(libpq-fe\.h|postgresql/)"), ("core/source/", "core/pool/postgres"), "libpq"),
    (re.compile(r"<(mysql\.h|mariadb/)"), ("core/source/",), "libmariadb"),
    (re.compile(r"<CLI/"), ("app/cli/",), "CLI11"),
    (re.compile(r"<(elfutils/|libdw|dwarf\.h)"), ("core/stack/",), "libdw"),
]
# What is included by nothing else in its room, so that the room's own target does not need it.
BACKEND = re.compile(r'"core/pool/(postgres|sqlite)\w*\.h')

CODE = (".cpp", ".h")
MARKED = CODE + (".py", ".sh", ".cmake", ".qss", ".supp", ".go", ".rs", ".java", "CMakeLists.txt")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
HEX_COLOUR = re.compile(r"#(?:[0-9A-Fa-f]{8}|[0-9A-Fa-f]{6}|[0-9A-Fa-f]{3})(?![0-9A-Za-z_])")
NUMERIC_COLOUR = re.compile(r"\b(?:QColor(?:\s+\w+)?|qRgba?|fromRgba?)\s*[({]\s*(?:0x)?[0-9]")
MACHINE_PATH = re.compile(r"(?<![\w.}])/(?:work|home|root)/[\w.-]")
TEMPORARY_PATH = re.compile(r"(?<![\w.}])/tmp/")
ROOM_TARGET = re.compile(r"\bpoolscope_(core|ui|app)_([a-z]+)(?:_[a-z_]+)?\b")
QT_TARGET = re.compile(r"\bQt6?::([A-Za-z]+)")


def room_of(path):
    """'core/base' for core/base/time.h, 'app' for app/main.cpp, None outside the rooms."""
    parts = path.split("/")
    if parts[0] not in ("core", "ui", "app"):
        return None
    if len(parts) == 2:
        return parts[0]
    return "/".join(parts[:2])


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def files_of(root):
    for top in ("core", "ui", "app", "tests", "packaging", "resources", ".ci"):
        for folder, folders, names in os.walk(os.path.join(root, top)):
            folders[:] = sorted(f for f in folders if f not in ("build", "__pycache__", "data"))
            for name in sorted(names):
                yield os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")


def check_includes(path, room, text, report):
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        where, name = f"{path}:{number}", found.group(2)
        other = room_of(name) if found.group(1) == '"' else None
        if other and other != room and other not in MAY_INCLUDE[room]:
            report(f"{where}: {room} may not include {other} ({name})")
        if found.group(1) == '"' and not other and not re.match(r"(moc_)?[\w]+\.moc|moc_|ui_", name):
            report(f"{where}: headers are included by room, not as \"{name}\"")
        if room in PLAIN_ROOMS and re.match(r"Q[A-Z]|Qt[A-Z]|qt|q[a-z]+\.h", name):
            report(f"{where}: {room} is plain C++ and may not include Qt ({name})")
        if room in APACHE_ROOMS and other and other not in APACHE_ROOMS:
            report(f"{where}: {room} is Apache-2.0 and may not include {other}, which is not")
        for pattern, owners, library in OWNED_LIBRARIES:
            if pattern.match(found.group(1) + name) and not path.startswith(owners):
                report(f"{where}: only {owners[0].rstrip('/')} knows {library}")
        backend = BACKEND.match(found.group(1) + name)
        if backend and room == "core/pool" and not path.startswith(f"core/pool/{backend.group(1)}"):
            report(f"{where}: the pool itself may not know a backend ({name})")


def check_first(root, path, text, report):
    """A source includes its own header first, which so is proven to compile alone."""
    own = path[:-len(".cpp")] + ".h"
    if not path.endswith(".cpp") or not os.path.exists(os.path.join(root, own)):
        return
    first = next((m.group(2) for m in map(INCLUDE.match, text.splitlines()) if m), None)
    private = own[:-len(".h")] + "_p.h"
    if first == private and os.path.exists(os.path.join(root, private)):
        first = next((m.group(2) for m in map(INCLUDE.match, read(root, private).splitlines())
                      if m), None)
    if first != own:
        report(f"{path}: includes {first} before its own header")


def check_links(path, room, text, report):
    text = re.sub(r"#.*", "", text)
    for found in ROOM_TARGET.finditer(text):
        other = f"{found.group(1)}/{found.group(2)}"
        if other != room and other not in MAY_INCLUDE[room]:
            report(f"{path}: {room} may not link {other}")
    for module in QT_TARGET.findall(text):
        if module not in QT_MODULES.get(room, set()):
            report(f"{path}: {room} may not link Qt {module}")


def check_text(path, room, text, report):
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{path}:{number}"
        if MACHINE_PATH.search(line):
            report(f"{where}: a path of one machine")
        if not room:
            continue
        strings = STRING.findall(line) if path.endswith(CODE) else [line]
        if any(TEMPORARY_PATH.search(s) for s in strings):
            report(f"{where}: the temporary folder has another name elsewhere")
        if path.startswith("ui/theme/tokens"):
            continue
        coloured = path.endswith(CODE + (".qss",))
        if coloured and (any(HEX_COLOUR.search(s) for s in strings)
                         or NUMERIC_COLOUR.search(line)):
            report(f"{where}: colours are named in ui/theme/tokens alone")


def check_licence(path, room, text, report):
    head = "\n".join(text.splitlines()[:3])
    found = re.search(r"SPDX-License-Identifier: (\S+)", head)
    if not found:
        report(f"{path}: no SPDX-License-Identifier in the first lines")
        return
    agent = path.startswith("resources/agents/")
    wanted = "Apache-2.0" if room in APACHE_ROOMS or agent else "GPL-3.0-or-later"
    if (room or agent) and found.group(1) != wanted:
        report(f"{path}: {room or 'resources/agents'} is {wanted}, not {found.group(1)}")


def check_tree(root):
    problems = []
    seen_rooms = set()
    for path in files_of(root):
        if not path.endswith(MARKED):
            continue
        room = room_of(path)
        text = read(root, path)
        check_licence(path, room, text, problems.append)
        if path != "tests/arch/rooms.py":
            check_text(path, room, text, problems.append)
        if room in ("core", "ui") or (room and path.count("/") == 1 and not path.endswith(CODE)):
            continue  # the lists of rooms
        if room is None:
            continue
        if room not in MAY_INCLUDE:
            if room not in seen_rooms:
                problems.append(f"{path}: {room} is no room that DESIGN knows")
            seen_rooms.add(room)
            continue
        if path.endswith(CODE):
            check_includes(path, room, text, problems.append)
            check_first(root, path, text, problems.append)
        elif path.endswith("CMakeLists.txt"):
            check_links(path, room, text, problems.append)
    return problems


GPL = "// SPDX-License-Identifier: GPL-3.0-or-later\n"
APACHE = "// SPDX-License-Identifier: Apache-2.0\n"
# (file, its text, a part of the complaint; None where there must be none)
CASES = [
    ("core/base/a.h", APACHE + "#include <chrono>\n", None),
    ("core/model/a.h", GPL + '#include "core/base/time.h"\n', None),
    ("ui/views/a.cpp", GPL + '#include "core/capture/workspace.h"\n#include <QWidget>\n', None),
    ("ui/theme/tokens.cpp", GPL + 'const char* window = "#F3F5F7";\n', None),
    ("ui/views/a.cpp", GPL + "// as asked for in pgcenter#148 and #316\n", None),
    ("core/base/a.h", APACHE + '#include "core/model/session.h"\n', "may not include core/model"),
    ("core/base/a.h", APACHE + '#include "core/model/session.h"\n', "Apache-2.0 and may not"),
    ("core/record/a.cpp", GPL + '#include "core/source/source.h"\n', "may not include core/source"),
    ("core/capture/a.cpp", GPL + '#include "ui/models/m.h"\n', "may not include ui/models"),
    ("ui/views/a.cpp", GPL + '#include "ui/mainwindow/m.h"\n', "may not include ui/mainwindow"),
    ("ui/paper/a.cpp", GPL + '#include "ui/theme/t.h"\n', "may not include ui/theme"),
    ("ui/views/a.cpp", GPL + '#include "ui/dialogs/d.h"\n', "may not include ui/dialogs"),
    ("ui/dialogs/a.cpp", GPL + '#include "app/gui/gui.h"\n', "may not include app/gui"),
    ("app/cli/a.cpp", GPL + '#include "ui/models/m.h"\n', "may not include ui/models"),
    ("core/analyze/a.cpp", GPL + "#include <QString>\n", "may not include Qt"),
    ("core/leak/a.cpp", APACHE + "#include <QtCore/qglobal.h>\n", "may not include Qt"),
    ("core/model/a.cpp", GPL + '#include "session.h"\n', "included by room"),
    ("core/capture/a.cpp", GPL + "#include <sqlite3.h>\n", "only core/record knows SQLite"),
    ("ui/views/a.cpp", GPL + "#include <libpq-fe.h>\n", "only core/source knows libpq"),
    ("ui/views/a.cpp", GPL + "#include <mysql.h>\n", "only core/source knows libmariadb"),
    ("core/pool/a.cpp", APACHE + "#include <mariadb/mysql.h>\n",
     "only core/source knows libmariadb"),
    ("core/source/mysqlconnection.cpp", GPL + "#include <mysql.h>\n", None),
    ("core/pool/postgresconnection.cpp", APACHE + "#include <libpq-fe.h>\n", None),
    ("core/pool/sqliteconnection.cpp", APACHE + "#include <sqlite3.h>\n", None),
    ("core/pool/poolcore.cpp", APACHE + "#include <libpq-fe.h>\n", "only core/source knows libpq"),
    ("core/pool/postgresconnection.cpp", APACHE + "#include <sqlite3.h>\n",
     "only core/record knows SQLite"),
    ("core/pool/poolcore.h", APACHE + '#include "core/pool/sqliteconnection.h"\n',
     "may not know a backend"),
    ("core/pool/sqliteconnection.cpp", APACHE + '#include "core/pool/sqliteconnection.h"\n', None),
    ("core/pool/poolcore.cpp", APACHE + "#include <elfutils/libdwfl.h>\n",
     "only core/stack knows libdw"),
    ("core/stray/a.h", GPL, "no room that DESIGN knows"),
    ("core/model/a.h", "int a;\n", "no SPDX-License-Identifier"),
    ("tests/x/tst_a.cpp", "int a;\n", "no SPDX-License-Identifier"),
    ("core/base/a.h", GPL, "is Apache-2.0, not"),
    ("core/model/a.h", APACHE, "is GPL-3.0-or-later, not"),
    ("resources/agents/go/a.go", GPL, "is Apache-2.0, not"),
    ("resources/agents/go/a.go", APACHE, None),
    ("core/base/a.h a.cpp", APACHE + '#include <map>\n#include "core/base/a.h"\n',
     "before its own header"),
    ("core/base/a.h a.cpp", APACHE + '#include "core/base/a.h"\n#include <map>\n', None),
    ("ui/views/a.cpp", GPL + 'setColor("#fff");\n', "colours are named"),
    ("ui/charts/a.cpp", GPL + "const QColor c(255, 0, 0);\n", "colours are named"),
    ("ui/theme/style.qss", "/* SPDX-License-Identifier: GPL-3.0-or-later */\n"
     "a { color: #123456 }\n", "colours are named"),
    ("core/model/a.cpp", GPL + 'const char* p = "/ho' + 'me/me/x";\n', "a path of one machine"),
    ("core/model/a.cpp", GPL + 'const char* p = "/t' + 'mp/x";\n', "temporary folder"),
    ("core/model/CMakeLists.txt", "# SPDX-License-Identifier: GPL-3.0-or-later\n"
     "poolscope_room(core/model LINKS poolscope_core_base)\n", None),
    ("core/model/CMakeLists.txt", "# SPDX-License-Identifier: GPL-3.0-or-later\n"
     "poolscope_room(core/model LINKS poolscope_core_record)\n", "may not link core/record"),
    ("core/model/CMakeLists.txt", "# SPDX-License-Identifier: GPL-3.0-or-later\n"
     "poolscope_room(core/model LINKS poolscope_core_pool_sqlite)\n", "may not link core/pool"),
    ("core/model/CMakeLists.txt", "# SPDX-License-Identifier: GPL-3.0-or-later\n"
     "poolscope_room(core/model LINKS Qt6::Core)\n", "may not link Qt Core"),
    ("app/cli/CMakeLists.txt", "# SPDX-License-Identifier: GPL-3.0-or-later\n"
     "poolscope_room(app/cli LINKS Qt6::Widgets)\n", "may not link Qt Widgets"),
    ("core/capture/CMakeLists.txt", "# SPDX-License-Identifier: GPL-3.0-or-later\n"
     "poolscope_room(core/capture LINKS Qt6::Gui)\n", "may not link Qt Gui"),
]


def self_test():
    failed = 0
    for paths, text, complaint in CASES:
        path, *beside = paths.split()
        folder = os.path.dirname(path)
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, folder))
            for name in [path] + [f"{folder}/{name}" for name in beside]:
                with open(os.path.join(root, name), "w", encoding="utf-8") as file:
                    file.write(text)
            problems = check_tree(root)
        heard = any(complaint in p for p in problems) if complaint else not problems
        if not heard:
            failed += 1
            print(f"self-test: {path} {text!r}: wanted {complaint!r}, got {problems}")
    print(f"self-test: {len(CASES) - failed} of {len(CASES)} cases as expected")
    return failed == 0


def main(arguments):
    if arguments == ["--self-test"]:
        return 0 if self_test() else 1
    if len(arguments) != 1 or not os.path.isdir(os.path.join(arguments[0], "core")):
        print(__doc__, file=sys.stderr)
        return 2
    problems = check_tree(arguments[0])
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
