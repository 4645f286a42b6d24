#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# run.sh BUILD-FOLDER SQLALCHEMY-VERSION TESTS…: the Python agent's tests, in an environment that is
# made once a set of requirements. What cannot be had is said, and the test skipped (77), unless
# POOLSCOPE_AGENTS_STRICT is set.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
agent=$(cd "$here/../../../resources/agents/python" && pwd)
build=$1 version=$2
shift 2

skip()
{
    echo "skipped: $*"
    [ -z "${POOLSCOPE_AGENTS_STRICT:-}" ] || exit 1
    exit 77
}

python=${POOLSCOPE_PYTHON:-/usr/bin/python3}
[ -x "$python" ] || python=$(command -v python3) || skip "there is no python3 here"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' || skip "python3 is older than 3.9"
"$python" -c 'import venv, ensurepip' 2>/dev/null || skip "python3-venv is not installed"

mkdir -p "$build"
exec 9>"$build/lock"
flock 9 # tests run side by side; one of them makes the environment
venv=$build/venv
stamp=$(cat "$here/requirements.txt" && "$python" --version)
if [ "$(cat "$venv/stamp" 2>/dev/null)" != "$stamp" ]; then
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt" \
        || skip "the package index cannot be reached, or lacks a version"
    printf '%s' "$stamp" >"$venv/stamp"
fi
# Each version of SQLAlchemy in a folder of its own.
library=$build/sqlalchemy-$version
if [ ! -e "$library/stamp" ]; then
    rm -rf "$library"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$library" \
        "SQLAlchemy==$version" || skip "the package index cannot be reached, or lacks a version"
    touch "$library/stamp"
fi
flock -u 9

unset POOLSCOPE_LISTEN POOLSCOPE_TOKEN POOLSCOPE_STACKS
export PYTHONPATH=$library PYTHONDONTWRITEBYTECODE=1
cd "$agent"
report=$(mktemp)
trap 'rm -f "$report"' EXIT
"$venv/bin/python" -m pytest -q -p no:cacheprovider --tb=short -rs "$@" | tee "$report"
# Part of it did not run: that is not passed.
if tail -n 1 "$report" | grep -q ' skipped'; then
    skip "a part, for the reasons above; the rest passed"
fi
