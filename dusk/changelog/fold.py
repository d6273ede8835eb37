"""What a change does to the state: one function that writer and replicas share (R1, R2).

`judge` looks at a change and the state before it, changes nothing, and returns the verdict
with the writes that follow from it; it raises `Refused` where no entry may carry the change
at all. Rules, in the order in which they are checked:

1. The change is for this cluster, from a member, by an active author; every signature
   verifies and is by an active key.
2. Its counter is above the author's last one at that device (device creations have none).
3. Every record exists in the schema and every value is what stands there.
4. The signatures satisfy the proper keys of all that it touches, within the grants' limits.
5. Afterwards the cluster can still be governed (enough owners, a succession of members).
6. Each base is the record's last change; else the change is superseded, and says by which.
"""

from collections.abc import Collection

from dusk import codec
from dusk.changelog.authority import check_authority
from dusk.changelog.body import CHANGE_LABEL, Body, Change
from dusk.changelog.creation import is_device_key, judge_creation
from dusk.changelog.entry import APPLIED, Outcome, OutcomeCode, Stamp
from dusk.changelog.sections import SectionKind, check_record, parse_path
from dusk.changelog.state import (
    DerivedWrite,
    HolderKind,
    Record,
    RecordWrite,
    State,
    counter_key,
)
from dusk.changelog.verdict import Verdict
from dusk.errors import Refused, UntrustedInput
from dusk.ids import KeyId, key_id
from dusk.keys.signing import verify


def judge(state: State, change: Change, stamp: Stamp) -> Verdict:
    """Decide what becomes of a change at the position after ``state``.

    Args:
        state: what the log says before it; not changed.
        change: decoded, its values checked against its body.
        stamp: the writer's stamp on the entry; its time limits join keys.

    Raises:
        Refused: no entry may carry this change here.
    """
    body = change.body
    if body.cluster != state.cluster:
        raise Refused("foreign-cluster", "the change is for another cluster")
    _check_records(change)
    if body.counter == 0:
        return judge_creation(state, change, stamp)
    signers = _verified_signers(state, change)
    _check_device(state, body)
    key = counter_key(body.author, body.device)
    last = state.derived(key)
    if body.counter <= last:
        raise Refused("counter-used", f"change number {body.counter}: the author is at {last} already")
    check_authority(state, body.operations, change.values, signers)
    counter = DerivedWrite(key, body.counter)
    stale = _stale(state, body)
    if stale is not None:
        return Verdict(stale, (), (counter,))
    writes = _writes(change)
    _check_governable(state, writes)
    return Verdict(APPLIED, writes, (counter,))


def _check_records(change: Change) -> None:
    for operation, value in zip(change.body.operations, change.values, strict=True):
        try:
            path = parse_path(operation.section)
            check_record(path, operation.key, None if value is None else value.data)
        except UntrustedInput as error:
            raise Refused("bad-value", str(error)) from None


def _verified_signers(state: State, change: Change) -> Collection[KeyId]:
    """Verify every signature; each must be by an active key, the author's among them."""
    signers = {s.key_id for s in change.signatures}
    if change.body.author not in signers:
        raise Refused("missing-signatures", "the author's own signature is missing")
    for signature in change.signatures:
        holder = state.holder(signature.key_id)
        if holder is None or holder.kind is HolderKind.JOINKEY:
            raise Refused("unknown-key", "signed by a key that this cluster does not know")
        if not holder.active:
            raise Refused("inactive-key", f"signed by {holder.name}, who may not sign any more")
        if not verify(
            holder.public, CHANGE_LABEL, change.body.cluster, change.body_bytes, signature.signature
        ):
            raise Refused("bad-signature", f"the signature of {holder.name} does not verify")
    return signers


def _check_device(state: State, body: Body) -> None:
    if not is_device_key(state, KeyId(body.device)):
        raise Refused("unknown-device", "the change was made on a device that is not a member")


def _stale(state: State, body: Body) -> Outcome | None:
    for operation in body.operations:
        record = state.record(operation.section, operation.key)
        if (None if record is None else record.base) != operation.base:
            return Outcome(OutcomeCode.SUPERSEDED, None if record is None else record.base)
    return None


