"""Acts that are signed and handed in at once, without a draft: of people, rights, the cluster itself."""

from collections.abc import Sequence

from dusk import codec
from dusk.changelog.body import Change, Edit
from dusk.changelog.state import State
from dusk.control.attesting import hand_in
from dusk.control.desk import Desk, Json, Session
from dusk.control.proposing import Signed, signed_or_proposed
from dusk.control.tending import sealed_for

PROPOSED = "proposed: "
"""How the text of an act begins that others must sign, too, before it is done."""


def edit_of(state: State, section: str, key: str, row: Sequence[object] | None) -> Edit:
    """Return an edit of a record as it stands now; no row deletes it."""
    record = state.record(section, key)
    data = None if row is None else codec.pack(row)
    return Edit(section, key, data, None if record is None else record.base)


def signed(desk: Desk, session: Session, message: str, edits: Sequence[Edit]) -> tuple[Change, Json]:
    """Sign a change and judge it as the writer will; where others must sign, too, it proposes.

    Returns:
        The change, and what to say of it once it was handed in.

    Raises:
        Refused: what the writer would say.
    """
    made = signed_or_proposed(desk, session, message, sealed_for(desk, session, edits))
    return made.change, _said(made, message)


def _said(made: Signed, message: str) -> Json:
    """Say what was done, or proposed; ``proposal`` is as which, else null."""
    text = f"{PROPOSED}{message}" if made.proposal else message
    return {"text": text, "notes": list(made.notes), "proposal": made.proposal or None}


def handed_in(desk: Desk, session: Session, message: str, edits: Sequence[Edit], timeout_s: float) -> Json:
    """Sign, judge and submit, or propose where others must sign, too; ``text`` says what was done."""
    change, said = signed(desk, session, message, edits)
    ticket = hand_in(desk, session, change, timeout_s, {"proposal": said["proposal"]})
    return {"ticket": ticket, "hash": change.id.hex(), "text": said["text"], "notes": said["notes"]}


def unchanged(text: str) -> Json:
    """Answer that there was nothing to do."""
    return {"ticket": None, "hash": "", "text": text, "notes": []}
