"""What the simulated owner does about who may lead."""

from random import Random

from dusk import codec
from dusk.changelog.body import Edit
from dusk.changelog.state import Record, RecordWrite, State
from dusk.ids import ChangeId, DeviceId
from dusk.sim.people import draw_backup, draw_edits, draw_succession

DEVICES = [DeviceId(bytes([index]) * 16) for index in range(5)]
PLACE = ("cluster", "succession")


def led_by(*indices: int) -> State:
    state = State()
    row = codec.pack([[DEVICES[index] for index in indices]])
    state.take([RecordWrite(*PLACE, Record(row, bytes(32), ChangeId(bytes(32))))], [])
    return state


def holders(edit: Edit | None) -> list[int] | None:
    if edit is None:
        return None
    assert edit.data is not None
    return [DEVICES.index(device) for device in codec.unpack(edit.data, size_max=999)[0]]


def test_a_backup_stands_behind_all_others() -> None:
    found = holders(draw_backup(led_by(2), DEVICES, Random(1), 3))
    assert found is not None
    assert (found[0], len(found)) == (2, 2)


def test_no_backup_is_made_where_there_are_enough_or_nobody_is_left() -> None:
    assert draw_backup(led_by(0, 1), DEVICES, Random(1), 2) is None
    assert draw_backup(led_by(0), DEVICES[:1], Random(1), 2) is None


def test_a_succession_grows_shrinks_and_changes_its_order_within_bounds() -> None:
    random, found = Random(1), set()
    for _ in range(100):
        row = holders(draw_succession(led_by(0, 1), DEVICES, random, 3))
        assert row is not None
        found.add(len(row))
        assert len(set(row)) == len(row)
    assert found == {1, 2, 3}
    assert draw_succession(led_by(0), DEVICES[:1], random, 3) is None


def test_who_leads_is_left_alone_where_one_may() -> None:
    random = Random(1)
    for most, changes in ((1, False), (3, True)):
        drawn = [draw_edits(led_by(0), DEVICES, random, most) for _ in range(100)]
        assert any((e.section, e.key) == PLACE for edits in drawn for e in edits) is changes
