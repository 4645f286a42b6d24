# SPDX-License-Identifier: Apache-2.0
"""Lets Poolscope see who holds the connections of an SQLAlchemy pool, since when, from which line.

    import poolscope
    poolscope.instrument(engine)

Nothing happens at import. See the README for what each option means, and what it costs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable

from ._version import __version__
from .scope import expected, tags

if TYPE_CHECKING:
    from .sqlalchemy import Handle

__all__ = ["__version__", "expected", "instrument", "listen", "tags"]


def instrument(
    target: Any,
    *,
    name: str = "",
    stacks: str = "",
    stack_depth: int = 32,
    own: Iterable[str] = (),
    statements: bool = True,
) -> Handle:
    """Watches the pool of an Engine or AsyncEngine, or a QueuePool. Never raises.

    name         what the pool is called; else the pool's logging name, or the database's name
    stacks       "always", "sampled", "near_exhaustion" or "off"; else what POOLSCOPE_STACKS says
    stack_depth  how many frames are kept, at most 64
    own          packages in site-packages that are the application's own code
    statements   whether it is noted which statement runs
    """
    from .sqlalchemy import instrument as watch

    return watch(
        target,
        name=name,
        stacks_mode=stacks,
        stack_depth=stack_depth,
        own=own,
        statements=statements,
    )


def listen(*, name: str = "", listen: str = "", token: str = "", group: str = "") -> None:
    """What the environment cannot say, before the first `instrument`.

    name    what the process is called
    listen  as POOLSCOPE_LISTEN: "/path", "host:port" of a loopback address, or "off"
    token   as POOLSCOPE_TOKEN, for host:port
    group   an operating system's group whose members may attach to the Unix socket
    """
    from . import process

    process.configure(process.Options(name, listen, token, group))
