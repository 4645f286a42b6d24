# SPDX-License-Identifier: GPL-3.0-or-later
"""A shop on any server, that does what goes wrong between pools and servers when it is told to.

shopapp.py URL NAME [--no-pid] [--database TEXT] [--size N], with POOLSCOPE_LISTEN. Says "ready" with its
pool full of idle connections, then obeys lines, each answered by "done"; the end of its input ends it.

lend     lends a connection for good, at a known line
take     the same, with a row's lock
work     goes on lending and returning in the background, more at a time than the pool keeps
timeout  gives up on a slow statement that the server goes on with: its pool drops the connection
beside   opens one past the pool, and keeps it
run      runs a slow statement in the background
"""

import argparse
import os
import select
import sys
import threading
import time

import poolscope
import sqlalchemy as sa

asked = argparse.ArgumentParser()
asked.add_argument("url")
asked.add_argument("name")
asked.add_argument("--no-pid", action="store_true")
asked.add_argument("--database", default="")
asked.add_argument("--size", type=int, default=1)
given = asked.parse_args()

engine = sa.create_engine(given.url, pool_size=given.size, max_overflow=2)
poolscope.start(name=given.name)
poolscope.instrument(
    engine, name=given.name, no_server_pid=given.no_pid, database=given.database
)
# What the server goes on with when its client has gone. MariaDB looks now and then whether a SLEEP
# still has one, and not whether a wait for a row has.
slow = {
    "postgresql": "SELECT pg_sleep(60)",
    "mysql": "SELECT units FROM stock WHERE id = 1 FOR UPDATE",
}[engine.dialect.name]
kept = []


class TooSlow(BaseException):
    """As gevent's Timeout, and other ways to give up."""


def give_up(connection):
    """Waits for psycopg2 as those do that switch threads of their own, and not for long."""
    from psycopg2 import extensions

    ends = time.monotonic() + 0.3
    while (state := connection.poll()) != extensions.POLL_OK:
        reads = [connection] if state == extensions.POLL_READ else []
        writes = [connection] if state == extensions.POLL_WRITE else []
        select.select(reads, writes, [], max(0, ends - time.monotonic()))
        if time.monotonic() >= ends:
            raise TooSlow


def lend():
    with poolscope.tags(route="/order", by="web"):
        kept.append(engine.connect())  # THE LEAK


def take():
    lend()
    kept[-1].execute(sa.text("UPDATE stock SET units = units - 1 WHERE id = 1"))


def timeout():
    if engine.dialect.driver == "psycopg2":
        from psycopg2 import extensions

        extensions.set_wait_callback(give_up)
    try:
        with engine.connect() as connection:
            if engine.dialect.driver == "pymysql":
                connection.connection.driver_connection._read_timeout = 0.3
            connection.execute(sa.text(slow))
    except (TooSlow, sa.exc.OperationalError):
        pass
    if engine.dialect.driver == "psycopg2":
        extensions.set_wait_callback(None)


def beside():
    arguments, words = engine.dialect.create_connect_args(engine.url)
    kept.append(engine.dialect.loaded_dbapi.connect(*arguments, **words))  # past the pool


def run():
    def borrow():
        with engine.connect() as connection:
            connection.execute(sa.text(slow))

    threading.Thread(target=borrow, daemon=True).start()


def work():
    def borrow():
        while True:
            with engine.connect() as connection:
                connection.execute(sa.text("SELECT 1"))
                time.sleep(0.2)
            time.sleep(0.1)

    for _ in range(given.size + 2):
        threading.Thread(target=borrow, daemon=True).start()


for connection in [engine.connect() for _ in range(given.size)]:
    connection.close()
print("ready", flush=True)
for line in sys.stdin:
    globals()[line.strip()]()
    print("done", flush=True)
os._exit(0)  # threads work on
