#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What reading a page of metrics costs who serves it and who reads it, in processor time: by curl,
by a scrape of Prometheus, and by Poolscope. The exporter is a Prometheus that does nothing else
(client_golang, some 600 series). In turns, in both orders; medians of a request.

metrics_cost.py POOLSCOPE [REQUESTS]     needs prometheus and curl
"""

import os
import pwd
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from processor import processor_ms

REQUESTS = int(sys.argv[2]) if len(sys.argv) > 2 else 40
POOLSCOPE = os.path.abspath(sys.argv[1])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_prometheus(folder, port, scraped):
    config = os.path.join(folder, f"{port}.yml")
    with open(config, "w", encoding="ascii") as file:
        file.write("global: {scrape_interval: 250ms, scrape_timeout: 250ms}\nscrape_configs:\n")
        if scraped:
            file.write(f"- job_name: x\n  static_configs: [{{targets: ['127.0.0.1:{scraped}']}}]\n")
    os.chmod(config, 0o644)
    nobody = pwd.getpwnam("nobody")
    drop = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []} \
        if os.geteuid() == 0 else {}
    server = subprocess.Popen(
        ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/{port}",
         f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"], **drop)
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=1).read()
            return server
        except OSError:
            time.sleep(0.1)
    raise SystemExit("prometheus did not start")


def served(port):
    page = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
    found = re.search(r'promhttp_metric_handler_requests_total\{code="200"\} (\S+)', page)
    return float(found.group(1)), len(page)


def curl(port):
    before = os.times()
    for _ in range(REQUESTS):
        subprocess.run(["curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{port}/metrics"],
                       check=True)
    after = os.times()
    return (after.children_user + after.children_system - before.children_user
            - before.children_system) * 1000 / REQUESTS


def prometheus(port, folder):
    reader = start_prometheus(folder, free_port(), port)
    time.sleep(2)
    before = processor_ms(reader.pid)
    time.sleep(REQUESTS * 0.25)
    cost = (processor_ms(reader.pid) - before) / REQUESTS
    reader.terminate()
    reader.wait()
    return cost


def poolscope(port, folder):
    file = os.path.join(folder, "r.poolrec")
    reader = subprocess.Popen(
        [POOLSCOPE, "record", f"prometheus+http://127.0.0.1:{port}", "-o", file, "--interval",
         "250ms"], stderr=subprocess.DEVNULL)
    time.sleep(2)
    before = processor_ms(reader.pid)
    time.sleep(REQUESTS * 0.25)
    cost = (processor_ms(reader.pid) - before) / REQUESTS
    reader.terminate()
    reader.wait()
    os.remove(file)
    return cost


def main():
    folder = tempfile.mkdtemp(prefix="metrics-cost-")
    os.chmod(folder, 0o777)
    port = free_port()
    exporter = start_prometheus(folder, port, None)
    results = {}
    try:
        ways = [("curl", lambda: curl(port)), ("prometheus", lambda: prometheus(port, folder)),
                ("poolscope", lambda: poolscope(port, folder)), ("nobody", lambda: time.sleep(5))]
        for turn in range(4):
            for name, way in (ways if turn % 2 == 0 else reversed(ways)):
                asked, size = served(port)
                before = processor_ms(exporter.pid)
                started = time.monotonic()
                own = way() or 0
                spent = processor_ms(exporter.pid) - before
                count = served(port)[0] - asked - 1
                took = time.monotonic() - started
                results.setdefault(name, []).append((spent, own, count, took))
        idle = statistics.median(spent / took for spent, _, _, took in results.pop("nobody"))
        print(f"a page of {size} bytes; the exporter by itself {idle:.2f} ms a second")
        for name, turns in results.items():
            theirs = statistics.median((s - idle * t) / max(c, 1) for s, _, c, t in turns)
            ours = statistics.median(own for _, own, _, _ in turns)
            print(f"{name:<11} exporter {theirs:6.2f} ms a request, reader {ours:6.2f} ms "
                  f"({int(turns[-1][2])} requests)")
    finally:
        exporter.terminate()
        exporter.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
