#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Fetches servers that the system does not have for the integration tests into a folder:
#   packaging/fetch-servers.sh FOLDER
# MySQL and a current PgBouncer, from Debian unstable on the mirror that this machine uses, each with
# the libraries and the loader that it was built for: nothing of it is installed. Leaves FOLDER/mysqld
# and FOLDER/pgbouncer, which start them. What is there already is not fetched again; what cannot be
# had is left out, and that is said.
set -eu

folder=${1:?usage: fetch-servers.sh FOLDER}
suite=sid
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

say() { echo "fetch-servers.sh: $*" >&2; }
without() {
    say "MySQL and a current PgBouncer are not tested here: $*"
    exit 1
}

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
[ -x "$folder/mysqld" ] && [ -x "$folder/pgbouncer" ] && exit 0
for tool in apt-get dpkg dpkg-deb; do
    command -v "$tool" >/dev/null || without "there is no $tool"
done
[ -r "$keyring" ] || without "Debian's keys are not installed"
site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' \
    'Component: main' 2>/dev/null | sed -n 1p)
[ -n "$site" ] || without "this machine has no mirror of Debian"

work=$(mktemp -d "$folder/fetch-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/state" "$work/debs"
: >"$work/status"
echo "deb [signed-by=$keyring] $site $suite main" >"$work/sources.list"

# An apt of its own, to which nothing is installed yet. Without a network it must not hang.
private_apt() {
    timeout 300 apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" \
        -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
        -o Dir::State="$work/state" -o Dir::State::status="$work/status" \
        -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" \
        -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1 -o Acquire::Languages=none \
        -o Acquire::Retries=1 -o Acquire::http::Timeout=30 \
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
        -o Acquire::IndexTargets::deb::DEP-11-icons-small::DefaultEnabled=false \
        -o Acquire::IndexTargets::deb::DEP-11-icons::DefaultEnabled=false "$@"
}

# start_script NAME PROGRAM: starts it with its own loader, which reads no path of this system.
start_script() {
    loader=$(find "$2/tree" -name 'ld-linux*.so.*' | sed -n 1p)
    [ -n "$loader" ] || return 1
    paths=$(find "$2/tree" -name 'lib*.so*' -exec dirname {} + | sort -u | grep -v -e /plugin \
        -e /gconv -e /engines | tr '\n' ':')
    program=$(find "$2/tree" -path "*/sbin/$1" | sed -n 1p)
    [ -n "$program" ] || return 1
    printf '#!/bin/sh\nexec "%s" --argv0 "%s" --library-path "%s" "%s" "$@"\n' \
        "$loader" "$program" "${paths%:}" "$program" >"$work/start"
    "$loader" --library-path "${paths%:}" "$program" --version >/dev/null 2>&1 || return 1
    chmod 755 "$work/start"
}

# fetch PACKAGE PROGRAM
fetch() {
    [ ! -x "$folder/$2" ] || return 0
    into=$folder/$2.d
    # Libraries alone of what it depends on: its scripts are not run.
    packages=$(private_apt install -s -y --no-install-recommends "$1" |
        sed -n 's/^Inst \([^ ]*\).*/\1/p' | grep -E "^($1|lib.*|zlib1g)\$" |
        grep -v -e perl -e '-common$' -e '-modules') || return 1
    rm -rf "$work/debs" "$into"
    mkdir -p "$work/debs" "$into/tree"
    # shellcheck disable=SC2086
    (cd "$work/debs" && private_apt download $packages) || return 1
    for deb in "$work"/debs/*.deb; do
        dpkg-deb -x "$deb" "$into/tree" || return 1
    done
    rm -rf "$into"/tree/usr/share/doc "$into"/tree/usr/share/man "$into"/tree/usr/share/locale
    chmod -R a+rX "$into"
    start_script "$2" "$into" || return 1
    mv "$work/start" "$folder/$2"
}

private_apt update || without "its mirror could not be read"
got=
for each in mysql-server-core:mysqld pgbouncer:pgbouncer; do
    if fetch "${each%:*}" "${each#*:}"; then
        got=1
    else
        say "${each%:*} of Debian $suite is not tested here: it could not be fetched, or does not run"
        rm -rf "$folder/${each#*:}.d"
    fi
done
chmod a+rx "$folder"
[ -n "$got" ] || exit 1
