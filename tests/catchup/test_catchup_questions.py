"""One question over a stream: to the device that it is for, answered once, to members alone."""

import pytest

from dusk.catchup.messages import Keys, decode_reply, decode_request, encode
from dusk.catchup.questions import NO_ANSWER, NOT_REACHABLE, TOO_OLD, Ask
from dusk.catchup.server import Server
from dusk.effects import Answered, Consulted, Disconnected, Effect, Question, Tick, Told
from dusk.errors import UntrustedInput
from dusk.keys.signing import x25519_public
from dusk.limits import QUESTION_S_MAX, TOLD_REASON_BYTES_MAX
from tests.streams import Asker, Member, Wires, at, master, member
from tests.world import World

ASK = Ask(Question("health", b"argument", b"somebody"))


def pair() -> tuple[Wires, Member, Member]:
    world = World()
    world.allow_joining()
    key = world.join()
    first, second = master(world), member(world, key)
    return Wires({"master": first, "asker": second}), first, second


def ask(wires: Wires, server: Member, *, name: str = "asker", to: str = "master") -> list[Told]:
    asking, heard = wires.cores[name], []
    assert isinstance(asking, Member)

    def hear(told: Told) -> list[Effect]:
        heard.append(told)
        return [Answered(1, told)]

    public = x25519_public(server.key.public)
    wires.do(
        name,
        asking.exchanges.ask(at(to), ASK.question, wires.now, is_whom=lambda key: key == public, hear=hear),
    )
    return heard


def older_version(*_: object) -> list[Effect]:
    raise UntrustedInput("exchange: unknown request")


@pytest.mark.parametrize("told", [Told(data=b"x" * 9000), Told("busy", "later"), Told(is_sealed=True)])
def test_questions_and_answers_come_back_as_they_were(told: Told) -> None:
    assert decode_request(encode(ASK)) == ASK
    assert decode_reply(encode(told)) == told


def test_a_reason_is_cut_to_what_may_be_told() -> None:
    told = decode_reply(encode(Told("failed", "é" * 1000)))
    assert isinstance(told, Told)
    assert len(told.reason.encode()) <= TOLD_REASON_BYTES_MAX


def test_a_member_is_answered_by_the_device_that_it_asked() -> None:
    wires, server, asking = pair()
    server.answer = Told(data=b"fine")
    assert ask(wires, server) == [Told(data=b"fine")]
    (asked,) = server.asked_here
    assert (asked.asker, asked.question) == (x25519_public(asking.key.public), ASK.question)
    assert wires.connected_to == {}


def test_nobody_else_is_asked() -> None:
    wires, server, asking = pair()
    (told,) = ask(wires, asking)
    assert (told.word, told.reason) == (NOT_REACHABLE, "another device is there")
    assert server.asked_here == []


def test_where_nobody_is_the_device_is_not_reachable() -> None:
    wires, server, _ = pair()
    (told,) = ask(wires, server, to="nowhere")
    assert told.word == NOT_REACHABLE


def test_a_device_that_ends_the_stream_at_the_question_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    wires, server, _ = pair()
    monkeypatch.setattr(Server, "_consult", older_version)
    assert ask(wires, server)[0].word == TOO_OLD
    assert ask(wires, server)[0].word == TOO_OLD  # nothing is held against it


def test_another_answer_is_a_lie_and_none(monkeypatch: pytest.MonkeyPatch) -> None:
    wires, server, _ = pair()
    monkeypatch.setattr(Server, "_consult", lambda self, _ask, now: self._send(Keys(b""), now))
    (told,) = ask(wires, server)
    assert told.word == NO_ANSWER
    assert "failed" in wires.texts("asker")


def test_a22_who_was_removed_learns_that_and_nothing_else() -> None:
    wires, server, asking = pair()
    world = server.world
    world.commit(world.edit(f"device/{asking.key.key_id.hex()}", "retired", (True,)))
    (told,) = ask(wires, server)
    assert (told.word, server.asked_here) == (NO_ANSWER, [])
    assert "removed" in told.reason


def test_a_stranger_is_not_answered() -> None:
    _, server, _ = pair()
    stranger = Asker(server, server.world.key(), 1)
    stranger.shake()
    assert stranger.ended(stranger.ask(ASK))
    assert server.asked_here == []


def asked_later() -> tuple[Member, Asker, Member]:
    """Return who looks for an answer, and who waits for it, with its device."""
    _, server, asking = pair()
    server.answer = None
    asker = Asker(server, asking.key, 1)
    asker.shake()
    asker.ask(ASK)
    return server, asker, asking


def test_an_answer_may_come_later_and_only_to_its_question() -> None:
    server, asker, _ = asked_later()
    late, told = Told(data=b"late"), Told(data=b"now")
    assert server.handle(Consulted(1, 7, late), 1.0) == []
    assert server.handle(Consulted(3, 1, late), 1.0) == []
    assert asker.replies(server.handle(Consulted(1, 1, told), 1.0)) == [told]
    assert server.handle(Consulted(1, 1, late), 1.0) == []
    assert asker.ask(ASK, 2.0) == []
    assert server.asked_here[-1].number == 2


def test_a6_a_question_without_an_answer_ends_in_time() -> None:
    server, asker, _ = asked_later()
    (told,) = asker.replies(server.handle(Tick(), QUESTION_S_MAX))
    assert isinstance(told, Told)
    assert told.word == NO_ANSWER
    assert server.handle(Consulted(1, 1, Told()), 20.0) == []


def test_a6_an_exchange_that_lasts_too_long_ends_though_a_question_is_open() -> None:
    server, asker, _ = asked_later()
    effects = server.handle(Tick(), 601.0)
    assert asker.ended(effects)
    assert asker.replies(effects) == []


def test_a_second_question_before_the_answer_ends_the_stream() -> None:
    _, asker, _ = asked_later()
    assert asker.ended(asker.ask(ASK))


def test_a22_who_is_removed_while_an_answer_is_looked_for_does_not_get_it() -> None:
    server, asker, asking = asked_later()
    world = server.world
    world.commit(world.edit(f"device/{asking.key.key_id.hex()}", "retired", (True,)))
    effects = server.handle(Consulted(1, 1, Told(data=b"secret")), 1.0)
    assert asker.ended(effects)
    assert asker.replies(effects) == []


def test_the_stream_goes_on_after_an_answer() -> None:
    _, server, asking = pair()
    asker = Asker(server, asking.key, 1)
    asker.shake()
    for _ in range(2):
        assert asker.replies(asker.ask(ASK)) == [server.answer]


def test_a_stream_that_breaks_behind_its_answer_asks_nothing_again() -> None:
    """What is handed in behind the answer is another matter."""
    wires, server, asking = pair()
    server.silent = True
    heard: list[Told] = []

    def hear(told: Told) -> list[Effect]:
        heard.append(told)
        return []

    public = x25519_public(server.key.public)
    effects = asking.exchanges.ask(
        at("master"), ASK.question, wires.now, is_whom=lambda key: key == public, hear=hear
    )
    change = server.world.change(server.world.set("wifi", "wireless.a.ssid", "x"))
    asking.exchanges.submit(at("master"), change, wires.now)
    wires.do("asker", effects)
    assert len(heard) == 1
    wires.do("asker", asking.handle(Disconnected(2, "gone"), wires.now))
    assert len(heard) == 1
    assert asking.answers == []
