# SPDX-License-Identifier: Apache-2.0
"""What the application says of a scope: tags, who works, how long it will take."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Type

from .protocol import MAX_BY, MAX_TAG_NAME, MAX_TAG_VALUE, MAX_TAGS, cut


class Scope(NamedTuple):
    """Never changed: an inner scope makes a new one."""

    by: str
    tags: Dict[str, str]
    expected_us: Optional[int]


NONE = Scope("", {}, None)
current: ContextVar[Scope] = ContextVar("poolscope", default=NONE)


def _text(value: Any, limit: int) -> str:
    try:
        return cut(str(value), limit)
    except Exception:
        return ""  # what the value's own __str__ raises is not for the application's scope


class _Entered:
    """A context manager that may be entered again, also within itself."""

    __slots__ = ("_by", "_expected_us", "_outer", "_tags")

    def __init__(self, by: str, tags: Dict[str, str], expected_us: Optional[int]) -> None:
        self._by = by
        self._tags = tags
        self._expected_us = expected_us
        self._outer: List[Scope] = []

    def __enter__(self) -> None:
        outer = current.get()
        tags = {**outer.tags, **self._tags} if self._tags else outer.tags
        if len(tags) > MAX_TAGS:
            tags = dict(list(tags.items())[-MAX_TAGS:])  # the innermost count
        expected = self._expected_us if self._expected_us is not None else outer.expected_us
        current.set(Scope(self._by or outer.by, tags, expected))
        self._outer.append(outer)

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if self._outer:
            current.set(self._outer.pop())


def tags(by: str = "", **values: Any) -> _Entered:
    """Says what is going on until the scope is left: ``with tags(route="/cart", request=id):``.

    Every connection that is acquired in the scope carries it. ``by`` says who acquires: a user, a
    handler, a job. Scopes nest; the inner one wins.
    """
    pairs = {_text(k, MAX_TAG_NAME): _text(v, MAX_TAG_VALUE) for k, v in values.items()}
    return _Entered(_text(by, MAX_BY), pairs, None)


def expected(seconds: float) -> _Entered:
    """Connections acquired in the scope will be held that long: no leak until then."""
    try:
        us: Optional[int] = max(0, min(int(seconds * 1e6), 10**15))
    except (TypeError, ValueError, OverflowError):
        us = None
    return _Entered("", {}, us)


def span() -> Optional[Tuple[int, int]]:
    """OpenTelemetry's trace and span id, where the application uses it and a span is active."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    try:
        context = trace.get_current_span().get_span_context()
        return (context.trace_id, context.span_id) if context.is_valid else None
    except Exception:
        return None
