"""What the first writer does before it leads (A28)."""

import pytest

from dusk.changelog.log import Log
from dusk.cycle.messages import Kind
from dusk.cycle.seldom import SELDOM_S
from dusk.effects import ItemKind, LogItem, SendMulticast
from dusk.node.listening import (
    KNOCKS_MAX,
    LISTEN_S,
    QUESTIONS,
    ROUNDS_BEHIND_MAX,
    ROUNDS_MAX,
    ROUNDS_UNHEARD_MAX,
    STRANGERS_MAX,
)
from tests.node.site import Box, Site
from tests.node.test_node_recovery import _lose_end


def _started_anew(site: Site, items: list[LogItem], *, has_key: bool = True) -> Box:
    """The master as it starts from a copy of its disk; with a log of behind a removal it may have no key."""
    return _begun_anew(site, site.master, items, has_key=has_key)


def _begun_anew(site: Site, box: Box, items: list[LogItem], *, has_key: bool) -> Box:
    box.on = False
    log = Log(site.world.cluster)
    log.extend(items)
    old = Box(site, box.name, box.key, log, list(items))
    if not has_key:
        old.saved = {}
        old.core = old._boot(log)
    site.boxes[old.name] = old
    old.start()
    return old


def _questions(box: Box) -> int:
    return sum(isinstance(effect, SendMulticast) and effect.data[8] == Kind.HELLO for effect in box.effects)


def test_it_asks_four_times_and_leads_after_half_a_second_if_all_have_answered() -> None:
    site = Site(3)
    site.run(6.0)
    old = _started_anew(site, site.master.items)
    assert site.until(lambda: old.node.leads, 3.0) == pytest.approx(LISTEN_S, abs=0.01)
    assert _questions(old) == QUESTIONS


@pytest.mark.parametrize(("off", "rounds"), [(1, ROUNDS_MAX), (2, ROUNDS_UNHEARD_MAX)])
def test_it_listens_longer_while_not_all_have_answered_and_longest_while_nobody_has(
    off: int, rounds: int
) -> None:
    site = Site(3)
    site.run(6.0)
    for box in site.all[3 - off :]:
        box.on = False
    old = _started_anew(site, site.master.items)
    assert site.until(lambda: old.node.leads, 20.0) == pytest.approx(rounds * LISTEN_S, abs=0.01)


def test_a28_who_hears_nobody_of_its_log_asks_for_longer_than_others_leave_its_questions_alone() -> None:
    assert ROUNDS_UNHEARD_MAX * LISTEN_S > SELDOM_S


@pytest.mark.parametrize("lost", range(QUESTIONS - 1))
def test_a28_one_answer_of_several_is_enough_for_an_old_disk(lost: int) -> None:
    site = Site(2)
    site.run(6.0)
    items, head = list(site.master.items), site.master.node.log.head
    box = site.master
    for value in ("one", "two"):
        site.world.log = box.node.log
        change = site.world.change(site.world.set("base", "system.a.b", value))
        box.do(box.node.submit(change, site.now))
        site.run(1.0)
    answers = 0

    def is_lost(_sender: str, to: str, data: bytes) -> bool:
        nonlocal answers
        answers += data[8] == Kind.PONG and to == box.name
        return data[8] == Kind.PONG and to == box.name and answers <= lost

    newest = box.node.log.head
    site.lost = is_lost
    old = _started_anew(site, items)
    site.until(lambda: old.node.leads, 10.0)
    assert head.seq < newest.seq
    assert old.node.log.chain_at(newest.seq) == newest.chain
    site.run(10.0)
    assert all("conflict" not in each.node.alarms for each in site.all)


def test_a28_a_disk_from_before_anybody_joined_is_caught_up_by_those_whom_it_does_not_know() -> None:
    site = Site(3)
    site.run(6.0)
    newest = site.master.node.log.head
    old = _started_anew(site, site.master.items[: _alone(site.master.items)])
    assert old.node.peers.count == 1
    site.until(lambda: old.node.leads, 20.0)
    assert old.node.log.chain_at(newest.seq) == newest.chain
    site.run(10.0)
    assert all("conflict" not in each.node.alarms for each in site.all)


def test_who_is_alone_leads_after_three_rounds() -> None:
    site = Site(1)
    site.run(3.0)
    alone = _started_anew(site, site.master.items)
    assert site.until(lambda: alone.node.leads, 3.0) == pytest.approx(ROUNDS_MAX * LISTEN_S, abs=0.01)


