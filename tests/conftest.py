"""What all tests share: hypothesis profiles, and tests that need something of the machine."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.capabilities import EFFORT_FACTOR, why_missing

IN_CI = os.environ.get("CI") == "true"
NOT_RUN: pytest.StashKey[list[str]] = pytest.StashKey()

hypothesis.settings.register_profile(
    "dusk",
    deadline=None,  # two shared cores: a pause of the machine is no failure
    derandomize=IN_CI,
    max_examples=60 * EFFORT_FACTOR,
    print_blob=True,
)
hypothesis.settings.load_profile("dusk")


def _needs(item: pytest.Item) -> Iterator[str]:
    for marker in item.iter_markers("needs"):
        yield from marker.args


def _reason(item: pytest.Item) -> str | None:
    reasons = [f"{name}: {reason}" for name in _needs(item) if (reason := why_missing(name))]
    return "; ".join(reasons) or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, by name, what cannot run here."""
    kept, left_out, notes = [], [], []
    for item in items:
        reason = _reason(item)
        if reason is None or IN_CI:
            kept.append(item)
        else:
            left_out.append(item)
            notes.append(f"{item.nodeid} ({reason})")
    items[:] = kept
    config.stash[NOT_RUN] = notes
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    if notes and (file := os.environ.get("DUSK_NOT_RUN_FILE")):
        with Path(file).open("a") as stream:
            stream.writelines(f"{note}\n" for note in notes)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """In CI nothing may be left out: what the machine lacks is a failure. Groups run together anywhere."""
    reason = _reason(item)
    if reason is not None:
        pytest.fail(f"this machine must be able to run it: {reason}", pytrace=False)
    if _is_apart(item):
        pytest.fail("this pytest-xdist does not keep groups together with this pytest", pytrace=False)


def _is_apart(item: pytest.Item) -> bool:
    """Tell whether tests of its group, which share a cluster or an address, may run on other workers.

    A pytest that pytest-xdist does not know yet keeps them apart, and says nothing.
    """
    by_group = getattr(item.config.option, "loadgroup", False)  # set on workers alone
    return by_group and item.get_closest_marker("xdist_group") is not None and "@" not in item.nodeid


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out, when nobody else does."""
    notes = config.stash.get(NOT_RUN, [])
    if notes and "DUSK_NOT_RUN_FILE" not in os.environ:
        terminalreporter.section("not run on this machine")
        for note in notes:
            terminalreporter.line(note)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let owners attest every few entries, and keep few behind a checkpoint."""
    monkeypatch.setattr("dusk.limits.CHECKPOINT_STEP", 8)
    monkeypatch.setattr("dusk.limits.RETENTION_ENTRIES", 4)
