"""The checks can fail: devices that break a rule on purpose are caught, each by its rule."""

from typing import Any

import pytest

from dusk.apply.events import Restored
from dusk.changelog.body import Change
from dusk.changelog.certificate import Certificate, sign_ack
from dusk.changelog.state import Record
from dusk.cycle.outbox import FOLDER
from dusk.effects import (
    Append,
    ChangeState,
    Effect,
    Input,
    Progress,
    RemoveFile,
    SendDatagram,
    SendMulticast,
    StoreFile,
    Tick,
)
from dusk.ids import ChangeId, DeviceId
from dusk.keys.signing import SigningKey
from dusk.node import Node
from dusk.node.listening import Listening
from dusk.sim.broken import RuleBroken
from dusk.sim.disk import Disk, DiskEffect
from dusk.sim.faults import NONE, Faults
from dusk.sim.people import succession
from dusk.sim.scenario import Plan, Simulation

SENDS = (SendDatagram, SendMulticast)


def broken(plan: Plan) -> str:
    """Run a plan that must fail; return the rule."""
    with pytest.raises(RuleBroken) as caught:
        Simulation(plan).run()
    return caught.value.rule


class Sabotaged(Node):
    """Does what a node does, with one change to its effects."""

    def handle(self, event: Input, now: float) -> list[Effect]:
        return self.twist(super().handle(event, now))

    def twist(self, effects: list[Effect]) -> list[Effect]:
        return effects


class SpeaksFirst(Sabotaged):
    """Sends before it stores."""

    def twist(self, effects: list[Effect]) -> list[Effect]:
        return sorted(effects, key=lambda effect: not isinstance(effect, SENDS))


class NeverStores(Sabotaged):
    """Counts on what it never wrote."""

    def twist(self, effects: list[Effect]) -> list[Effect]:
        return [effect for effect in effects if not isinstance(effect, Append)]


class WritesForNothing(Sabotaged):
    """Writes a file at every tick."""

    ticks = 0
    file = "ticks"

    def handle(self, event: Input, now: float) -> list[Effect]:
        effects = super().handle(event, now)
        if isinstance(event, Tick):
            self.ticks += 1
            effects.append(StoreFile(self.file, str(self.ticks).encode()))
        return effects


class WritesAddressesOften(WritesForNothing):
    """Keeps where others are at every tick."""

    file = "addresses"


class ClaimsDurable(Sabotaged):
    """Calls durable what is local."""

    def twist(self, effects: list[Effect]) -> list[Effect]:
        return [
            Progress(e.change, ChangeState.DURABLE, e.seq, e.reason)
            if isinstance(e, Progress) and e.state is ChangeState.LOCAL
            else e
            for e in effects
        ]


class LosesChanges(Node):
    """Throws away what it said it keeps."""

    def submit(self, change: Change, now: float) -> list[Effect]:
        effects = [e for e in super().submit(change, now) if isinstance(e, StoreFile | Progress)]
        self._rooms.outbox._items.clear()
        return [*effects, RemoveFile(FOLDER + change.id.hex())]


class AlwaysFresh(Node):
    """Never says that it is stale."""

    def fresh(self, now: float) -> bool:
        return True


class Forger(Node):
    """Writes a record into its own memory that nobody signed."""

    def handle(self, event: Input, now: float) -> list[Effect]:
        effects = super().handle(event, now)
        records = self.log.state._sections["cluster"].records
        name = records["name"]
        records["name"] = Record(b"\x91\xa5owned", name.value_hash, name.base)
        return effects


class ForgetfulDisk(Disk):
    """Says that an append is durable and loses the last one at a power cut."""

    def recover(self) -> int:
        if len(self._written) > 4:
            del self._written[-2:]
        return super().recover()


class TearingDisk(Disk):
    """Keeps entries in another order than they were appended."""

    def do(self, effect: DiskEffect) -> None:
        super().do(effect)
        if isinstance(effect, Append) and len(self._written) > 6:
            self._written[-1], self._written[-2] = self._written[-2], self._written[-1]


class _Deaf(Listening):
    """Asks nobody."""

    def begin(self, now: float, *, is_new: bool = False, was_behind: bool = False) -> list[Effect]:
        self.lead_at = now
        return []

    def ask_all(self, now: float) -> list[Effect]:
        return []


class LeadsAtOnce(Node):
    """Comes back with an older disk and writes without asking anybody."""

    def start(self, now: float, restored: Restored | None = None) -> list[Effect]:
        self._rooms.listening = self._rooms.leading._listening = _Deaf(self._rooms.station, self.confirm)
        return super().start(now, restored)


class Inventor(Node):
    """Has a record in its own memory, at a place that nobody ever wrote."""

    def handle(self, event: Input, now: float) -> list[Effect]:
        effects = super().handle(event, now)
        records = self.log.state._sections["cluster"].records
        records["invented"] = records["name"]
        return effects


class KeepsJunk(Node):
    """Writes whatever others hand in to its flash."""

    def start(self, now: float, restored: Restored | None = None) -> list[Effect]:
        queue = self._rooms.writing.queue

        def keep(change: Change, sender: bytes, now: float, after: ChangeId | None = None) -> list[Effect]:
            return [*queue(change, sender, now, after), StoreFile(FOLDER + change.id.hex(), change.encode())]

        self._rooms.writing.queue = keep  # type: ignore[method-assign]  # the sabotage
        return super().start(now, restored)


class MixesSettings(Node):
    """Works out its settings from another device's groups and assignments."""

    def handle(self, event: Input, now: float) -> list[Effect]:
        effects = super().handle(event, now)
        sections = self.log.state._sections
        for section in [name for name in sections if name.startswith("assignment/")]:
            del sections[section]
        return effects


