"""Orders through the control socket: signed over what the device gave, by who may, or refused before."""

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from dusk.changelog.orders import Order, check_order, decode_order, sign_order
from dusk.control.ordering import ARMOUR, LINE_CHARACTERS_MAX, line_of, read_line, signed_too
from dusk.control.outside import OutsideKey
from dusk.effects import Question, Told
from dusk.errors import Refused
from dusk.ids import ClusterId, DeviceId
from dusk.keys.signing import SigningKey
from dusk.limits import HOLD_S_MAX, SIGNATURES_MAX
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
    with pytest.raises(Refused, match="where the key is"):
        desk.ask("order.sign", token="token-out", line=prepared(desk)["line"])


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


# --- by a line: where several must sign, or the key is elsewhere --------------------------------------


def prepared(desk: FakeDesk, order: str = "reboot", **more: object) -> Any:
    desk.answers[hall(desk)] = Told(data=CHALLENGE)
    return desk.poll(desk.do("order.prepare", name="hall", order=order, **more)["ticket"])["result"]


def quorum_of_two(desk: FakeDesk) -> SigningKey:
    """Make bob an owner, too, and two of them the quorum."""
    bob = desk.world.key()
    desk.people["token-bob"] = Person("bob", bob)
    desk.world.commit(
        desk.world.edit("user/bob", "key", (bob.public,)),
        desk.world.edit("trust", "owner/bob", (bob.public,)),
        desk.world.edit("trust", "quorum", (2,)),
    )
    return bob


def test_an_order_goes_by_a_line_that_says_what_it_is(desk: FakeDesk) -> None:
    found = prepared(desk, "hold", for_s=60)
    assert desk.asked == [(hall(desk), Question("challenge"))]
    assert found.pop("line").startswith("dusk-order-1:")
    needs = "orders to it are given by an owner, or by who was granted that"
    said = {"device": "hall", "id": hall(desk).hex(), "order": "hold", "for_s": 60}
    assert found == {**said, "signed": [], "needs": needs}


def test_a_quorum_of_owners_orders_once_enough_have_signed(desk: FakeDesk) -> None:
    quorum_of_two(desk)
    with pytest.raises(Refused, match="2 of the owners"):
        desk.do("device.order", name="hall", order="reboot")
    one = desk.do("order.sign", line=prepared(desk)["line"])
    assert (one["signed"], "2 of the owners" in one["needs"]) == (["alice"], True)
    with pytest.raises(Refused, match="2 of the owners"):
        desk.do("order.submit", line=one["line"])
    both = desk.ask("order.sign", token="token-bob", line=f" {one['line']}\n")
    assert (both["signed"], both["needs"]) == (["alice", "bob"], None)
    assert desk.ask("order.read", line=both["line"]) == both
    ticket = desk.do("order.submit", line=both["line"])["ticket"]
    assert desk.poll(ticket)["result"] == {"device": "hall", "order": "reboot"}
    asked, question = desk.asked[-1]
    assert (asked, question.kind) == (hall(desk), "order")
    unverified = decode_order(question.argument)
    assert set(check_order(desk.log.state, unverified)) == {"alice", "bob"}
    assert unverified.order.challenge == CHALLENGE


