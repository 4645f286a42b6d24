#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds and runs one cycle of Poolscope's pool and of its peers, in turns and in both orders, and
prints medians and ratios. See README.md beside this file.

    compare.py POOLSCOPE_PROGRAM [--work FOLDER] [--rounds N] [--cycles N] [--only WORD]
"""

import argparse
import collections
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BASE = "HikariCP 7.0.2, detection off"
# By default; a cycle costs so differently that the same number for all would take all day.
SHARES = {"python": 1 / 20, "go": 1 / 2}


def run(command, **more):
    return subprocess.run(command, check=True, **more)


def build_rust(work):
    copy = work / "rust-source"  # cargo writes beside its manifest
    shutil.copytree(HERE / "rust", copy, dirs_exist_ok=True)
    run(["cargo", "build", "--release", "--quiet", "--manifest-path", copy / "Cargo.toml",
         "--target-dir", work / "rust"])
    return [work / "rust/release/peer-r2d2"]


def build_go(work):
    run(["go", "build", "-o", work / "peer-go", "."], cwd=HERE / "go")
    return [work / "peer-go"]


def build_python(work):
    venv = work / "python"
    if not (venv / "bin/python").exists():
        run([sys.executable, "-m", "venv", venv])
    run([venv / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r",
         HERE / "python/requirements.txt"])
    return [venv / "bin/python", HERE / "python/cycle.py"]


def build_java(work, version):
    out = work / f"java-{version}"
    run(["mvn", "--quiet", "--batch-mode", "-f", HERE / "java/pom.xml", f"-Dhikari={version}",
         f"-Dout={out}", "process-classes"])
    return ["java", "-Xmx256m", "-cp", f"{out}/classes:{out}/libraries/*", "Cycle", version]


def peers(work, poolscope, only):
    """Name, command and what follows the number of cycles."""
    makers = {
        "poolscope": lambda: ([poolscope], []),
        "hikari-7": lambda: (build_java(work, "7.0.2"), ["dbcp"]),
        "hikari-2": lambda: (build_java(work, "2.7.9"), []),
        "rust": lambda: (build_rust(work), []),
        "go": lambda: (build_go(work), []),
        "python": lambda: (build_python(work), []),
    }
    for name, make in makers.items():
        if only and only not in name:
            continue
        try:
            yield name, *make()
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{name} is left out: {error}", file=sys.stderr)


def load():
    return ", ".join(f"{value:.1f}" for value in os.getloadavg())


def collect(programs, rounds, cycles):
    found = collections.defaultdict(list)
    for turn in range(rounds):
        for name, command, more in programs if turn % 2 == 0 else reversed(programs):
            count = str(max(10_000, int(cycles * SHARES.get(name, 1))))
            told = run([*map(str, command), count, *more], capture_output=True, text=True).stdout
            for line in told.splitlines():
                if line.startswith("result\t"):
                    _, pool, threads, wall, used = line.split("\t")
                    found[pool, int(threads)].append((float(wall), float(used)))
    return found


def table(found):
    """By processor time, which leaves out what others on the machine took."""
    pools = list(dict.fromkeys(pool for pool, _ in found))
    middle = {key: [statistics.median(row[i] for row in rows) for i in (0, 1)]
              for key, rows in found.items()}
    print("| pool | processor ns a cycle, 1 / 2 / 8 threads | ratio to HikariCP 7.0.2 off "
          "| wall ns a cycle |")
    print("| --- | --- | --- | --- |")
    for pool in pools:
        row = [middle[pool, threads] for threads in (1, 2, 8)]
        base = [middle[BASE, threads][1] for threads in (1, 2, 8)] if (BASE, 1) in middle else None
        ratios = " / ".join(f"{used / by:.2f}" for (_, used), by in zip(row, base)) if base else ""
        print(f"| {pool} | {' / '.join(f'{used:,.0f}' for _, used in row)} | {ratios} "
              f"| {' / '.join(f'{wall:,.0f}' for wall, _ in row)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("poolscope", help="the program that bench_peer_poolscope builds")
    parser.add_argument("--work", default="peers-work", help="where everything is built")
    parser.add_argument("--rounds", type=int, default=4, help="an even number: both orders")
    parser.add_argument("--cycles", type=int, default=1_000_000)
    parser.add_argument("--only", default="", help="peers whose name has this")
    options = parser.parse_args()
    work = pathlib.Path(options.work).resolve()
    work.mkdir(parents=True, exist_ok=True)
    programs = list(peers(work, pathlib.Path(options.poolscope).resolve(), options.only))
    print(f"load before: {load()}; {options.rounds} rounds of {options.cycles} cycles")
    found = collect(programs, options.rounds, options.cycles)
    print(f"load after: {load()}; ratios to {BASE}")
    table(found)


main()
