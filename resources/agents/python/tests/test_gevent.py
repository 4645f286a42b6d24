# SPDX-License-Identifier: Apache-2.0
"""Where gevent stands in for sockets and threads, the agent's thread is a greenlet like any other."""

from __future__ import annotations

import pytest
from inspector import Inspector
from test_processes import App

pytest.importorskip("gevent", reason="gevent is not installed")

SHOP = """
from gevent import get_hub, monkey, sleep, spawn
monkey.patch_all()
import sqlalchemy, poolscope
from sqlalchemy.pool import QueuePool
engine = sqlalchemy.create_engine("sqlite:///shop.db", poolclass=QueuePool, pool_size=2,
    max_overflow=0, connect_args={"check_same_thread": False})
handle = poolscope.instrument(engine, name="orders")
kept = []
turns = 0

def hold():
    with poolscope.tags(route="/cart", by="handler"):
        kept.append(engine.connect())  # line 13

def work():
    global turns
    while True:
        with engine.connect():
            sleep(0.01)
        turns += 1

spawn(hold).join()
workers = [spawn(work) for _ in range(3)]
print(handle.address, flush=True)
get_hub().threadpool.apply(input)
before = turns
sleep(0.5)
print("goes on" if turns > before else "stands still", flush=True)
"""


def test_greenlets_hold_and_wait(folder: str) -> None:
    app = App(folder, SHOP.lstrip("\n"))
    address = app.line()
    assert address.startswith("pool+unix://"), app.end()
    with Inspector(address) as inspector:
        inspector.ready()
        (held,) = [c for c in inspector.state.checkouts.values() if c.get("by") == "handler"]
        assert held["tags"] == {"route": "/cart"}
        frame = next(f for f in inspector.state.stacks[held["stack"]] if f.get("own"))
        assert (frame["file"].rpartition("/")[2], frame["line"]) == ("shop.py", 13)
        # Three want the one that is left: two wait, and all have their turn.
        inspector.until(lambda state: state.pending.get("orders") == 2, "for two that wait")
        back = sum(m["k"] == "checkin" for m in inspector.state.seen)
        inspector.until(
            lambda state: sum(m["k"] == "checkin" for m in state.seen) > back + 20, "for turns"
        )
        assert inspector.state.faults == []
        # Greenlets share the thread.
        threads = {m["thread"] for m in inspector.state.seen if m["k"] == "checkout"}
        assert threads == {str(app.process.pid)}
        assert app.process.stdin is not None
        app.process.stdin.write(b"\n")
        app.process.stdin.flush()
        assert app.line() == "goes on"
    assert app.end() == ""
