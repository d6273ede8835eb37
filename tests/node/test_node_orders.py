"""Orders between whole nodes: done once, by the device that they are for, and never again (A58)."""

import pytest

from dusk.changelog.orders import Order, sign_order
from dusk.effects import Answered, Consulted, Effect, Obey, Question, Told
from dusk.ids import DeviceId
from dusk.limits import ORDER_CHALLENGE_S_MAX, ORDER_CHALLENGES_MAX, ORDER_CHALLENGES_PER_MEMBER_MAX
from dusk.node.orders import CHALLENGE, ORDER, Orders
from tests.node.site import Box, Site
from tests.world import World


class Place:
    """Devices that do what they are ordered, and a person at one of them."""

    def __init__(self) -> None:
        self.site = Site(3)
        self.site.run(12)
        self.number = 0
        for box in self.site.all:
            _obeying(box)

    def ask(self, asker: Box, asked: Box, question: Question) -> Told:
        self.number += 1
        asker.do(asker.node.ask(self.number, asked.node.device_id, question, self.site.now))
        self.site.run(1.0)
        found = asker.effects[-1] if not asker.of(Answered) else asker.of(Answered)[-1]
        assert isinstance(found, Answered)
        assert found.number == self.number
        return found.told

    def challenge(self, asker: Box, asked: Box) -> bytes:
        return self.ask(asker, asked, Question(CHALLENGE)).data

    def signed(self, device: Box, challenge: bytes, kind: str = "reboot") -> Question:
        world = self.site.world
        order = Order(device.node.device_id, challenge, kind, b"now")
        return Question(ORDER, sign_order((world.owner,), world.cluster, order))


def _obeying(box: Box) -> None:
    do = box._do

    def obey(effect: Effect) -> None:
        do(effect)
        if isinstance(effect, Obey):
            told = Told(data=effect.argument)
            box.site.after(0.0, lambda: box.give(Consulted(effect.conn, effect.number, told)))

    box._do = obey  # type: ignore[method-assign]  # what a shell does


def done(box: Box) -> list[tuple[str, bytes, tuple[str, ...]]]:
    return [(e.kind, e.argument, e.by) for e in box.of(Obey) if isinstance(e, Obey)]


def test_an_order_is_done_by_whom_it_is_for() -> None:
    place = Place()
    _, at, target = place.site.all
    told = place.ask(at, target, place.signed(target, place.challenge(at, target)))
    assert told == Told(data=b"now")
    assert done(target) == [("reboot", b"now", ("alice",))]


def test_a58_the_same_order_is_not_done_again() -> None:
    place = Place()
    _, at, target = place.site.all
    order = place.signed(target, place.challenge(at, target))
    place.ask(at, target, order)
    assert place.ask(at, target, order).word == "spent-challenge"
    assert len(done(target)) == 1


def test_a58_another_device_does_not_do_it() -> None:
    place = Place()
    first, at, target = place.site.all
    order = place.signed(target, place.challenge(at, target))
    assert place.ask(at, first, order).word == "other-device"
    assert done(first) == []


def test_a58_an_order_for_another_device_over_this_ones_challenge_is_refused() -> None:
    """A hostile device hands an owner the challenge of another one as its own."""
    place = Place()
    first, at, target = place.site.all
    order = place.signed(target, place.challenge(at, first))
    assert place.ask(at, first, order).word == "other-device"
    assert place.ask(at, target, order).word == "spent-challenge"
    assert done(first) == done(target) == []


def test_a58_another_member_cannot_hand_it_over() -> None:
    place = Place()
    first, at, target = place.site.all
    order = place.signed(target, place.challenge(at, target))
    assert place.ask(first, target, order).word == "spent-challenge"
    assert place.ask(at, target, order).word == "spent-challenge"  # and it is used up
    assert done(target) == []


def test_a58_an_order_that_comes_late_is_refused() -> None:
    place = Place()
    _, at, target = place.site.all
    order = place.signed(target, place.challenge(at, target))
    place.site.run(ORDER_CHALLENGE_S_MAX)
    assert place.ask(at, target, order).word == "spent-challenge"


def test_a58_an_order_is_forgotten_with_the_run_that_gave_its_challenge() -> None:
    place = Place()
    _, at, target = place.site.all
    order = place.signed(target, place.challenge(at, target))
    target.restart()
    place.site.run(6.0)
    assert place.ask(at, target, order).word == "spent-challenge"
    assert done(target) == []


def test_who_may_not_order_is_refused_and_what_is_no_order() -> None:
    place = Place()
    _, at, target = place.site.all
    world = place.site.world
    order = Order(target.node.device_id, place.challenge(at, target), "reboot")
    bad = Question(ORDER, sign_order((at.key,), world.cluster, order))
    assert place.ask(at, target, bad).word == "missing-signatures"
    assert place.ask(at, target, Question(ORDER, b"junk")).word == "bad-order"
    assert done(target) == []


def test_this_device_is_ordered_by_the_same_rules() -> None:
    place = Place()
    target, now = place.site.all[1], place.site.now
    challenge = target.node.asked_here(Question(CHALLENGE), now)
    assert isinstance(challenge, Told)
    order = place.signed(target, challenge.data)
    found = target.node.asked_here(order, now)
    assert isinstance(found, Obey)
    assert found.by == ("alice",)
    again = target.node.asked_here(order, now)
    assert isinstance(again, Told)
    assert again.word == "spent-challenge"


def test_a6_nobody_pushes_out_the_challenges_of_others() -> None:
    world = World()
    orders = Orders(DeviceId(bytes(16)), lambda: world.log.state, world.random.randbytes)
    greedy, other = DeviceId(b"g" * 16), DeviceId(b"o" * 16)
    orders.challenge(other, 0.0)
    for _ in range(3 * ORDER_CHALLENGES_MAX):
        orders.challenge(greedy, 1.0)
    held = [issued.asker for issued in orders._issued.values()]
    assert held.count(greedy) == ORDER_CHALLENGES_PER_MEMBER_MAX
    assert held.count(other) == 1
    for number in range(2 * ORDER_CHALLENGES_MAX):
        orders.challenge(DeviceId(number.to_bytes(16, "big")), 2.0)
    assert len(orders._issued) == ORDER_CHALLENGES_MAX


@pytest.mark.parametrize("kind", ["hold", "unhold", "revert"])
def test_a58_a_recorded_hold_or_revert_does_nothing_again_nor_elsewhere(kind: str) -> None:
    place = Place()
    first, at, target = place.site.all
    order = place.signed(target, place.challenge(at, target), kind)
    place.ask(at, target, order)
    assert [found[0] for found in done(target)] == [kind]
    assert place.ask(at, target, order).word == "spent-challenge"
    assert place.ask(at, first, order).word == "other-device"
    place.site.run(ORDER_CHALLENGE_S_MAX)
    place.challenge(at, target)
    assert place.ask(at, target, order).word == "spent-challenge"
    assert (len(done(target)), done(first)) == (1, [])
