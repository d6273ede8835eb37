"""An owner who commits attests what the state was, without being asked (`specs/log.md`, section 12)."""

from dusk.changelog.attesting import to_attest
from dusk.control.desk import Desk, Session
from dusk.control.signing import check_verdict, sign
from dusk.errors import Refused


def attest(desk: Desk, session: Session) -> None:
    """Have an owner who has just signed attest the newest state that is due, if one is.

    What comes of it is of no concern to who commits: the next commit is another chance.
    """
    owner = session.key.key_id
    edit = to_attest(desk.log, owner)
    waiting = [op.section for change in desk.waiting(owner) for op in change.body.operations]
    if edit is None or edit.section in waiting:
        return
    try:
        change = sign(desk, session, "checkpoint", [edit])
        check_verdict(desk, change)
        desk.submit(change, 0.0, {})
    except Refused:
        return
