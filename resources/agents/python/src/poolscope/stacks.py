# SPDX-License-Identifier: Apache-2.0
"""Acquire stacks: addresses of code on the hot path, lines and names off it."""

from __future__ import annotations

import asyncio
import dis
import os
import sys
import sysconfig
from inspect import CO_COROUTINE
from itertools import count
from types import CodeType, FrameType
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from .protocol import MAX_FRAMES, Frame

OFF = "off"
SAMPLED = "sampled"
ALWAYS = "always"
NEAR_EXHAUSTION = "near_exhaustion"
MODES = (OFF, SAMPLED, ALWAYS, NEAR_EXHAUSTION)

#: One acquire in that many has its stack taken with `sampled`.
SAMPLE_EVERY = 16
#: `near_exhaustion`: from this share of the largest number on.
NEAR = 0.8

_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
#: The innermost frames of these, and of the standard library among them (contextlib), are left
#: out: the application's stand first. Those between the application's own are kept.
_SKIPPED = ("sqlalchemy", "greenlet")


def mode_of(text: str) -> Optional[str]:
    """None for a word that is no mode."""
    word = text.strip().lower().replace("-", "_").replace(" ", "_")
    return word if word in MODES else None


def _system_folders() -> Tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {os.path.realpath(paths[name]) for name in ("stdlib", "platstdlib") if name in paths}
    folders |= {paths[name] for name in ("stdlib", "platstdlib") if name in paths}
    folders.add(os.path.dirname(os.path.abspath(os.__file__)))
    return tuple(folder + os.sep for folder in folders)


class StackTable:
    """Gives equal stacks one number from 1, for the life of the process. Any thread; no lock.

    Bounded: once `capacity` stacks are known, new ones get 0. Holds code objects, never frames:
    nothing that the application's functions hold is kept alive.
    """

    def __init__(self, capacity: int = 4_096) -> None:
        self._capacity = capacity
        self._numbers: Dict[Tuple[int, ...], int] = {}
        self._places: Dict[int, Tuple[Tuple[CodeType, int], ...]] = {}
        self._next = count(1)

    def capture(
        self,
        frame: Optional[FrameType],
        depth: int,
        asynchronous: bool,
        thrown: bool = False,
    ) -> int:
        """The number of the stack that begins with `frame`. `thrown`: what it awaited raised."""
        key: List[int] = []
        add = key.append
        at = frame
        left = depth
        while at is not None and left:
            add(id(at.f_code))
            add(at.f_lasti)
            at = at.f_back
            left -= 1
        more: List[FrameType] = []
        if asynchronous and left:
            # The frames of the await chain belong to the greenlet that this one was started from.
            more = _parent_frames(left)
            if thrown:
                _add_thrown_through(more)
            for parent in more:
                add(id(parent.f_code))
                add(parent.f_lasti)
        numbers = self._numbers
        found = numbers.get(tuple(key))
        return found if found is not None else self._learn(tuple(key), frame, depth, more)

    def _learn(
        self,
        key: Tuple[int, ...],
        frame: Optional[FrameType],
        depth: int,
        more: Sequence[FrameType],
    ) -> int:
        if len(self._numbers) >= self._capacity or not key:
            return 0
        codes: List[Tuple[CodeType, int]] = []
        at = frame
        while at is not None and len(codes) < depth:
            codes.append((at.f_code, at.f_lasti))
            at = at.f_back
        codes += [(parent.f_code, parent.f_lasti) for parent in more]
        # Another thread may have been here: then its number counts, and this one is never used.
        number = next(self._next)
        self._places[number] = tuple(codes)
        return self._numbers.setdefault(key, number)

    def places(self, number: int) -> Tuple[Tuple[CodeType, int], ...]:
        return self._places.get(number, ())


def _parent_frames(most: int) -> List[FrameType]:
    greenlet = sys.modules.get("greenlet")
    frames: List[FrameType] = []
    if greenlet is None:
        return frames
    parent = greenlet.getcurrent().parent
    while parent is not None and len(frames) < most:
        at = parent.gr_frame
        while at is not None and len(frames) < most:
            frames.append(at)
            at = at.f_back
        parent = parent.parent
    return frames


