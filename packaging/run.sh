#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# packaging/run.sh [TARGET|FILE…]: installs what is missing, builds, starts Poolscope. Without an
# argument it shows the demo: a real pool in a process of its own that leaks in several ways. Without a
# display Poolscope shows its text screen.
set -euo pipefail
here=$PWD
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/packaging/packages.sh"

cd "$root"
install_missing "${build_packages[@]}"
if [ ! -f build/run/build.ninja ]; then
    say "Building Poolscope. This takes a few minutes, once."
    cmake --preset run >&2
fi
cmake --build build/run -j "$(build_jobs)" >&2

[ $# -gt 0 ] || set -- demo:

cd "$here"
exec "$root/build/run/app/poolscope" "$@"
