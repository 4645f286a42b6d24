# SPDX-License-Identifier: Apache-2.0
"""Forks, ends, and small applications of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any, Callable, Dict, List

import pytest
import sqlalchemy
from inspector import Inspector

import poolscope

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(poolscope.__file__))


def environment(folder: str, **more: str) -> Dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("POOLSCOPE_")}
    paths = [SOURCE, os.path.dirname(os.path.dirname(sqlalchemy.__file__))]
    # From 3.12 on `os.fork` warns wherever there are threads, and the agent's is one.
    quiet = {"PYTHONWARNINGS": "ignore::DeprecationWarning"}
    found = {"PYTHONPATH": os.pathsep.join(paths), "XDG_RUNTIME_DIR": folder}
    return {**kept, **quiet, **found, **more}


def sockets(folder: str) -> List[str]:
    where = folder + "/poolscope"
    return sorted(os.listdir(where)) if os.path.isdir(where) else []


def until(true: Callable[[], Any], seconds: float = 15.0) -> Any:
    end = time.monotonic() + seconds
    while True:
        found = true()
        if found:
            return found
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)  # between two looks


class App:
    """A Python program that prints a line when it is there, and ends when its input does."""

    def __init__(self, folder: str, code: str, **more: str) -> None:
        path = os.path.join(folder, "shop.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(code)
        self.process = subprocess.Popen(
            [sys.executable, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(folder, **more),
            cwd=folder,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode().strip()

    def end(self) -> str:
        """Its errors."""
        _, errors = self.process.communicate(timeout=15)
        return errors.decode()


START = """
import logging, os, sys
import sqlalchemy, poolscope
from sqlalchemy.pool import QueuePool
engine = sqlalchemy.create_engine("sqlite:///shop.db", poolclass=QueuePool)
handle = poolscope.instrument(engine, name="orders")
"""


def test_the_socket_goes_with_the_process(folder: str) -> None:
    code = "kept = engine.connect()\nprint(handle.address, flush=True)\ninput()\n"
    app = App(folder, START + code)
    assert app.line() == f"pool+unix://{folder}/poolscope/{app.process.pid}-shop.sock"
    assert sockets(folder) == [f"{app.process.pid}-shop.sock"]
    with Inspector(f"pool+unix://{folder}/poolscope/{sockets(folder)[0]}") as inspector:
        assert len(inspector.ready().state.checkouts) == 1
        assert inspector.state.hello["process"] == "shop"
        app.process.stdin.write(b"\n")  # type: ignore[union-attr]
        assert app.end() == "" and app.process.returncode == 0
    assert sockets(folder) == []


def test_it_keeps_nobody_alive(folder: str) -> None:
    """An inspector that is attached and reads nothing."""
    app = App(folder, START + "print(flush=True)\ninput()\nengine.connect()\n")
    app.line()
    with Inspector(f"pool+unix://{folder}/poolscope/{sockets(folder)[0]}"):
        started = time.monotonic()
        app.process.stdin.write(b"\n")  # type: ignore[union-attr]
        assert app.end() == "" and time.monotonic() - started < 10


def test_signals_stay_the_applications(folder: str) -> None:
    code = START + (
        "import signal\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "print(flush=True)\nsignal.pause()\n"
    )
    app = App(folder, code)
    app.line()
    app.process.send_signal(signal.SIGTERM)
    app.end()
    assert app.process.returncode == 7 and sockets(folder) == []


FORK = (
    START
    + """
held = engine.connect()
child = os.fork()
if child == 0:
    engine.dispose(**({} if sqlalchemy.__version__ < "1.4.33" else {"close": False}))
    mine = [engine.connect(), engine.connect()]
    print("child", os.getpid(), flush=True)
    os.read(0, 1)
    os._exit(0)
print("parent", os.getpid(), flush=True)
os.waitpid(child, 0)
held.close()
"""
)


def test_a_forked_child_has_its_own(folder: str) -> None:
    app = App(folder, FORK)
    pids = dict(line.split() for line in (app.line(), app.line()))
    names = until(lambda: len(sockets(folder)) == 2 and sockets(folder))
    assert set(names) == {f"{pid}-shop.sock" for pid in pids.values()}
    for who, out in (("parent", 1), ("child", 2)):
        with Inspector(f"pool+unix://{folder}/poolscope/{pids[who]}-shop.sock") as inspector:
            state = inspector.ready().state
            assert state.hello["pid"] == int(pids[who])
            assert len(state.checkouts) == out and state.stats["orders"]["used"] == out
    app.process.stdin.write(b"x")  # type: ignore[union-attr]
    assert app.end() == ""
    # os._exit leaves a socket behind; whoever comes next in that folder clears it away.
    assert sockets(folder) == [f"{pids['child']}-shop.sock"]


def test_a_forked_child_that_uses_no_pool(folder: str) -> None:
    code = START + (
        "import threading\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    links = [os.path.join('/proc/self/fd', fd) for fd in os.listdir('/proc/self/fd')]\n"
        "    open_ = [os.readlink(link) for link in links if os.path.islink(link)]\n"
        "    sockets = sum(name.startswith('socket:') for name in open_)\n"
        "    print(threading.active_count(), handle.address == '', sockets, flush=True)\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)\nprint(handle.address, flush=True)\ninput()\n"
    )
    app = App(folder, code)
    assert app.line() == "1 True 0"
    with Inspector(app.line()) as inspector:  # the parent's is as it was
        inspector.ready()
    app.process.stdin.write(b"\n")  # type: ignore[union-attr]
    assert app.end() == "" and sockets(folder) == []


WORKERS = (
    START
    + """
