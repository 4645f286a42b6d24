# SPDX-License-Identifier: Apache-2.0
"""One inspector that is attached, or tries to be."""

from __future__ import annotations

import socket
from typing import Callable, Optional, Set

from . import protocol

CHALLENGED = "challenged"  # has yet to answer
ADMITTED = "admitted"  # its first picture is due; hears nothing before
LIVE = "live"
GONE = "gone"  # to be closed

_SEND = getattr(socket, "MSG_NOSIGNAL", 0)


class Peer:
    """Its socket and what waits to go through it. The agent's thread alone; never blocks."""

    def __init__(self, sock: socket.socket, state: str, now: float) -> None:
        self.sock = sock
        self.state = state
        self.who = "A peer"
        self.announced = False
        self.nonce = ""
        self.accepted = now
        #: Since when it has taken nothing although something waits.
        self.progressed = now
        self.picture_due = False
        self.picture_not_before = 0.0
        self.received = 0
        self.bad_lines = 0
        #: Of the last event that it was told of.
        self.number = 0
        self.lost = 0
        self.known_stacks: Set[int] = set()
        self._in = bytearray()
        self._skipping = False
        self._out = bytearray()

    @property
    def attached(self) -> bool:
        return self.state in (ADMITTED, LIVE)

    @property
    def waiting(self) -> int:
        return len(self._out)

    def write(self, line: bytes) -> None:
        self._out += line

    def receive(self, line: Callable[[bytes], None]) -> None:
        most = 16 * 1024
        if self.state == CHALLENGED:
            # One more than it may send shows that it sends too much.
            most = max(1, protocol.MAX_BYTES_BEFORE_AUTH + 1 - self.received)
        try:
            data = self.sock.recv(most)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self.state = GONE
            return
        self.received += len(data)
        self._in += data
        self.take(line)

    def take(self, line: Callable[[bytes], None]) -> None:
        """The lines that are there; those behind its auth only once it had its hello."""
        while self.state not in (GONE, ADMITTED):
            end = self._in.find(b"\n")
            if end < 0:
                break
            one = bytes(self._in[:end])
            del self._in[: end + 1]
            if self._skipping:
                self._skipping = False
            elif one:
                line(one)
        if self._skipping or len(self._in) > protocol.MAX_LINE:
            self.bad_lines += 0 if self._skipping else 1
            self._skipping = True
            self._in.clear()

    def flush(self, now: float) -> None:
        while self.state != GONE and self._out:
            try:
                count = self.sock.send(memoryview(self._out)[:262_144], _SEND)
            except InterruptedError:
                continue
            except BlockingIOError:
                return
            except OSError:
                self.state = GONE
                return
            del self._out[:count]
            self.progressed = now
        if not self._out:
            self.progressed = now

    def event(self, line: bytes, n: int, limit: int) -> None:
        """An event's line; dropped and counted where too much waits already."""
        if self.lost or len(self._out) + len(line) > limit:
            self.lost += 1
            return
        self._out += line
        self.number = n

    def tell_lost(self, n: int, limit: int) -> None:
        """What was dropped, as soon as half of `limit` is free again."""
        if self.lost and self.state == LIVE and len(self._out) <= limit // 2:
            self.number = n
            self._out += protocol.lost(n, self.lost)
            self.lost = 0

    def need_stack(self, number: int) -> Optional[int]:
        """The number, where this peer has not had that stack since its last picture."""
        if not number or number in self.known_stacks:
            return None
        self.known_stacks.add(number)
        return number

    def close(self) -> None:
        try:
            self.sock.close()
        except OSError:
            pass
