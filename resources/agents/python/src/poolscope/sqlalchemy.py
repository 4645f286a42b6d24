# SPDX-License-Identifier: Apache-2.0
"""The hooks in SQLAlchemy's QueuePool and AsyncAdaptedQueuePool, 1.4 and 2.x.

The acquire is wrapped on the pool object itself, as no event tells of waiting, of a timeout, or of
how long an acquire took; everything else comes by the pool's events. What `Engine.dispose` makes
anew is hooked as it is made.
"""

from __future__ import annotations

import asyncio
import sys
import weakref
from itertools import count
from threading import get_native_id
from time import monotonic_ns, time
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from . import drivers, process, scope, stacks
from .lines import MOST_OF_STATEMENT
from .log import logger
from .protocol import PoolInfo
from .recorder import Checkout, Connection, PoolRecorder, Timeout

_KEY = "poolscope"
_HOOK = "_poolscope_hook"
_EXECUTES = ("do_execute", "do_execute_no_params", "do_executemany")
_CAN = (
    "connections",
    "pending",
    "stacks",
    "by",
    "thread",
    "tags",
    "trace",
    "server_pid",
    "local_port",
    "use",
    "expected",
    "timeouts",
    "stats",
    "wait_time",
    "use_time",
    "create_time",
)
#: What reads texts as the standard does; all others are taken for MySQL, which is the careful way.
_STANDARD = ("postgresql", "cockroachdb", "duckdb", "sqlite", "oracle", "mssql", "db2")
#: What stands on a stack between the application and the acquire: the ORM takes some twenty.
_LIBRARY_DEPTH = 24


class _Entry:
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


class _Hook:
    """One engine's pool, and those that came after it."""

    def __init__(
        self, recorder: PoolRecorder, mode: str, depth: int, asynchronous: bool
    ) -> None:
        self.recorder = recorder
        self.active = True
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
        largest = _limits(pool)["max"]
        self._near = max(1, int(largest * stacks.NEAR)) if largest else sys.maxsize
        # Bound to the pool, as what they stand for is: whoever is about to call it keeps the pool,
        # whatever becomes of its engine meanwhile.
        self._put(pool, "connect", self._connect(pool.connect))
        self._put(pool, "recreate", self._recreate(pool.recreate))
        self._put(pool, "dispose", self._dispose(pool.dispose))
        self._put(pool, "_invoke_creator", self._creator(pool._invoke_creator))
        get = self._get(*_unbound(pool._pool, "get"), weakref.ref(pool))
        self._put(pool._pool, "get", get)
        setattr(pool, _HOOK, self)

    def listen(self, pool: Any) -> None:
        """A pool that is made anew takes the listeners along."""
        from sqlalchemy import event

        event.listen(pool, "connect", self._on_connect)
        event.listen(pool, "checkin", self._on_checkin)
        event.listen(pool, "invalidate", self._on_invalidate)
        event.listen(pool, "close", self._on_close)
        event.listen(pool, "detach", self._on_detach)

    def watch_statements(self, engine: Any) -> None:
        """Wraps what executes in the engine's dialect: the events of an engine take a slower way
        through all of SQLAlchemy."""
        dialect = engine.dialect
        self._dialect = weakref.ref(dialect)
        for name in _EXECUTES:
            self._put(dialect, name, self._execute(*_unbound(dialect, name)))

    def _put(self, owner: Any, name: str, ours: Callable[..., Any]) -> None:
        setattr(ours, _HOOK, (self, owner.__dict__.get(name)))
        setattr(owner, name, ours)

    def _take(self, owner: Any, name: str) -> None:
        """Where somebody wrapped ours since, it stays, and only passes on."""
        hook, before = getattr(owner.__dict__.get(name), _HOOK, (None, None))
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
            if pool.__dict__.get(_HOOK) is self:
                del pool.__dict__[_HOOK]
        if dialect is not None:
            for name in _EXECUTES:
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
        entry = record.record_info.get(_KEY)
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

    def _adopt(self, record: Any) -> _Entry:
        """An entry of the pool whose connection was opened before anybody looked."""
        age = max(0.0, time() - record.starttime) if record.starttime else 0.0
        return self._opened(record, monotonic_ns() - int(age * 1e9))

    def _opened(self, record: Any, at: int) -> _Entry:
        info = record.record_info
        entry: Optional[_Entry] = info.get(_KEY)
        if entry is None:
            entry = info[_KEY] = _Entry(self.recorder)
        elif entry.conn is not None:
            entry.end("detached from the pool")
        driver = getattr(record, "driver_connection", None) or record.dbapi_connection
        entry.dbapi = id(record.dbapi_connection)
        entry.reason = ""
        entry.conn = Connection(drivers.server_pid(driver), drivers.local_port(driver), at)
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
            entry = record.record_info.get(_KEY)
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
            entry = record.record_info.get(_KEY)
            if entry is not None:
                # What the error says may hold anything; its class is enough.
                entry.reason = f"invalidated: {type(error).__name__}" if error else "invalidated"
        except Exception:
            self._trouble()

    def _on_close(self, dbapi: Any, record: Any) -> None:
        try:
            entry = record.record_info.get(_KEY)
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
            entry = record.record_info.get(_KEY)
            if entry is not None and entry.dbapi == id(dbapi):
                entry.end("detached from the pool")
        except Exception:
            self._trouble()

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
        entry = record.record_info.get(_KEY)
        return entry.checkout if entry is not None else None

    def _trouble(self) -> None:
        logger.once(
            "hook:" + self.recorder.name,
            "The agent could not note what happened in pool %s; it is said once.",
            self.recorder.name,
            exc_info=True,
        )


