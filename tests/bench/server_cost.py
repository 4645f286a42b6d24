#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a poll costs MariaDB and PgBouncer, in their own processor time: Poolscope's, beside what the
field's tools ask for. In turns, in both orders; medians. The sessions are idle.

server_cost.py POOLSCOPE [POLLS [REPEATS]]     needs mariadbd, mariadb, pgbouncer, psql and a PostgreSQL server
"""

import glob
import os
import pwd
import shutil
import socket
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from processor import processor_ms

POOLSCOPE = os.path.abspath(sys.argv[1])
POLLS = int(sys.argv[2]) if len(sys.argv) > 2 else 30
INTERVAL = 0.5
REPEATS = int(sys.argv[3]) if len(sys.argv) > 3 else 4
DONE = "server-cost-done"
PROCESSLIST = "SHOW FULL PROCESSLIST;"
MARIADB_PEERS = {
    "the process list (DBeaver)": PROCESSLIST,
    "list and status (Workbench)": PROCESSLIST + "SHOW GLOBAL STATUS;",
    "a mode of innotop": PROCESSLIST + "SHOW ENGINE INNODB STATUS;SHOW GLOBAL STATUS;"
                         "SHOW GLOBAL VARIABLES;",
}
BOUNCER_PEERS = {
    "pgbouncer_exporter's scrape": "SHOW DATABASES;SHOW STATS_TOTALS;SHOW POOLS;SHOW LISTS;"
                                   "SHOW CONFIG;",
    "its clients by hand": "SHOW POOLS;SHOW CLIENTS;SHOW SERVERS;",
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def spawn(command, **more):
    """As somebody unprivileged, where we are root."""
    drop = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        drop = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            **drop, **more)


def wait_for(port):
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"nothing listens on port {port}")


class Shell:
    """A client that stays, asks the same again and again, and reads what comes."""

    def __init__(self, command, sql, mark):
        self.sql = f"{sql}\n{mark}\n".encode()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        self.ask()

    def ask(self):
        self.process.stdin.write(self.sql)
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.strip() == DONE.encode():
                return
        raise SystemExit("a client ended")

    def poll(self, times):
        for _ in range(times):
            self.ask()
            time.sleep(INTERVAL)

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        return POLLS


class Recorder:
    """Poolscope at the same pace."""

    def __init__(self, url, folder):
        self.file = os.path.join(folder, "r.poolrec")
        self.process = subprocess.Popen(
            [POOLSCOPE, "record", url, "-o", self.file, "--interval", f"{int(INTERVAL * 1000)}ms"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        self.between = (0, 0)

    def poll(self, times):
        began = time.time()
        time.sleep(times * INTERVAL)
        self.between = (int(began * 1e6), int(time.time() * 1e6))

    def end(self):
        """How often it looked: on a busy machine more seldom than it was told to."""
        self.process.terminate()
        self.process.wait()
        if not os.path.exists(self.file):
            return 0
        with sqlite3.connect(self.file) as recording:
            polls = sum(recording.execute(
                f"SELECT count(*) FROM {table} WHERE time BETWEEN ? AND ?",
                self.between).fetchone()[0] for table in ("sample", "pool_sample"))
        os.remove(self.file)
        return polls


def compare(title, pid, makers):
    spent = {name: [] for name in makers}
    for repeat in range(REPEATS):
        for name in (list(makers) if repeat % 2 == 0 else reversed(list(makers))):
            asker = makers[name]()
            if asker:
                time.sleep(2.5)  # the first look is another thing
            before, began = processor_ms(pid), time.monotonic()
            if asker:
                asker.poll(POLLS)
            else:
                time.sleep(POLLS * INTERVAL)
            cost, took = processor_ms(pid) - before, time.monotonic() - began
            polls = asker.end() if asker else 1
            if polls > 0:
                spent[name].append((cost, took, polls))
    idle = statistics.median(cost / took for cost, took, _ in spent.pop("nobody"))
    costs = {name: statistics.median((cost - idle * took) / polls for cost, took, polls in all)
             for name, all in spent.items() if all}
    if "Poolscope" not in costs:
        print(f"{title}: Poolscope did not get to it")
        return
    ours = costs.pop("Poolscope")
    looked = sum(polls for _, _, polls in spent["Poolscope"])
    print(f"{title}: Poolscope {ours:.3f} ms a poll ({looked} polls)")
    for name, theirs in costs.items():
        print(f"  {name:<32} {theirs:8.3f} ms; Poolscope {ours / max(theirs, 1e-6):.2f} of it")
    sys.stdout.flush()


def mariadb(folder):
    data, port = os.path.join(folder, "mariadb"), free_port()
    os.mkdir(data)
    os.chmod(data, 0o777)
    if spawn(["mariadb-install-db", "--no-defaults", f"--datadir={data}/d",
              "--auth-root-authentication-method=normal"], cwd=data).wait() != 0:
        raise SystemExit("mariadb-install-db failed")
    for schema in ("OFF", "ON"):
        server = spawn(["mariadbd", "--no-defaults", f"--datadir={data}/d", f"--socket={data}/s",
                        f"--port={port}", "--bind-address=127.0.0.1", f"--pid-file={data}/pid",
                        f"--performance-schema={schema}", "--max-connections=1000"], cwd=data)
        wait_for(port)
        client = ["mariadb", "--no-defaults", "-uroot", "-h127.0.0.1", f"-P{port}", "--unbuffered",
                  "--skip-column-names"]
        try:
            for count in (10, 100, 500):
                crowd = [subprocess.Popen(client, stdin=subprocess.PIPE) for _ in range(count)]
                time.sleep(3 + count / 50)
                makers = {"nobody": lambda: None,
                          "Poolscope": lambda: Recorder(f"mysql://root@127.0.0.1:{port}", folder)}
                for name, sql in MARIADB_PEERS.items():
                    makers[name] = lambda sql=sql: Shell(client, sql, f"SELECT '{DONE}';")
                compare(f"MariaDB, performance_schema {schema}, {count} sessions", server.pid,
                        makers)
                for each in crowd:
                    each.stdin.close()
                for each in crowd:
                    each.wait()
        finally:
            server.terminate()
            server.wait()


def client_of(port):
    """One that has logged in and does nothing."""
    made = socket.create_connection(("127.0.0.1", port))
    body = struct.pack("!i", 196608) + b"user\0postgres\0database\0postgres\0\0"
    made.sendall(struct.pack("!i", len(body) + 4) + body)
    answer = b""
    while b"Z\0\0\0\x05I" not in answer:
        part = made.recv(4096)
        if not part:
            raise SystemExit("the pooler closed a connection")
        answer += part
    return made


def bouncer(folder):
    place = os.path.join(folder, "pg")
    os.mkdir(place)
    os.chmod(place, 0o777)
    binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
    if spawn([f"{binaries}/initdb", "-D", f"{place}/d", "-U", "postgres", "-A", "trust", "-N"],
             cwd=place).wait() != 0:
        raise SystemExit("initdb failed")
    behind, port = free_port(), free_port()
    server = spawn([f"{binaries}/postgres", "-D", f"{place}/d", "-h", "127.0.0.1", "-p",
                    str(behind), "-k", place], cwd=place)
    wait_for(behind)
    with open(f"{place}/users", "w", encoding="ascii") as file:
        file.write('"postgres" ""\n')
    with open(f"{place}/ini", "w", encoding="ascii") as file:
        file.write(f"[databases]\npostgres = host=127.0.0.1 port={behind} dbname=postgres\n"
                   f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
                   f"unix_socket_dir =\nauth_type = trust\nauth_file = {place}/users\n"
                   "admin_users = postgres\npool_mode = transaction\nmax_client_conn = 3000\n")
    pooler = spawn(["pgbouncer", f"{place}/ini"], cwd=place)
    wait_for(port)
    shell = ["psql", "-X", "-q", f"host=127.0.0.1 port={port} user=postgres dbname=pgbouncer"]
    clients = []
    try:
        for count in (10, 100, 1000):
            clients += [client_of(port) for _ in range(count - len(clients))]
            makers = {"nobody": lambda: None, "Poolscope": lambda: Recorder(
                f"pgbouncer://postgres@127.0.0.1:{port}", folder)}
            for name, sql in BOUNCER_PEERS.items():
                makers[name] = lambda sql=sql: Shell(shell, sql, f"\\echo {DONE}")
            compare(f"PgBouncer, {count} clients", pooler.pid, makers)
    finally:
        for each in clients:
            each.close()
        for each in (pooler, server):
            each.terminate()
            each.wait()


def main():
    folder = tempfile.mkdtemp(prefix="server-cost-")
    os.chmod(folder, 0o777)
    print("load", os.getloadavg())
    try:
        for part in (bouncer, mariadb):
            part(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("load", os.getloadavg())


if __name__ == "__main__":
    main()
