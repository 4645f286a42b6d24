# SPDX-License-Identifier: Apache-2.0
"""The agent speaks on the logger "poolscope", and never twice of the same trouble."""

from __future__ import annotations

import logging
from typing import Any, Set

_log = logging.getLogger("poolscope")


class _Log:
    """What a handler of the application's raises is not the pool's trouble."""

    def __init__(self) -> None:
        self._said: Set[str] = set()

    def info(self, text: str, *arguments: Any) -> None:
        self._say(logging.INFO, text, arguments, False)

    def warning(self, text: str, *arguments: Any) -> None:
        self._say(logging.WARNING, text, arguments, False)

    def once(self, key: str, text: str, *arguments: Any, exc_info: bool = False) -> None:
        """A warning, the first time in this process for that key."""
        if key not in self._said:
            self._said.add(key)
            self._say(logging.WARNING, text, arguments, exc_info)

    def forget(self, key: str) -> None:
        self._said.discard(key)

    def _say(self, level: int, text: str, arguments: Any, exc_info: bool) -> None:
        try:
            _log.log(level, text, *arguments, exc_info=exc_info)
        except Exception:
            return


logger = _Log()
