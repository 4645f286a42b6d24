# SPDX-License-Identifier: Apache-2.0
"""Every leak pattern, in the real pool, on a real server, told by `poolscope leaks --json`."""

from __future__ import annotations

import gc
import os
import threading
import time
from typing import Any, Callable, Dict, Iterator, List

import patterns
import pytest
import sqlalchemy
from sqlalchemy import text

import poolscope

QUICK = ("--leak-after", "50ms", "--critical-after", "10m")
Ask = Callable[..., List[Dict[str, Any]]]


def prepare(engine: Any) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS items"))
        connection.execute(text("CREATE TABLE items (id integer primary key, price integer)"))
        connection.execute(text("INSERT INTO items VALUES (1, 10), (2, 20), (3, 30)"))
    engine.dispose()


@pytest.fixture(params=["postgresql", "mariadb"])
def engine(request: pytest.FixtureRequest) -> Iterator[Any]:
    name = "postgres" if request.param == "postgresql" else "mariadb"
    server = request.getfixturevalue(name)
    made = sqlalchemy.create_engine(server.url(), pool_size=2, max_overflow=1, pool_timeout=0.2)
    prepare(made)
    yield made
    made.dispose()


@pytest.fixture
def pg(postgres: Any) -> Iterator[Any]:
    made = sqlalchemy.create_engine(postgres.url(), pool_size=2, max_overflow=1, pool_timeout=0.2)
    prepare(made)
    yield made
    made.dispose()


def until(look: Callable[[], Any], seconds: float = 15.0) -> Any:
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < end, "nothing was reported"


def control(engine: Any) -> Any:
    """A leak of ours: once it is reported, whatever came before it had its time as well."""
    with poolscope.tags(by="control"):
        return engine.connect()


def is_control(leak: Dict[str, Any]) -> bool:
    return bool(leak["acquired_by"] == "control")


def at(leak: Dict[str, Any]) -> Any:
    own = next((frame for frame in leak["stack"] or [] if frame["own"]), None)
    return own and (os.path.basename(own["file"]), own["line"], own["function"])


def place(function: Callable[..., Any]) -> Any:
    return (os.path.basename(patterns.__file__), patterns.line_of(function), function.__name__)


@pytest.mark.parametrize("name", patterns.PATTERNS)
def test_wrong_code_is_named_by_line(engine: Any, name: str, ask: Ask) -> None:
    pattern = patterns.PATTERNS[name]
    handle = poolscope.instrument(engine, name="shop")
    keep: List[Any] = []
    with poolscope.tags(route="/cart", request=7, by="web"):
        pattern.wrong(engine, keep)
    leaks = until(lambda: ask("leaks", *QUICK, handle.address))
    assert len(leaks) == 1
    (leak,) = leaks
    assert at(leak) == place(pattern.wrong)
    assert leak["kind"] == "checkout" and leak["pool"] == "shop"
    assert leak["tags"] == {"route": "/cart", "request": "7"}
    assert leak["acquired_by"] == "web"
    assert leak["server_pid"] > 0
    assert any(pattern.evidence in sentence for sentence in leak["evidence"]), leak["evidence"]
    close_all(keep)


@pytest.mark.parametrize("name", patterns.PATTERNS)
def test_right_code_is_silent(engine: Any, name: str, ask: Ask) -> None:
    handle = poolscope.instrument(engine)
    keep: List[Any] = []
    patterns.PATTERNS[name].right(engine, keep)
    ours = control(engine)
    leaks = until(lambda: ask("leaks", *QUICK, handle.address))
    assert [is_control(leak) for leak in leaks] == [True]
    ours.close()


@pytest.mark.parametrize("name", patterns.SILENT)
def test_what_is_no_leak(engine: Any, name: str, ask: Ask) -> None:
    handle = poolscope.instrument(engine)
    patterns.SILENT[name](engine, [])
    # What really happens: it lies in a circle of references, until the collector's next run.
    gc.collect()
    assert engine.pool.checkedout() == 0
    ours = control(engine)
    leaks = until(lambda: ask("leaks", *QUICK, handle.address))
    assert [is_control(leak) for leak in leaks] == [True]
    ours.close()


def close_all(keep: List[Any]) -> None:
    for one in keep:
        for part in one if isinstance(one, tuple) else (one,):
            connection = part.connection if isinstance(part, sqlalchemy.engine.Result) else None
            if hasattr(part, "close"):
                part.close()
            if hasattr(connection, "close"):
                connection.close()


def test_joined_with_the_servers_session(pg: Any, postgres: Any, ask: Ask) -> None:
    handle = poolscope.instrument(pg)
    keep: List[Any] = []
    patterns.transaction_left_open(pg, keep)
    leaks = until(lambda: both_sides(ask, handle.address, postgres.target))
    (leak,) = [leak for leak in leaks if leak["kind"] == "checkout"]
    assert at(leak) == place(patterns.transaction_left_open)
    (session,) = [
        one
        for one in ask("sessions", "--for", "1s", postgres.target)
        if one["pid"] == leak["server_pid"]
    ]
    assert session["state"] == "idle_in_transaction"
    assert "UPDATE items" in session["query"]
    close_all(keep)


