# SPDX-License-Identifier: Apache-2.0
"""The one agent of this process: made when the first pool is shown, made anew in a forked child."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import weakref
from typing import Any, List, NamedTuple, Optional, Tuple

from .agent import Agent
from .endpoint import CannotListen
from .log import logger
from .recorder import PoolRecorder, Ring
from .stacks import StackTable


class Options(NamedTuple):
    """Empty: what the environment says, else the protocol's defaults."""

    name: str = ""
    listen: str = ""
    token: str = ""
    group: str = ""
    stacks: str = ""
    stack_depth: int = 32
    own: Tuple[str, ...] = ()


ring = Ring()
stack_table = StackTable()

_lock = threading.RLock()
_agent: Optional[Agent] = None
_options = Options()
_recorders: List["weakref.ref[PoolRecorder]"] = []
_registered = False


def program_name() -> str:
    """As people call it: the script's name, or the package's that was run with -m."""
    script = sys.argv[0] if getattr(sys, "argv", None) else ""
    base = os.path.basename(script)
    if base == "__main__.py":
        base = os.path.basename(os.path.dirname(os.path.abspath(script)))
    if base.endswith((".py", ".pyc")):
        base = base.rpartition(".")[0]
    return base if base and not base.startswith("-") else "python"


def configure(options: Options) -> None:
    """For the agent that is made next."""
    global _options
    _options = options


def options() -> Options:
    return _options


def show(pool: PoolRecorder) -> None:
    """Lets inspectors see a pool. Says on the log where it cannot."""
    global _agent
    with _lock:
        _register()
        pool.orphaned = False
        if not any(ref() is pool for ref in _recorders):
            _recorders[:] = [ref for ref in _recorders if ref() is not None]
            _recorders.append(weakref.ref(pool))
        if _agent is None:
            try:
                token = _options.token or os.environ.get("POOLSCOPE_TOKEN", "")
                name = _options.name or program_name()
                _agent = Agent(ring, name, _options.listen, token, _options.group)
            except CannotListen as error:
                logger.once("listen", "%s The pools of this process stay unseen.", error)
                return
            if _agent.address:
                logger.info("Inspectors may attach to %s.", _agent.address)
        _agent.add(pool)


def hide(pool: PoolRecorder) -> None:
    """Ends the agent too when that was the last one."""
    with _lock:
        _recorders[:] = [ref for ref in _recorders if ref() not in (None, pool)]
        if _agent is not None:
            _agent.remove(pool)
            if not _recorders:
                stop()


def forget(pool: PoolRecorder) -> None:
    """As `hide`, from the garbage collector: takes no lock, waits for nobody."""
    _recorders[:] = [ref for ref in _recorders if ref() not in (None, pool)]
    agent = _agent
    if agent is not None:
        agent.remove(pool)


def stop() -> None:
    """Lets all inspectors go. Pools may be shown again."""
    global _agent
    with _lock:
        agent, _agent = _agent, None
        if agent is not None:
            agent.unlink()  # before anybody makes another one
    if agent is not None:
        agent.stop()


def current() -> Optional[Agent]:
    return _agent


def address() -> str:
    """As an inspector writes it; empty where nobody listens."""
    return _agent.address if _agent is not None else ""


def _register() -> None:
    global _registered
    if _registered:
        return
    _registered = True
    atexit.register(stop)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_in_child)


def _in_child() -> None:
    global _agent, _lock
    try:
        _lock = threading.RLock()
        agent, _agent = _agent, None
        ring.die_in_child()
        if agent is not None:
            agent.die_in_child()
        for ref in _recorders:
            pool = ref()
            if pool is not None:
                pool.forget()
        logger.forget("listen")
        _end_with_worker()
    except Exception:
        return  # nothing here may end the child


def _end_with_worker() -> None:
    """Workers of multiprocessing do not run what is registered with atexit."""
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.register_after_fork(ring, _finalize_worker)


def _finalize_worker(_: object) -> None:
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.Finalize(None, stop, exitpriority=1)
