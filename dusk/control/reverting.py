"""Putting back what one version changed: a new change on top, which the log keeps beside the old one.

Each record of the version that still says what the version made of it goes back to what stood
there before. A record that somebody has written since is never overwritten by the way: it is
named, and either nothing is signed or, if asked for, all else is. Of a version some records alone
may be put back; then nothing else of it is looked at. Settings go back, not rights
or people: who was removed, or which key was replaced, is decided anew by whoever may.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from dusk import limits
from dusk.changelog.body import Change, Edit, Operation
from dusk.changelog.creation import is_request
from dusk.changelog.entry import APPLIED, Entry, EntryKind
from dusk.changelog.former import ROLLOUT
from dusk.changelog.kinds import kind_of
from dusk.changelog.sealed import WRAP, sealed_in
from dusk.changelog.sections import SectionKind, parse_path
from dusk.changelog.state import State
from dusk.config.device import SET
from dusk.control import drafts, history, names, words
from dusk.control.acting import PROPOSED, unchanged
from dusk.control.attesting import hand_in
from dusk.control.cluster import KNOBS
from dusk.control.desk import Desk, Json
from dusk.control.drafts import Draft, written_by
from dusk.control.proposing import signed_or_proposed
from dusk.control.review import Review, check_agreed, reviewing
from dusk.control.sealing import sealer_of
from dusk.control.steps import Steps
from dusk.control.tending import is_tending
from dusk.control.voiding import voided_at
from dusk.errors import Refused
from dusk.ids import ChangeId, Seq
from dusk.listing import listed

NAMED_MAX = 5
"""Records that a refusal names; the others are counted."""
_SEALED_ANEW_MAX = 16
"""So many changes are read that may have sealed one secret anew, one behind the other."""
_ROOM_BYTES = 64
"""Of a message, for the words before that of the version."""
_SETTINGS = frozenset(
    {
        SectionKind.POLICY,
        SectionKind.ASSIGNMENT,
        SectionKind.GROUP,
        SectionKind.READER,
        SectionKind.DEVICE_CONFIG,
        SectionKind.EXPECTED,
    }
)
_OF_DEVICES = frozenset({"name", "groups"})


class Later(NamedTuple):
    """A record that somebody has written since, and in which change."""

    operation: Operation
    by: ChangeId


class Inverse(NamedTuple):
    """What puts a version back.

    Args:
        edits: on top of what stands now.
        later: records that were written since.
        wraps: keys of secrets that the former values may be sealed under.
    """

    edits: tuple[Edit, ...]
    later: tuple[Later, ...]
    wraps: tuple[Edit, ...]


def revert(desk: Desk, arguments: Json) -> Steps[Json]:
    """Sign the inverse of a version, and hand it in."""
    session = desk.session(arguments["token"])
    entry, read = history.read(desk, Seq(arguments["seq"]))
    change = _applied(desk, entry, read)
    chosen = _chosen(desk, entry, change, arguments["target"], arguments["keys"])
    _check_settings(desk, entry, chosen)
    found = _inverse(desk, change, chosen)
    if found.later and not arguments["keep_later"]:
        raise Refused("later-edits", _later_words(desk, found.later))
    if not found.edits:
        nothing = unchanged(f"nothing of {_named(entry, change, chosen)} stands that could be put back")
        return {**nothing, "kept": _kept_rows(desk, found), "operations": [], "diff": ""}
    edits = sealer_of(desk, session).taken(found.wraps, found.edits)
    drafts.check_size(edits)
    seen = yield from reviewed(desk, edits)
    check_agreed(seen, is_agreed=arguments["yes"])
    message = arguments["message"] or _message(entry, change, chosen)
    made = signed_or_proposed(desk, session, message, edits)
    answer = {"devices_concerned": list(seen.concerned), "proposal": made.proposal or None}
    ticket = hand_in(desk, session, made.change, arguments["timeout_s"], answer)
    return {
        "ticket": ticket,
        "hash": made.change.id.hex(),
        "text": f"{PROPOSED}{message}" if made.proposal else message,
        "notes": [*made.notes, *seen.notes],
        "kept": _kept_rows(desk, found),
        "operations": words.diff_rows(seen.differences),
        "diff": words.diff_text(seen.differences),
    }


def _message(entry: Entry, change: Change, chosen: Sequence[Operation]) -> str:
    room = limits.MESSAGE_BYTES_MAX - _ROOM_BYTES
    said = change.body.message.encode()[:room].decode("utf-8", "ignore")
    return f"reverts {_named(entry, change, chosen)}: {said}".removesuffix(": ")


def _named(entry: Entry, change: Change, chosen: Sequence[Operation]) -> str:
    is_whole = len(chosen) == len(change.body.operations)
    return f"version {entry.seq}" if is_whole else f"a part of version {entry.seq}"


def _applied(desk: Desk, entry: Entry, change: Change | None) -> Change:
    """Return a version's change if a person made it, alone or with others, and it counts.

    Raises:
        Refused: ``not-revertible``.
    """
    seq = entry.seq
    if change is None or kind_of(change) is not EntryKind.CHANGE or is_request(change):
        raise Refused(
            "not-revertible", f"version {seq} is no edit of a person; `dusk show {seq}` says what it is"
        )
    if entry.outcome != APPLIED:
        raise Refused("not-revertible", f"version {seq} was not applied: there is nothing to put back")
    void = voided_at(desk).get(change.id)
    if void is not None:
        raise Refused("not-revertible", f"version {seq} is void, and version {void} put back what it changed")
    return change


def _chosen(
    desk: Desk, entry: Entry, change: Change, target: str, keys: Sequence[str]
) -> tuple[Operation, ...]:
    """Return what of a version is meant, as ``dusk show`` names it.

    Args:
        desk: the daemon.
        entry: the version.
        change: it carries.
        target: a section's title; empty for all.
        keys: of it; none for all.

    Raises:
        Refused: ``no-target``: keys of nothing; ``not-in-version``.
    """
    operations = change.body.operations
    if not target:
        if keys:
            raise Refused("no-target", "say of which target: policy/NAME, device/NAME, group/NAME, …")
        return operations
    state = desk.log.state
    there = [each for each in operations if names.section_title(state, each.section) == target]
    named = {each: _names_of(state, each) for each in there}
    known = frozenset[str]().union(*named.values())
    missing = next((key for key in keys if key not in known), None)
    if missing is not None or not there:
        what = target if missing is None else f"{missing} of {target}"
        raise Refused(
            "not-in-version",
            f"version {entry.seq} changed nothing of {what}; `dusk show {entry.seq}` says what it did",
        )
    return tuple(each for each, row in named.items() if not keys or not row.isdisjoint(keys))


def _names_of(state: State, operation: Operation) -> frozenset[str]:
    """Return by which names a record is meant: of a setting also by those of its section and package."""
    item, _ = words.describe(state, operation.section, operation.key, None)
    around = accumulate(item.split("."), "{}.{}".format) if operation.key.startswith(SET) else ()
    return frozenset((item, operation.key, *around))


def _check_settings(desk: Desk, entry: Entry, chosen: Sequence[Operation]) -> None:
    """Check that something is of settings alone.

    Raises:
        Refused: ``not-revertible``.
    """
    other = next((each for each in chosen if not is_setting(each)), None)
    if other is not None:
        title = names.section_title(desk.log.state, other.section)
        item, _ = words.describe(desk.log.state, other.section, other.key, None)
        why = (
            "only settings, groups and assignments are put back; say by its own command what it should be now"
        )
        raise Refused("not-revertible", f"version {entry.seq} changed {title} {item}: {why}")


def is_setting(operation: Operation) -> bool:
    """Tell whether a record is of settings, not of rights, people or who is a member."""
    kind, key = parse_path(operation.section).kind, operation.key
    if kind is SectionKind.DEVICE:
        return key in _OF_DEVICES
    if kind is SectionKind.CLUSTER:
        return key in KNOBS or key.startswith(("var/", WRAP))
    return kind in _SETTINGS or kind is SectionKind.ROLLOUT


def _inverse(desk: Desk, change: Change, chosen: Sequence[Operation]) -> Inverse:
    """Work out what puts back some of what a change did.

    Raises:
        Refused: ``compacted``: what stood before is not kept any more.
    """
    edits, later, wraps = list[Edit](), list[Later](), dict[ChangeId, tuple[Edit, ...]]()
    for operation in chosen:
        if operation.key.startswith(WRAP) or operation.section.startswith(ROLLOUT):
            continue  # who may read a secret follows from what stands; how it got there does not matter
        former = _former(desk, operation)
        record = desk.log.state.record(operation.section, operation.key)
        assert record is not None, "what was written leaves a record, or a tombstone"
        if record.data == former:
            continue
        by = _changed_since(desk, operation, change.id, record.base)
        if by is not None:
            later.append(Later(operation, by))
            continue
        edits.append(Edit(operation.section, operation.key, former, record.base))
        if sealed_in(operation.section, operation.key, former) is not None and operation.base is not None:
            wraps[operation.base] = tuple(_wraps_of(desk, operation.base))
    return Inverse(tuple(edits), tuple(later), tuple(edit for row in wraps.values() for edit in row))


def _changed_since(desk: Desk, operation: Operation, wrote: ChangeId, newest: ChangeId) -> ChangeId | None:
    """Return the newest change of a record's value behind one that wrote it: to seal it anew is none."""
    for _ in range(_SEALED_ANEW_MAX):
        later = None if newest == wrote else history.change_of(desk, newest)
        base = None if later is None else history.base_in(later, operation.section, operation.key)
        if later is None or base is None or not is_tending(later):
            break
        newest = base
    return None if newest == wrote else newest


