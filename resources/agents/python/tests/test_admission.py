# SPDX-License-Identifier: Apache-2.0
"""Where the agent listens, who may come in, and what they may say."""

from __future__ import annotations

import os
import socket
import threading
import time
from typing import Any, Callable, List

import pytest
from inspector import Inspector, until
from sqlalchemy import text

import poolscope
from poolscope import endpoint, process, protocol

Make = Callable[..., Any]
Said = Callable[[], List[str]]


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