import multiprocessing
def work(number):
    with engine.connect():
        return handle.address
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(*set(pool.map(work, range(8), 1)), handle.address, flush=True)
        pool.close()
        pool.join()
"""
)


def test_workers_of_multiprocessing(folder: str) -> None:
    app = App(folder, WORKERS)
    *workers, parent = app.line().split()
    # Each has its own; one may have done all the work.
    assert 1 <= len(workers) <= 2 and parent not in workers
    assert all(one.startswith("pool+unix://") for one in workers)
    assert app.end() == "" and sockets(folder) == []


def readme() -> str:
    with open(os.path.join(HERE, "..", "README.md"), encoding="utf-8") as file:
        return file.read()


SYNC = """import sys, sqlalchemy
engine = sqlalchemy.create_engine({url!r})
{lines}
def price_cart():
    connection = engine.connect()
    return connection
cart = price_cart()
print(flush=True)
input()
"""
ASYNC = """import asyncio, sqlalchemy.ext.asyncio
engine = sqlalchemy.ext.asyncio.create_async_engine({url!r})
{lines}
async def price_cart():
    connection = await engine.connect()
    return connection
async def main():
    cart = await price_cart()
    print(flush=True)
    await asyncio.get_running_loop().run_in_executor(None, input)
    await cart.close()
    await engine.dispose()
asyncio.run(main())
"""


def named_by_the_window(app: App, folder: str, place: str) -> None:
    """Poolscope's window, attached by its dialog as a user does."""
    window = os.environ.get("POOLSCOPE_WINDOW", "")
    if not window:
        return  # a build without a window
    shown = subprocess.run(
        [window, str(app.process.pid), place],
        env=environment(folder, QT_QPA_PLATFORM="offscreen"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=180,
        check=False,
    )
    assert shown.returncode == 0, shown.stdout.decode(errors="replace")


@pytest.mark.parametrize("stack, code", [("sqlalchemy", SYNC), ("sqlalchemy-async", ASYNC)])
def test_the_lines_to_paste(stack: str, code: str, folder: str, postgres: Any, ask: Any) -> None:
    """Pasted into a small application, which is then found and asked."""
    with open(os.path.join(HERE, "..", "lines", stack + ".txt"), encoding="utf-8") as file:
        lines = file.read()
    assert lines.replace("@POOL@", "orders") in readme()
    url = postgres.url() if stack == "sqlalchemy" else postgres.url("asyncpg")
    code = code.format(url=url, lines=lines.replace("@POOL@", "carts"))
    line = code[: code.index("engine.connect()")].count("\n") + 1
    app = App(folder, code)
    app.line()
    (name,) = sockets(folder)  # where discovery looks
    leaks = until(
        lambda: ask("leaks", "--leak-after", "50ms", f"pool+unix://{folder}/poolscope/{name}")
    )
    assert leaks[0]["pool"] == "carts"
    frame = next(frame for frame in leaks[0]["stack"] if frame["own"])
    assert (frame["file"], frame["line"], frame["function"]) == (
        os.path.join(folder, "shop.py"),
        line,
        "price_cart",
    )
    named_by_the_window(app, folder, f"shop.py:{line}")
    app.process.stdin.write(b"\n")  # type: ignore[union-attr]
    assert app.end() == ""


def test_it_can_be_installed(folder: str) -> None:
    pytest.importorskip("hatchling")
    agent = os.path.join(HERE, "..")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=agent, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    (wheel,) = [name for name in os.listdir(folder) if name.endswith(".whl")]
    assert wheel == f"poolscope-{poolscope.__version__}-py3-none-any.whl"
    code = "import poolscope, poolscope.sqlalchemy as s; print(poolscope.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment(folder), "PYTHONPATH": f"{folder}/{wheel}"},
        check=True,
        stdout=subprocess.PIPE,
    )
    assert wheel in found.stdout.decode()