def _writes(change: Change) -> tuple[RecordWrite, ...]:
    return tuple(
        RecordWrite(o.section, o.key, Record(None if v is None else v.data, o.value_hash, change.id))
        for o, v in zip(change.body.operations, change.values, strict=True)
    )


# --- what must hold afterwards ---------------------------------------------------------------


def _check_governable(state: State, writes: Collection[RecordWrite]) -> None:
    """Refuse a change that would leave the cluster without owners, writers or unique names."""
    kinds = {parse_path(w.section).kind for w in writes}
    after = {(w.section, w.key): w.record for w in writes}
    if SectionKind.TRUST in kinds:
        _check_owners(state, after)
    if kinds & {SectionKind.CLUSTER, SectionKind.DEVICE}:
        _check_succession(state, after)
    for write in writes:
        _check_identity(state, write)


_After = dict[tuple[str, str], Record]


def _value_after(state: State, after: _After, section: str, key: str) -> list[object] | None:
    record = after.get((section, key), state.record(section, key))
    if record is None or record.data is None:
        return None
    return codec.unpack(record.data, size_max=len(record.data))


def _check_owners(state: State, after: _After) -> None:
    touched = {k for s, k in after if s == "trust" and k.startswith("owner/")}
    names = touched | set(state.records("trust", "owner/"))
    owners = [n for n in names if _value_after(state, after, "trust", n) is not None]
    needed = _value_after(state, after, "trust", "quorum")
    if needed is None or not isinstance(needed[0], int) or len(owners) < needed[0]:
        raise Refused("too-few-owners", f"{len(owners)} owners would be left, fewer than must sign together")


def _check_succession(state: State, after: _After) -> None:
    row = _value_after(state, after, "cluster", "succession")
    devices = row[0] if row else []
    assert isinstance(devices, list)
    if not devices:
        raise Refused("no-succession", "the cluster would be left without a device that may lead")
    for device in devices:
        section = f"device/{device.hex()}"
        known = _value_after(state, after, section, "key") is not None
        if not known or _value_after(state, after, section, "retired") is not None:
            raise Refused("no-succession", f"device {device.hex()} cannot lead: it is not a member")


def _check_identity(state: State, write: RecordWrite) -> None:
    """Ids stay with their keys; a device's section is made by joining, a name is one device's."""
    path, record = parse_path(write.section), write.record
    held = state.record(write.section, write.key)
    if path.kind is SectionKind.DEVICE:
        if write.key in ("key", "origin", "label") or (state.value(write.section, "key") is None):
            raise Refused("bad-value", f"{write.section}: {write.key} is set by joining, once")
        if write.key == "name" and record.data is not None:
            _check_name_is_free(state, path.name, record.data)
        if write.key in ("name", "groups") and record.data is None:
            raise Refused("bad-value", f"{write.section}: {write.key} cannot be deleted")
    if path.kind is SectionKind.JOINKEY and write.key == "rule":
        _check_rule(path.name, held, record)
    if path.kind is SectionKind.USER and write.key == "key":
        _check_user_key(state, write)


def _check_name_is_free(state: State, device: str, data: bytes) -> None:
    name = codec.unpack(data, size_max=256)[0]
    if any(other != device for other in state.device_names().get(name, ())):
        raise Refused("name-taken", f"another device is called {name!r}")


def _check_rule(name: str, held: Record | None, record: Record) -> None:
    if held is not None or record.data is None:
        raise Refused("bad-value", f"joinkey/{name}: a join key is made once; revoke it and make another")
    public = codec.unpack(record.data, size_max=len(record.data))[0]
    if key_id(public).hex() != name:
        raise Refused("bad-value", f"joinkey/{name}: the id is not that of the key")


def _check_user_key(state: State, write: RecordWrite) -> None:
    if write.record.data is None:
        raise Refused("bad-value", f"{write.section}: a user is disabled, never deleted")
    name = key_id(codec.unpack(write.record.data, size_max=64)[0])
    holder = state.holder(name)
    if holder is not None and not (
        holder.kind in (HolderKind.USER, HolderKind.OWNER) and f"user/{holder.name}" == write.section
    ):
        raise Refused("bad-value", f"{write.section}: that key is somebody else's already")
