"""A bench in memory: what is on the disk is a matter of the model, not of the machine's disk."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from dusk.helper.running import Watch
from tests.power.cuts import Bench

_MEMORY = "/dev/shm"


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with TemporaryDirectory(dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None) as base:
        bench = Bench(Path(base))
        yield bench
    print(f"\n{request.node.name}: {bench.total.points} points, {bench.total.states} states")


@pytest.fixture(autouse=True)
def _unwatched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start no shell that waits: it would outlive the disk that it is to put in order."""
    monkeypatch.setattr(Watch, "begin", lambda _self, _title: None)
