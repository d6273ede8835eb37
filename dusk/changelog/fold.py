"""What a change does to the state: one function that writer and replicas share (R1, R2).

`judge` looks at a change and the state before it, changes nothing, and returns the verdict
with the writes that follow from it; it raises `Refused` where no entry may carry the change
at all. Rules, in the order in which they are checked:

1. The change is for this cluster (A8).
2. Every record exists in the schema and every value is what stands there; secrets are sealed (R15).
3. A change without a counter is a device's creation and goes by `creation` alone (A19), or one of several
   signers, whose id is used once for ever.
4. The author's signature is there; every signature is by an active key and verifies.
5. It was made on an active device, and its counter is above the author's last one there.
6. The signatures satisfy the proper keys of all that it touches, within the grants' limits; or
   it freezes a device, and the proof stands for itself (A13); or an owner attests what the
   state here was too.
   A device that it makes is one that asked, as `approval` judges; a key whose changes it voids has ended.
7. Each base is the record's last change; else the change is superseded, and says by which.
8. Afterwards the cluster can still be governed, and keys and names are unique, and what is passed on
   is within its bound, and there is room for what no owner signed.
"""

from collections.abc import Collection

from dusk.changelog.approval import devices_made, uses_written
from dusk.changelog.attesting import check_attestation, completed
from dusk.changelog.authority import check_authority
from dusk.changelog.body import CHANGE_LABEL, Body, Change, Signature
from dusk.changelog.creation import is_device_key, judge_creation
from dusk.changelog.entry import APPLIED, ATTESTED, CHANGE, FREEZE, OPEN, VOID, Outcome, OutcomeCode, Stamp
from dusk.changelog.freezing import check_freeze
from dusk.changelog.governable import check_governable
from dusk.changelog.holders import JOINKEY, Holder
from dusk.changelog.kinds import kind_of
from dusk.changelog.passing import passed_written
from dusk.changelog.proposals import about_proposals, check_proposal, follows, has_ended, is_joint, is_person
from dusk.changelog.rollouts import check_rollouts, followed
from dusk.changelog.room import check_room
from dusk.changelog.secrecy import check_secrecy
from dusk.changelog.sections import check_record, parse_path
from dusk.changelog.state import DerivedWrite, RecordWrite, State, counter_key
from dusk.changelog.verdict import Verdict, written
from dusk.changelog.voiding import check_void
from dusk.errors import Refused, UntrustedInput
from dusk.ids import KeyId
from dusk.keys.signing import NONE_VERIFIED, SignedBytes, Verified, verify


def judge(state: State, change: Change, stamp: Stamp, verified: Verified = NONE_VERIFIED) -> Verdict:
    """Decide what becomes of a change at the position after ``state``.

    Args:
        state: what the log says before it; not changed.
        change: decoded, its values checked against its body.
        stamp: the writer's stamp on the entry; its time limits join keys.
        verified: signatures that were verified already; all others are verified here.

    Raises:
        Refused: no entry may carry this change here.
    """
    if kind_of(change) is OPEN:
        raise Refused("wrong-kind", "a forced role is carried by the entry of who leads from it on, alone")
    return judge_signed(state, change, stamp, verified)


def judge_signed(state: State, change: Change, stamp: Stamp, verified: Verified = NONE_VERIFIED) -> Verdict:
    """Decide about a change of any kind, as far as it does not matter which entry carries it.

    Raises:
        Refused: as `judge`.
    """
    return followed(state, change, _judged(state, change, stamp, verified))