class Handle:
    """What `instrument` gives. Holds nothing alive."""

    def __init__(self, hook: Optional[_Hook]) -> None:
        self._hook: Callable[[], Optional[_Hook]] = weakref.ref(hook) if hook else lambda: None

    @property
    def active(self) -> bool:
        hook = self._hook()
        return hook is not None and hook.active

    @property
    def pool(self) -> str:
        """What the pool is called; empty where it is not watched."""
        hook = self._hook()
        return hook.recorder.name if hook is not None else ""

    @property
    def address(self) -> str:
        """Where an inspector attaches; empty where nobody listens."""
        return process.address()

    def close(self) -> None:
        """Takes the hooks away. With the last one the agent ends."""
        hook = self._hook()
        try:
            if hook is not None and hook.active:
                hook.uninstall()
                process.hide(hook.recorder)
        except Exception:
            logger.once("close", "The agent could not be taken away.", exc_info=True)

    def __enter__(self) -> "Handle":
        return self

    def __exit__(self, *unused: Any) -> None:
        self.close()


def _unbound(owner: Any, name: str) -> Tuple[Callable[..., Any], Callable[[], Any]]:
    """A method as a function and what to call it with: neither keeps `owner` alive."""
    method = getattr(owner, name)
    function = getattr(method, "__func__", None)
    if function is None or getattr(method, "__self__", None) is not owner:
        # Somebody else wrapped it.
        return (lambda _, *arguments, **named: method(*arguments, **named)), (lambda: None)
    return function, weakref.ref(owner)


def _limits(pool: Any) -> Dict[str, Optional[int]]:
    size = pool.size()
    unlimited = pool._max_overflow == -1
    return {
        "max": None if unlimited else size + pool._max_overflow,
        "idle_max": size or None,
    }


def _database(engine: Any) -> str:
    """Scheme, host, port and database; never a user, a password or a parameter."""
    url = getattr(engine, "url", None)
    if url is None:
        return ""
    host = url.host or ""
    if ":" in host:
        host = f"[{host}]"
    port = f":{url.port}" if url.port else ""
    return f"{url.get_backend_name()}://{host}{port}/{url.database or ''}"


