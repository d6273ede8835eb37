"""Which kind of entry carries a change: what it touches says so."""

import pytest

from dusk.changelog.body import Edit
from dusk.changelog.entry import EntryKind
from dusk.changelog.kinds import is_device, kind_of
from tests.holders import Holders
from tests.world import World

DEVICE = "device/" + "00" * 16
SET, GONE = b"\x91\x01", None


@pytest.mark.parametrize(
    ("section", "key", "data", "kind"),
    [
        (DEVICE, "frozen", SET, EntryKind.FREEZE),
        (DEVICE, "frozen", GONE, EntryKind.CHANGE),
        (f"{DEVICE}/facts", "mandate", SET, EntryKind.CHANGE),
        (f"{DEVICE}/facts", "recovered", SET, EntryKind.CHANGE),
        (DEVICE, "retired", SET, EntryKind.CHANGE),
        ("policy/a", "frozen", SET, EntryKind.CHANGE),
        ("cluster", "name", SET, EntryKind.CHANGE),
    ],
)
def test_only_what_marks_a_device_freezes_and_no_fact_of_a_device_forces_a_role(
    section: str, key: str, data: bytes | None, kind: EntryKind
) -> None:
    assert kind_of(World().change(Edit(section, key, data, None))) is kind


def test_what_forces_a_role_opens_whatever_else_it_does() -> None:
    world = Holders()
    free = Edit(DEVICE, "frozen", GONE, None)
    assert kind_of(world.role(world.master, more=[free])) is EntryKind.OPEN


def test_a_device_has_one_section_of_its_own() -> None:
    assert is_device(DEVICE)
    assert not is_device(f"{DEVICE}/more")
    assert not is_device("policy/a")
    assert not is_device("device")
