"""Asking whether the master lives, as each member does after each apply."""

import pytest

from dusk.cycle.asking import HELLO_S
from dusk.cycle.messages import Kind
from tests.cycle.ring import Ring


def asked(ring: Ring, since: int) -> list[Kind]:
    member = ring.nodes[1]
    kinds = [Kind(data[8]) for node, data, _ in ring.sent[since:] if node is member]
    return [kind for kind in kinds if kind in (Kind.HELLO, Kind.ASK)]


def test_who_hears_the_master_asks_him_alone_and_is_answered() -> None:
    ring = Ring(3)
    ring.run(12.0)
    since, member = len(ring.sent), ring.nodes[1]
    member.do(member.follower.confirm(ring.now))
    at = ring.now
    ring.run(2 * HELLO_S)
    assert asked(ring, since) == [Kind.ASK]
    assert member.follower.contact_since(at)
    assert member.follower.answered_since(at)
    assert not member.follower.answered_since(at + 0.001)


def test_who_gets_no_answer_soon_asks_everybody() -> None:
    ring = Ring(3)
    ring.run(12.0)
    since, member = len(ring.sent), ring.nodes[1]
    ring.master.on = False
    member.do(member.follower.confirm(ring.now))
    ring.run(1.3 * HELLO_S)
    assert asked(ring, since) == [Kind.ASK, Kind.HELLO, Kind.ASK]


def test_who_does_not_hear_the_master_asks_everybody_at_once() -> None:
    ring = Ring(3)
    ring.run(12.0)
    ring.master.on = False
    ring.run(60.0)
    since, member = len(ring.sent), ring.nodes[1]
    member.do(member.follower.confirm(ring.now))
    assert asked(ring, since) == [Kind.HELLO, Kind.ASK]


def test_a32_hearing_the_master_is_no_answer_to_a_member_whose_words_do_not_leave_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ring = Ring(3)
    ring.run(12.0)
    member, at = ring.nodes[1], ring.now
    monkeypatch.setattr(member, "do", lambda _effects: None)
    member.do(member.follower.confirm(ring.now))
    ring.run(6.0)
    assert member.follower.contact_since(at)
    assert not member.follower.answered_since(at)
