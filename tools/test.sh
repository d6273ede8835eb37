#!/bin/sh
# Every test there is, in order of speed, going on after a failure so that one run shows all.
# Ends with what this machine could not run (with CI=true that is a failure instead) and with the
# last lines of each stage that failed: whoever reads only the end of a long output sees why.
set -u

cd "$(dirname "$0")/.." || exit
bin=.venv/bin
not_run=$(pwd)/build/not-run
output=build/stage
failures=build/failures
failed=
mkdir -p build
: >"$not_run"
: >"$failures"
rm -f "$output.failed"

# Where there is room, clusters under test lie in memory: the disk of a machine that others share stops for
# half a minute at times, and whoever waits for it then fails by that alone. (Power cuts and disks that
# refuse have tests of their own, which need no disk; figures are measured on a real one.)
memory=/dev/shm
room_kib=$(df -Pk "$memory" 2>/dev/null | awk 'NR == 2 { print $4 }')
if [ -z "${DUSK_CLUSTERS_IN:-}" ] && [ -w "$memory" ] && [ "${room_kib:-0}" -gt 4194304 ]; then
    trial=$(mktemp "$memory/t.XXXXXX")
    printf '#!/bin/sh\n' >"$trial" && chmod 700 "$trial"
    if "$trial" 2>/dev/null; then # else it is mounted so that nothing there is executed
        DUSK_CLUSTERS_IN=$memory
        export DUSK_CLUSTERS_IN
    fi
    rm -f "$trial"
fi

stage() {
    name=$1
    shift
    printf '== %s\n' "$name"
    { "$@" 2>&1 || echo "$?" >"$output.failed"; } | tee "$output"
    if [ -f "$output.failed" ]; then
        rm "$output.failed"
        failed="$failed, $name"
        { printf '== %s\n' "$name" && tail -n 12 "$output"; } >>"$failures"
    fi
}

shell_scripts() {
    for script in $(git ls-files '*.sh' .ci/run '*.init' '*.defaults' dusk/helper/dusk-* \
        tests/packaging/stand_in/); do
        if [ -f "$script" ]; then printf '%s\n' "$script"; fi
    done
}

check_shell() {
    for script in $(shell_scripts); do
        sh -n "$script" || return 1
    done
    if command -v shellcheck >/dev/null 2>&1; then
        # shellcheck disable=SC2046  # names in this project have no blanks
        shellcheck $(shell_scripts)
    elif [ "${CI:-}" = true ]; then
        echo "shellcheck is not installed" >&2
        return 1
    else
        echo "shell scripts by shellcheck: it is not installed" >>"$not_run"
    fi
}

check_page() {
    eslint=luci-app/node_modules/.bin/eslint
    if [ -x "$eslint" ]; then
        "$eslint" -c luci-app/eslint.config.mjs --max-warnings 0 luci-app/luci-app-dusk dusk/web/static
    elif [ "${CI:-}" = true ]; then
        echo "ESLint is not installed" >&2
        return 1
    else
        echo "the page's scripts by ESLint: it is not installed (npm)" >>"$not_run"
    fi
}

stage "ruff check" "$bin/ruff" check --quiet .
stage "ruff format" "$bin/ruff" format --quiet --check .
stage "mypy" "$bin/mypy" --no-error-summary
stage "mypy for Python 3.14" "$bin/mypy" --no-error-summary --python-version 3.14 \
    --cache-dir .mypy_cache/newest dusk
stage "shell scripts" check_shell
stage "page" check_page
# The unit tests of the pure rooms run once: in CI under the tracer, so not here. Should the list fail
# to come, all run here, too.
others=
if [ "${CI:-}" = true ]; then
    others=$("$bin/python" -m tests.measured --others)
fi
# shellcheck disable=SC2086  # names of tests have no blanks
# Three at once, on two cores too: most wait for daemons most of the time.
stage "pytest" env DUSK_NOT_RUN_FILE="$not_run" "$bin/python" -m pytest -q -n "${TEST_JOBS:-3}" \
    --dist loadgroup $others "$@"
if [ "${CI:-}" = true ]; then
    stage "coverage of the pure rooms" "$bin/python" -m tests.measured
    stage "oldest packages" env DUSK_NOT_RUN_FILE="$not_run" tools/oldest.sh
fi

if [ -s "$not_run" ]; then
    printf '\nnot run on this machine:\n'
    sort -u "$not_run" | sed 's/^/  /'
else
    printf '\nnothing was left out on this machine\n'
fi
if [ -n "$failed" ]; then
    printf '\nthe end of what failed:\n'
    cat "$failures"
    printf '\nFAILED: %s\n' "${failed#, }"
    exit 1
fi
echo "all passed"
