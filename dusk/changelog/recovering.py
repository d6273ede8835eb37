"""RECOVER: who has the recovery phrase makes a new owner, whatever became of the others.

Like a forced role it travels inside the `open` of the device that it names first, names the
head at which it was signed, and makes the next generation (A56). It says which recovery key
is in force from then on: the phrase that signed it is spent, and can raise nothing more
where it stands (A2, A40).

Who owns the cluster afterwards is named in it, all of them: whoever prepared it, no signature
of the phrase leaves an owner in place that it does not name (A57).
"""

from collections.abc import Collection
from typing import NamedTuple

from dusk import codec
from dusk.changelog import views
from dusk.changelog.body import CHANGE_LABEL, Change
from dusk.changelog.entry import APPLIED, Stamp
from dusk.changelog.fold import check_device, check_records, stale_at, writes_of
from dusk.changelog.governable import check_governable
from dusk.changelog.history import History
from dusk.changelog.kinds import FROZEN, RECOVERED
from dusk.changelog.roles import (
    SUCCESSION,
    Raised,
    check_leads,
    check_place,
    devices_from,
    raised_from,
)
from dusk.changelog.sections import SectionKind, device_path, parse_path
from dusk.changelog.state import RecordWrite, State
from dusk.changelog.verdict import Verdict
from dusk.errors import Refused
from dusk.ids import ClusterId, DeviceId, Head, PublicKey, key_id
from dusk.keys.signing import NONE_VERIFIED, Verified, verify

RECOVERY = ("trust", "recovery")
JOINS = ("trust", "joins")
"""The chain hash of an entry of another branch, which also was recovered: ours gives way to what has it."""
COUNTER = 1
"""Of every RECOVER: its key signs nothing else."""
_NEEDED = (RECOVERED, RECOVERY, SUCCESSION)
_MAY_WRITE = {
    (SectionKind.TRUST, "owner"),
    (SectionKind.TRUST, "quorum"),
    (SectionKind.TRUST, "joins"),
    (SectionKind.USER, "key"),
    (SectionKind.USER, "sealed"),
    (SectionKind.USER, "disabled"),
    (SectionKind.DEVICE, "retired"),
    (SectionKind.CLUSTER, "logins"),
}
_MAY_DELETE = {
    (SectionKind.TRUST, "owner"),
    (SectionKind.TRUST, "grant"),
    (SectionKind.TRUST, "joins"),
    (SectionKind.USER, "sealed"),
    (SectionKind.USER, "disabled"),
    (SectionKind.DEVICE, FROZEN),
}
"""Kind of section, and the record's key up to a `/`."""
OWNER = "owner/"
"""How the records of `trust` begin that name owners."""


class Recovery(NamedTuple):
    """What a RECOVER says.

    Args:
        generation: that it makes.
        succession: who leads from then on.
        public: of the next recovery key.
        number: the generation that this key is for, as it says.
    """

    generation: Raised
    succession: tuple[DeviceId, ...]
    public: PublicKey
    number: int


def recovered_row(head: Head) -> bytes:
    """Return the value of the record `recovered` for a RECOVER signed at a head."""
    return codec.pack((head.generation + 1, head.seq, head.chain))


def read_recovery(change: Change) -> Recovery:
    """Read a RECOVER whose records are known to be what may stand there.

    Raises:
        Refused: ``bad-recovery``: it lacks one of its three records, or does what is not for it to do.
    """
    rows: dict[tuple[str, str], bytes] = {}
    beside: list[str] = []
    for operation, value in zip(change.body.operations, change.values, strict=True):
        place = (operation.section, operation.key)
        if place in _NEEDED and value is not None:
            rows[place] = value.data
            continue
        allowed = _MAY_DELETE if value is None else _MAY_WRITE
        if (parse_path(operation.section).kind, operation.key.partition("/")[0]) not in allowed:
            reason = f"{operation.section}: not for a RECOVER to change {operation.key}"
            raise Refused("bad-recovery", reason)
        if (operation.section, operation.key) not in (JOINS, (device_path(change.body.device), FROZEN)):
            beside.append(operation.key)
    if beside and gives_way(change):
        raise Refused("bad-recovery", f"what gives its side up leaves people and devices: {beside[0]}")
    if len(rows) != len(_NEEDED) or change.body.counter != COUNTER:
        raise Refused("bad-recovery", "a RECOVER says generation, succession and the next recovery key")
    public, number = codec.unpack(rows[RECOVERY], size_max=len(rows[RECOVERY]))
    raised, succession = raised_from(rows[RECOVERED]), devices_from(rows[SUCCESSION])
    return Recovery(raised, succession, PublicKey(public), number)


