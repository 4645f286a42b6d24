#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# packaging/test.sh [--long]: installs what the tests need, builds, runs every test.
# --long adds the ones that take more than a few minutes (torture, soak, long fuzzing).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/packaging/packages.sh"

skip='^(bench|long)$'
case ${1:-} in
    '') ;;
    --long) skip='^bench$' ;;
    *)
        say "usage: packaging/test.sh [--long]"
        exit 2 ;;
esac

cd "$root"
install_missing "${build_packages[@]}" "${test_packages[@]}"
install_servers
fetch_servers build/release

cmake --preset release >&2
cmake --build build/release -j "$(build_jobs)" >&2
# Real servers on a busy machine now and then answer late: a second chance, which CTest shows.
exec ctest --test-dir build/release --output-on-failure -j2 --repeat until-pass:2 -LE "$skip"
