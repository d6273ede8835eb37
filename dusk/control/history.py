"""The log for people: who, what, why, and each version's differences."""

from collections.abc import Mapping

from dusk.changelog.body import Change, Operation
from dusk.changelog.creation import is_request
from dusk.changelog.entry import Entry, EntryKind, OutcomeCode
from dusk.changelog.former import ROLLOUT
from dusk.changelog.kinds import is_recovery, kind_of
from dusk.changelog.log import unpack_entry_item
from dusk.changelog.readers import reader_path
from dusk.changelog.rollouts import DONE, OPEN_WORD, STAY_WORD, STOP_WORD, SWITCH_WORD
from dusk.changelog.sections import device_path
from dusk.changelog.state import State
from dusk.control import names, words
from dusk.control.desk import Desk, Json
from dusk.control.voiding import voided_at
from dusk.errors import Refused
from dusk.ids import ChangeId, Seq

NO_VOIDS: Mapping[ChangeId, int] = {}
RECOVERY_PHRASE = "recovery phrase"
"""Who signs a RECOVER: its key is nobody's."""
BLAMED_MAX = 500
"""Records in one answer."""


def log_list(desk: Desk, arguments: Json) -> Json:
    """Return the newest entries, or the newest before one, newest first."""
    head, before = desk.log.head.seq, arguments["before"]
    last = min(head, before - 1) if before else head
    first = max(1, last - arguments["count"] + 1, (arguments["since"] or 0) + 1)
    items = desk.read_items(Seq(first), last - first + 1) if first <= last else []
    void = voided_at(desk)
    rows = [told(desk, *unpack_entry_item(item.data), void) for item in items]
    return {"head": head, "compacted": desk.log.floor, "entries": rows[::-1]}


def told(desk: Desk, entry: Entry, change: Change | None, void: Mapping[ChangeId, int]) -> Json:
    """Return an entry with all who signed it, its author first; of a RECOVER by what that was."""
    found, state = row(desk, entry, change, void), desk.log.state
    if change is None:
        return {**found, "signed": []}
    if is_recovery(change):
        return {**found, "author": RECOVERY_PHRASE, "signed": [RECOVERY_PHRASE]}
    signers = () if is_request(change) else change.signatures  # the join key's is no person's
    others = {names.author_name(state, s.key_id) for s in signers} - {found["author"]}
    return {**found, "signed": [found["author"], *sorted(others)]}


def row(desk: Desk, entry: Entry, change: Change | None, void: Mapping[ChangeId, int] = NO_VOIDS) -> Json:
    """Return an entry: who, what, why, when."""
    state = desk.log.state
    return {
        "seq": entry.seq,
        "time": entry.time_s,
        "time_trusted": entry.clock_trusted,
        "kind": entry.kind.name.lower(),
        "author": names.device_name(state, entry.writer)
        if change is None
        else names.author_name(state, change.body.author),
        "device": names.device_name(state, change.body.device if change is not None else entry.writer),
        "outcome": _outcome(desk, entry),
        "void": None if change is None else void.get(change.id),
        "message": _message(state, entry, change),
        "hash": "" if change is None else change.id.hex(),
        "epoch": entry.epoch,
    }


def _message(state: State, entry: Entry, change: Change | None) -> str:
    if change is not None:
        return change.body.message or ("a device joined" if is_request(change) else "")
    if entry.kind is EntryKind.OPEN:
        return "the master started"
    if entry.kind is EntryKind.GATE:
        return _gate(state, entry)
    return "the master handed over" if entry.kind is EntryKind.HANDOVER else ""


_SAID = {
    OPEN_WORD: "goes on to its next wave",
    DONE: "is done",
    SWITCH_WORD: "has all switch together",
    STAY_WORD: "stays: most have switched",
}


def _gate(state: State, entry: Entry) -> str:
    """Say what an entry did to a rollout."""
    name = next(path for path, _ in entry.sections if path.startswith(ROLLOUT)).removeprefix(ROLLOUT)
    word = entry.outcome.reason
    said = _SAID.get(word)
    if said is None:
        stopped = names.device_name(state, bytes.fromhex(word.partition(" ")[2]))
        did = "failed" if word.startswith(STOP_WORD) else "did not switch, so all went back"
        said = f"stopped: {stopped} {did}"
    return f"rollout {name[:8]} {said}"


def _outcome(desk: Desk, entry: Entry) -> str:
    outcome = entry.outcome
    if outcome.code is OutcomeCode.APPLIED:
        return "applied"
    if outcome.code is OutcomeCode.REJECTED:
        return f"rejected: {outcome.reason}"
    position = None if outcome.by is None else desk.log.position_of(outcome.by)
    return "superseded" if position is None else f"superseded by {position}"


def log_show(desk: Desk, arguments: Json) -> Json:
    """Return one entry with its differences."""
    seq, head = arguments["seq"], desk.log.head.seq
    if seq > head:
        raise Refused("no-version", f"there is no version {seq}; the newest is {head}")
    entry, change = read(desk, Seq(seq))
    differences = [] if change is None else _differences(desk, entry, change)
    return {
        **told(desk, entry, change, voided_at(desk)),
        "writer": names.device_name(desk.log.state, entry.writer),
        "chain": entry.head.chain.hex(),
        "compacted": desk.log.floor,
        "operations": words.diff_rows(differences),
        "diff": words.diff_text(differences),
    }


