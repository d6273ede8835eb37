"""Who may change what: the proper keys of each record, and the limits of grants (R1).

The whole of "may they?" is here. Roles, addresses and transports do not occur.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from dusk.changelog.approval import NONE_MADE, Made
from dusk.changelog.body import Operation, Value
from dusk.changelog.holders import Holder, HolderKind
from dusk.changelog.sealed import WRAP, Sealing, sealed_in
from dusk.changelog.sections import SectionKind, SectionPath, parse_path
from dusk.changelog.selector import SELECT
from dusk.changelog.state import State
from dusk.changelog.touching import (
    ELSEWHERE,
    UNGROUPED,
    Becoming,
    Step,
    groups_assigned,
    groups_touched,
    row_of,
    steps_of,
)
from dusk.changelog.views import Sections, groups_of
from dusk.config.names import is_file, parse_key
from dusk.errors import Refused
from dusk.ids import DeviceId, KeyId, key_id
from dusk.lazy import dataclass

GRANTABLE = {
    SectionKind.JOINKEY,
    SectionKind.DEVICE,
    SectionKind.DEVICE_CONFIG,
    SectionKind.POLICY,
    SectionKind.ASSIGNMENT,
    SectionKind.GROUP,
    SectionKind.READER,
    SectionKind.EXPECTED,
    SectionKind.ROLLOUT,
}
"""Sections that others than owners may be granted (protocol: "owners, or granted")."""

PASSED = SectionKind.PASSED.value
"""The section of grants that those who have them passed on; only owners write in ``trust``."""
_FACTS = SectionKind.FACTS
_ENDS = "retired"
"""Of a device: by its own key it leaves, and nothing takes that back."""
_NEVER_GRANTED = {(SectionKind.DEVICE, "key"), (SectionKind.DEVICE, "origin"), (SectionKind.GROUP, SELECT)}
"""Records that joining alone makes; who is granted the section may let a device in that asked for it.

