# SPDX-License-Identifier: Apache-2.0
"""What the application's threads write down: tables of what is open, and a bounded ring.

No lock stands on these paths. Each step is one operation of a dict or a deque, which the
interpreter does as a whole; so the garbage collector, which may return a connection in the middle
of anything, a signal handler and a fork find them whole too. The order is always: the table first,
then the question whether an inspector is attached, then the ring. Whoever sets `live` first and
copies the tables second therefore misses nothing: what is not in the copy is in the ring.
"""

from __future__ import annotations

import threading
from collections import deque
from itertools import count
from time import monotonic_ns
from typing import Any, Callable, Deque, Dict, List, Optional, Tuple

from . import scope, stacks
from .protocol import Figures, PoolInfo

#: Kinds of events in the ring.
OPEN, CLOSE, WAIT, CHECKOUT, USE, CHECKIN, TIMEOUT = range(7)

#: (kind, nanoseconds, pool, what)
Event = Tuple[int, int, "PoolRecorder", Any]

_connection_numbers = count(1)
_checkout_numbers = count(1)


def _nothing() -> None:
    pass


class Ring:
    """Bounded; what does not fit is dropped and counted."""

    def __init__(self, capacity: int = 32_768) -> None:
        self.capacity = capacity
        #: True while an inspector is attached.
        self.live = False
        self.events: Deque[Event] = deque()
        #: Called when it is half full; the agent comes by itself every few milliseconds.
        self.wake: Callable[[], None] = _nothing
        self._dropped = 0
        # Reentrant: the collector may run in the middle, and return a connection.
        self._lock = threading.RLock()

    def put(self, event: Event) -> None:
        size = len(self.events)
        if size < self.capacity:
            self.events.append(event)
            if size == self.capacity // 2:
                self.wake()
            return
        with self._lock:
            self._dropped += 1

    def take_dropped(self) -> int:
        if not self._dropped:
            return 0
        with self._lock:
            dropped, self._dropped = self._dropped, 0
        return dropped

    def clear(self) -> None:
        self.events.clear()
        self.take_dropped()

    def die_in_child(self) -> None:
        self.live = False
        self.wake = _nothing
        self.events = deque()
        self._lock = threading.RLock()  # another thread of the parent may have held it
        self._dropped = 0


class Durations:
    """Counts by size, four steps a power of two: percentiles are right to an eighth.

    `+=` on an element of a list is not interrupted by another thread from Python 3.10 on; before,
    a count may be lost now and then.
    """

    __slots__ = ("_counts", "_total")

    def __init__(self) -> None:
        self._counts = [0] * 256
        self._total = [0]

    def add(self, us: int) -> None:
        bits = us.bit_length()
        place = us if bits < 3 else (bits << 2) | ((us >> (bits - 3)) & 3)
        self._counts[place if place < 256 else 255] += 1
        self._total[0] += us

    def figures(self) -> Figures:
        counts = list(self._counts)
        number = sum(counts)
        return Figures(number, self._total[0], _at(counts, number, 50), _at(counts, number, 99))


def _at(counts: List[int], number: int, percent: int) -> int:
    left = number * percent / 100
    for place, have in enumerate(counts):
        left -= have
        if have and left <= 0:
            if place < 8:
                return place
            bits, step = place >> 2, place & 3
            low = (4 | step) << (bits - 3)
            return low + (1 << (bits - 3)) // 2
    return 0


class Connection:
    """A physical connection."""

    __slots__ = ("checkout", "local_port", "number", "opened", "server_pid")

    def __init__(self, server_pid: Optional[int], local_port: Optional[int], opened: int) -> None:
        self.number = next(_connection_numbers)
        self.opened = opened  # monotonic nanoseconds, as all times here
        self.server_pid = server_pid
        self.local_port = local_port
        self.checkout: Optional[Checkout] = None


class Checkout:
    """One borrowing of a connection."""

    __slots__ = (
        "busy",
        "changed",
        "conn",
        "number",
        "scope",
        "span",
        "stack",
        "statement",
        "taken",
        "thread",
        "wait_us",
    )

    def __init__(
        self,
        conn: Connection,
        taken: int,
        wait_us: int,
        thread: str,
        stack: int,
        around: scope.Scope,
        span: Optional[Tuple[int, int]],
    ) -> None:
        self.number = next(_checkout_numbers)
        self.conn = conn
        self.taken = taken
        self.wait_us = wait_us
        self.thread = thread
        self.stack = stack
        self.scope = around
        self.span = span
        self.busy = False
        self.changed = taken
        self.statement = ""


