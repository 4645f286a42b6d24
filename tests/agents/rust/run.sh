#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh BUILD-FOLDER unit|integration: the Rust agent's tests. What cannot be had is said, and the test
# skipped (77), unless POOLSCOPE_AGENTS_STRICT is set.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
resources=$(cd "$here/../../../resources" && pwd)
build=$1 part=$2

skip()
{
    echo "skipped: $*"
    [ -z "${POOLSCOPE_AGENTS_STRICT:-}" ] || exit 1
    exit 77
}

# The user's own, then rustup's, then the system's: Debian's newer one is in a folder of its own.
cargo=
for candidate in "${POOLSCOPE_CARGO:-}" "$(command -v cargo || true)" "${HOME:-/nonexistent}/.cargo/bin/cargo" \
    /usr/local/cargo/bin/cargo /usr/bin/cargo /usr/lib/rust-*/bin/cargo; do
    [ -x "$candidate" ] || continue
    version=$(PATH=$(dirname "$candidate"):$PATH rustc --version 2>/dev/null | cut -d ' ' -f 2) || continue
    minor=$(cut -d . -f 2 <<<"$version")
    [ "${minor:-0}" -ge 85 ] && cargo=$candidate && break
done
[ -n "$cargo" ] || skip "there is no Rust here, or only one older than 1.85${version:+ ($version)}"
PATH=$(dirname "$cargo"):$PATH
command -v cc >/dev/null || skip "there is no C compiler for Rust to link with"

# Where it is compiled is nobody's source tree. Times stay, so that only what changed is compiled again.
mkdir -p "$build/agent"
cp -a "$resources/agents/rust/." "$build/agent/"
(cd "$resources/agents/rust" && find . -type f) | sort >"$build/files"
(cd "$build/agent" && find . -type f ! -name Cargo.lock) | sort | comm -13 "$build/files" - \
    | (cd "$build/agent" && xargs -r rm -f)
if [ "$minor" -lt 88 ]; then
    # Debian 12's: the newest versions that it compiles. The agent itself is for 1.85 and later.
    sed -i -e 's/"=2\.3\.14"/"=2.2.12"/' -e 's/"=0\.35\.0"/"=0.27.0"/' -e 's/"=0\.3\.77"/"=0.3.75"/' \
        -e 's/^rust-version = .*/rust-version = "1.85"/' \
        -e '/^sha2 = /a scheduled-thread-pool = "=0.2.7"' "$build/agent/integration/Cargo.toml"
    export CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS=fallback
fi
export CARGO_TARGET_DIR=$build/target POOLSCOPE_GOLDEN=$resources/protocol/golden
export CARGO_HOME=${CARGO_HOME:-${HOME:+$HOME/.cargo}}
[ -n "$CARGO_HOME" ] || export CARGO_HOME=$build/home
unset POOLSCOPE_LISTEN POOLSCOPE_TOKEN POOLSCOPE_STACKS
cd "$build/agent/integration"

# Versions are pinned there; the unit tests run with the same.
[ -e Cargo.lock ] || timeout 120 cargo generate-lockfile --quiet \
    || skip "the crates' registry cannot be reached, or lacks a version"
timeout 300 cargo fetch --quiet || skip "the crates' registry cannot be reached, or lacks a version"

# What is not there is not asked for; CI has both.
if command -v rustfmt >/dev/null && command -v cargo-fmt >/dev/null; then
    cargo fmt --check && (cd .. && cargo fmt --check)
fi
case $part in
unit)
    # By way of the pinned versions, so that nothing is compiled twice.
    cargo test -p poolscope --lib
    cargo test -p poolscope --doc
    # A second compilation of everything, for CI alone.
    if [ -n "${POOLSCOPE_AGENTS_STRICT:-}" ] && cargo clippy --version >/dev/null 2>&1; then
        cp Cargo.lock ..
        cargo clippy --all-targets -- -D warnings
        (cd .. && cargo clippy --all-targets --features diesel -- -D warnings)
        (cd .. && cargo clippy --all-targets -- -D warnings)
    fi
    ;;
integration)
    command -v pkg-config >/dev/null || skip "pkg-config is not installed"
    pkg-config --exists sqlite3 || skip "SQLite's headers are not installed"
    pkg-config --exists libpq || skip "libpq's headers are not installed"
    out=$(mktemp)
    trap 'rm -f "$out"' EXIT
    cargo test 2>&1 | tee "$out"
    # Part of it did not run: that is not passed.
    why=$(sed -n 's/^SKIPPED: //p' "$out" | sort -u | paste -sd ';')
    [ -z "$why" ] || skip "a part: $why"
    ;;
esac
