"""Who may change what: the proper keys of each record, and the limits of grants (R1).

The whole of "may they?" is here. Roles, addresses and transports do not occur.
"""

from collections.abc import Collection, Sequence
from typing import Any

from dusk.changelog.body import Operation, Value
from dusk.changelog.holders import Holder, HolderKind
from dusk.changelog.sections import SectionKind, SectionPath, parse_path
from dusk.changelog.state import State
from dusk.codec import unpack
from dusk.config.names import parse_key
from dusk.errors import Refused
from dusk.ids import KeyId, key_id
from dusk.lazy import dataclass
from dusk.limits import VALUE_BYTES_MAX

_GRANTABLE = {
    SectionKind.JOINKEY,
    SectionKind.DEVICE,
    SectionKind.DEVICE_CONFIG,
    SectionKind.POLICY,
    SectionKind.ASSIGNMENT,
    SectionKind.GROUP,
}
"""Sections that others than owners may be granted (protocol: "owners, or granted")."""

_FACTS = SectionKind.FACTS
_NEVER_GRANTED = {(SectionKind.DEVICE, "key"), (SectionKind.DEVICE, "origin")}
"""Records that joining alone makes, whoever is granted the section."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A prefix's keys, how many of them must sign, and what they may put there."""

    prefix: str
    keys: frozenset[KeyId]
    threshold: int
    packages: Collection[str] | None
    groups: Collection[str] | None
    priority_max: int | None


def grant_for(state: State, section: str) -> Grant | None:
    """Return the grant with the longest prefix of whole components, if any."""
    parts = section.split("/")
    for count in range(len(parts), 0, -1):
        prefix = "/".join(parts[:count])
        row = state.value("trust", f"grant/{prefix}")
        if row is not None:
            keys, threshold, packages, groups, priority = row
            return Grant(prefix, frozenset(KeyId(k) for k in keys), threshold, packages, groups, priority)
    return None


def check_authority(
    state: State,
    operations: Sequence[Operation],
    values: Sequence[Value | None],
    signers: Collection[KeyId],
) -> None:
    """Check that signatures satisfy the proper keys of everything that a change touches.

    Args:
        state: what the log says before the change.
        operations: what it does.
        values: the values that go with them.
        signers: key ids whose signatures over the change were verified.

    Raises:
        Refused: ``missing-signatures`` or ``outside-grant``, naming the section.
    """
    owners = state.owners()
    by_quorum = len([s for s in signers if s in owners]) >= state.quorum
    for operation, value in zip(operations, values, strict=True):
        path = parse_path(operation.section)
        if _own_record(state, path, operation.key, signers):
            continue
        if by_quorum and path.kind is not _FACTS:
            continue
        grant = grant_for(state, operation.section) if path.kind in _GRANTABLE else None
        if grant is None or not _satisfies(grant, owners, signers):
            raise _missing(state, operation.section, path, grant)
        _check_limits(state, grant, path, operation, value)


def _own_record(state: State, path: SectionPath, key: str, signers: Collection[KeyId]) -> bool:
    """Tell whether it is a record that its subject alone may write."""
    if path.kind is _FACTS:
        return any(_is_device(state.holder(s), path.name) for s in signers)
    if key == "sealed" and path.kind is SectionKind.USER:
        held = state.value(f"user/{path.name}", "key")
        return held is not None and key_id(held[0]) in signers
    return False


def _is_device(holder: Holder | None, name: str) -> bool:
    return holder is not None and holder.kind is HolderKind.DEVICE and holder.name == name


def _satisfies(grant: Grant, owners: Collection[KeyId], signers: Collection[KeyId]) -> bool:
    """*t* distinct keys of the grant or the owners."""
    return len({s for s in signers if s in grant.keys or s in owners}) >= grant.threshold


def _missing(state: State, section: str, path: SectionPath, grant: Grant | None) -> Refused:
    if path.kind is SectionKind.FACTS:
        who = "that device's own key"
    else:
        who = f"{state.quorum} of the owners {', '.join(sorted(state.owners().values()))}"
        if grant is not None:
            names = sorted(h.name for k in grant.keys if (h := state.holder(k)) is not None)
            who += f", or {grant.threshold} of {', '.join(names)}"
    return Refused("missing-signatures", f"{section}: may be changed by {who}; none of them signed enough")


def _check_limits(
    state: State, grant: Grant, path: SectionPath, operation: Operation, value: Value | None
) -> None:
    """Check what a grant's holders put there, and what they take away (A39)."""
    section, key = operation.section, operation.key
    if (path.kind, key) in _NEVER_GRANTED:
        raise Refused("outside-grant", f"{section}: a device's {key} is not for grants")
    if grant.packages is not None:
        _check_package(grant, section, key)
    after, before = None if value is None else value.data, state.record(section, key)
    for data in (after, None if before is None else before.data):
        if path.kind is SectionKind.ASSIGNMENT:
            _check_assignment(grant, section, data)
    if grant.groups is not None:
        foreign = _groups_touched(state, path, key, after) - set(grant.groups)
        if foreign:
            raise Refused("outside-grant", f"{section}: the grant is not for {', '.join(sorted(foreign))}")


def _check_package(grant: Grant, section: str, key: str) -> None:
    """A variable may stand in a setting of any package, so no grant for packages covers it."""
    allowed = ", ".join(grant.packages or ())
    if key.startswith("var/"):
        raise Refused("outside-grant", f"{section}: granted are {allowed}, and no variables")
    if key.startswith("set/"):
        package = parse_key(key.removeprefix("set/")).package
        if package not in (grant.packages or ()):
            raise Refused("outside-grant", f"{section}: granted are {allowed}, not {package}")


def _groups_touched(state: State, path: SectionPath, key: str, after: bytes | None) -> set[str]:
    """Return the groups into, out of or within which an operation would act."""
    if path.kind is SectionKind.GROUP:
        return {path.name}
    if (path.kind, key) == (SectionKind.DEVICE, "groups"):
        held = state.value(f"device/{path.name}", key)
        return set(_row(after)[0]) ^ set(held[0] if held else ())
    if path.kind is SectionKind.JOINKEY:
        rule = _row(after) if key == "rule" else state.value(f"joinkey/{path.name}", "rule")
        return set(rule[3]) if rule else set()
    return set()


def _row(data: bytes | None) -> list[Any]:
    """Decode a value; an empty row for a deletion, which later checks refuse."""
    return [(), (), (), ()] if data is None else unpack(data, size_max=VALUE_BYTES_MAX)


def _check_assignment(grant: Grant, section: str, data: bytes | None) -> None:
    if data is None:
        return
    to, names, priority = unpack(data, size_max=VALUE_BYTES_MAX)
    if grant.priority_max is not None and priority > grant.priority_max:
        limit = f"the grant allows {grant.priority_max} at most"
        raise Refused("outside-grant", f"{section}: priority {priority}, {limit}")
    if grant.groups is not None and (to != "groups" or not set(names) <= set(grant.groups)):
        raise Refused("outside-grant", f"{section}: the grant is for the groups {', '.join(grant.groups)}")
