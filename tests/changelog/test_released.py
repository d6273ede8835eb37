"""What counts for a device is one position of the log, named as all name it (R2)."""

from dusk.changelog.released import released
from dusk.ids import DeviceId
from tests.changelog.test_rollouts import SSID, Cluster


def test_r2_who_waits_is_at_the_head_that_the_log_had() -> None:
    world = Cluster()
    world.open()
    before = world.log.head
    world.roll(world.set("wifi", SSID, "new"))
    world.open()
    assert before.epoch > 0
    assert released(world.log, DeviceId(world.other.key_id)).head == before
