# SPDX-License-Identifier: GPL-3.0-or-later
"""The cycle of SQLAlchemy's QueuePool: see README.md beside compare.py."""

import sys
import threading
import time

from sqlalchemy.pool import QueuePool


class Nothing:
    """A connection that does nothing."""

    def rollback(self):
        pass

    def close(self):
        pass


def at_depth(depth, count, pool):
    if depth > 1:
        at_depth(depth - 1, count, pool)
        return
    for _ in range(count):
        pool.connect().close()


def measure(pool, threads, cycles):
    each = cycles // threads
    ready = threading.Barrier(threads + 1)
    used = []

    def work():
        at_depth(17, each // 10 + 1, pool)
        ready.wait()
        start = time.thread_time_ns()
        at_depth(17, each, pool)
        used.append(time.thread_time_ns() - start)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    ready.wait()
    start = time.perf_counter_ns()
    for worker in workers:
        worker.join()
    wall = time.perf_counter_ns() - start
    count = each * threads
    print(f"result\tSQLAlchemy\t{threads}\t{wall / count:.2f}\t{sum(used) / count:.2f}")


def main():
    cycles = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    pool = QueuePool(Nothing, pool_size=10, max_overflow=0)
    for threads in (1, 2, 8):
        measure(pool, threads, cycles)


main()