And selectors, which may take in any device, whatever groups it is in: they are for owners."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A prefix's keys, how many of them must sign, and what they may put there.

    Attributes:
        above: the grant under which this one was passed on; None for one that owners made. Its
            keys count here too, and its limits bind.
    """

    prefix: str
    keys: frozenset[KeyId]
    threshold: int
    packages: Collection[str] | None
    groups: Collection[str] | None
    priority_max: int | None
    above: "Grant | None" = None

    def chain(self) -> Iterator["Grant"]:
        """Yield this grant, the one that it hangs on, and so on."""
        yield self
        if self.above is not None:
            yield from self.above.chain()

    @property
    def needed(self) -> int:
        """How many must sign: by this grant, and by each that it hangs on, as that is by now."""
        return max(grant.threshold for grant in self.chain())


class Rights(Sections, Protocol):
    """Sections, and whose keys there are."""

    def holder(self, name: KeyId) -> Holder | None:
        """Return whose key that is."""


def grant_for(state: Rights, section: str) -> Grant | None:
    """Return the grant in force with the longest prefix of whole components, if any."""
    return _longest(state, section.split("/"))


def _longest(state: Rights, parts: Sequence[str]) -> Grant | None:
    for count in range(len(parts), 0, -1):
        grant = _grant_at(state, parts[:count])
        if grant is not None:
            return grant
    return None


def _grant_at(state: Rights, parts: Sequence[str]) -> Grant | None:
    """Return the owners' grant for this prefix alone, else one passed on, while it still counts.

    That is as long as what it hangs on is there, and all who passed it on still have that.
    """
    prefix = "/".join(parts)
    row = state.value("trust", f"grant/{prefix}")
    if row is not None:
        return _made(prefix, row, None)
    row = state.value(PASSED, f"grant/{prefix}")
    if row is None:
        return None
    above = _longest(state, parts[:-1])
    if above is None or above.prefix != row[5] or not _all_have(state, above, row[6]):
        return None
    return _made(prefix, row[:5], above)


def _all_have(state: Rights, grant: Grant, passers: Sequence[bytes]) -> bool:
    """Tell whether all these are active, and each an owner or in a grant, or in one that it hangs on."""
    granted = frozenset[KeyId]().union(*(each.keys for each in grant.chain()))
    for key in map(KeyId, passers):
        holder = state.holder(key)
        if holder is None or not _is_active(state, holder):
            return False
        if key not in granted and not _is_owner(state, holder):
            return False
    return True


def _is_owner(state: Rights, holder: Holder) -> bool:
    return holder.kind is HolderKind.OWNER and state.value("trust", f"owner/{holder.name}") is not None


def _is_active(state: Rights, holder: Holder) -> bool:
    """Tell whether a key may sign; also where the sections are a state with a draft on top."""
    kind = SectionKind.DEVICE if holder.kind is HolderKind.DEVICE else SectionKind.USER
    ended = "retired" if kind is SectionKind.DEVICE else "disabled"
    return state.value(f"{kind.value}/{holder.name}", ended) is None


def _made(prefix: str, row: Sequence[Any], above: Grant | None) -> Grant:
    keys, threshold, packages, groups, priority = row
    return Grant(prefix, frozenset(KeyId(k) for k in keys), threshold, packages, groups, priority, above)


def check_authority(
    state: State,
    operations: Sequence[Operation],
    values: Sequence[Value | None],
    signers: Collection[KeyId],
    made: Mapping[str, Made] = NONE_MADE,
) -> None:
    """Check that signatures satisfy the proper keys of everything that a change touches.

    Args:
        state: what the log says before the change.
        operations: what it does.
        values: the values that go with them.
        signers: key ids whose signatures over the change were verified.
        made: section → device that the change lets in, its request judged.

    Raises:
        Refused: ``missing-signatures`` or ``outside-grant``, naming the section.
    """
    owners = state.owners()
    by_quorum = len([s for s in signers if s in owners]) >= state.quorum
    becoming, sealing = Becoming(state, operations, values), Sealing(state)
    for operation, value in zip(operations, values, strict=True):
        path = parse_path(operation.section)
        if _own_record(state, path, operation.key, signers):
            continue
        if by_quorum and path.kind is not _FACTS:
            continue
        if path.kind is SectionKind.PASSED:
            _check_passing(state, operation, value, signers)
            continue
        own = Step(path, operation, value, made.get(f"device/{path.name}"), becoming, sealing)
        for step in steps_of(own, made):
            _check_granted(state, step, signers)


def _check_granted(state: State, step: Step, signers: Collection[KeyId]) -> None:
    """Check that the grant for a section is satisfied, and holds what is done, as all that it hangs on does.

    Raises:
        Refused: ``missing-signatures`` or ``outside-grant``.
    """
    section, path = step.operation.section, step.path
    grant = grant_for(state, section) if path.kind in GRANTABLE else None
    if grant is None or not satisfies(grant, state.owners(), signers):
        raise _missing(state, section, path, grant)
    for limiting in grant.chain():
        _check_limits(state, limiting, step)


def _check_passing(
    state: State, operation: Operation, value: Value | None, signers: Collection[KeyId]
) -> None:
    """Check that who passes a right on has it, passes on no more, and touches nobody else's passing.

    Raises:
        Refused: ``missing-signatures`` or ``outside-grant``.
    """
    prefix = operation.key.removeprefix("grant/")
    above = _longest(state, prefix.split("/")[:-1])
    if above is None or not satisfies(above, state.owners(), signers):
        raise _missing(state, f"{PASSED}: {prefix}", SectionPath(SectionKind.PASSED, ""), above)
    before = state.value(PASSED, operation.key)
    after = None if value is None else row_of(value.data)
    if any(row is not None and row[5] != above.prefix for row in (before, after)):
        raise Refused("outside-grant", f"{PASSED}: {prefix} is not passed on under {above.prefix}")
    if after is not None:
        if not satisfies(above, state.owners(), set(signers).intersection(map(KeyId, after[6]))):
            raise Refused(
                "missing-signatures", f"{PASSED}: {prefix} is passed on by others than those who sign"
            )
        for limiting in above.chain():
            _check_within(limiting, _made(prefix, after[:5], above))


def _check_within(limiting: Grant, passed: Grant) -> None:
    """Check that a grant is passed on with no wider limits, and to no fewer signers."""
    pairs = ((limiting.packages, passed.packages), (limiting.groups, passed.groups))
    wider = any(
        limit is not None and not (got is not None and set(got) <= set(limit)) for limit, got in pairs
    )
    highest = 999 if passed.priority_max is None else passed.priority_max
    if limiting.priority_max is not None and highest > limiting.priority_max:
        wider = True
    if not {*_files(passed)} <= {*_files(limiting)}:  # one for any package has no file
        wider = True
    if wider or passed.threshold < limiting.threshold:
        raise Refused(
            "outside-grant", f"{PASSED}: {passed.prefix} is passed on with more than {limiting.prefix} has"
        )


def _own_record(state: State, path: SectionPath, key: str, signers: Collection[KeyId]) -> bool:
    """Tell whether it is a record that its subject may write by itself: what it is, or that it leaves."""
    if path.kind is _FACTS or (path.kind is SectionKind.DEVICE and key == _ENDS):
        return any(_is_device(state.holder(s), path.name) for s in signers)
    if key == "sealed" and path.kind is SectionKind.USER:
        held = state.value(f"user/{path.name}", "key")
        return held is not None and key_id(held[0]) in signers
    return False


def _is_device(holder: Holder | None, name: str) -> bool:
    return holder is not None and holder.kind is HolderKind.DEVICE and holder.name == name


def satisfies(grant: Grant, owners: Collection[KeyId], signers: Collection[KeyId]) -> bool:
    """Tell whether *t* distinct keys signed: of the grant, of those that it hangs on, or the owners."""
    may = frozenset(owners).union(*(g.keys for g in grant.chain()))
    return len(may.intersection(signers)) >= grant.needed


def _missing(state: State, section: str, path: SectionPath, grant: Grant | None) -> Refused:
    if path.kind is SectionKind.FACTS:
        who = "that device's own key"
    else:
        who = f"{state.quorum} of the owners {', '.join(sorted(state.owners().values()))}"
        if grant is not None:
            keys = frozenset[KeyId]().union(*(g.keys for g in grant.chain()))
            names = sorted(h.name for k in keys if (h := state.holder(k)) is not None)
            who += f", or {grant.needed} of {', '.join(names)}"
    return Refused("missing-signatures", f"{section}: needs the signatures of {who}")


def _check_limits(state: State, grant: Grant, step: Step) -> None:
    """Check what a grant's holders put there, and what they take away (A39)."""
    (section, key, *_), path, after = step.operation, step.path, step.after
    if (path.kind, key) in _NEVER_GRANTED and step.made is None:
        raise Refused("outside-grant", f"{section}: {key} is not for grants")
    if (path.kind, key) == (SectionKind.JOINKEY, "rule") and after is not None and row_of(after)[6] == "auto":
        raise Refused("outside-grant", f"{section}: owners alone say that routers come back by themselves")
    _check_file(grant, step)
    if grant.packages is not None:
        _check_package(grant, step)
        _check_wraps(state, grant, step)
        _check_seal(grant, step)
    before = state.record(section, key)
    for data in (after, None if before is None else before.data):
        if path.kind is SectionKind.ASSIGNMENT:
            _check_assignment(grant, section, data)
    if grant.groups is not None:
        foreign = groups_touched(state, grant.prefix, step) - set(grant.groups)
        if foreign:
            raise Refused("outside-grant", f"{section}: {_foreign_words(path, foreign, grant.groups)}")


