"""Rollouts, changes and gates in any order: what counts for whom is what the log said at one position (R2).

The model keeps what every record was behind every entry, and looks it up; it shares nothing with what
the fold keeps but the merging of settings.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from dusk import codec
from dusk.changelog import rollouts
from dusk.changelog.body import Edit
from dusk.changelog.entry import APPLIED
from dusk.changelog.log import Log
from dusk.changelog.released import released
from dusk.changelog.rollouts import ABORT, DONE, FORCE, GO, HOLD, OPEN_WORD
from dusk.changelog.state import Record, State
from dusk.config.device import managed_config, options_of
from dusk.errors import Refused
from dusk.ids import DeviceId
from dusk.keys.signing import SigningKey
from tests.changelog.test_rollouts import Cluster
from tests.checkpoints import attest, compacted, looks

pytestmark = pytest.mark.usefixtures("small_steps")

DEEDS = 40
KEYS = ("wireless.lan.ssid", "wireless.lan.mode", "dhcp.lan.start")
POLICIES = ("wifi", "dns", "guest")


class Snapshot:
    """What a state said once."""

    def __init__(self, state: State) -> None:
        self._records = {path: dict(state.records(path)) for path in state.sections()}

    def value(self, section: str, key: str) -> list[Any] | None:
        record = self._records.get(section, {}).get(key)
        if record is None or record.data is None:
            return None
        return codec.unpack(record.data, size_max=len(record.data))

    def records(self, section: str, prefix: str = "") -> Mapping[str, Record]:
        return {k: r for k, r in self._records.get(section, {}).items() if k.startswith(prefix)}

    def sections(self, prefix: str = "") -> Iterator[str]:
        return iter(sorted(path for path in self._records if path.startswith(prefix)))


@dataclass
class Rolling:
    """A rollout that is under way, as the model has it."""

    name: str
    at: int
    sections: set[str]
    waves: list[set[str]]
    opened: int = 1

    def reached(self, device: str) -> bool:
        wave = next((n for n, wave in enumerate(self.waves) if device in wave), len(self.waves))
        return wave < self.opened


class Drawn:
    """A cluster to which anything happens."""

    def __init__(self, seed: int) -> None:
        self.random, self.world = Random(seed), Cluster()
        world = self.world
        self.devices = [world.master, world.canary, world.other, world.join("late")]
        world.commit(*(world.edit(f"group/{name}", "made", (True,)) for name in ("a", "b")))
        for device, board in zip(self.devices, ("one", "one", "two", None), strict=True):
            fact = world.edit(f"device/{device.key_id.hex()}/facts", "board", board and (board,))
            world.write(world.change(fact, signers=(device,), device=device))
        self.said: dict[int, Snapshot] = {}
        self.rolling: list[Rolling] = []
        self.count = 0
        self.counted: dict[bytes, int] = {}
        self.note()

    def note(self) -> None:
        self.said[self.world.log.head.seq] = Snapshot(self.world.log.state)

    def step(self) -> None:
        deeds = [self.change] * 3 + [self.begin, self.gate, self.gate, self.order, self.world.open]
        self.random.choice(deeds)()
        self.note()

    def drawn(self) -> Edit:
        random, world = self.random, self.world
        kind = random.random()
        device = random.choice(self.devices).key_id.hex()
        policy = random.choice(POLICIES)
        if kind < 0.5:
            return world.set(policy, random.choice(KEYS), str(world.log.head.seq))
        if kind < 0.6:
            key = f"set/{random.choice(KEYS)}"
            return world.edit(f"policy/{policy}", key, None)
        if kind < 0.75:
            to = random.choice((("all", []), ("groups", ["a"]), ("devices", [device])))
            return world.assigned(policy, *to, priority=100 + POLICIES.index(policy))
        if kind < 0.82:
            member = random.choice([(True,), None])
            return world.edit(f"group/{random.choice('ab')}", f"member/{device}", member)
        if kind < 0.88:
            select = random.choice(([["board", ["one"]]], [["board", ["one", "two"]]], None))
            return world.edit(f"group/{random.choice('ab')}", "select", select and (select,))
        if kind < 0.95:
            return world.edit(f"device/{device}", "groups", (random.choice([[], ["a"], ["b"]]),))
        return world.edit("cluster", "var/x", (str(world.log.head.seq),))

    def edits(self) -> list[Edit]:
        found = {(e.section, e.key): e for e in (self.drawn() for _ in range(self.random.randint(1, 3)))}
        return list(found.values())

    def change(self) -> None:
        assert self.world.commit(*self.edits()).outcome == APPLIED

    def begin(self) -> None:
        if len(self.rolling) >= 4:
            return
        self.count += 1
        name, world, edits = f"{self.count:032x}", self.world, self.edits()
        order = self.random.sample(self.devices, 4)
        waves = [order[:1], order[1:3]][: self.random.randint(0, 2)]
        parts = [world.wave(n, *wave, name=name, part=n) for n, wave in enumerate(waves)]
        at = world.log.head.seq
        world.commit(*edits, world.plan(name, waves=len(waves) + 1), *parts)
        named = [{device.key_id.hex() for device in wave} for wave in waves]
        self.rolling.append(Rolling(name, at, {edit.section for edit in edits}, named))

    def gate(self) -> None:
        if self.rolling:
            one = self.random.choice(self.rolling)
            word = DONE if one.opened > len(one.waves) else OPEN_WORD
            self.world.gate(word, one.name)
            self.rolling = [each for each in self.rolling if word != DONE or each is not one]
            one.opened += 1

    def order(self) -> None:
        if not self.rolling:
            return
        one, world = self.random.choice(self.rolling), self.world
        word = self.random.choice((FORCE, ABORT, HOLD))
        edits = [world.order(word, name=one.name)]
        if word == ABORT:
            edits += self.put_back(one)
        world.commit(*edits)
        if word == HOLD:
            self.note()
            world.commit(world.order(GO, name=one.name))
        else:
            self.rolling.remove(one)

    def put_back(self, one: Rolling) -> Iterator[Edit]:
        """Yield what takes back what a rollout brought, by what the records were before it."""
        state = self.world.log.state
        (running,) = (each for each in rollouts.under_way(state) if each.id == one.name)
        for section in sorted(one.sections):
            for key, record in state.tombstones(section).items():
                if record.base == running.change and section.partition("/")[0] != "rollout":
                    was = self.said[one.at].records(section).get(key)
                    yield Edit(section, key, None if was is None else was.data, record.base)

    # --- what must hold --------------------------------------------------------------------------

    def expected(self, device: SigningKey) -> dict[str, object]:
        name, now = device.key_id.hex(), self.said[self.world.log.head.seq]
        for one in self.rolling:
            stores = (self.said[one.at], self.said[one.at + 1])
            concerned = any(_is_for(store, section, name) for store in stores for section in one.sections)
            if concerned and not one.reached(name):
                return _options(self.said[one.at], device)
        return _options(now, device)

    def check(self, log: Log) -> None:
        for device in self.devices:
            counts = released(log, DeviceId(device.key_id))
            assert counts.head.seq >= self.counted.get(device.key_id, 0), "it never falls"
            assert counts.head.chain == self.world.log.chain_at(counts.head.seq)
            self.counted[device.key_id] = counts.head.seq
            assert _options(counts.store, device) == self.expected(device)

    def checkpoint(self) -> None:
        """Have the owner attest, and see that who stands on that has the same."""
        attest(self.world)
        self.note()
        log = compacted(self.world)
        assert looks(log) == looks(self.world.log)
        self.check(log)


def _options(store: Any, device: SigningKey) -> dict[str, object]:
    return dict(options_of(managed_config(store, DeviceId(device.key_id))))


def _is_for(store: Snapshot, section: str, device: str) -> bool:
    """Tell plainly whether what a device has may depend on a section."""
    kind, _, name = section.partition("/")
    own = (store.value(f"device/{device}", "groups") or [[]])[0]
    groups = {*own, *(g for g in "ab" if store.value(f"group/{g}", f"member/{device}") is not None)}
    (board,) = store.value(f"device/{device}/facts", "board") or [None]
    for group in "ab":
        ((_, boards),) = (store.value(f"group/{group}", "select") or [[["board", []]]])[0]
        groups |= {group} if board in boards else set()
    if kind in ("policy", "assignment"):
        to, names, _ = store.value(f"assignment/{name}", "to") or ("devices", [], 0)
        return to == "all" or device in names or (to == "groups" and bool(groups & set(names)))
    return kind == "cluster" or (kind == "group" and name in groups) or (kind, name) == ("device", device)


@pytest.mark.parametrize("seed", range(12))
def test_r2_what_counts_is_one_position_of_the_log_in_whatever_order_things_happen(seed: int) -> None:
    drawn = Drawn(seed)
    for _ in range(DEEDS):
        drawn.step()
        drawn.check(drawn.world.log)
    drawn.checkpoint()
    drawn.check(drawn.world.replica())


@pytest.mark.parametrize("seed", range(100, 106))
def test_r7_rollouts_are_taken_back_with_their_entries_and_done_again(seed: int) -> None:
    drawn = Drawn(seed)
    for _ in range(DEEDS // 2):
        drawn.step()
    log, at = drawn.world.log, drawn.world.log.head.seq
    before = looks(log)[10:12]
    for _ in range(DEEDS // 4):
        drawn.step()
    after = looks(log)[10:12]
    assert log.reaches(at)
    left = log.leave(at)
    assert looks(log)[10:12] == before
    log.restore(left)
    assert looks(log)[10:12] == after
    drawn.check(log)


def test_what_is_refused_changes_nothing() -> None:
    drawn = Drawn(1)
    world = drawn.world
    world.roll(world.set("wifi", KEYS[0], "new"))
    before = looks(world.log)
    with pytest.raises(Refused):
        world.log.write_gate("rollout/" + "0" * 31 + "1", DONE, world.stamp())
    assert looks(world.log) == before
