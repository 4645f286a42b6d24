# SPDX-License-Identifier: Apache-2.0
"""What was recorded, as lines of the protocol. The agent's thread alone."""

from __future__ import annotations

import re
import time
from functools import lru_cache
from typing import Any, Dict, List, Optional, Tuple

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

_HIGH = "\x80-\U0010ffff"  # to databases these are letters, whatever they are to Python
_NAME = f"[A-Za-z_{_HIGH}][\\w${_HIGH}]*"
#: What begins no text, comment or quoted name; everything else is looked at one by one.
_TOKEN = re.compile(
    rf"""
      (?P<kept>(?:{_NAME}|[\s(),;=<>*|&^~!]+)+|::|:{_NAME}|%\({_NAME}\)s)
    | (?P<parameter>[:$][0-9]{{1,5}}(?![\w$]|[.,]?[0-9]))
    | (?P<number>(?:(?<![\w$.%:@?"'`)\]])[+-])?
        (?:[0-9]|\.[0-9])(?:[\w.]|(?<=[eE])[+-](?=[0-9]))*)
    | (?P<asked>\?[0-9]*)
    """,
    re.VERBOSE,
)
_DOLLARS = re.compile(rf"\$(?:[A-Za-z_{_HIGH}][\w{_HIGH}]*)?\$")
_PREFIX = re.compile(rf"[\w${_HIGH}]*\Z")
#: Subscripts to one database, a name to another: both go on alike behind it.
_BRACKETS = re.compile(
    r"""\[(?:[^]\['"`$/#-]|-(?!-)|/(?![*/])|'[^]'\\]*'(?!')|"[^]"\\]*"(?!"))*(?:\](?!\])|\Z|(?=\[))"""
)
_SPACE = re.compile(r"\s+")


class _Uncertain(Exception):
    """Where this ends depends on the database and how it is set up. Guessing wrong would take
    what is inside texts for what is outside."""


class _Fingerprint:
    """One statement, from left to right."""

    def __init__(self, statement: str, mysql: bool) -> None:
        self._text = statement
        self._mysql = mysql
        self._escaped = False  # an E'…' was there; what continues it has no E
        self._depth = 0  # of brackets
        self._at = 0
        self._out: List[str] = []

    def made(self) -> str:
        text, add = self._text, self._out.append
        try:
            while self._at < len(text):
                found = _TOKEN.match(text, self._at)
                if found is None:
                    self._one(text[self._at])
                    continue
                self._at = found.end()
                if found.lastgroup == "kept":
                    add(found[0])
                elif found.lastgroup == "parameter" and (found[0][0] == "$" or not self._depth):
                    add(found[0])
                elif found.lastgroup == "parameter":
                    add(":?")  # the end of a slice
                else:
                    add("?")
        except _Uncertain:
            add("…")
        return _SPACE.sub(" ", "".join(self._out)).strip()

    def _one(self, sign: str) -> None:
        text, at, mysql = self._text, self._at, self._mysql
        if sign == "'" or (sign == '"' and mysql):
            self._out.append("?")
            self._at = self._end_of_text(sign)
        elif sign == '"':
            self._keep(self._end_of_name('"'))
        elif sign == "`":
            end = self._end_of_name("`")
            # PostgreSQL has operators with it.
            if "\\" in text[at:end] if mysql else re.search(r"[^\w $.]", text[at + 1 : end - 1]):
                raise _Uncertain
            self._keep(end)
        elif sign == "$" and _DOLLARS.match(text, at):
            self._out.append("?")
            self._at = self._end_of_dollars()
        elif text.startswith("--", at) or (sign == "#" and mysql):
            # To MySQL it is a comment with a space behind it, else twice a minus.
            if mysql and sign == "-" and not text[at + 2 : at + 3].isspace() and text[at + 2 :]:
                raise _Uncertain
            self._at = self._end_of_line()
            self._out.append(" ")
        elif text.startswith("/*", at):
            self._at = self._end_of_comment()
            self._out.append(" ")
        elif text.startswith("//", at) and mysql:
            raise _Uncertain  # a comment to some
        elif sign == "[" and not _BRACKETS.match(text, at):
            raise _Uncertain
        else:
            self._depth += (sign == "[") - (sign == "]" and self._depth > 0)
            self._keep(at + 1)

    def _keep(self, end: int) -> None:
        self._out.append(self._text[self._at : end])
        self._at = end

    def _end_of_text(self, quote: str) -> int:
        text, start = self._text, self._at + 1
        found = _PREFIX.search(text, max(0, self._at - 64), self._at)
        prefix = found[0].lower() if found is not None else ""
        if prefix in ("q", "nq") or (self._mysql and text.startswith(quote * 2, start)):
            raise _Uncertain  # Oracle's own quotes; three of them, in BigQuery
        escapes = prefix == "e" and not self._mysql
        self._escaped = self._escaped or escapes
        standard = not (self._mysql or self._escaped or prefix.endswith("e"))
        at = start
        while True:
            end = text.find(quote, at)
            if end < 0:
                return len(text)  # it was cut
            before = text[start:end]
            if (len(before) - len(before.rstrip("\\"))) % 2 and not standard:
                if not escapes:
                    raise _Uncertain
                at = end + 1
            elif text.startswith(quote, end + 1):
                at = end + 2
            else:
                return end + 1

    def _end_of_name(self, quote: str) -> int:
        at = self._at + 1
        while True:
            end = self._text.find(quote, at)
            if end < 0:
                raise _Uncertain
            if not self._text.startswith(quote, end + 1):
                return end + 1
            at = end + 2

    def _end_of_dollars(self) -> int:
        found = _DOLLARS.match(self._text, self._at)
        if self._mysql or found is None:
            raise _Uncertain
        end = self._text.find(found[0], found.end())
        return len(self._text) if end < 0 else end + len(found[0])

    def _end_of_line(self) -> int:
        for at in range(self._at, len(self._text)):
            if self._text[at] == "\n":
                return at
            if self._text[at] == "\r" and self._text[at + 1 : at + 2] != "\n":
                raise _Uncertain  # the end of a line to some
        return len(self._text)

    def _end_of_comment(self) -> int:
        text, start = self._text, self._at + 2
        if self._mysql and text[start : start + 1] in ("!", "M"):
            raise _Uncertain  # it is executed
        end = text.find("*/", start)
        if end < 0:
            return len(text)
        if "/*" in text[start : end + 1]:
            raise _Uncertain  # they nest in some
        return end + 2


@lru_cache(maxsize=1024)
def fingerprint(statement: str, mysql: bool = False) -> str:
    """The statement without its literals and comments, on one line. It ends with "…" where what
    follows cannot be told from a literal."""
    return _Fingerprint(statement, mysql).made()


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
