# SPDX-License-Identifier: Apache-2.0
"""The endpoint in the process: lets inspectors see its pools.

One daemon thread, which sleeps while nobody is attached. It never blocks, slows, fails or keeps
alive the application.
"""

from __future__ import annotations

import errno
import hmac
import os
import secrets
import select
import signal
import socket
import sys
import threading
import time
import weakref
from typing import List, Optional, Tuple

from . import endpoint as endpoints
from . import protocol
from ._version import __version__
from .lines import Lines
from .log import logger
from .mirror import Mirror
from .peer import ADMITTED, CHALLENGED, GONE, LIVE, Peer
from .recorder import CHECKOUT, TIMEOUT, PoolRecorder, Ring

DRAIN_EVERY = 0.01
STATS_EVERY = 1.0
BETWEEN_PICTURES = 0.1
STALL_TIME = 30.0
#: Nobody is let in for that long where the process has no descriptors left.
ACCEPT_PAUSE = 0.5
#: How much may wait for one slow inspector before its events are dropped.
PEER_BYTES = 8 << 20
#: A peer that keeps sending what cannot be read is no inspector.
MOST_BAD_LINES = 1000
#: Events taken out of the ring before the peers have a turn.
MOST_EVENTS = 5_000


class Agent:
    """Raises endpoint.CannotListen where it cannot listen."""

    def __init__(
        self, ring: Ring, name: str, listen: str = "", token: str = "", group: str = ""
    ) -> None:
        self.ring = ring
        self.pid = os.getpid()
        self._token = token
        self._endpoint = endpoints.open_endpoint(listen, name, group, bool(token))
        self._path = self._endpoint.path
        self.address = self._endpoint.address
        self._pools: List[weakref.ref[PoolRecorder]] = []
        self._pools_changed = False
        self._peers: List[Peer] = []
        self._stopping = False
        self._number = 0
        self._lines = Lines()
        self._process = name
        self._mirror = Mirror(())
        self._attached = False
        self._now = time.monotonic()
        self._next_stats = self._now
        self._accept_after = 0.0
        self.accepted = 0
        self.refused = 0
        self.dropped = 0
        self.events = 0
        self.pictures = 0
        self.bad_lines = 0
        self._thread: Optional[threading.Thread] = None
        self._wake_read: Optional[socket.socket] = None
        self._wake_write: Optional[socket.socket] = None
        if self._endpoint.sock is None:
            return
        try:
            self._start()
        except BaseException as error:
            self._stopping = True
            self.unlink()
            self._close_sockets()
            if isinstance(error, (OSError, RuntimeError)):  # no descriptors, no threads left
                raise endpoints.CannotListen(f"The agent cannot start: {error}.") from None
            raise

    def _start(self) -> None:
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="poolscope", daemon=True)
        if not hasattr(signal, "pthread_sigmask"):
            self._thread.start()
        else:
            # Signals are the application's: the thread inherits that none comes to it. It does not
            # see to that itself, as gevent may have made it a part of the thread that called.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            try:
                self._thread.start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self.ring.wake = self.wake

    # Any thread.

    def add(self, pool: PoolRecorder) -> None:
        """Shows a pool from now on, for as long as it lives. Its name gets "-2" and so on behind it
        where another has it."""
        names = {other.name for other in self.pools()}
        base, index = pool.name, 2
        while pool.name in names:
            pool.name = f"{base}-{index}"
            index += 1
        self._pools.append(weakref.ref(pool, self._collected))
        self._pools_changed = True
        self.wake()

    def remove(self, pool: PoolRecorder) -> None:
        self._pools = [ref for ref in self._pools if ref() is not pool]
        self._pools_changed = True
        self.wake()

    def pools(self) -> List[PoolRecorder]:
        return [pool for pool in (ref() for ref in list(self._pools)) if pool is not None]

    def _collected(self, ref: weakref.ref[PoolRecorder]) -> None:
        self._pools_changed = True

    def wake(self) -> None:
        try:
            if self._wake_write is not None:
                self._wake_write.send(b"\0")
        except OSError:
            pass  # full, which wakes as well; or closed

    def unlink(self) -> None:
        """Once, and while this one still listens: afterwards the path may be another agent's."""
        path, self._path = self._path, ""
        if path and self.pid == os.getpid():
            endpoints.remove(path)

    def stop(self, patience: float = 0.5) -> None:
        """Ends the thread and removes the socket."""
        self.unlink()
        self._stopping = True
        self.ring.live = False
        self.wake()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(patience)

    def die_in_child(self) -> None:
        """After a fork: the thread stayed in the parent, and so do socket and peers."""
        self._stopping = True
        for peer in list(self._peers):
            peer.close()
        self._close_sockets()

    def _close_sockets(self) -> None:
        for sock in (self._endpoint.sock, self._wake_read, self._wake_write):
            if sock is not None:
                sock.close()

    # The agent's thread, from here on.

    def _run(self) -> None:
        while not self._stopping:
            try:
                self._step()
            except Exception:
                # Out of memory, or a pool that answers strangely: whoever is attached is let go
                # and may come back.
                if not self._stopping:
                    logger.once("agent", "The agent let its inspectors go.", exc_info=True)
                for peer in self._peers:
                    peer.state = GONE
                time.sleep(0.1)  # if it goes on like that, then at least slowly
        for peer in self._peers:
            peer.close()
        if self.ring.wake == self.wake:  # else it is a later agent's
            self.ring.live = False
        self._close_sockets()

    def _step(self) -> None:
        self._reap()
        self._wait()
        self._now = time.monotonic()
        self._attach_or_detach()
        if self._attached:
            self._drain(MOST_EVENTS)
            if self._pools_changed:
                self._pools_changed = False
                self._mirror.refresh(self.pools())
                for peer in self._peers:
                    peer.picture_due = peer.picture_due or peer.attached
            self._pictures()
            self._stats()
        for peer in self._peers:
            self._tend(peer)

    def _timeout(self) -> Optional[float]:
        if not self._peers:
            left = self._accept_after - time.monotonic()
            return left if left > 0 else None
        return 0.0 if len(self.ring.events) > MOST_EVENTS else DRAIN_EVERY

    @staticmethod
    def _hears(peer: Peer) -> bool:
        """What it asks for is answered after its hello, and where it takes the answers."""
        return peer.state != ADMITTED and peer.waiting <= PEER_BYTES // 2

    def _wait(self) -> None:
        assert self._endpoint.sock is not None and self._wake_read is not None
        accepting = time.monotonic() >= self._accept_after
        readers = [self._wake_read]
        readers += [self._endpoint.sock] if accepting else []
        readers += [peer.sock for peer in self._peers if self._hears(peer)]
        writers = [peer.sock for peer in self._peers if peer.waiting]
        ready = _poll(readers, writers, self._timeout())
        if self._wake_read.fileno() in ready:
            try:
                while self._wake_read.recv(4096):
                    pass
            except OSError:
                pass
        for peer in self._peers:
            if self._hears(peer) and peer.sock.fileno() in ready:
                peer.receive(lambda line, peer=peer: self._read_line(peer, line))  # type: ignore[misc]
        if accepting and self._endpoint.sock.fileno() in ready:
            self._accept()

    def _accept(self) -> None:
        assert self._endpoint.sock is not None
        while True:
            try:
                sock, _ = self._endpoint.sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # Whoever waits to come in still does: asking again at once would go on for ever.
                self._accept_after = time.monotonic() + ACCEPT_PAUSE
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    logger.once("accept", "The process has no descriptors left to be attached to.")
                return
            sock.setblocking(False)
            self._admit(sock)

    def _admit(self, sock: socket.socket) -> None:
        challenged = sum(1 for peer in self._peers if peer.state == CHALLENGED)
        room = (
            len(self._peers) < protocol.MAX_PEERS and challenged < protocol.MAX_PEERS_BEFORE_AUTH
        )
        who, allowed = "A peer", room
        if not self._endpoint.needs_token:
            identity = endpoints.identify_peer(sock, self._endpoint.group)
            who = f"Process {identity.pid} of user {identity.uid}"
            allowed = room and identity.allowed
        else:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not allowed:
            self.refused += 1
            sock.close()
            why = "cannot attach: too many are attached" if not room else "may not attach"
            logger.warning("%s %s.", who, why)
            return
        state = CHALLENGED if self._endpoint.needs_token else ADMITTED
        peer = Peer(sock, state, time.monotonic())
        peer.who = who
        peer.picture_due = state == ADMITTED
        self.accepted += 1
        self._peers.append(peer)
        if state == CHALLENGED:
            peer.nonce = secrets.token_hex(32)
            peer.write(protocol.challenge(peer.nonce))
        else:
            self._say_attached(peer)

    @staticmethod
    def _say_attached(peer: Peer) -> None:
        peer.announced = True
        logger.info("%s attached.", peer.who)

    def _read_line(self, peer: Peer, line: bytes) -> None:
        command = protocol.read_command(line)
        if peer.state == CHALLENGED:
            self._authenticate(peer, command)
        elif command is not None:
            self._obey(peer, command)
        elif line != b"\r":
            peer.bad_lines += 1

    def _authenticate(self, peer: Peer, command: Optional[protocol.Command]) -> None:
        wanted = protocol.mac_of(self._token, peer.nonce)
        peer.nonce = secrets.token_hex(32)  # never used twice
        asked = command is not None and command.kind == "auth"
        if command is not None and asked:
            given = command.mac.encode("utf-8", "replace")
            if hmac.compare_digest(wanted.encode(), given):
                peer.state = ADMITTED
                peer.picture_due = True
                self._say_attached(peer)
                return
            peer.write(protocol.result(0, command.n, False, "wrong token"))
            logger.warning("%s had a wrong token.", peer.who)
        self.refused += 1
        peer.flush(self._now)
        peer.state = GONE

    def _obey(self, peer: Peer, command: protocol.Command) -> None:
        if command.kind == "ping":
            peer.write(protocol.pong(peer.number, command.n, self._lines.now()))
        elif command.kind == "resync":
            peer.picture_due = True
        elif command.kind == "reclaim":
            why = "reclaim is not allowed by this process"
            peer.write(protocol.result(peer.number, command.n, False, why))
        # what a later version may ask for is ignored

    def _attach_or_detach(self) -> None:
        wanted = any(peer.attached for peer in self._peers)
        if wanted == self._attached:
            return
        self._attached = wanted
        if wanted:
            self.ring.clear()
            # First this, then the copy: recorder.py says why.
            self.ring.live = True
            self._pools_changed = False
            self._mirror.refresh(self.pools())
        else:
            self.ring.live = False
            self.ring.clear()
            self._mirror.refresh(())

    def _drain(self, most: int) -> None:
        events = self.ring.events
        dropped = self.ring.take_dropped()
        if dropped:
            # What lies in the ring goes too: its end may be among what was dropped. Then a fresh
            # copy, which what comes from now on fits to.
            for _ in range(len(events)):
                events.popleft()
                dropped += 1
            self._mirror.refresh(self.pools())
            # They have numbers too, in front of what is taken out next.
            self._number += dropped
            self.events += dropped
            self.dropped += dropped
            for peer in self._peers:
                if peer.state == LIVE:
                    peer.lost += dropped
        for _ in range(most):
            try:
                event = events.popleft()
            except IndexError:
                return
            if not self._mirror.apply(event):
                continue
            self._number += 1
            self.events += 1
            pool = event[2]
            self._send_event(self._lines.event(self._number, event, self._mirror.pools[pool]))
            if event[0] in (CHECKOUT, TIMEOUT):
                self._send_stack(pool, event[3].stack)

    def _send_event(self, line: bytes) -> None:
        for peer in self._peers:
            if peer.state == LIVE:
                peer.event(line, self._number, PEER_BYTES)

    def _send_stack(self, pool: PoolRecorder, number: int) -> None:
        if not number or pool.symbols is None:
            return
        for peer in self._peers:
            if peer.state == LIVE and peer.need_stack(number):
                frames = pool.symbols.frames(number)
                peer.write(protocol.stack(peer.number, str(number), frames))

    def _pictures(self) -> None:
        told = False
        for peer in self._peers:
            if not peer.attached or not peer.picture_due or self._now < peer.picture_not_before:
                continue
            if peer.waiting > PEER_BYTES // 2:
                continue  # one that reads slowly has its last picture still to come
            peer.picture_due = False
            peer.picture_not_before = self._now + BETWEEN_PICTURES
            self._picture(peer)
            self.pictures += 1
            told = True
        if told:
            self._tell_statements()

    def _picture(self, peer: Peer) -> None:
        n = self._number
        peer.number = n
        peer.lost = 0  # the picture makes up for it
        peer.known_stacks.clear()
        pools = [(pool, self._mirror.pools[pool]) for pool in self._mirror.pools]
        peer.write(self._hello(n, [pool for pool, _ in pools]))
        for pool, mirror in pools:
            for conn in mirror.connections.values():
                peer.write(self._lines.connection(n, pool, conn))
            for held in mirror.checkouts.values():
                number = peer.need_stack(held.checkout.stack)
                if number and pool.symbols is not None:
                    frames = pool.symbols.frames(number)
                    peer.write(protocol.stack(n, str(number), frames))
                peer.write(self._lines.checkout(n, pool, held.checkout, held))
            if mirror.pending:
                peer.write(protocol.wait(n, pool.name, self._lines.now(), mirror.pending))
            peer.write(self._lines.figures(n, pool, mirror))
        peer.write(protocol.ready(n))
        peer.state = LIVE
        peer.take(lambda line: self._read_line(peer, line))  # what came along with its auth

    def _tell_statements(self) -> None:
        """A picture says who is busy, but not with what: that is told behind it."""
        for pool, mirror in self._mirror.pools.items():
            for held in mirror.checkouts.values():
                if held.statement:
                    self._number += 1
                    self.events += 1
                    self._send_event(self._lines.use(self._number, pool, held))

    def _hello(self, n: int, pools: List[PoolRecorder]) -> bytes:
        can: List[str] = []
        for pool in pools:
            can += [word for word in pool.can if word not in can]
        infos = [pool.describe()._replace(pool=pool.name) for pool in pools]
        return protocol.hello(
            n,
            self._lines.now(),
            infos,
            can,
            agent="poolscope-python",
            agent_version=__version__,
            language="Python " + ".".join(str(part) for part in sys.version_info[:3]),
            process=self._process,
            pid=self.pid,
            host=socket.gethostname(),
            started=process_start(),
        )

    def _stats(self) -> None:
        if self._now < self._next_stats:
            return
        self._next_stats = self._now + STATS_EVERY
        for peer in self._peers:
            if peer.state == LIVE and not peer.picture_due and peer.waiting < PEER_BYTES:
                for pool, mirror in self._mirror.pools.items():
                    peer.write(self._lines.figures(peer.number, pool, mirror))

    def _tend(self, peer: Peer) -> None:
        if peer.state == CHALLENGED and (
            self._now - peer.accepted > protocol.SECONDS_BEFORE_AUTH
            or peer.received > protocol.MAX_BYTES_BEFORE_AUTH
        ):
            self.refused += 1
            peer.state = GONE
            return
        peer.tell_lost(self._number, PEER_BYTES)
        peer.flush(self._now)
        if peer.waiting and self._now - peer.progressed > STALL_TIME:
            peer.state = GONE
        if peer.bad_lines > MOST_BAD_LINES:
            peer.state = GONE

    def _reap(self) -> None:
        gone = [peer for peer in self._peers if peer.state == GONE]
        if not gone:
            return
        self._peers = [peer for peer in self._peers if peer.state != GONE]
        for peer in gone:
            self.bad_lines += peer.bad_lines
            peer.close()
            if peer.announced:
                logger.info("%s is detached.", peer.who)
        if not self._peers:
            self._attach_or_detach()


def _poll(
    readers: List[socket.socket], writers: List[socket.socket], timeout: Optional[float]
) -> "set[int]":
    """The descriptors where something happened."""
    if not hasattr(select, "poll"):
        in_, out, _ = select.select(readers, writers, [], timeout)
        return {sock.fileno() for sock in (*in_, *out)}
    poll = select.poll()
    for sock in readers:
        poll.register(sock, select.POLLIN)
    for sock in writers:
        both = sock in readers
        poll.register(sock, select.POLLIN | select.POLLOUT if both else select.POLLOUT)
    ready: List[Tuple[int, int]] = poll.poll(None if timeout is None else timeout * 1000)
    return {fd for fd, events in ready if events}


def process_start() -> Optional[int]:
    """When the system started this process; None where it does not tell."""
    try:
        with open("/proc/self/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()  # the name may hold anything
        ticks = int(fields[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
        return int((time.time() - age) * 1e6) if age >= 0 else None
    except (OSError, ValueError, IndexError, AttributeError):
        return None
