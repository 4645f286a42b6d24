# SPDX-License-Identifier: Apache-2.0
"""Inspectors that come and go, stall or lose events; starts that fail."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
import time
from typing import Any, Callable, List

import pytest
from inspector import Inspector, until

import poolscope
from poolscope import agent as agents
from poolscope import process

Make = Callable[..., Any]
Said = Callable[[], List[str]]


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
    until(lambda: len(os.listdir("/proc/self/fd")) <= before + 2)
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
        inspector.sock.settimeout(2)
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