def test_nobody_signs_an_order_twice_and_no_more_than_fit(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = prepared(desk)["line"]
    signed = desk.do("order.sign", line=line)["line"]
    with pytest.raises(Refused, match="already") as refused:
        desk.do("order.sign", line=signed)
    assert refused.value.code == "signed-already"
    monkeypatch.setattr("dusk.control.ordering.SIGNATURES_MAX", 0)
    with pytest.raises(Refused, match="no more fit"):
        desk.do("order.sign", line=line)


def test_who_has_no_say_asks_for_no_challenge_and_who_has_one_with_others_does(desk: FakeDesk) -> None:
    bob = desk.world.key()
    desk.world.commit(desk.world.edit("user/bob", "key", (bob.public,)))
    desk.people["token-bob"] = Person("bob", bob)
    wanted = {"token": "token-bob", "name": "hall", "order": "reboot"}
    with pytest.raises(Refused, match="no say") as refused:
        desk.ask("order.prepare", **wanted)
    assert (refused.value.code, desk.asked) == ("missing-signatures", [])
    row = ([bob.key_id, desk.world.owner.key_id], 2, None, None, None)
    desk.world.commit(desk.world.edit("trust", "grant/device", row))
    desk.ask("order.prepare", **wanted)
    assert [question.kind for _, question in desk.asked] == ["challenge"]


def test_who_signs_without_the_right_is_named_and_obeyed_by_nobody(desk: FakeDesk) -> None:
    bob = desk.world.key()
    desk.world.commit(desk.world.edit("user/bob", "key", (bob.public,)))
    desk.people["token-bob"] = Person("bob", bob)
    found = desk.ask("order.sign", token="token-bob", line=prepared(desk)["line"])
    assert (found["signed"], found["needs"] is None) == (["bob"], False)
    gone = line_of(signed_too(read_line(found["line"]), desk.world.key(), desk.world.cluster))
    read = desk.ask("order.read", line=gone)
    assert (len(read["signed"]), "not in use" in read["needs"]) == (2, True)
    with pytest.raises(Refused):
        desk.do("order.submit", line=gone)
    assert len(desk.asked) == 1, "the challenge alone"


def test_a58_who_was_removed_after_signing_spoils_the_order(desk: FakeDesk) -> None:
    world, carol = desk.world, desk.world.key()
    desk.people["token-carol"] = Person("carol", carol)
    world.commit(
        world.edit("user/carol", "key", (carol.public,)), world.edit("trust", "owner/carol", (carol.public,))
    )
    bob = quorum_of_two(desk)
    one = desk.do("order.sign", line=prepared(desk)["line"])["line"]
    both = desk.ask("order.sign", token="token-carol", line=one)
    assert both["needs"] is None
    asked = len(desk.asked)
    gone = (world.edit("trust", "owner/carol", None), world.edit("user/carol", "disabled", (True,)))
    world.write(world.change(*gone, signers=(world.owner, bob)))
    assert "not in use" in desk.ask("order.read", line=both["line"])["needs"]
    with pytest.raises(Refused) as refused:
        desk.do("order.submit", line=both["line"])
    assert (refused.value.code, len(desk.asked)) == ("missing-signatures", asked)


def test_a58_an_order_that_was_signed_for_another_cluster_is_refused(desk: FakeDesk) -> None:
    order = Order(hall(desk), CHALLENGE, "reboot")
    other = ClusterId(bytes(len(desk.world.cluster)))
    line = line_of(decode_order(sign_order((desk.world.owner,), other, order)))
    for method in ("order.sign", "order.submit"):
        with pytest.raises(Refused) as refused:
            desk.do(method, line=line)
        assert (refused.value.code, desk.asked) == ("bad-signature", [])


def forged(desk: FakeDesk, order: Order) -> str:
    data = sign_order((desk.world.owner,), desk.world.cluster, order)
    return ARMOUR + b64encode(data).decode()


def test_a_line_that_is_no_order_is_neither_signed_nor_given(desk: FakeDesk) -> None:
    device, line = hall(desk), prepared(desk)["line"]
    others = [
        "",
        "dusk-order-1:",
        line[:-4],
        line.removeprefix("dusk-order-1:"),
        f"dusk-role-1:{line}",
        forged(desk, Order(device, CHALLENGE, "wipe")),
        forged(desk, Order(device, CHALLENGE, "reboot", b"now")),
        forged(desk, Order(device, CHALLENGE, "hold")),
    ]
    for other in others:
        for method in ("order.sign", "order.submit"):
            with pytest.raises(Refused) as refused:
                desk.do(method, line=other)
            assert refused.value.code == "bad-order", other
    with pytest.raises(Refused, match="line"):
        desk.do("order.sign", line="x" * (LINE_CHARACTERS_MAX + 1))


def test_a_signature_that_does_not_verify_is_said_so(desk: FakeDesk) -> None:
    order = Order(hall(desk), CHALLENGE, "reboot")
    found = decode_order(sign_order((desk.world.owner,), desk.world.cluster, order))
    ((key, signature),) = found.signatures
    line = line_of(replace(found, signatures=((key, signature[::-1]),)))
    for method in ("order.sign", "order.submit"):
        with pytest.raises(Refused) as refused:
            desk.do(method, line=line)
        assert refused.value.code == "bad-signature"
    with pytest.raises(Refused, match="not of this order"):
        desk.ask("order.read", line=line)


def test_an_order_that_is_as_long_as_one_can_be_fits_a_line(desk: FakeDesk) -> None:
    found = decode_order(sign_order((), desk.world.cluster, Order(hall(desk), CHALLENGE, "reboot")))
    for key in (desk.world.key() for _ in range(SIGNATURES_MAX)):
        found = signed_too(found, key, desk.world.cluster)
    assert len(line_of(found)) <= LINE_CHARACTERS_MAX
    assert read_line(line_of(found)) == found


def test_what_is_no_challenge_is_not_put_into_a_line(desk: FakeDesk) -> None:
    desk.answers[hall(desk)] = Told(data=b"sign this instead")
    ticket = desk.do("order.prepare", name="hall", order="locate")["ticket"]
    assert "no challenge" in desk.poll(ticket)["error"]["message"]
    with pytest.raises(Refused, match="no end"):
        desk.do("order.prepare", name="hall", order="locate", for_s=1)
