"""What is put back of what void changes wrote, record by record (A23)."""

from collections.abc import Sequence

from dusk import codec
from dusk.changelog.body import Edit, Value
from dusk.changelog.putting_back import Outcome, put_back
from dusk.changelog.sections import device_path
from dusk.changelog.state import Record, RecordWrite, State
from dusk.ids import ChangeId
from tests.world import World

BASE = ChangeId(bytes(32))


def write(world: World, section: str, key: str, row: Sequence[object]) -> None:
    """Have a record say something, whatever the log's rules are."""
    value = Value(bytes(16), codec.pack(row))
    world.log.state.take([RecordWrite(section, key, Record(value.data, value.hash, BASE, value.salt))], ())


def two() -> tuple[World, World]:
    """Return two logs that are the same so far: without what is void, and with it."""
    return World(), World()


def outcome(without: World, world: World, *places: tuple[str, str], user: str = "eve") -> Outcome:
    states: tuple[State, State] = without.log.state, world.log.state
    return put_back(*states, places, user, ())


def test_a_record_says_again_what_it_would_say() -> None:
    without, world = two()
    write(without, "trust", "quorum", [6])
    base = world.base("trust", "quorum")
    assert outcome(without, world, ("trust", "quorum")).edits == (
        Edit("trust", "quorum", codec.pack([6]), base),
    )
    assert outcome(without, without, ("trust", "quorum")) == ((), ())


def test_what_ended_the_right_to_sign_is_not_put_back_for_that_user_and_is_for_others() -> None:
    without, world = two()
    write(world, "user/alice", "disabled", [True])
    write(world, "trust", "owner/alice", [world.key().public])
    places = ("user/alice", "disabled"), ("trust", "owner/alice")
    assert outcome(without, world, *places, user="alice") == ((), ())
    assert {edit.key for edit in outcome(without, world, *places).edits} == {"disabled", "owner/alice"}


def test_a_removal_that_is_void_stays_and_one_that_void_changes_took_back_counts_again() -> None:
    without, world = two()
    section = device_path(world.device_id)
    write(world, section, "retired", [True])
    assert [left.key for left in outcome(without, world, (section, "retired")).left] == ["retired"]
    (edit,) = outcome(world, without, (section, "retired")).edits
    assert edit.data == codec.pack([True])


def test_a_device_has_its_name_back_unless_what_is_void_ended_it() -> None:
    without, world = two()
    section = device_path(world.device_id)
    write(world, section, "name", ["stolen"])
    (edit,) = outcome(without, world, (section, "name")).edits
    assert edit.data == codec.pack(["attic"])
    write(world, section, "retired", [True])
    assert outcome(without, world, (section, "name")) == ((), ())
    write(without, section, "retired", [True])
    assert outcome(without, world, (section, "name")).edits == (edit,)


def test_what_void_changes_made_ends_once_and_what_has_ended_does_not_end_again() -> None:
    without, world = two()
    section = "joinkey/" + "0f" * 16
    write(world, section, "rule", [world.key().public, 1, 0, [], "auto", [], "ask", ""])
    places = (section, "revoked"), (section, "rule")
    assert [edit.key for edit in outcome(without, world, *places).edits] == ["revoked"]
    write(world, section, "revoked", [True])
    assert outcome(without, world, *places) == ((), ())


def test_a_device_that_void_changes_made_and_that_may_lead_is_told_of_once() -> None:
    without, world = two()
    device = world.key()
    section = device_path(device.key_id)
    write(world, section, "key", [device.public])
    write(world, section, "name", ["x"])
    keys = [bytes.fromhex(section.removeprefix("device/"))]
    write(world, "cluster", "succession", [keys])
    found = outcome(without, world, (section, "key"), (section, "name"))
    assert (found.edits, [left.key for left in found.left]) == ((), ["key"])