def both_sides(ask: Ask, *targets: str) -> List[Dict[str, Any]]:
    """The leaks of a pool and its server, once the checkout is among them."""
    leaks = ask("leaks", *QUICK, "--for", "1s", *targets)
    return leaks if any(leak["kind"] == "checkout" for leak in leaks) else []


def test_slow_query(pg: Any, postgres: Any, ask: Ask) -> None:
    handle = poolscope.instrument(pg)
    started = threading.Event()
    thread = threading.Thread(target=silently, args=(patterns.slow_query, pg, started))
    thread.start()
    try:
        assert started.wait(10)
        (held,) = until(
            lambda: [
                one
                for one in ask("checkouts", handle.address)
                if one["age_us"] > 50_000
            ]
        )
        assert at(held) == place(patterns.slow_query)
        assert held["tags"] == {"route": "/report"} and held["acquired_by"] == "slow"
        (session,) = [
            one
            for one in ask("sessions", "--for", "1s", postgres.target)
            if one["pid"] == held["server_pid"]
        ]
        assert session["state"] == "active" and "pg_sleep(30)" in session["query"]
        # It is long, and it works: no leak.
        assert ask("leaks", *QUICK, handle.address) == []
    finally:
        cancel_all(pg)
        thread.join(10)
    # and the twin
    patterns.fast_query(pg, threading.Event())
    assert ask("checkouts", handle.address) == []


def test_held_while_idle(pg: Any, ask: Ask) -> None:
    handle = poolscope.instrument(pg)
    stop = threading.Event()
    thread = threading.Thread(target=patterns.held_while_idle, args=(pg, stop))
    thread.start()
    try:
        (leak,) = until(lambda: ask("leaks", *QUICK, handle.address))
        assert at(leak) == place(patterns.held_while_idle)
        assert any("No statement has run" in sentence for sentence in leak["evidence"])
    finally:
        stop.set()
        thread.join(10)
    assert ask("leaks", *QUICK, handle.address) == []


def test_deadlock(pg: Any, postgres: Any, ask: Ask) -> None:
    handle = poolscope.instrument(pg)
    run_pair(patterns.in_order, pg)  # the twin: neither fails
    assert ask("checkouts", handle.address) == []
    meet = threading.Barrier(2)
    threads = [
        threading.Thread(target=silently, args=(patterns.deadlock, pg, a, b, meet))
        for a, b in ((1, 2), (2, 1))
    ]
    for thread in threads:
        thread.start()
    try:
        both = until(lambda: waiting_pair(ask, handle.address, postgres.target))
        for one in both:
            assert at(one) == place(patterns.deadlock)
            assert one["tags"] == {"route": "/transfer"}
        assert {one["acquired_by"] for one in both} == {"1 then 2", "2 then 1"}
    finally:
        cancel_all(pg)
        for thread in threads:
            thread.join(10)


def waiting_pair(ask: Ask, *targets: str) -> List[Dict[str, Any]]:
    """The checkouts of two sessions that wait for each other."""
    sessions = ask("sessions", "--for", "1s", targets[1])
    stuck = {one["pid"] for one in sessions if one["blocked_by"]}
    held = ask("checkouts", targets[0])
    both = [one for one in held if one["server_pid"] in stuck]
    return both if len(both) == 2 else []


def run_pair(function: Callable[..., None], engine: Any) -> None:
    meet = threading.Barrier(2)
    failed: List[BaseException] = []

    def one(first: int, second: int) -> None:
        try:
            function(engine, first, second, meet)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=one, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(15)
    assert failed == []


def silently(function: Callable[..., None], *arguments: Any) -> None:
    try:
        function(*arguments)
    except (sqlalchemy.exc.DBAPIError, threading.BrokenBarrierError):
        return  # the test ends it


def cancel_all(engine: Any) -> None:
    """On a connection that is not the pool's."""
    other = sqlalchemy.create_engine(engine.url, poolclass=sqlalchemy.pool.NullPool)
    with other.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
                "WHERE state = 'active' AND pid <> pg_backend_pid()"
            )
        )


def test_exhaustion(engine: Any, ask: Ask) -> None:
    handle = poolscope.instrument(engine, name="shop")
    keep: List[Any] = []
    assert patterns.within_limits(engine, keep, 20) == 0
    assert ask("pools", handle.address)[0]["timeouts"] == 0
    assert patterns.exhaust(engine, keep, 5) == 2  # of pool_size 2 and max_overflow 1
    leaks = until(lambda: ask("leaks", *QUICK, handle.address))
    assert [at(leak) for leak in leaks] == [place(patterns.exhaust)] * 3
    assert len({leak["group"] for leak in leaks}) == 1
    (pool,) = ask("pools", handle.address)
    assert (pool["used"], pool["idle"], pool["max"], pool["timeouts"]) == (3, 0, 3, 2)
    assert pool["config"]["pool_size"] == "2" and pool["config"]["max_overflow"] == "1"
    for one in keep:
        one.close()
