#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""options.py AGENTS: the options of all agents, as their sources have them, are those of OPTIONS.md, and
are called the same in each."""

import ast
import re
import sys
from pathlib import Path

LANGUAGES = ("python", "go", "rust", "java")


def text(path):
    return path.read_text(encoding="utf-8")


def block(source, begin):
    """From what `begin` matches to the line that closes it."""
    found = re.search(begin + r".*?^\}", source, re.S | re.M)
    if not found:
        sys.exit(f"nothing matches {begin}")
    return found.group(0)


def python(agents):
    tree = ast.parse(text(agents / "python/src/poolscope/__init__.py"))
    taken = {
        f.name: [a.arg for a in f.args.kwonlyargs]
        for f in tree.body
        if isinstance(f, ast.FunctionDef)
    }
    return taken["start"], taken["instrument"]


def go(agents):
    def exported(file, struct):
        body = block(text(agents / "go" / file), rf"^type {struct} struct \{{")
        return re.findall(r"^\t([A-Z]\w*) ", body, re.M)

    return exported("agent.go", "AgentOptions"), exported("poolscope.go", "Options")


def rust(agents):
    def chained(file, begin):
        body = block(text(agents / "rust/src" / file), begin)
        return re.findall(r"pub fn (\w+)\(\s*mut self\b", body)

    watch = re.search(r"^pub fn watch<[^(]*\(([^)]*)\)", text(agents / "rust/src/watch.rs"), re.M)
    named = [p.split(":")[0].strip() for p in watch.group(1).split(",") if p.strip()]
    pool = [name for name in named if name != "builder"]
    return (
        chained("options.rs", r"^impl Options \{"),
        pool + chained("watch.rs", r"^impl<M: ManageConnection> Watch<M> \{"),
    )


def java(agents):
    def chained(kind):
        source = text(agents / f"java/src/main/java/org/poolscope/agent/{kind}.java")
        return re.findall(rf"^    public {kind} (\w+)\(", source, re.M)

    return chained("AgentOptions"), chained("PoolOptions")


def cased(name, language):
    words = name.split("_")
    if language == "go":
        return "".join("PID" if word == "pid" else word.capitalize() for word in words)
    if language == "java":
        return words[0] + "".join(word.capitalize() for word in words[1:])
    return name


def tables(page):
    """Of each: option, then what it is called in each language, or None."""
    for part in re.split(r"^## .*$", page, flags=re.M)[1:]:
        rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", part, re.M)
        yield {
            name: [m and m.group(1) for m in (re.fullmatch(r"`(\w+)`", c.strip()) for c in cells.split("|")[:4])]
            for name, cells in rows
        }


def main(agents):
    wrong = []
    found = {language: globals()[language](agents) for language in LANGUAGES}
    for which, table in enumerate(tables(text(agents / "OPTIONS.md"))):
        where = ("the agent", "a pool")[which]
        if len(table) < 6:
            wrong.append(f"OPTIONS.md has {len(table)} options of {where}")
        for place, language in enumerate(LANGUAGES):
            told = {cells[place] for cells in table.values() if cells[place]}
            real = found[language][which]
            for name in sorted(told.symmetric_difference(real)):
                has, lacks = ("OPTIONS.md", "source") if name in told else ("source", "OPTIONS.md")
                wrong.append(f"{language}: option {name} of {where} is in the {has} and not in the {lacks}")
            for name, cells in table.items():
                if cells[place] and cells[place] != cased(name, language):
                    wrong.append(f"{language}: {name} is called {cells[place]}, not {cased(name, language)}")
    print("\n".join(wrong) or "All agents have the options of OPTIONS.md.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
