"""A key that was in a thief's hands: what its changes did is looked up, shown, and undone (A23)."""

from dusk import limits
from dusk.changelog.body import Edit
from dusk.changelog.sections import VOID_PARTS_MAX, VOIDED_PER_RECORD_MAX
from dusk.changelog.undoing import Since, Suspect, Undoing
from dusk.changelog.voiding import PART, Voided, void_path, voided_by, voided_row, voids_in
from dusk.control import names, words
from dusk.control.acting import handed_in, unchanged
from dusk.control.desk import Desk, Json
from dusk.counting import counted
from dusk.errors import Refused
from dusk.ids import ChangeId, DeviceId, KeyId, key_id

SHOWN_MAX = 200
"""Changes, and records, that an answer lists; how many there are it says."""
_ROOM_BYTES = limits.CHANGE_BYTES_MAX // 2
"""What a void puts back at once; keys of secrets, and what it says itself, have room beside it."""
_EDIT_OVERHEAD_BYTES = 128


def void_plan(desk: Desk, arguments: Json) -> Json:
    """Work out what of a person's or device's changes is void, and what undoes it; nothing is signed."""
    session, state = desk.session(arguments["token"]), desk.log.state
    if session.key.key_id not in state.owners():
        raise Refused("missing-signatures", "only owners say that somebody's changes are void")
    user, device, former = arguments["user"], arguments["device"], arguments["old_key"]
    if bool(user) == bool(device) or (former and device):
        raise Refused("bad-params", "name a user, with a former key or without, or a device")
    if bool(arguments["since"]) == bool(arguments["since_time"]):
        raise Refused("bad-params", "say since which version, or since when")
    suspect = Suspect("", KeyId(names.device_id(state, device))) if device else Suspect(user)
    if former:
        suspect = Suspect(user, None, KeyId(bytes.fromhex(former)))
    _check_ended(desk, suspect, user or device)
    since = Since(arguments["since"] or None, arguments["since_time"])

    def tell(plan: str, found: Undoing) -> Json:
        return told(desk, plan, found)

    return {"ticket": desk.undo(suspect, since, tell)}


def _check_ended(desk: Desk, suspect: Suspect, name: str) -> None:
    """Refuse a key that may sign still: its thief would go on while it is undone."""
    state, keys = desk.log.state, [suspect.device]
    if suspect.user:
        rows = (state.value(f"user/{name}", "key"), state.value("trust", f"owner/{name}"))
        keys = [key_id(row[0]) for row in rows if row]
        if not keys:
            raise Refused("no-user", f"there is no user {name!r}; `dusk user list` shows them")
    if suspect.former is not None:
        keys = [suspect.former]
    holders = (state.holder(key) for key in keys if key is not None)
    if any(holder is not None and holder.active for holder in holders):
        raise Refused("still-active", f"{name} may still sign: end that first")


def told(desk: Desk, plan: str, found: Undoing) -> Json:
    """Return what was worked out, for people."""
    state = desk.log.state
    differences = []
    for edit in found.edits:
        record = state.record(edit.section, edit.key)
        now = None if record is None else record.data
        differences.append(words.difference(state, edit.section, edit.key, now, edit.data))
    voided = [
        {
            "seq": one.seq,
            "author": names.author_name(state, one.author),
            "message": one.message,
            "hash": one.change.hex(),
        }
        for one in found.voided
    ]
    kept = [{**_where(desk, one.section, one.key), "seq": one.seq} for one in found.kept]
    left = [{**_where(desk, one.section, one.key), "why": one.why} for one in found.left]
    return {
        "plan": plan,
        "since": found.since,
        "voided": voided[:SHOWN_MAX],
        "voided_count": len(voided),
        "edits": len(found.edits),
        "diff": words.diff_text(differences[:SHOWN_MAX]),
        "kept": kept[:SHOWN_MAX],
        "left": left[:SHOWN_MAX],
    }


def _where(desk: Desk, section: str, key: str) -> Json:
    state = desk.log.state
    return {
        "where": names.section_title(state, section),
        "item": words.describe(state, section, key, None)[0],
    }


def void_submit(desk: Desk, arguments: Json) -> Json:
    """Sign and hand in what was worked out; ``left_edits`` says how much another plan has to undo."""
    session, found = desk.session(arguments["token"]), desk.undoing(arguments["plan"])
    if not found.voided and not found.edits:
        return {**unchanged("nothing is void, and nothing to put back"), "left_edits": 0}
    section, state = void_path(found.key), desk.log.state
    part = len(state.tombstones(section))
    if part >= VOID_PARTS_MAX:
        raise Refused("too-many", f"{VOID_PARTS_MAX} times was something of this key said to be void")
    changes = tuple(one.change for one in found.voided[:VOIDED_PER_RECORD_MAX])
    row = voided_row(Voided(found.since, found.chain, changes))
    taken = _fitting(found.edits, _ROOM_BYTES - len(row))
    edits = (*taken, Edit(section, f"{PART}{part}", row, None))
    message = f"void since version {found.since}: {counted(len(changes), 'change')} of {_name(desk, found)}"
    answer = handed_in(desk, session, message, edits, arguments["timeout_s"])
    rest = len(found.edits) - len(taken) + len(found.voided) - len(changes)
    return {**answer, "left_edits": rest}


def _name(desk: Desk, found: Undoing) -> str:
    state = desk.log.state
    if found.user and state.holder(found.key) is None:
        return f"a former key of {found.user}"
    return found.user or names.author_name(state, found.key)


def _fitting(edits: tuple[Edit, ...], room_bytes: int) -> tuple[Edit, ...]:
    """Return the first edits that one change holds."""
    taken = 0
    for edit in edits[: limits.OPERATIONS_MAX // 2]:
        room_bytes -= len(edit.section) + len(edit.key) + len(edit.data or b"") + _EDIT_OVERHEAD_BYTES
        if room_bytes < 0 < taken:
            break
        taken += 1
    return edits[:taken]


# --- telling -------------------------------------------------------------------------------------


def voided_at(desk: Desk) -> dict[ChangeId, int]:
    """Return, for each change that is void, the version that said so."""
    position_of = desk.log.position_of
    found = voided_by(voids_in(desk.log.state), position_of)
    return {change: position_of(void) or 0 for change, void in found.items()}


def compromised_since(desk: Desk, key: KeyId | DeviceId) -> int | None:
    """Return since which version owners say that a key was in a thief's hands, the earliest."""
    found = [void.said.since for void in voids_in(desk.log.state).values() if void.key == KeyId(key)]
    return min(found, default=None)
