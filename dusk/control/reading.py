"""Devices that a group takes in by what they say of themselves, and which of them may read its secrets.

A selector gives settings alone: facts are signed by the device itself (A52). Who knows a router says in a
record of ``reader/ID`` that it may read the secrets of the group as a member would, or takes that back.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache

from dusk import codec
from dusk.changelog.body import Edit
from dusk.changelog.overlay import Overlay
from dusk.changelog.readers import READ_GROUP, Devices, reader_path
from dusk.changelog.returning import REBOUND
from dusk.changelog.sealed import sealed_records
from dusk.changelog.sections import device_path
from dusk.changelog.selector import SELECT
from dusk.changelog.state import State
from dusk.changelog.views import is_selected
from dusk.control import names
from dusk.control.desk import Desk, Json
from dusk.control.drafts import Draft, put
from dusk.control.foreseen import names_words
from dusk.errors import Refused
from dusk.ids import DeviceId
from dusk.lazy import dataclass

_LINES_MAX = 8
"""Of which groups is told; the others are counted."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A device and the secrets of a group that it is no member of by anybody's word, or need not be.

    Attributes:
        device: whose name is ``name``.
        is_selected: whether its facts take it in.
        is_allowed: whether somebody said that it may read them.
        waits: whether it has settings with secrets by its facts that it may not read.
    """

    device: DeviceId
    name: str
    group: str
    is_selected: bool
    is_allowed: bool
    waits: bool


def readings(store: Overlay, groups: Collection[str] | None = None) -> Iterator[Reading]:
    """Yield, by group and name, the devices that a group selects, and those with a record for it.

    Args:
        store: the sections.
        groups: of which; None: of all.
    """
    selecting = {
        path.removeprefix("group/") for path in store.sections("group/") if store.value(path, SELECT)
    }
    allowed = {
        (key.removeprefix(READ_GROUP), DeviceId(bytes.fromhex(path.removeprefix("reader/"))))
        for path in store.sections("reader/")
        for key in store.records(path, READ_GROUP)
    }
    concerned = selecting.union(group for group, _ in allowed)
    wanted = sorted(concerned if groups is None else concerned.intersection(groups))
    members, devices = names.members(store.state) if wanted else [], cache(lambda: Devices(store))
    for group in wanted:
        lacking = _lacking(store, group, devices)
        for member in members:
            device = member.device_id
            is_taken, is_allowed = is_selected(store, group, device), (group, device) in allowed
            if is_taken or is_allowed:
                waits = is_taken and device in lacking
                yield Reading(device, member.name, group, is_taken, is_allowed, waits)


def _lacking(store: Overlay, group: str, devices: Callable[[], Devices]) -> set[DeviceId]:
    """Return the devices that may not read all secrets that the members of a group may.

    One that came back by itself is none of them: first somebody has to say that it is the same.
    """
    sections = [s for s in _sections_of(store, group) if next(sealed_records(store, s), None) is not None]
    if not sections:
        return set()
    readers = devices()
    reading = set.intersection(*({DeviceId(name) for name in readers.of(section)} for section in sections))
    active = {member.device_id for member in names.members(store.state)}
    return {d for d in active - reading if store.value(device_path(d), REBOUND) is None}


def _sections_of(store: Overlay, group: str) -> Iterator[str]:
    """Yield the sections that are for a group: its own, and the policies that are assigned to it."""
    yield f"group/{group}"
    for path in store.sections("assignment/"):
        row = store.value(path, "to")
        if row is not None and row[0] == "groups" and group in row[1]:
            yield f"policy/{path.removeprefix('assignment/')}"


# --- edits -------------------------------------------------------------------------------------------


def allow(state: State, draft: Draft, group: str, devices: Sequence[str]) -> Draft:
    """Let devices that a group selects read its secrets; none named: all that wait for them.

    Raises:
        Refused: ``no-group``, ``no-device``, ``not-selected``, or ``nobody-waits``.
    """
    store = Overlay(state, draft.all_edits)
    names.require_group(store, group)
    found = {one.device: one for one in readings(store, [group])}
    wanted = [names.device_id(state, name) for name in devices]
    for name, device in zip(devices, wanted, strict=True):
        if device not in found or not found[device].is_selected:
            raise Refused(
                "not-selected",
                f"{group} does not take {name} in by its facts; as a member it reads the secrets: "
                f"dusk group add {group} {name}",
            )
    if not devices:
        wanted = [one.device for one in found.values() if one.waits]
        if not wanted:
            raise Refused("nobody-waits", f"no router that {group} takes in by its facts waits for secrets")
    for device in wanted:
        draft = put(state, draft, reader_path(device), READ_GROUP + group, codec.pack((True,)))
    return draft


def deny(state: State, draft: Draft, group: str, devices: Sequence[str]) -> Draft:
    """Take back that devices may read the secrets of a group.

    Raises:
        Refused: ``no-device`` or ``not-allowed``.
    """
    store = Overlay(state, draft.all_edits)
    for name in devices:
        section = reader_path(names.device_id(state, name))
        if store.value(section, READ_GROUP + group) is None:
            raise Refused(
                "not-allowed", f"nobody said that {name} may read secrets of {group}: see dusk group readers"
            )
        draft = put(state, draft, section, READ_GROUP + group, None)
    return draft


# --- for people --------------------------------------------------------------------------------------


def group_readers(desk: Desk, arguments: Json) -> Json:
    """Return the devices that groups take in by their facts, and whether they may read the secrets."""
    store, group = Overlay(desk.log.state), arguments["name"]
    if group:
        names.require_group(store, group)
    rows = [
        {
            "group": one.group,
            "device": one.name,
            "selected": one.is_selected,
            "allowed": one.is_allowed,
            "waits": one.waits,
        }
        for one in readings(store, [group] if group else None)
    ]
    return {"readers": rows}


def reading_notes(store: Overlay, edits: Iterable[Edit]) -> tuple[str, ...]:
    """Return a line for each group that edits are about and whose secrets devices wait for."""
    touched = set[str]()
    for edit in edits:
        room, _, name = edit.section.partition("/")
        if room == "group":
            touched.add(name)
        elif room == "reader":
            touched.add(edit.key.removeprefix(READ_GROUP))
        elif room in ("policy", "assignment"):
            row = store.value(f"assignment/{name}", "to")
            touched.update(row[1] if row is not None and row[0] == "groups" else ())
    return tuple(_lines(readings(store, touched)))


def reading_asks(state: State) -> list[str]:
    """Return a line for each group whose secrets devices wait for, or read that it takes in no longer."""
    return _lines(readings(Overlay(state)))


def _lines(found: Iterable[Reading]) -> list[str]:
    waiting, left = dict[str, list[str]](), dict[str, list[str]]()
    for one in found:
        if one.waits:
            waiting.setdefault(one.group, []).append(one.name)
        elif not one.is_selected:
            left.setdefault(one.group, []).append(one.name)
    lines = [
        *(
            f"{group} takes in {names_words(who)} by facts alone, so its secrets wait: once you know the "
            f"router, `dusk group allow {group} NAME`, or --selected for all"
            for group, who in waiting.items()
        ),
        *(
            f"{names_words(who)} may read secrets of {group}, which takes in nobody with such facts; "
            f"`dusk group deny {group} NAME` takes that back"
            for group, who in left.items()
        ),
    ]
    more = len(lines) - _LINES_MAX
    return [*lines[:_LINES_MAX], *([f"and {more} more such groups: dusk group readers"] if more > 0 else [])]
