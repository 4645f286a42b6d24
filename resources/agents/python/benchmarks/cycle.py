# SPDX-License-Identifier: Apache-2.0
"""What the agent costs: one checkout and checkin, bare and watched, with and without an inspector.

    python benchmarks/cycle.py [--rounds 7] [--cycles 20000] [--url postgresql+psycopg://…]

The driver does nothing, so that the pool alone is measured; a real driver's round trip to its
server makes the share of the agent smaller. Rounds of all kinds take turns, and the best of each
counts: what else runs on the machine only ever adds. Processor time, of the whole process: so what
the agent's own thread does for an inspector is in it. With --url also a whole cycle on a real
server: acquire, SELECT 1, return; in elapsed time, as most of it is spent waiting.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from typing import Any, Callable, Dict, List

import sqlalchemy
from sqlalchemy import pool as pools

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "src"))

import poolscope  # noqa: E402
from poolscope import process  # noqa: E402

FRAMES = 20


class Nothing:
    """A DB-API connection without a database."""

    def rollback(self) -> None:
        pass

    def close(self) -> None:
        pass


def bare() -> pools.QueuePool:
    return pools.QueuePool(Nothing, pool_size=5, max_overflow=0)


def watched(stacks: str) -> pools.QueuePool:
    made = bare()
    process.configure(process.options()._replace(stacks=stacks))
    poolscope.instrument(made, name=stacks)
    return made


def cycles(pool: pools.QueuePool, number: int) -> float:
    """Seconds of the processor a cycle, with FRAMES frames of an application above it."""

    def below(left: int) -> float:
        if left:
            return below(left - 1)
        connect = pool.connect
        started = time.process_time()
        for _ in range(number):
            connect().close()
        return (time.process_time() - started) / number

    return below(FRAMES)


class Inspector:
    """Reads what comes, in a process of its own."""

    def __init__(self, path: str) -> None:
        reader = (
            "import socket, sys\n"
            "s = socket.socket(socket.AF_UNIX)\n"
            "s.connect(sys.argv[1])\n"
            "while s.recv(1 << 20): pass"
        )
        self._process = subprocess.Popen([sys.executable, "-c", reader, path])
        agent = process.current()
        until = time.monotonic() + 10
        while agent is not None and not agent.pictures and time.monotonic() < until:
            time.sleep(0.01)

    def leave(self) -> None:
        self._process.terminate()
        self._process.wait()


def statements(engine: Any, number: int) -> float:
    """Seconds a cycle with a statement."""
    query = sqlalchemy.text("SELECT 1")
    started = time.perf_counter()
    for _ in range(number):
        with engine.connect() as connection:
            connection.execute(query)
    return (time.perf_counter() - started) / number


def print_real(url: str, rounds: int, cycles_: int) -> None:
    engines = {"bare": sqlalchemy.create_engine(url), "watched": sqlalchemy.create_engine(url)}
    poolscope.instrument(engines["watched"], name="real")
    kinds = {
        name: (lambda engine=engine: statements(engine, cycles_))
        for name, engine in engines.items()
    }
    best = measure(kinds, rounds)
    for name, seconds in best.items():
        ratio = seconds / best["bare"]
        print(f"{'SELECT 1, ' + name:35} {seconds * 1e6:7.2f} us   {ratio:5.2f} x bare")


def measure(kinds: Dict[str, Callable[[], float]], rounds: int) -> Dict[str, float]:
    best: Dict[str, List[float]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, run in kinds.items():
            best[name].append(run())
    return {name: min(times) for name, times in best.items()}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cycles", type=int, default=20_000)
    parser.add_argument("--url")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "bench.sock")
        poolscope.start(listen=path)
        plain = bare()
        made: Dict[str, Any] = {mode: watched(mode) for mode in ("off", "sampled", "always")}
        kinds = {"bare": lambda: cycles(plain, options.cycles)}
        for mode, one in made.items():
            kinds[f"watched, stacks {mode}"] = lambda one=one: cycles(one, options.cycles)
        best = measure(kinds, options.rounds)
        inspector = Inspector(path)
        attached = {
            f"inspector attached, stacks {mode}": (lambda one=one: cycles(one, options.cycles))
            for mode, one in made.items()
        }
        best.update(measure(attached, options.rounds))
        inspector.leave()
        python = ".".join(str(part) for part in sys.version_info[:3])
        print(f"Python {python}, SQLAlchemy {sqlalchemy.__version__}, {FRAMES} frames deep")
        for name, seconds in best.items():
            print(f"{name:35} {seconds * 1e6:7.2f} us   {seconds / best['bare']:5.2f} x bare")
        if options.url:
            print_real(options.url, options.rounds, max(1, options.cycles // 20))
    return 0


if __name__ == "__main__":
    sys.exit(main())
