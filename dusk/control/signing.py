"""Changes of people who have logged in: built, signed, and judged before they leave this device."""

from collections.abc import Sequence

from dusk import limits
from dusk.changelog.body import Change, Edit, build_change
from dusk.changelog.entry import OutcomeCode, Stamp
from dusk.changelog.fold import claims_of, judge
from dusk.control.desk import Desk, Session
from dusk.control.outside import NOT_YET, completed
from dusk.errors import Refused, UntrustedInput
from dusk.ids import BootId
from dusk.keys.signing import verified_before

_NO_BOOT = BootId(bytes(8))


def sign(
    desk: Desk,
    session: Session,
    message: str,
    edits: Sequence[Edit],
    *,
    counters_skipped: int = 0,
    is_joint: bool = False,
) -> Change:
    """Build and sign a change of the session's user; a key outside the cluster leaves a place to sign.

    Args:
        desk: the daemon.
        session: who signs.
        message: why, for people.
        edits: what becomes of which record.
        counters_skipped: numbers left free below this change's, for what its author signs here
            before this one is in the log.
        is_joint: others sign it, too: it carries no number.

    Raises:
        Refused: ``no-cluster``, ``bad-message`` or ``bad-change``.
    """
    cluster = desk.log.cluster
    if cluster is None:
        raise Refused("no-cluster", "this router is in no cluster")
    if not message.strip():
        raise Refused("bad-message", "a message says why, for who reads the log later: it is empty")
    if len(message.encode()) > limits.MESSAGE_BYTES_MAX or any(ord(c) < 0x20 for c in message):
        raise Refused("bad-message", f"a message is one line of at most {limits.MESSAGE_BYTES_MAX} bytes")
    try:
        change = build_change(
            cluster=cluster,
            device=desk.device_id,
            counter=0 if is_joint else desk.next_counter(session.key.key_id) + counters_skipped,
            message=message,
            edits=edits,
            signers=(session.key,),
            random_bytes=desk.random_bytes,
        )
    except UntrustedInput as error:
        raise Refused("bad-change", f"the draft makes no change that can be sent: {error}") from None
    return completed(session.key, change, edits)


def check_verdict(desk: Desk, change: Change) -> None:
    """Judge a change as the writer will; what it would refuse never leaves this device.

    What is signed elsewhere is judged as if it were signed: nobody is asked for what would be refused.
    """
    time = desk.wall_time()
    stamp = Stamp(desk.device_id, _NO_BOOT, time.time_s, time.trusted)
    state = desk.log.state
    still_to_sign = [claim for claim in claims_of(state, change) if claim.signature == NOT_YET]
    verdict = judge(state, change, stamp, verified_before(still_to_sign))
    if verdict.outcome.code is not OutcomeCode.APPLIED:
        raise Refused(
            "stale-base", "somebody else changed the same settings meanwhile; look at the draft again"
        )
