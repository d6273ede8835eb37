"""Devices that come back without a person (log.md, 7, *Coming back*)."""

from typing import Any

from tests.vectors.reader import naming
from tests.vectors.reader.keys import labelled
from tests.vectors.reader.packing import Decoded, pack
from tests.vectors.reader.state import Record, State

CYCLES_MIN = 36
RECORDS_MAX = 2_048
Rows = dict[tuple[str, str], list[Any] | None]
"""Section and record -> what the fold writes there; none deletes it."""


def former(state: State, label: str, rule: list[Any], absent: tuple[bytes, int] | None) -> bytes:
    """Give the member whose place a device takes, or nothing."""
    paths = [path for path in state.paths("device") if state.get(path, "retired") is None]
    same = [path for path in paths if label and (state.get(path, "label") or [""])[0] == label]
    if rule[6] != "auto" or len(same) != 1 or absent is None:
        return b""
    device, cycles = bytes.fromhex(same[0][7:]), absent[1]
    if device in state.succession() or absent[0] != device or cycles < CYCLES_MIN:
        return b""
    return device if len(place(state, bytes(16), device)) <= RECORDS_MAX else b""


def place(state: State, new: bytes, old: bytes) -> Rows:
    """Say all that goes over."""
    was, now = f"device/{old.hex()}", f"device/{new.hex()}"
    name = state.get(was, "name")[0]
    rows: Rows = {
        (now, "name"): [name],
        (now, "groups"): list(state.get(was, "groups") or [[]]),
        (now, "rebound"): [old],
        (was, "retired"): [True],
        (was, "name"): [naming.decide(f"{name}-old", "", state.names())],
    }
    for key, one in state.sections.get(f"{was}/config", {}).items():
        if one.value is not None and not key.startswith("wrap/"):
            rows[f"{now}/config", key] = list(one.value)
    for path in state.paths("group"):
        if state.get(path, f"member/{old.hex()}"):
            rows[path, f"member/{old.hex()}"] = None
            rows[path, f"member/{new.hex()}"] = [True]
    for path in state.paths("assignment"):
        said = state.get(path, "to")
        if said and said[0] == "devices" and old.hex() in said[1]:
            ids = {new.hex() if one == old.hex() else one for one in said[1]}
            rows[path, "to"] = [said[0], sorted(ids), said[2]]
    return rows


def rests_on(before: State, after: State, absent: tuple[bytes, int]) -> bool:
    """Whether an entry gave the place of the member away on which it has a word."""
    marks = (
        path
        for path in after.paths("device")
        if before.get(path, "key") is None and after.get(path, "rebound") == [absent[0]]
    )
    return next(marks, None) is not None


def write(after: State, change: bytes, rows: Rows) -> None:
    """Write what the fold itself says, under the id of a change."""
    for (section, key), value in rows.items():
        value_hash = None if value is None else labelled("dusk.value", change[:16], pack(value))
        after.write(section, key, Record(None if value is None else Decoded(value), value_hash, change))
