# SPDX-License-Identifier: Apache-2.0
"""Lines of the agent protocol, version 1: what is written, and what an inspector may ask for."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

VERSION = 1
MAX_LINE = 65_536
MAX_NUMBER = 9_007_199_254_740_991
MAX_ID = 128
MAX_POOL_NAME = 128
MAX_POOLS = 1024
MAX_DATABASE = 512
MAX_CONFIG = 64
MAX_FRAMES = 64
MAX_FUNCTION = 384
MAX_FILE = 384
MAX_TAGS = 16
MAX_TAG_NAME = 64
MAX_TAG_VALUE = 256
MAX_BY = 128
MAX_THREAD = 64
MAX_TRACE_ID = 64
MAX_STATEMENT = 1024
MAX_WHY = 256
MAX_WORD = 64
MAX_HOST = 255

MAX_BYTES_BEFORE_AUTH = 4096
SECONDS_BEFORE_AUTH = 5.0
MAX_PEERS_BEFORE_AUTH = 8
MAX_PEERS = 16

_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def cut(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8, with an ellipsis where something is missing."""
    if text.isascii():
        return text if len(text) <= limit else text[: limit - 3] + "…"
    # Half a surrogate pair is no UTF-8; the other half is lost.
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    data = text.encode()
    if len(data) <= limit:
        return text
    return data[: limit - 3].decode("utf-8", "ignore") + "…"


class Frame(NamedTuple):
    """One line of a stack; what is not known is empty or 0."""

    function: str
    file: str
    line: int
    own: bool


class PoolInfo(NamedTuple):
    """What `hello` says of a pool. Nothing secret stands in it."""

    pool: str
    kind: str
    database: str
    config: Mapping[str, Any]


class Figures(NamedTuple):
    """Durations since the pool was made, in microseconds."""

    count: int  # type: ignore[assignment]  # the protocol's word; nobody counts in here
    total_us: int
    p50_us: int
    p99_us: int


def _line(fields: Dict[str, Any]) -> bytes:
    return (_dump(fields) + "\n").encode()


def _put_text(fields: Dict[str, Any], name: str, value: Optional[str], limit: int) -> None:
    if value:
        fields[name] = cut(value, limit)


def _put(fields: Dict[str, Any], name: str, value: Optional[int]) -> None:
    if value is not None:
        fields[name] = value


def _frames(frames: Iterable[Frame]) -> List[Dict[str, Any]]:
    out: List[Dict[str, Any]] = []
    for frame in list(frames)[:MAX_FRAMES]:
        fields: Dict[str, Any] = {}
        _put_text(fields, "function", frame.function, MAX_FUNCTION)
        _put_text(fields, "file", frame.file, MAX_FILE)
        if frame.line > 0:
            fields["line"] = frame.line
        if frame.own:
            fields["own"] = True
        out.append(fields)
    return out


def _put_tags(fields: Dict[str, Any], tags: Optional[Mapping[str, str]]) -> None:
    if tags:
        pairs = list(tags.items())[:MAX_TAGS]
        fields["tags"] = {cut(k, MAX_TAG_NAME): cut(v, MAX_TAG_VALUE) for k, v in pairs}


def _config_value(value: Any) -> Any:
    if isinstance(value, (bool, int, float)):
        # Beyond what every reader of JSON keeps exactly, and not a number: as text.
        return value if -MAX_NUMBER <= value <= MAX_NUMBER else str(value)
    return cut(str(value), MAX_WHY)


