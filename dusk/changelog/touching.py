"""Which groups an operation reaches: what a grant that is for some groups is held against (R1, A39).

A device is its groups': who is granted a group has a say over what is in it now and will be in it
afterwards. What is in no group is the owners', so nobody makes it his by putting it into his group.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from dusk.changelog.approval import Made
from dusk.changelog.body import Operation, Value
from dusk.changelog.sealed import Sealing
from dusk.changelog.sections import SectionKind, SectionPath, device_path
from dusk.changelog.state import State
from dusk.changelog.views import Sections, groups_of
from dusk.codec import unpack
from dusk.ids import DeviceId
from dusk.limits import VALUE_BYTES_MAX

UNGROUPED = "(no group)"
"""Stands for the groups of a device that is in none: no grant that is for groups holds it."""
ELSEWHERE = "(not by group)"
"""Stands for whom an assignment is for that names no groups."""
_MEMBER = "member/"
_GROUP = "group/"


class Becoming:
    """The sections as a change would leave them, for reading.

    Args:
        state: what the log says before it.
        operations, values: what the change does.
    """

    def __init__(self, state: State, operations: Sequence[Operation], values: Sequence[Value | None]) -> None:
        self._state = state
        self._written: Mapping[tuple[str, str], Value | None] = {
            (o.section, o.key): value for o, value in zip(operations, values, strict=True)
        }

    def value(self, section: str, key: str) -> list[Any] | None:
        """Return a record's decoded value, None where there is none."""
        if (section, key) not in self._written:
            return self._state.value(section, key)
        written = self._written[section, key]
        return None if written is None else row_of(written.data)

    def sections(self, prefix: str = "") -> Iterator[str]:
        """Iterate over the paths of sections that start with a prefix, sorted."""
        written = {section for section, _ in self._written if section.startswith(prefix)}
        return iter(sorted(written.union(self._state.sections(prefix))))


class Step(NamedTuple):
    """One thing that a change does, and what is around it.

    Attributes:
        made: the device that it is about, if the change makes that.
        becoming: the sections afterwards.
        sealing: which records the keys K of a section seal before.
    """

    path: SectionPath
    operation: Operation
    value: Value | None
    made: Made | None
    becoming: Sections
    sealing: Sealing

    @property
    def after(self) -> bytes | None:
        """What the record has afterwards."""
        return None if self.value is None else self.value.data


def steps_of(step: Step, made: Mapping[str, Made]) -> Iterator[Step]:
    """Yield what an operation does: who puts a device into a group changes the group, and the device.

    Who lets a device read the secrets of a group decides for that group, as if it became a member.
    """
    yield step
    key = step.operation.key
    if step.path.kind is SectionKind.GROUP and key.startswith(_MEMBER):
        name = key.removeprefix(_MEMBER)
        section = device_path(bytes.fromhex(name))
        device = step.operation._replace(section=section, key="groups")
        yield step._replace(
            path=SectionPath(SectionKind.DEVICE, name), operation=device, made=made.get(section)
        )
    if step.path.kind is SectionKind.READER:
        group = key.removeprefix(_GROUP)
        member = step.operation._replace(section=f"group/{group}", key=f"{_MEMBER}{step.path.name}")
        yield step._replace(path=SectionPath(SectionKind.GROUP, group), operation=member)


def groups_touched(state: State, prefix: str, step: Step) -> set[str]:
    """Return the groups into, out of or within which an operation acts.

    Args:
        state: what the log says before the change.
        prefix: of the grant that is to hold them.
        step: what is done.
    """
    path, key, after = step.path, step.operation.key, step.after
    if path.kind is SectionKind.GROUP:
        return {path.name}
    if path.kind is SectionKind.READER:
        return {key.removeprefix(_GROUP)}
    if path.kind in (SectionKind.DEVICE, SectionKind.DEVICE_CONFIG):
        return _groups_of_device(state, prefix, step)
    if path.kind is SectionKind.POLICY:
        return groups_assigned(state, path.name)
    if path.kind is SectionKind.ROLLOUT:  # it keeps changes from devices of any group
        return {ELSEWHERE}
    if path.kind is SectionKind.EXPECTED:
        before = state.value(f"expected/{path.name}", key)
        rows = (row for row in (before, None if after is None else row_of(after)) if row is not None)
        return {group for row in rows for group in row[2] or (UNGROUPED,)}
    if path.kind is SectionKind.JOINKEY:
        rule = state.value(f"joinkey/{path.name}", "rule")
        if key == "rule" and after is not None:
            rule = row_of(after)
        return set() if rule is None else set(rule[3]) or {UNGROUPED}
    return set()


def _groups_of_device(state: State, prefix: str, step: Step) -> set[str]:
    """Return in which groups a device must be for what is done to it: all of its own, before and after."""
    device = DeviceId(bytes.fromhex(step.path.name))
    after = set(groups_of(step.becoming, device))
    if step.made is not None:
        return (set(step.made.groups) or {UNGROUPED}) | (after or {UNGROUPED})
    before = set(groups_of(state, device))
    if prefix != SectionKind.DEVICE.value:  # it names the device itself: whatever groups that is in
        is_moved = (step.path.kind, step.operation.key) == (SectionKind.DEVICE, "groups")
        return before ^ after if is_moved else set()
    if step.becoming.value(device_path(device), "retired") is not None:
        after = before
    return (before or {UNGROUPED}) | (after or {UNGROUPED})


def groups_assigned(state: Sections, policy: str) -> set[str]:
    """Return for which groups a policy is."""
    row = state.value(f"assignment/{policy}", "to")
    if row is None:
        return set()
    to, names, _priority = row
    return set(names) if to == "groups" else {ELSEWHERE}


def row_of(data: bytes) -> list[Any]:
    """Decode a value."""
    return unpack(data, size_max=VALUE_BYTES_MAX)
