"""Who waits for which rollout, and what counts for whom (rollout.md, 3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.vectors.reader import approvals
from tests.vectors.reader.packing import Decoded, unpack
from tests.vectors.reader.rollouts import Rollout, says_whom, under_way
from tests.vectors.reader.state import State

PutBack = dict[tuple[str, str], Decoded | None]
"""Section and record → what is there for who waits, where that is not what the log says."""


def _kept(state: State, rollout: Rollout) -> Iterator[list[Any]]:
    rows = state.sections[rollout.former].items()
    return (list(one.value) for name, one in rows if name != "of" and one.value)


def _value(data: bytes | None) -> Decoded | None:
    return None if data is None else Decoded(unpack(data))


def put_back(state: State, rollout: Rollout) -> PutBack:
    """Give what is other than in the log for who waits for a rollout."""
    rows: PutBack = {}
    for one in reversed(under_way(state)):
        if one.number >= rollout.number:
            rows |= {(section, key): _value(data) for section, key, data, _, _ in _kept(state, one)}
    return rows


def waits_for(state: State, device: str) -> Rollout | None:
    """Give the rollout that a device waits for."""
    if state.get(f"device/{device}", "retired"):
        return None
    to_come = (one for one in under_way(state) if not _reached(state, one, device))
    return next((one for one in to_come if _concerns(state, one, device)), None)


def _reached(state: State, rollout: Rollout, device: str) -> bool:
    wave = state.get(rollout.path, "plan")[0] - 1
    for key, one in state.sections[rollout.path].items():
        if key.startswith("part/") and one.value and bytes.fromhex(device) in one.value[1]:
            wave = one.value[0]
    return bool(wave < state.get(rollout.path, "progress")[0])


def _concerns(state: State, rollout: Rollout, device: str) -> bool:
    before = put_back(state, rollout)
    own = [(section, key, behind) for section, key, _, is_own, behind in _kept(state, rollout) if is_own]
    said = {(section, key): _value(behind) for section, key, behind in own if says_whom(section, key)}
    sections = {section for section, _, _ in own}
    return any(_has(state, rows, sections, device) for rows in (before, before | said))


def _has(state: State, rows: PutBack, sections: set[str], device: str) -> bool:
    def get(section: str, key: str) -> Any:
        return rows[section, key] if (section, key) in rows else state.get(section, key)

    paths = {*state.sections, *(section for section, _ in rows)}
    groups = set(approvals.groups_of(get, paths, device))
    for path in (path for path in paths if path.startswith("group/")):
        if (select := get(path, "select")) and all(_fact(state, device, *one) for one in select[0]):
            groups.add(path[6:])
    for section in sections:
        kind, _, name = section.partition("/")
        own = (kind, name[:32]) == ("device", device) or (kind == "group" and name in groups)
        if kind == "cluster" or own:
            return True
        for to, names, _ in (get(f"assignment/{name}", key) or ("", [], 0) for key in ("to", "local")):
            among = groups if to == "groups" else {device}
            if kind in {"policy", "assignment"} and (to == "all" or among & set(names)):
                return True
    return False


def _fact(state: State, device: str, fact: str, values: list[str]) -> bool:
    said = (state.get(f"device/{device}/facts", fact) or [[]])[0]
    return bool({said} & set(values) if isinstance(said, str) else set(said) & set(values))
