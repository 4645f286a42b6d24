# SPDX-License-Identifier: Apache-2.0
"""What is put into one pool: its acquire wrapped, its events listened to."""

from __future__ import annotations

import asyncio
import sys
import weakref
from itertools import count
from threading import get_native_id
from time import monotonic_ns, time
from typing import Any, Callable, Dict, Optional

from . import drivers, process, scope, stacks
from .log import logger
from .recorder import Checkout, Connection, PoolRecorder, Timeout
from .statements import EXECUTES, KEY, Statements, unbound

HOOK = "_poolscope_hook"
#: What stands on a stack between the application and the acquire: the ORM takes some twenty.
_LIBRARY_DEPTH = 24


class Entry:
    """What is known of one entry of the pool; lives in its `record_info`, and dies with it."""

    __slots__ = ("checkout", "conn", "dbapi", "reason", "recorder")

    def __init__(self, recorder: PoolRecorder) -> None:
        self.recorder = recorder
        self.conn: Optional[Connection] = None
        self.checkout: Optional[Checkout] = None
        self.dbapi = 0
        self.reason = ""

    def end(self, reason: str) -> None:
        """The connection does not belong to the pool any more."""
        checkout, self.checkout = self.checkout, None
        conn, self.conn = self.conn, None
        if checkout is not None:
            self.recorder.returned(checkout)
        if conn is not None:
            self.recorder.closed(conn, reason)

    def __del__(self) -> None:
        try:
            self.end("the pool was thrown away")
        except Exception:
            return  # the interpreter ends


