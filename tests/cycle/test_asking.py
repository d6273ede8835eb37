"""When a member of many asks for what proves that the master lives: never all at once (R10)."""

import pytest

from dusk.cycle import asking as room
from dusk.cycle.asking import ASK_BACKOFF_MAX, PROOF_CYCLES_MIN, Asking, Him
from dusk.cycle.freshness import CHAIN_CYCLES, Freshness
from dusk.cycle.messages import Kind
from dusk.effects import Effect, SendDatagram, SendMulticast
from tests.cycle.ring import CYCLE_S, Node, Ring, quiet_ring

MEMBERS = 3
LATEST = 1 - 2**-32
"""The highest number that chance gives."""


def _site(monkeypatch: pytest.MonkeyPatch, *, slices: int = 1, place: int = 1) -> tuple[Asking, Him, Ring]:
    """Return the questions of a member whose chances are always the highest, and whom it hears."""
    ring = quiet_ring()
    monkeypatch.setattr(room, "SLICE_MEMBERS_MAX", MEMBERS // slices)
    node: Node = ring.nodes[place] if place else ring.master
    node.station.random_bytes = lambda count: b"\xff" * count
    master = node.station.peers.get(ring.master.station.peers.own_id)
    freshness = Freshness(CYCLE_S, node.station.random_bytes, ring.now)
    him = None if master is None else (master, ring.master.address)
    return Asking(node.station, freshness, ring.now), him, ring


def _kinds(effects: list[Effect]) -> list[Kind]:
    return [Kind(e.data[8]) for e in effects if isinstance(e, SendDatagram | SendMulticast)]


def _spreads(asking: Asking, him: Him, now: float, starts: int) -> list[float]:
    """Hear STARTs that do not ask us, and nothing else; return after how many cycles questions were due."""
    due: list[float] = []
    for number in range(starts):
        heard_at = now + number * CYCLE_S
        asking.heard(heard_at)
        asking.plan_proof(heard_at, is_asked=False)
        while asking.at < heard_at + CYCLE_S:
            due.append((asking.at - now) / CYCLE_S)
            assert _kinds(asking.ask(him, asking.at)) == [Kind.ASK], "the master alone, once"
    return due


def test_questions_for_a_proof_are_spread_ever_wider_while_none_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asking, him, ring = _site(monkeypatch, slices=3)
    assert _spreads(asking, him, ring.now, 12) == pytest.approx([0.75, 2.25, 5.25, 9.25], abs=1e-6)


def test_an_answer_makes_the_next_question_a_quick_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asking, him, ring = _site(monkeypatch, slices=3)
    _spreads(asking, him, ring.now, 5)
    now = ring.now + 5 * CYCLE_S
    asking.heard_fresh()
    assert asking._proof_cycles > PROOF_CYCLES_MIN, "a fresh START is no proof"
    challenge = asking._freshness.challenge(now)
    assert asking._freshness.heard(ring.master.station.peers.own_id, (1, 9), (challenge,), now)
    asking.heard_fresh()
    asking.plan_proof(now, is_asked=False)
    assert asking._proof_at is None, "none is due"
    asking._freshness.missed(now)
    assert _spreads(asking, him, now, 1) == pytest.approx([0.75], abs=1e-6)


def test_who_is_asked_itself_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    asking, _, ring = _site(monkeypatch, slices=3)
    asking.heard(ring.now)
    before = asking.at
    asking.plan_proof(ring.now, is_asked=True)
    assert asking.at == before


def test_where_the_master_is_heard_through_others_alone_all_are_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asking, _, ring = _site(monkeypatch, slices=3)
    asking.heard(ring.now)
    asking.plan_proof(ring.now, is_asked=False)
    assert _kinds(asking.ask(None, asking.at)) == [Kind.HELLO]


def test_a_start_that_stays_away_is_asked_for_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    asking, him, ring = _site(monkeypatch, slices=3)
    asking.heard(ring.now)
    asking.plan_proof(ring.now, is_asked=False)
    kinds = [_kinds(asking.ask(him, asking.at)) for _ in range(3)]
    assert kinds == [[Kind.ASK], [Kind.ASK], [Kind.HELLO, Kind.ASK]]


@pytest.mark.parametrize(("slices", "place", "late"), [(1, 1, 0.0), (3, 1, LATEST), (3, 0, 0.0)])
def test_of_many_members_not_all_notice_at_once_that_a_start_stays_away(
    slices: int, place: int, late: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, _, ring = _site(monkeypatch, slices=slices, place=place)
    asking.heard(ring.now)
    assert asking.at - ring.now == pytest.approx((CHAIN_CYCLES + late) * CYCLE_S)


@pytest.mark.parametrize(("slices", "longest"), [(1, ASK_BACKOFF_MAX), (3, 3 * ASK_BACKOFF_MAX)])
def test_many_members_that_hear_nobody_ask_all_the_more_rarely(
    slices: int, longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, _, _ = _site(monkeypatch)
    monkeypatch.setattr(room, "SLICE_MEMBERS_MAX", MEMBERS / longest if slices > 1 else MEMBERS)
    waits = []
    for _ in range(12):
        now = asking.at
        asking.ask(None, now)
        waits.append(asking.at - now)
    assert waits[-1] == pytest.approx(1.25 * longest * CYCLE_S)
    assert max(waits) == waits[-1] > waits[0]


def test_who_was_asked_just_now_is_not_asked_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asking, him, ring = _site(monkeypatch)
    missed: list[float] = []
    monkeypatch.setattr(asking._freshness, "missed", missed.append)
    assert asking.at == ring.now
    asking.ask(him, ring.now)
    assert asking.at > ring.now
    assert missed == [ring.now]
    asking.ask_all(him, ring.now + 1)
    assert missed == [ring.now, ring.now + 1]


def test_a_question_for_a_proof_that_is_due_now_makes_the_next_one_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asking, _, ring = _site(monkeypatch, slices=3)
    asking.plan_proof(ring.now, is_asked=False)
    due_at = asking._proof_at
    assert due_at is not None
    asking.plan_proof(due_at - 0.001, is_asked=False)
    assert asking._proof_at == due_at
    asking.plan_proof(due_at, is_asked=False)
    assert asking._proof_at > due_at


@pytest.mark.parametrize(("within_s", "cycles"), [(90.0, 3.0), (2 * CYCLE_S, 1.0)])
def test_a32_many_members_ask_for_what_confirms_an_apply_at_moments_by_chance_until_it_came(
    within_s: float, cycles: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, him, ring = _site(monkeypatch, slices=3)
    now = ring.now
    before = asking._freshness.challenge(now - 1.0)
    assert asking._freshness.heard(ring.master.station.peers.own_id, (1, 9), (before,), now)
    asking.heard(now)
    carried = [asking.challenge_due]
    assert asking.confirm_within(him, now, within_s) == []
    carried.append(asking.challenge_due)
    assert asking._freshness.asked_at < now, "what was answered before says nothing"
    due: list[float] = []
    for heard_at in (now + (number + 0.5) * CYCLE_S for number in range(13)):
        asking.heard(heard_at)
        while asking.deadline < heard_at + CYCLE_S:
            due.append((asking.deadline - now) / CYCLE_S)
            assert _kinds(asking.ask(him, asking.deadline)) == [Kind.ASK], "the master alone"
    assert due[:3] == pytest.approx([cycles, 2.5 * cycles, 4.0 * cycles], abs=1e-6)
    asked_at = now + due[-1] * CYCLE_S
    assert asking._freshness.proves(tuple(asking._freshness._open), asked_at)
    assert [*carried, asking.challenge_due] == [False, True, False]
    assert asking.deadline == asking.at


def test_where_nobody_knows_where_the_master_is_no_question_of_many_goes_to_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asking, _, ring = _site(monkeypatch, slices=3)
    asking.confirm_within(None, ring.now, CYCLE_S)
    asking.heard(ring.now)
    assert asking.deadline < asking.at
    assert asking.ask(None, asking.deadline) == []


@pytest.mark.parametrize(("slices", "place"), [(1, 1), (3, 0)])
def test_of_few_members_and_of_holders_each_asks_at_once(
    slices: int, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, him, ring = _site(monkeypatch, slices=slices, place=place)
    kinds = [Kind.HELLO] if him is None else [Kind.HELLO, Kind.ASK]
    assert _kinds(asking.confirm_within(him, ring.now, 90.0)) == kinds


@pytest.mark.parametrize("kinds", [[], [Kind.HELLO], [Kind.ASK], [Kind.HELLO, Kind.ASK]])
def test_who_leads_asks_those_that_are_silent_and_draws_nothing_where_nobody_is(
    kinds: list[Kind], monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, him, ring = _site(monkeypatch)
    assert him is not None
    silent = [him[1]] if Kind.HELLO in kinds else []
    missing = [(him[0].device_id, him[1])] if Kind.ASK in kinds else []
    monkeypatch.setattr(asking._station.contacts, "silent", lambda *_: silent)
    monkeypatch.setattr(asking._station.whereabouts, "missing", lambda *_: missing)
    drawn: list[float] = []
    draw = asking._freshness.challenge

    def drawing(now: float, *, is_odd: bool) -> bytes:
        drawn.append(now)
        return draw(now, is_odd=is_odd)

    monkeypatch.setattr(asking._freshness, "challenge", drawing)
    assert _kinds(asking.seek(ring.now)) == kinds
    assert len(drawn) == bool(kinds)