def _config(pool: Any) -> Dict[str, Any]:
    """In the names of create_engine."""
    reset = pool._reset_on_return
    return {
        "pool_size": pool.size(),
        "max_overflow": pool._max_overflow,
        "pool_timeout": pool._timeout,
        "pool_recycle": pool._recycle,
        "pool_pre_ping": bool(pool._pre_ping),
        "pool_use_lifo": bool(pool._pool.use_lifo),
        "pool_reset_on_return": getattr(reset, "name", str(reset)).replace("reset_", ""),
    }


def _target(target: Any) -> Tuple[Any, Any]:
    """(engine or None, pool)"""
    engine = getattr(target, "sync_engine", target)
    pool = getattr(engine, "pool", None)
    return (engine, pool) if pool is not None else (None, engine)


def instrument(
    target: Any,
    *,
    name: str = "",
    stacks_mode: str = "",
    stack_depth: int = 32,
    own: Iterable[str] = (),
    statements: bool = True,
) -> Handle:
    """See poolscope.instrument."""
    try:
        return _instrument(target, name, stacks_mode, stack_depth, own, statements)
    except Exception:
        logger.once("instrument", "The pool cannot be watched.", exc_info=True)
        return Handle(None)


def _instrument(
    target: Any, name: str, mode: str, depth: int, own: Iterable[str], statements: bool
) -> Handle:
    from sqlalchemy.pool import QueuePool

    engine, pool = _target(target)
    if not isinstance(pool, QueuePool):
        logger.once(
            f"kind:{type(pool).__name__}",
            "%s is not watched: poolscope knows SQLAlchemy's QueuePool and AsyncAdaptedQueuePool.",
            type(pool).__name__,
        )
        return Handle(None)
    known = pool.__dict__.get(_HOOK)
    if known is not None and known.active:
        logger.once(
            f"again:{known.recorder.name}",
            "Pool %s is watched already: the second call does nothing.",
            known.recorder.name,
        )
        return Handle(known)
    url = getattr(engine, "url", None)
    found = name or pool._orig_logging_name or getattr(url, "database", None) or "pool"
    recorder = PoolRecorder(str(found), process.ring)
    chosen = _mode(mode)
    hook = _Hook(recorder, chosen, max(1, min(depth, 64)), bool(pool._is_asyncio))
    _describe(recorder, hook, engine, chosen, statements)
    recorder.symbols = stacks.Symbols(process.stack_table, tuple(own), depth)
    hook.install(pool)
    hook.listen(pool)
    hook.adopt_idle(pool)
    if engine is not None and statements:
        hook.watch_statements(engine)
    process.show(recorder)
    # The application let its engine go.
    weakref.finalize(hook, process.forget, recorder).atexit = False
    return Handle(hook)


def _mode(wanted: str) -> str:
    import os

    for text in (wanted, os.environ.get("POOLSCOPE_STACKS", "")):
        if not text:
            continue
        mode = stacks.mode_of(text)
        if mode is not None:
            return mode
        logger.once(
            "stacks", 'Stacks are taken always: "%s" is none of %s.', text, ", ".join(stacks.MODES)
        )
    return stacks.ALWAYS


def _describe(
    recorder: PoolRecorder, hook: _Hook, engine: Any, mode: str, statements: bool
) -> None:
    database = _database(engine)
    settings: List[Dict[str, Any]] = [{}]
    hook_ref = weakref.ref(hook)

    def current_pool() -> Any:
        found = hook_ref()
        return found._pool() if found is not None else None

    def describe() -> PoolInfo:
        pool = current_pool()
        if pool is not None:
            settings[0] = _config(pool)
        return PoolInfo(recorder.name, "sqlalchemy", database, settings[0])

    def limits() -> Dict[str, Optional[int]]:
        pool = current_pool()
        return _limits(pool) if pool is not None else {}

    left_out = set()
    if mode == stacks.OFF:
        left_out.add("stacks")
    if engine is None or not statements:
        left_out.add("use")
    recorder.can = tuple(word for word in _CAN if word not in left_out)
    recorder.mysql = database.partition(":")[0] not in _STANDARD
    recorder.describe = describe
    recorder.limits = limits
