"""Who may do what (log.md, 6)."""

from typing import Any

from tests.vectors.reader import approvals
from tests.vectors.reader.changes import Operation
from tests.vectors.reader.keys import key_id
from tests.vectors.reader.packing import Decoded, need
from tests.vectors.reader.state import State, Subject


def _outside(
    state: State, one: Operation, value: Decoded | None, grant: list[Any], made: set[str] | None
) -> bool:
    prefix, _keys, _threshold, packages, groups, priority = grant
    kind, _, rest = one.section.partition("/")
    before = state.get(one.section, one.key)
    both = [said for said in (before, value) if said is not None]
    if kind == "device" and one.key in {"key", "origin"} and "/" not in rest and not made:
        return True
    if packages is not None:
        if one.key.startswith("var/") or (kind == "expected" and value and value[3]):
            return True
        if one.key.startswith("set/") and one.key[4:].split(".")[0] not in packages:
            return True
    if kind == "assignment" and priority is not None and any(said[2] > priority for said in both):
        return True
    if groups is None:
        return False
    if kind == "device" and (made or one.key != "groups" or "/" in rest):
        named = prefix != "device" and not made
        whose = approvals.groups_of(state, rest[:32]) if made is None else made
        return not named and (not whose or not whose <= set(groups))
    return _other_groups(state, one, value, set(groups))


def _other_groups(state: State, one: Operation, value: Decoded | None, groups: set[str]) -> bool:
    kind, _, rest = one.section.partition("/")
    before = state.get(one.section, one.key)
    both = [said for said in (before, value) if said is not None]
    match kind:
        case "assignment":
            return any(said[0] != "groups" or not set(said[1]) <= groups for said in both)
        case "group":
            return rest not in groups
        case "device" if one.key == "groups" and "/" not in rest:
            was, becomes = (set(said[0]) if said else set() for said in (before, value))
            return not was ^ becomes <= groups
        case "expected":
            return any(not set(said[2]) <= groups for said in both)
        case "joinkey":
            rule = state.get(one.section, "rule") if one.key != "rule" else None
            return any(not set(said[3]) <= groups for said in ([rule] if rule else both) if len(said) > 3)
    return False


def authorize(
    state: State, one: Operation, value: Decoded | None, signers: list[Subject], made: approvals.Made
) -> None:
    """Refuse an operation to which its signers have no right."""
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
    granted = {"joinkey", "device", "policy", "assignment", "group", "expected"}
    need(parts[0] in granted, "missing-signatures")
    grants = _in_force(state, parts)
    _satisfy(grants, signers)
    own = made.get("/".join(parts[:2]))
    return need(not any(_outside(state, one, value, grant, own) for grant in grants), "outside-grant")


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
            if above and above[0][0] == passed[5]:
                return [[prefix, *passed[:5]], *above]
    return []


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
    need(value[1] >= max(one[2] for one in above), "outside-grant")
    for _prefix, _keys, _threshold, packages, groups, priority in above:
        for limit, said in ((packages, value[2]), (groups, value[3])):
            need(limit is None or (said is not None and set(said) <= set(limit)), "outside-grant")
        need(priority is None or (value[4] is not None and value[4] <= priority), "outside-grant")
