"""Versions of the log that concern one device: what is its own, and what it has now from others.

What it has now says which policies, groups and variables are looked at; so versions of a policy that it
lost are not here, but the one that took it away is.
"""

import re
from collections.abc import Sequence

from dusk import codec, limits
from dusk.changelog.body import Change, Operation
from dusk.changelog.entry import APPLIED, Entry
from dusk.changelog.log import unpack_entry_item
from dusk.changelog.readers import reader_path
from dusk.changelog.sealed import WRAP
from dusk.changelog.sections import device_path
from dusk.changelog.selector import SELECT
from dusk.changelog.state import State
from dusk.changelog.views import groups_in_effect
from dusk.config.device import SET, VAR, Configs
from dusk.config.selection import Assignment, Scope
from dusk.control import history, names
from dusk.control.desk import Desk, Json
from dusk.control.reach import MEMBER
from dusk.control.steps import Steps
from dusk.control.voiding import voided_at
from dusk.ids import ChangeId, DeviceId, Seq

LOOKED_MAX = 1000
"""Positions that one call looks at, however few of them concern the device."""
_AT_ONCE = 25
"""Entries that are read before something else may be seen to."""
_USE = re.compile(rb"\$\{(\w+)")
"""The name in a use of a variable, in a setting as it is stored."""


def device_history(desk: Desk, arguments: Json) -> Steps[Json]:
    """Return the newest versions that concern a device, or the newest before one, newest first.

    Raises:
        Refused: ``no-device``.
    """
    head, floor, before = desk.log.head.seq, desk.log.floor, arguments["before"]
    concern = _Concern(desk, names.device_id(desk.log.state, arguments["name"]))
    at = min(before, head + 1) if before else head + 1
    end = max(floor, at - 1 - LOOKED_MAX) + 1
    void, rows = voided_at(desk), list[Json]()
    while at > end and len(rows) < arguments["count"]:
        first = max(end, at - _AT_ONCE)
        for item in reversed(desk.read_items(Seq(first), at - first)):
            entry, change = unpack_entry_item(item.data)
            titles = concern.titles(entry, change)
            if titles:
                rows.append({**history.told(desk, entry, change, void), "concerns": titles})
            if len(rows) == arguments["count"]:
                first = entry.seq
                break
        at = first
        yield
    return {"head": head, "compacted": floor, "next": at if at > floor + 1 else 0, "entries": rows}


class _Concern:
    """What a version may write that concerns a device.

    Args:
        desk: the daemon.
        device: whose settings, groups and variables of now count.
    """

    def __init__(self, desk: Desk, device: DeviceId) -> None:
        state = desk.log.state
        own, policies = device_path(device), Configs(state, lambda _: False).policies_of(device)
        self._desk, self._name = desk, device.hex()
        self._groups = frozenset(groups_in_effect(state, device))
        self._assigned = frozenset(f"assignment/{policy}" for policy in policies)
        said = (f"{own}/config", *(f"policy/{policy}" for policy in policies))
        self._sections = frozenset((own, reader_path(device), *said))
        self._variables = _variables_in(state, said)
        self._bases: dict[ChangeId, Change | None] = {}

    def titles(self, entry: Entry, change: Change | None) -> list[str]:
        """Return what of it a version wrote, or wanted to, as people call it; sorted."""
        if change is None:
            return []
        written = zip(change.body.operations, change.values, strict=True)
        found = {
            operation.section
            for operation, value in written
            if self._has(entry, operation, None if value is None else value.data)
        }
        return sorted({names.section_title(self._desk.log.state, section) for section in found})

    def _has(self, entry: Entry, operation: Operation, data: bytes | None) -> bool:
        section, key = operation.section, operation.key
        room, _, name = section.partition("/")
        if key.startswith(WRAP):
            return False  # who may read a secret follows from what stands
        if section in self._sections or section in self._assigned:
            return True
        if room == "assignment" and entry.outcome == APPLIED:
            before = history.value_before(self._desk, operation, self._bases)
            return self._is_for(name, data) or self._is_for(name, before)
        is_used = key.startswith(VAR) and key.removeprefix(VAR) in self._variables
        if room == "group":
            is_in = name in self._groups
            return key == f"{MEMBER}{self._name}" or (is_in and (is_used or key == SELECT))
        return section == "cluster" and is_used

    def _is_for(self, policy: str, data: bytes | None) -> bool:
        """Tell whether an assignment is for the device, by the groups that it is in now."""
        if data is None:
            return False
        scope, targets, priority = codec.unpack(data, size_max=limits.VALUE_BYTES_MAX)
        return Assignment(policy, Scope(scope), frozenset(targets), priority).is_for(self._name, self._groups)


def _variables_in(state: State, sections: Sequence[str]) -> frozenset[str]:
    """Return the names of variables that settings use; a text that only looks like a use names one, too."""
    stored = (
        record.data for section in sections for record in state.records(section, SET).values() if record.data
    )
    return frozenset(name.decode() for data in stored for name in _USE.findall(data))
