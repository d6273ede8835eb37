"""The plain model of rollouts: what becomes of one at its place, and what counts for whom (R1, R2).

What the fold keeps of former records is not modelled: what counts for a device is looked up in the
records of the very entry before a rollout.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from dusk import codec
from dusk.changelog.body import Change
from dusk.changelog.entry import Entry
from dusk.ids import ChangeId, DeviceId
from dusk.limits import ROLLOUTS_MAX
from dusk.sim.broken import RuleBroken
from dusk.sim.tree import GONE, Held, Logged, Place

Records = Mapping[Place, Held]
ROLLOUT, FORMER = "rollout/", "former/"


class History(Protocol):
    """What is looked up of all entries that ever were."""

    def records_at(self, logged: Logged | None, /) -> Records:
        """Return what every record is behind an entry."""


def _row(records: Records, section: str, key: str) -> list[Any] | None:
    held = records.get((section, key))
    return None if held is None or held.data is None else codec.unpack(held.data, size_max=len(held.data))


def under_way(records: Records) -> list[str]:
    """Return the sections of the rollouts that have not ended."""
    found = (section for section, key in records if section.startswith(ROLLOUT) and key == "progress")
    return [section for section in found if not (_row(records, section, "progress") or [0, ""])[1]]


def _about(change: Change) -> dict[str, tuple[str, list[Any]]]:
    """Return what a change writes of a rollout: key → section, row."""
    pairs = zip(change.body.operations, change.values, strict=True)
    return {
        o.key: (o.section, codec.unpack(v.data, size_max=len(v.data)))
        for o, v in pairs
        if o.section.startswith(ROLLOUT) and v is not None
    }


def refused(records: Records, change: Change) -> str:
    """Return with which code a change is refused for what it does to rollouts; empty if it is not."""
    own = _about(change)
    if "plan" in own:
        return "too-many-rollouts" if len(under_way(records)) >= ROLLOUTS_MAX else ""
    if "order" not in own:
        return ""
    section, (word, *_) = own["order"]
    if section not in under_way(records):
        return "rollout-over"
    written = {(operation.section, operation.key) for operation in change.body.operations}
    return "not-put-back" if word == "abort" and brought(records, section) - written else ""


def brought(records: Records, section: str) -> set[Place]:
    """Return the records that are as a rollout made them; only settings are rolled out in simulations."""
    base = records[section, "plan"].base
    return {place for place, held in records.items() if held.base == base and place[0] != section}


def followed(records: Records, change: Change) -> dict[Place, Held]:
    """Return how far a rollout is behind a change that counts."""
    own = _about(change)
    if "plan" in own:
        begins = "order" not in own and "together" not in own
        section, base, row = own["plan"][0], change.id, [int(begins), "", ""]
    elif "order" in own and own["order"][1][0] != "hold":
        section, (word, _, _) = own["order"]
        opened, _, stopped = _row(records, section, "progress") or [0, "", ""]
        base = records[section, "plan"].base
        least = int((section, "together") not in records)
        row = [max(opened, least), "", ""] if word == "go" else [opened, word, stopped]
    else:
        return {}
    return {(section, "progress"): Held(codec.pack(row), base), **_forgotten(records, section, row)}


def _forgotten(records: Records, section: str, row: list[Any]) -> dict[Place, Held]:
    """Return what goes without a trace where a rollout has ended: who was in which wave."""
    return dict.fromkeys((place for place in records if _is_part(place, section) and row[1]), GONE)


def _is_part(place: Place, section: str) -> bool:
    return place[0] == section and place[1].startswith("part/")


def gate(records: Records, entry: Entry) -> dict[Place, Held]:
    """Return how far a rollout is behind an entry of who leads; it does only what it may.

    Raises:
        RuleBroken: it may not.
    """
    section = next((path for path, _ in entry.sections if path.startswith(ROLLOUT)), "")
    word = entry.outcome.reason
    order = (_row(records, section, "order") or ["go"])[0]
    opened, ended, stopped = _row(records, section, "progress") or [0, "none", ""]
    (waves, _) = _row(records, section, "plan") or (0, 0)
    if (section, "together") in records and not ended:
        return _switch(records, entry, section, opened, is_halted=bool(stopped) or order != "go")
    if ended or stopped or order != "go":
        raise RuleBroken("R1", f"entry {entry.seq}: goes on with a rollout that stands still")
    if word == "open" and opened < waves:
        row = [opened + 1, "", ""]
    elif word == "done" and opened == waves:
        row = [opened, "done", ""]
    elif word.startswith("stop ") and opened and (f"device/{word[5:]}", "key") in records:
        row = [opened, "", word[5:]]
    else:
        raise RuleBroken("R1", f"entry {entry.seq}: a gate that is none: {word!r}")
    ended = _forgotten(records, section, row)
    return {(section, "progress"): Held(codec.pack(row), records[section, "plan"].base), **ended}


def _switch(
    records: Records, entry: Entry, section: str, opened: int, *, is_halted: bool
) -> dict[Place, Held]:
    """Return the same of one by which all switch together: a halt holds it up only before the switch."""
    word, _, device = entry.outcome.reason.partition(" ")
    rows = {
        (0, "switch"): [1, "", ""],
        (0, "stop"): [0, "", device],
        (1, "stay"): [2, "", ""],
        (1, "back"): [0, "", device],
        (2, "done"): [2, "done", ""],
    }
    row = rows.get((opened, word))
    is_known = (f"device/{device}", "key") in records if word in ("stop", "back") else not device
    if row is None or not is_known or (is_halted and not opened):
        raise RuleBroken("R1", f"entry {entry.seq}: a gate that is none: {entry.outcome.reason!r}")
    base = records[section, "plan"].base
    writes = {(section, "progress"): Held(codec.pack(row), base), **_forgotten(records, section, row)}
    if word == "switch":
        writes[section, "switch"] = Held(codec.pack([entry.writer]), base)
    return writes


def counted(history: History, head: Logged, device: DeviceId) -> Logged:
    """Return the entry up to which a branch counts for a device."""
    now = history.records_at(head)
    if _row(now, f"device/{device.hex()}", "retired") is not None:
        return head
    began = {now[section, "plan"].base: section for section in under_way(now)}
    waiting = head
    for logged in head.back() if began else ():
        section = None if logged.change is None else began.get(ChangeId(logged.change))
        if section is None or logged.parent is None or _has_reached(now, section, device):
            continue
        touched = {place[0] for place in logged.writes if not place[0].startswith(ROLLOUT)}
        stores = [as_member(history, head, each, device) for each in (logged.parent, logged)]
        if any(_is_for(store, path, device) for store in stores for path in touched):
            waiting = logged.parent
    return waiting


def as_member(history: History, head: Logged, at: Logged, device: DeviceId) -> Records:
    """Return the records at an entry; a device that joined behind it is there as what it joined.

    That is the groups and settings of its own; and it is named where the device was whose place it took.
    """
    records, own = history.records_at(at), f"device/{device.hex()}"
    joined = next((each for each in head.back() if (own, "key") in each.writes), None)
    if (own, "key") in records or joined is None or joined.parent is None:
        return records
    found = dict(records)
    before = history.records_at(joined.parent)
    for (section, key), held in joined.writes.items():
        is_member = section.startswith("group/") and key == f"member/{device.hex()}"
        if (section, key) == (own, "groups") or section == f"{own}/config" or is_member:
            found[section, key] = held
        elif section.startswith("assignment/") and key == "to":
            left = _listed(before, section) - _listed(joined.writes, section)
            for old in sorted(left):
                store = as_member(history, joined.parent, at, DeviceId(bytes.fromhex(old)))
                if old in _listed(store, section):
                    to, names, priority = _row(store, section, key) or []
                    row = [to, sorted({*names, device.hex()}), priority]
                    found[section, key] = Held(codec.pack(row), held.base)
    return found


def _listed(records: Records, section: str) -> set[str]:
    """Return the devices that an assignment names, if it is to devices."""
    to, names, _priority = _row(records, section, "to") or ("", [], 0)
    return set(names) if to == "devices" else set()


def _has_reached(records: Records, section: str, device: DeviceId) -> bool:
    (waves, _), (opened, _, _) = (_row(records, section, key) or [] for key in ("plan", "progress"))
    wave = next((wave for wave, devices in _parts(records, section) if bytes(device) in devices), waves - 1)
    return bool(wave < opened)


def _parts(records: Records, section: str) -> Iterator[tuple[int, list[bytes]]]:
    for path, key in records:
        if _is_part((path, key), section):
            wave, devices = _row(records, path, key) or (0, [])
            yield wave, devices


def _is_for(records: Records, section: str, device: DeviceId) -> bool:
    """Tell whether a device's settings may depend on a section."""
    kind, _, name = section.partition("/")
    if kind in ("policy", "assignment"):
        to, names, _ = _row(records, f"assignment/{name}", "to") or ("devices", [], 0)
        in_group = to == "groups" and any(_is_in(records, group, device) for group in names)
        return to == "all" or device.hex() in names or in_group
    if kind == "group":
        return _is_in(records, name, device)
    return kind == "cluster" or section.startswith(f"device/{device.hex()}")


def _is_in(records: Records, group: str, device: DeviceId) -> bool:
    (own,) = _row(records, f"device/{device.hex()}", "groups") or ([],)
    return group in own or _row(records, f"group/{group}", f"member/{device.hex()}") is not None
