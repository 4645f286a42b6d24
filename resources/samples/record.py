#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records incident.poolrec: a real incident on a private PostgreSQL, with the poolscope just built.

    resources/samples/record.py build/run/app/poolscope OUT.poolrec [MINUTES]

A shop: shop-api, billing and report-worker work on one database. After a minute shop-api begins to
leave transactions open with a row lock; others pile up behind one of them, payments fail in the
middle of a transaction, and the server fills up. Near the end the worst holder is terminated with
`poolscope terminate`, and the pile dissolves.
"""
import json
import os
import pwd
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ORDERS = 400
MAX_CONNECTIONS = 100


def newest_bindir():
    base = "/usr/lib/postgresql"
    versions = sorted(os.listdir(base), key=float, reverse=True)
    return f"{base}/{versions[0]}/bin"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Cluster:
    """A private server in a temporary folder, run by an unprivileged user."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="poolscope-sample-")
        self.port = free_port()
        self.bin = newest_bindir()
        self.as_user = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.as_user = ["runuser", "-u", "postgres", "--"]
        self.run("initdb", "-D", f"{self.folder}/data", "-U", "postgres", "-A", "trust",
                 "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        self.settings = (f"-c port={self.port} -c listen_addresses=127.0.0.1 "
                         f"-c unix_socket_directories={self.folder} -c fsync=off "
                         f"-c max_connections={MAX_CONNECTIONS}")
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-w",
                 "-o", self.settings, "start")

    def run(self, program, *arguments):
        subprocess.run([*self.as_user, f"{self.bin}/{program}", *arguments], check=True,
                       stdout=subprocess.DEVNULL, cwd=self.folder)

    def stop(self):
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)


class Client:
    """One connection of an application: a psql that is told what to do, and never waited for."""

    def __init__(self, cluster, application, user):
        self.application = application
        environment = dict(os.environ, PGAPPNAME=application, PGHOST="127.0.0.1",
                           PGPORT=str(cluster.port), PGUSER=user, PGDATABASE="shop")
        self.process = subprocess.Popen([f"{cluster.bin}/psql", "-qAtX"], stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env=environment, text=True)

    def tell(self, sql):
        try:
            self.process.stdin.write(sql + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the server was full, or the session was terminated

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.kill()
        self.process.wait()


SETUP = f"""
CREATE TABLE orders (id int PRIMARY KEY, state text, total numeric);
CREATE TABLE payment (id bigserial PRIMARY KEY, order_id int NOT NULL, amount numeric CHECK (amount > 0));
INSERT INTO orders SELECT n, 'new', n * 7.5 FROM generate_series(1, {ORDERS}) n;
CREATE ROLE shop LOGIN; CREATE ROLE billing LOGIN; CREATE ROLE report LOGIN;
GRANT ALL ON ALL TABLES IN SCHEMA public TO shop, billing, report;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO shop, billing, report;
"""

LOCK = ("BEGIN; SELECT id, state, total\n  FROM orders\n WHERE id = {order}\n   FOR UPDATE;")
WORK = [
    "SELECT count(*), avg(total) FROM orders WHERE state = 'new';",
    "SELECT id, total FROM orders WHERE total > 1200 ORDER BY total DESC LIMIT 20;",
    "SELECT sum(sqrt(n)) FROM generate_series(1, 300000) n;",
]


def main():
    poolscope, out = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    minutes = float(sys.argv[3]) if len(sys.argv) > 3 else 8.0
    rng = random.Random(2026)
    cluster = Cluster()
    clients = []
    recorder = None
    try:
        base = f"host=127.0.0.1 port={cluster.port} user=postgres dbname="
        psql = [f"{cluster.bin}/psql", "-qX", "-v", "ON_ERROR_STOP=1"]
        subprocess.run([*psql, base + "postgres", "-c", "CREATE DATABASE shop"], check=True)
        subprocess.run([*psql, base + "shop", "-c", SETUP], check=True)
        # By name, so that the recording shows the name of the database and no port of that day.
        services = f"{cluster.folder}/services"
        with open(services, "w", encoding="utf-8") as file:
            file.write(f"[shop-db]\nhost=127.0.0.1\nport={cluster.port}\nuser=postgres\ndbname=shop\n")
        os.chmod(services, 0o644)
        environment = dict(os.environ, PGSERVICEFILE=services)

        def connect(application, user, count):
            made = [Client(cluster, application, user) for _ in range(count)]
            clients.extend(made)
            return made

        shop = connect("shop-api", "shop", 26)
        billing = connect("billing", "billing", 12)
        report = connect("report-worker", "report", 5)
        payments = connect("payments", "shop", 4)
        recorder = subprocess.Popen([poolscope, "record", "service=shop-db", "-o", out, "--for",
                                     f"{int(minutes * 60)}s", "--leak-after", "30s"],
                                    env=environment)
        began = time.monotonic()
        end = minutes * 60
        leaked = 0
        terminated = False
        while recorder.poll() is None:
            now = time.monotonic() - began
            for client in rng.sample(shop[leaked:] + billing + report, 7):
                client.tell(rng.choice(WORK))
            # From the first minute on: one more transaction left open every 12 seconds.
            if now > 60 and leaked < 17 and now > 60 + leaked * 12:
                shop[leaked].tell(LOCK.format(order=1 if leaked == 0 else 100 + leaked))
                leaked += 1
                if leaked % 3 == 0:
                    shop.extend(connect("shop-api", "shop", 2))
            # Behind the first of them others begin to wait.
            if 110 < now < end - 70 and rng.random() < 0.10:
                waiter = rng.choice(billing + report)
                waiter.tell("UPDATE orders SET state = 'paid' WHERE id = 1;")
            if 150 < now < 152 and payments[0].application == "payments":
                for client in payments[:2]:
                    client.tell("BEGIN; INSERT INTO payment (order_id, amount) VALUES (1, -1);")
            if now > 240 and len(clients) < MAX_CONNECTIONS - 8 and rng.random() < 0.5:
                connect("shop-api", "shop", 1)
            if not terminated and now > end - 60:
                terminated = True
                relieve(poolscope, environment)
            time.sleep(1.0)
        if recorder.returncode != 0:
            sys.exit(f"the recorder ended with {recorder.returncode}")
    finally:
        if recorder and recorder.poll() is None:
            recorder.terminate()
            recorder.wait()
        for client in clients:
            client.close()
        cluster.stop()


def relieve(poolscope, environment):
    """What the user would do: end the session that most others wait for."""
    listed = subprocess.run([poolscope, "sessions", "service=shop-db", "--json"], env=environment,
                            capture_output=True, check=True, text=True)
    worst = max(json.loads(listed.stdout), key=lambda s: s["blocks"] or 0)
    subprocess.run([poolscope, "terminate", "service=shop-db", str(worst["pid"]), "--started",
                    worst["started"]], env=environment, check=False)


if __name__ == "__main__":
    main()
