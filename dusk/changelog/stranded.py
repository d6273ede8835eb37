"""Changes that stood on a branch which lost: each gets its outcome, be it a rejection (R3).

Elsewhere a change that the fold refuses leaves no trace. This one stood in a log already, and
its author waits for what becomes of it. So it is written as rejected, if whoever signed it is
known here; junk of strangers costs no flash (A54).
"""

from dusk import codec
from dusk.changelog.body import CHANGE_LABEL, Change, Signature
from dusk.changelog.entry import EntryKind, Outcome, OutcomeCode, Stamp
from dusk.changelog.fold import judge
from dusk.changelog.kinds import kind_of
from dusk.changelog.state import State
from dusk.changelog.verdict import Verdict
from dusk.errors import Refused
from dusk.ids import KeyId, PublicKey, key_id
from dusk.keys.signing import NONE_VERIFIED, Verified, verify


def judge_stranded(state: State, change: Change, stamp: Stamp, verified: Verified = NONE_VERIFIED) -> Verdict:
    """Decide what becomes of a change of a losing branch; as `judge`, but it may be rejected.

    Raises:
        Refused: no entry may carry it even so.
    """
    try:
        return judge(state, change, stamp, verified)
    except Refused as error:
        if not _may_be_rejected(state, change):
            raise
        return Verdict(Outcome(OutcomeCode.REJECTED, None, error.code), (), ())


def _may_be_rejected(state: State, change: Change) -> bool:
    """Tell whether everybody who signed is known, and did sign; a role and an attestation have no outcome."""
    signers = {s.key_id for s in change.signatures}
    return (
        change.body.cluster == state.cluster
        and change.body.author in signers
        and any(state.holder(signer) is not None for signer in signers)
        and all(_is_signed(state, change, signature) for signature in change.signatures)
        and kind_of(change) not in (EntryKind.OPEN, EntryKind.CHECKPOINT)
    )


def _is_signed(state: State, change: Change, signature: Signature) -> bool:
    public = _key_of(state, change, signature.key_id)
    body = change.body_bytes
    return public is not None and verify(public, CHANGE_LABEL, change.body.cluster, body, signature.signature)


def _key_of(state: State, change: Change, signer: KeyId) -> PublicKey | None:
    """Return the key of somebody known, or the one that a device brings which asks to be made."""
    holder = state.holder(signer)
    if holder is not None:
        return holder.public
    for operation, value in zip(change.body.operations, change.values, strict=True):
        if (operation.section, operation.key) == (f"device/{signer.hex()}", "key") and value is not None:
            row = codec.unpack(value.data, size_max=len(value.data))
            return PublicKey(row[0]) if len(row) == 1 and key_id(row[0]) == signer else None
    return None
