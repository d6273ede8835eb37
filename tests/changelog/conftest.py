"""Foundations that several modules take apart."""

import pytest

from tests.foundations import forced_one, sound_one
from tests.holders import Holders
from tests.world import World


@pytest.fixture(scope="module")
def sound() -> tuple[World, bytes]:
    """Return a world with a checkpoint, and its foundation."""
    return sound_one()


@pytest.fixture(scope="module")
def forced() -> tuple[Holders, bytes]:
    """Return the like of one where owners forced two roles."""
    return forced_one()