def gives_way(change: Change) -> bool:
    """Tell whether a RECOVER gives its side up for another, which leaves the owners as they are (A37)."""
    return any((section, key) == JOINS and new is not None for section, key, new, _ in change.body.operations)


def owners_named(change: Change) -> frozenset[str] | None:
    """Return the owners that a RECOVER names, all there are afterwards; None if it leaves them as is."""
    if gives_way(change):
        return None
    named = (key for section, key, new, _ in change.body.operations if section == "trust" and new is not None)
    return frozenset(key.removeprefix(OWNER) for key in named if key.startswith(OWNER))


def is_signed(change: Change, public: PublicKey, cluster: ClusterId) -> bool:
    """Tell whether a recovery key signed a change as its author, and nobody else did."""
    author = change.body.author
    return (
        key_id(public) == author
        and [s.key_id for s in change.signatures] == [author]
        and verify(public, CHANGE_LABEL, cluster, change.body_bytes, change.signatures[0].signature)
    )


def judge_recovery(
    state: State, history: History, change: Change, stamp: Stamp, _verified: Verified = NONE_VERIFIED
) -> Verdict:
    """Decide about a RECOVER in an `open` right behind the log's head.

    Args:
        state: what the log says there; not changed.
        history: of that log.
        change: decoded.
        stamp: of the entry; its writer wants to lead.

    Raises:
        Refused: no `open` may carry it here.
    """
    body = change.body
    if body.cluster != state.cluster:
        raise Refused("foreign-cluster", "the change is for another cluster")
    check_records(change)
    recovery = read_recovery(change)
    public = views.recovery_key(state)
    if public is None or not is_signed(change, public, state.cluster):
        raise Refused("spent-phrase", "it is not signed by the recovery phrase that is in force here")
    check_device(state, body)
    check_place(history, recovery.generation, "generation", history.head.generation + 1)
    if stale_at(state, body) is not None:
        raise Refused("superseded", "what it changes was changed since it was signed")
    if recovery.number != recovery.generation.number or recovery.public == public:
        raise Refused("bad-recovery", "the next recovery phrase is another one, for the next generation")
    verdict = Verdict(APPLIED, writes_of(change), ())
    check_governable(state, verdict.writes)
    _check_former(state, owners_named(change), verdict.writes)
    if body.device != stamp.writer:
        raise Refused("not-leader", "it was made on another device")
    check_leads(state, recovery.succession, stamp.writer, verdict)
    return verdict


def _check_former(state: State, named: Collection[str] | None, writes: Collection[RecordWrite]) -> None:
    """Check that who owned the cluster, and is not named again, neither owns it nor signs as a user (A57).

    Raises:
        Refused: ``owner-left``: as where one was added after it was prepared.
    """
    if named is None:
        return
    written = {(write.section, write.key): write.record.data for write in writes}
    for key in state.records("trust", OWNER):
        name = key.removeprefix(OWNER)
        if name in named:
            continue
        user = f"user/{name}"
        is_disabled = written.get((user, "disabled")) is not None
        if ("trust", key) not in written or not (is_disabled or state.value(user, "key") is None):
            raise Refused("owner-left", f"it leaves {name!r}, who owned the cluster before, a right to sign")
