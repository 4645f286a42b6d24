# SPDX-License-Identifier: GPL-3.0-or-later
"""Processor time of another process, for the benchmarks beside this."""

import os


def processor_ms(pid):
    """Of all its threads so far, and of those that have ended."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        first = int(file.read().split()[0])
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
        except FileNotFoundError:
            pass
    return max(first, total) / 1e6