class Timeout:
    """An acquire that gave up."""

    __slots__ = ("reason", "scope", "span", "stack", "thread", "wait_us")

    def __init__(
        self,
        wait_us: int,
        thread: str,
        stack: int,
        around: scope.Scope,
        span: Optional[Tuple[int, int]],
        reason: str,
    ) -> None:
        self.wait_us = wait_us
        self.thread = thread
        self.stack = stack
        self.scope = around
        self.span = span
        self.reason = reason


class PoolRecorder:
    """One pool of the application: its tables, its figures, and what they are called."""

    def __init__(self, name: str, ring: Ring) -> None:
        self.name = name
        self.ring = ring
        self.connections: Dict[int, Connection] = {}
        self.checkouts: Dict[int, Checkout] = {}
        self.waiting: Dict[int, None] = {}
        self.opening: Dict[int, None] = {}
        self._tokens = count()
        self._timeouts = [0]
        #: Lent before this recorder was there, or by a pool that is not watched: counted alone.
        self.unknown = 0
        self.wait_time = Durations()
        self.use_time = Durations()
        self.create_time = Durations()
        #: Set by whoever knows the pool.
        self.describe: Callable[[], PoolInfo] = lambda: PoolInfo(name, "", "", {})
        self.limits: Callable[[], Dict[str, Optional[int]]] = dict
        self.can: Tuple[str, ...] = ()
        #: Where "…" is a text, not a name, and a backslash may escape a quote.
        self.mysql = False
        self.symbols: Optional[stacks.Symbols] = None
        #: In a forked child, until it has an agent of its own.
        self.orphaned = False

    # The application's threads.

    def opened(self, conn: Connection) -> None:
        self.connections[conn.number] = conn
        if self.ring.live:
            self.ring.put((OPEN, conn.opened, self, conn))

    def closed(self, conn: Connection, reason: str) -> None:
        if self.connections.pop(conn.number, None) is not None and self.ring.live:
            self.ring.put((CLOSE, monotonic_ns(), self, (conn, reason)))

    def lent(self, checkout: Checkout) -> None:
        self.checkouts[checkout.number] = checkout
        checkout.conn.checkout = checkout
        self.wait_time.add(checkout.wait_us)
        if self.ring.live:
            self.ring.put((CHECKOUT, checkout.taken, self, checkout))

    def returned(self, checkout: Checkout) -> None:
        if self.checkouts.pop(checkout.number, None) is None:
            return
        now = monotonic_ns()
        checkout.conn.checkout = None
        self.use_time.add((now - checkout.taken) // 1000)
        if self.ring.live:
            self.ring.put((CHECKIN, now, self, checkout))

    def used(self, checkout: Checkout, busy: bool) -> None:
        now = monotonic_ns()
        checkout.busy = busy
        checkout.changed = now
        if self.ring.live:
            self.ring.put((USE, now, self, (checkout, busy, checkout.statement)))

    def begin_wait(self) -> int:
        token = next(self._tokens)
        self.waiting[token] = None
        if self.ring.live:
            self.ring.put((WAIT, monotonic_ns(), self, None))
        return token

    def end_wait(self, token: int) -> None:
        self.waiting.pop(token, None)
        if self.ring.live:
            self.ring.put((WAIT, monotonic_ns(), self, None))

    def timed_out(self, timeout: Timeout) -> None:
        self._timeouts[0] += 1
        if self.ring.live:
            self.ring.put((TIMEOUT, monotonic_ns(), self, timeout))

    def begin_open(self) -> int:
        token = next(self._tokens)
        self.opening[token] = None
        return token

    def end_open(self, token: int, us: Optional[int]) -> None:
        """`us`: how long it took; None where it failed."""
        self.opening.pop(token, None)
        if us is not None:
            self.create_time.add(us)

    # The agent's thread.

    def figures(self) -> Dict[str, Any]:
        """The fields of `stats`. total = used + idle + opening in each."""
        used = len(self.checkouts) + self.unknown
        idle = sum(1 for conn in copied(self.connections) if conn.checkout is None)
        opening = len(self.opening)
        figures: Dict[str, Any] = {"used": used, "idle": idle, "opening": opening}
        figures["total"] = used + idle + opening
        figures.update(self.limits())
        figures["pending"] = len(self.waiting)
        figures["timeouts"] = self._timeouts[0]
        figures["wait_time"] = self.wait_time.figures()
        figures["use_time"] = self.use_time.figures()
        figures["create_time"] = self.create_time.figures()
        return figures

    def forget(self) -> None:
        """In a forked child: what is open belongs to the parent."""
        self.connections = {}
        self.checkouts = {}
        self.waiting = {}
        self.opening = {}
        self.unknown = 0
        self.orphaned = True


def copied(table: Dict[int, Any]) -> List[Any]:
    """The values at one instant, while others write."""
    while True:
        try:
            return list(table.values())
        except RuntimeError:  # it grew meanwhile: only without a global interpreter lock
            continue
