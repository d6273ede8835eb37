"""Each lie of a foundation is found where it stands (A1, A42)."""

from collections.abc import Callable
from typing import Any

import pytest

from dusk import codec, limits
from dusk.changelog.body import Edit
from dusk.changelog.foundation import read
from dusk.changelog.items import unpack_entry_item
from dusk.changelog.log import Log
from dusk.errors import UntrustedInput
from dusk.ids import NO_CHAIN
from tests.checkpoints import (
    NAME,
    attest,
    commit,
    foundation,
    said_of,
    with_a_conflict_of_another,
)
from tests.foundations import (
    CHANGES,
    DIGESTS,
    HEAD,
    KEPT,
    MILESTONES,
    OPENED,
    OUTCOMES,
    SAID,
    SECTIONS,
    TERMS,
    WORLD_SEED,
    forged,
    remade,
    rows,
)
from tests.holders import Holders
from tests.world import World

pytestmark = pytest.mark.usefixtures("small_steps")


def _owner_gone(row: list[Any]) -> None:
    (trust,) = [records for path, records in row[SECTIONS] if path == "trust"]
    (old,) = [each for each in trust if each[0] == "owner/alice"]
    old[1:3] = [None, None]


def _quorum_of_two(row: list[Any]) -> None:
    (trust,) = [records for path, records in row[SECTIONS] if path == "trust"]
    (old,) = [each for each in trust if each[0] == "quorum"]
    old[2] = codec.pack((2,))


def _digest_too_few(row: list[Any]) -> None:
    row[DIGESTS] = row[DIGESTS][:-32]


def _change_too_few(row: list[Any]) -> None:
    row[CHANGES] = row[CHANGES][:-32]


def _other_chain(row: list[Any]) -> None:
    row[HEAD][4] = bytes(32)


def _of_nothing(row: list[Any]) -> None:
    row[HEAD][3:], row[DIGESTS], row[CHANGES] = [0, NO_CHAIN], b"", b""


def _epoch_at(behind: int) -> Callable[[list[Any]], None]:
    def lie(row: list[Any]) -> None:
        row[OPENED][0] = row[HEAD][3] + behind

    return lie


def _term_at(behind: int) -> Callable[[list[Any]], None]:
    def lie(row: list[Any]) -> None:
        row[TERMS].append([row[HEAD][3] + behind, row[TERMS][0][1], False])

    return lie


def _term_twice(row: list[Any]) -> None:
    row[TERMS].append(row[TERMS][-1])


def _no_device(row: list[Any]) -> None:
    row[TERMS][0][1] = [b""]


def _outcome_twice(row: list[Any]) -> None:
    row[OUTCOMES] *= 2


def _outcome_of_an_open(row: list[Any]) -> None:
    row[OUTCOMES][0][0] = next(seq for seq in range(1, 17) if not any(row[CHANGES][seq * 32 - 32 : seq * 32]))


def _kept(*items: object) -> Callable[[list[Any]], None]:
    def lie(row: list[Any]) -> None:
        row[KEPT][:1] = items or [row[KEPT][0]] * 2

    return lie


def _conflict_forgotten(row: list[Any]) -> None:
    del row[KEPT][-1]


def _kept_otherwise(row: list[Any]) -> None:
    row[KEPT][-1] = remade(row[KEPT][-1], writer=bytes(16))


def _record_is(salt: bytes | None, data: bytes | None) -> Callable[[list[Any]], None]:
    def lie(row: list[Any]) -> None:
        row[SECTIONS][0][1][0][1:3] = [salt, data]

    return lie


def _milestone_at(behind: int) -> Callable[[list[Any]], None]:
    def lie(row: list[Any]) -> None:
        row[MILESTONES].append([row[HEAD][3] + behind, bytes(32), [bytes(16)], 1])

    return lie


def _no_owner(row: list[Any]) -> None:
    row[MILESTONES][0][2] = [b""]


def _said(*rows: object) -> Callable[[list[Any]], None]:
    def lie(row: list[Any]) -> None:
        row[SAID] = list(rows) or row[SAID] * 2

    return lie


