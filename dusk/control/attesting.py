"""Handing in what a session signed: an owner also attests what is due (`specs/log.md`, section 12)."""

from dusk.changelog.attesting import to_attest
from dusk.changelog.body import Change
from dusk.control.desk import Desk, Json, Session
from dusk.control.outside import OutsideKey, check_signed
from dusk.control.signing import check_verdict, sign
from dusk.control.tending import hand_in_tending, tending_of
from dusk.errors import Refused, StorageError


def hand_in(desk: Desk, session: Session, change: Change, timeout_s: float, answer: Json) -> str:
    """Submit what a session has signed, and with it what is due; returns the ticket of the change."""
    check_signed(session.key, change)
    tending = None if isinstance(session.key, OutsideKey) else tending_of(desk, session, change)
    ticket = desk.submit(change, timeout_s, answer)
    hand_in_tending(desk, tending)
    _attest(desk, session)
    return ticket


def hand_in_role(desk: Desk, session: Session | None, change: Change, timeout_s: float) -> str:
    """Lead by a role, and attest what is due if a session has just signed it; returns the role's ticket."""
    if session is not None:
        check_signed(session.key, change)
    ticket = desk.force_role(change, timeout_s, {})
    if session is not None:
        _attest(desk, session)
    return ticket


def _attest(desk: Desk, session: Session) -> None:
    """Have an owner who has just signed attest the newest state that is due, if one is.

    What comes of it is of no concern to what was handed in: the next time is another chance. Who signs
    elsewhere has only a router's word of what the state is, so he attests none (A57).
    """
    if isinstance(session.key, OutsideKey):
        return
    owner = session.key.key_id
    edit = to_attest(desk.log, owner)
    waiting = [op.section for change in desk.waiting(owner) for op in change.body.operations]
    if edit is None or edit.section in waiting:
        return
    try:
        change = sign(desk, session, "checkpoint", [edit])
        check_verdict(desk, change)
        desk.submit(change, 0.0, {})
    except (Refused, StorageError):
        return
