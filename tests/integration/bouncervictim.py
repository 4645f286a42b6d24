# SPDX-License-Identifier: GPL-3.0-or-later
"""A second shop behind the same pooler, whose driver asks the server for its process id, as Go's and
Rust's do, and tells no port of its own: through a pooler the answer is whoever answers.

bouncervictim.py URL, with POOLSCOPE_LISTEN. Says "ready" when it is connected; a line "wait" locks the
row that somebody else has, and so waits; the end of its input ends it.
"""

import os
import sys
import threading

import poolscope
import poolscope.drivers
import sqlalchemy as sa


def ask(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    connection.rollback()
    return pid


poolscope.drivers.server_pid = ask
poolscope.drivers.local_port = lambda connection: None
engine = sa.create_engine(sys.argv[1], pool_size=1)
poolscope.instrument(engine, name="invoices")
connection = engine.connect()
connection.rollback()
print("ready", flush=True)
for line in sys.stdin:
    if line.strip() == "wait":
        statement = sa.text("UPDATE stock SET units = 5 WHERE id = 1")
        threading.Thread(target=connection.execute, args=(statement,), daemon=True).start()
    print("done", flush=True)
os._exit(0)  # the server is still asked
