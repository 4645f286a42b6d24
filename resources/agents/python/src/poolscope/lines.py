# SPDX-License-Identifier: Apache-2.0
"""What was recorded, as lines of the protocol. The agent's thread alone."""

from __future__ import annotations

import re
import time
from functools import lru_cache
from typing import Any, Dict, Optional, Tuple

from . import protocol
from .mirror import Held, PoolMirror
from .recorder import (
    CHECKIN,
    CHECKOUT,
    CLOSE,
    OPEN,
    TIMEOUT,
    USE,
    WAIT,
    Checkout,
    Connection,
    Event,
    PoolRecorder,
)
from .scope import Scope

#: What is looked at of a statement; the protocol takes less still.
MOST_OF_STATEMENT = 4 * protocol.MAX_STATEMENT

_LITERAL = re.compile(
    r"""
      '(?:[^'\\]|''|\\.)*(?:'|\Z)            # a text; one that was cut ends with the statement
    | \$(\w*)\$.*?(?:\$\1\$|\Z)              # PostgreSQL's other texts
    | (?<![\w$.%:@"`])[+-]?\d[\w.]*          # numbers, but not in names and parameters
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(r'"(?:[^"\\]|""|\\.)*(?:"|\Z)', re.DOTALL)  # a text for MySQL
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|--[^\n]*", re.DOTALL)
_SPACE = re.compile(r"\s+")


@lru_cache(maxsize=1024)
def fingerprint(statement: str, mysql: bool = False) -> str:
    """The statement without its literals, on one line."""
    text = _LITERAL.sub("?", statement)
    if mysql:
        text = _QUOTED.sub("?", text)
    return _SPACE.sub(" ", _COMMENT.sub(" ", text)).strip()


class Lines:
    """Knows the protocol's clock."""

    def __init__(self) -> None:
        self._shift = time.time_ns() - time.monotonic_ns()

    def now(self) -> int:
        return self.time(time.monotonic_ns())

    def time(self, monotonic: int) -> int:
        return (monotonic + self._shift) // 1000

    def connection(self, n: int, pool: PoolRecorder, conn: Connection) -> bytes:
        return protocol.open_connection(
            n, pool.name, str(conn.number), self.time(conn.opened), conn.server_pid, conn.local_port
        )

    def checkout(
        self, n: int, pool: PoolRecorder, checkout: Checkout, held: Optional[Held] = None
    ) -> bytes:
        tags, trace_id = _tags_and_trace(checkout.scope, checkout.span)
        conn = checkout.conn
        return protocol.checkout(
            n,
            pool.name,
            str(checkout.number),
            self.time(checkout.taken),
            conn=str(conn.number),
            wait_us=checkout.wait_us,
            by=checkout.scope.by,
            thread=checkout.thread,
            stack_id=str(checkout.stack) if checkout.stack else "",
            server_pid=conn.server_pid,
            local_port=conn.local_port,
            tags=tags,
            trace_id=trace_id,
            expected_us=checkout.scope.expected_us,
            in_picture=held is not None,
            busy=held.busy if held is not None and "use" in pool.can else None,
        )

    def use(self, n: int, pool: PoolRecorder, held: Held) -> bytes:
        return protocol.use(
            n,
            pool.name,
            str(held.checkout.number),
            self.time(held.changed),
            held.busy,
            self._statement(pool, held.statement),
        )

    def _statement(self, pool: PoolRecorder, statement: str) -> str:
        return fingerprint(statement[:MOST_OF_STATEMENT], pool.mysql) if statement else ""

    def event(self, n: int, event: Event, mirror: PoolMirror) -> bytes:
        kind, at, pool, what = event
        t = self.time(at)
        if kind == CHECKOUT:
            return self.checkout(n, pool, what)
        if kind == CHECKIN:
            return protocol.checkin(n, pool.name, str(what.number), t, str(what.conn.number))
        if kind == USE:
            checkout, busy, statement = what
            text = self._statement(pool, statement) if busy else ""
            return protocol.use(n, pool.name, str(checkout.number), t, busy, text)
        if kind == OPEN:
            return self.connection(n, pool, what)
        if kind == CLOSE:
            conn, reason = what
            return protocol.close_connection(n, pool.name, str(conn.number), t, reason)
        if kind == WAIT:
            return protocol.wait(n, pool.name, t, mirror.pending)
        assert kind == TIMEOUT
        tags, trace_id = _tags_and_trace(what.scope, what.span)
        return protocol.timeout(
            n,
            pool.name,
            t,
            wait_us=what.wait_us,
            by=what.scope.by,
            thread=what.thread,
            stack_id=str(what.stack) if what.stack else "",
            tags=tags,
            trace_id=trace_id,
            reason=what.reason,
        )

    def figures(self, n: int, pool: PoolRecorder, mirror: PoolMirror) -> bytes:
        figures = pool.figures()
        # What stands in the events up to n, also where the application is ahead of them.
        used = len(mirror.checkouts) + pool.unknown
        idle = mirror.idle()
        figures.update(used=used, idle=idle, total=used + idle + figures["opening"])
        figures["pending"] = mirror.pending
        return protocol.stats(n, pool.name, self.now(), figures)


def _tags_and_trace(
    scope: Scope, span: Optional[Tuple[int, int]]
) -> Tuple[Dict[str, Any], str]:
    if span is None:
        return scope.tags, ""
    tags = dict(list(scope.tags.items())[: protocol.MAX_TAGS - 1])
    tags.setdefault("span_id", f"{span[1]:016x}")
    return tags, f"{span[0]:032x}"
