"""The table of members' addresses over a stream: to whom it is for, and believed of who leads alone."""

import pytest

from dusk.catchup.messages import APPLIED, NOT_MASTER, Addresses, Answer, Keys, decode_request, encode
from dusk.catchup.server import Server
from dusk.effects import Address, Effect
from dusk.ids import DeviceId, Seq
from dusk.keys.signing import x25519_public
from tests.streams import Asker, Member, Wires, at, master, member
from tests.world import World

TABLE = Addresses(
    (
        (DeviceId(bytes(16)), Address("198.51.100.7", 3875)),
        (DeviceId(b"\1" * 16), Address("2001:db8::7", 40000)),
    )
)


def pair() -> tuple[Wires, Member, Member]:
    world = World()
    world.allow_joining()
    key = world.join()
    first, second = master(world), member(world, key)
    return Wires({"master": first, "holder": second}), first, second


def tell(wires: Wires, server: Member, got: list[str], *, name: str = "master", to: str = "holder") -> None:
    teller = wires.cores[name]
    assert isinstance(teller, Member)
    wires.do(
        name,
        teller.exchanges.tell(
            at(to),
            TABLE,
            wires.now,
            is_whom=lambda public: public == x25519_public(server.key.public),
            delivered=lambda: got.append(name),
        ),
    )


def test_a_table_comes_back_as_it_was() -> None:
    assert decode_request(encode(TABLE)) == TABLE


def test_who_leads_hands_the_table_over_and_hears_that_it_is_there() -> None:
    wires, first, holder = pair()
    got: list[str] = []
    tell(wires, holder, got)
    assert got == ["master"]
    assert holder.addresses == [(x25519_public(first.key.public), TABLE.rows)]
    assert wires.connected_to == {}


def test_a12_nobody_elses_table_is_believed_nor_does_it_go_to_who_it_is_not_for() -> None:
    wires, first, holder = pair()
    got: list[str] = []
    tell(wires, first, got, name="holder", to="master")
    assert got == []
    assert len(first.addresses) == 1
    tell(wires, first, got)
    assert holder.addresses == []
    assert "not for it" in wires.texts("master")
    tell(wires, holder, got)  # it is no reason to leave the address alone
    assert got == ["master"]


def test_it_is_answered_and_the_stream_goes_on() -> None:
    _, first, holder = pair()
    for number, (who, code) in enumerate(((first, APPLIED), (holder, NOT_MASTER)), 1):
        server = holder if who is first else first
        asker = Asker(server, who.key, number)
        asker.shake()
        for _ in range(2):
            assert asker.replies(asker.ask(TABLE)) == [Answer(code, Seq(0), "")]


def test_a9_another_answer_is_a_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    wires, _, holder = pair()
    got: list[str] = []

    def lie(self: Server, *_: object) -> list[Effect]:
        return self._send(Keys(b""), wires.now)

    monkeypatch.setattr(Server, "_serve", lie)
    tell(wires, holder, got)
    assert got == []
    assert "an answer to another question" in wires.texts("master")


def test_a9_who_answers_twice_was_handed_the_table_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wires, _, holder = pair()
    got: list[str] = []

    def stutter(self: Server, *_: object) -> list[Effect]:
        answer = Answer(APPLIED, Seq(0), "")
        return [*self._send(answer, wires.now), *self._send(answer, wires.now)]

    monkeypatch.setattr(Server, "_serve", stutter)
    tell(wires, holder, got)
    assert got == ["master"]
