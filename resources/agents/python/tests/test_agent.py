# SPDX-License-Identifier: Apache-2.0
"""The agent in this process, and an inspector that holds it to the protocol."""

from __future__ import annotations

import errno
import gc
import os
import random
import signal
import socket
import threading
import time
from typing import Any, Callable, List

import pytest
import sqlalchemy
from inspector import Inspector
from sqlalchemy import text
from sqlalchemy.pool import NullPool, QueuePool

import poolscope
from poolscope import agent as agents
from poolscope import endpoint, process, protocol
from poolscope import sqlalchemy as hooks

Make = Callable[..., Any]
Said = Callable[[], List[str]]


def until(true: Callable[..., Any], seconds: float = 10.0) -> Any:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)  # between two looks


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
    adopt = hooks._Hook.adopt_idle

    def late(hook: Any, pool: Any) -> None:
        kept.append(engine.connect())
        adopt(hook, pool)

    monkeypatch.setattr(hooks._Hook, "adopt_idle", late)
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


def test_a_thousand_attach_and_detach(make: Make) -> None:
    engine = make()
    handle = poolscope.instrument(engine)
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            engine.connect().close()
            time.sleep(0.001)  # an application does something else too

    worker = threading.Thread(target=work)
    worker.start()
    before = len(os.listdir("/proc/self/fd"))
    path = handle.address[len("pool+unix://") :]
    agent = process.current()
    assert agent is not None
    for index in range(1000):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(10)
        sock.connect(path)
        if index % 100 == 0:
            assert sock.recv(10)
        sock.close()
        if index % 10 == 9:
            until(lambda index=index: agent.accepted + agent.refused > index)
    stop.set()
    worker.join(5)
    until(lambda: not agent._peers)
    assert len(os.listdir("/proc/self/fd")) <= before + 2
    with Inspector(handle.address) as inspector:
        assert not inspector.ready().state.faults


