"""Who of those that follow answers a question who lives, and what with (A15, A28, A44)."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from dusk.cycle.messages import Kind
from dusk.cycle.relays import Master, Relays
from dusk.cycle.replies import Replies
from dusk.cycle.station import HELLO_ANSWERS, PONG_GAP_S
from dusk.effects import Address, SendDatagram
from tests.cycle.holders import HolderRing
from tests.cycle.ring import CYCLE_S
from tests.cycle.test_relays import asks, calm, hello, opened_by

FAR = Address("192.0.2.9", 3875)
ODD = 1 << 56
"""The challenge of a question that a member passes on."""
LEADS, BACKUP, US, OTHER = range(4)


class Scene:
    """A member that follows, and all that its answer may depend on."""

    def __init__(self) -> None:
        self.ring: HolderRing = calm(size=5)
        self.node = self.ring.all[US]
        self.station = self.node.station
        peer = self.station.peers.get(self.ring.all[LEADS].own_id)
        assert peer is not None
        self.master = Master(peer, self.ring.master.address, b"nonce-it")
        own_index = self.station.peers.own_index
        assert own_index is not None
        self.own_index = own_index

    def answers(
        self,
        data: bytes,
        *,
        source: Address | None = None,
        by_multicast: bool = False,
        hears: bool = True,
        is_fresh: bool = True,
        after_s: float = 10.0,
    ) -> list[Kind]:
        """Return what is sent; the asker was last answered so long ago."""
        opened = opened_by(self.node, data, source or self.ring.nodes[BACKUP].address)
        for peer in self.station.peers.others:
            peer.pong_at = 0.0
        effects = Replies(self.station, Relays(self.station, CYCLE_S)).on_hello(
            replace(opened, by_multicast=by_multicast),
            self.master if hears else None,
            after_s,
            is_fresh=is_fresh,
        )
        return [Kind(effect.data[8]) for effect in effects if isinstance(effect, SendDatagram)]


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


def test_a44_what_came_alone_is_passed_on_and_answered_only_where_that_cannot_be(scene: Scene) -> None:
    for data in (hello(scene.ring, BACKUP, 2), asks(scene.ring, 2)):
        assert scene.answers(data) == [Kind.FORWARD]
        assert scene.answers(data, is_fresh=False) == [Kind.PONG]
        assert scene.answers(data, hears=False) == [Kind.PONG]
    assert scene.answers(asks(scene.ring, 2), by_multicast=True) == [Kind.FORWARD], "it was for us alone"
    assert scene.answers(hello(scene.ring, BACKUP, 2, scene.own_index)) == [], "those to all name somebody"


def test_who_has_no_signed_head_of_the_log_answers_nobody(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene.station, "log", SimpleNamespace(newest=None))
    assert scene.answers(hello(scene.ring, BACKUP, 2)) == []
    assert scene.answers(hello(scene.ring, BACKUP, ODD), source=FAR) == []


def test_a28_of_a_question_to_all_those_that_it_names_answer_and_pass_it_on(scene: Scene) -> None:
    for behind in range(5):
        data = hello(scene.ring, BACKUP, 2, (scene.own_index - behind) % 5)
        is_named = behind < HELLO_ANSWERS
        assert scene.answers(data, by_multicast=True) == [Kind.PONG, Kind.FORWARD] * is_named
        assert scene.answers(data, by_multicast=True, is_fresh=False) == [Kind.PONG] * is_named


def test_a28_one_that_names_nobody_is_answered_by_whom_it_draws_where_nobody_is_heard(scene: Scene) -> None:
    for number in range(5):
        data = hello(scene.ring, BACKUP, number)
        is_drawn = number == scene.own_index
        assert scene.answers(data, by_multicast=True, hears=False, is_fresh=False) == [Kind.PONG] * is_drawn
        for hears, is_fresh in ((True, False), (False, True), (True, True)):
            assert scene.answers(data, by_multicast=True, hears=hears, is_fresh=is_fresh) == []
    stranger = hello(scene.ring, OTHER, scene.own_index)
    assert scene.answers(stranger, by_multicast=True, hears=False, is_fresh=False) == [], "it may not lead"


def test_every_other_one_from_another_network_is_referred_to_who_leads(scene: Scene) -> None:
    odd = hello(scene.ring, BACKUP, ODD)
    assert scene.answers(odd, source=FAR) == [Kind.REFER]
    assert scene.answers(odd, source=FAR, is_fresh=False) == [Kind.REFER]
    assert scene.answers(hello(scene.ring, BACKUP, 2), source=FAR) == [Kind.FORWARD]
    assert scene.answers(asks(scene.ring, ODD), source=FAR) == [Kind.FORWARD]
    named = hello(scene.ring, BACKUP, ODD, scene.own_index)
    assert scene.answers(named, source=FAR, by_multicast=True) == [Kind.PONG, Kind.FORWARD]
    near = scene.answers(odd, source=Address("fe80::2%lan", 3875))
    assert near == [Kind.FORWARD], "nobody else could answer where it came from"
    assert scene.answers(odd, source=FAR, hears=False) == [Kind.PONG]
    assert scene.answers(hello(scene.ring, LEADS, ODD), source=FAR) == [Kind.PONG], "it leads itself"


def test_a15_who_was_answered_just_now_is_not_referred(scene: Scene) -> None:
    odd = hello(scene.ring, BACKUP, ODD)
    assert scene.answers(odd, source=FAR, after_s=PONG_GAP_S) == [Kind.REFER]
    assert Kind.REFER not in scene.answers(odd, source=FAR, after_s=PONG_GAP_S - 0.01)
    opened = opened_by(scene.node, odd, FAR)
    replies = Replies(scene.station, Relays(scene.station, CYCLE_S))
    sent = [replies.on_hello(opened, scene.master, at, is_fresh=False) for at in (100.0, 100.01)]
    assert [len(effects) for effects in sent] == [1, 0]
