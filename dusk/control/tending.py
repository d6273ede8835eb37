"""Secrets beside what a session signs: K for who comes, another K where somebody goes (R15)."""

from collections.abc import Sequence
from dataclasses import replace

from dusk.changelog.body import Change, Edit
from dusk.control.desk import Desk, Session
from dusk.control.drafts import Draft, Sent, written_by
from dusk.control.sealing import sealer_of
from dusk.control.signing import sign
from dusk.errors import Refused, StorageError

_SHOWN_MAX = 5
"""Secrets that a message names."""


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
    edits, known = sealer.tended(sent)
    if not edits:
        return None
    message = "secrets: keys for their readers"
    if known:
        more = f" and {len(known) - _SHOWN_MAX} more" if len(known) > _SHOWN_MAX else ""
        message = f"secrets: sealed anew; change at their source: {', '.join(known[:_SHOWN_MAX])}{more}"
    try:
        return sign(desk, session, message[:250], edits, counters_skipped=1)
    except Refused:
        return None


def hand_in_tending(desk: Desk, change: Change | None) -> None:
    """Hand that in behind the change; what comes of it is of no concern to that."""
    if change is not None:
        try:
            desk.submit(change, 0.0, {})
        except (Refused, StorageError):
            return
