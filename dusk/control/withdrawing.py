"""Taking a proposal back; what its author had edited for it is in his draft again."""

from dataclasses import replace

from dusk import limits
from dusk.changelog.body import Change, Edit
from dusk.changelog.former import ROLLOUT
from dusk.changelog.proposals import CHANGE, collected
from dusk.changelog.sealed import WRAP
from dusk.changelog.state import State
from dusk.control import drafts, names
from dusk.control.attesting import hand_in
from dusk.control.desk import Desk, Json, Session
from dusk.control.drafts import written_by
from dusk.control.proposing import open_proposal
from dusk.control.reverting import is_setting
from dusk.control.sealing import sealer_of
from dusk.control.signing import check_verdict, sign
from dusk.counting import counted
from dusk.errors import Refused
from dusk.ids import KeyId


def proposal_withdraw(desk: Desk, arguments: Json) -> Json:
    """Take a proposal back; settings go back into the draft of who proposed them."""
    session, state = desk.session(arguments["token"]), desk.log.state
    section = open_proposal(state, arguments["id"])
    joint, record = collected(state, section), state.record(section, CHANGE)
    assert record is not None, "it is open"
    _check_may(state, session.key.key_id, joint)
    message = f"withdrawn: {joint.body.message}"
    edit = Edit(section, CHANGE, None, record.base)
    change = sign(desk, session, message[: limits.MESSAGE_BYTES_MAX // 4], (edit,))
    check_verdict(desk, change)
    ticket = hand_in(desk, session, change, arguments["timeout_s"], {})
    is_own = joint.body.author == session.key.key_id
    notes = _given_back(desk, session, joint) if is_own else []
    return {"ticket": ticket, "hash": change.id.hex(), "text": message, "notes": notes}


def _check_may(state: State, own: KeyId, joint: Change) -> None:
    """Check that somebody proposed this himself, or is the owners' quorum alone.

    Raises:
        Refused: ``missing-signatures``.
    """
    author, is_alone = joint.body.author, state.quorum == 1
    if own != author and not (is_alone and own in state.owners()):
        may = f"only {names.author_name(state, author)}, who proposed it,"
        may += " and the owners take it back" if is_alone else " takes it back; it ends where nobody signs it"
        raise Refused("missing-signatures", f"not taken back: {may}")


def _given_back(desk: Desk, session: Session, joint: Change) -> list[str]:
    """Put what was proposed into an empty draft, if it is settings; say what became of it."""
    whole = written_by(joint)
    parts = [e for e in whole if not (e.key.startswith(WRAP) or e.section.startswith(ROLLOUT))]
    if not parts or not all(is_setting(each) for each in joint.body.operations):
        return []
    try:
        draft = drafts.load(desk.draft(session.user))
        if draft.edits:
            return ["your draft has other edits, so what was proposed is not put back there"]
        given = sealer_of(desk, session).taken(whole, parts)
    except Refused as error:
        return [f"what was proposed is not put back into your draft: {error.reason}"]
    desk.store_draft(session.user, drafts.stored(replace(draft, edits=given)))
    return [f"{counted(len(parts), 'edit')} of it in your draft again: `dusk draft`"]