def _foreign_words(path: SectionPath, foreign: Collection[str], allowed: Collection[str]) -> str:
    """Say for whom a grant for groups is not."""
    groups = ", ".join(allowed) or "no group"
    if ELSEWHERE not in foreign:
        return f"the grant is for {groups}, and not for {', '.join(sorted(foreign))}"
    is_policy = path.kind is SectionKind.POLICY
    what = "it is assigned to all, or to routers by name" if is_policy else "it is for routers of any group"
    return f"{what}, and the grant is for {groups} alone"


def _check_file(grant: Grant, step: Step) -> None:
    """Files beside UCI are in no grant that does not name them: many a one runs as root."""
    key = step.operation.key.removeprefix("set/")
    if is_file(key) and key not in (grant.packages or ()):
        section, named = step.operation.section, " ".join(_files(grant)) or "no file"
        raise Refused("outside-grant", f"{section}: a grant has the files that it names: {named}, not {key}")


def _files(grant: Grant) -> list[str]:
    return [package for package in grant.packages or () if is_file(package)]


def _check_package(grant: Grant, step: Step) -> None:
    """A variable may stand in a setting of any package, so no grant for packages covers it."""
    allowed = ", ".join(grant.packages or ())
    section, key = step.operation.section, step.operation.key
    if step.path.kind is SectionKind.READER:
        raise Refused("outside-grant", f"{section}: granted are {allowed}, and secrets may be of any package")
    sets_aside = step.path.kind is SectionKind.EXPECTED and step.after is not None and row_of(step.after)[3]
    if key.startswith("var/") or sets_aside:
        raise Refused("outside-grant", f"{section}: granted are {allowed}, and no variables")
    if key.startswith("set/"):
        package = parse_key(key.removeprefix("set/")).package
        if package not in (grant.packages or ()):
            raise Refused("outside-grant", f"{section}: granted are {allowed}, not {package}")


