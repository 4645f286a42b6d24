# SPDX-License-Identifier: Apache-2.0
"""How connections leak in SQLAlchemy, and the same code as it should be.

A pattern is a pair of functions; each gets an engine, and a list that stands for whatever keeps
objects alive in an application: a global, a cache, an attribute of a long-lived object. The line
that acquires ends with a remark: HERE.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Dict, List, NamedTuple

import sqlalchemy
from sqlalchemy import text
from sqlalchemy.orm import Session

import poolscope

Keep = List[Any]


def session_kept(engine: Any, keep: Keep) -> None:
    session = Session(engine)
    session.execute(text("SELECT count(*) FROM items"))  # HERE
    keep.append(session)


def session_closed(engine: Any, keep: Keep) -> None:
    with Session(engine) as session:
        session.execute(text("SELECT count(*) FROM items"))
    keep.append(session)


def session_dropped(engine: Any, keep: Keep) -> None:
    """Nobody refers to it any more: when the collector runs, the pool has its own back."""
    session = Session(engine)
    session.execute(text("SELECT count(*) FROM items"))


def session_raised(engine: Any, keep: Keep) -> None:
    """An error that nobody expected, and a session that the handler lets go of."""
    try:
        session = Session(engine)
        session.execute(text("SELECT nothing FROM nowhere"))
    except sqlalchemy.exc.DBAPIError:
        del session


def result_kept(engine: Any, keep: Keep) -> None:
    connection = engine.connect().execution_options(stream_results=True)  # HERE
    result = connection.execute(text("SELECT id FROM items ORDER BY id"))
    keep.append(result)
    keep.append(result.fetchone())


def result_read(engine: Any, keep: Keep) -> None:
    with engine.connect().execution_options(stream_results=True) as connection:
        result = connection.execute(text("SELECT id FROM items ORDER BY id"))
        keep.append(result)
        keep.append(result.fetchall())


def connection_forgotten(engine: Any, keep: Keep) -> None:
    connection = engine.connect()  # HERE
    keep.append(connection)
    connection.execute(text("SELECT 1"))


def connection_in_with(engine: Any, keep: Keep) -> None:
    with engine.connect() as connection:
        keep.append(connection)
        connection.execute(text("SELECT 1"))


def raw_connection_kept(engine: Any, keep: Keep) -> None:
    keep.append(engine.raw_connection())  # HERE


def raw_connection_closed(engine: Any, keep: Keep) -> None:
    raw = engine.raw_connection()
    try:
        keep.append(raw)
    finally:
        raw.close()


def transaction_left_open(engine: Any, keep: Keep) -> None:
    connection = engine.connect()  # HERE
    transaction = connection.begin()
    connection.execute(text("UPDATE items SET price = price + 1 WHERE id = 1"))
    keep.append((connection, transaction))


def transaction_committed(engine: Any, keep: Keep) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE items SET price = price + 1 WHERE id = 1"))
        keep.append(connection)


class Pattern(NamedTuple):
    wrong: Callable[[Any, Keep], None]
    right: Callable[[Any, Keep], None]
    #: What must be said of it beside the line.
    evidence: str


PATTERNS: Dict[str, Pattern] = {
    "session still referenced": Pattern(session_kept, session_closed, "No statement has run"),
    "result kept open": Pattern(result_kept, result_read, "No statement has run"),
    "connection never closed": Pattern(
        connection_forgotten, connection_in_with, "No statement has run"
    ),
    "raw connection never closed": Pattern(raw_connection_kept, raw_connection_closed, "Held for"),
    "transaction left open": Pattern(
        transaction_left_open, transaction_committed, "No statement has run"
    ),
}

#: Looks wrong, and costs nobody a connection.
SILENT = {
    "session that the collector returns": session_dropped,
    "session whose statement failed": session_raised,
}


def line_of(function: Callable[..., Any]) -> int:
    """Of the line in it that ends with HERE."""
    with open(function.__code__.co_filename, encoding="utf-8") as file:
        lines = file.read().splitlines()
    first = function.__code__.co_firstlineno
    return next(n for n, line in enumerate(lines, 1) if n > first and line.endswith("# HERE"))


def slow_query(engine: Any, started: threading.Event) -> None:
    with poolscope.tags(route="/report", by="slow"):
        with engine.connect() as connection:  # HERE
            started.set()
            connection.execute(text("SELECT pg_sleep(30)"))


def fast_query(engine: Any, started: threading.Event) -> None:
    with poolscope.tags(route="/report", by="fast"):
        with engine.connect() as connection:
            started.set()
            connection.execute(text("SELECT pg_sleep(0)"))


def deadlock(engine: Any, first: int, second: int, meet: threading.Barrier) -> None:
    with poolscope.tags(route="/transfer", by=f"{first} then {second}"):
        with engine.begin() as connection:  # HERE
            _lock(connection, first)
            meet.wait(10)
            _lock(connection, second)


def in_order(engine: Any, first: int, second: int, meet: threading.Barrier) -> None:
    with poolscope.tags(route="/transfer", by=f"{first} then {second}"):
        meet.wait(10)
        with engine.begin() as connection:
            for item in sorted((first, second)):
                _lock(connection, item)


def _lock(connection: Any, item: int) -> None:
    connection.execute(text("UPDATE items SET price = 0 WHERE id = :id"), {"id": item})


def exhaust(engine: Any, keep: Keep, number: int) -> int:
    """How many of `number` acquires timed out."""
    failed = 0
    for _ in range(number):
        try:
            keep.append(engine.connect())  # HERE
        except sqlalchemy.exc.TimeoutError:
            failed += 1
    return failed


def within_limits(engine: Any, keep: Keep, number: int) -> int:
    for _ in range(number):
        with engine.connect() as connection:
            keep.append(connection)
    return 0


def held_while_idle(engine: Any, stop: threading.Event) -> None:
    """Something else than the database takes the time, and the connection waits."""
    with engine.connect() as connection:  # HERE
        connection.execute(text("SELECT 1"))
        stop.wait(30)


def now() -> float:
    return time.monotonic()
