"""RECOVERs in a foundation: what it shows is what raised the generation there, each of them (A40, A42)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dusk import codec, limits
from dusk.changelog.body import Change
from dusk.changelog.foundation import form, read
from dusk.changelog.items import pack_entry_item, unpack_entry_item
from dusk.errors import UntrustedInput
from dusk.ids import NO_CHAIN, ChainHash, DeviceId, Seq, labelled_hash
from tests.checkpoints import STEP, attest, commit, foundation
from tests.foundations import with_trust
from tests.holders import Holders

HEAD, DIGESTS, KEPT = 1, 5, 10


@pytest.fixture(scope="module")
def recovered() -> tuple[Holders, bytes]:
    """Return a log that owners forced, that was recovered and forced again, with its foundation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "CHECKPOINT_STEP", STEP)
        patch.setattr(limits, "RETENTION_ENTRIES", 4)
        world = Holders(3)
        world.lead(world.kitchen, world.role(world.kitchen))
        world.recover(world.garage)
        world.lead(world.garage, world.role(world.garage))
        commit(world, 20)
        attest(world)
        return world, foundation(world)


@pytest.fixture(autouse=True)
def _steps(small_steps: None) -> None:
    """Have small checkpoints here, too."""


def forged(data: bytes, seq: int, **bent: Any) -> bytes:
    """Return a foundation of which the kept entry at a position says another thing, with digests that fit."""
    row = form(data)
    change = bent.pop("carries", None)
    for at, item in enumerate(row[KEPT]):
        entry, real = unpack_entry_item(item)
        if entry.seq == seq:
            carried = change or real
            assert carried is not None, "it is a raise"
            entry = entry._replace(change=carried.id, signatures=carried.signatures_hash, **bent)
            row[KEPT][at] = pack_entry_item(entry, carried).data
    return packed(with_trust(row))


def packed(row: list[Any]) -> bytes:
    digests = bytearray(row[DIGESTS])
    for item in row[KEPT]:
        entry, _ = unpack_entry_item(item)
        digests[(entry.seq - 1) * 32 : entry.seq * 32] = entry.digest
    chain = NO_CHAIN
    for at in range(0, len(digests), 32):
        chain = ChainHash(labelled_hash(b"dusk.chain", chain, bytes(digests[at : at + 32])))
    row[DIGESTS], row[HEAD] = bytes(digests), [*row[HEAD][:4], chain]
    return codec.pack(row)


def place_of(data: bytes, generation: int) -> int:
    """Return where the first entry of a generation stands."""
    entries = (unpack_entry_item(item)[0] for item in form(data)[KEPT])
    return next(entry.seq for entry in entries if entry.generation == generation)


def test_a_foundation_shows_what_raised_generation_and_mandate(recovered: tuple[Holders, bytes]) -> None:
    world, data = recovered
    kept = [unpack_entry_item(item.data)[0] for item in read(data, world.cluster).kept]
    assert [(e.generation, e.mandate) for e in kept] == [(0, 0), (0, 1), (1, 1), (1, 2)]


@pytest.mark.parametrize(
    ("bent", "text"),
    [
        ({"generation": 0, "mandate": 2}, "not the `open` of its role"),
        ({"generation": 2, "mandate": 0}, "not the `open` of its role"),
        ({"writer": DeviceId(bytes(16))}, "not the `open` of its role"),
    ],
)
def test_a42_a_recover_stands_where_it_was_due(
    recovered: tuple[Holders, bytes], bent: dict[str, Any], text: str
) -> None:
    _, data = recovered
    with pytest.raises(UntrustedInput, match=text):
        read(forged(data, place_of(data, 1), **bent), None)


def test_a42_no_recover_is_left_out(recovered: tuple[Holders, bytes]) -> None:
    _, data = recovered
    row, seq = form(data), place_of(data, 1)
    row[KEPT] = [item for item in row[KEPT] if unpack_entry_item(item)[0].seq != seq]
    with pytest.raises(UntrustedInput, match="not the forced roles"):
        read(packed(row), None)
    row = form(data)
    row[HEAD][:2] = [2, 1]
    with pytest.raises(UntrustedInput, match="not a forced role for each"):
        read(codec.pack(row), None)


def test_a42_of_older_raises_than_are_kept_whole_a_foundation_has_recovers_alone(
    recovered: tuple[Holders, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, data = recovered
    monkeypatch.setattr(limits, "ROLES_KEPT_MAX", 2)
    with pytest.raises(UntrustedInput, match="not the forced roles"):
        read(data, world.cluster)


def test_a40_a_recover_in_a_foundation_is_signed_by_the_phrase_of_then_at_its_place(
    recovered: tuple[Holders, bytes],
) -> None:
    world, data = recovered
    seq = place_of(data, 1)
    before = world.log.head_at(seq - 1)
    assert before is not None
    first = Holders(3).recovery

    def made(**how: Any) -> Change:
        gone = world.edit("trust", "owner/alice", None)
        more = [gone, *how.pop("more", ())]
        keys = {"owner": world.owner, "following": world.key(), "head": before, "more": more, **how}
        return world.recovering(keys.pop("phrase", first), *keys.pop("keys", (world.garage,)), **keys)

    bad: list[tuple[Callable[[], Change], str]] = [
        (lambda: made(phrase=world.recovery), "have not signed it"),
        (lambda: made(phrase=world.owner), "have not signed it"),
        (lambda: made(head=replace(before, generation=4)), "is not what was due there"),
        (lambda: made(head=replace(before, chain=NO_CHAIN)), "is not what was due there"),
        (lambda: made(head=replace(before, seq=Seq(seq))), "is not what was due there"),
        (lambda: made(keys=(world.kitchen,)), "is not what was due there"),
        (lambda: made(more=[world.set("a", "system.s.x", "1")]), "not for a RECOVER"),
    ]
    for make, text in bad:
        with pytest.raises(UntrustedInput, match=text):
            read(forged(data, seq, carries=make()), None)
