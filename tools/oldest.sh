#!/bin/sh
# The tests that lean on the packages around us, with the oldest of them that pyproject.toml allows:
# the daemon, its streams, real networks, the encodings. In an environment of its own, kept in .venv-oldest.
set -eu

cd "$(dirname "$0")/.."
pins=tests/portability/oldest.txt
log=build/oldest.log
stamp=.venv-oldest/.dusk-setup
mkdir -p build

wanted="$(cksum <"$pins") $(pwd -P)"
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "setup: making .venv-oldest" >&2
    rm -rf .venv-oldest
    # The newest environment can make another one; where Debian's Python cannot, virtualenv can.
    if ! { .venv/bin/python -m venv .venv-oldest || {
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --target build/virtualenv virtualenv &&
            PYTHONPATH=build/virtualenv .venv/bin/python -m virtualenv --quiet .venv-oldest
    }; } >"$log" 2>&1 ||
        ! .venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check --requirement "$pins" \
            hypothesis pytest pytest-timeout pytest-trio pytest-xdist >>"$log" 2>&1 ||
        ! .venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable . \
            >>"$log" 2>&1; then
        tail -n 30 "$log" >&2
        exit 1
    fi
    printf '%s\n' "$wanted" >"$stamp"
fi

exec .venv-oldest/bin/python -m pytest -q -n "${TEST_JOBS:-2}" --dist loadgroup -p no:cacheprovider \
    tests/daemon tests/network tests/keys tests/catchup tests/test_codec.py "$@"
