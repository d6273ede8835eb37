"""Routers that stand in for real ones."""

from pathlib import Path

import pytest

from tests.packaging.standing_in import Router

SHELLS = [
    pytest.param("dash", id="dash"),
    pytest.param("busybox", id="busybox", marks=pytest.mark.needs("busybox")),
]


@pytest.fixture(params=SHELLS)
def router(request: pytest.FixtureRequest, tmp_path: Path) -> Router:
    return Router(tmp_path, request.param)
