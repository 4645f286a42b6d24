# SPDX-License-Identifier: Apache-2.0
"""The agent in this process, and an inspector that holds it to the protocol."""

from __future__ import annotations

import gc
import os
import random
import threading
import time
from typing import Any, Callable, Dict, List

import pytest
import sqlalchemy
from inspector import Inspector
from sqlalchemy import text

import poolscope
from poolscope import process

Ask = Callable[..., List[Dict[str, Any]]]
Make = Callable[..., Any]
Said = Callable[[], List[str]]


def recorder() -> Any:
    return process._recorders[0]()


def test_attach_in_mid_incident(make: Make) -> None:
    engine = make()
    handle = poolscope.instrument(engine, name="orders")
    with poolscope.tags(route="/cart", by="web"), poolscope.expected(60):
        held = engine.connect()
        held.execute(text("SELECT 1, 'secret'"))
    line = test_attach_in_mid_incident.__code__.co_firstlineno + 4
    with Inspector(handle.address) as inspector:
        state = inspector.ready().state
        assert state.hello["agent"] == "poolscope-python" and state.hello["v"] == 1
        assert state.hello["pid"] == os.getpid() and "use" in state.hello["can"]
        (pool,) = state.hello["pools"]
        assert pool["kind"] == "sqlalchemy" and pool["pool"] == "orders"
        assert pool["config"]["pool_size"] == 2 and pool["config"]["pool_pre_ping"] is False
        (checkout,) = state.checkouts.values()
        assert checkout["tags"] == {"route": "/cart"} and checkout["by"] == "web"
        assert checkout["expected_us"] == 60_000_000 and checkout["thread"]
        assert checkout["busy"] is False
        frames = state.stacks[checkout["stack"]]
        assert (frames[0]["file"], frames[0]["line"]) == (os.path.abspath(__file__), line)
        assert abs(state.hello["now"] / 1e6 - time.time()) < 5
        # What it ran last is told behind the picture.
        inspector.until(lambda s: s.checkouts[checkout["id"]].get("statement") == "SELECT ?, ?")
        held.close()
        inspector.until(lambda s: not s.checkouts)
        stats = state.stats["orders"]
        assert (stats["max"], stats["idle_max"], stats["timeouts"]) == (3, 2, 0)
        assert not state.faults and not state.gaps


def test_events_one_by_one(make: Make) -> None:
    engine = make()
    handle = poolscope.instrument(engine, name="orders")
    with Inspector(handle.address) as inspector:
        inspector.ready()
        first = len(inspector.state.seen)
        with engine.connect() as connection:
            connection.execute(text("SELECT 7"))
        inspector.settled()
        seen = inspector.state.seen[first:]
        kinds = [m["k"] for m in seen if m["k"] not in ("stats", "pong", "stack")]
        assert kinds == ["open", "checkout", "use", "use", "checkin"]
        busy, idle = [m for m in seen if m["k"] == "use"]
        assert busy["busy"] and busy["statement"] == "SELECT ?" and not idle["busy"]
        assert [m["n"] for m in seen if m["k"] == "checkin"] == [inspector.state.last]
        assert not inspector.state.faults


def test_a_failed_statement_is_not_busy(make: Make) -> None:
    engine = make()
    handle = poolscope.instrument(engine)
    connection = engine.connect()
    with pytest.raises(sqlalchemy.exc.DBAPIError):
        connection.execute(text("SELECT nothing FROM nowhere"))
    with Inspector(handle.address) as inspector:
        (checkout,) = inspector.ready().state.checkouts.values()
        assert checkout["busy"] is False
    connection.close()


def test_waits_and_timeouts(make: Make) -> None:
    engine = make(pool_size=1, max_overflow=0, pool_timeout=0.2)
    handle = poolscope.instrument(engine, name="small")
    with Inspector(handle.address) as inspector:
        inspector.ready()
        held = engine.connect()
        with poolscope.tags(route="/cart"), pytest.raises(sqlalchemy.exc.TimeoutError) as raised:
            engine.connect()
        assert raised.value.code == "3o7r"  # the pool's own words, as without an agent
        inspector.until(lambda s: s.pending == {"small": 0})
        engine.pool._timeout = 30
        waiter = threading.Thread(target=lambda: engine.connect().close())
        waiter.start()
        inspector.until(lambda s: s.pending == {"small": 1})
        held.close()
        waiter.join(5)
        inspector.settled()
        assert inspector.state.pending == {"small": 0}
        (timeout,) = [m for m in inspector.state.seen if m["k"] == "timeout"]
        assert timeout["wait_us"] >= 190_000 and timeout["tags"] == {"route": "/cart"}
        assert "timeout 0.20" in timeout["reason"] and timeout["stack"] in inspector.state.stacks
        inspector.until(lambda s: s.stats["small"]["timeouts"] == 1)
        assert not inspector.state.faults


