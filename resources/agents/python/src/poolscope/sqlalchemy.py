# SPDX-License-Identifier: Apache-2.0
"""The hooks in SQLAlchemy's QueuePool and AsyncAdaptedQueuePool, 1.4 and 2.x.

The acquire is wrapped on the pool object itself, as no event tells of waiting, of a timeout, or of
how long an acquire took; everything else comes by the pool's events. What `Engine.dispose` makes
anew is hooked as it is made.
"""

from __future__ import annotations

import weakref
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from . import drivers, process, stacks
from .hook import HOOK, Hook, limits_of
from .log import logger
from .protocol import MAX_FRAMES, PoolInfo
from .recorder import PoolRecorder

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


class PoolOptions(NamedTuple):
    """See poolscope.instrument."""

    name: str = ""
    database: str = ""
    server_pid: Optional[Callable[[Any], Optional[int]]] = None
    no_server_pid: bool = False
    statements: bool = True


class Handle:
    """What `instrument` gives. Holds nothing alive."""

    def __init__(self, hook: Optional[Hook]) -> None:
        self._hook: Callable[[], Optional[Hook]] = weakref.ref(hook) if hook else lambda: None

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


def _overflow(pool: Any) -> Dict[str, Optional[int]]:
    """As the pool itself counts: an entry whose connection was invalidated takes its place still. Below
    zero it says how many of pool_size were not needed yet."""
    return {"overflow": max(0, pool.overflow())} if pool.size() else {}


def _target(target: Any) -> Tuple[Any, Any]:
    """(engine or None, pool)"""
    engine = getattr(target, "sync_engine", target)
    pool = getattr(engine, "pool", None)
    return (engine, pool) if pool is not None else (None, engine)


def instrument(target: Any, options: PoolOptions) -> Handle:
    """See poolscope.instrument."""
    try:
        return _instrument(target, options)
    except Exception:
        logger.once("instrument", "The pool cannot be watched.", exc_info=True)
        return Handle(None)


def _instrument(target: Any, options: PoolOptions) -> Handle:
    from sqlalchemy.pool import QueuePool

    engine, pool = _target(target)
    if not isinstance(pool, QueuePool):
        logger.once(
            f"kind:{type(pool).__name__}",
            "%s is not watched: poolscope knows SQLAlchemy's QueuePool and AsyncAdaptedQueuePool.",
            type(pool).__name__,
        )
        return Handle(None)
    known = pool.__dict__.get(HOOK)
    if known is not None and known.active:
        logger.once(
            f"again:{known.recorder.name}",
            "Pool %r is watched already: the second call does nothing.",
            known.recorder.name,
        )
        return Handle(known)
    url = getattr(engine, "url", None)
    found = options.name or pool._orig_logging_name or getattr(url, "database", None) or "pool"
    recorder = PoolRecorder(str(found), process.ring)
    agent = process.options()
    chosen = _mode(agent.stacks)
    depth = max(1, min(agent.stack_depth, MAX_FRAMES))
    hook = Hook(recorder, chosen, depth, bool(pool._is_asyncio))
    hook.server_pid = _asking(options)
    _describe(recorder, hook, engine, chosen, options)
    recorder.symbols = stacks.Symbols(process.stack_table, agent.own, depth)
    hook.install(pool)
    hook.listen(pool)
    hook.adopt_idle(pool)
    if engine is not None and options.statements:
        hook.watch_statements(engine)
    process.show(recorder)
    # The application let its engine go.
    weakref.finalize(hook, process.forget, recorder).atexit = False
    return Handle(hook)


def _asking(options: PoolOptions) -> Callable[[Any], Optional[int]]:
    """What tells a connection's id on the server."""
    if options.no_server_pid:
        return lambda driver: None
    chosen = options.server_pid
    if chosen is None:
        return drivers.server_pid

    def ask(driver: Any) -> Optional[int]:
        try:
            return drivers.as_pid(chosen(driver))
        except Exception:
            logger.once("server_pid", "server_pid failed; it is said once.", exc_info=True)
            return None

    return ask


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
    recorder: PoolRecorder, hook: Hook, engine: Any, mode: str, options: PoolOptions
) -> None:
    kind = _database(engine).partition(":")[0]
    database = options.database or _database(engine)
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
        return {**limits_of(pool), **_overflow(pool)} if pool is not None else {}

    left_out = set()
    if mode == stacks.OFF:
        left_out.add("stacks")
    if engine is None or not options.statements:
        left_out.add("use")
    if options.no_server_pid:
        left_out.add("server_pid")
    recorder.can = tuple(word for word in _CAN if word not in left_out)
    recorder.mysql = kind not in _STANDARD
    recorder.describe = describe
    recorder.limits = limits
