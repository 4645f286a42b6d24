# SPDX-License-Identifier: Apache-2.0
"""The state after the last event that was numbered: what a picture is made of."""

from __future__ import annotations

from typing import Dict, Iterable

from .recorder import (
    CHECKIN,
    CHECKOUT,
    CLOSE,
    OPEN,
    USE,
    WAIT,
    Checkout,
    Connection,
    Event,
    PoolRecorder,
    copied,
)


class Held:
    """A checkout as it was told of; the record itself may be ahead."""

    __slots__ = ("busy", "changed", "checkout", "statement")

    def __init__(self, checkout: Checkout, busy: bool, changed: int, statement: str) -> None:
        self.checkout = checkout
        self.busy = busy
        self.changed = changed
        self.statement = statement


class PoolMirror:
    """One pool."""

    def __init__(self, recorder: PoolRecorder) -> None:
        self.connections: Dict[int, Connection] = {
            conn.number: conn for conn in copied(recorder.connections)
        }
        self.checkouts: Dict[int, Held] = {
            one.number: Held(one, one.busy, one.changed, one.statement)
            for one in copied(recorder.checkouts)
        }
        self.pending = len(recorder.waiting)

    def idle(self) -> int:
        lent = {held.checkout.conn.number for held in self.checkouts.values()}
        return sum(1 for number in self.connections if number not in lent)

    def apply(self, event: Event) -> bool:
        """False where the event says what is known already, or is of something unknown: it was in
        the copy that this began with, or is older than that."""
        kind, at, recorder, what = event
        if kind == CHECKOUT:
            if what.number in self.checkouts:
                return False
            self.checkouts[what.number] = Held(what, False, at, "")
        elif kind == CHECKIN:
            return self.checkouts.pop(what.number, None) is not None
        elif kind == USE:
            checkout, busy, statement = what
            held = self.checkouts.get(checkout.number)
            if held is None:
                return False
            held.busy = busy
            held.changed = at
            held.statement = statement
        elif kind == OPEN:
            if what.number in self.connections:
                return False
            self.connections[what.number] = what
        elif kind == CLOSE:
            return self.connections.pop(what[0].number, None) is not None
        elif kind == WAIT:
            # The number is read here: two threads that wrote theirs might pass each other.
            pending = len(recorder.waiting)
            if pending == self.pending:
                return False
            self.pending = pending
        return True


class Mirror:
    """All pools of a process."""

    def __init__(self, recorders: Iterable[PoolRecorder]) -> None:
        self.pools: Dict[PoolRecorder, PoolMirror] = {}
        self.refresh(recorders)

    def refresh(self, recorders: Iterable[PoolRecorder]) -> None:
        self.pools = {recorder: PoolMirror(recorder) for recorder in recorders}

    def apply(self, event: Event) -> bool:
        pool = self.pools.get(event[2])
        return pool is not None and pool.apply(event)
