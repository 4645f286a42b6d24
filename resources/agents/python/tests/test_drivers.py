# SPDX-License-Identifier: Apache-2.0
"""Real drivers, and asyncio."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any, Callable, List

import pytest
import sqlalchemy
from inspector import Inspector
from sqlalchemy import text

import poolscope

HERE = os.path.abspath(__file__)
#: SQLAlchemy 1.4 knows psycopg 2, but not 3.
NEW = not sqlalchemy.__version__.startswith("1.")


POSTGRES, MARIADB = "SELECT pg_backend_pid(), inet_client_port()", "SELECT CONNECTION_ID(), NULL"
DRIVERS = [
    ("psycopg2", POSTGRES),
    ("pymysql", MARIADB),
    ("mysqlconnector", MARIADB),
    *([("psycopg", POSTGRES)] if NEW else []),
]


@pytest.mark.parametrize("driver, question", DRIVERS)
def test_the_servers_id(
    driver: str, question: str, request: pytest.FixtureRequest, said: Callable[[], List[str]]
) -> None:
    server = request.getfixturevalue("postgres" if "pg" in driver else "mariadb")
    engine = sqlalchemy.create_engine(server.url(driver))
    handle = poolscope.instrument(engine)
    assert handle.active
    with Inspector(handle.address) as inspector, engine.connect() as connection:
        pid, port = connection.execute(text(question)).one()
        (checkout,) = inspector.until(lambda s: list(s.checkouts.values()))
        assert checkout["server_pid"] == pid
        if port is not None:
            assert checkout["local_port"] == port
        (opened,) = inspector.state.connections.values()
        assert opened["server_pid"] == pid
        url = inspector.state.hello["pools"][0]["database"]
        assert url.endswith(f"://127.0.0.1:{server.port}/{engine.url.database}")
    engine.dispose()
    assert not any("could not" in line for line in said())


def test_the_url_tells_no_secret(folder: str) -> None:
    url = "postgresql+psycopg2://anna:secret@db1:5432/shop?sslpassword=secret2"
    engine = sqlalchemy.create_engine(url)
    with Inspector(poolscope.instrument(engine).address) as inspector:
        hello = inspector.ready().state.hello
    assert hello["pools"][0]["database"] == "postgresql://db1:5432/shop"
    assert "secret" not in str(hello) and "anna" not in str(hello)


def make_async(postgres: Any, driver: str, **options: Any) -> Any:
    from sqlalchemy.ext.asyncio import create_async_engine

    return create_async_engine(postgres.url(driver), **options)


@pytest.mark.parametrize("driver", ["asyncpg", *(["psycopg"] if NEW else [])])
def test_asyncio(postgres: Any, driver: str) -> None:
    async def leak(engine: Any, kept: List[Any]) -> None:
        connection = await engine.connect()
        kept.append(connection)
        await connection.execute(text("SELECT 1"))

    async def run() -> None:
        engine = make_async(postgres, driver)
        handle = poolscope.instrument(engine, name="async")
        kept: List[Any] = []
        with poolscope.tags(route="/a"):
            await asyncio.create_task(leak(engine, kept), name="leaker")
        with Inspector(handle.address) as inspector:
            (checkout,) = inspector.ready().state.checkouts.values()
            assert checkout["tags"] == {"route": "/a"} and checkout["thread"] == "leaker"
            assert checkout["server_pid"] > 0 and checkout["local_port"] > 0
            frames = [f for f in inspector.state.stacks[checkout["stack"]] if f.get("own")]
            # The await chain, through the greenlet that SQLAlchemy runs in.
            assert frames[0]["function"].endswith("leak")
            assert frames[0]["file"] == HERE
            assert frames[0]["line"] == leak.__code__.co_firstlineno + 1
            await kept[0].close()
            inspector.until(lambda s: not s.checkouts)
            assert not inspector.state.faults
        await engine.dispose()

    asyncio.run(run())


def test_asyncio_waits(postgres: Any) -> None:
    async def take(engine: Any, route: str) -> float:
        with poolscope.tags(route=route):
            async with engine.connect() as connection:
                await connection.execute(text("SELECT pg_sleep(0.05)"))
        return time.monotonic()

    async def run() -> None:
        engine = make_async(postgres, "asyncpg", pool_size=1, max_overflow=0, pool_timeout=0.5)
        handle = poolscope.instrument(engine, name="one")
        with Inspector(handle.address) as inspector:
            inspector.ready()
            await asyncio.gather(*(take(engine, f"/{n}") for n in range(4)))
            inspector.settled()
            lent = [m for m in inspector.state.seen if m["k"] == "checkout"]
            assert {m["tags"]["route"] for m in lent} == {"/0", "/1", "/2", "/3"}
            assert sorted(m["wait_us"] for m in lent)[-1] > 100_000
            assert max(m["pending"] for m in inspector.state.seen if m["k"] == "wait") >= 2
            held = await engine.connect()
            with pytest.raises(sqlalchemy.exc.TimeoutError):
                await engine.connect()
            waiter = asyncio.create_task(engine.connect().__aenter__())
            await asyncio.sleep(0)
            waiter.cancel()  # who waits may be cancelled
            with pytest.raises(asyncio.CancelledError):
                await waiter
            await held.close()
            inspector.settled()
            assert inspector.state.pending.get("one") == 0
            timeouts = [m for m in inspector.state.seen if m["k"] == "timeout"]
            assert len(timeouts) == 1
            own = [f for f in inspector.state.stacks[timeouts[0]["stack"]] if f.get("own")]
            assert own[0]["function"].endswith("run")
            assert not inspector.state.faults and not inspector.state.checkouts
        await engine.dispose()

    asyncio.run(run())


def test_a_killed_connection(postgres: Any) -> None:
    """The server ends it; the pool finds out, throws it away and opens another."""
    engine = sqlalchemy.create_engine(
        postgres.url("psycopg2"), pool_pre_ping=True, pool_size=2
    )
    handle = poolscope.instrument(engine)
    with Inspector(handle.address) as inspector:
        inspector.ready()
        with engine.connect() as first:
            pid = first.execute(text("SELECT pg_backend_pid()")).scalar()
        with engine.connect() as other:
            pass
        with engine.connect() as one, engine.connect() as two:
            pids = {c: c.execute(text("SELECT pg_backend_pid()")).scalar() for c in (one, two)}
            victim, killer = (one, two) if pids[one] == pid else (two, one)
            killer.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            with pytest.raises(sqlalchemy.exc.DBAPIError):
                victim.execute(text("SELECT 1"))
        inspector.settled()
        reasons = [m["reason"] for m in inspector.state.seen if m["k"] == "close"]
        assert reasons and all(r.startswith("invalidated: OperationalError") for r in reasons)
        with engine.connect() as again:
            assert again.execute(text("SELECT pg_backend_pid()")).scalar() != pid
        inspector.settled()
        assert not inspector.state.checkouts and not inspector.state.faults
        assert pid not in {c["server_pid"] for c in inspector.state.connections.values()}
    assert other.closed
    engine.dispose()


if NEW:  # the older one has no psycopg 3

    @pytest.mark.parametrize("driver, most", [("psycopg", 100), ("asyncpg", 100)])
    def test_what_drivers_prepare_is_bounded(postgres: Any, driver: str, most: int) -> None:
        """Why the agent tells nothing of them: a driver keeps so many a connection."""

        async def run() -> int:
            engine = make_async(postgres, driver)
            try:
                async with engine.connect() as connection:
                    for number in range(most + 50):
                        for _ in range(7):  # psycopg prepares what it ran five times
                            await connection.execute(text(f"SELECT {number}"))
                    count = await connection.execute(
                        text("SELECT count(*) FROM pg_prepared_statements")
                    )
                    return int(count.scalar_one())
            finally:
                await engine.dispose()

        assert 10 < asyncio.run(run()) <= most + 10  # and a few of its own
