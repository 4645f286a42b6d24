# SPDX-License-Identifier: Apache-2.0
"""Where an agent listens and who may come in: sections 2 and 3 of the protocol."""

from __future__ import annotations

import errno
import ipaddress
import os
import re
import socket
import stat
import struct
import sys
import tempfile
import time
from typing import List, NamedTuple, Optional, Set, Tuple

MAX_SOCKET_PATH = 107
_MAX_NAME = 32
_MOST_AGENTS = 8  # of one process
_KEPT = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


class CannotListen(Exception):
    """Its text is a sentence for the application's log."""


class Place(NamedTuple):
    """A folder for sockets. `exact`: it must be the user's own and have mode 0700."""

    folder: str
    create: bool
    exact: bool


class Endpoint(NamedTuple):
    """`sock` is None where listening is switched off."""

    sock: Optional[socket.socket]
    address: str
    path: str
    needs_token: bool
    group: Optional[int]


def runtime_places() -> List[Place]:
    places: List[Place] = []
    runtime = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    if runtime.startswith("/"):
        places.append(Place(runtime, False, False))
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    if session.startswith("/"):
        places.append(Place(session + "/poolscope", True, False))
    places.append(Place("/run/poolscope", False, False))
    temporary = os.environ.get("TMPDIR", "")
    if not temporary.startswith("/"):
        temporary = tempfile.gettempdir()
    temporary = temporary.rstrip("/") or "/"
    places.append(Place(f"{temporary}/poolscope-{os.geteuid()}", True, True))
    return places


def socket_name(pid: int, application: str, index: int) -> str:
    data = application.encode("utf-8", "replace")[:_MAX_NAME]
    name = "".join(chr(b) if b in _KEPT else "_" for b in data) or "pool"
    return f"{pid}-{name}{f'-{index}' if index > 1 else ''}.sock"


def _usable(place: Place) -> bool:
    try:
        if place.create:
            try:
                os.mkdir(place.folder, 0o700)
            except OSError:
                pass  # what is there is looked at below
        info = os.lstat(place.folder)  # the folder itself, never what a link points to
    except OSError:
        return False
    if not stat.S_ISDIR(info.st_mode):
        return False
    ours = info.st_uid == os.geteuid()
    if place.exact:
        return ours and stat.S_IMODE(info.st_mode) == 0o700
    return (
        (ours or info.st_uid == 0)
        and not info.st_mode & stat.S_IWOTH
        and os.access(place.folder, os.W_OK | os.X_OK)
    )


def _unix_socket() -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.setblocking(False)
    return sock


def _is_stale(path: str) -> bool:
    """True where nobody listens behind a socket of ours any more."""
    try:
        info = os.lstat(path)
        if not stat.S_ISSOCK(info.st_mode) or info.st_uid != os.geteuid():
            return False
        with _unix_socket() as probe:
            probe.connect(path)
    except OSError as error:
        return error.errno == errno.ECONNREFUSED
    return False


