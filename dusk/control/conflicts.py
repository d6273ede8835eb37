"""Changes that stand in the log without effect, until somebody decides between them and what stands.

A record of such a change is decided once a change behind it has written that record, or it says
the same anyway. That is read from the log alone, so it holds on every device alike; to keep
what stands is to sign it once more, on top.
"""

from collections.abc import Iterator
from typing import NamedTuple

from dusk.changelog.body import Change, Edit, Operation
from dusk.changelog.creation import is_request
from dusk.changelog.entry import Entry, EntryKind
from dusk.changelog.former import ROLLOUT
from dusk.changelog.kinds import kind_of
from dusk.changelog.log import Log
from dusk.changelog.sealed import WRAP
from dusk.changelog.sections import SectionKind, parse_path
from dusk.control import drafts, history, words
from dusk.control.acting import PROPOSED
from dusk.control.attesting import hand_in
from dusk.control.desk import Desk, Json, Session
from dusk.control.drafts import written_by
from dusk.control.proposing import signed_or_proposed
from dusk.control.sealing import sealer_of
from dusk.control.tending import is_tending
from dusk.errors import Refused

SCANNED_MAX = 64
"""So many of the newest changes without effect are looked at: each is read from the disk."""
ID_CHARACTERS_MIN = 8
_NOT_FOR_PEOPLE = ((SectionKind.FACTS, ""), (SectionKind.JOINKEY, "rule"))
"""A device tells its facts anew by itself, and a join key is made once: nobody has to decide."""


class Lost(NamedTuple):
    """A change without effect, and what of it nobody has decided."""

    entry: Entry
    change: Change
    edits: tuple[Edit, ...]
    """What it wanted, on top of what stands now."""


def conflicts(desk: Desk) -> Iterator[Lost]:
    """Iterate over the changes that wait for a decision, the newest first."""
    log = desk.log
    for change_id in reversed(log.not_applied[-SCANNED_MAX:]):
        position = log.position_of(change_id)
        assert position is not None, "it stands in the log"
        entry, change = history.read(desk, position)
        assert change is not None, "it has an outcome"
        edits = tuple(_undecided(log, entry, change))
        if edits:
            yield Lost(entry, change, edits)


def _undecided(log: Log, entry: Entry, change: Change) -> Iterator[Edit]:
    if is_request(change) or kind_of(change) is not EntryKind.CHANGE:
        return  # a device asks again to be made, and a proof stands for itself
    if is_tending(change):
        return  # the next signature brings the same in order again
    for operation, value in zip(change.body.operations, change.values, strict=True):
        data = None if value is None else value.data
        if _is_for_people(operation) and not _is_decided(log, entry, operation, data):
            record = log.state.record(operation.section, operation.key)
            yield Edit(operation.section, operation.key, data, None if record is None else record.base)


def _is_for_people(operation: Operation) -> bool:
    if operation.key.startswith(WRAP) or operation.section.startswith(ROLLOUT):
        return False  # who takes the secret takes its key along, who takes a setting how it was to be sent
    kind = parse_path(operation.section).kind
    return (kind, "" if kind is SectionKind.FACTS else operation.key) not in _NOT_FOR_PEOPLE


def _is_decided(log: Log, entry: Entry, operation: Operation, data: bytes | None) -> bool:
    """Tell whether a record says what the change wanted, or was written behind it."""
    record = log.state.record(operation.section, operation.key)
    if (None if record is None else record.data) == data:
        return True
    position = None if record is None else log.position_of(record.base)
    return position is not None and position > entry.seq


# --- methods --------------------------------------------------------------------------------------


def conflict_list(desk: Desk, _arguments: Json) -> Json:
    """Return the changes that wait for a decision, with both values of each record."""
    return {"conflicts": [_row(desk, lost) for lost in conflicts(desk)]}


def _row(desk: Desk, lost: Lost) -> Json:
    state = desk.log.state
    records = []
    for edit in lost.edits:
        record = state.record(edit.section, edit.key)
        stands = None if record is None else record.data
        found = words.difference(state, edit.section, edit.key, stands, edit.data)
        by = None if record is None else history.origin_of(desk, record.base)
        row = {"where": found.where, "item": found.item, "a": found.before, "b": found.after, "by": by}
        records.append(row)
    return {**history.row(desk, lost.entry, lost.change), "id": lost.change.id.hex(), "records": records}


def conflict_resolve(desk: Desk, arguments: Json) -> Json:
    """Decide about a change: sign what stands (A), or what it wanted (B), on top."""
    session, lost = desk.session(arguments["token"]), _find(desk, arguments["id"])
    is_a = arguments["take"] == "A"
    edits = (
        [_as_it_stands(desk.log, edit) for edit in lost.edits]
        if is_a
        else (*sealer_of(desk, session).taken(written_by(lost.change), lost.edits), *_sent_how(lost.change))
    )
    what = "what stands is kept" if is_a else f"version {lost.entry.seq} counts after all"
    message = f"conflict {lost.change.id.hex()[:ID_CHARACTERS_MIN]}: {what}"
    made = signed_or_proposed(desk, session, message, edits)
    ticket = hand_in(desk, session, made.change, arguments["timeout_s"], {"proposal": made.proposal or None})
    if not made.proposal:
        _forget(desk, session, lost)
    text = f"{PROPOSED}{what}" if made.proposal else what
    return {"ticket": ticket, "hash": made.change.id.hex(), "text": text, "notes": list(made.notes)}


def _sent_how(change: Change) -> tuple[Edit, ...]:
    """Return how a change was to be rolled out: it begins anew that way."""
    return tuple(edit for edit in written_by(change) if edit.section.startswith(ROLLOUT))


def _forget(desk: Desk, session: Session, lost: Lost) -> None:
    """Take what was lost out of the draft of who decided it, unless it says something else by now."""
    try:
        draft = drafts.load(desk.draft(session.user))
    except Refused:
        return  # damaged: said where the draft is looked at
    kept = drafts.without(draft, lost.change)
    if kept != draft:
        desk.store_draft(session.user, drafts.stored(kept))


def _as_it_stands(log: Log, edit: Edit) -> Edit:
    record = log.state.record(edit.section, edit.key)
    return Edit(edit.section, edit.key, None if record is None else record.data, edit.base)


def _find(desk: Desk, wanted: str) -> Lost:
    """Return the one conflict whose id begins so.

    Raises:
        Refused: ``no-conflict``.
    """
    found = [lost for lost in conflicts(desk) if lost.change.id.hex().startswith(wanted)]
    if len(wanted) < ID_CHARACTERS_MIN or len(found) != 1:
        raise Refused(
            "no-conflict", f"there is no conflict {wanted!r} to decide; `dusk conflicts` shows them"
        )
    return found[0]
