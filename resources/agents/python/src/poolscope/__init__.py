# SPDX-License-Identifier: Apache-2.0
"""Lets Poolscope see who holds the connections of an SQLAlchemy pool, since when, from which line.

    import poolscope
    poolscope.instrument(engine)

Nothing happens at import. See the README for what each option means, and what it costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Iterable, Optional

from ._version import __version__
from .scope import expected, tags

if TYPE_CHECKING:
    from .sqlalchemy import Handle

__all__ = ["__version__", "expected", "instrument", "start", "tags"]


def instrument(
    target: Any,
    *,
    name: str = "",
    database: str = "",
    server_pid: Optional[Callable[[Any], Optional[int]]] = None,
    no_server_pid: bool = False,
    statements: bool = True,
) -> Handle:
    """Watches the pool of an Engine or AsyncEngine, or a QueuePool. Never raises.

    name           what the pool is called; else the pool's logging name, or the database's name
    database       a URL of scheme, host, port and database, for people to read; else the engine's
    server_pid     gets the driver's connection, gives the server's process or connection id: once
                   a connection, where the agent does not know the driver
    no_server_pid  keeps the agent from asking: behind a pooler the id is another's
    statements     whether it is noted which statement runs
    """
    from .sqlalchemy import PoolOptions
    from .sqlalchemy import instrument as watch

    return watch(target, PoolOptions(name, database, server_pid, no_server_pid, statements))


def start(
    *,
    name: str = "",
    listen: str = "",
    token: str = "",
    group: str = "",
    stacks: str = "",
    stack_depth: int = 32,
    own: Iterable[str] = (),
) -> None:
    """How the agent works that begins with the first `instrument`, which this comes before.

    name         what the process is called
    listen       as POOLSCOPE_LISTEN: "/path", "host:port" of a loopback address, or "off"
    token        as POOLSCOPE_TOKEN, for host:port
    group        an operating system's group whose members may attach to the Unix socket
    stacks       "always", "sampled", "near_exhaustion" or "off"; else what POOLSCOPE_STACKS says
    stack_depth  how many frames of a stack are kept, 1 to 64
    own          packages in site-packages that are the application's own code
    """
    from . import process

    packages = (own,) if isinstance(own, str) else tuple(own)
    process.configure(
        process.Options(name, listen, token, group, stacks, stack_depth, packages)
    )