def _add_thrown_through(frames: List[FrameType]) -> None:
    """While an error is thrown into a coroutine that awaits an object (SQLAlchemy's are such), the
    interpreter leaves that coroutine out of the chain; often it is the application's line."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return
    awaiting: Any = task.get_coro() if task is not None else None
    inside = None
    while awaiting is not None and len(frames) < 2 * MAX_FRAMES:
        frame = getattr(awaiting, "cr_frame", None)
        if frame is not None and frame not in frames:
            place = next(
                (
                    index
                    for index, at in enumerate(frames)
                    if at is inside or not at.f_code.co_flags & CO_COROUTINE
                ),
                len(frames),
            )
            frames.insert(place, frame)
        inside = frame or inside
        awaiting = getattr(awaiting, "cr_await", None)


def _line_of(code: CodeType, instruction: int) -> int:
    if instruction < 0:
        return code.co_firstlineno
    found = code.co_firstlineno
    if hasattr(code, "co_lines"):
        for start, end, line in code.co_lines():
            if start <= instruction < end:
                return line or found
        return found
    for start, line in dis.findlinestarts(code):  # Python 3.9
        if start > instruction:
            break
        found = line
    return found


class Symbols:
    """Turns numbers of a StackTable into frames. The agent's thread alone."""

    def __init__(self, table: StackTable, own: Iterable[str] = (), depth: int = 32) -> None:
        self._table = table
        self._depth = min(depth, MAX_FRAMES)
        self._cwd = os.getcwd() if _has_cwd() else ""
        self._system = _system_folders()
        self._own_names = tuple(own)
        self._kinds: Dict[str, str] = {}
        self._stacks: Dict[int, List[Frame]] = {}

    def frames(self, number: int) -> List[Frame]:
        known = self._stacks.get(number)
        if known is None:
            known = self._resolve(number)
            self._stacks[number] = known
        return known

    def _resolve(self, number: int) -> List[Frame]:
        resolved: List[Tuple[str, Frame]] = []
        for code, instruction in self._table.places(number):
            kind = self._kind(code.co_filename)
            if kind == "agent":
                continue
            name = getattr(code, "co_qualname", code.co_name)
            file = self._absolute(code.co_filename)
            frame = Frame(name, file, _line_of(code, instruction), kind == "own")
            resolved.append((kind, frame))
        first = 0
        while first < len(resolved) and resolved[first][0] in ("pool", "system"):
            first += 1
        if first == len(resolved):
            first = 0
        return [frame for _, frame in resolved[first : first + self._depth]]

    def _absolute(self, file: str) -> str:
        if file.startswith("<") or os.path.isabs(file) or not self._cwd:
            return file
        return os.path.normpath(os.path.join(self._cwd, file))

    def _kind(self, file: str) -> str:
        known = self._kinds.get(file)
        if known is None:
            known = self._kinds[file] = self._classify(file)
        return known

    def _classify(self, file: str) -> str:
        """'agent', 'pool', 'system', 'library', or 'own': the application's."""
        if file.startswith("<"):
            # Typed by a person, or made while the program ran: SQLAlchemy has such functions.
            return "own" if file.startswith(("<stdin>", "<ipython", "<python-input")) else "system"
        path = os.path.abspath(file)
        if path.startswith(_HERE):
            return "agent"
        parts = path.split(os.sep)
        packaged = "site-packages" in parts or "dist-packages" in parts
        for name in _SKIPPED:
            module = sys.modules.get(name)
            source = getattr(module, "__file__", None)
            if source and path.startswith(os.path.dirname(os.path.abspath(source)) + os.sep):
                return "pool"
        if any(name in parts or name + ".py" in parts for name in self._own_names):
            return "own"
        if packaged:
            return "library"
        return "system" if path.startswith(self._system) else "own"


def _has_cwd() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True
