"""A user's draft: edits on records, kept by the daemon until they are signed or discarded.

What was signed stays in the draft as *sent* until its outcome is known, so that a change which
is refused gives its edits back.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from dusk import codec, limits
from dusk.changelog.body import Change, Edit
from dusk.changelog.state import State
from dusk.effects import ChangeState, Progress
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ChangeId
from dusk.lazy import dataclass

VERSION = 1
DRAFT_BYTES_MAX = 4 * limits.CHANGE_BYTES_MAX
"""A draft is one change at the end; a few that were sent may stand beside it."""
SENT_MAX = 8
"""Changes of one user that wait for their outcome here."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A change that was signed from this draft and has no outcome yet."""

    change: ChangeId
    message: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A user's edits, in the order in which they were first made, and what was sent."""

    edits: tuple[Edit, ...] = ()
    sent: tuple[Sent, ...] = ()

    @property
    def all_edits(self) -> tuple[Edit, ...]:
        """Edits of what was sent, then those not yet sent: what this user sees on top of the log."""
        return (*(edit for sent in self.sent for edit in sent.edits), *self.edits)

    def find(self, section: str, key: str) -> Edit | None:
        """Return the edit of a record that is not yet sent."""
        return next((e for e in self.edits if (e.section, e.key) == (section, key)), None)

    def encode(self) -> bytes:
        """Return the bytes of the draft's file."""
        sent = [(s.change, s.message, _rows(s.edits)) for s in self.sent]
        return codec.pack((VERSION, _rows(self.edits), sent))


def _rows(edits: Iterable[Edit]) -> list[tuple[str, str, bytes | None, ChangeId | None]]:
    return [(e.section, e.key, e.data, e.base) for e in edits]


def decode_draft(data: bytes) -> Draft:
    """Read a draft's file.

    Raises:
        UntrustedInput: not what :meth:`Draft.encode` writes.
    """
    row = codec.fields(codec.unpack(data, size_max=DRAFT_BYTES_MAX), 3, "draft")
    codec.integer(row[0], VERSION, VERSION, "draft version")
    sent = tuple(_decode_sent(item) for item in codec.items(row[2], SENT_MAX, "draft: sent"))
    return Draft(_decode_edits(row[1]), sent)


def _decode_sent(item: object) -> Sent:
    change, message, edits = codec.fields(item, 3, "draft: sent")
    return Sent(
        ChangeId(codec.exactly(change, 32, "draft: change")),
        codec.text(message, limits.MESSAGE_BYTES_MAX, "draft: message"),
        _decode_edits(edits),
    )


def _decode_edits(rows: object) -> tuple[Edit, ...]:
    return tuple(_decode_edit(item) for item in codec.items(rows, limits.OPERATIONS_MAX, "draft: edits"))


def _decode_edit(item: object) -> Edit:
    section, key, data, base = codec.fields(item, 4, "draft: edit")
    if data is not None:
        codec.blob(data, limits.VALUE_BYTES_MAX, "draft: value")
    if base is not None:
        codec.exactly(base, 32, "draft: base")
    return Edit(
        codec.text(section, limits.SECTION_BYTES_MAX, "draft: section"),
        codec.text(key, limits.RECORD_KEY_BYTES_MAX + len("set/"), "draft: key"),
        data,
        base,
    )


# --- editing -----------------------------------------------------------------------------------


def base_of(state: State, draft: Draft, section: str, key: str) -> ChangeId | None:
    """Return what the user sees as the last change of a record: what he sent, else the log."""
    for sent in reversed(draft.sent):
        if any((e.section, e.key) == (section, key) for e in sent.edits):
            return sent.change
    record = state.record(section, key)
    return None if record is None else record.base


def _data_below(state: State, draft: Draft, section: str, key: str) -> bytes | None:
    """Return a record's bytes without the edits that are not yet sent."""
    for sent in reversed(draft.sent):
        for edit in sent.edits:
            if (edit.section, edit.key) == (section, key):
                return edit.data
    record = state.record(section, key)
    return None if record is None else record.data


def put(
    state: State, draft: Draft, section: str, key: str, data: bytes | None, *, builds_on: bool = False
) -> Draft:
    """Return the draft with one record edited; repeated edits of a record become one.

    An edit that leaves the record as it is disappears. A second edit of a record takes the
    record's newest change as its base, for the user has seen it, unless it builds on the first.

    Args:
        state: what the log says.
        draft: before.
        section: path of the section.
        key: the record's key.
        data: the new value; None deletes the record.
        builds_on: whether the value was made out of the draft's former one (list edits).
    """
    before = draft.find(section, key)
    others = tuple(e for e in draft.edits if e is not before)
    if data == _data_below(state, draft, section, key):
        return replace(draft, edits=others)
    base = before.base if before is not None and builds_on else base_of(state, draft, section, key)
    edit = Edit(section, key, data, base)
    if before is None:
        if len(draft.edits) >= limits.OPERATIONS_MAX:
            raise Refused("too-large", f"a draft holds {limits.OPERATIONS_MAX} edits; commit it in parts")
        return replace(draft, edits=(*draft.edits, edit))
    return replace(draft, edits=tuple(edit if e is before else e for e in draft.edits))


