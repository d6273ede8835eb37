"""When the leader of more than a slice applies: a sample of the others goes first, and answers get lost."""

from collections.abc import Set as AbstractSet
from typing import cast

import pytest

from dusk.apply.driver import Driver
from dusk.apply.windows import WINDOW_S, WINDOWS
from dusk.changelog.views import Member
from dusk.cycle.peers import Peers, roster
from dusk.effects import Effect, Event
from dusk.ids import ClusterId, DeviceId, PublicKey, Seq
from dusk.keys.signing import SigningKey
from dusk.limits import SLICE_MEMBERS_MAX
from dusk.node.applying import GATHER_S, LOOK_S, LOOK_SLICED_S, SLICE_WAIT_S, Applying

KEY = SigningKey.from_seed(b"\7" * 32)
OWN = DeviceId(KEY.key_id)
OTHERS = [DeviceId(number.to_bytes(16, "big")) for number in range(1, SLICE_MEMBERS_MAX + 1)]
SAMPLE = OTHERS[:20]
PATIENCE_S = WINDOWS.patience()


class _Machine:
    """An apply machine with a target."""

    waiting = True
    asked = Seq(7)
    contact_wanted_since: float | None = None
    may_stage = False
    is_applied = True
    tried = Seq(7)

    def start(self, _now: float) -> list[Effect]:
        self.waiting = False
        return [Event("started", "", loud=False)]

    def contact(self, _now: float) -> list[Effect]:
        return [Event("confirmed", "", loud=False)]


class _Cluster:
    """What a leader of one member more than a slice sees."""

    leads = True
    master = OWN

    def __init__(self, sample: list[DeviceId]) -> None:
        self.peers = Peers(KEY, ClusterId(bytes(32)))
        members = [
            Member(device, PublicKey(bytes(32)), "", "", (), False) for device in sorted([OWN, *OTHERS])
        ]
        self.peers.take(roster(members, [OWN]))
        self.sample, self.looks, self.confirmed = sample, 0, 0
        self.heard_at = float("inf")
        self.answered_at: float | None = None
        self.counts: dict[DeviceId, Seq] = {}
        self.switching, self.kept_to = False, Seq(2**53)

    def online(self, _now: float) -> set[DeviceId]:
        return {OWN, *OTHERS}

    def contact_since(self, moment: float) -> bool:
        return self.heard_at > moment

    def answered_since(self, moment: float) -> bool:
        return (self.heard_at if self.answered_at is None else self.answered_at) > moment

    def asked_now(self) -> AbstractSet[DeviceId]:
        return frozenset(self.sample)

    def may_keep(self, seq: Seq) -> bool:
        return seq <= self.kept_to

    def counts_for(self, device: DeviceId) -> Seq:
        return self.counts.get(device, Seq(2**53))

    def confirm(self, _now: float, within_s: float) -> list[Effect]:
        assert within_s == WINDOW_S
        self.confirmed += 1
        return []

    def ask_reports(self, _now: float) -> list[Effect]:
        self.looks += 1
        return []

    def gone(self, devices: list[DeviceId]) -> None:
        """Let devices miss a question: they are waited for no more."""
        for device in devices:
            peer = self.peers.get(device)
            assert peer is not None
            peer.missed = 1


def _gathered(sample: list[DeviceId]) -> tuple[Applying, _Machine, _Cluster]:
    """Return what is about to apply for the first time at the moment 0."""
    machine, cluster = _Machine(), _Cluster(sample)
    applying = Applying(cast(Driver, machine), cluster, lambda: 5.0, WINDOWS)
    applying.step(-GATHER_S)
    assert applying.deadline == 0.0
    return applying, machine, cluster


def test_p7_answers_that_come_by_the_hundred_cost_one_look_in_a_tenth_of_a_second() -> None:
    applying, machine, cluster = _gathered(SAMPLE)
    applying.step(0.0)
    assert (cluster.looks, applying.deadline) == (1, LOOK_S)
    for number in range(1, 100):
        assert applying.step(LOOK_SLICED_S * number / 100) == []
    assert (cluster.looks, applying.deadline) == (1, LOOK_SLICED_S)
    applying.step(LOOK_SLICED_S)
    assert cluster.looks == 2
    assert machine.waiting


@pytest.mark.parametrize(("missing", "at_s"), [(0, LOOK_SLICED_S), (2, SLICE_WAIT_S), (3, PATIENCE_S)])
def test_nine_in_ten_of_a_sample_are_enough_after_a_while(missing: int, at_s: float) -> None:
    applying, machine, cluster = _gathered(SAMPLE)
    applying.step(0.0)
    cluster.gone(SAMPLE[missing:])
    if missing:
        applying.step(at_s - LOOK_SLICED_S)
        assert machine.waiting
    assert applying.step(at_s) == [Event("started", "", loud=False)]


def test_who_is_not_reached_by_a_rollout_is_not_waited_for() -> None:
    applying, machine, cluster = _gathered(SAMPLE)
    machine.asked, cluster.counts = Seq(9), dict.fromkeys(SAMPLE, Seq(8))
    applying.step(0.0)
    assert applying.step(LOOK_SLICED_S) == [Event("started", "", loud=False)]


def test_where_nobody_of_the_sample_is_there_only_patience_ends_the_wait() -> None:
    applying, machine, _ = _gathered([])
    applying.step(0.0)
    applying.step(PATIENCE_S - LOOK_SLICED_S)
    assert machine.waiting
    applying.step(PATIENCE_S)
    assert not machine.waiting


@pytest.mark.parametrize("leads", [True, False])
def test_of_more_than_a_slice_an_apply_asks_once_for_an_answer(leads: bool) -> None:  # noqa: FBT001 (a parameter)
    applying, machine, cluster = _gathered(SAMPLE)
    cluster.leads = leads
    machine.contact_wanted_since = 1.0
    cluster.heard_at = 1.0
    machine.waiting = False
    applying.step(1.1)
    applying.step(1.2)
    assert cluster.confirmed == 1


@pytest.mark.parametrize("leads", [True, False])
def test_a32_of_more_than_a_slice_too_only_an_answer_confirms(leads: bool) -> None:  # noqa: FBT001 (a parameter)
    applying, machine, cluster = _gathered(SAMPLE)
    cluster.leads, machine.waiting, machine.contact_wanted_since = leads, False, 1.0
    cluster.heard_at, cluster.answered_at = 5.0, 1.0
    assert applying.step(5.1) == []
    cluster.answered_at = 5.2
    assert applying.step(5.3) == [Event("confirmed", "", loud=False)]