def test_reasons_of_closing(make: Make) -> None:
    engine = make(pool_size=1, max_overflow=2)
    handle = poolscope.instrument(engine)
    with Inspector(handle.address) as inspector:
        inspector.ready()
        one, two, three = (engine.connect() for _ in range(3))
        one.invalidate(ValueError("not for everybody"))
        one.close()
        raw = two.connection
        raw.detach()  # type: ignore[union-attr]
        two.close()
        three.close()
        inspector.settled()
        reasons = [m["reason"] for m in inspector.state.seen if m["k"] == "close"]
        # The slots of the first two are in the pool again, empty: there is no room for the third.
        assert reasons == [
            "invalidated: ValueError",
            "detached from the pool",
            "over pool_size",
        ]
        assert not inspector.state.connections and not inspector.state.checkouts
        assert not inspector.state.faults


def test_over_pool_size(make: Make) -> None:
    engine = make(pool_size=1, max_overflow=1)
    handle = poolscope.instrument(engine)
    with Inspector(handle.address) as inspector:
        inspector.ready()
        one, two = engine.connect(), engine.connect()
        one.close()
        two.close()
        inspector.settled()
        engine.dispose()
        inspector.settled()
        assert [m["reason"] for m in inspector.state.seen if m["k"] == "close"] == [
            "over pool_size",
            "the pool was disposed",
        ]


def test_random_work_gives_the_exact_state(make: Make) -> None:
    """Threads lend, return, invalidate and fail, inspectors come and go: every one of them knows
    in the end what is really out."""
    seed = int(os.environ.get("POOLSCOPE_SEED", str(random.randrange(1_000_000))))
    print("POOLSCOPE_SEED", seed)
    engine = make(pool_size=5, max_overflow=15, pool_timeout=5)
    handle = poolscope.instrument(engine, name="r")
    stop = threading.Event()
    kept: List[Any] = []

    def work(number: int) -> None:
        dice = random.Random(seed + number)
        while not stop.is_set():
            connection = engine.connect()
            action = dice.randrange(8)
            if action == 0:
                connection.execute(text("SELECT 1"))
            elif action == 1:
                connection.invalidate()
            elif action == 2 and len(kept) < 6:
                kept.append(connection)
                continue
            connection.close()
            time.sleep(0)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    inspectors = []
    for _ in range(4):
        one = Inspector(handle.address).ready()
        inspectors.append(one)
        one.ask("resync")
        for other in inspectors:
            other.read(0.02)
    stop.set()
    for thread in threads:
        thread.join(10)
    wanted = {str(number) for number in recorder().checkouts}
    assert len(wanted) == len(kept)
    for one in inspectors:
        one.settled()
        if one.state.lost:
            one.ask("resync")
            one.settled()
        assert set(one.state.checkouts) == wanted
        assert set(one.state.connections) == {str(n) for n in recorder().connections}
        if not one.state.lost:
            assert not one.state.faults and not one.state.gaps
        one.close()
    for connection in kept:
        connection.close()


def test_the_collector_returns_a_connection(make: Make) -> None:
    """In the middle of anything, on any thread."""
    engine = make(pool_size=1, max_overflow=0)
    handle = poolscope.instrument(engine)
    with Inspector(handle.address) as inspector:
        inspector.ready()
        for _ in range(20):
            loop: List[Any] = [engine.connect()]
            loop.append(loop)
            del loop
            gc.collect()
        inspector.settled()
        assert not inspector.state.checkouts and not inspector.state.faults


def test_modes_of_stacks(make: Make, said: Said) -> None:
    def stacks_of(mode: str, number: int = 3) -> List[bool]:
        engine = make(pool_size=5, max_overflow=0)
        process.configure(process.options()._replace(stacks=mode))
        handle = poolscope.instrument(engine)
        kept = [engine.connect() for _ in range(number)]
        found = [bool(one.stack) for one in recorder().checkouts.values()]
        for one in kept:
            one.close()
        handle.close()
        return found

    assert stacks_of("off") == [False] * 3
    assert stacks_of("always") == [True] * 3
    assert stacks_of("near_exhaustion", 5) == [False] * 3 + [True] * 2
    assert stacks_of("sampled") == [True, False, False]
    assert stacks_of("often") == [True] * 3
    assert sum("often" in line for line in said()) == 1


