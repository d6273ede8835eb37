"""Owners say which changes of a key count no more; the key has ended before (A23)."""

import pytest

from dusk.changelog.body import Edit
from dusk.changelog.entry import EntryKind
from dusk.changelog.sections import VOIDED_PER_RECORD_MAX, check_record, parse_path
from dusk.changelog.voiding import Voided, void_path, voided_by, voided_row, voids_in
from dusk.codec import pack, unpack
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ChainHash, ChangeId, KeyId, Seq
from tests.stolen import Stolen

CHAIN = ChainHash(bytes(32))
ONE, OTHER = ChangeId(b"1" * 32), ChangeId(b"2" * 32)
ROW = voided_row(Voided(Seq(3), CHAIN, (ONE,)))


def refused(world: Stolen, *edits: Edit, key: KeyId | None = None, row: bytes | None = ROW) -> str:
    section = void_path(world.bob.key_id if key is None else key)
    with pytest.raises(Refused) as refusal:
        world.write(world.change(*edits, Edit(section, "part/0", row, None)))
    return refusal.value.code


def test_a23_nothing_is_void_of_a_key_that_may_still_sign() -> None:
    world = Stolen()
    assert refused(world) == "still-active"
    assert refused(world, key=world.owner.key_id) == "still-active"


def test_a23_a_void_lets_nobody_begin_anew() -> None:
    world = Stolen()
    world.disable("bob")
    assert refused(world, world.edit("user/bob", "disabled", None)) == "still-active"
    assert refused(world, world.edit("trust", "owner/bob", [world.bob.public])) == "still-active"


def test_a23_a_void_is_an_entry_of_its_own_kind_by_the_owners() -> None:
    world = Stolen()
    world.disable("bob")
    void = world.change(Edit(void_path(world.bob.key_id), "part/0", ROW, None))
    entry = world.write(void)
    assert entry.kind is EntryKind.VOID
    assert voids_in(world.log.state)[void.id].said == Voided(Seq(3), CHAIN, (ONE,))
    assert world.replica().head == world.log.head


def test_a23_others_than_owners_void_nothing() -> None:
    world = Stolen()
    world.disable("bob")
    void = world.change(Edit(void_path(world.bob.key_id), "part/0", ROW, None), signers=(world.carol,))
    with pytest.raises(Refused) as refusal:
        world.write(void)
    assert refusal.value.code == "missing-signatures"


def test_a_void_has_one_record_that_is_never_taken_back() -> None:
    world = Stolen()
    world.disable("bob")
    section = void_path(world.bob.key_id)
    assert refused(world, Edit(section, "part/1", ROW, None)) == "bad-value"
    assert refused(world, row=None) == "bad-value"
    world.write(world.change(Edit(section, "part/0", ROW, None)))
    with pytest.raises(Refused) as refusal:
        world.write(world.change(world.edit(section, "part/0", [4, CHAIN, []])))
    assert refusal.value.code == "bad-value"


def test_what_is_void_of_a_key_that_is_nobodys_needs_no_more() -> None:
    world = Stolen()
    world.write(world.change(Edit(void_path(world.key().key_id), "part/0", ROW, None)))
    assert world.entries[-1].kind is EntryKind.VOID


def test_several_sign_a_void_together_without_a_number() -> None:
    world = Stolen()
    world.disable("bob")
    world.write(world.change(Edit(void_path(world.bob.key_id), "part/0", ROW, None), counter=0))
    assert world.entries[-1].kind is EntryKind.VOID


@pytest.mark.parametrize(
    "row",
    [
        [0, CHAIN, []],
        [1, CHAIN[:-1], []],
        [1, CHAIN, [ONE, ONE]],
        [1, CHAIN, [ONE[:-1]]],
        [1, CHAIN, [n.to_bytes(32) for n in range(VOIDED_PER_RECORD_MAX + 1)]],
        [1, CHAIN],
    ],
)
def test_a17_a_void_says_since_when_and_names_each_change_once(row: list[object]) -> None:
    path = parse_path(void_path(KeyId(bytes(16))))
    check_record(path, "part/999", pack([1, CHAIN, [ONE, OTHER]]))
    with pytest.raises(UntrustedInput):
        check_record(path, "part/0", pack(row))


@pytest.mark.parametrize("key", ["part/1000", "part/00", "part/x", "part", "since"])
def test_a17_the_records_of_a_void_are_numbered(key: str) -> None:
    with pytest.raises(UntrustedInput):
        check_record(parse_path(void_path(KeyId(bytes(16)))), key, ROW)


def test_a_void_that_is_void_itself_lists_nothing_any_more() -> None:
    world = Stolen()
    first = world.key().key_id
    void = world.change(Edit(void_path(first), "part/0", ROW, None))
    world.write(void)
    voids = voids_in(world.log.state)
    assert voided_by(voids, world.log.position_of) == {ONE: void.id}
    row = voided_row(Voided(Seq(3), CHAIN, (void.id, OTHER)))
    later = world.change(Edit(void_path(world.key().key_id), "part/0", row, None))
    world.write(later)
    voids = voids_in(world.log.state)
    assert voided_by(voids, world.log.position_of) == {void.id: later.id, OTHER: later.id}


def test_a_void_lists_as_many_changes_as_a_record_holds_and_no_more() -> None:
    most = Voided(Seq(3), CHAIN, (ONE,) * VOIDED_PER_RECORD_MAX)
    assert len(unpack(voided_row(most), size_max=2**20)[2]) == VOIDED_PER_RECORD_MAX
    with pytest.raises(AssertionError):
        voided_row(most._replace(changes=(ONE,) * (VOIDED_PER_RECORD_MAX + 1)))
