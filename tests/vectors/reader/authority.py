"""Who may do what (log.md, 6)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.vectors.reader import approvals
from tests.vectors.reader.changes import Change, Operation
from tests.vectors.reader.keys import key_id
from tests.vectors.reader.packing import Decoded, need
from tests.vectors.reader.records import PASSED_MAX
from tests.vectors.reader.state import State, Subject


@dataclass(frozen=True)
class Doing:
    """A change and what stands before it: for what is judged by the whole of it."""

    state: State
    written: Mapping[tuple[str, str], Decoded | None]
    made: approvals.Made

    def later(self, section: str, key: str) -> Decoded | None:
        """What a record has after the change."""
        if (section, key) in self.written:
            return self.written[section, key]
        found: Decoded | None = self.state.get(section, key)
        return found

    def before(self, device: str) -> set[str]:
        """The groups of a device; one that is made has those of its join key."""
        made = self.made.get(f"device/{device}")
        return approvals.groups_of(self.state.get, self.state.sections, device) if made is None else made

    def after(self, device: str) -> set[str]:
        """The groups of a device after the change."""
        paths = {*self.state.sections, *(section for section, _ in self.written)}
        return approvals.groups_of(self.later, paths, device)


def _outside(doing: Doing, section: str, key: str, value: Decoded | None, grant: list[Any]) -> bool:
    prefix, _keys, _threshold, packages, groups, priority = grant
    kind, _, rest = section.partition("/")
    before = doing.state.get(section, key)
    both = [said for said in (before, value) if said is not None]
    made = kind == "device" and section[:39] in doing.made
    if kind == "group" and key == "select":
        return True
    if kind == "device" and key in {"key", "origin"} and "/" not in rest and not made:
        return True
    if _other_packages(kind, key, value, packages):
        return True
    if _key_of_others(doing.state, section, key, value, packages):
        return True
    if kind == "assignment" and priority is not None and any(said[2] > priority for said in both):
        return True
    if groups is None:
        return False
    if kind == "device":
        was, becomes = doing.before(rest[:32]), doing.after(rest[:32])
        if prefix != "device" and not made:
            return key == "groups" and "/" not in rest and not was ^ becomes <= set(groups)
        if not made and doing.later(section[:39], "retired"):
            becomes = was
        return not was or not becomes or not was | becomes <= set(groups)
    return _other_groups(doing.state, section, key, value, set(groups))


def _other_packages(kind: str, key: str, value: Decoded | None, packages: list[str] | None) -> bool:
    if key.startswith("set/file:"):
        return key[4:] not in (packages or [])
    if packages is None:
        return False
    if kind == "reader" or key.startswith("var/") or (kind == "expected" and value and value[3]):
        return True
    return key.startswith("set/") and key[4:].split(".", maxsplit=1)[0] not in packages


def _key_of_others(
    state: State, section: str, key: str, value: Decoded | None, packages: list[str] | None
) -> bool:
    if packages is None:
        return False
    said = state.sections.get(section, {})
    seals = {other: _sealed_by(other, one.value) for other, one in said.items()}
    foreign = {name for other, name in seals.items() if _other_packages("", other, None, packages)}
    if key.startswith("wrap/"):
        return any(row[0] in foreign for row in (state.get(section, key), value) if row)
    wrapped = {one.value[0] for other, one in said.items() if one.value and other.startswith("wrap/")}
    name = _sealed_by(key, value)
    return name is not None and name in foreign | (wrapped - {*seals.values()})


def _sealed_by(key: str, value: Decoded | None) -> bytes | None:
    """Give the id of the K by which a record's value is sealed."""
    found: bytes | None = None
    if value and key.startswith("set/") and value[0] == 6:
        found = value[2][0]
    if value and key.startswith("var/") and len(value) > 1:
        found = value[0]
    return found


def _other_groups(state: State, section: str, key: str, value: Decoded | None, groups: set[str]) -> bool:
    kind, _, rest = section.partition("/")
    both = [said for said in (state.get(section, key), value) if said is not None]
    match kind:
        case "assignment":
            return any(said[0] != "groups" or not set(said[1]) <= groups for said in both)
        case "policy":
            to = state.get(f"assignment/{rest}", "to")
            return to is not None and (to[0] != "groups" or not set(to[1]) <= groups)
        case "group":
            return rest not in groups
        case "reader":
            return key[6:] not in groups
        case "expected":
            return any(not said[2] or not set(said[2]) <= groups for said in both)
        case "joinkey":
            rule = value if key == "rule" and value else state.get(section, "rule")
            return rule is not None and (not rule[3] or not set(rule[3]) <= groups)
    return kind == "rollout"


