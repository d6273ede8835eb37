"""Signatures verified ahead: the log is what it is without, and trusts exactly what was verified (R6)."""

from collections.abc import Sequence

import pytest

from dusk.changelog.body import Signature
from dusk.changelog.entry import sign_head
from dusk.changelog.fold import claims_of
from dusk.changelog.log import Log, pack_entry_item, unpack_entry_item
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, labelled_hash
from dusk.keys.signing import NONE_VERIFIED, SignedBytes, Verified, VerifyAhead, all_verified, verified_of
from tests.world import NO_REST, World


def _world() -> World:
    world = World()
    for number in range(6):
        world.commit(world.set("wifi", "wireless.radio0.channel", str(number)))
    return world


WORLD = _world()


class Asked:
    """Verifies ahead, and remembers what it was asked."""

    def __init__(self) -> None:
        self.claims: list[SignedBytes] = []

    def __call__(self, claims: Sequence[SignedBytes]) -> Verified:
        self.claims += claims
        return verified_of(claims)


def none_ahead(claims: Sequence[SignedBytes]) -> Verified:
    return all_verified([verified_of(claims[:0]), NONE_VERIFIED])


def forged(at: int) -> list[LogItem]:
    """Return the world's items up to an entry whose change is signed wrongly; all else fits."""
    entry, change = unpack_entry_item(WORLD.items[at].data)
    assert change is not None
    wrong = change._replace(signatures=(Signature(change.signatures[0].key_id, bytes(64)),))
    entry = entry._replace(signatures=wrong.signatures_hash)
    head = sign_head(WORLD.master, WORLD.cluster, entry.head, NO_REST)
    return [*WORLD.items[:at], pack_entry_item(entry, wrong), LogItem(ItemKind.HEAD, head.encode())]


@pytest.mark.parametrize("ahead", [verified_of, none_ahead])
def test_r2_a_log_is_the_same_whatever_was_verified_ahead(ahead: VerifyAhead) -> None:
    log = Log(WORLD.cluster, ahead)
    log.extend(WORLD.items[:4])
    assert log.extend(WORLD.items[2:]) == tuple(WORLD.items[4:])
    assert log.head == WORLD.log.head


@pytest.mark.parametrize("ahead", [verified_of, none_ahead])
@pytest.mark.parametrize("at", [2, 8])
def test_a15_a_wrong_signature_is_refused_whatever_was_verified_ahead(ahead: VerifyAhead, at: int) -> None:
    log = Log(WORLD.cluster, ahead)
    log.extend(WORLD.items[:2])
    with pytest.raises(UntrustedInput, match="the signature of alice does not verify"):
        log.extend(forged(at))
    assert log.head.seq == 1


def test_only_signatures_of_new_entries_by_known_keys_are_asked_for() -> None:
    asked = Asked()
    log = Log(WORLD.cluster, asked)
    log.extend(WORLD.items[:2])
    assert asked.claims == [], "nobody is known before the first entry"
    log.extend(WORLD.items[:6])
    changes = [unpack_entry_item(WORLD.items[at].data)[1] for at in (2, 4)]
    assert asked.claims == [
        claim for c in changes if c is not None for claim in claims_of(WORLD.log.state, c)
    ]
    assert len(asked.claims) == 2


def test_an_unreadable_entry_is_refused_at_its_turn() -> None:
    asked = Asked()
    log = Log(WORLD.cluster, asked)
    log.extend(WORLD.items[:2])
    with pytest.raises(UntrustedInput, match="encoding"):
        log.extend([*WORLD.items[2:4], LogItem(ItemKind.ENTRY, b"\x92"), *WORLD.items[4:]])
    assert len(asked.claims) == 1
    assert log.head.chain == unpack_entry_item(WORLD.items[0].data)[0].head.chain


def test_a_claim_is_all_of_its_bytes() -> None:
    entry, change = unpack_entry_item(WORLD.items[2].data)
    assert change is not None
    (claim,) = claims_of(WORLD.log.state, change)
    other = ChainHash(labelled_hash(b"other", entry.previous))
    others = (claim._replace(data=b""), claim._replace(cluster_id=other), claim._replace(label=b"dusk.head"))
    assert verified_of([claim, *others]) == frozenset({claim})
