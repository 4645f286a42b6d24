# SPDX-License-Identifier: GPL-3.0-or-later
"""Default refreshes of pg_activity 3.x, on demand, for bench_poll:
pg_activity_refresh.py "host=… port=… user=… dbname=…"

Prints the pid of its server process and the version; then, for each line with a number, refreshes
so many times and prints "done". Asks the server what the program's own loop asks, by its own
functions; draws nothing.
"""
import sys

try:
    from importlib.metadata import version

    from pgactivity.data import Data
except ImportError as missing:
    sys.exit(f"pg_activity is not installed: {missing}")

given = dict(part.split("=", 1) for part in sys.argv[1].split())
data = Data.pg_connect(
    host=given["host"], port=int(given["port"]), user=given["user"], database=given["dbname"]
)
print(data.pg_conn.info.backend_pid, version("pg_activity"), flush=True)

# As its loop does without options: sizes of databases, temporary files and WAL receivers too.
server = data.pg_get_server_information()
for line in sys.stdin:
    for _ in range(int(line)):
        server = data.pg_get_server_information(prev_server_info=server)
        data.pg_get_activities()
    print("done", flush=True)
