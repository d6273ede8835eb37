"""The first entry: makes a cluster out of nothing but its founder's signatures.

Its digest is the cluster's id, so whoever knows the id knows the owners, the recovery key and
the first device, and can verify everything behind it.
"""

from collections.abc import Callable

from dusk import codec
from dusk.changelog.body import CHANGE_LABEL, Change, Edit, build_change
from dusk.changelog.entry import APPLIED
from dusk.changelog.sections import check_record, device_path, parse_path
from dusk.changelog.state import DerivedWrite, counter_key
from dusk.changelog.verdict import Verdict, written
from dusk.errors import Refused, UntrustedInput
from dusk.ids import NO_CLUSTER, DeviceId, KeyId, PublicKey, key_id
from dusk.keys.signing import SigningKey, verify
from dusk.lazy import dataclass

ORIGIN = "genesis"
MANUAL_BACKUP = ("cluster", "manual-backup")
"""The record of a cluster whose owners name each backup themselves."""


@dataclass(frozen=True, slots=True)
class Founding:
    """What a new cluster starts with.

    Args:
        name: the cluster's name, for people.
        user, owner, sealed: the first owner's name, key, and key sealed under the password.
        device, device_name, label: the first device's key, name and hardware label.
        recovery: public key of the recovery phrase.
        cycle_ms: length of a cycle in milliseconds.
        auto_backup: whether the first device that owners approve becomes the backup.
    """

    name: str
    user: str
    owner: SigningKey
    sealed: bytes
    device: SigningKey
    device_name: str
    label: str
    recovery: PublicKey
    cycle_ms: int
    auto_backup: bool = True


def found(founding: Founding, random_bytes: Callable[[int], bytes]) -> Change:
    """Build and sign the genesis change.

    Raises:
        UntrustedInput: a name or another part is not what may stand in the log.
    """
    device = DeviceId(founding.device.key_id)
    section = device_path(device)
    rows: list[tuple[str, str, list[object]]] = [
        ("trust", f"owner/{founding.user}", [founding.owner.public]),
        ("trust", "quorum", [1]),
        ("trust", "recovery", [founding.recovery, 0]),
        ("cluster", "name", [founding.name]),
        ("cluster", "succession", [[device]]),
        ("cluster", "cycle", [founding.cycle_ms]),
        ("cluster", "level", [1]),
        (f"user/{founding.user}", "key", [founding.owner.public]),
        (f"user/{founding.user}", "sealed", [founding.sealed]),
        (section, "key", [founding.device.public]),
        (section, "name", [founding.device_name]),
        (section, "label", [founding.label]),
        (section, "groups", [[]]),
        (section, "origin", [ORIGIN, b"", founding.device_name]),
    ]
    if not founding.auto_backup:
        rows.append((*MANUAL_BACKUP, [True]))
    return build_change(
        cluster=NO_CLUSTER,
        device=device,
        counter=1,
        message="cluster made",
        edits=[Edit(s, key, codec.pack(row), None) for s, key, row in rows],
        signers=(founding.owner, founding.device),
        random_bytes=random_bytes,
    )


def judge_genesis(change: Change, writer: DeviceId) -> Verdict:
    """Judge the first change of a log: it must say itself who may sign it.

    Raises:
        Refused: not a genesis.
    """
    body = change.body
    records = {(o.section, o.key): v.data for o, v in zip(body.operations, change.values, strict=True) if v}
    if body.cluster != NO_CLUSTER or body.counter != 1 or body.device != writer:
        raise Refused("bad-genesis", "the first change of a log must found its cluster")
    if len(records) != len(body.operations) or any(o.base is not None for o in body.operations):
        raise Refused("bad-genesis", "a genesis replaces and deletes nothing")
    for (section, key), data in records.items():
        try:
            check_record(parse_path(section), key, data)
        except UntrustedInput as error:
            raise Refused("bad-genesis", str(error)) from None
    owner, device = _founders(records, body.author, body.device)
    _check_founders_signed(change, {body.author: owner, KeyId(body.device): device})
    writes = tuple(written(o, v, change.id) for o, v in zip(body.operations, change.values, strict=True))
    return Verdict(APPLIED, writes, (DerivedWrite(counter_key(body.author, body.device), 1),))


def _founders(
    records: dict[tuple[str, str], bytes], author: KeyId, device: DeviceId
) -> tuple[PublicKey, PublicKey]:
    """Return the owner's and the device's key after checking the shape of a genesis."""
    section = device_path(device)
    owners = [k for s, k in records if (s, k.partition("/")[0]) == ("trust", "owner")]
    if len(owners) != 1:
        raise Refused("bad-genesis", "a genesis names exactly one owner")
    user = "user/" + owners[0].removeprefix("owner/")
    needed = {
        *(("trust", k) for k in (owners[0], "quorum", "recovery")),
        *(("cluster", k) for k in ("name", "succession", "cycle", "level")),
        *((user, k) for k in ("key", "sealed")),
        *((section, k) for k in ("key", "name", "label", "groups", "origin")),
    }
    if set(records) - {MANUAL_BACKUP} != needed:
        raise Refused("bad-genesis", "a genesis has one owner, one device, and what belongs to them")

    def row(where: str, key: str) -> list[object]:
        data = records[(where, key)]
        return codec.unpack(data, size_max=len(data))

    owner, public = row("trust", owners[0])[0], row(section, "key")[0]
    assert isinstance(owner, bytes)
    assert isinstance(public, bytes)
    if (key_id(owner), key_id(public)) != (author, KeyId(device)) or row(user, "key") != [owner]:
        raise Refused("bad-genesis", "a genesis is made by its own owner on its own device")
    if author == KeyId(device):
        raise Refused("bad-genesis", "the owner and the device have keys of their own")
    if row("trust", "quorum") != [1] or row("cluster", "succession") != [[device]]:
        raise Refused("bad-genesis", "a genesis starts with a quorum of one and one device that leads")
    return PublicKey(owner), PublicKey(public)


def _check_founders_signed(change: Change, publics: dict[KeyId, PublicKey]) -> None:
    if {s.key_id for s in change.signatures} != set(publics):
        raise Refused("missing-signatures", "a genesis is signed by its owner and its device")
    for s in change.signatures:
        if not verify(publics[s.key_id], CHANGE_LABEL, NO_CLUSTER, change.body_bytes, s.signature):
            raise Refused("bad-signature", "a signature on the genesis does not verify")
