# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from typing import Any, Callable, Dict, Iterator, List

import pytest
import sqlalchemy
from sqlalchemy.pool import QueuePool

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "src"))

from servers import MariaDb, Postgres  # noqa: E402

import poolscope  # noqa: E402
from poolscope import process  # noqa: E402
from poolscope.log import logger  # noqa: E402

#: In CI nothing that these tests need may be missing.
STRICT = bool(os.environ.get("POOLSCOPE_AGENTS_STRICT"))


def missing(why: str) -> None:
    if STRICT:
        pytest.fail(why)
    pytest.skip(why)


def pytest_report_header() -> str:
    return f"SQLAlchemy {sqlalchemy.__version__}"


@pytest.fixture
def folder() -> Iterator[str]:
    """Short enough for a socket's path."""
    path = tempfile.mkdtemp(prefix="psy-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(autouse=True)
def alone(folder: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test has an agent of its own, or none."""
    for name in ("POOLSCOPE_TOKEN", "POOLSCOPE_STACKS", "RUNTIME_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("POOLSCOPE_LISTEN", folder + "/a.sock")
    process.configure(process.Options())
    logger._said.clear()
    yield
    process.stop()
    process._recorders.clear()


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], List[str]]:
    caplog.set_level(logging.INFO, "poolscope")
    return lambda: [r.getMessage() for r in caplog.records if r.name == "poolscope"]


@pytest.fixture
def make(folder: str) -> Iterator[Callable[..., Any]]:
    """Engines on SQLite in a file, with a real QueuePool."""
    engines: List[Any] = []

    def one(**options: Any) -> Any:
        options = {"poolclass": QueuePool, "pool_size": 2, "max_overflow": 1, **options}
        url = f"sqlite:///{folder}/{len(engines)}.db"
        # The same thread does not have to come back for its connection, as with servers.
        engine = sqlalchemy.create_engine(
            url, connect_args={"check_same_thread": False}, **options
        )
        engines.append(engine)
        return engine

    yield one
    for engine in engines:
        engine.dispose()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    if not Postgres.binaries():
        missing("no PostgreSQL server is installed")
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.stop(signal.SIGQUIT)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDb]:
    if not MariaDb.binaries():
        missing("no MariaDB server is installed")
    server = MariaDb()
    try:
        server.start()
        yield server
    finally:
        server.stop(signal.SIGTERM)


@pytest.fixture
def ask() -> Callable[..., List[Dict[str, Any]]]:
    """Runs poolscope VERB … --json."""
    binary = os.environ.get("POOLSCOPE_BIN", "")
    if not binary or not os.path.exists(binary):
        missing("POOLSCOPE_BIN does not name the poolscope binary")

    def run(verb: str, *arguments: str) -> List[Dict[str, Any]]:
        environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
        done = subprocess.run(
            [binary, verb, "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            timeout=30,
        )
        assert done.returncode == 0, done.stderr.decode()
        found: List[Dict[str, Any]] = json.loads(done.stdout)
        return found

    return run


@pytest.fixture
def watch() -> Callable[..., Any]:
    return poolscope.instrument