def read(desk: Desk, seq: Seq) -> tuple[Entry, Change | None]:
    """Return an entry of the log with its change."""
    items = desk.read_items(seq, 1)
    if not items and seq <= desk.log.floor:
        text = f"versions up to {desk.log.floor} were compacted: of version {seq} only its effect is kept"
        raise Refused("compacted", text)
    if not items:
        raise Refused("no-version", f"version {seq} is not on this device")
    return unpack_entry_item(items[0].data)


def _differences(desk: Desk, entry: Entry, change: Change) -> list[words.Difference]:
    """Return what a change replaced; what was there before stands in the change that it names."""
    bases: dict[ChangeId, Change | None] = {}
    found = []
    for operation, value in zip(change.body.operations, change.values, strict=True):
        before = value_before(desk, operation, bases)
        after = None if value is None else value.data
        found.append(words.difference(desk.log.state, operation.section, operation.key, before, after))
    return sorted(found, key=lambda d: (d.where, d.item)) if entry.seq > 1 else found


def value_before(desk: Desk, operation: Operation, bases: dict[ChangeId, Change | None]) -> bytes | None:
    """Return what a record said before an operation; None for nothing, or where that is not known any more.

    Args:
        desk: the daemon.
        operation: of a change.
        bases: changes that were read already; those that are read now are added.
    """
    base = operation.base
    if base is None:
        return None
    if base not in bases:
        bases[base] = change_of(desk, base)
    change = bases[base]
    if change is None:
        return None
    for other, value in zip(change.body.operations, change.values, strict=True):
        if (other.section, other.key) == (operation.section, operation.key):
            return None if value is None else value.data
    return None


def change_of(desk: Desk, change: ChangeId) -> Change | None:
    """Return a change by its id; None for one that is not here, or not any more."""
    position = desk.log.position_of(change)
    try:
        return None if position is None else read(desk, position)[1]
    except Refused:
        return None


def blame(desk: Desk, arguments: Json) -> Json:
    """Return, for each record of a target, what it says, and who made it so: all who signed."""
    state, known, void = desk.log.state, dict[ChangeId, Json](), voided_at(desk)
    rows = []
    for section in _sections_of(state, arguments["target"]):
        for key, record in sorted(state.records(section).items()):
            if record.base not in known:
                known[record.base] = {**origin_of(desk, record.base), "signed": _signed(desk, record.base)}
            item, says = words.describe(state, section, key, record.data)
            where = names.section_title(state, section)
            restored = _put_back_from(desk, section, key, record.base, void)
            said = {"where": where, "item": item, "says": says, "restored": restored}
            rows.append({**said, **known[record.base]})
    if not rows:
        raise Refused("no-section", f"nothing is said of {arguments['target']}")
    return {"records": rows[:BLAMED_MAX], "more": len(rows) > BLAMED_MAX}


def _put_back_from(
    desk: Desk, section: str, key: str, base: ChangeId, void: Mapping[ChangeId, int]
) -> int | None:
    """Return from which version a void put a value back; None for another value, or one that is no more."""
    if not void or kind_of_change(desk, base) is not EntryKind.VOID:
        return None
    found: ChangeId | None = base
    while found is not None and (found == base or found in void):
        change = change_of(desk, found)
        found = None if change is None else base_in(change, section, key)
    return None if found is None else desk.log.position_of(found)


def kind_of_change(desk: Desk, change: ChangeId) -> EntryKind | None:
    """Return the kind of the entry that carries a change; None where it is not here any more."""
    found = change_of(desk, change)
    return None if found is None else kind_of(found)


def base_in(change: Change, section: str, key: str) -> ChangeId | None:
    """Return which change had written a record before one that writes it; None for none."""
    return next((o.base for o in change.body.operations if (o.section, o.key) == (section, key)), None)


def _sections_of(state: State, target: str) -> list[str]:
    """Return the sections of a target: a policy's with its assignment, a device's with its own config."""
    kind, slash, name = target.partition("/")
    if not slash and kind in ("cluster", "trust"):
        return [kind] if kind == "cluster" else [kind, "passed"]
    if slash and kind == "device":
        device = names.device_id(state, name)
        return [device_path(device), f"{device_path(device)}/config", reader_path(device)]
    if slash and kind == "policy":
        return [f"policy/{names.component(name, kind)}", f"assignment/{name}"]
    if slash and kind in ("group", "user"):
        return [f"{kind}/{names.component(name, kind)}"]
    raise Refused(
        "bad-target", f"{target!r}: policy/NAME, device/NAME, group/NAME, user/NAME, cluster or trust"
    )


def _signed(desk: Desk, base: ChangeId) -> list[str]:
    change = change_of(desk, base)
    signers = () if change is None else change.signatures
    return sorted(names.author_name(desk.log.state, signature.key_id) for signature in signers)


def change_words(desk: Desk, change: ChangeId) -> str:
    """Return a change in words, such as ``version 12 by ann``."""
    position = desk.log.position_of(change)
    if position is None:
        return "another change"
    found = change_of(desk, change)
    who = "" if found is None else f" by {names.author_name(desk.log.state, found.body.author)}"
    return f"version {position}{who}"


def origin_of(desk: Desk, change: ChangeId) -> Json:
    """Return when and by whom a change was made that wrote a record of the state."""
    position = desk.log.position_of(change)
    assert position is not None, "what wrote a record stands in the log"
    if change_of(desk, change) is None:
        nobody = {"time": 0, "time_trusted": False, "author": "", "device": "", "message": ""}
        return {"seq": position, **nobody}
    found = row(desk, *read(desk, position))
    return {name: found[name] for name in ("seq", "time", "time_trusted", "author", "device", "message")}
