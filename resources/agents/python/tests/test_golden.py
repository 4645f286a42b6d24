# SPDX-License-Identifier: Apache-2.0
"""The transcripts of the protocol: what this agent writes reads the same, and it reads what an
inspector sends."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Callable, Dict, Iterator, List, NamedTuple

import pytest
from inspector import State

from poolscope import protocol
from poolscope.protocol import Figures, Frame, PoolInfo

FOLDER = os.environ.get(
    "POOLSCOPE_GOLDEN",
    os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../protocol/golden"),
)
NAMES = sorted(os.listdir(FOLDER)) if os.path.isdir(FOLDER) else []


class Line(NamedTuple):
    mark: str
    text: bytes
    reason: str


def unescaped(text: str) -> bytes:
    out = b""
    while text:
        found = re.match(r"\\x([0-9a-fA-F]{2})|\\\*(\d+)x(.)", text)
        if found is None:
            out += text[0].encode()
            text = text[1:]
            continue
        out += bytes([int(found[1], 16)]) if found[1] else found[3].encode() * int(found[2])
        text = text[found.end() :]
    return out


def lines_of(name: str) -> Iterator[Line]:
    with open(os.path.join(FOLDER, name), encoding="utf-8", newline="\n") as file:
        for line in file.read().split("\n"):
            if not line:
                continue
            mark, rest = line[0], line[2:]
            if mark == "!":
                reason, _, rest = rest.partition("\t")
                yield Line(mark, unescaped(rest), reason)
            else:
                yield Line(mark, unescaped(rest) if mark == "~" else rest.encode(), "")


def test_they_are_there() -> None:
    assert len(NAMES) >= 8


def frames(found: List[Dict[str, Any]]) -> List[Frame]:
    return [
        Frame(f.get("function", ""), f.get("file", ""), f.get("line", 0), f.get("own", False))
        for f in found
    ]


def hello(m: Dict[str, Any]) -> bytes:
    infos = [
        PoolInfo(p["pool"], p.get("kind", ""), p.get("database", ""), p.get("config", {}))
        for p in m["pools"]
    ]
    given = {k: m.get(k, "") for k in ("agent", "agent_version", "language", "process", "host")}
    return protocol.hello(
        m["n"], m["now"], infos, m["can"], pid=m["pid"], started=m.get("started"), **given
    )


def checkout(m: Dict[str, Any]) -> bytes:
    return protocol.checkout(
        m["n"],
        m["pool"],
        m["id"],
        m["t"],
        conn=m.get("conn", ""),
        wait_us=m.get("wait_us"),
        by=m.get("by", ""),
        thread=m.get("thread", ""),
        stack_id=m.get("stack", ""),
        server_pid=m.get("server_pid"),
        local_port=m.get("local_port"),
        tags=m.get("tags"),
        trace_id=m.get("trace_id", ""),
        expected_us=m.get("expected_us"),
        in_picture=m.get("open", False),
        beat=m.get("beat"),
        busy=m.get("busy"),
    )


def timeout(m: Dict[str, Any]) -> bytes:
    return protocol.timeout(
        m["n"],
        m["pool"],
        m["t"],
        wait_us=m.get("wait_us"),
        by=m.get("by", ""),
        thread=m.get("thread", ""),
        stack_id=m.get("stack", ""),
        tags=m.get("tags"),
        reason=m.get("reason", ""),
    )


def stats(m: Dict[str, Any]) -> bytes:
    figures = {k: v for k, v in m.items() if k not in ("k", "n", "pool", "t")}
    for name in ("wait_time", "use_time", "create_time"):
        if name in figures:
            figures[name] = Figures(**figures[name])
    return protocol.stats(m["n"], m["pool"], m["t"], figures)


#: What this agent never says is not here: it has no heartbeat, health checks or detector.
WRITERS: Dict[str, Callable[[Dict[str, Any]], bytes]] = {
    "hello": hello,
    "checkout": checkout,
    "timeout": timeout,
    "stats": stats,
    "stack": lambda m: protocol.stack(m["n"], m["id"], frames(m["frames"])),
    "open": lambda m: protocol.open_connection(
        m["n"], m["pool"], m["conn"], m["t"], m.get("server_pid"), m.get("local_port")
    ),
    "close": lambda m: protocol.close_connection(
        m["n"], m["pool"], m["conn"], m["t"], m.get("reason", "")
    ),
    "wait": lambda m: protocol.wait(m["n"], m["pool"], m["t"], m["pending"]),
    "use": lambda m: protocol.use(
        m["n"], m["pool"], m["id"], m["t"], m["busy"], m.get("statement", "")
    ),
    "checkin": lambda m: protocol.checkin(m["n"], m["pool"], m["id"], m["t"], m.get("conn", "")),
    "lost": lambda m: protocol.lost(m["n"], m["count"]),
    "ready": lambda m: protocol.ready(m["n"]),
    "pong": lambda m: protocol.pong(m["n"], m["of"], m["now"]),
    "result": lambda m: protocol.result(m["n"], m["of"], m["ok"], m.get("why", "")),
    "challenge": lambda m: protocol.challenge(m["nonce"]),
}
OTHERS = {"beat", "brief", "health", "leak", "prepared"}


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("forward.jsonl", "hostile.jsonl")])
def test_the_writer_writes_the_same(name: str) -> None:
    written = 0
    for line in lines_of(name):
        if line.mark != ">":
            continue
        message = json.loads(line.text)
        if message["k"] in OTHERS:
            continue
        assert WRITERS[message["k"]](message) == line.text + b"\n"
        written += 1
    assert written > 0


@pytest.mark.parametrize("name", NAMES)
def test_what_an_inspector_sends_is_read(name: str) -> None:
    for line in lines_of(name):
        if line.mark == "<":
            command = protocol.read_command(line.text)
            assert command is not None and command.kind == json.loads(line.text)["k"]


def test_what_must_be_skipped_is_skipped() -> None:
    for line in lines_of("hostile.jsonl"):
        if line.mark == "!" and line.reason != "bad_field":  # those are of an agent's messages
            assert protocol.read_command(line.text) is None, line.text[:80]


@pytest.mark.parametrize("name", [n for n in NAMES if n != "hostile.jsonl"])
def test_the_state_after_the_last_line(name: str) -> None:
    """Of the inspector that the other tests trust."""
    state = State()
    last = b""
    for line in lines_of(name):
        if line.mark == ">":
            state.take(json.loads(line.text))
        elif line.mark == "#" and line.text.startswith(b"open:"):
            last = line.text
    assert set(state.checkouts) == set(last.decode().split()[1:])
    if name == "loss.jsonl":
        assert (state.lost, len(state.gaps), state.duplicates) == (1000, 2, 1)


def test_macs() -> None:
    nonce, found = "", []
    for line in lines_of("token.jsonl"):
        message = json.loads(line.text) if line.mark in "<>" else {}
        nonce = message.get("nonce", nonce)
        if message.get("k") == "auth":
            found.append(message["mac"] == protocol.mac_of("correct horse battery staple", nonce))
    assert found == [False, True]
