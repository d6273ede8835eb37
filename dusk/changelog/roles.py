"""A role that the owners force: who leads from now on, whatever the devices before agreed to.

It travels inside the `open` of the device that it names first, and is judged before that
device's right to lead. It names the head at which the owners signed it, which must be an
ancestor, and the mandate that it makes, which must be the next: attached anywhere else it is
worth nothing (A56).
"""

from collections.abc import Sequence
from typing import NamedTuple

from dusk import codec
from dusk.changelog.body import Change
from dusk.changelog.entry import APPLIED, Stamp
from dusk.changelog.fold import judge_signed
from dusk.changelog.history import History
from dusk.changelog.kinds import FROZEN, MANDATE
from dusk.changelog.sections import SectionKind, device_path, parse_path
from dusk.changelog.state import State
from dusk.changelog.verdict import Verdict
from dusk.errors import Refused
from dusk.ids import ChainHash, DeviceId, Head
from dusk.keys.signing import NONE_VERIFIED, Verified

SUCCESSION = ("cluster", "succession")


class Raised(NamedTuple):
    """The mandate or generation that a change makes, and the entry at which it was signed."""

    number: int
    seq: int
    chain: ChainHash


class Role(NamedTuple):
    """What a forced role says."""

    mandate: Raised
    succession: tuple[DeviceId, ...]


def mandate_row(head: Head) -> bytes:
    """Return the value of the record `mandate` for a role signed at a head."""
    return codec.pack((head.mandate + 1, head.seq, head.chain))


def read_role(change: Change) -> Role:
    """Read a forced role whose records are known to be what may stand there.

    Raises:
        Refused: ``bad-role``: it lacks the mandate or the succession, or does anything beside
            ending devices and taking the mark from frozen ones.
    """
    rows: dict[tuple[str, str], bytes] = {}
    for operation, value in zip(change.body.operations, change.values, strict=True):
        place = (operation.section, operation.key)
        if place in (MANDATE, SUCCESSION) and value is not None:
            rows[place] = value.data
        elif parse_path(operation.section).kind is not SectionKind.DEVICE or (
            (operation.key, value is None) not in (("retired", False), (FROZEN, True))
        ):
            raise Refused("bad-role", f"{operation.section}: not for a forced role to change {operation.key}")
    if len(rows) != len((MANDATE, SUCCESSION)):
        raise Refused("bad-role", "a forced role says the mandate and the succession")
    return Role(raised_from(rows[MANDATE]), devices_from(rows[SUCCESSION]))


def judge_role(
    state: State, history: History, change: Change, stamp: Stamp, verified: Verified = NONE_VERIFIED
) -> Verdict:
    """Decide about a forced role in an `open` right behind the log's head.

    Args:
        state: what the log says there; not changed.
        history: of that log.
        change: decoded.
        stamp: of the entry; its writer wants to lead.
        verified: signatures that were verified already.

    Raises:
        Refused: no `open` may carry it here.
    """
    verdict = judge_signed(state, change, stamp, verified)
    role = read_role(change)
    check_place(history, role.mandate, "mandate", history.head.mandate + 1)
    if verdict.outcome != APPLIED:
        raise Refused("superseded", "what the role changes was changed since it was signed")
    check_leads(state, role.succession, stamp.writer, verdict)
    return verdict


# --- what a RECOVER shares (`recovering.py`) -------------------------------------------------------


def raised_from(data: bytes) -> Raised:
    """Read the value of a record that says what is raised."""
    return Raised(*codec.unpack(data, size_max=len(data)))


def devices_from(data: bytes) -> tuple[DeviceId, ...]:
    """Read the value of a succession."""
    (devices,) = codec.unpack(data, size_max=len(data))
    return tuple(DeviceId(device) for device in devices)


def check_place(history: History, raised: Raised, what: str, due: int) -> None:
    """Check that a change raises to what is due, and was signed on this log (A56).

    Raises:
        Refused: ``superseded`` or ``not-ancestor``.
    """
    if raised.number != due:
        raise Refused("superseded", f"{what} {raised.number} would be made, and {due} is due")
    if history.chain_at(raised.seq) != raised.chain:
        raise Refused("not-ancestor", f"it was signed on another log than this, at {raised.seq}")


def check_leads(state: State, succession: Sequence[DeviceId], writer: DeviceId, verdict: Verdict) -> None:
    """Check that who writes the entry is who is to lead, and may.

    Raises:
        Refused: ``not-leader``.
    """
    if succession[0] != writer:
        raise Refused("not-leader", "it names another device to lead")
    frozen = (device_path(writer), FROZEN)
    if state.value(*frozen) is not None and frozen not in {(w.section, w.key) for w in verdict.writes}:
        raise Refused("not-leader", "it names a device to lead that stays frozen")