def resolve(draft: Draft, progress: Callable[[ChangeId], Progress | None]) -> tuple[Draft, tuple[str, ...]]:
    """Settle what was sent: what is durable goes, what was refused gives its edits back.

    Args:
        draft: as stored.
        progress: how far a change has come.

    Returns:
        The draft, and a line for people for each change that was refused.
    """
    kept: list[Sent] = []
    notes: list[str] = []
    returned: list[Edit] = []
    for sent in draft.sent:
        found = progress(sent.change)
        if found is None or _is_refused(found):
            returned += sent.edits
            reason = found.reason if found is not None else "it was lost before it reached the log"
            notes.append(
                f"the change {sent.message!r} was not applied: {reason}; its edits are back in the draft"
            )
        elif found.state is not ChangeState.DURABLE and found.state is not ChangeState.LOCAL:
            kept.append(sent)
    later = {(e.section, e.key) for e in draft.edits}
    given_back = tuple(e for e in returned if (e.section, e.key) not in later)
    return Draft((*given_back, *draft.edits), tuple(kept)), tuple(notes)


def _is_refused(progress: Progress) -> bool:
    """Tell whether a change has an outcome that is not *applied*: refused, or superseded in the log."""
    return progress.state is ChangeState.REFUSED or (
        progress.state is not ChangeState.QUEUED and progress.reason != ""
    )


def recognise(draft: Draft, waiting: Iterable[Change]) -> Draft:
    """Mark the draft as sent if a change that waits was signed from just these edits.

    The change is on the disk first, so that it leaves at once; where the power goes before the
    draft is, the same edits must not be signed a second time. Signing added what keeps secrets in order.

    Args:
        draft: as stored.
        waiting: the user's changes in the outbox.
    """
    known = {sent.change for sent in draft.sent}
    edits = {(e.section, e.key, e.data, e.base) for e in visible(draft.edits)}
    for change in waiting:
        if change.id not in known and edits and edits <= set(_written(change)):
            return Draft((), (*draft.sent, Sent(change.id, change.body.message, draft.edits)))
    return draft


def visible(edits: Iterable[Edit]) -> tuple[Edit, ...]:
    """Return the edits that a person made; who is told the keys of secrets follows from them."""
    return tuple(edit for edit in edits if not edit.key.startswith("wrap/"))


def _written(change: Change) -> Iterable[tuple[str, str, bytes | None, ChangeId | None]]:
    pairs = zip(change.body.operations, change.values, strict=True)
    return ((o.section, o.key, None if v is None else v.data, o.base) for o, v in pairs)


def written_by(change: Change) -> tuple[Edit, ...]:
    """Return what a change does, as edits."""
    return tuple(Edit(*row) for row in _written(change))


def without(draft: Draft, decided: Change) -> Draft:
    """Return the draft without a change that was decided otherwise: as sent, and as edits given back."""
    done = {(section, key, data) for section, key, data, _ in _written(decided)}
    return Draft(
        tuple(e for e in draft.edits if (e.section, e.key, e.data) not in done),
        tuple(sent for sent in draft.sent if sent.change != decided.id),
    )


def without_done(state: State, draft: Draft) -> tuple[Draft, tuple[str, ...]]:
    """Drop the edits that the log says already, whoever wrote them: they would change nothing.

    Returns:
        The draft, and a line for people if there are such.
    """
    left = tuple(e for e in draft.edits if e.data != _data_below(state, draft, e.section, e.key))
    count = len(draft.edits) - len(left)
    if not count:
        return draft, ()
    what = "1 edit is" if count == 1 else f"{count} edits are"
    return replace(draft, edits=left), (f"{what} in the log already and left out of the draft",)


def stale(state: State, draft: Draft) -> list[Edit]:
    """Return the edits whose record was changed by somebody else since they were made."""
    return [e for e in visible(draft.edits) if base_of(state, draft, e.section, e.key) != e.base]


def check_size(edits: Sequence[Edit]) -> None:
    """Refuse what cannot be one change any more."""
    size = sum(len(e.section) + len(e.key) + len(e.data or b"") + 96 for e in edits)
    if size > limits.CHANGE_BYTES_MAX:
        raise Refused(
            "too-large", f"the draft has some {size} bytes, a change at most {limits.CHANGE_BYTES_MAX}"
        )


def stored(draft: Draft) -> bytes | None:
    """Return the bytes of a draft's file; None: there is nothing to keep."""
    return draft.encode() if draft.edits or draft.sent else None


def load(data: bytes | None) -> Draft:
    """Return a stored draft; a damaged file is said, never silently dropped.

    Raises:
        Refused: ``draft-damaged``.
    """
    if data is None:
        return Draft()
    try:
        return decode_draft(data)
    except UntrustedInput as error:
        raise Refused(
            "draft-damaged", f"your draft's file is damaged ({error}); run `dusk draft discard`"
        ) from None