@pytest.mark.parametrize("holders", [2, 1], ids=["it knows who led since", "it does not"])
def test_a28_who_may_lead_by_its_old_disk_alone_is_answered_though_nobody_leads(holders: int) -> None:
    """Its disk may even not know the one who led since, by whom the head in all answers is."""
    site = Site(3, holders=holders)
    site.run(6.0)
    items, other = list(site.master.items), site.all[1]
    site.world.log = site.master.node.log
    role = site.world.change(site.world.edit("cluster", "succession", [[other.node.device_id]]))
    site.master.do(site.master.node.submit(role, site.now))
    site.until(lambda: site.leaders == [other] and len(site.heads) == 1, 60.0)
    newest = other.node.log.head
    other.on = False
    old = _started_anew(site, items)
    assert old.node.peers.own_place == 0
    site.run(20.0)
    assert old.node.log.head == newest
    assert site.leaders == []


def _alone(items: list[LogItem]) -> int:
    """Return how many of a log's items are of before anybody joined."""
    ends = (end for end, item in enumerate(items, 1) if item.kind is ItemKind.HEAD)
    return next(end for end in ends if _members_at(items[:end]) == 1)


def _members_at(items: list[LogItem]) -> int:
    log = Log(None)
    log.extend(items)
    return sum(1 for section in log.state.sections("device/") if log.state.value(section, "key") is not None)


def test_a28_who_was_brought_something_asks_on_though_all_that_it_knows_have_answered() -> None:
    site = Site(3)
    site.run(6.0)
    old = _started_anew(site, site.master.items[:-2])
    took_s = site.until(lambda: old.node.leads, 20.0)
    assert took_s > (ROUNDS_BEHIND_MAX - 1) * LISTEN_S
    assert _questions(old) > (ROUNDS_BEHIND_MAX - 1) * QUESTIONS


def test_a28_who_has_no_group_key_knocks_and_hears_of_all_that_it_had_forgotten_before_it_leads() -> None:
    site = Site(3)
    site.run(6.0)
    items = list(site.master.items)
    site.master.commit("forgotten")
    site.run(6.0)
    newest = site.all[1].node.log.head
    old = _started_anew(site, items, has_key=False)
    assert old.node.log.head.seq < newest.seq
    site.until(lambda: old.node.leads, 30.0)
    assert old.node.log.chain_at(newest.seq) == newest.chain
    assert not old.node.alarms


def test_a28_who_has_no_group_key_leads_once_members_would_have_asked_it() -> None:
    site = Site(3)
    site.run(6.0)
    for box in site.all[1:]:
        box.on = False
    old = _started_anew(site, site.master.items, has_key=False)
    assert KNOCKS_MAX * LISTEN_S > SELDOM_S
    assert site.until(lambda: old.node.leads, 30.0) == pytest.approx(KNOCKS_MAX * LISTEN_S, abs=0.01)
    assert _questions(old) >= KNOCKS_MAX


def test_who_may_not_lead_does_not_knock() -> None:
    site = Site(2)
    site.run(6.0)
    site.master.on = False
    other = _begun_anew(site, site.all[1], site.all[1].items, has_key=False)
    site.run(30.0)
    assert _questions(other) == 0


def test_a6_each_stranger_is_asked_once_and_a_few_in_all() -> None:
    site = Site(2)
    listening = _started_anew(site, site.master.items).node._rooms.listening
    assert [listening.is_new_stranger("fe80::1") for _ in range(2)] == [True, False]
    asked = sum(listening.is_new_stranger(f"fe80::{number}") for number in range(2, 100))
    assert asked == STRANGERS_MAX - 1


def test_r5_who_lost_its_own_end_is_no_witness_that_a_cut_log_is_whole() -> None:
    site = Site(3)
    site.run(20.0)
    master, cut, whole = site.all
    newest = master.node.log.head
    whole.on = False
    _lose_end(site, cut, 4)
    _lose_end(site, master, 3)
    site.run(120.0)
    assert not master.node.leads
    assert "cut-log" in cut.node.alarms
    whole.on = True
    site.until(lambda: master.node.leads, 120.0)
    assert master.node.log.chain_at(newest.seq) == newest.chain
    site.until(lambda: "cut-log" not in cut.node.alarms, 60.0)


def test_who_does_not_listen_has_nothing_due_and_asks_nobody() -> None:
    site = Site(2)
    site.run(6.0)
    for box in site.all:
        listening = box.node._rooms.listening
        assert listening.lead_at is None
        assert listening.deadline is None
        assert listening.tick(site.now) == listening.ask_all(site.now) == []
        assert not listening.is_over(site.now)
