"""Secrets beside what a session signs: K for who comes, another K where somebody goes (R15)."""

from collections.abc import Sequence
from dataclasses import replace

from dusk.changelog.body import Change, Edit
from dusk.changelog.log import unpack_entry_item
from dusk.changelog.sealed import sealed_in, sealed_values
from dusk.control import names
from dusk.control.desk import Desk, Session
from dusk.control.drafts import Draft, Sent, written_by
from dusk.control.overlay import Overlay
from dusk.control.sealing import sealer_of, secret_sections
from dusk.control.signing import sign
from dusk.control.tidying import WRAP
from dusk.errors import Refused, StorageError
from dusk.ids import ChangeId

_SHOWN_MAX = 5
"""Secrets that a message names."""
_TENDS = "secrets: "
_ANEW = f"{_TENDS}sealed anew; change at their source: "
"""How the message of a change begins behind which a secret still says what somebody knows who left."""
_LOOKED_AT_MAX = 64
"""Changes whose message is looked up: secrets that were sealed last by more of them are not named."""


def sealed_for(desk: Desk, session: Session, edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """Return the edits of an act with what their secrets need: K for who may read from now on.

    Secrets that move with a device and that this person cannot open stay behind.
    """
    sealer = sealer_of(desk, session)
    draft = sealer.carried(Draft(), Draft(tuple(edits)))
    lost = sealer.lost(draft)
    return sealer.in_order(replace(draft, edits=tuple(e for e in draft.edits if e not in lost))).edits


def tending_of(desk: Desk, session: Session, change: Change) -> Change | None:
    """Sign what brings secrets in order behind a change that the same session hands in next.

    Nothing is done while other changes of this person wait: nobody knows what becomes of them.
    """
    sealer = sealer_of(desk, session)
    if not sealer.opens or desk.waiting(session.key.key_id):
        return None
    sent = Sent(change.id, change.body.message, written_by(change))
    edits, known = sealer.tended(sent, is_own=change.body.author == session.key.key_id)
    if not edits:
        return None
    message = f"{_TENDS}keys for their readers"
    if known:
        more = f" and {len(known) - _SHOWN_MAX} more" if len(known) > _SHOWN_MAX else ""
        message = f"{_ANEW}{', '.join(known[:_SHOWN_MAX])}{more}"
    try:
        return sign(desk, session, message[:250], edits, counters_skipped=1)
    except Refused:
        return None


def is_tending(change: Change) -> bool:
    """Tell whether a change does nothing but bring secrets in order."""
    edits = written_by(change)
    return change.body.message.startswith(_TENDS) and all(
        edit.key.startswith(WRAP) or sealed_in(edit.section, edit.key, edit.data) is not None
        for edit in edits
    )


def known_secrets(desk: Desk) -> list[str]:
    """Return a line for people if secrets are in use that somebody knows who may read them no more."""
    found: dict[ChangeId, list[str]] = {}
    state = desk.log.state
    for section in secret_sections(Overlay(state)):
        for sealed in sealed_values(state, section):
            record = state.record(section, sealed.record)
            assert record is not None, "it has a secret"
            where = f"{names.section_title(state, section)} {sealed.record.partition('/')[2]}"
            found.setdefault(record.base, []).append(where)
    anew = [change for change in list(found)[-_LOOKED_AT_MAX:] if _message(desk, change).startswith(_ANEW)]
    known = sorted(where for change in anew for where in found[change])
    if not known:
        return []
    more = f" and {len(known) - _SHOWN_MAX} more" if len(known) > _SHOWN_MAX else ""
    return [f"somebody who left knows {', '.join(known[:_SHOWN_MAX])}{more}: change them at their source"]


def _message(desk: Desk, change: ChangeId) -> str:
    position = desk.log.position_of(change)
    if position is None or position <= desk.log.floor:
        return ""
    (item,) = desk.read_items(position, 1)
    _entry, found = unpack_entry_item(item.data)
    return "" if found is None else found.body.message


def hand_in_tending(desk: Desk, change: Change | None) -> None:
    """Hand that in behind the change; what comes of it is of no concern to that."""
    if change is not None:
        try:
            desk.submit(change, 0.0, {})
        except (Refused, StorageError):
            return
