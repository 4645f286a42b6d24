#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# packaging/test.sh [--long]: installs what the tests need, builds, runs every test.
# --long adds the ones that take more than a few minutes, and prints their figures: writers that are
# killed at any moment, a ring that goes on for days, all tests of the window with the address
# sanitizer, and 10 minutes of fuzzing a target. How much of each: POOLSCOPE_TORTURE_ROUNDS,
# POOLSCOPE_SOAK_HOURS, POOLSCOPE_FUZZ_SECONDS.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$root/packaging/packages.sh"

long=
case ${1:-} in
    '') ;;
    --long) long=1 ;;
    *)
        say "usage: packaging/test.sh [--long]"
        exit 2 ;;
esac

cd "$root"
need_space $([ -n "$long" ] && echo 20 || echo 7) "$root/build"
install_missing "${build_packages[@]}" "${test_packages[@]}"
install_servers
fetch_servers build/release

cmake --preset release >&2
cmake --build build/release -j "$(build_jobs)" >&2
# Most of them wait for servers: one more than there are cores. Real servers on a busy machine now and
# then answer late: a second chance, which CTest shows.
side=$(($(nproc) < 8 ? $(nproc) + 1 : 8))
tests=(ctest --test-dir build/release --output-on-failure -j "$side" --repeat until-pass:2
    -LE '^(bench|long)$')
[ -n "$long" ] || exec "${tests[@]}"

failed=()
"${tests[@]}" || failed+=("the test suite")
# No second chance here: what fails once in a thousand times is what these are for.
ctest --test-dir build/release --verbose -L '^long$' || failed+=("torture or soak")
install_missing "${check_packages[@]}"
cmake --preset asan -B build/asan-long >&2
cmake --build build/asan-long -j "$(build_jobs)" >&2
LSAN_OPTIONS="suppressions=$root/packaging/lsan.supp:print_suppressions=0" \
    ctest --test-dir build/asan-long --output-on-failure -j2 --repeat until-pass:2 \
    -L '^(unit|ui|record|integration)$' -LE '^(bench|long)$' || failed+=("address sanitizer")
cmake --preset fuzz -B build/fuzz-long \
    "-DPOOLSCOPE_FUZZ_SECONDS=${POOLSCOPE_FUZZ_SECONDS:-600}" >&2
cmake --build build/fuzz-long -j "$(build_jobs)" >&2
ctest --test-dir build/fuzz-long --output-on-failure -j2 || failed+=("fuzzing")
for what in "${failed[@]}"; do
    say "Failed: $what."
done
[ "${#failed[@]}" = 0 ]
