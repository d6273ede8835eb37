"""What a member tells the shell and its own rooms, by whether it leads."""

from dataclasses import replace

import pytest

from dusk.cycle.messages import Kind
from dusk.cycle.peers import roster
from dusk.effects import Append, Disconnected, Links, Restart, SendMulticast, Tick
from tests.node.site import Box, Site


def _site() -> Site:
    site = Site(3)
    site.run(12.0)
    return site


def _starts(box: Box) -> int:
    return sum(isinstance(effect, SendMulticast) and effect.data[8] == Kind.START for effect in box.effects)


def test_who_leads_asks_for_a_sign_of_life_by_its_next_start_which_comes_at_once() -> None:
    site = _site()
    site.master.effects.clear()
    site.until(lambda: _starts(site.master) == 1, 6.0)
    site.run(1.0)
    assert _starts(site.master) == 1, "the next is due in four seconds"
    since = site.now
    assert site.master.node.confirm(since) == []
    site.run(0.5)
    assert _starts(site.master) == 2
    assert site.master.node.contact_since(since)


def test_who_follows_asks_by_a_question_of_its_own() -> None:
    site = _site()
    assert site.all[1].node.confirm(site.now)


def test_datagrams_may_wait_for_others_only_at_a_leader_whose_start_announces_nothing() -> None:
    site = _site()
    assert site.all[1].node.unhurried_until == float("-inf")
    site.master.effects.clear()
    site.until(lambda: _starts(site.master) == 1, 6.0)
    assert site.now < site.master.node.unhurried_until < site.now + 5.0
    site.master.commit("announced")
    site.until(lambda: _starts(site.master) == 2, 1.0)
    assert site.master.node.unhurried_until <= site.now


def test_a_small_cluster_is_asked_whole_as_its_leader_and_its_followers_know() -> None:
    site = _site()
    everybody = {box.node.device_id for box in site.all}
    assert all(box.node.asked_now() == everybody for box in site.all)


def test_heads_are_vouched_for_by_who_leads_alone() -> None:
    site = _site()
    signed = site.master.node.log.newest
    assert signed is not None
    for box in site.all:
        host = box.node._rooms.exchanges._host
        assert host.vouched(signed)
        assert not host.vouched(replace(signed, signature=bytes(64)))


def test_r7_nothing_is_written_behind_another_log_that_took_the_place_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A shell gathers inputs: what comes with the last piece of a checkpoint is judged by the old log."""
    site = _site()
    member = site.all[1]
    over = [Append(()), Restart("another log is on the disk")]
    monkeypatch.setattr(member.node._rooms.exchanges, "handle", lambda *_: list(over))
    assert member.node.handle(Disconnected(2, ""), site.now) == over
    for event in (Disconnected(2, ""), Tick(), Links(())):
        assert member.node.handle(event, site.now + 1000.0) == []


def test_a_cluster_of_one_needs_no_answer() -> None:
    site = Site(1)
    site.run(6.0)
    assert site.master.node.answered_since(site.now)


def test_who_is_a_member_no_more_needs_no_answer() -> None:
    site = Site(2)
    site.run(6.0)
    node = site.all[1].node
    assert not node.answered_since(site.now)
    node.peers.take(roster([], []))
    assert node.answered_since(site.now)
