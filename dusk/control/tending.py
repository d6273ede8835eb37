"""Secrets beside what a session signs: K for who comes, another K where somebody goes (R15)."""

import re
from collections.abc import Sequence
from dataclasses import replace

from dusk import limits
from dusk.changelog.body import Change, Edit
from dusk.changelog.log import unpack_entry_item
from dusk.changelog.overlay import Overlay
from dusk.changelog.sealed import WRAP, sealed_in, sealed_values
from dusk.control import names
from dusk.control.desk import Desk, Session
from dusk.control.drafts import Draft, Sent, written_by
from dusk.control.sealing import sealer_of, secret_sections
from dusk.control.signing import sign
from dusk.errors import Refused, StorageError
from dusk.ids import ChangeId
from dusk.listing import listed

_SHOWN_MAX = 5
"""Secrets that a message names."""
_TENDS = "secrets: "
_ANEW = f"{_TENDS}sealed anew; change at their source: "
"""How the message of a change begins behind which a secret still says what somebody knows who left."""
_AND = ", "
_MORE = re.compile(r"(\A|, )[1-9][0-9]* more\Z")
_SAID_BYTES_MAX = limits.MESSAGE_BYTES_MAX - len(", 65536 more")
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
    message = _said(known) if known else f"{_TENDS}keys for their readers"
    try:
        return sign(desk, session, message, edits, counters_skipped=1)
    except Refused:
        return None


def _said(known: Sequence[str]) -> str:
    """Return the message of a change that seals anew what somebody knows: as much as there is room for."""
    told, room_bytes = list[str](), _SAID_BYTES_MAX - len(_ANEW)
    for name in filter(str.isprintable, known):
        room_bytes -= len(f"{_AND}{name}".encode())
        if room_bytes < 0:
            break
        told.append(name)
    more = [f"{len(known) - len(told)} more"] if len(told) < len(known) else []
    return _ANEW + _AND.join([*told, *more])


def _is_said(message: str, name: str) -> bool:
    """Tell whether a change says that a secret is known which it sealed anew; all, where it has no room."""
    said = message.removeprefix(_ANEW)
    return _MORE.search(said) is not None or f"{_AND}{name}{_AND}" in f"{_AND}{said}{_AND}"


def is_tending(change: Change) -> bool:
    """Tell whether a change does nothing but bring secrets in order."""
    edits = written_by(change)
    return change.body.message.startswith(_TENDS) and all(
        edit.key.startswith(WRAP) or sealed_in(edit.section, edit.key, edit.data) is not None
        for edit in edits
    )


def known_secrets(desk: Desk) -> list[str]:
    """Return a line for people if secrets are in use that somebody knows who may read them no more."""
    found: dict[ChangeId, list[tuple[str, str]]] = {}
    state = desk.log.state
    for section in secret_sections(Overlay(state)):
        for sealed in sealed_values(state, section):
            record = state.record(section, sealed.record)
            assert record is not None, "it has a secret"
            name = sealed.record.partition("/")[2]
            where = f"{names.section_title(state, section)} {name}"
            found.setdefault(record.base, []).append((f"{section} {name}", where))
    known = []
    for change in list(found)[-_LOOKED_AT_MAX:]:
        message = _message(desk, change)
        if message.startswith(_ANEW):
            known += [where for name, where in found[change] if _is_said(message, name)]
    known.sort()
    if not known:
        return []
    return [f"somebody who left knows {listed(known, _SHOWN_MAX)}: change them at their source"]


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
