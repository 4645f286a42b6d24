# SPDX-License-Identifier: Apache-2.0
"""A small inspector: attaches, keeps what it is told, and holds the agent to the protocol."""

from __future__ import annotations

import json
import socket
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

EVENTS = {
    "open",
    "close",
    "wait",
    "checkout",
    "use",
    "beat",
    "checkin",
    "timeout",
    "health",
    "leak",
}
KNOWN = EVENTS | {"hello", "stack", "stats", "lost", "ready", "pong", "result", "challenge"}


class State:
    """What a reader knows after each line, by section 4 of the protocol."""

    def __init__(self) -> None:
        self.last: Optional[int] = None
        self.in_picture = False
        self.connections: Dict[str, Dict[str, Any]] = {}
        self.checkouts: Dict[str, Dict[str, Any]] = {}
        self.stacks: Dict[str, List[Dict[str, Any]]] = {}
        self.pending: Dict[str, int] = {}
        self.stats: Dict[str, Dict[str, Any]] = {}
        self.hello: Dict[str, Any] = {}
        self.pictures = 0
        self.gaps: List[Tuple[int, int]] = []
        self.duplicates = 0
        self.lost = 0
        self.faults: List[str] = []
        self.seen: List[Dict[str, Any]] = []

    def take(self, message: Dict[str, Any]) -> None:
        kind, n = message["k"], message["n"]
        self.seen.append(message)
        if kind in ("challenge", "result") and self.last is None:
            return
        if kind == "hello":
            self._begin(message)
            return
        if self.in_picture:
            if n != self.last:
                self.faults.append(f"{kind} has number {n} in the picture of {self.last}")
            self._apply(kind, message)
            return
        if self.last is None:
            self.faults.append(f"{kind} before hello")
            return
        if kind in EVENTS or kind not in KNOWN:
            if n <= self.last:
                self.duplicates += 1
                return
            if n > self.last + 1:
                self.gaps.append((self.last, n))
            self.last = n
        elif n > self.last:
            if kind != "lost":
                self.gaps.append((self.last, n))
            self.last = n
        self._apply(kind, message)

    def _begin(self, message: Dict[str, Any]) -> None:
        self.hello = message
        self.last = message["n"]
        self.in_picture = True
        self.connections = {}
        self.checkouts = {}
        self.stacks = {}
        self.pending = {}

    def _apply(self, kind: str, message: Dict[str, Any]) -> None:
        if kind == "ready":
            self.in_picture = False
            self.pictures += 1
            for checkout in self.checkouts.values():
                if "stack" in checkout and checkout["stack"] not in self.stacks:
                    self.faults.append(f"the picture lacks stack {checkout['stack']}")
        elif kind == "open":
            if message["conn"] in self.connections:
                self.faults.append(f"connection {message['conn']} opened twice")
            self.connections[message["conn"]] = message
        elif kind == "close":
            if self.connections.pop(message["conn"], None) is None:
                self.faults.append(f"connection {message['conn']} closed, was not open")
        elif kind == "checkout":
            if bool(message.get("open")) != self.in_picture:
                self.faults.append("open stands in a picture, and only there")
            if message["id"] in self.checkouts:
                self.faults.append(f"checkout {message['id']} twice")
            self.checkouts[message["id"]] = message
        elif kind == "checkin":
            if self.checkouts.pop(message["id"], None) is None:
                self.faults.append(f"checkin {message['id']} was not out")
        elif kind == "use":
            if message["id"] in self.checkouts:
                self.checkouts[message["id"]].update(
                    busy=message["busy"],
                    statement=message.get(
                        "statement", self.checkouts[message["id"]].get("statement")
                    ),
                )
            else:
                self.faults.append(f"use of {message['id']}, which is not out")
        elif kind == "stack":
            self.stacks[message["id"]] = message["frames"]
        elif kind == "wait":
            self.pending[message["pool"]] = message["pending"]
        elif kind == "stats":
            self.stats[message["pool"]] = message
            if message.get("total") != message["used"] + message["idle"] + message.get(
                "opening", 0
            ):
                self.faults.append("total is not used + idle + opening")
        elif kind == "lost":
            self.lost += message["count"]


def until(true: Callable[..., Any], seconds: float = 10.0) -> Any:
    """Of what happens in this process by itself."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)  # between two looks


class Inspector:
    """Attached to an agent; everything within `patience` seconds."""

    def __init__(self, address: str, patience: float = 10.0) -> None:
        self.patience = patience
        if address.startswith("pool+unix://"):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(patience)
            self.sock.connect(address[len("pool+unix://") :])
        else:
            host, _, port = address[len("pool://") :].rpartition(":")
            self.sock = socket.create_connection((host.strip("[]"), int(port)), timeout=patience)
        self.state = State()
        self.closed = False
        self._in = b""
        self._asked = 0

    def ask(self, kind: str, **fields: Any) -> int:
        self._asked += 1
        line = json.dumps({"k": kind, "n": self._asked, **fields})
        self.sock.sendall(line.encode() + b"\n")
        return self._asked

    def read(self, seconds: float) -> None:
        """What comes within that time, or until something came."""
        self.sock.settimeout(max(0.001, seconds))
        try:
            data = self.sock.recv(1 << 20)
        except (socket.timeout, TimeoutError):
            return
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return
        self._in += data
        *lines, self._in = self._in.split(b"\n")
        for line in lines:
            assert len(line) <= 65_536
            self.state.take(json.loads(line))

    def until(self, true: Callable[[State], Any], what: str = "") -> Any:
        end = time.monotonic() + self.patience
        while True:
            found = true(self.state)
            if found:
                return found
            left = end - time.monotonic()
            assert left > 0, f"waited in vain {what}: {self.state.seen[-5:]}"
            assert not self.closed, f"the agent closed {what}"
            self.read(left)

    def ready(self) -> "Inspector":
        self.until(lambda state: state.pictures > 0, "for the picture")
        return self

    def settled(self) -> "Inspector":
        """Everything that happened before is read: a pong stands behind it."""
        # What is in the ring is taken out before the peers have their turn, and asked for after.
        for _ in range(2):
            n = self.ask("ping")
            self.until(lambda state, n=n: _answers(state, "pong", n), "for a pong")
        return self

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> "Inspector":
        return self

    def __exit__(self, *unused: Any) -> None:
        self.close()


def _answers(state: State, kind: str, of: int) -> Optional[Dict[str, Any]]:
    return next((m for m in state.seen if m["k"] == kind and m["of"] == of), None)
