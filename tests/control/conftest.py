"""A desk over a world with three devices."""

import pytest

from tests.desk import FakeDesk
from tests.world import World


@pytest.fixture
def desk() -> FakeDesk:
    world = World()
    world.allow_joining()
    world.join("hall")
    world.join("roof")
    return FakeDesk(world)
