#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh unit|integration: the Go agent's tests. What cannot be had is said, and the test skipped (77),
# unless POOLSCOPE_AGENTS_STRICT is set.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
agent=$(cd "$here/../../../resources/agents/go" && pwd)

skip()
{
    echo "skipped: $*"
    [ -z "${POOLSCOPE_AGENTS_STRICT:-}" ] || exit 1
    exit 77
}

go=${POOLSCOPE_GO:-$(command -v go || ls -d /usr/lib/go-*/bin/go /usr/local/go/bin/go 2>/dev/null | tail -n 1)}
[ -n "$go" ] || skip "there is no Go here"
PATH=$(dirname "$go"):$PATH
version=$(go env GOVERSION)
case $version in
go1.[0-9] | go1.[0-9].* | go1.1[0-8] | go1.1[0-8].*) skip "$version is older than 1.19" ;;
esac
# The module files say what is used; nothing changes them, and nothing fetches another Go.
export GOFLAGS="-mod=readonly -buildvcs=false" GOTOOLCHAIN=local
# HOME may be absent or nobody's: Go wants a place for what it compiles.
export GOCACHE=${GOCACHE:-$(go env GOCACHE)}
if [ -z "$GOCACHE" ] || [ "$GOCACHE" = off ]; then
    GOCACHE=$(mktemp -d)
    trap 'rm -rf "$GOCACHE"' EXIT
fi
unset POOLSCOPE_LISTEN POOLSCOPE_TOKEN POOLSCOPE_STACKS
# The race detector needs a C compiler.
race=
[ "$(go env CGO_ENABLED)" = 1 ] && command -v "$(go env CC)" >/dev/null && race=-race

cd "$agent"
case $1 in
unit)
    [ -z "$(gofmt -l .)" ] || { echo "not formatted: $(gofmt -l . | tr '\n' ' ')"; exit 1; }
    go vet .
    go test $race -count=1 .
    ;;
integration)
    cd integration
    go mod download || skip "the module proxy cannot be reached, or lacks a version"
    go vet ./...
    # What tests skip, and why, is said too: a run without servers has shown little.
    out=$(mktemp)
    go test $race -count=1 -v . >"$out" 2>&1 && passed=1 || passed=
    grep -vE '^\s*(=== |--- PASS)' "$out" || true
    skipped=$(grep -c -- '--- SKIP' "$out" || true)
    why=$(grep -B 1 -- '--- SKIP' "$out" | sed -nE 's/^.*_test\.go:[0-9]+: //p' | sort -u | paste -sd ';' || true)
    rm -f "$out"
    [ -n "$passed" ] || exit 1
    [ "$skipped" = 0 ] || skip "$skipped tests: $why"
    ;;
esac
