#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh BUILD-FOLDER: the Java agent's tests, by Maven. What cannot be had is said, and the test skipped
# (77), unless POOLSCOPE_AGENTS_STRICT is set.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
agent=$(cd "$here/../../../resources/agents/java" && pwd)
mkdir -p "$1"
build=$(cd "$1" && pwd)/target

skip()
{
    echo "skipped: $*"
    [ -z "${POOLSCOPE_AGENTS_STRICT:-}" ] || exit 1
    exit 77
}

command -v javac >/dev/null || skip "there is no JDK here"
command -v mvn >/dev/null || skip "there is no Maven here"
version=$(javac -version 2>&1 | sed -nE 's/^javac ([0-9]+).*/\1/p')
[ "${version:-0}" -ge 17 ] || skip "the JDK is older than 17"

unset POOLSCOPE_LISTEN POOLSCOPE_TOKEN POOLSCOPE_STACKS
# Quick to start: these are short lives.
export MAVEN_OPTS="${MAVEN_OPTS:-} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
cd "$agent"
out=$(mktemp)
trap 'rm -f "$out"' EXIT
# Not -q: it also silences how many tests ran.
if ! mvn -B -ntp "-Dpoolscope.target=$build" test >"$out" 2>&1; then
    grep -vE '^\[INFO\]|^\s+at (java\.base|org\.junit)' "$out" || true
    # Where tests began, what failed is theirs, whatever their output speaks of.
    if ! grep -q 'Tests run:' "$out" && grep -qE 'Could not (resolve|transfer|find artifact)|Unknown host|resolution (failed|will not be reattempted)' "$out"; then
        skip "the package repository cannot be reached, or lacks a version"
    fi
    exit 1
fi
grep -E '^\[(INFO|WARNING)\] Tests run:' "$out" | tail -n 1
# Part of it did not run: that is not passed.
skipped=$(sed -nE 's/.*Tests run: .*Skipped: ([0-9]+)$/\1/p' "$out" | tail -n 1)
if [ "${skipped:-0}" != 0 ]; then
    why=$(grep -hoE '<skipped message="[^"]*' "$build"/surefire-reports/*.xml | sed 's/.*message="//' | sort -u | paste -sd ';')
    skip "$skipped tests: $why"
fi
