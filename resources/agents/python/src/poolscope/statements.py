# SPDX-License-Identifier: Apache-2.0
"""Statements, seen in the engine's dialect; and how a method is wrapped without keeping its owner."""

from __future__ import annotations

import weakref
from typing import Any, Callable, Optional, Tuple

from .lines import MOST_OF_STATEMENT
from .recorder import Checkout, PoolRecorder

KEY = "poolscope"
EXECUTES = ("do_execute", "do_execute_no_params", "do_executemany")


def unbound(owner: Any, name: str) -> Tuple[Callable[..., Any], Callable[[], Any]]:
    """A method as a function and what to call it with: neither keeps `owner` alive."""
    method = getattr(owner, name)
    function = getattr(method, "__func__", None)
    if function is None or getattr(method, "__self__", None) is not owner:
        # Somebody else wrapped it.
        return (lambda _, *arguments, **named: method(*arguments, **named)), (lambda: None)
    return function, weakref.ref(owner)


class Statements:
    """That part of a hook."""

    recorder: PoolRecorder
    active: bool
    _dialect: Callable[[], Any]

    def _put(self, owner: Any, name: str, ours: Callable[..., Any]) -> None:
        raise NotImplementedError

    def _trouble(self) -> None:
        raise NotImplementedError

    def watch_statements(self, engine: Any) -> None:
        """Wraps what executes in the engine's dialect: the events of an engine take a slower way
        through all of SQLAlchemy."""
        dialect = engine.dialect
        self._dialect = weakref.ref(dialect)
        for name in EXECUTES:
            self._put(dialect, name, self._execute(*unbound(dialect, name)))

    def _execute(
        self, original: Callable[..., Any], owner: Callable[[], Any]
    ) -> Callable[..., Any]:
        def execute(cursor: Any, statement: Any, *arguments: Any, **named: Any) -> Any:
            checkout: Optional[Checkout] = None
            try:
                if self.active:
                    context = named.get("context") or (arguments[-1] if arguments else None)
                    checkout = self._begin(context, statement)
            except Exception:
                self._trouble()
            try:
                return original(owner(), cursor, statement, *arguments, **named)
            finally:
                if checkout is not None:
                    self.recorder.used(checkout, False)

        return execute

    def _begin(self, context: Any, statement: Any) -> Optional[Checkout]:
        connection = getattr(context, "root_connection", None)
        if connection is None:
            return None  # the dialect's own, while it gets to know its server
        checkout = self._checkout_of(connection)
        if checkout is not None:
            text = statement if isinstance(statement, str) else str(statement)
            # A huge one is not kept alive for as long as it is the last.
            checkout.statement = text if len(text) <= 8192 else text[:MOST_OF_STATEMENT]
            self.recorder.used(checkout, True)
        return checkout

    @staticmethod
    def _checkout_of(conn: Any) -> Optional[Checkout]:
        # Detached; or the driver's own connection, while SQLAlchemy 1.4 gets to know its server.
        record = getattr(conn.connection, "_connection_record", None)
        if record is None:
            return None
        entry = record.record_info.get(KEY)
        return entry.checkout if entry is not None else None
