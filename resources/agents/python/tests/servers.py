# SPDX-License-Identifier: Apache-2.0
"""Private servers for the tests: loopback, free ports, temporary folders, never as root."""

from __future__ import annotations

import ctypes
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from typing import Any, Callable, List, Optional


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _account() -> Optional[pwd.struct_passwd]:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "mysql", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    return None


_libc = ctypes.CDLL(None)


def _become(who: Optional[pwd.struct_passwd], at_death: int) -> Callable[[], None]:
    def in_child() -> None:
        if who is not None:
            os.setgroups([])
            os.setgid(who.pw_gid)
            os.setuid(who.pw_uid)
        # The server must not outlive a test that crashed.
        _libc.prctl(1, at_death, 0, 0, 0)

    return in_child


class Server:
    """Started by its subclass; `why` says why it is not there."""

    def __init__(self) -> None:
        self.why = ""
        self.port = free_port()
        # The user that it runs as must reach it, and a socket's path is short.
        self.folder = tempfile.mkdtemp(prefix="psy-", dir="/tmp" if os.path.isdir("/tmp") else None)
        self._who = _account()
        self._process: Optional[subprocess.Popen[bytes]] = None
        if self._who is not None:
            os.chown(self.folder, self._who.pw_uid, self._who.pw_gid)

    def _run(self, *command: str) -> None:
        subprocess.run(
            command,
            check=True,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=_become(self._who, signal.SIGKILL),
        )

    def _launch(self, command: List[str], at_death: int) -> None:
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                preexec_fn=_become(self._who, at_death),
            )

    def _until(self, ready: Callable[[], Any]) -> None:
        assert self._process is not None
        end = time.monotonic() + 30
        while time.monotonic() < end and self._process.poll() is None:
            try:
                ready()
                return
            except Exception as error:
                self.why = str(error)
                time.sleep(0.02)  # between two attempts to connect
        raise RuntimeError(f"the server did not start: {self.why}")

    def stop(self, how: int) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def default_driver() -> str:
    """SQLAlchemy 1.4 knows psycopg 2 alone."""
    import sqlalchemy

    return "psycopg2" if sqlalchemy.__version__.startswith("1.") else "psycopg"


class Postgres(Server):
    @staticmethod
    def binaries() -> str:
        named = [d for d in os.environ.get("POOLSCOPE_PG_BINDIRS", "").split(":") if d]
        found = named or sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)
        return next((d for d in found if os.path.exists(d + "/initdb")), "")

    def start(self) -> None:
        import psycopg

        bin_dir, data = self.binaries(), os.path.join(self.folder, "data")
        options = ("-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C")
        self._run(bin_dir + "/initdb", "-D", data, *options)
        with open(data + "/postgresql.conf", "a", encoding="utf-8") as file:
            file.write(
                f"listen_addresses = '127.0.0.1'\nport = {self.port}\nfsync = off\n"
                f"unix_socket_directories = '{self.folder}'\ndeadlock_timeout = '30s'\n"
            )
        self._launch([bin_dir + "/postgres", "-D", data], signal.SIGQUIT)
        self._until(lambda: psycopg.connect(self.target).close())

    def url(self, driver: str = "") -> str:
        driver = driver or default_driver()
        return f"postgresql+{driver}://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def target(self) -> str:
        return self.url("psycopg").replace("+psycopg", "")


class MariaDb(Server):
    @staticmethod
    def binaries() -> str:
        # Debian keeps servers where an ordinary user's PATH does not look.
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/libexec"])
        server, install = shutil.which("mariadbd", path=path), shutil.which("mariadb-install-db")
        return server if server and install else ""

    def start(self) -> None:
        import pymysql

        data = os.path.join(self.folder, "data")
        self._run(
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        )
        self._launch(
            [
                self.binaries(),
                "--no-defaults",
                f"--datadir={data}",
                f"--socket={self.folder}/s.sock",
                f"--port={self.port}",
                "--bind-address=127.0.0.1",
                f"--pid-file={self.folder}/pid",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-buffer-pool-size=32M",
            ],
            signal.SIGKILL,
        )
        self._until(
            lambda: pymysql.connect(host="127.0.0.1", port=self.port, user="root").close()
        )

    def url(self, driver: str = "pymysql") -> str:
        return f"mysql+{driver}://root@127.0.0.1:{self.port}/mysql"