def hello(
    n: int,
    now: int,
    pools: Sequence[PoolInfo],
    can: Sequence[str],
    *,
    agent: str,
    agent_version: str,
    language: str,
    process: str,
    pid: int,
    host: str,
    started: Optional[int] = None,
) -> bytes:
    fields: Dict[str, Any] = {"k": "hello", "n": n, "v": VERSION, "now": now}
    _put_text(fields, "agent", agent, MAX_BY)
    _put_text(fields, "agent_version", agent_version, MAX_WORD)
    _put_text(fields, "language", language, MAX_WORD)
    _put_text(fields, "process", process, MAX_BY)
    fields["pid"] = pid
    _put_text(fields, "host", host, MAX_HOST)
    _put(fields, "started", started)
    fields["can"] = list(can)
    entries: List[Dict[str, Any]] = []
    fields["pools"] = entries
    for info in pools[:MAX_POOLS]:
        entry: Dict[str, Any] = {"pool": cut(info.pool, MAX_POOL_NAME)}
        _put_text(entry, "kind", info.kind, MAX_WORD)
        _put_text(entry, "database", info.database, MAX_DATABASE)
        settings = list(info.config.items())[:MAX_CONFIG]
        entry["config"] = {cut(k, MAX_WHY): _config_value(v) for k, v in settings}
        entries.append(entry)
    line = _line(fields)
    # Settings go first, then pools: a line that is too long is not read at all.
    if len(line) > MAX_LINE:
        for entry in entries:
            entry["config"] = {}
        line = _line(fields)
    while len(line) > MAX_LINE and entries:
        del entries[-max(1, len(entries) // 8) :]
        line = _line(fields)
    return line


def stack(n: int, stack_id: str, frames: Sequence[Frame]) -> bytes:
    fields: Dict[str, Any] = {"k": "stack", "n": n, "id": stack_id, "frames": _frames(frames)}
    line = _line(fields)
    while len(line) > MAX_LINE and fields["frames"]:
        fields["frames"].pop()  # the outermost
        line = _line(fields)
    return line


def open_connection(
    n: int,
    pool: str,
    conn: str,
    t: int,
    server_pid: Optional[int] = None,
    local_port: Optional[int] = None,
) -> bytes:
    fields: Dict[str, Any] = {"k": "open", "n": n, "pool": cut(pool, MAX_POOL_NAME)}
    fields["conn"] = conn
    fields["t"] = t
    _put(fields, "server_pid", server_pid)
    _put(fields, "local_port", local_port)
    return _line(fields)


def close_connection(n: int, pool: str, conn: str, t: int, reason: str = "") -> bytes:
    fields: Dict[str, Any] = {"k": "close", "n": n, "pool": cut(pool, MAX_POOL_NAME)}
    fields["conn"] = conn
    fields["t"] = t
    _put_text(fields, "reason", reason, MAX_WHY)
    return _line(fields)


def wait(n: int, pool: str, t: int, pending: int) -> bytes:
    return _line(
        {"k": "wait", "n": n, "pool": cut(pool, MAX_POOL_NAME), "t": t, "pending": pending}
    )


def checkout(
    n: int,
    pool: str,
    checkout_id: str,
    t: int,
    *,
    conn: str = "",
    wait_us: Optional[int] = None,
    by: str = "",
    thread: str = "",
    stack_id: str = "",
    server_pid: Optional[int] = None,
    local_port: Optional[int] = None,
    tags: Optional[Mapping[str, str]] = None,
    trace_id: str = "",
    expected_us: Optional[int] = None,
    in_picture: bool = False,
    beat: Optional[int] = None,
    busy: Optional[bool] = None,
) -> bytes:
    fields: Dict[str, Any] = {"k": "checkout", "n": n, "pool": cut(pool, MAX_POOL_NAME)}
    fields["id"] = checkout_id
    fields["t"] = t
    _put_text(fields, "conn", conn, MAX_ID)
    _put(fields, "wait_us", wait_us)
    _put_text(fields, "by", by, MAX_BY)
    _put_text(fields, "thread", thread, MAX_THREAD)
    _put_text(fields, "stack", stack_id, MAX_ID)
    _put(fields, "server_pid", server_pid)
    _put(fields, "local_port", local_port)
    _put_tags(fields, tags)
    _put_text(fields, "trace_id", trace_id, MAX_TRACE_ID)
    _put(fields, "expected_us", expected_us)
    if in_picture:
        fields["open"] = True
    _put(fields, "beat", beat)
    if busy is not None:
        fields["busy"] = busy
    return _line(fields)


def use(n: int, pool: str, checkout_id: str, t: int, busy: bool, statement: str = "") -> bytes:
    fields: Dict[str, Any] = {"k": "use", "n": n, "pool": cut(pool, MAX_POOL_NAME)}
    fields["id"] = checkout_id
    fields["t"] = t
    fields["busy"] = busy
    _put_text(fields, "statement", statement, MAX_STATEMENT)
    return _line(fields)


def checkin(n: int, pool: str, checkout_id: str, t: int, conn: str = "") -> bytes:
    fields: Dict[str, Any] = {"k": "checkin", "n": n, "pool": cut(pool, MAX_POOL_NAME)}
    fields["id"] = checkout_id
    fields["t"] = t
    _put_text(fields, "conn", conn, MAX_ID)
    return _line(fields)


def timeout(
    n: int,
    pool: str,
    t: int,
    *,
    wait_us: Optional[int] = None,
    by: str = "",
    thread: str = "",
    stack_id: str = "",
    tags: Optional[Mapping[str, str]] = None,
    trace_id: str = "",
    reason: str = "",
) -> bytes:
    fields: Dict[str, Any] = {"k": "timeout", "n": n, "pool": cut(pool, MAX_POOL_NAME), "t": t}
    _put(fields, "wait_us", wait_us)
    _put_text(fields, "by", by, MAX_BY)
    _put_text(fields, "thread", thread, MAX_THREAD)
    _put_text(fields, "stack", stack_id, MAX_ID)
    _put_tags(fields, tags)
    _put_text(fields, "trace_id", trace_id, MAX_TRACE_ID)
    _put_text(fields, "reason", reason, MAX_WHY)
    return _line(fields)


def stats(n: int, pool: str, t: int, figures: Mapping[str, Any]) -> bytes:
    """`figures`: the fields of the protocol in its order; `max` may be None: no limit."""
    fields: Dict[str, Any] = {"k": "stats", "n": n, "pool": cut(pool, MAX_POOL_NAME), "t": t}
    for name, value in figures.items():
        fields[name] = value._asdict() if isinstance(value, Figures) else value
    return _line(fields)


def lost(n: int, count: int) -> bytes:
    return _line({"k": "lost", "n": n, "count": count})


def ready(n: int) -> bytes:
    return _line({"k": "ready", "n": n})


def pong(n: int, of: int, now: int) -> bytes:
    return _line({"k": "pong", "n": n, "of": of, "now": now})


def result(n: int, of: int, ok: bool, why: str = "") -> bytes:
    fields: Dict[str, Any] = {"k": "result", "n": n, "of": of, "ok": ok}
    _put_text(fields, "why", why, MAX_WHY)
    return _line(fields)


def challenge(nonce: str) -> bytes:
    return _line({"k": "challenge", "n": 0, "v": VERSION, "nonce": nonce})


def mac_of(token: str, nonce: str) -> str:
    key = token.encode("utf-8", "surrogateescape")
    return hmac.new(key, nonce.encode(), hashlib.sha256).hexdigest()


class Command(NamedTuple):
    """A line of an inspector. Texts that it does not have are empty."""

    kind: str
    n: int
    id: str
    pool: str
    mac: str


def _pairs(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    return dict(pairs)  # of a key that occurs twice, the last counts


def _no_constant(word: str) -> Any:
    raise ValueError(word)  # NaN and Infinity are no JSON


_load = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_no_constant).decode


def read_command(line: bytes) -> Optional[Command]:
    """None for a line that cannot be read."""
    if len(line) > MAX_LINE:
        return None
    try:
        fields = _load(line.decode())
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    kind = fields.get("k")
    number = fields.get("n")
    if not isinstance(kind, str) or not kind:
        return None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= MAX_NUMBER:
        return None

    def text(name: str) -> str:
        value = fields.get(name)
        return value if isinstance(value, str) and len(value) <= MAX_ID else ""

    return Command(kind, number, text("id"), text("pool"), text("mac"))
