"""The proof that owners removed a device and want its secrets off it: what it takes, and says (A22)."""

from collections.abc import Callable

import pytest

from dusk import codec, limits
from dusk.changelog.body import Change, Edit
from dusk.changelog.entry import EntryKind, Outcome, OutcomeCode, sign_head
from dusk.changelog.items import unpack_entry_item
from dusk.changelog.log import Log
from dusk.changelog.removal import DIGESTS_MAX, Removal, check, is_wiped, prove, read
from dusk.changelog.sections import device_path
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import ClusterId, DeviceId
from dusk.keys.signing import SigningKey
from tests.world import NO_REST, World


def removed(*, others: int = 0) -> tuple[World, Log, DeviceId, list[LogItem]]:
    """Return a world whose owner removed a device, its own log, its id, and the items from there on."""
    world = World()
    world.allow_joining()
    device = DeviceId(world.join("hall").key_id)
    old = world.replica()
    at = len(world.items)
    world.commit(*wiping(world, device))
    for number in range(others):
        world.commit(world.set("a", "x.y.z", str(number)))
    return world, old, device, world.items[at:]


def wiping(world: World, device: DeviceId) -> list[Edit]:
    section = device_path(device)
    return [world.edit(section, "retired", [True]), world.edit(section, "wipe", [True])]


def proof(items: list[LogItem], device: DeviceId) -> bytes:
    made = prove(items, device)
    assert made is not None
    return made


def believed(log: Log, device: DeviceId, data: bytes) -> bool:
    try:
        check(log.state, log.head, device, read(data))
    except UntrustedInput:
        return False
    return True


def test_a22_a_device_that_was_off_believes_its_own_owners_and_who_may_lead() -> None:
    world, old, device, items = removed(others=3)
    assert is_wiped(world.log.state, device)
    assert not is_wiped(old.state, device)
    assert believed(old, device, proof(items, device))
    heads = [at for at, item in enumerate(items) if item.kind is ItemKind.HEAD]
    later = [item for at, item in enumerate(items) if at not in heads[:-1]]
    many = proof(later, device)
    assert len(read(many).digests) == 3
    assert believed(old, device, many)


def test_r15_the_proof_has_no_value_and_no_change_but_the_removal() -> None:
    _, _, device, items = removed(others=1)
    data = proof(items, device)
    assert read(data).change.values == ()
    change = unpack_entry_item(items[0].data)[1]
    assert change is not None
    assert all(value is not None and value.salt not in data for value in change.values)
    assert b"policy/a" not in data
    certificate = LogItem(ItemKind.CERTIFICATE, b"")
    assert proof([items[0], certificate, items[2], items[3]], device) != data
    assert prove(items[:1], device) is None, "no head behind it"


def test_nothing_is_proven_of_what_removes_nobody_or_does_more() -> None:
    world, _, device, items = removed()
    assert prove([], device) is None
    assert prove(items[1:], device) is None, "a head"
    assert prove(items, world.device_id) is None, "another device"
    for edits in (
        [world.set("a", "x.y.z", "1")],
        [world.edit(device_path(device), "name", ["other"])],
    ):
        at = len(world.items)
        world.commit(*edits)
        assert prove(world.items[at:], device) is None
    at = len(world.items)
    world.open()
    assert prove(world.items[at:], device) is None, "no change"
    stale = world.change(Edit(device_path(device), "retired", codec.pack([True]), None))
    at = len(world.items)
    world.write(stale)
    assert prove(world.items[at:], device) is None, "superseded"


def test_a22_nothing_is_proven_of_what_was_superseded_or_takes_a_wipe_back() -> None:
    world, _, device, _ = removed()
    section = device_path(device)
    stale = [Edit(section, key, codec.pack([True]), None) for key in ("retired", "wipe")]
    for edits in (stale, [world.edit(section, "retired", [True]), world.edit(section, "wipe", None)]):
        at = len(world.items)
        world.commit(*edits)
        assert prove(world.items[at:], device) is None


def test_r10_a_proof_that_would_be_too_large_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, device, items = removed()
    size_bytes = len(proof(items, device))
    monkeypatch.setattr(limits, "REMOVAL_BYTES_MAX", size_bytes)
    assert read(proof(items, device)).digests == (), "it may be as large as that"
    monkeypatch.setattr(limits, "REMOVAL_BYTES_MAX", size_bytes - 1)
    assert prove(items, device) is None


def test_a22_a_removal_of_another_device_or_another_cluster_removes_nobody_here() -> None:
    world, old, device, items = removed()
    other = DeviceId(world.key().key_id)
    assert not believed(old, other, proof(items, device)), "replayed from another device"
    elsewhere, log, its, theirs = removed()
    assert elsewhere.cluster == world.cluster, "the same seed"
    foreign = World(2)
    foreign.allow_joining()
    assert not believed(foreign.replica(), device, proof(items, device))
    assert believed(log, its, proof(theirs, its))


