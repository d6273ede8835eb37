"""Helpers of tests start no shell that waits: those that are about it ask for ``watched``."""

import pytest

from dusk.helper.running import Watch


@pytest.fixture(autouse=True)
def _unwatched(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forked helpers inherit it, too."""
    if "watched" not in request.fixturenames:
        monkeypatch.setattr(Watch, "begin", lambda _self, _title: None)


@pytest.fixture
def watched() -> None:
    """Let the helper start its shell."""