class Hook(Statements):
    """One engine's pool, and those that came after it."""

    def __init__(
        self, recorder: PoolRecorder, mode: str, depth: int, asynchronous: bool
    ) -> None:
        self.recorder = recorder
        self.active = True
        self.server_pid: Callable[[Any], Optional[int]] = drivers.server_pid
        self._dialect: Callable[[], Any] = lambda: None
        self._mode = mode
        self._depth = depth + _LIBRARY_DEPTH
        self._asynchronous = asynchronous
        self._samples = count()
        self._near = sys.maxsize
        self._pool: Callable[[], Any] = lambda: None
        self._disposing = False
        self._always = mode == stacks.ALWAYS

    # What the application's threads call. Nothing that goes wrong here reaches them.

    def install(self, pool: Any) -> None:
        """Hooks a pool that the application does not use yet, or uses already."""
        self._pool = weakref.ref(pool)
        largest = limits_of(pool)["max"]
        self._near = max(1, int(largest * stacks.NEAR)) if largest else sys.maxsize
        # Bound to the pool, as what they stand for is: whoever is about to call it keeps the pool,
        # whatever becomes of its engine meanwhile.
        self._put(pool, "connect", self._connect(pool.connect))
        self._put(pool, "recreate", self._recreate(pool.recreate))
        self._put(pool, "dispose", self._dispose(pool.dispose))
        self._put(pool, "_invoke_creator", self._creator(pool._invoke_creator))
        get = self._get(*unbound(pool._pool, "get"), weakref.ref(pool))
        self._put(pool._pool, "get", get)
        setattr(pool, HOOK, self)

    def listen(self, pool: Any) -> None:
        """A pool that is made anew takes the listeners along."""
        from sqlalchemy import event

        event.listen(pool, "connect", self._on_connect)
        event.listen(pool, "checkin", self._on_checkin)
        event.listen(pool, "invalidate", self._on_invalidate)
        event.listen(pool, "close", self._on_close)
        event.listen(pool, "detach", self._on_detach)

    def _put(self, owner: Any, name: str, ours: Callable[..., Any]) -> None:
        setattr(ours, HOOK, (self, owner.__dict__.get(name)))
        setattr(owner, name, ours)

    def _take(self, owner: Any, name: str) -> None:
        """Where somebody wrapped ours since, it stays, and only passes on."""
        hook, before = getattr(owner.__dict__.get(name), HOOK, (None, None))
        if hook is not self:
            return
        if before is None:
            del owner.__dict__[name]
        else:
            setattr(owner, name, before)

    def uninstall(self) -> None:
        from sqlalchemy import event

        self.active = False
        pool, dialect = self._pool(), self._dialect()
        if pool is not None:
            for name in ("connect", "recreate", "dispose", "_invoke_creator"):
                self._take(pool, name)
            self._take(pool._pool, "get")
            if pool.__dict__.get(HOOK) is self:
                del pool.__dict__[HOOK]
        if dialect is not None:
            for name in EXECUTES:
                self._take(dialect, name)
        for target, name, listener in (
            (pool, "connect", self._on_connect),
            (pool, "checkin", self._on_checkin),
            (pool, "invalidate", self._on_invalidate),
            (pool, "close", self._on_close),
            (pool, "detach", self._on_detach),
        ):
            if target is None:
                continue
            try:
                if event.contains(target, name, listener):
                    event.remove(target, name, listener)
            except Exception:
                continue  # a pool that was made anew has copies; they do nothing any more

    def _connect(self, original: Callable[[], Any]) -> Callable[[], Any]:
        def connect() -> Any:
            started = monotonic_ns()
            fairy = original()
            try:
                if self.active:
                    self._lent(fairy, started)
            except Exception:
                self._trouble()
            return fairy

        return connect

    def _lent(self, fairy: Any, started: int) -> None:
        recorder = self.recorder
        if recorder.orphaned:
            process.show(recorder)
        record = fairy._connection_record
        entry = record.record_info.get(KEY)
        if entry is None or entry.conn is None or entry.conn.number not in recorder.connections:
            entry = self._adopt(record)
        taken = monotonic_ns()
        checkout = Checkout(
            entry.conn,
            taken,
            (taken - started) // 1000,
            self._thread(),
            # Not this function, nor the wrapper that called it.
            self._stack(2) if self._always or self._wants_stack() else 0,
            scope.current.get(),
            scope.span(),
        )
        entry.checkout = checkout
        recorder.lent(checkout)

    def _stack(self, above: int, thrown: bool = False) -> int:
        return process.stack_table.capture(
            sys._getframe(above + 1), self._depth, self._asynchronous, thrown
        )

    def _wants_stack(self) -> bool:
        if self._mode == stacks.SAMPLED:
            return next(self._samples) % stacks.SAMPLE_EVERY == 0
        if self._mode == stacks.NEAR_EXHAUSTION:
            return len(self.recorder.checkouts) + 1 >= self._near
        return self._mode == stacks.ALWAYS

    def _thread(self) -> str:
        if self._asynchronous:
            try:
                task = asyncio.current_task()
                if task is not None:
                    return task.get_name()
            except RuntimeError:
                pass  # no loop runs here
        return str(get_native_id())

    def _adopt(self, record: Any) -> Entry:
        """An entry of the pool whose connection was opened before anybody looked."""
        age = max(0.0, time() - record.starttime) if record.starttime else 0.0
        return self._opened(record, monotonic_ns() - int(age * 1e9))

    def _opened(self, record: Any, at: int) -> Entry:
        info = record.record_info
        entry: Optional[Entry] = info.get(KEY)
        if entry is None:
            entry = info[KEY] = Entry(self.recorder)
        elif entry.conn is not None:
            entry.end("detached from the pool")
        driver = getattr(record, "driver_connection", None) or record.dbapi_connection
        entry.dbapi = id(record.dbapi_connection)
        entry.reason = ""
        entry.conn = Connection(self.server_pid(driver), drivers.local_port(driver), at)
        self.recorder.opened(entry.conn)
        return entry

    def adopt_idle(self, pool: Any) -> None:
        """Those that lie in the pool already; the ones that are out are counted alone."""
        try:
            queue = getattr(pool._pool, "queue", None)
            for record in list(queue) if queue is not None else []:
                if record.dbapi_connection is not None:
                    self._adopt(record)
            # What was lent since the hooks are there is known already.
            self.recorder.unknown = max(0, pool.checkedout() - len(self.recorder.checkouts))
        except Exception:
            self._trouble()

    def _get(
        self, original: Callable[..., Any], owner: Callable[[], Any], pool: Callable[[], Any]
    ) -> Callable[..., Any]:
        from sqlalchemy.util.queue import Empty

        def get(block: bool = True, timeout: Optional[float] = None) -> Any:
            if not block or not self.active:
                return original(owner(), block, timeout)
            try:
                return original(owner(), False)  # what is there is taken at once: nobody waits
            except Empty:
                pass
            started = monotonic_ns()
            token = self.recorder.begin_wait()
            try:
                return original(owner(), block, timeout)
            except Empty:
                try:
                    self._timed_out(pool(), started)
                except Exception:
                    self._trouble()
                raise
            finally:
                self.recorder.end_wait(token)

        return get

    def _timed_out(self, pool: Any, started: int) -> None:
        recorder = self.recorder
        reason = (
            f"QueuePool limit of size {pool.size()} overflow {pool.overflow()} reached, "
            f"timeout {pool._timeout:.2f}"
        )
        recorder.timed_out(
            Timeout(
                (monotonic_ns() - started) // 1000,
                self._thread(),
                self._stack(2, True) if self._mode != stacks.OFF else 0,
                scope.current.get(),
                scope.span(),
                reason,
            )
        )

    def _creator(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def create(record: Any) -> Any:
            if not self.active:
                return original(record)
            recorder = self.recorder
            token = recorder.begin_open()
            started = monotonic_ns()
            took: Optional[int] = None
            try:
                connection = original(record)
                took = (monotonic_ns() - started) // 1000
                return connection
            finally:
                recorder.end_open(token, took)

        return create

    def _recreate(self, original: Callable[[], Any]) -> Callable[[], Any]:
        def recreate() -> Any:
            made = original()
            try:
                if self.active:
                    self.install(made)
            except Exception:
                self._trouble()
            return made

        return recreate

    def _dispose(self, original: Callable[[], Any]) -> Callable[[], Any]:
        def dispose() -> Any:
            self._disposing = True
            try:
                return original()
            finally:
                self._disposing = False

        return dispose

    def _on_connect(self, dbapi: Any, record: Any) -> None:
        try:
            if self.active:
                self._opened(record, monotonic_ns())
        except Exception:
            self._trouble()

    def _on_checkin(self, dbapi: Any, record: Any) -> None:
        try:
            entry = record.record_info.get(KEY)
            if entry is None:
                self.recorder.unknown = max(0, self.recorder.unknown - 1)
                return
            checkout = entry.checkout
            if checkout is not None:
                entry.checkout = None
                self.recorder.returned(checkout)
        except Exception:
            self._trouble()

    def _on_invalidate(self, dbapi: Any, record: Any, error: Optional[BaseException]) -> None:
        try:
            entry = record.record_info.get(KEY)
            if entry is not None:
                # What the error says may hold anything; its class is enough.
                entry.reason = f"invalidated: {type(error).__name__}" if error else "invalidated"
        except Exception:
            self._trouble()

    def _on_close(self, dbapi: Any, record: Any) -> None:
        try:
            entry = record.record_info.get(KEY)
            if entry is None or entry.conn is None:
                return
            conn, entry.conn = entry.conn, None
            self.recorder.closed(conn, entry.reason or self._why_closed(record))
        except Exception:
            self._trouble()

    def _why_closed(self, record: Any) -> str:
        pool = self._pool()
        if self._disposing:
            return "the pool was disposed"
        if pool is None:
            return "closed by the pool"
        if pool._recycle > -1 and time() - record.starttime > pool._recycle:
            return f"older than pool_recycle ({pool._recycle} s)"
        if pool.checkedin() >= pool.size() > 0:
            return "over pool_size"
        return "closed by the pool"

    def _on_detach(self, dbapi: Any, record: Any) -> None:
        try:
            entry = record.record_info.get(KEY)
            if entry is not None and entry.dbapi == id(dbapi):
                entry.end("detached from the pool")
        except Exception:
            self._trouble()

    def _trouble(self) -> None:
        logger.once(
            "hook:" + self.recorder.name,
            "The agent could not note what happened in pool %s; it is said once.",
            self.recorder.name,
            exc_info=True,
        )


def limits_of(pool: Any) -> Dict[str, Optional[int]]:
    size = pool.size()
    unlimited = pool._max_overflow == -1
    return {
        "max": None if unlimited else size + pool._max_overflow,
        "idle_max": size or None,
    }
