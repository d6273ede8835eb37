"""Helpers of tests start no shell that waits: those that are about it ask for ``watched``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dusk.helper.running import Watch
from tests.power.cuts import close_below


@pytest.fixture(autouse=True)
def _let_go(tmp_path: Path) -> Iterator[None]:
    """Close the folders of helpers in this process: a helper itself leaves that to the end of its own."""
    yield
    close_below(tmp_path)


@pytest.fixture(autouse=True)
def _unwatched(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forked helpers inherit it, too."""
    if "watched" not in request.fixturenames:
        monkeypatch.setattr(Watch, "begin", lambda _self, _title: None)


@pytest.fixture
def watched() -> None:
    """Let the helper start its shell."""
