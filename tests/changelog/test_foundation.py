"""Foundations that lie: none is taken that does not hang together (A1, A42)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec, limits
from dusk.changelog.body import Change, Edit, decode_change
from dusk.changelog.foundation import piece_hash, pieces, read
from dusk.changelog.items import pack_entry_item, unpack_entry_item, verified_entry
from dusk.changelog.state import State
from dusk.effects import ItemKind
from dusk.errors import UntrustedInput
from dusk.ids import NO_CHAIN, ChainHash, Seq, labelled_hash
from tests.checkpoints import (
    NAME,
    STEP,
    attest,
    attestation,
    commit,
    foundation,
    grown,
    quorum_of_two,
    said_of,
)
from tests.holders import Holders
from tests.world import World

pytestmark = pytest.mark.usefixtures("small_steps")


def test_pieces_are_the_whole_cut() -> None:
    data = bytes(range(256)) * 600
    cut = pieces(data)
    assert b"".join(cut) == data
    assert {len(piece) for piece in cut[:-1]} == {limits.PIECE_BYTES_MAX}
    assert len({piece_hash(piece) for piece in cut}) == len(cut)


WORLD_SEED = 3


@pytest.fixture(scope="module")
def sound() -> tuple[World, bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "CHECKPOINT_STEP", STEP)
        patch.setattr(limits, "RETENTION_ENTRIES", 4)
        world = World(WORLD_SEED)
        commit(world, 3)
        setting = world.set("office", "system.@system[0].hostname", "late")
        world.write(world.change(Edit(setting.section, setting.key, setting.data, None)))
        world.open()
        commit(world, 20)
        attest(world)
        return world, foundation(world)


def test_a42_a_foundation_of_another_cluster_is_refused(sound: tuple[World, bytes]) -> None:
    _, data = sound
    with pytest.raises(UntrustedInput, match="another cluster"):
        read(data, World(9).cluster)
    assert read(data, None).head.seq == 16


@given(st.data())
def test_a42_a_foundation_with_any_byte_changed_is_refused(
    sound: tuple[World, bytes], data: st.DataObject
) -> None:
    world, whole = sound
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(UntrustedInput):
        read(bytes(changed), world.cluster)


def rows(data: bytes) -> list[Any]:
    return codec.unpack(data, size_max=limits.FOUNDATION_BYTES_MAX)


def _unsalted(record: list[Any]) -> list[Any]:
    return [record[0], None, *record[2:]]


VERSION, HEAD, OPENED, TERMS, MILESTONES, DIGESTS, CHANGES, OUTCOMES, SECTIONS, DERIVED, KEPT, SAID = range(
    12
)


@pytest.mark.parametrize(
    ("what", "at", "change"),
    [
        ("version", VERSION, lambda _: 2),
        ("no digests", DIGESTS, lambda _: b""),
        ("a digest too few", DIGESTS, lambda old: old[:-32]),
        ("another head", HEAD, lambda old: [*old[:4], bytes(32)]),
        ("another epoch", HEAD, lambda old: [old[0], old[1], old[2] + 1, *old[3:]]),
        ("a later epoch", OPENED, lambda old: [old[0] + 100, *old[1:]]),
        ("handed over", OPENED, lambda old: [*old[:3], True]),
        ("another term", TERMS, lambda old: [[old[0][0], [bytes(16)], False]]),
        ("terms behind its end", TERMS, lambda old: [*old, [999, old[0][1], True]]),
        ("two terms at once", TERMS, lambda old: [*old, *old]),
        ("a milestone too few", MILESTONES, lambda old: old[:-1]),
        ("a milestone behind", MILESTONES, lambda old: [*old, [999, bytes(32), [bytes(16)], 1]]),
        ("a bad owner", MILESTONES, lambda old: [[old[0][0], old[0][1], [b""], 1]]),
        ("a forgotten change", CHANGES, lambda old: bytes(32) + old[32:]),
        ("no outcome", OUTCOMES, lambda _: []),
        ("an outcome of no change", OUTCOMES, lambda old: [*old, [999, 1, None, ""]]),
        ("outcomes twice", OUTCOMES, lambda old: [*old, *old]),
        ("a section too few", SECTIONS, lambda old: old[:-1]),
        ("no salt", SECTIONS, lambda old: [[old[0][0], [_unsalted(old[0][1][0])]], *old[1:]]),
        ("sections in another order", SECTIONS, lambda old: old[::-1]),
        ("records in another order", SECTIONS, lambda old: [[path, records[::-1]] for path, records in old]),
        ("numbers twice", DERIVED, lambda old: [*old, *old]),
        ("a derived number", DERIVED, lambda old: [*old, ["uses/x", 1]]),
        ("nobody's owners", KEPT, lambda old: old[1:]),
        ("a conflict too few", KEPT, lambda old: old[:1]),
        ("out of order", KEPT, lambda old: old[::-1]),
        ("no attestation", SAID, lambda _: []),
        ("twice attested", SAID, lambda old: [*old, *old]),
    ],
)  # fmt: skip
def test_a42_a_foundation_that_says_something_else_is_refused(
    sound: tuple[World, bytes], what: str, at: int, change: Callable[[Any], Any]
) -> None:
    world, data = sound
    row = rows(data)
    row[at] = change(row[at])
    with pytest.raises(UntrustedInput):
        read(codec.pack(row), world.cluster)


@pytest.fixture(scope="module")
def forced() -> tuple[Holders, bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "CHECKPOINT_STEP", STEP)
        patch.setattr(limits, "RETENTION_ENTRIES", 4)
        world = Holders(WORLD_SEED)
        commit(world, 2)
        for holder in (world.kitchen, world.garage):
            world.lead(holder, world.role(holder))
            commit(world, 2)
        commit(world, 20)
        attest(world)
        return world, foundation(world)


def _remade(item: bytes, **fields: Any) -> bytes:
    """Return a kept entry that says something else of itself."""
    entry, change = unpack_entry_item(item)
    return pack_entry_item(entry._replace(**fields), change).data


def _with_digests(row: list[Any]) -> list[Any]:
    """Have the digests be those of the entries that are kept, and the head stand on them."""
    digests = bytearray(row[DIGESTS])
    for item in row[KEPT]:
        entry, _ = unpack_entry_item(item)
        digests[(entry.seq - 1) * 32 : entry.seq * 32] = entry.digest
    chain = NO_CHAIN
    for at in range(0, len(digests), 32):
        chain = ChainHash(labelled_hash(b"dusk.chain", chain, bytes(digests[at : at + 32])))
    row[DIGESTS], row[HEAD] = bytes(digests), [*row[HEAD][:4], chain]
    return row


def test_r4_a_foundation_has_the_roles_that_owners_forced(forced: tuple[Holders, bytes]) -> None:
    world, data = forced
    found = read(data, world.cluster)
    roles = [unpack_entry_item(item.data)[0] for item in found.kept]
    assert [entry.mandate for entry in roles] == [0, 1, 2]


@pytest.mark.parametrize(
    ("at", "change", "text"),
    [
        (KEPT, lambda old: old[:-1], "not the forced roles that belong there"),
        (KEPT, lambda old: [old[0], *old[2:]], "not the forced roles that belong there"),
        (TERMS, lambda old: [[*old[0][:2], True], *old[1:]], "not the forced roles that belong there"),
        (HEAD, lambda old: [old[0], 1, *old[2:]], "not a forced role for each mandate"),
        (TERMS, lambda old: [*old[:-1], [old[-1][0], old[0][1], True]], "is not what was due there"),
        (KEPT, lambda old: [*old[:-1], _remade(old[-1], mandate=1)], "is not the `open` of its role"),
        (KEPT, lambda old: [*old[:-1], _remade(old[-1], writer=bytes(16))], "is not the `open` of its role"),
    ],
)
def test_r4_a_foundation_shows_no_other_roles_than_the_first_to_the_last(
    forced: tuple[Holders, bytes], at: int, change: Callable[[Any], Any], text: str
) -> None:
    world, data = forced
    row = rows(data)
    row[at] = change(row[at])
    with pytest.raises(UntrustedInput, match=text):
        read(codec.pack(_with_digests(row)), None)
    with pytest.raises(UntrustedInput):
        read(codec.pack(row), world.cluster)


def _forged(forced: tuple[Holders, bytes], change: Change) -> bytes:
    """Return a foundation whose last role is another change, with digests that fit."""
    row = rows(forced[1])
    entry, _ = unpack_entry_item(row[KEPT][-1])
    entry = entry._replace(change=change.id, signatures=change.signatures_hash)
    row[KEPT][-1] = pack_entry_item(entry, change).data
    return codec.pack(_with_digests(row))


def test_a40_a_role_in_a_foundation_is_signed_by_the_owners_of_then_at_its_place(
    forced: tuple[Holders, bytes],
) -> None:
    world, data = forced
    entry, real = unpack_entry_item(rows(data)[KEPT][-1])
    assert real is not None
    base = world.log.head_at(entry.seq - 1)
    assert base is not None
    keys: dict[str, Any] = {"head": replace(base, mandate=1), "counter": real.body.counter}
    again = world.role(world.garage, **keys)
    with pytest.raises(UntrustedInput, match="attested is another"):
        read(_forged(forced, again), None)
    with pytest.raises(UntrustedInput, match="have not signed it"):
        read(_forged(forced, world.role(world.garage, signers=(world.kitchen,), **keys)), None)
    late = {**keys, "head": replace(base, mandate=1, seq=Seq(entry.seq))}
    for bad in (
        world.role(world.garage, head=replace(base, mandate=5)),
        world.role(world.kitchen, **keys),
        world.role(world.garage, **{**keys, "head": replace(base, mandate=1, chain=NO_CHAIN)}),
        world.role(world.garage, **late),
    ):
        with pytest.raises(UntrustedInput, match="is not what was due there"):
            read(_forged(forced, bad), None)
    more = world.set("office", NAME, "more")
    with pytest.raises(UntrustedInput, match="not for a forced role"):
        read(_forged(forced, world.role(world.garage, more=(more,), **keys)), None)


def test_a_foundation_has_no_entry_that_nobody_needs(forced: tuple[Holders, bytes]) -> None:
    world, data = forced
    row = rows(data)
    plain = next(
        item for item in world.items if item.kind is ItemKind.ENTRY and verified_entry(item).seq == 4
    )
    row[KEPT].insert(1, plain.data)
    with pytest.raises(UntrustedInput, match="an entry that nobody needs"):
        read(codec.pack(row), world.cluster)


@pytest.mark.parametrize(
    ("key", "record"), [("owner/alice", None), ("quorum", codec.pack((2,))), ("quorum", codec.pack((0,)))]
)
def test_a1_a_foundation_names_no_other_owners_than_their_chain(
    sound: tuple[World, bytes], key: str, record: bytes | None
) -> None:
    world, data = sound
    row = rows(data)
    (trust,) = [records for path, records in row[SECTIONS] if path == "trust"]
    (old,) = [each for each in trust if each[0] == key]
    trust[trust.index(old)] = [key, None if record is None else old[1], record, old[3]]
    with pytest.raises(UntrustedInput):
        read(codec.pack(row), world.cluster)


def test_a42_too_few_owners_attest_no_foundation() -> None:
    world, bob = quorum_of_two()
    commit(world, 20, (world.owner, bob))
    attest(world, bob)
    attest(world)
    data = foundation(world)
    row = rows(data)
    for left in (row[SAID][:1], row[SAID][1:]):
        with pytest.raises(UntrustedInput, match="not attested by enough owners"):
            read(codec.pack([*row[:SAID], left]), world.cluster)


def test_a42_owners_attest_nothing_between_milestones(
    sound: tuple[World, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, data = sound
    monkeypatch.setattr(limits, "CHECKPOINT_STEP", 5)
    with pytest.raises(UntrustedInput, match="not at a position that owners attest"):
        read(data, world.cluster)


def test_a42_attestations_of_others_do_not_count(sound: tuple[World, bytes]) -> None:
    world, data = sound
    row = rows(data)
    for other in (
        world.change(said_of(world, 16, state=bytes(32))),
        world.change(said_of(world, 24), signers=(world.master,)),
    ):
        row[SAID] = [other.encode()]
        with pytest.raises(UntrustedInput, match="attested"):
            read(codec.pack(row), world.cluster)


def test_only_the_owners_word_for_that_very_checkpoint_goes_into_its_foundation() -> None:
    world, bob = quorum_of_two()
    commit(world, 30, (world.owner, bob))
    for seq, owner in ((16, bob), (24, world.owner), (24, bob)):
        world.write(attestation(world, seq, owner))
    assert world.log.checkpoint == 24
    found = read(foundation(world), world.cluster)
    assert found.signers == {world.owner.key_id, bob.key_id}
    said = [decode_change(each) for each in rows(foundation(world))[SAID]]
    assert [change.body.author for change in said] == [world.owner.key_id, bob.key_id]


def bomb(sound: tuple[World, bytes], at: int, what: list[Any], digests: int) -> bytes:
    """Return a foundation with other rows, and as many bytes of digests as make it look honest."""
    row = rows(sound[1])
    row[at], row[DIGESTS], row[CHANGES] = what, bytes(32 * digests), bytes(32 * digests)
    return codec.pack(row)


@pytest.mark.parametrize("count", [20, 50_000, limits.FOUNDATION_ITEMS_MAX // 2])
def test_a6_a_foundation_of_many_tiny_items_is_refused_before_they_are_built(
    sound: tuple[World, bytes], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bomb(sound, DERIVED, [["a", 0]] * count, 100 if count < 10**5 else 30_000)
    if count == 20:
        with pytest.raises(UntrustedInput, match="of another cluster"):
            read(data, sound[0].cluster)
        return
    monkeypatch.setattr("msgpack.unpackb", None)
    with pytest.raises(UntrustedInput, match="too many items"):
        read(data, sound[0].cluster)


@pytest.mark.parametrize(
    ("at", "most", "what"),
    [
        (TERMS, limits.FOUNDATION_TERMS_MAX, [1, [bytes(16)], False]),
        (MILESTONES, limits.MILESTONES_MAX, [1, bytes(32), [], 1]),
        (OUTCOMES, limits.FOUNDATION_OUTCOMES_MAX, [1, 1, None, ""]),
        (SECTIONS, limits.FOUNDATION_SECTIONS_MAX, ["a", [["a", None, None, bytes(32)]]]),
        (DERIVED, limits.FOUNDATION_NUMBERS_MAX, ["a", 1]),
        (KEPT, limits.FOUNDATION_KEPT_MAX, b""),
    ],
)
def test_a6_each_kind_of_row_has_its_bound(sound: tuple[World, bytes], at: int, most: int, what: Any) -> None:
    with pytest.raises(UntrustedInput, match=f"not of . to {most}$"):
        read(bomb(sound, at, [what] * (most + 1), 25_000), sound[0].cluster)
    with pytest.raises(UntrustedInput, match="of another cluster"):
        read(bomb(sound, at, [what] * most, 25_000), sound[0].cluster)


def test_a6_a_section_has_so_many_records(sound: tuple[World, bytes]) -> None:
    record = ["a", None, None, bytes(32)]
    section = ["policy/office", [record] * (limits.FOUNDATION_RECORDS_MAX + 1)]
    with pytest.raises(UntrustedInput, match=f"section: records not of 1 to {limits.FOUNDATION_RECORDS_MAX}"):
        read(bomb(sound, SECTIONS, [section], 100), sound[0].cluster)


def test_a6_no_state_is_built_that_nobody_attested(
    sound: tuple[World, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, data = sound
    row = rows(data)
    row[SAID] = [attestation(world, 16, world.master).encode()]
    monkeypatch.setattr(State, "take", None)
    with pytest.raises(UntrustedInput, match="by who was no owner"):
        read(codec.pack(row), world.cluster)


def test_a42_owners_that_attest_different_states_attest_none() -> None:
    world, bob = quorum_of_two()
    commit(world, 20, (world.owner, bob))
    attest(world, bob)
    attest(world)
    row = rows(foundation(world))
    seq = row[HEAD][3]
    row[SAID][1] = world.change(said_of(world, seq, state=bytes(32))).encode()
    with pytest.raises(UntrustedInput, match="more than one state"):
        read(codec.pack(row), world.cluster)


@pytest.mark.parametrize("bound", ["FOUNDATION_ITEMS_MAX", "FOUNDATION_BYTES_MAX"])
def test_a6_nothing_is_compacted_to_what_would_be_too_large_to_read(
    monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    world = grown()
    monkeypatch.setattr(limits, bound, 100)
    with pytest.raises(UntrustedInput, match=r"too many items|at most 100"):
        foundation(world)