def _judged(state: State, change: Change, stamp: Stamp, verified: Verified) -> Verdict:
    body = change.body
    if body.cluster != state.cluster:
        raise Refused("foreign-cluster", "the change is for another cluster")
    check_records(change)
    check_secrecy(state, body.operations, change.values)
    check_rollouts(state, change, stamp)
    joint = is_joint(body)
    if body.counter == 0 and not joint:
        return judge_creation(state, change, stamp)
    signers = _verified_signers(state, change, verified)
    check_device(state, body)
    counter = () if joint else (_counted(state, body),)
    proposes = about_proposals(change)
    kind, made = kind_of(change), devices_made(state, change)
    if joint and (proposes or kind not in (CHANGE, VOID) or not is_person(state, body.author)):
        raise Refused("bad-value", "a change without a number does what any person's change does")
    if joint and has_ended(state, change):
        raise Refused("proposal-gone", "it was proposed, and that was taken back or has ended")
    if kind is FREEZE:
        check_freeze(state, change)
    elif kind is ATTESTED:
        check_attestation(state, change)
    elif proposes:
        check_proposal(state, change, signers)
    else:
        if kind is VOID:
            check_void(state, change)
        check_authority(state, body.operations, change.values, signers, made)
    stale = stale_at(state, body)
    if stale is not None:
        return Verdict(stale, (), counter)
    writes = writes_of(change)
    check_governable(state, writes, made)
    check_room(state, writes, signers)
    counter = (*counter, *passed_written(state, change))
    if kind is ATTESTED:
        return Verdict(APPLIED, writes, (*counter, *completed(state, change)))
    if joint or proposes:
        ended, counted = follows(state, change)
        return Verdict(APPLIED, (*writes, *ended), (*counter, *counted, *uses_written(state, made)))
    return Verdict(APPLIED, writes, (*counter, *uses_written(state, made)))


def _counted(state: State, body: Body) -> DerivedWrite:
    """Return the author's new counter.

    Raises:
        Refused: ``counter-used``.
    """
    key = counter_key(body.author, body.device)
    last = state.derived(key)
    if body.counter <= last:
        raise Refused("counter-used", f"change number {body.counter}: the author is at {last} already")
    return DerivedWrite(key, body.counter)


def check_records(change: Change) -> None:
    """Check that each record is in the schema, and each value what stands there.

    Raises:
        Refused: ``bad-value``.
    """
    for operation, value in zip(change.body.operations, change.values, strict=True):
        try:
            path = parse_path(operation.section)
            check_record(path, operation.key, None if value is None else value.data)
        except UntrustedInput as error:
            raise Refused("bad-value", str(error)) from None


def _verified_signers(state: State, change: Change, verified: Verified) -> Collection[KeyId]:
    """Verify every signature; each must be by an active key, the author's among them."""
    signers = {s.key_id for s in change.signatures}
    if change.body.author not in signers:
        raise Refused("missing-signatures", "the author's own signature is missing")
    for signature in change.signatures:
        holder = state.holder(signature.key_id)
        if holder is None or holder.kind is JOINKEY:
            raise Refused("unknown-key", "signed by a key that this cluster does not know")
        if not holder.active:
            raise Refused("inactive-key", f"signed by {holder.name}, who may not sign any more")
        claim = _claim(holder, change, signature)
        if claim not in verified and not verify(*claim):
            raise Refused("bad-signature", f"the signature of {holder.name} does not verify")
    return signers


def claims_of(state: State, change: Change) -> list[SignedBytes]:
    """Return what is to be verified of a change, as far as the keys are known."""
    held = ((state.holder(signature.key_id), signature) for signature in change.signatures)
    return [_claim(holder, change, signature) for holder, signature in held if holder is not None]


def _claim(holder: Holder, change: Change, signature: Signature) -> SignedBytes:
    return SignedBytes(
        holder.public, CHANGE_LABEL, change.body.cluster, change.body_bytes, signature.signature
    )


def check_device(state: State, body: Body) -> None:
    """Check that a change was made on an active device.

    Raises:
        Refused: ``unknown-device``.
    """
    if not is_device_key(state, KeyId(body.device)):
        raise Refused("unknown-device", "the change was made on a device that is not a member")


def stale_at(state: State, body: Body) -> Outcome | None:
    """Return what supersedes a change: the first of its records that was changed since it was made."""
    for operation in body.operations:
        record = state.record(operation.section, operation.key)
        if (None if record is None else record.base) != operation.base:
            return Outcome(OutcomeCode.SUPERSEDED, None if record is None else record.base)
    return None


def writes_of(change: Change) -> tuple[RecordWrite, ...]:
    """Return what a change does to its records."""
    pairs, name = zip(change.body.operations, change.values, strict=True), change.id
    return tuple([written(operation, value, name) for operation, value in pairs])