def _is_anothers(path: str) -> bool:
    """True where the name tells of a process that lives, and is not this one."""
    found = re.match(r"([0-9]{1,9})-", os.path.basename(path))
    if found is None or os.name != "posix" or int(found[1]) in (0, os.getpid()):
        return False
    try:
        os.kill(int(found[1]), 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # another user's
    return True


def _may_replace(path: str) -> bool:
    if _is_anothers(path) or not _is_stale(path):
        return False
    time.sleep(0.02)  # whoever has bound it a moment ago is about to listen
    return _is_stale(path)


def _bind_unix(sock: socket.socket, path: str) -> None:
    try:
        sock.bind(path)
    except OSError as error:
        if error.errno != errno.EADDRINUSE or not _may_replace(path):
            raise
        os.unlink(path)
        sock.bind(path)


def _listen_unix(path: str, group: Optional[int]) -> Endpoint:
    sock = _unix_socket()
    bound = False
    try:
        _bind_unix(sock, path)
        bound = True
        # Nobody can connect before listen(), so the mode is right before anybody gets in.
        if group is not None:
            os.chown(path, -1, group)
        os.chmod(path, 0o660 if group is not None else 0o600)
        sock.listen(16)
    except OSError as error:
        sock.close()
        if bound:
            remove(path)
        raise CannotListen(f"The agent cannot listen on {path}: {error.strerror}.") from None
    return Endpoint(sock, "pool+unix://" + path, path, False, group)


def _loopback(host: str) -> Optional[str]:
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return None
    return str(address) if address.is_loopback else None


def _listen_tcp(host: str, port: int, has_token: bool) -> Endpoint:
    where = f"{host}:{port}"
    if not has_token:
        raise CannotListen(
            f"The agent cannot listen on {where}: TCP needs a token. "
            "Set POOLSCOPE_TOKEN, or listen on a Unix socket."
        )
    address = _loopback(host)
    if address is None:
        raise CannotListen(
            f"The agent cannot listen on {where}: it is not a loopback address. "
            "Listen on 127.0.0.1 or ::1, and attach from elsewhere with --ssh."
        )
    v6 = ":" in address
    sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(16)
    except OSError as error:
        sock.close()
        raise CannotListen(f"The agent cannot listen on {where}: {error.strerror}.") from None
    shown = f"[{address}]" if v6 else address
    return Endpoint(sock, f"pool://{shown}:{sock.getsockname()[1]}", "", True, None)


def _listen_anywhere(name: str, group: Optional[int]) -> Endpoint:
    tried: List[str] = []
    for place in runtime_places():
        tried.append(place.folder)
        if not _usable(place):
            continue
        for index in range(1, _MOST_AGENTS + 1):
            path = f"{place.folder}/{socket_name(os.getpid(), name, index)}"
            if len(os.fsencode(path)) > MAX_SOCKET_PATH:
                break
            try:
                return _listen_unix(path, group)
            except CannotListen:
                continue
    raise CannotListen(
        f"The agent finds no folder for its socket. It tried: {', '.join(tried)}. "
        "Set POOLSCOPE_LISTEN, or XDG_RUNTIME_DIR."
    )


def _group_id(name: str) -> Optional[int]:
    if not name:
        return None
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise CannotListen(
            f'There is no group "{name}" that the agent\'s socket could belong to.'
        ) from None


def parse_listen(text: str) -> Tuple[str, str, int]:
    """('automatic' | 'off' | 'unix' | 'tcp' | 'invalid', path or host, port)"""
    if not text:
        return "automatic", "", 0
    if text == "off":
        return "off", "", 0
    if text.startswith("unix:"):
        text = text[5:]
    if text.startswith("/"):
        fits = len(os.fsencode(text)) <= MAX_SOCKET_PATH
        return ("unix" if fits else "invalid"), text, 0
    if text.startswith("tcp:"):
        text = text[4:]
    host, colon, port = text.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()) or int(port) > 65_535:
        return "invalid", "", 0
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    return "tcp", host, int(port)


def open_endpoint(listen: str, name: str, group: str, has_token: bool) -> Endpoint:
    """Raises CannotListen."""
    text = listen or os.environ.get("POOLSCOPE_LISTEN", "")
    kind, where, port = parse_listen(text)
    if kind == "off":
        return Endpoint(None, "", "", False, None)
    if kind == "tcp":
        return _listen_tcp(where, port, has_token)
    if kind == "invalid":
        raise CannotListen(
            f'The agent cannot listen on "{text}". Write /path, unix:/path, host:port or off.'
        )
    if not hasattr(socket, "AF_UNIX"):
        raise CannotListen(
            "There are no Unix sockets here. "
            "Set POOLSCOPE_LISTEN to 127.0.0.1:port, and POOLSCOPE_TOKEN."
        )
    group_id = _group_id(group)
    return _listen_unix(where, group_id) if kind == "unix" else _listen_anywhere(name, group_id)


def remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass


class PeerIdentity(NamedTuple):
    pid: int
    uid: int
    allowed: bool


def _groups_of(sock: socket.socket, gid: int) -> Set[int]:
    so_peergroups = 59
    try:
        data = sock.getsockopt(socket.SOL_SOCKET, so_peergroups, 4 * 1024)
    except OSError:
        return {gid}
    return {gid, *struct.unpack(f"{len(data) // 4}I", data)}


def identify_peer(sock: socket.socket, group: Optional[int]) -> PeerIdentity:
    """Who is at the other end of a Unix socket, as the kernel says."""
    gids: Set[int]
    try:
        if hasattr(socket, "SO_PEERCRED"):
            size = struct.calcsize("iII")
            data = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
            pid, uid, gid = struct.unpack("iII", data)
            gids = _groups_of(sock, gid) if group is not None else set()
        elif sys.platform == "darwin" or "bsd" in sys.platform:
            data = sock.getsockopt(0, 1, 76)  # LOCAL_PEERCRED: struct xucred
            uid, count = struct.unpack_from("=Ih", data, 4)
            gids = set(struct.unpack_from(f"={max(0, min(count, 16))}I", data, 12))
            pid = 0
        else:
            return PeerIdentity(0, 0, False)
    except (OSError, struct.error):
        return PeerIdentity(0, 0, False)
    allowed = uid in (os.geteuid(), 0) or (group is not None and group in gids)
    return PeerIdentity(pid, uid, allowed)
