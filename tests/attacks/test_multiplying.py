"""Few bytes of the log that would become many in every router's memory (A6)."""

import tracemalloc

import pytest

from dusk.changelog.entry import APPLIED
from dusk.config.device import managed_config
from dusk.errors import ConfigError
from dusk.ids import DeviceId
from tests.granting import Cluster

SETTINGS = 2000
MEMORY_BYTES = 32 * 1024 * 1024
"""The settings as they stand in the log, and what is made of them: all of it would have 130 MB."""


def test_a6_a_long_variable_in_two_thousand_settings_of_a_grantee_fells_nobody() -> None:
    world = Cluster()
    kitchen, hall = DeviceId(world.kitchen.key_id), DeviceId(world.hall.key_id)
    shared = [
        world.edit("group/ap", "var/v", ["a" * 65_000]),
        world.edit("group/ap", f"member/{kitchen.hex()}", [True]),
        world.edit("assignment/x", "to", ["groups", ["ap"], 1]),
    ]
    keys = [f"set/system.s.o{number:04}" for number in range(SETTINGS)]
    settings = [world.edit("policy/x", key, [1, 0, ["-${v}"], []]) for key in keys]
    for edits in (shared, settings):
        assert world.write(world.change(*edits, signers=[world.bob])).outcome == APPLIED
    tracemalloc.start()
    try:
        with pytest.raises(ConfigError, match=r"^system\.s\.o0016: "):
            managed_config(world.log.state, kitchen)
        assert tracemalloc.get_traced_memory()[1] < MEMORY_BYTES
    finally:
        tracemalloc.stop()
    assert managed_config(world.log.state, hall) == {}, "whom it is not for merges as ever"
    world.commit(*(world.edit("policy/x", key, None) for key in keys[10:]))
    assert len(managed_config(world.log.state, kitchen)["system"][0].options) == 10
