# SPDX-License-Identifier: Apache-2.0
"""What is put into pools, goes with them, and is taken away again."""

from __future__ import annotations

import gc
import os
import threading
from typing import Any, Callable, List

import pytest
import sqlalchemy
from inspector import Inspector
from sqlalchemy.pool import NullPool, QueuePool

import poolscope
from poolscope import process
from poolscope import sqlalchemy as hooks

Make = Callable[..., Any]
Said = Callable[[], List[str]]


def recorder() -> Any:
    return process._recorders[0]()


def test_disposed_and_built_again(make: Make, said: Said) -> None:
    engine = make(pool_timeout=0.1)
    handle = poolscope.instrument(engine)
    before = engine.connect()
    old = engine.pool
    engine.dispose()
    assert engine.pool is not old
    with Inspector(handle.address) as inspector:
        inspector.ready()
        after = [engine.connect() for _ in range(3)]
        with pytest.raises(sqlalchemy.exc.TimeoutError):
            engine.connect()
        inspector.settled()
        assert len(inspector.state.checkouts) == 4
        assert any(m["k"] == "timeout" for m in inspector.state.seen)
        before.close()
        for one in after:
            one.close()
        del old
        gc.collect()  # the old pool, and the connection that came back to it
        inspector.settled()
        assert not inspector.state.checkouts and not inspector.state.faults
        assert len(inspector.state.connections) == 2
    assert not [line for line in said() if "could not" in line]


def test_a_pool_that_is_disposed_while_it_is_called(make: Make) -> None:
    """What another thread has got hold of works on as it would without an agent."""
    engine = make()
    poolscope.instrument(engine)
    pool = engine.pool
    called = (pool.connect, pool.recreate, pool.dispose)
    del pool
    engine.dispose()
    gc.collect()
    connect, recreate, dispose = called
    connect().close()
    assert isinstance(recreate(), QueuePool)
    dispose()


def test_a_checkout_while_the_hooks_are_put_in(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make()
    kept = [engine.connect()]
    adopt = hooks.Hook.adopt_idle

    def late(hook: Any, pool: Any) -> None:
        kept.append(engine.connect())
        adopt(hook, pool)

    monkeypatch.setattr(hooks.Hook, "adopt_idle", late)
    poolscope.instrument(engine)
    assert recorder().figures()["used"] == 2
    for one in kept:
        one.close()
    assert recorder().figures()["used"] == 0


def test_what_others_wrapped_stays(make: Make) -> None:
    engine = make()
    calls: List[str] = []

    def wrap(owner: Any, name: str, who: str) -> Any:
        inner = getattr(owner, name)

        def outer(*arguments: Any, **named: Any) -> Any:
            calls.append(who)
            return inner(*arguments, **named)

        setattr(owner, name, outer)
        return outer

    before = wrap(engine.pool, "connect", "before")
    execute = wrap(engine.dialect, "do_execute", "execute")
    handle = poolscope.instrument(engine)
    after = wrap(engine.pool, "dispose", "after")
    with engine.connect() as connection:
        context = type("Context", (), {})()
        cursor = connection.connection.cursor()
        engine.dialect.do_execute(cursor, "SELECT 1", (), context=context)  # by name
        cursor.close()
    handle.close()
    assert engine.pool.connect is before and engine.dialect.do_execute is execute
    assert engine.pool.dispose is after
    engine.connect().close()
    engine.dispose()
    assert {"before", "execute", "after"} <= set(calls) and calls.count("before") == 2


def test_second_call_says_so_once(make: Make, said: Said) -> None:
    engine = make()
    connect = poolscope.instrument(engine) and engine.pool.connect
    again = [poolscope.instrument(engine), poolscope.instrument(engine.pool)]
    assert engine.pool.connect is connect and all(one.active for one in again)
    assert sum("watched already" in line for line in said()) == 1


def test_second_call_shows_a_name_as_one_line(make: Make, said: Said) -> None:
    engine = make()
    poolscope.instrument(engine, name="orders\x1b[31m\nERROR")
    poolscope.instrument(engine)
    (line,) = (line for line in said() if "watched already" in line)
    assert "\n" not in line and "\x1b" not in line and "orders" in line


def test_what_is_no_queue_pool(folder: str, said: Said) -> None:
    for _ in range(2):
        engine = sqlalchemy.create_engine(f"sqlite:///{folder}/n.db", poolclass=NullPool)
        assert not poolscope.instrument(engine).active
    assert not poolscope.instrument(None).active
    assert sum("NullPool is not watched" in line for line in said()) == 1


def test_closing_leaves_nothing_behind(make: Make, folder: str) -> None:
    engine = make()
    engine.connect().close()
    names = set(engine.pool.__dict__)
    handle = poolscope.instrument(engine)
    with engine.connect():
        handle.close()
    handle.close()
    assert set(engine.pool.__dict__) == names and not handle.active
    assert not os.path.exists(folder + "/a.sock") and handle.address == ""
    assert "poolscope" not in {thread.name for thread in threading.enumerate()}
    with poolscope.instrument(engine) as again, Inspector(again.address) as inspector:
        with engine.connect():
            inspector.until(lambda s: len(s.checkouts) == 1)


def test_nothing_is_kept_alive(make: Make, folder: str) -> None:
    import weakref

    engine = sqlalchemy.create_engine(f"sqlite:///{folder}/w.db", poolclass=QueuePool)
    handle = poolscope.instrument(engine)
    engine.connect().close()
    with Inspector(handle.address) as inspector:
        assert len(inspector.ready().state.hello["pools"]) == 1
        gone = weakref.ref(engine.pool)
        del engine
        gc.collect()
        assert gone() is None and not handle.active
        # hello comes unasked, without the pool
        inspector.ask("ping")
        inspector.until(lambda s: s.pictures >= 2 and not s.hello["pools"])


def test_two_pools_of_one_name(make: Make) -> None:
    handles = [poolscope.instrument(make(), name="shop") for _ in range(2)]
    assert [handle.pool for handle in handles] == ["shop", "shop-2"]


def test_connections_from_before(make: Make) -> None:
    engine = make()
    out = engine.connect()
    engine.connect().close()
    handle = poolscope.instrument(engine, name="a")
    with Inspector(handle.address) as inspector:
        state = inspector.ready().state
        assert len(state.connections) == 1 and not state.checkouts
        assert (state.stats["a"]["used"], state.stats["a"]["idle"]) == (1, 1)
        out.close()
        inspector.until(lambda s: s.stats["a"]["used"] == 0)