@pytest.mark.parametrize(
    ("lie", "text"),
    [
        (_epoch_at(1), "epoch or successions behind its end"),
        (_epoch_at(0), "attested is another state"),
        (_term_at(1), "epoch or successions behind its end"),
        (_term_at(0), "attested is another state"),
        (_term_twice, "epoch or successions behind its end"),
        (_owner_gone, "other owners than those that the entries name"),
        (_quorum_of_two, "other owners than those that the entries name"),
        (_digest_too_few, "not a digest and a change for each entry"),
        (_change_too_few, "not a digest and a change for each entry"),
        (_other_chain, "not those of its chain hash"),
        (_of_nothing, "not those of its chain hash"),
        (_no_device, "device: not 16 bytes"),
        (_outcome_twice, "an outcome of no change"),
        (_outcome_of_an_open, "an outcome of no change"),
        (_kept(None), "kept entry: not at most"),
        (_kept(bytes(limits.KEPT_ITEM_BYTES_MAX + 1)), "kept entry: not at most"),
        (_kept(), "is not the log's, or out of order"),
        (_kept_otherwise, "is not the log's, or out of order"),
        (_conflict_forgotten, "not the changes without effect that belong there"),
        (_record_is(None, b"x"), "a value without a salt, or a salt without a value"),
        (_record_is(bytes(16), None), "a value without a salt, or a salt without a value"),
        (_record_is(bytes(16), codec.pack((1, 2, 3, 4, 5, 6, 7, 8, 9))), "not an array of"),
        (_milestone_at(0), "a milestone behind its end"),
        (_milestone_at(1), "a milestone behind its end"),
        (_no_owner, "owner: not 16 bytes"),
        (_said(None), "attestation: not at most"),
        (_said(bytes(limits.CHANGE_BYTES_MAX + 1)), "attestation: not at most"),
        (_said(), "attested by who was no owner, or twice"),
    ],
)
def test_a42_each_lie_is_found_where_it_stands_and_not_only_by_the_hash_of_all(
    sound: tuple[World, bytes], lie: Callable[[list[Any]], None], text: str
) -> None:
    row = rows(sound[1])
    lie(row)
    with pytest.raises(UntrustedInput, match=text):
        read(codec.pack(row), None)


def test_a42_an_attestation_is_one_owners_word_for_that_very_position(sound: tuple[World, bytes]) -> None:
    world, data = sound
    row = rows(data)
    word = said_of(world, 16)
    for other in (
        world.change(world.set("office", NAME, "no attestation")),
        world.change(said_of(world, 24)),
        world.change(said_of(world, 16, chain=NO_CHAIN)),
        world.change(word, cluster=World(9).cluster),
        world.change(word, signers=(world.owner, world.master)),
    ):
        row[SAID] = [other.encode()]
        with pytest.raises(UntrustedInput, match="attested is another position"):
            read(codec.pack(row), world.cluster)


def test_a1_what_an_attestation_says_is_checked_before_it_is_read(sound: tuple[World, bytes]) -> None:
    world, data = sound
    row = rows(data)
    word = said_of(world, 16)
    for bad in (codec.pack((16,)), codec.pack((16, bytes(32), bytes(32), 0))):
        row[SAID] = [world.change(Edit(word.section, word.key, bad, word.base)).encode()]
        with pytest.raises(UntrustedInput):
            read(codec.pack(row), world.cluster)


def test_the_newest_change_of_a_foundation_is_one_though_an_entry_without_any_stands_last() -> None:
    world = World(WORLD_SEED)
    commit(world, 15 - world.log.head.seq)
    newest = world.log.newest_change()
    world.open()
    commit(world, 10)
    attest(world)
    found = read(foundation(world), world.cluster)
    assert found.head.seq == 16
    assert Log(world.cluster, ground=found.ground).newest_change() == newest


def test_a_change_without_effect_is_in_a_foundation_though_it_is_not_by_owners() -> None:
    world = World(WORLD_SEED)
    late = with_a_conflict_of_another(world)
    commit(world, 20)
    attest(world)
    found = read(foundation(world), world.cluster)
    assert late in [unpack_entry_item(item.data)[0].change for item in found.kept]


def test_a1_what_a_role_in_a_foundation_says_is_checked_before_it_is_read(
    forced: tuple[Holders, bytes],
) -> None:
    world, data = forced
    _, real = unpack_entry_item(rows(data)[KEPT][-1])
    assert real is not None
    bad = world.change(
        world.edit("cluster", "succession", [[world.garage.key_id]]),
        world.edit("cluster", "mandate", (1, 2)),
        counter=real.body.counter,
    )
    with pytest.raises(UntrustedInput, match="not an array of"):
        read(forged(forced, bad), None)
