"""Orders through the control socket: signed over what the device gave, by who may, or refused before."""

import pytest

from dusk.changelog.orders import check_order, decode_order
from dusk.control.outside import OutsideKey
from dusk.effects import Told
from dusk.errors import Refused
from dusk.ids import DeviceId
from dusk.limits import HOLD_S_MAX
from tests.desk import FakeDesk, Person

CHALLENGE = bytes(range(32))


def hall(desk: FakeDesk) -> DeviceId:
    return DeviceId(bytes.fromhex(desk.ask("device.show", name="hall")["id"]))


def test_an_order_is_signed_over_the_challenge_of_its_device(desk: FakeDesk) -> None:
    device = hall(desk)
    desk.answers[device] = Told(data=CHALLENGE)
    ticket = desk.do("device.order", name="hall", order="reboot")["ticket"]
    assert desk.poll(ticket)["result"] == {"device": "hall", "order": "reboot"}
    ((asked, question),) = desk.asked
    assert (asked, question.kind) == (device, "order")
    unverified = decode_order(question.argument)
    assert check_order(desk.log.state, unverified) == ("alice",)
    order = unverified.order
    assert (order.device, order.challenge, order.kind) == (device, CHALLENGE, "reboot")


def test_a_device_that_is_not_reached_is_said_so(desk: FakeDesk) -> None:
    ticket = desk.do("device.order", name="hall", order="locate")["ticket"]
    assert desk.poll(ticket)["error"]["code"] == "not-reachable"


def test_what_is_no_challenge_is_not_signed(desk: FakeDesk) -> None:
    desk.answers[hall(desk)] = Told(data=b"sign this instead")
    with pytest.raises(Refused, match="no challenge"):
        desk.do("device.order", name="hall", order="locate")


def test_who_may_not_order_signs_nothing(desk: FakeDesk) -> None:
    bob = desk.world.key()
    desk.world.commit(desk.world.edit("user/bob", "key", (bob.public,)))
    desk.people["token-bob"] = Person("bob", bob)
    with pytest.raises(Refused) as refused:
        desk.ask("device.order", token="token-bob", name="hall", order="reboot")
    assert (refused.value.code, desk.asked) == ("missing-signatures", [])


def test_a_key_that_is_elsewhere_orders_nothing(desk: FakeDesk) -> None:
    desk.people["token-out"] = Person("alice", OutsideKey.of(desk.world.owner.public))
    with pytest.raises(Refused, match="where the key is"):
        desk.ask("device.order", token="token-out", name="hall", order="reboot")


@pytest.mark.parametrize("order", ["halt", "", 7])
def test_other_words_are_no_orders(desk: FakeDesk, order: object) -> None:
    with pytest.raises(Refused, match="order"):
        desk.do("device.order", name="hall", order=order)


def test_a_hold_says_for_how_long_and_nothing_else_does(desk: FakeDesk) -> None:
    desk.answers[hall(desk)] = Told(data=CHALLENGE)
    for order, for_s, argument in (
        ("hold", 7200, b"\x91\xcd\x1c\x20"),
        ("hold", 0, b"\x91\0"),
        ("unhold", 0, b""),
    ):
        desk.do("device.order", name="hall", order=order, for_s=for_s)
        found = decode_order(desk.asked[-1][1].argument).order
        assert (found.kind, found.argument) == (order, argument)
    for order in ("unhold", "revert", "reboot"):
        with pytest.raises(Refused, match="no end"):
            desk.do("device.order", name="hall", order=order, for_s=1)
    with pytest.raises(Refused, match="for_s"):
        desk.do("device.order", name="hall", order="hold", for_s=HOLD_S_MAX + 1)
