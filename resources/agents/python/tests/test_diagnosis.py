# SPDX-License-Identifier: Apache-2.0
"""Every leak pattern until its pool is exhausted: `poolscope diagnose --json` names the line."""

from __future__ import annotations

import os
import threading
from typing import Any, Callable, Dict, Iterator, List

import patterns
import pytest
import sqlalchemy
from test_leaks import Ask, close_all, prepare

import poolscope

#: Long enough to be more than a blink, for the pool as for the leak.
LONG = ("--leak-after", "2s", "--critical-after", "10m", "--for", "12s")

#: The row that one pattern locks is locked for the next: so each has a pool of a single connection,
#: and the one that writes comes last.
ORDER = sorted(patterns.PATTERNS, key=lambda name: "transaction" in name)


@pytest.fixture(params=["postgresql", "mariadb"])
def make(request: pytest.FixtureRequest) -> Iterator[Callable[[], Any]]:
    name = "postgres" if request.param == "postgresql" else "mariadb"
    url = request.getfixturevalue(name).url()
    made: List[Any] = []

    def one() -> Any:
        made.append(
            sqlalchemy.create_engine(url, pool_size=1, max_overflow=0, pool_timeout=60)
        )
        return made[-1]

    prepare(one())
    yield one
    for engine in made:
        engine.dispose()


class Others:
    """What else goes on in the application: each takes a connection now and then, or waits for it."""

    def __init__(self, engines: List[Any]) -> None:
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(engine,)) for engine in engines]
        for thread in self._threads:
            thread.start()

    def _run(self, engine: Any) -> None:
        while not self._done.wait(0.05):
            with engine.connect():
                pass

    def end(self) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(30)


def test_an_exhausted_pool_is_told_with_its_line(make: Callable[[], Any], ask: Ask) -> None:
    """The wrong code and its right twin, in a pool each, in one look."""
    kept: Dict[str, List[Any]] = {}
    engines: List[Any] = []
    address = ""
    for twin in ("right", "wrong"):
        for name in ORDER:
            engine = make()
            engines.append(engine)
            address = poolscope.instrument(engine, name=f"{twin}: {name}").address
            getattr(patterns.PATTERNS[name], twin)(engine, kept.setdefault(twin + name, []))
    others = Others(engines)
    try:
        told = {one["pool"]: one for one in ask("diagnose", *LONG, address)}
    finally:
        for keep in kept.values():
            close_all(keep)
        others.end()
    assert set(told) == {f"wrong: {name}" for name in ORDER}
    for name in ORDER:
        one = told[f"wrong: {name}"]
        wrong = patterns.PATTERNS[name].wrong
        place = f"{os.path.basename(patterns.__file__)}:{patterns.line_of(wrong)}"
        assert (one["cause"], one["confidence"]) == ("leak", "high"), one
        assert f" at {place} " in one["sentence"], one
        assert one["candidates"] == [] and one["exhausted"] is True