def _check_wraps(state: State, grant: Grant, step: Step) -> None:
    """Keys K that seal what is not of a grant's packages are for others to wrap, and to take away."""
    section, key = step.operation.section, step.operation.key
    if not key.startswith(WRAP):
        return
    rows = (state.value(section, key), None if step.after is None else row_of(step.after))
    touched = {row[0] for row in rows if row is not None}
    under = step.sealing.under(section)
    sealed = [record for name in touched for record in under.get(name, ())]
    if sealed and not covers(grant, sealed):
        raise Refused("outside-grant", f"{section}: {key} has the key of secrets that the grant is not for")


def _check_seal(grant: Grant, step: Step) -> None:
    """Nothing says that it is sealed by a K of others: it would be handed on for what it seals here (R15).

    That is one which seals what is not of a grant's packages; nor one that is wrapped and seals nothing
    now, as nobody can tell what it sealed before.
    """
    section, key = step.operation.section, step.operation.key
    sealed = sealed_in(section, key, step.after)
    others = None if sealed is None else step.sealing.under(section).get(sealed.key_id)
    if others is not None and not covers(grant, others):
        raise Refused("outside-grant", f"{section}: {key} names the key of secrets that the grant is not for")


def holds(state: Sections, grant: Grant, section: str) -> bool:
    """Tell whether a section's groups are those of a grant, and of each that it hangs on.

    A policy's are those that it is assigned to: one for nobody is for whoever may write it.
    """
    path, groups = parse_path(section), set[str]()
    if path.kind is SectionKind.POLICY:
        groups = groups_assigned(state, path.name)
    for one in grant.chain():
        if path.kind is SectionKind.GROUP:
            groups = {path.name}
        elif one.prefix == "device":  # another names the device itself: whatever groups that is in
            groups = set(groups_of(state, DeviceId(bytes.fromhex(path.name)))) or {UNGROUPED}
        if one.groups is not None and not groups <= set(one.groups):
            return False
    return True


def covers(grant: Grant, records: Iterable[str]) -> bool:
    """Tell whether records are all settings of packages that a grant, and each that it hangs on, is for.

    Where it is for some packages only, a variable is none, and of no record at all nothing is known.
    """
    limits = [set(one.packages) for one in grant.chain() if one.packages is not None]
    found = {package_of(record) for record in records} if limits else set()
    return not limits or (bool(found) and all(found <= limit for limit in limits))


def package_of(record: str) -> str | None:
    """Return the package of a setting's record; None: a variable, which may stand in any."""
    return parse_key(record.removeprefix("set/")).package if record.startswith("set/") else None


def _check_assignment(grant: Grant, section: str, data: bytes | None) -> None:
    if data is None:
        return
    to, names, priority = row_of(data)
    if grant.priority_max is not None and priority > grant.priority_max:
        limit = f"the grant allows {grant.priority_max} at most"
        raise Refused("outside-grant", f"{section}: priority {priority}, {limit}")
    if grant.groups is not None and (to != "groups" or not set(names) <= set(grant.groups)):
        raise Refused("outside-grant", f"{section}: the grant is for the groups {', '.join(grant.groups)}")
