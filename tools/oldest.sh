#!/bin/sh
# The tests that lean on the packages around us, with the oldest of them that pyproject.toml allows:
# the daemon, its streams, real networks, the encodings. In an environment of its own, kept in .venv-oldest.
# Not the longest stories of many daemons: what these do with a package, shorter ones do, too. Three at once:
# most wait for daemons most of the time.
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
            hypothesis 'pytest<9.2' pytest-timeout pytest-trio pytest-xdist >>"$log" 2>&1 ||
        ! .venv-oldest/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable . \
            >>"$log" 2>&1; then
        tail -n 30 "$log" >&2
        exit 1
    fi
    printf '%s\n' "$wanted" >"$stamp"
fi

exec .venv-oldest/bin/python -m pytest -q -n "${TEST_JOBS:-3}" --dist loadgroup -p no:cacheprovider \
    --ignore tests/network/test_absences.py --ignore tests/network/test_aimed_kills.py \
    --ignore tests/network/test_applies.py --ignore tests/network/test_kills.py \
    --ignore tests/network/test_pages_run.py --ignore tests/network/test_people.py \
    --ignore tests/network/test_recovery_forged.py --ignore tests/network/test_returning.py \
    --ignore tests/network/test_same_address.py --ignore tests/network/test_storms.py \
    --ignore tests/network/test_together.py \
    tests/daemon tests/network tests/keys tests/catchup tests/test_codec.py "$@"