class HalfDisk(Disk):
    """Does the steps of a batch one by one, and calls the batch durable before the last."""

    def do(self, effect: DiskEffect) -> None:
        if isinstance(effect, Append) and len(effect.items) > 2:
            effect = Append(effect.items[:1])
        super().do(effect)


CALM = Plan(11, NONE, devices=3, duration_s=20.0)


def with_node(node: type[Node], index: int = 0, faults: Faults = NONE) -> Plan:
    return Plan(11, faults, devices=3, duration_s=25.0, in_rounds=False, nodes={index: node})


def test_without_sabotage_the_same_plan_holds() -> None:
    Simulation(CALM).run()


def test_a_master_that_speaks_before_it_stores_is_caught_r8() -> None:
    assert broken(with_node(SpeaksFirst)) == "R8"


def test_a_member_that_speaks_before_it_stores_is_caught_r8() -> None:
    assert broken(with_node(SpeaksFirst, 1, Faults(delay_s=0.2))) == "R8"


def test_a_master_that_never_stores_is_caught_r8() -> None:
    assert broken(with_node(NeverStores)) == "R8"


def test_a_node_that_writes_without_a_change_is_caught_r12() -> None:
    assert broken(with_node(WritesForNothing, 1)) == "R12"


def test_a_node_that_writes_its_table_of_addresses_again_within_an_hour_is_caught_r12() -> None:
    assert broken(with_node(WritesAddressesOften, 1)) == "R12"


def test_a_master_that_calls_durable_what_one_disk_has_is_caught_r3() -> None:
    assert broken(with_node(ClaimsDurable)) == "R3"


def test_a_node_that_loses_what_it_keeps_is_caught_r3() -> None:
    assert broken(Plan(11, NONE, devices=2, duration_s=60.0, nodes={1: LosesChanges})) == "R3"


def test_a3_a_node_that_calls_a_silent_master_fresh_is_caught() -> None:
    plan = Plan(11, Faults(partition_s=20.0), devices=3, duration_s=200.0, nodes={1: AlwaysFresh})
    assert broken(plan) == "R11"


def test_a1_a_node_that_changes_a_record_by_itself_is_caught_r1() -> None:
    assert broken(with_node(Forger, 1)) in {"R1", "R2"}


def test_a1_a_node_with_a_record_of_its_own_making_is_caught_r1() -> None:
    assert broken(with_node(Inventor, 1)) == "R1"


def test_a_disk_that_forgets_its_head_is_caught_r5() -> None:
    plan = Plan(11, Faults(crash_s=5.0), devices=3, duration_s=25.0, disks={1: ForgetfulDisk})
    assert broken(plan) == "R5"


def test_a_disk_that_mixes_up_its_log_is_caught() -> None:
    plan = Plan(11, Faults(crash_s=5.0), devices=3, duration_s=25.0, disks={0: TearingDisk})
    assert broken(plan) in {"R5", "R6"}


def test_a28_a_master_that_leads_with_an_old_disk_without_asking_is_caught_r2() -> None:
    plan = Plan(2, Faults(old_disk_s=2.0), devices=3, duration_s=60.0, nodes={0: LeadsAtOnce})
    assert broken(plan) == "R2"


def test_a54_a_node_that_writes_what_others_hand_in_to_its_flash_is_caught_r12() -> None:
    assert broken(Plan(11, NONE, devices=3, duration_s=25.0, nodes={0: KeepsJunk})) == "R12"


def test_r7_a_disk_that_keeps_a_part_of_a_batch_is_caught() -> None:
    assert broken(Plan(11, NONE, devices=3, duration_s=25.0, disks={1: HalfDisk})) in {"R5", "R7", "R8"}


def test_a_node_that_works_out_other_settings_than_the_log_says_is_caught() -> None:
    assert broken(with_node(MixesSettings, 1)) in {"R1", "R2"}


class CertifiesAlone(Sabotaged):
    """Calls final on its disk what it alone has acknowledged."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._own_key: SigningKey = arguments["key"]

    def twist(self, effects: list[Effect]) -> list[Effect]:
        return [
            self._with_proof(e) if isinstance(e, Append) and len(self._holders) > 1 else e for e in effects
        ]

    @property
    def _holders(self) -> list[DeviceId]:
        return succession(self.log.state)

    def _with_proof(self, append: Append) -> Append:
        assert self.log.cluster is not None
        ack = sign_ack(self._own_key, self.log.cluster, self.log.head)
        proof = Certificate.of(self.log.head, {DeviceId(self._own_key.key_id): ack})
        return Append((*append.items, proof.item()))


class CallsAllFinal(Node):
    """Tells the master that all it has is final."""

    def handle(self, event: Input, now: float) -> list[Effect]:
        effects = super().handle(event, now)
        self.log._settling.settled = self.log.head.seq
        return effects


def two_holders(node: type[Node], index: int) -> Plan:
    return Plan(2, NONE, devices=3, duration_s=25.0, in_rounds=False, nodes={index: node}, holders_max=2)


def test_with_two_holders_and_no_sabotage_the_same_plan_holds() -> None:
    simulation = Simulation(two_holders(Node, 0))
    simulation.run()
    assert len(simulation.checks.holders()) == 2


def test_a41_a_master_that_certifies_alone_is_caught_r4() -> None:
    assert broken(two_holders(CertifiesAlone, 0)) == "R4"


def test_a41_a_member_that_calls_final_what_is_not_is_caught_r4() -> None:
    assert broken(two_holders(CallsAllFinal, 1)) == "R4"
