"""The machine that decides who leads: its table, its times, what it never does."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.cycle.freshness import CHAIN_CYCLES
from dusk.cycle.takeover import (
    ASK_CYCLES,
    DEADLINE,
    DEPOSED,
    FETCH_S,
    FETCHES_MAX,
    HANDED,
    LED,
    QUESTIONS,
    RANK_CYCLES,
    RANK_S,
    TABLE,
    Action,
    Ask,
    Event,
    Fetch,
    Heard,
    Kind,
    Lead,
    Moved,
    Placed,
    State,
    Step,
    Takeover,
    Told,
    rank,
    takeover_s,
)
from dusk.effects import Address
from dusk.ids import DeviceId, Seq
from tools.states import diagram

ONE, TWO, THREE = (DeviceId(bytes([number]) * 16) for number in (1, 2, 3))
HERE, THERE = Address("10.0.0.1", 1), Address("10.0.0.2", 1)


@dataclass
class Clock:
    """A machine and its time."""

    machine: Takeover
    now: float = 100.0

    def wait(self, seconds: float) -> list[tuple[float, Action]]:
        """Let time pass, the deadlines met as they come; return what was asked for, and when."""
        end, done = self.now + seconds, []
        while (due := self.machine.deadline) is not None and due <= end:
            self.now = max(self.now, due)
            done += [(self.now, action) for action in self.machine.handle(DEADLINE, self.now)]
        self.now = end
        return done

    def tell(self, event: Event) -> list[Action]:
        return self.machine.handle(event, self.now)


def holder(place: int = 0, cycle_s: float = 5.0) -> Clock:
    clock = Clock(Takeover(cycle_s, 100.0))
    assert clock.tell(Placed(place)) == []
    return clock


def asking(place: int = 0) -> Clock:
    clock = holder(place)
    clock.wait(CHAIN_CYCLES * 5.0)
    assert clock.machine.state is State.ASKING
    return clock


def bound(place: int, cycle_s: float) -> float:
    return (CHAIN_CYCLES + ASK_CYCLES) * cycle_s + place * (RANK_CYCLES * cycle_s + RANK_S)


@pytest.mark.parametrize(("cycle_s", "limit_s"), [(5.0, 20.0), (0.5, 3.0)])
def test_p11_a_backup_that_nobody_answers_leads_well_within_the_target(
    cycle_s: float, limit_s: float
) -> None:
    clock = holder(0, cycle_s)
    done = clock.wait(limit_s)
    assert [action for _, action in done] == [Ask()] * QUESTIONS + [Lead()]
    assert done[-1][0] - 100.0 == pytest.approx(3 * cycle_s)
    assert clock.machine.state is State.LEADING


@given(st.integers(0, 15), st.sampled_from([0.2, 0.5, 5.0]))
def test_each_place_leads_at_its_own_time_when_nobody_answers(place: int, cycle_s: float) -> None:
    clock = holder(place, cycle_s)
    done = clock.wait(2 * bound(place, cycle_s))
    at, action = done[-1]
    assert action == Lead()
    assert at == pytest.approx(100.0 + bound(place, cycle_s))


def test_who_may_not_lead_waits_for_nothing() -> None:
    clock = Clock(Takeover(5.0, 100.0))
    assert clock.machine.deadline is None
    assert clock.wait(1000.0) == []
    for event in (DEADLINE, HANDED, Heard(), DEPOSED):
        assert clock.tell(event) == []
    assert clock.machine.state is State.OUTSIDE


def test_a_place_that_is_lost_ends_all_and_one_that_is_got_begins_anew() -> None:
    clock = asking()
    clock.tell(Placed(None))
    assert (clock.machine.state, clock.machine.deadline) == (State.OUTSIDE, None)
    clock.tell(Placed(1))
    assert clock.machine.deadline == clock.now + CHAIN_CYCLES * 5.0


def test_another_place_moves_the_end_of_asking() -> None:
    clock = asking()
    clock.tell(Placed(2))
    ((at, _),) = [row for row in clock.wait(60.0) if row[1] == Lead()]
    assert at == pytest.approx(100.0 + bound(2, 5.0))


def test_who_hears_a_leader_while_it_asks_watches_on() -> None:
    clock = asking()
    clock.tell(Heard())
    assert clock.machine.state is State.WATCHING
    assert clock.machine.deadline == clock.now + CHAIN_CYCLES * 5.0


def test_a28_what_a_member_shows_is_fetched_before_leading_holders_first() -> None:
    clock = asking()
    clock.tell(Moved(Seq(5)))
    clock.tell(Told(ONE, Seq(9), HERE, acknowledges=False))
    clock.tell(Told(TWO, Seq(9), THERE, acknowledges=True))
    clock.tell(Told(THREE, Seq(4), HERE, acknowledges=True))
    done = clock.wait(ASK_CYCLES * 5.0)
    assert done[-1][1] == Fetch(THERE)
    assert clock.machine.state is State.SYNCING
    assert clock.tell(Moved(Seq(7))) == []
    assert clock.machine.deadline == clock.now + FETCH_S
    assert clock.tell(Moved(Seq(9))) == [Lead()]


def test_who_gets_nothing_asks_the_next_and_leads_in_the_end() -> None:
    clock = asking()
    for number in range(FETCHES_MAX + 2):
        device = DeviceId(bytes([number]) * 16)
        clock.tell(Told(device, Seq(9 + number), Address(f"10.0.0.{number}", 1), acknowledges=False))
    done = [action for _, action in clock.wait(60.0)]
    assert done[-4:] == [*(Fetch(Address(f"10.0.0.{number}", 1)) for number in (4, 3, 2)), Lead()]


def test_what_is_shown_meanwhile_is_fetched_too() -> None:
    clock = asking()
    clock.tell(Told(ONE, Seq(9), HERE, acknowledges=False))
    clock.wait(ASK_CYCLES * 5.0)
    clock.tell(Told(TWO, Seq(11), THERE, acknowledges=False))
    assert clock.tell(Moved(Seq(9))) == [Fetch(THERE)]
    assert clock.tell(Moved(Seq(11))) == [Lead()]


def test_who_hears_a_leader_while_it_fetches_watches_on() -> None:
    clock = asking()
    clock.tell(Told(ONE, Seq(9), HERE, acknowledges=False))
    clock.wait(ASK_CYCLES * 5.0)
    clock.tell(Heard())
    assert clock.machine.state is State.WATCHING
    assert clock.tell(Moved(Seq(9))) == []


def test_the_first_leads_at_once_when_it_is_handed_over() -> None:
    clock = holder()
    clock.tell(Heard())
    assert clock.tell(HANDED) == [Lead()]


def test_who_leads_hears_others_calmly_and_watches_when_it_stepped_down() -> None:
    clock = holder()
    clock.tell(LED)
    assert clock.machine.deadline is None
    for event in (Heard(), HANDED, Told(ONE, Seq(9), HERE, acknowledges=False), Moved(Seq(3)), Placed(0)):
        assert clock.tell(event) == []
        assert clock.machine.state is State.LEADING
    clock.tell(DEPOSED)
    assert clock.machine.deadline == clock.now + CHAIN_CYCLES * 5.0


def test_the_place_is_counted_without_the_master_that_is_silent() -> None:
    assert [rank((ONE, TWO, THREE), own, ONE) for own in (ONE, TWO, THREE)] == [0, 0, 1]
    assert [rank((ONE, TWO, THREE), own, TWO) for own in (ONE, TWO, THREE)] == [0, 1, 1]
    assert [rank((ONE, TWO, THREE), own, None) for own in (ONE, TWO, THREE)] == [0, 1, 2]
    assert rank((ONE, TWO), THREE, None) is None


events = st.one_of(
    st.builds(Heard),
    st.builds(Placed, st.none() | st.integers(0, 3)),
    st.builds(Told, st.sampled_from([ONE, TWO]), st.integers(0, 9).map(Seq), st.just(HERE), st.booleans()),
    st.integers(0, 9).map(Seq).map(Moved),
    st.sampled_from([LED, DEPOSED]),
)


@given(st.integers(0, 3), st.lists(st.tuples(st.floats(0, 20), events), max_size=30))
def test_nobody_leads_by_itself_while_a_leader_is_fresh(
    place: int, script: list[tuple[float, Event]]
) -> None:
    clock = holder(place)
    heard_at = 100.0
    for pause_s, event in script:
        for at, action in clock.wait(pause_s):
            assert not isinstance(action, Lead) or at - heard_at >= (CHAIN_CYCLES + ASK_CYCLES) * 5.0
        actions = clock.tell(event)
        if isinstance(event, Heard):
            heard_at = clock.now
        assert Lead() not in actions or clock.now - heard_at >= (CHAIN_CYCLES + ASK_CYCLES) * 5.0


@given(st.integers(0, 3), st.lists(st.tuples(st.floats(0, 20), events), max_size=20))
def test_whoever_may_lead_does_within_its_bound_from_when_all_are_silent(
    place: int, script: list[tuple[float, Event]]
) -> None:
    clock = holder(place)
    for pause_s, event in script:
        clock.wait(pause_s)
        clock.tell(event)
    clock.tell(Placed(place))
    clock.wait(bound(place, 5.0) + FETCHES_MAX * FETCH_S + 1e-6)
    assert clock.machine.state is State.LEADING


def test_the_table_is_whole_and_the_diagram_shows_it() -> None:
    assert set(TABLE) == {(state, kind) for state in State for kind in Kind}
    drawn = diagram(TABLE, State.OUTSIDE)
    assert "    asking --> syncing: deadline\n" in drawn
    assert "    watching --> leading: handed over, opened\n" in drawn


def test_a_step_ends_in_no_state_but_those_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = asking()
    step = TABLE[State.ASKING, Kind.HEARD]
    monkeypatch.setitem(TABLE, (State.ASKING, Kind.HEARD), Step(step.act, frozenset({State.LEADING})))
    with pytest.raises(AssertionError):
        clock.tell(Heard())


@pytest.mark.parametrize(
    ("cycle_s", "holders", "bound_s"), [(5.0, 2, 15.0), (5.0, 3, 21.0), (0.5, 1, 1.5), (0.5, 3, 3.0)]
)
def test_the_last_of_the_succession_leads_within_its_bound(
    cycle_s: float, holders: int, bound_s: float
) -> None:
    assert takeover_s(cycle_s, holders) == bound_s