def test_a22_what_the_own_log_is_past_proves_nothing() -> None:
    world, _, device, items = removed()
    assert not believed(world.log, device, proof(items, device))


def _forged(
    change: Callable[[World, DeviceId], Change], writer: SigningKey | None = None
) -> tuple[Log, DeviceId, Removal]:
    """Return a log, a device, and a proof that a member made up, with what it can sign."""
    world, old, device, items = removed()
    found, made = read(proof(items, device)), change(world, device)
    entry = found.entry._replace(change=made.id, signatures=made.signatures_hash)
    if writer is not None:
        entry = entry._replace(writer=DeviceId(writer.key_id))
    signed = sign_head(writer or world.master, world.cluster, entry.head, NO_REST)
    return old, device, Removal(entry, made, (), signed)


def _refused(log: Log, device: DeviceId, removal: Removal, says: str) -> None:
    with pytest.raises(UntrustedInput, match=says):
        check(log.state, log.head, device, removal)


def _by_owner(world: World, device: DeviceId) -> Change:
    return world.change(*wiping(world, device))


def _by_a_member(world: World, device: DeviceId) -> Change:
    return world.change(*wiping(world, device), signers=(world.master,))


def _torn(world: World, device: DeviceId) -> Change:
    good = _by_owner(world, device)
    (one,) = good.signatures
    return Change(good.body_bytes, (one._replace(signature=bytes(64)),), ())


def _with_more(world: World, device: DeviceId) -> Change:
    return world.change(*wiping(world, device), world.set("a", "x.y.z", "1"))


def _with_a_name(world: World, device: DeviceId) -> Change:
    return world.change(*wiping(world, device), world.edit(device_path(device), "name", ["other"]))


def _with_a_like_key(world: World, device: DeviceId) -> Change:
    return world.change(*wiping(world, device), Edit("policy/a", "wipe", codec.pack([True]), None))


def _elsewhere(world: World, device: DeviceId) -> Change:
    return world.change(*wiping(world, device), cluster=ClusterId(bytes(32)))


def test_a22_a_removal_that_owners_did_not_sign_removes_nobody() -> None:
    _refused(*_forged(_by_a_member), "not signed by as many owners")
    _refused(*_forged(_torn), "not signed by as many owners")
    for change in (_with_more, _with_a_name, _with_a_like_key):
        _refused(*_forged(change), "of more than devices")
    _refused(*_forged(_elsewhere), "of another cluster")
    log, device, sound = _forged(_by_owner)
    check(log.state, log.head, device, sound)


def test_a22_an_entry_of_another_kind_or_outcome_removes_nobody() -> None:
    log, device, good = _forged(_by_owner)
    for entry in (
        good.entry._replace(kind=EntryKind.OPEN),
        good.entry._replace(outcome=Outcome(OutcomeCode.SUPERSEDED, None)),
    ):
        _refused(log, device, good._replace(entry=entry), "removes nobody")


def test_a22_a_member_that_may_not_lead_removes_nobody() -> None:
    world = World()
    world.allow_joining()
    member, device = world.join("garage"), DeviceId(world.join("hall").key_id)
    old, at = world.replica(), len(world.items)
    world.commit(*wiping(world, device))
    sound = read(proof(world.items[at:], device))
    check(old.state, old.head, device, sound)
    entry = sound.entry._replace(writer=DeviceId(member.key_id))
    head = sign_head(member, world.cluster, entry.head, NO_REST)
    _refused(old, device, sound._replace(entry=entry, head=head), "not signed for by who may lead")


def test_a22_a_removal_that_no_holder_signed_for_removes_nobody() -> None:
    stranger = SigningKey.from_seed(bytes(32))
    _refused(*_forged(_by_owner, stranger), "not signed for by who may lead")
    log, device, good = _forged(_by_owner)
    _refused(log, device, good._replace(digests=(bytes(32),)), "not behind the entry")
    other = sign_head(stranger, log.state.cluster, good.entry.head, NO_REST)
    _refused(log, device, good._replace(head=other), "not signed for by who may lead")
    _refused(log, device, good._replace(entry=good.entry._replace(change=None)), "another change")


def test_a17_what_is_no_proof_is_refused() -> None:
    _, _, device, items = removed()
    data = proof(items, device)
    row = codec.unpack(data, size_max=limits.REMOVAL_BYTES_MAX)
    for place, value in (
        (0, b""),
        (1, b""),
        (2, []),
        (2, [(bytes(16), bytes(64))] * (limits.SIGNATURES_MAX + 1)),
        (3, bytes(31)),
        (3, bytes(32 * (DIGESTS_MAX + 1))),
        (4, b""),
    ):
        with pytest.raises(UntrustedInput):
            read(codec.pack([*row[:place], value, *row[place + 1 :]]))
