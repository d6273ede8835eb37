"""Whom a START asks, and what a member does that it does not ask."""

from dataclasses import replace

from dusk.cycle.leader import START_GAP_S, Leader
from dusk.cycle.messages import Kind
from tests.cycle.ring import CYCLE_S, Ring, quiet_ring, rest, start_by


def test_master_and_members_name_the_same_members_as_asked_and_nobody_before_a_start() -> None:
    ring = Ring(3)
    member = ring.nodes[1].follower
    assert list(ring.leader.asked) == list(member.asked) == []
    ring.run(1.0)
    assert list(ring.leader.asked) == list(member.asked) == [0, 1, 2]


def test_a_start_that_is_wanted_soon_comes_when_the_gap_allows_it_and_is_put_off_by_none() -> None:
    ring = quiet_ring()
    ring.run(ring.leader.deadline - ring.now)
    sent_at, before = ring.now, ring.leader.cycle
    assert ring.leader.deadline > sent_at + START_GAP_S
    ring.leader.start_soon(sent_at)
    assert ring.leader.deadline == sent_at + START_GAP_S
    ring.leader.start_soon(sent_at + 1.0)
    assert ring.leader.deadline == sent_at + START_GAP_S
    ring.run(START_GAP_S + 0.01)
    assert ring.leader.cycle == ring.nodes[1].follower.version[1] == before + 1


def test_a22_an_entry_that_waits_for_the_gap_is_sent_at_once_where_the_key_changes_and_once() -> None:
    ring = quiet_ring()
    ring.run(ring.leader.deadline - ring.now)
    before = ring.leader.cycle
    assert ring.leader.send_waiting(ring.now) == []
    seq = ring.commit()
    assert ring.leader.cycle == before
    ring.master.do(ring.leader.send_waiting(ring.now))
    assert ring.leader.cycle == before + 1
    assert ring.leader.send_waiting(ring.now) == []
    ring.run(START_GAP_S / 2)
    assert {node.log.head.seq for node in ring.nodes} == {seq}


def test_a_leader_that_sent_nothing_yet_starts_soon_at_once() -> None:
    ring = Ring(2)
    leader = Leader(ring.master.station, CYCLE_S, ring.now + 100)
    leader.start_soon(ring.now)
    assert leader.deadline == ring.now


def _asks(*, proof_due: bool, first: int, count: int) -> list[float]:
    """Let a member hear a START that asks a slice; return after how many cycles it asks the master."""
    ring = quiet_ring()
    member, heard_at = ring.nodes[2], ring.now
    ring.master.on = False
    if proof_due:
        member.follower._freshness.missed(ring.now)
    what = replace(
        rest(ring.master.key, member.follower.version[1] + 1), slice_first=first, slice_count=count
    )
    member.handle(start_by(ring, ring.master.key, ring.world.log.head, what), ring.master.address)
    assert member.dropped == []
    assert list(member.follower.asked) == list(range(first, first + count))
    asked: list[float] = []
    while ring.now < heard_at + CYCLE_S:
        ring.sent.clear()
        ring.run(CYCLE_S / 100)
        asked += [
            (ring.now - heard_at) / CYCLE_S
            for node, data, to in ring.sent
            if (node, data[8], to) == (member, Kind.ASK, ring.master.address)
        ]
    return asked


def test_a_proof_that_is_due_does_not_wait_for_the_members_slice() -> None:
    """Of many members few are asked at a time: until its turn came, the member would be stale (A3)."""
    ring = Ring(3)
    own = ring.nodes[2].station.peers.own_index
    assert own is not None
    elsewhere = own + 1
    asked = _asks(proof_due=True, first=elsewhere, count=2)
    assert asked
    assert 0.25 <= asked[0] <= 0.77
    assert _asks(proof_due=True, first=own, count=1) == [], "its answer carries the challenge"
    assert _asks(proof_due=False, first=elsewhere, count=2) == []
