"""The first entry: exactly one shape, signed by exactly its own owner and device."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from dusk import codec
from dusk.changelog.body import Change, Edit, Signature, build_change
from dusk.changelog.entry import APPLIED
from dusk.changelog.genesis import MANUAL_BACKUP, Founding, found, judge_genesis
from dusk.changelog.log import Log
from dusk.changelog.sections import device_path
from dusk.errors import Refused, UntrustedInput
from dusk.ids import NO_CLUSTER, ChangeId, ClusterId, DeviceId
from dusk.keys.signing import SigningKey
from tests.world import World, sealed_key

WORLD = World(11)
OWNER, DEVICE, RECOVERY = WORLD.owner, WORLD.master, WORLD.key()
ID = DeviceId(DEVICE.key_id)
SECTION = device_path(ID)
FOUNDING = Founding(
    name="home",
    user="alice",
    owner=OWNER,
    sealed=sealed_key(OWNER, "alice"),
    device=DEVICE,
    device_name="attic",
    label="02:00:00:00:00:01",
    recovery=RECOVERY.public,
    cycle_ms=5000,
)
GENESIS = found(FOUNDING, WORLD.random.randbytes)
ROWS = {(o.section, o.key): v.data for o, v in zip(GENESIS.body.operations, GENESIS.values, strict=True) if v}


def genesis(
    rows: dict[tuple[str, str], bytes | None],
    *,
    cluster: ClusterId = NO_CLUSTER,
    counter: int = 1,
    base: ChangeId | None = None,
    signers: Sequence[SigningKey] = (OWNER, DEVICE),
    device: DeviceId = ID,
) -> Change:
    return build_change(
        cluster=cluster,
        device=device,
        counter=counter,
        message="",
        edits=[Edit(s, k, data, base) for (s, k), data in rows.items()],
        signers=signers,
        random_bytes=WORLD.random.randbytes,
    )


def refused(change: Change, writer: DeviceId = ID) -> str:
    with pytest.raises(Refused) as refusal:
        judge_genesis(change, writer)
    log = Log(None)
    with pytest.raises(Refused):
        log.write_genesis(change, WORLD.stamp()._replace(writer=writer))
    assert log.head.seq == 0
    return refusal.value.code


def test_a_genesis_makes_owner_device_and_what_belongs_to_them() -> None:
    verdict = judge_genesis(GENESIS, ID)
    assert verdict.outcome == APPLIED
    assert {(w.section, w.key) for w in verdict.writes} == set(ROWS)


def test_the_same_rows_by_hand_are_a_genesis_too() -> None:
    assert judge_genesis(genesis(dict(ROWS)), ID).outcome == APPLIED


@pytest.mark.parametrize("missing", ROWS)
def test_each_record_is_needed(missing: tuple[str, str]) -> None:
    assert refused(genesis({k: v for k, v in ROWS.items() if k != missing})) == "bad-genesis"
    assert refused(genesis({**ROWS, missing: None})) == "bad-genesis"


@pytest.mark.parametrize(
    ("where", "row"),
    [
        (("trust", "owner/bob"), [RECOVERY.public]),
        (("trust", "grant/policy"), [[], 1, None, None, None]),
        (("user/bob", "key"), [RECOVERY.public]),
        (("policy/x", "set/system.s.x"), [1, 0, ["1"], []]),
        (("nonsense", "x"), [1]),
        (("trust", "quorum"), [2]),
        (("trust", "quorum"), [0]),
        (("trust", "owner/alice"), [RECOVERY.public]),
        (("trust", "owner/alice"), [DEVICE.public]),
        (("user/alice", "key"), [RECOVERY.public]),
        (("user/alice", "sealed"), [b"sealed"]),
        (("cluster", "succession"), [[bytes(16)]]),
        (("cluster", "succession"), [[ID, bytes(16)]]),
        (("cluster", "level"), [2]),
        (("cluster", "manual-backup"), [False]),
        (("cluster", "mandate"), [1, 1, bytes(32)]),
        ((SECTION, "key"), [RECOVERY.public]),
        ((SECTION, "name"), ["Not A Name"]),
    ],
)
def test_nothing_more_and_nothing_else(where: tuple[str, str], row: list[object]) -> None:
    assert refused(genesis({**ROWS, where: codec.pack(row)})) == "bad-genesis"


def test_a_genesis_may_say_that_owners_name_each_backup_themselves() -> None:
    change = found(replace(FOUNDING, auto_backup=False), WORLD.random.randbytes)
    verdict = judge_genesis(change, ID)
    said = {(w.section, w.key): w.record.data for w in verdict.writes}
    assert said.keys() - ROWS.keys() == {MANUAL_BACKUP}
    assert said[MANUAL_BACKUP] == codec.pack([True])


@pytest.mark.parametrize("where", [("policy/x", "set/a.b.c"), ("trust", "owner/bob"), (SECTION, "retired")])
def test_a_genesis_deletes_nothing(where: tuple[str, str]) -> None:
    assert refused(genesis({**ROWS, where: None})) == "bad-genesis"


def test_a_genesis_is_for_no_cluster_yet_has_number_one_and_no_bases() -> None:
    assert refused(genesis(dict(ROWS), cluster=ClusterId(b"c" * 32))) == "bad-genesis"
    assert refused(genesis(dict(ROWS), counter=2)) == "bad-genesis"
    assert refused(genesis(dict(ROWS), base=ChangeId(bytes(32)))) == "bad-genesis"
    assert refused(genesis(dict(ROWS)), DeviceId(bytes(16))) == "bad-genesis"
    assert refused(genesis(dict(ROWS), signers=(DEVICE, OWNER))) == "bad-genesis"
    assert (
        refused(genesis(dict(ROWS), device=DeviceId(OWNER.key_id)), DeviceId(OWNER.key_id)) == "bad-genesis"
    )


def test_the_owner_and_the_device_have_keys_of_their_own() -> None:
    rows: dict[tuple[str, str], bytes | None] = {
        **ROWS,
        ("trust", "owner/alice"): codec.pack([DEVICE.public]),
        ("user/alice", "key"): codec.pack([DEVICE.public]),
    }
    assert refused(genesis(rows, signers=(DEVICE,))) == "bad-genesis"


def test_a_genesis_is_signed_by_both_and_by_nobody_else() -> None:
    assert refused(genesis(dict(ROWS), signers=(OWNER,))) == "missing-signatures"
    assert refused(genesis(dict(ROWS), signers=(OWNER, DEVICE, RECOVERY))) == "missing-signatures"
    for spoilt in GENESIS.signatures:
        signatures = tuple(Signature(s.key_id, bytes(64)) if s == spoilt else s for s in GENESIS.signatures)
        assert refused(GENESIS._replace(signatures=signatures)) == "bad-signature"


def test_a_name_that_cannot_stand_in_the_log_is_refused_before_signing_ends() -> None:
    founding = replace(FOUNDING, name="x" * 300_000)
    with pytest.raises(UntrustedInput):
        found(founding, WORLD.random.randbytes)