def test_options_of_the_agent(make: Make, folder: str) -> None:
    def deep(engine: Any, left: int) -> Any:
        return deep(engine, left - 1) if left else engine.connect()

    path = folder + "/chosen.sock"
    poolscope.start(name="shop", listen=path, stacks="always", stack_depth=3, own="pytest")
    engine = make()
    handle = poolscope.instrument(engine)
    assert handle.address == "pool+unix://" + path
    held = deep(engine, 9)
    with Inspector(handle.address) as inspector:
        state = inspector.ready().state
        assert state.hello["process"] == "shop"
        (checkout,) = state.checkouts.values()
        inspector.settled()
        frames = state.stacks[checkout["stack"]]
        assert [frame["function"].rpartition(".")[2] for frame in frames] == ["deep"] * 3
    held.close()


def test_options_of_a_pool(make: Make, said: Said) -> None:
    def told(**options: Any) -> Any:
        engine = make()
        handle = poolscope.instrument(engine, **options)
        held = engine.connect()
        with Inspector(handle.address) as inspector:
            state = inspector.ready().state
            (checkout,) = state.checkouts.values()
            (pool,) = state.hello["pools"]
        held.close()
        handle.close()
        return pool.get("database"), checkout.get("server_pid"), "server_pid" in state.hello["can"]

    def fails(driver: Any) -> int:
        raise ValueError

    database = "postgres://far/shop"
    assert told(database=database, server_pid=lambda driver: 42) == (database, 42, True)
    assert told(server_pid=lambda driver: 42, no_server_pid=True)[1:] == (None, False)
    assert told(server_pid=lambda driver: "42")[1:] == (None, True)
    assert told(server_pid=fails)[1:] == (None, True)
    assert sum("server_pid failed" in line for line in said()) == 1


def test_overflow_is_what_the_pool_counts(make: Make) -> None:
    engine = make(pool_size=1, max_overflow=2)
    handle = poolscope.instrument(engine)

    def told() -> Any:
        with Inspector(handle.address) as inspector:
            stats = inspector.ready().state.stats[handle.pool]
        assert stats["overflow"] == max(0, engine.pool.overflow())
        return stats["overflow"], stats["total"]

    assert told() == (0, 0)
    held = [engine.connect()]
    assert told() == (0, 1)
    held += [engine.connect(), engine.connect()]
    assert told() == (2, 3)
    # Its place is taken, though there is no connection: what is derived would be wrong.
    held[2].invalidate()
    assert told() == (2, 2)
    for one in held:
        one.close()
    assert told() == (0, 0)  # and the empty place is the one that the pool keeps


def test_overflow_is_shown(make: Make, ask: Ask) -> None:
    engine = make(pool_size=1, max_overflow=2)
    handle = poolscope.instrument(engine)
    held = [engine.connect() for _ in range(3)]
    (pool,) = ask("pools", handle.address)
    assert (pool["overflow"], pool["total"], pool["max"]) == (2, 3, 3)
    for one in held:
        one.close()
    (pool,) = ask("pools", handle.address)
    assert (pool["overflow"], pool["total"]) == (0, 1)


def test_environment_chooses_stacks(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLSCOPE_STACKS", "off")
    handle = poolscope.instrument(make())
    with Inspector(handle.address) as inspector:
        assert "stacks" not in inspector.ready().state.hello["can"]


def test_open_telemetry(make: Make) -> None:
    trace = pytest.importorskip("opentelemetry.trace")
    context = trace.SpanContext(0xABC, 0xDEF, False, trace.TraceFlags(1))
    engine = make()
    handle = poolscope.instrument(engine)
    with trace.use_span(trace.NonRecordingSpan(context)):
        held = engine.connect()
    other = engine.connect()
    with Inspector(handle.address) as inspector:
        first, second = inspector.ready().state.checkouts.values()
        assert first["trace_id"] == f"{0xABC:032x}"
        assert first["tags"] == {"span_id": f"{0xDEF:016x}"}
        assert "trace_id" not in second and "tags" not in second
    held.close()
    other.close()


def test_an_error_inside_stays_inside(
    make: Make, monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    engine = make()
    poolscope.instrument(engine)

    def fails(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(process.stack_table, "capture", fails)
    for _ in range(3):
        with engine.connect() as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
    assert sum("could not note" in line for line in said()) == 1
