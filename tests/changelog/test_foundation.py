"""Foundations that lie: none is taken that does not hang together (A1, A42)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec, limits
from dusk.changelog.body import decode_change
from dusk.changelog.entry import OutcomeCode
from dusk.changelog.foundation import form, piece_hash, pieces, read
from dusk.changelog.items import unpack_entry_item, verified_entry
from dusk.effects import ItemKind
from dusk.errors import UntrustedInput
from dusk.ids import NO_CHAIN, Seq
from tests.checkpoints import (
    NAME,
    attest,
    attestation,
    commit,
    foundation,
    grown,
    quorum_of_two,
    said_of,
)
from tests.foundations import (
    CHANGES,
    DERIVED,
    DIGESTS,
    HEAD,
    KEPT,
    MILESTONES,
    OPENED,
    OUTCOMES,
    SAID,
    SECTIONS,
    TERMS,
    VERSION,
    forged,
    remade,
    rows,
    unsalted,
    with_digests,
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
        ("no salt", SECTIONS, lambda old: [[old[0][0], [unsalted(old[0][1][0])]], *old[1:]]),
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
        (KEPT, lambda old: [*old[:-1], remade(old[-1], mandate=1)], "is not the `open` of its role"),
        (KEPT, lambda old: [*old[:-1], remade(old[-1], writer=bytes(16))], "is not the `open` of its role"),
    ],
)
def test_r4_a_foundation_shows_no_other_roles_than_the_first_to_the_last(
    forced: tuple[Holders, bytes], at: int, change: Callable[[Any], Any], text: str
) -> None:
    world, data = forced
    row = rows(data)
    row[at] = change(row[at])
    with pytest.raises(UntrustedInput, match=text):
        read(codec.pack(with_digests(row)), None)
    with pytest.raises(UntrustedInput):
        read(codec.pack(row), world.cluster)


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
        read(forged(forced, again), None)
    with pytest.raises(UntrustedInput, match="have not signed it"):
        read(forged(forced, world.role(world.garage, signers=(world.kitchen,), **keys)), None)
    late = {**keys, "head": replace(base, mandate=1, seq=Seq(entry.seq))}
    for bad in (
        world.role(world.garage, head=replace(base, mandate=5)),
        world.role(world.kitchen, **keys),
        world.role(world.garage, **{**keys, "head": replace(base, mandate=1, chain=NO_CHAIN)}),
        world.role(world.garage, **late),
    ):
        with pytest.raises(UntrustedInput, match="is not what was due there"):
            read(forged(forced, bad), None)
    more = world.set("office", NAME, "more")
    with pytest.raises(UntrustedInput, match="not for a forced role"):
        read(forged(forced, world.role(world.garage, more=(more,), **keys)), None)


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
    monkeypatch.setattr("dusk.changelog.foundation._take_sections", None)
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


BEYOND = limits.NUMBER_MAX + 1


@pytest.mark.parametrize(
    ("at", "value"),
    [
        ((VERSION,), 0),
        ((VERSION,), 2),
        ((OPENED, 0), 0),
        ((OPENED, 0), BEYOND),
        ((TERMS,), []),
        ((TERMS, 0, 0), 0),
        ((TERMS, 0, 0), BEYOND),
        ((MILESTONES, 0, 0), 0),
        ((MILESTONES, 0, 0), BEYOND),
        ((MILESTONES, 0, 3), -1),
        ((MILESTONES, 0, 3), BEYOND),
        ((OUTCOMES, 0, 0), 0),
        ((OUTCOMES, 0, 0), BEYOND),
        ((OUTCOMES, 0, 1), 0),
        ((OUTCOMES, 0, 1), max(OutcomeCode) + 1),
        ((OUTCOMES, 0, 3), "x" * 65),
        ((SECTIONS,), []),
        ((SECTIONS, 0, 0), "x" * (limits.SECTION_BYTES_MAX + 1)),
        ((SECTIONS, 0, 1), []),
        ((SECTIONS, 0, 1, 0, 0), "x" * (limits.RECORD_KEY_BYTES_MAX + 1)),
        ((SECTIONS, 0, 1, 0, 2), bytes(limits.VALUE_BYTES_MAX + 1)),
        ((DERIVED, 0, 0), "x" * 256),
        ((DERIVED, 0, 1), -1),
        ((DERIVED, 0, 1), BEYOND),
    ],
)
def test_a6_the_form_of_a_foundation_has_bounds(
    sound: tuple[World, bytes], at: tuple[int, ...], value: object
) -> None:
    row = rows(sound[1])
    inner = row
    for place in at[:-1]:
        inner = inner[place]
    inner[at[-1]] = value
    with pytest.raises(UntrustedInput):
        form(codec.pack(row))


@pytest.mark.parametrize(
    ("at", "bound"),
    [
        ((TERMS,), limits.FOUNDATION_TERMS_MAX),
        ((MILESTONES,), limits.MILESTONES_MAX),
        ((OUTCOMES,), limits.FOUNDATION_OUTCOMES_MAX),
        ((SECTIONS,), limits.FOUNDATION_SECTIONS_MAX),
        ((SECTIONS, 0, 1), limits.FOUNDATION_RECORDS_MAX),
        ((DERIVED,), limits.FOUNDATION_NUMBERS_MAX),
    ],
)
def test_a6_a_foundation_has_only_so_many_rows(
    sound: tuple[World, bytes], at: tuple[int, ...], bound: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FOUNDATION_ITEMS_MAX", 10**8)
    monkeypatch.setattr(limits, "FOUNDATION_BYTES_PER_ITEM_MIN", 1)
    monkeypatch.setattr(limits, "FOUNDATION_BYTES_MAX", 10**9)
    row = rows(sound[1])
    inner = row
    for place in at[:-1]:
        inner = inner[place]
    inner[at[-1]] = [inner[at[-1]][0]] * bound
    assert form(codec.pack(row))
    inner[at[-1]].append(inner[at[-1]][0])
    with pytest.raises(UntrustedInput):
        form(codec.pack(row))
