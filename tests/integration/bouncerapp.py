# SPDX-License-Identifier: GPL-3.0-or-later
"""A shop that leaks: an order that is never finished holds a connection and a row's lock.

bouncerapp.py URL, with POOLSCOPE_LISTEN. Says "ready"; a line "rollback" ends the transaction but
keeps the connection, "begin" locks the row again; the end of its input ends it.
"""

import sys

import poolscope
import sqlalchemy as sa

engine = sa.create_engine(sys.argv[1], pool_size=3)
poolscope.instrument(engine, name="orders")


def reserve(connection):
    connection.execute(sa.text("UPDATE stock SET units = units - 1 WHERE id = 1"))


def order():
    with poolscope.tags(route="/order", by="web"):
        connection = engine.connect()  # THE LEAK
        reserve(connection)
        return connection


forgotten = order()
print("ready", flush=True)
for line in sys.stdin:
    if line.strip() == "rollback":
        forgotten.rollback()
    elif line.strip() == "begin":
        reserve(forgotten)
    print("done", flush=True)
