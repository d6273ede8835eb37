"""The owner rolls changes out in waves, holds, resumes and forces them, while everything else goes wrong."""

from collections.abc import Callable
from random import Random

from dusk import codec
from dusk.changelog.body import Change, Edit
from dusk.changelog.former import ROLLOUT, kept_of
from dusk.changelog.released import released
from dusk.changelog.rollouts import ABORT, FORCE, GO, HOLD, ORDER, PLAN, TOGETHER, under_way
from dusk.changelog.state import State
from dusk.config.device import managed_config, options_of
from dusk.ids import Head
from dusk.node import Node
from dusk.sim.broken import RuleBroken
from dusk.sim.checks import Checks
from dusk.sim.clock import Clock
from dusk.sim.device import Device
from dusk.sim.people import draw_policy, expected_options
from dusk.sim.rolled import as_member, brought, counted

GAP_S = (1.0, 8.0)
LOOK_S = 2.0
FORCED_EACH_S = 30.0
RUNNING_MAX = 3
LEAVE_S = (4.0, 16.0)
"""Between two devices that leave by their own word."""
TOGETHER_SHARE = 0.3
"""Of the rollouts that begin: all switch together."""

Sign = Callable[[Device, Node, list[Edit]], Change]


class Rolling:
    """What the owner does with rollouts, and what must hold of them meanwhile.

    Args:
        clock, devices, checks: those of the run.
        random: decides.
        sign: signs what may be refused.
        leave: has some device leave by its own word, with what decides which.
        leaves: decides when, in seeds in which devices leave; else None.
        count: counts what happened, for people.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        devices: list[Device],
        checks: Checks,
        random: Random,
        sign: Sign,
        leave: Callable[[Random], None],
        leaves: Random | None,
        count: Callable[[str], None],
    ) -> None:
        self._clock, self._devices, self._checks = clock, devices, checks
        self._random, self._sign, self._count = random, sign, count
        self._leave, self._leaves = leave, leaves
        self._forced_at = float("-inf")
        self._is_over = False
        self._in_effect: dict[int, Head] = {}
        """By device: what was found to be released to it, and in effect."""

    def plan(self) -> None:
        """Begin."""
        self._clock.after(self._random.uniform(*GAP_S), self._act)
        self._clock.after(LOOK_S, self._look)
        self._wait_to_leave()

    def _wait_to_leave(self) -> None:
        if self._leaves is not None:
            self._clock.after(self._leaves.uniform(*LEAVE_S), self._one_leaves)

    def _one_leaves(self) -> None:
        if not self._is_over and self._leaves is not None:
            self._leave(self._leaves)
            self._wait_to_leave()

    def end(self) -> None:
        """Begin nothing more, and let what stands still go on."""
        if not self._is_over:
            self._is_over, self._forced_at = True, self._clock.now
        self._force_left()

    def _act(self) -> None:
        if self._is_over:
            return
        self._clock.after(self._random.uniform(*GAP_S), self._act)
        there = [device for device in self._devices if device.member is not None]
        if there:
            device = self._random.choice(there)
            device.submit(lambda node: self._sign(device, node, self._drawn(node)))

    def _drawn(self, node: Node) -> list[Edit]:
        state, random = node.log.state, self._random
        running = under_way(state)
        if running and (len(running) >= RUNNING_MAX or random.random() < 0.4):
            self._count("rollouts ordered")
            section = ROLLOUT + random.choice(running).id
            word = random.choice((HOLD, GO, GO, FORCE, ABORT))
            back = self._put_back(node, section) if word == ABORT else []
            return [_order(state, section, word), *back]
        self._count("rollouts begun")
        section = ROLLOUT + random.randbytes(16).hex()
        members = [d.device_id for d in self._devices if node.log.device_key(d.device_id) is not None]
        first = sorted(random.sample(members, random.randint(1, len(members))))
        is_together = random.random() < TOGETHER_SHARE
        edits = [
            Edit(section, PLAN, codec.pack((1 if is_together else 2, random.choice((0, 1, 9)))), None),
            Edit(section, "part/0", codec.pack((0, first)), None),
        ]
        if is_together:
            self._count("switches begun")
            edits.append(Edit(section, TOGETHER, codec.pack((True,)), None))
        if random.random() < 0.2:
            edits.append(_order(state, section, HOLD))
        return [*draw_policy(state, random), *edits]

    def _put_back(self, node: Node, section: str) -> list[Edit]:
        """Return what takes a rollout back, as a person signs it: what was before it, where it stands still.

        What the state keeps is held against what the records were right before the rollout (R2).
        """
        history = self._checks.history
        (rollout,) = (each for each in under_way(node.log.state) if ROLLOUT + each.id == section)
        head = history.at(node.log.head.chain)
        if head is None:  # a slow disk has yet to have it
            return []
        self._count("rollouts aborted")
        began = next(each for each in head.back() if each.change == rollout.change)
        before, now = history.records_at(began.parent), history.records_at(head)
        kept = {(one.section, one.key): one for one in kept_of(node.log.state, rollout.id) if one.is_own}
        edits = []
        for place in sorted(brought(now, section)):
            was = before.get(place)
            if kept[place].data != (None if was is None else was.data):
                raise RuleBroken("R2", f"{section}: keeps of {place} what was not before it")
            edits.append(Edit(*place, kept[place].data, rollout.change))
        return edits

    def _force_left(self) -> None:
        """Let what stands still in the end reach all."""
        there = [device for device in self._devices if device.member is not None]
        if not there or self._clock.now < self._forced_at + FORCED_EACH_S:
            return
        device = there[0]
        assert device.member is not None, "it was chosen for that"
        for running in under_way(device.member.log.state):
            self._forced_at = self._clock.now
            section = ROLLOUT + running.id
            self._force(device, section)

    def _force(self, device: Device, section: str) -> None:
        device.submit(lambda node: self._sign(device, node, [_order(node.log.state, section, FORCE)]))

    # --- what must hold ------------------------------------------------------------------------

    def _look(self) -> None:
        if not self._is_over:
            self._clock.after(LOOK_S, self._look)
        for device in self._devices:
            if device.index not in self._checks.excused and device.member is not None:
                self._check(device, device.member)

    def _check(self, device: Device, node: Node) -> None:
        """What counts for a device is what the log said at one position, and no more is in effect (R2)."""
        history, head = self._checks.history, self._checks.head_of(device)
        if head is None or head.chain != node.log.head.chain:
            return
        for other in self._devices:
            if node.log.device_key(other.device_id) is None:
                continue
            stands = counted(history, head, other.device_id)
            found = released(node.log, other.device_id)
            if found.head.seq != stands.seq:
                where = f"{found.head.seq}, not {stands.seq}"
                raise RuleBroken("R2", f"{device.name}: the log counts for {other.name} to {where}")
            said = options_of(managed_config(found.store, other.device_id))
            records = as_member(history, head, stands, other.device_id)
            wanted = expected_options(records, other.device_id)
            if {key: values for key, (_, values, _) in said.items()} != {k: (v,) for k, v in wanted.items()}:
                raise RuleBroken("R2", f"{device.name}: it takes {other.name} for set otherwise")
        self._check_effect(device, node, counted(history, head, device.device_id).seq)

    def _check_effect(self, device: Device, node: Node, seq: int) -> None:
        """Nothing is put in effect that was not released on the branch that the device has.

        What was, stays in effect where a recovery undoes the entry that released it.
        """
        applied = node.applied.head
        if self._in_effect.get(device.index) == applied:
            return
        self._in_effect[device.index] = applied
        if node.log.chain_at(applied.seq) == applied.chain and applied.seq > seq:
            raise RuleBroken("R2", f"{device.name} has {applied.seq} in effect, and was released {seq}")


def _order(state: State, section: str, word: str) -> Edit:
    record = state.record(section, ORDER)
    return Edit(section, ORDER, codec.pack((word, 0, None)), None if record is None else record.base)
