"""The simulator's own model knows which changes are gone by right, with the disks that had them (R3)."""

from dusk.cycle.outbox import file_name
from dusk.effects import StoreFile
from dusk.ids import ChangeId
from tests.plain_branches import Grove


def queued(grove: Grove, index: int) -> ChangeId:
    """Let a device keep a change that the owner gave there, and that nobody else has."""
    device = grove.devices[index]
    change = grove.setting(grove.trunk, 1, made_at=index)
    device.given.add(change.id)
    kept = StoreFile(file_name(change.id), change.encode())
    grove.checks.stored(device, kept, None)
    return change.id


def test_what_was_queued_alone_is_lost_with_its_disk_and_not_before() -> None:
    grove = Grove()
    change = queued(grove, 1)
    assert not grove.checks.is_lost(change)
    grove.checks.lost_disk(grove.devices[1])
    assert grove.checks.is_lost(change)


def test_what_a_device_never_kept_is_not_lost_with_its_disk_but_missing_r3() -> None:
    grove = Grove()
    change = grove.setting(grove.trunk, 1, made_at=1)
    grove.checks.lost_disk(grove.devices[1])
    assert not grove.checks.is_lost(change.id)


def test_what_another_disk_has_in_its_log_is_not_lost() -> None:
    grove = Grove()
    change = queued(grove, 1)
    grove.grow(grove.trunk, grove.checks.keyring.changes[change], on=(2,))
    grove.checks.lost_disk(grove.devices[1])
    grove.checks.lost_disk(grove.devices[0])
    assert not grove.checks.is_lost(change)
    grove.checks.lost_disk(grove.devices[2])
    assert grove.checks.is_lost(change)