def _former(desk: Desk, operation: Operation) -> bytes | None:
    """Return what a record said before an operation; None for nothing."""
    if operation.base is None:
        return None
    base = history.change_of(desk, operation.base)
    written = () if base is None else written_by(base)
    found = [e.data for e in written if (e.section, e.key) == (operation.section, operation.key)]
    if not found:
        item, _ = words.describe(desk.log.state, operation.section, operation.key, None)
        where = f"{names.section_title(desk.log.state, operation.section)} {item}"
        raise Refused("compacted", f"what {where} was before is not kept any more; set it by hand")
    return found[0]


def _wraps_of(desk: Desk, name: ChangeId) -> Iterator[Edit]:
    change = history.change_of(desk, name)
    assert change is not None, "a former value was read from it"
    return (edit for edit in written_by(change) if edit.key.startswith(WRAP))


def reviewed(desk: Desk, edits: Sequence[Edit]) -> Steps[Review]:
    """Look at edits that put something back as at a draft.

    Raises:
        Refused: ``bad-config``.
    """
    seen = yield from reviewing(desk.log.state, Draft(tuple(edits)), {}, desk.reviewed())
    if seen.problems:
        raise Refused(seen.problems[0].code, f"not put back: {seen.problems[0].text}")
    return seen


def _kept_rows(desk: Desk, found: Inverse) -> list[Json]:
    return [_kept(desk, one) for one in found.later]


def _later_words(desk: Desk, later: Sequence[Later]) -> str:
    """Name what was written since, and what can be done."""
    found = [f"{row['where']} {row['item']} ({row['by']})" for row in (_kept(desk, one) for one in later)]
    named = listed(found, NAMED_MAX)
    return f"changed again since: {named}; --keep-later leaves these as they are and puts back the rest"


def _kept(desk: Desk, later: Later) -> Json:
    state, operation = desk.log.state, later.operation
    item, _ = words.describe(state, operation.section, operation.key, None)
    where = names.section_title(state, operation.section)
    return {"where": where, "item": item, "by": history.change_words(desk, later.by)}
