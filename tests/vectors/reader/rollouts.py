"""Rollouts: changes that reach the devices wave by wave (rollout.md, 1, 2, 4 and 5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.vectors.reader import succession
from tests.vectors.reader.changes import Change, Entry
from tests.vectors.reader.keys import labelled
from tests.vectors.reader.packing import Decoded, need, pack, unpack
from tests.vectors.reader.records import ID
from tests.vectors.reader.state import Record, State

UNDER_WAY_MAX = 8
FORMER_RECORDS_MAX = 8_192
FORMER_BYTES_MAX = 1_048_576
RECORD_BYTES_MAX = 65_536
PUT_BACK_BYTES_MAX = 245_760
OPERATION_BYTES = 128
NO_SALT = bytes(16)
WRITTEN_BY_THE_FOLD = {"progress", "switch"}

# Path of a section → its records of a kept kind.
KEPT = {
    r"policy/.+": r".+",
    rf"device/{ID}/config": r".+",
    r"group/.+": r".+",
    r"assignment/.+": r"to|local",
    r"cluster": r"(?:var|wrap)/.+|secrets",
    rf"device/{ID}": r"groups",
}
# Those that say whom something is for.
WHOM = {r"assignment/.+": r"to|local", r"group/.+": r"member/.+|select", rf"device/{ID}": r"groups"}


def _is_in(table: dict[str, str], section: str, key: str) -> bool:
    return any(
        re.fullmatch(path, section) and re.fullmatch(keys, key, re.DOTALL) for path, keys in table.items()
    )


def says_whom(section: str, key: str) -> bool:
    """Whether a record says whom something is for."""
    return _is_in(WHOM, section, key)


def _place(section: str, key: str) -> str:
    return "was/" + labelled("dusk.former", section.encode(), b"\0", key.encode())[:16].hex()


def _data(state: State, section: str, key: str) -> bytes | None:
    value = state.get(section, key)
    return None if value is None else pack(value)


@dataclass(frozen=True)
class Rollout:
    """One that is under way: its sections, which began how early, and the change that began it."""

    path: str
    former: str
    number: int
    change: bytes


def under_way(state: State) -> list[Rollout]:
    """Give the rollouts under way, the oldest first."""
    found = []
    for former in state.paths("former"):
        number, change = state.get(former, "of")
        found.append(Rollout(former.replace("former", "rollout", 1), former, number, change))
    return sorted(found, key=lambda one: one.number)


# What a change may do (section 1)


def check(state: State, change: Change, values: list[Decoded | None], entry: Entry) -> None:
    """Refuse what a change may not do to rollouts."""
    rows = list(zip(change.body.operations, values, strict=True))
    own = [(one, value) for one, value in rows if one.section.split("/")[0] in {"rollout", "former"}]
    if not own:
        return
    section = own[0][0].section
    need(all(one.section == section and value is not None for one, value in own), "bad-value")
    said = {one.key: value for one, value in own if value is not None}
    need(section.startswith("rollout/") and not WRITTEN_BY_THE_FOLD & said.keys(), "bad-value")
    order: list[Any] = said.get("order", Decoded())
    need(not order or order[1] == 0 or entry.clock_trusted, "clock-unknown")
    if "plan" in said:
        _check_beginning(state, change, section, said)
        return
    need(said.keys() == {"order"}, "bad-value")
    running = [one for one in under_way(state) if one.path == section]
    need(running, "rollout-over")
    if order[0] == "abort":
        _check_put_back(state, change, running[0])


def _check_beginning(state: State, change: Change, section: str, said: dict[str, Decoded]) -> None:
    need(state.base(section, "plan") is None and succession.kind_of(change) == succession.CHANGE, "bad-value")
    rolled = [one for one in change.body.operations if _is_in(KEPT, one.section, one.key)]
    need(rolled, "bad-value")
    waves = said["plan"][0]
    need("together" not in said or waves == 1, "bad-value")
    parts = [value for key, value in said.items() if key.startswith("part/")]
    need(all(wave < waves for wave, _ in parts), "bad-value")
    named = [device for _, devices in parts for device in devices]
    need(len(named) == len(set(named)), "bad-value")
    need("order" not in said or said["order"][0] in {"go", "hold"}, "bad-value")
    put_back = sum(
        len(one.section.encode())
        + len(one.key.encode())
        + len(_data(state, one.section, one.key) or b"")
        + OPERATION_BYTES
        for one in rolled
    )
    need(put_back <= PUT_BACK_BYTES_MAX, "rollout-full")
    need(len(under_way(state)) < UNDER_WAY_MAX, "too-many-rollouts")


def _check_put_back(state: State, change: Change, rollout: Rollout) -> None:
    written = {(one.section, one.key) for one in change.body.operations}
    for name, record in state.sections[rollout.former].items():
        if name != "of":
            assert record.value
            section, key, _, own, _ = record.value
            stands = own and state.base(section, key) == rollout.change
            need(not stands or (section, key) in written, "not-put-back")


# What the state keeps (section 2)


@dataclass
class Folding:
    """What the fold itself writes behind one entry."""

    before: State
    after: State
    rollouts: list[Rollout]
    sections: set[str] = field(default_factory=set)
    longest: int = 0

    def write(self, section: str, key: str, row: list[Any], base: bytes) -> None:
        """Write a record that nobody signed."""
        data = pack(row)
        self.after.write(section, key, Record(Decoded(row), labelled("dusk.value", NO_SALT, data), base))
        self.sections.add(section)
        if section.startswith("former/"):
            self.longest = max(self.longest, len(data))

    def progress(self, path: str, opened: int, ended: str, stopped: str) -> None:
        """Write how far a rollout is; its base is the change that wrote its plan."""
        base = self.after.base(path, "plan")
        assert base
        self.write(path, "progress", [opened, ended, stopped], base)

    def begin(self, path: str, change: bytes) -> None:
        """Keep for one more."""
        number = 1 + max((one.number for one in self.rollouts), default=0)
        rollout = Rollout(path, path.replace("rollout", "former", 1), number, change)
        self.rollouts.append(rollout)
        self.write(rollout.former, "of", [number, change], change)

    def end(self, path: str) -> None:
        """Let what was kept, and the waves, go."""
        at = [one.path for one in self.rollouts].index(path)
        ended = self.rollouts.pop(at)
        heir = self.rollouts[at - 1] if at else None
        for name, record in self.after.sections.pop(ended.former).items():
            if heir and name != "of" and self.after.base(heir.former, name) is None:
                assert record.value
                self.write(heir.former, name, [*record.value[:3], False, None], heir.change)
        rows = self.after.sections[path]
        self.after.sections[path] = {key: one for key, one in rows.items() if not key.startswith("part/")}
        self.sections |= {ended.former, path}

    def keep(self, written: Iterable[tuple[str, str]], begun: str) -> None:
        """Keep what records were that an entry wrote."""
        if not self.rollouts:
            return
        newest = self.rollouts[-1]
        for section, key in written:
            if not _is_in(KEPT, section, key) or self._joins(section, key):
                continue
            place, own = _place(section, key), newest.path == begun
            if self.after.base(newest.former, place) is None:
                behind = _data(self.after, section, key) if own and says_whom(section, key) else None
                row = [section, key, _data(self.before, section, key), own, behind]
                self.write(newest.former, place, row, newest.change)
            if section.startswith("assignment/"):
                self._take_place(section, key)
        self._need_room()

    def _joins(self, section: str, key: str) -> bool:
        kind, _, rest = section.partition("/")
        if kind == "group" and key.startswith("member/"):
            return self._is_none(key[7:])
        return kind == "device" and self._is_none(rest[:32])

    def _is_none(self, device: str) -> bool:
        return self.before.get(f"device/{device}", "key") is None

    def _take_place(self, section: str, key: str) -> None:
        was, now = self.before.get(section, key), self.after.get(section, key)
        if not (was and now and was[0] == now[0] == "devices"):
            return
        out = set(was[1]) - set(now[1])
        come = {device for device in set(now[1]) - set(was[1]) if self._is_none(device)}
        if not (out and come):
            return
        for rollout in self.rollouts:
            kept = self.after.get(rollout.former, _place(section, key))
            if kept:
                *names, data, own, behind = kept
                row = [*names, _beside(data, out, come), own, _beside(behind, out, come)]
                self.write(rollout.former, _place(section, key), row, rollout.change)

    def _need_room(self) -> None:
        kept = [one for path in self.after.paths("former") for one in self.after.sections[path].values()]
        size = sum(len(pack(one.value)) for one in kept if one.value is not None)
        need(len(kept) <= FORMER_RECORDS_MAX and size <= FORMER_BYTES_MAX, "rollout-full")
        need(self.longest <= RECORD_BYTES_MAX, "rollout-full")


def _beside(data: bytes | None, out: set[str], come: set[str]) -> bytes | None:
    if data is None:
        return None
    to, names, priority = unpack(data, 3)
    if to != "devices" or not out & set(names):
        return data
    return pack([to, sorted({*names, *come}), priority])


def follow(before: State, after: State, change: Change, sections: list[str]) -> list[str]:
    """Write what the fold does behind a change that was applied; gives all sections that the entry names."""
    folding = Folding(before, after, under_way(before))
    wrote = [
        (path, key) for path in sections for key, one in after.sections[path].items() if one.base == change.id
    ]
    said = {key: after.get(path, key) for path, key in wrote if path.startswith("rollout/")}
    path = next((path for path in sections if path.startswith("rollout/")), "")
    order = said.get("order", ["go", 0, None])
    at_once = order[:2] == ["go", 0] and after.get(path, "together") is None
    if "plan" in said:
        folding.progress(path, int(at_once), "", "")
        folding.begin(path, change.id)
    elif "order" in said:
        opened, _, stopped = after.get(path, "progress")
        if order[0] in {"abort", "force"}:
            folding.progress(path, opened, order[0], stopped)
            folding.end(path)
        elif order[0] == "go":
            folding.progress(path, max(opened, int(at_once)), "", "")
    folding.keep(wrote, path if "plan" in said else "")
    return sorted({*sections, *folding.sections})


# Gates (sections 4 and 5)


def gate(state: State, entry: Entry) -> tuple[State, list[str]]:
    """Do what an entry without a change does to a rollout, or refuse it; gives the sections that it names."""
    path = next((path for path, _ in entry.sections if path.startswith("rollout/")), "")
    rollouts = under_way(state)
    need(any(one.path == path for one in rollouts), "no-gate")
    kind, _, device = entry.outcome[2].partition(" ")
    named = re.fullmatch(ID, device) is not None and state.get(f"device/{device}", "key") is not None
    words = {"open", "done", "switch", "stay"}
    need(entry.outcome[2] in words or (kind in {"stop", "back"} and named), "no-gate")
    order = state.get(path, "order") or ["go", 0, None]
    opened, _, stopped = state.get(path, "progress")
    runs = order[0] == "go" and not stopped
    has_come = opened > 0 or order[1] == 0 or (entry.clock_trusted and entry.time_s >= order[1])
    waves = state.get(path, "plan")[0]
    if state.get(path, "together"):
        may = {
            "switch": opened == 0 and runs and has_come,
            "stop": opened == 0 and runs,
            "stay": opened == 1,
            "back": opened == 1,
            "done": opened == 2,
        }
        behind = {"switch": 1, "stop": 0, "stay": 2, "back": 0, "done": 2}
    else:
        may = {
            "open": runs and opened < waves and has_come,
            "done": runs and opened == waves,
            "stop": runs and opened > 0,
        }
        behind = {"open": opened + 1, "done": opened, "stop": opened}
    need(may.get(kind), "no-gate")
    folding = Folding(state, state.copy(), rollouts)
    folding.progress(path, behind[kind], "done" if kind == "done" else "", device)
    if kind == "switch":
        base = state.base(path, "plan")
        assert base
        folding.write(path, "switch", [entry.writer], base)
    if kind == "done":
        folding.end(path)
    return folding.after, sorted(folding.sections)