def authorize(doing: Doing, one: Operation, value: Decoded | None, signers: list[Subject]) -> None:
    """Refuse an operation to which its signers have no right."""
    state = doing.state
    parts = one.section.split("/")
    if parts[0] == "device" and parts[2:] == ["facts"]:
        signed = any(subject.kind == "device" and subject.name == parts[1] for subject in signers)
        return need(signed, "missing-signatures")
    if parts[0] == "user" and one.key == "sealed":
        own = state.get(one.section, "key")
        if own and own[0] in {subject.public for subject in signers}:
            return None
    owners = {subject.name for subject in signers if subject.owner}
    if len(owners) >= state.get("trust", "quorum")[0]:
        return None
    if parts[0] == "passed":
        return _pass_on(state, one, value, signers)
    _granted(doing, one.section, one.key, value, signers)
    if parts[0] == "group" and one.key.startswith("member/"):
        _granted(doing, f"device/{one.key[7:]}", "groups", value, signers)
    if parts[0] == "reader":
        _granted(doing, one.key, f"member/{parts[1]}", value, signers)
    return None


def _granted(doing: Doing, section: str, key: str, value: Decoded | None, signers: list[Subject]) -> None:
    parts = section.split("/")
    granted = {"joinkey", "device", "policy", "assignment", "group", "reader", "expected", "rollout"}
    need(parts[0] in granted, "missing-signatures")
    grants = _in_force(doing.state, parts)
    _satisfy(grants, signers)
    need(not any(_outside(doing, section, key, value, grant) for grant in grants), "outside-grant")


Granted = list[Any]
"""A prefix, and the five items of its grant."""


def _in_force(state: State, parts: list[str]) -> list[Granted]:
    """The grant in force with the longest prefix, and those that it hangs on, in order; or none."""
    for count in range(len(parts), 0, -1):
        prefix = "/".join(parts[:count])
        if own := state.get("trust", f"grant/{prefix}"):
            return [[prefix, *own]]
        if passed := state.get("passed", f"grant/{prefix}"):
            above = _in_force(state, parts[: count - 1])
            if above and above[0][0] == passed[5] and all(_has(state, above, key) for key in passed[6]):
                return [[prefix, *passed[:5]], *above]
    return []


def _has(state: State, grants: list[Granted], key: bytes) -> bool:
    """Whether a key is still one of those that may pass on under the first of these grants."""
    subjects = state.subjects().get(key, [])
    if any(subject.owner for subject in subjects):
        return True
    return any(subject.active for subject in subjects) and any(key in grant[1] for grant in grants)


def _satisfy(grants: list[Granted], signers: list[Subject]) -> None:
    need(grants, "missing-signatures")
    counted = {key_id(subject.public) for subject in signers if subject.owner}
    counted |= {key_id(subject.public) for subject in signers} & {key for one in grants for key in one[1]}
    need(len(counted) >= max(one[2] for one in grants), "missing-signatures")


def _pass_on(state: State, one: Operation, value: Decoded | None, signers: list[Subject]) -> None:
    above = _in_force(state, one.key.split("/")[1:-1])
    _satisfy(above, signers)
    before = state.get("passed", one.key)
    need(all(said is None or said[5] == above[0][0] for said in (before, value)), "outside-grant")
    if value is None:
        return
    _satisfy(above, [subject for subject in signers if key_id(subject.public) in value[6]])
    need(value[1] >= max(one[2] for one in above), "outside-grant")
    for _prefix, _keys, _threshold, packages, groups, priority in above:
        files = {package for package in value[2] or [] if package.startswith("file:")}
        need(files <= set(packages or []), "outside-grant")
        for limit, said in ((packages, value[2]), (groups, value[3])):
            need(limit is None or (said is not None and set(said) <= set(limit)), "outside-grant")
        need(priority is None or (value[4] is not None and value[4] <= priority), "outside-grant")


def count_passed(before: State, after: State, change: Change, values: list[Decoded | None]) -> None:
    """Count what is passed on, for those who signed it and are named."""
    signers = dict(change.signatures)
    for one, value in zip(change.body.operations, values, strict=True):
        if one.section == "passed" and before.base(one.section, one.key) is None:
            need(value is not None, "bad-value")
            assert value
            for passer in value[6]:
                if passer in signers:
                    name = f"passed/{passer.hex()}"
                    after.derived[name] = after.derived.get(name, 0) + 1
                    need(after.derived[name] <= PASSED_MAX, "too-many-passed")


def check_void(state: State, operations: list[Operation]) -> None:
    """Judge what owners say of a stolen key (log.md, 14)."""
    said = [one for one in operations if one.section.startswith("void/")]
    need(len(said) == 1 and said[0].value_hash and said[0].base is None, "bad-value")
    for holder in state.subjects().get(bytes.fromhex(said[0].section[5:]), []):
        need(not holder.active, "still-active")
        anew = {(f"user/{holder.name}", "disabled"), ("trust", f"owner/{holder.name}")}
        need(all((one.section, one.key) not in anew for one in operations), "still-active")