def test_lost_events_and_resync(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make()
    handle = poolscope.instrument(engine)
    monkeypatch.setattr(agents, "DRAIN_EVERY", 0.2)
    with Inspector(handle.address) as inspector:
        inspector.ready()
        monkeypatch.setattr(process.ring, "capacity", 2)
        monkeypatch.setattr(process.ring, "wake", lambda: None)
        held = engine.connect()
        for _ in range(500):
            engine.connect().close()
        inspector.until(lambda s: s.lost > 0)
        monkeypatch.setattr(process.ring, "capacity", 10_000)
        pictures = inspector.state.pictures
        inspector.ask("resync")
        inspector.until(lambda s: s.pictures > pictures)
        inspector.state.faults.clear()  # of the events behind the gap
        engine.connect().close()
        inspector.settled()
        assert len(inspector.state.checkouts) == 1 and not inspector.state.faults
        held.close()
        inspector.settled()
        assert not inspector.state.checkouts and not inspector.state.faults


def test_an_inspector_that_stalls(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents, "STALL_TIME", 0.3)
    monkeypatch.setattr(agents, "PEER_BYTES", 100_000)
    engine = make()
    handle = poolscope.instrument(engine)
    stalled = Inspector(handle.address)  # reads nothing
    agent = process.current()
    assert agent is not None
    until(lambda: agent.pictures == 1)
    slowest = 0.0
    end = time.monotonic() + 20
    while agent._peers and time.monotonic() < end:
        started = time.monotonic()
        with poolscope.tags(filler="x" * 250):
            engine.connect().close()
        slowest = max(slowest, time.monotonic() - started)
    assert not agent._peers  # given up
    assert slowest < 5.0  # a busy machine is slow by itself
    stalled.close()
    with Inspector(handle.address) as inspector:
        inspector.ready()


def test_answers_wait_for_who_reads_them(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents, "PEER_BYTES", 100_000)
    handle = poolscope.instrument(make())
    with Inspector(handle.address) as inspector:
        inspector.ready()
        agent = process.current()
        assert agent is not None
        (peer,) = agent._peers
        flood = b"".join(b'{"k":"ping","n":%d}\n' % (n % 10) for n in range(5_000))
        inspector.sock.settimeout(0.3)
        most, sent = 0, 0
        with pytest.raises(OSError):  # it takes no more
            while sent < 200:
                inspector.sock.sendall(flood)
                sent += 1
                most = max(most, peer.waiting)
        most = max(most, peer.waiting)
        assert 50_000 < most < 50_000 + 16 * 1024 * 4
        end = time.monotonic() + 10
        while peer.waiting and time.monotonic() < end:
            inspector.read(0.1)
        assert not peer.waiting and sum(m["k"] == "pong" for m in inspector.state.seen) > 1_000


def test_no_descriptors_left(make: Make, said: Said) -> None:
    """An error at accept goes on for as long as somebody waits to come in."""
    handle = poolscope.instrument(make())
    agent = process.current()
    assert agent is not None and agent._endpoint.sock is not None

    class Exhausted:
        calls = 0

        def __init__(self, sock: socket.socket) -> None:
            self.sock, self.fileno, self.close = sock, sock.fileno, sock.close

        def accept(self) -> Any:
            Exhausted.calls += 1
            if Exhausted.calls < 3:
                raise OSError(errno.EMFILE, "Too many open files")
            return self.sock.accept()

    exhausted: Any = Exhausted(agent._endpoint.sock)
    agent._endpoint = agent._endpoint._replace(sock=exhausted)
    started = time.monotonic()
    with Inspector(handle.address) as inspector:
        inspector.ready()
    assert time.monotonic() - started > 1.5 * agents.ACCEPT_PAUSE
    assert 3 <= Exhausted.calls <= 5
    assert sum("no descriptors left" in line for line in said()) == 1


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no masks here")
def test_only_its_own_thread_lets_signals_pass_by(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    poolscope.instrument(make())
    agent = process.current()
    assert agent is not None and agent._thread is not None
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
    with open(f"/proc/self/task/{agent._thread.native_id}/status") as file:
        blocked = int(next(line for line in file if line.startswith("SigBlk")).split()[1], 16)
    assert blocked & 1 << (signal.SIGTERM - 1) and blocked & 1 << (signal.SIGINT - 1)
    process.stop()

    # With gevent a "thread" is a part of the one that starts it.
    class Greenlet:
        def __init__(self, target: Callable[[], None], **_: Any) -> None:
            self.target = target

        def start(self) -> None:
            process._agent = None

    monkeypatch.setattr(agents.threading, "Thread", Greenlet)
    agent = agents.Agent(process.ring, "x")
    agent._stopping = True
    agent._run()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
    agent.unlink()


@pytest.mark.parametrize("what", ["socketpair", "Thread"])
def test_a_start_that_fails_leaves_no_socket(
    make: Make, folder: str, monkeypatch: pytest.MonkeyPatch, said: Said, what: str
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("none left")

    owner = agents.socket if what == "socketpair" else agents.threading
    with monkeypatch.context() as patch:
        patch.setattr(owner, what, fails)
        engine = make()
        handle = poolscope.instrument(engine)
    engine.connect().close()
    assert handle.active and handle.address == ""
    assert not os.path.exists(folder + "/a.sock")
    assert sum("cannot start: none left" in line for line in said()) == 1


def test_a_late_thread_leaves_the_next_agent_alone(make: Make, folder: str) -> None:
    poolscope.instrument(make())
    old = process.current()
    assert old is not None and old._thread is not None
    hold, held = threading.Event(), threading.Event()

    def stuck() -> None:
        held.set()
        hold.wait(10)

    old._step = stuck  # type: ignore[method-assign]
    old.wake()
    assert held.wait(5)
    process.stop()
    handle = poolscope.instrument(make())
    assert handle.address.endswith(folder + "/a.sock")
    with Inspector(handle.address) as inspector:
        inspector.ready()
        hold.set()
        old._thread.join(5)
        assert os.path.exists(folder + "/a.sock") and process.ring.live
        old.stop()
        assert os.path.exists(folder + "/a.sock")


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
        handle = poolscope.instrument(engine, stacks=mode)
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


# Who may come in.


def test_switched_off(make: Make, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POOLSCOPE_LISTEN", "off")
    handle = poolscope.instrument(make())
    assert handle.address == "" and os.listdir(folder) == []
    assert "poolscope" not in {thread.name for thread in threading.enumerate()}


def test_a_port_in_use(make: Make, monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setenv("POOLSCOPE_LISTEN", "127.0.0.1:%d" % other.getsockname()[1])
        monkeypatch.setenv("POOLSCOPE_TOKEN", "secret")
        engines = [make(), make()]
        for engine in engines:
            poolscope.instrument(engine)
            with engine.connect() as connection:
                assert connection.execute(text("SELECT 1")).scalar() == 1
    assert sum("cannot listen" in line and "in use" in line for line in said()) == 1


@pytest.mark.parametrize(
    "listen, word",
    [
        ("127.0.0.1:0", "needs a token"),
        ("nonsense", "Write /path"),
        ("/nowhere/at/all.sock", "No such file"),
    ],
)
def test_nowhere_to_listen(
    make: Make, monkeypatch: pytest.MonkeyPatch, said: Said, listen: str, word: str
) -> None:
    monkeypatch.setenv("POOLSCOPE_LISTEN", listen)
    engine = make()
    assert poolscope.instrument(engine).address == ""
    engine.connect().close()
    assert sum(word in line for line in said()) == 1


def test_no_permission_on_the_runtime_folder(
    make: Make, folder: str, monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    """Root may do everything: so the folders are not folders."""
    for name in ("runtime", "session"):
        open(f"{folder}/{name}", "w").close()
    monkeypatch.delenv("POOLSCOPE_LISTEN")
    monkeypatch.setenv("RUNTIME_DIRECTORY", folder + "/runtime")
    monkeypatch.setenv("XDG_RUNTIME_DIR", folder + "/session")
    monkeypatch.setenv("TMPDIR", folder)
    os.mkdir(f"{folder}/poolscope-{os.geteuid()}", 0o755)  # not 0700: may be anybody's
    os.chmod(f"{folder}/poolscope-{os.geteuid()}", 0o755)
    places = [place for place in endpoint.runtime_places() if place.folder != "/run/poolscope"]
    monkeypatch.setattr(endpoint, "runtime_places", lambda: places)  # that one may be there
    engine = make()
    assert poolscope.instrument(engine).address == ""
    engine.connect().close()
    assert sum("finds no folder" in line for line in said()) == 1


def test_token(make: Make, monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    monkeypatch.setenv("POOLSCOPE_LISTEN", "localhost:0")
    monkeypatch.setenv("POOLSCOPE_TOKEN", "correct horse")
    handle = poolscope.instrument(make())
    assert handle.address.startswith("pool://127.0.0.1:")
    for token, good in (("wrong", False), ("correct horse", True)):
        with Inspector(handle.address) as inspector:
            inspector.until(lambda s: s.seen)
            nonce = inspector.state.seen[0]["nonce"]
            inspector.ask("auth", mac=protocol.mac_of(token, nonce))
            if good:
                inspector.ready()
                continue
            refusal = inspector.until(lambda s: s.seen[1:])[0]
            assert refusal["k"] == "result" and refusal["why"] == "wrong token"
    assert any("wrong token" in line for line in said())
    assert not any("correct horse" in line for line in said())


def test_what_comes_along_with_the_token(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is answered, but behind the picture."""
    monkeypatch.setenv("POOLSCOPE_LISTEN", "127.0.0.1:0")
    monkeypatch.setenv("POOLSCOPE_TOKEN", "t")
    handle = poolscope.instrument(make())
    with Inspector(handle.address) as inspector:
        inspector.until(lambda s: s.seen)
        mac = protocol.mac_of("t", inspector.state.seen[0]["nonce"])
        inspector.sock.sendall(
            b'{"k":"auth","n":1,"mac":"%s"}\n{"k":"ping","n":2}\n{"k":"pi' % mac.encode()
        )
        inspector.until(lambda s: any(m["k"] == "pong" for m in s.seen))
        inspector.sock.sendall(b'ng","n":3}\n')
        inspector.until(lambda s: any(m["k"] == "pong" and m["of"] == 3 for m in s.seen))
        kinds = [m["k"] for m in inspector.state.seen]
        assert kinds.index("hello") < kinds.index("ready") < kinds.index("pong")
        assert not inspector.state.faults


def test_before_a_peer_is_let_in(
    make: Make, monkeypatch: pytest.MonkeyPatch, said: Said
) -> None:
    monkeypatch.setenv("POOLSCOPE_LISTEN", "127.0.0.1:0")
    monkeypatch.setenv("POOLSCOPE_TOKEN", "t")
    monkeypatch.setattr(protocol, "SECONDS_BEFORE_AUTH", 0.3)
    handle = poolscope.instrument(make())
    with Inspector(handle.address) as chatty, Inspector(handle.address) as silent:
        chatty.sock.sendall(b"x" * 5000)
        for one in (chatty, silent):
            end = time.monotonic() + 10
            while not one.closed and time.monotonic() < end:
                one.read(0.1)
            assert one.closed and [m["k"] for m in one.state.seen] == ["challenge"]
    assert not [line for line in said() if "attached" in line or "detached" in line]
    peers = [Inspector(handle.address) for _ in range(protocol.MAX_PEERS_BEFORE_AUTH + 1)]
    agent = process.current()
    until(lambda: agent is not None and agent.refused >= 3)
    for one in peers:
        one.close()


def test_too_many_peers(make: Make) -> None:
    handle = poolscope.instrument(make())
    peers = [Inspector(handle.address).ready() for _ in range(protocol.MAX_PEERS)]
    with Inspector(handle.address) as late:
        late.read(5)
        assert late.closed
    for one in peers:
        one.close()


def test_what_cannot_be_read(make: Make) -> None:
    handle = poolscope.instrument(make())
    with Inspector(handle.address) as inspector:
        inspector.ready()
        for line in (b"hello", b"\xff\xfe", b"[1]", b"{}", b"\r", b"", b"x" * 70_000, b"[" * 9999):
            inspector.sock.sendall(line + b"\n")
        n = inspector.ask("reclaim", id="1")
        inspector.until(
            lambda s: any(
                m["k"] == "result" and m["of"] == n and not m["ok"] and "not allowed" in m["why"]
                for m in s.seen
            )
        )
        inspector.ask("sing")  # of a later version
        inspector.settled()
        assert not inspector.closed
