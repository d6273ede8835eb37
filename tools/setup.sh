#!/bin/sh
# Make all that `make demo`, `make test` or `make bench` (argument: demo, test or bench) needs:
# as root on Debian the system packages, as root the system user, and the virtual environment.
# Quiet unless something fails; safe to run again; does nothing when nothing changed.
set -eu

purpose=${1:-test}
cd "$(dirname "$0")/.."
stamp=.venv/.dusk-setup
log=build/setup.log
mkdir -p build

say() { printf '%s\n' "setup: $*" >&2; }

die() {
    say "$1"
    if [ -s "$log" ]; then tail -n 30 "$log" >&2; fi
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# System packages, only what is missing. A failure is not the end: without them the demo falls
# back to loopback, and `make test` and `make bench` name what they could not run.
system_packages() {
    [ "$(id -u)" = 0 ] && have apt-get || return 0
    missing=
    have ip || missing="$missing iproute2"
    { have unshare && have nsenter; } || missing="$missing util-linux"
    if [ "$purpose" = test ]; then
        have shellcheck || missing="$missing shellcheck"
        have nft || missing="$missing nftables"
        have busybox || missing="$missing busybox"
        have chromium || missing="$missing chromium"
        have npm || missing="$missing nodejs npm"
    fi
    if [ "$purpose" = bench ]; then
        have serf || missing="$missing serf"
        have nft || missing="$missing nftables"
    fi
    [ -n "$missing" ] || return 0
    say "installing Debian packages:$missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  # a list of words is meant
    if ! { apt-get install -y -qq --no-install-recommends $missing ||
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; }; } >"$log" 2>&1; then
        say "apt-get could not install$missing; going on without (see $log)"
    fi
}

# A daemon started as root drops to this user and refuses to run where it does not exist (R14).
system_user() {
    [ "$(id -u)" = 0 ] && have useradd || return 0
    if ! getent passwd dusk >/dev/null 2>&1; then
        say "making the system user dusk"
        useradd --system --no-create-home --shell /usr/sbin/nologin dusk || say "could not make the user dusk"
    fi
}

fit() { "$1" -c 'import ctypes, socket, ssl, sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

# Debian's own Python first: one below a closed home directory cannot be read after the drop.
find_python() {
    for candidate in ${PYTHON:-} /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do
        if have "$candidate" && fit "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    return 1
}

# Debian has no ensurepip and blocks pip outside environments; virtualenv into a folder of ours works.
make_environment() {
    python=$(find_python) || die "no Python 3.11 or later was found; set PYTHON=/path/to/python3"
    say "making .venv with $python"
    rm -rf .venv
    if "$python" -c 'import ensurepip' >/dev/null 2>&1 && "$python" -m venv .venv >"$log" 2>&1; then
        return 0
    fi
    rm -rf .venv build/virtualenv
    for candidate in "$python" python3 python3.14 python3.13 python3.12 python3.11; do
        if have "$candidate" && "$candidate" -m pip --version >/dev/null 2>&1; then
            "$candidate" -m pip install --quiet --disable-pip-version-check --target build/virtualenv \
                virtualenv >"$log" 2>&1 || die "pip could not fetch virtualenv"
            PYTHONPATH=build/virtualenv "$candidate" -m virtualenv --quiet --python "$python" .venv \
                >"$log" 2>&1 || die "virtualenv failed"
            return 0
        fi
    done
    die "neither ensurepip nor pip was found; install python3-venv or python3-pip"
}

# The stamp says for which folder and which pyproject.toml the environment was made: its scripts hold
# absolute paths, so one that was moved is made anew.
environment() {
    here=$(pwd -P)
    wanted="$(cksum <pyproject.toml) $here"
    made=$(cat "$stamp" 2>/dev/null || printf '%s' "unknown $here")
    if [ "$made" = "$wanted" ] && [ -x .venv/bin/python ]; then return 0; fi
    if ! { [ "${made%"$here"}" != "$made" ] && is_environment; }; then
        make_environment
    fi
    say "installing Dusk and what it is tested with into .venv (a minute or two)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' \
        >"$log" 2>&1 || die "pip could not install the packages"
    printf '%s\n' "$wanted" >"$stamp"
}

# One that was cut short may have no pip, or be a mere link to the system's Python.
is_environment() {
    fit .venv/bin/python &&
        .venv/bin/python -c 'import sys, pip; sys.exit(sys.prefix == sys.base_prefix)' >/dev/null 2>&1
}

# What the page is checked with, by the versions of package-lock.json; no script of a package is run.
page_checks() {
    [ "$purpose" = test ] && have npm || return 0
    wanted=$(cksum <luci-app/package-lock.json)
    installed=luci-app/node_modules/.dusk-setup
    if [ "$(cat "$installed" 2>/dev/null)" = "$wanted" ]; then return 0; fi
    say "installing what the page is checked with into luci-app/node_modules"
    if (cd luci-app && npm ci --ignore-scripts --no-audit --no-fund) >"$log" 2>&1; then
        printf '%s\n' "$wanted" >"$installed"
    else
        say "npm could not install it; going on without (see $log)"
    fi
}

case $purpose in
demo | test | bench) ;;
*) die "usage: tools/setup.sh demo|test|bench" ;;
esac
system_packages
system_user
environment
page_checks
