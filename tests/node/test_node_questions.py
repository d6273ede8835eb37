"""Questions between whole nodes: who is found, who is answered, and that each question ends once, in time."""

import pytest

from dusk import codec
from dusk.effects import Address, Answered, Consult, Consulted, Effect, Question, Told
from dusk.errors import Refused, UntrustedInput
from dusk.ids import DeviceId
from dusk.limits import INQUIRIES_MAX, INQUIRY_S_MAX, QUESTIONS_AT_ONCE
from dusk.node.addresses import as_written_here
from dusk.node.answering import NOT_HEARD, WHERE, decode_address, encode_address
from dusk.node.inquiries import Inquiries
from tests.node.site import Box, Site

HEALTH = Question("health", b"argument")


def site_of(size: int, *, answers: bool = True) -> Site:
    """Return devices that have heard each other, and answer when they are asked."""
    site = Site(size)
    site.run(12)
    if answers:
        for box in site.all:
            answer(box)
    return site


def answer(box: Box) -> None:
    """Let a device answer each question with its own name."""
    do = box._do

    def consulted(effect: Effect) -> None:
        do(effect)
        if isinstance(effect, Consult):
            told = Told(data=f"{box.name} {effect.question.kind}".encode())
            box.site.after(0.0, lambda: box.give(Consulted(effect.conn, effect.number, told)))

    box._do = consulted  # type: ignore[method-assign]  # what a shell does


def ask(asker: Box, asked: Box, number: int = 1, question: Question = HEALTH) -> None:
    node = asker.node
    asker.do(node.ask(number, asked.node.device_id, question, asker.site.now))


def told(box: Box) -> list[tuple[int, str, bytes]]:
    found = (effect for effect in box.effects if isinstance(effect, Answered))
    return [(effect.number, effect.told.word, effect.told.data) for effect in found]


@pytest.mark.parametrize(("asker", "asked"), [(0, 1), (1, 0), (1, 2)])
def test_any_member_asks_any_other_and_is_answered(asker: int, asked: int) -> None:
    site = site_of(3)
    ask(site.all[asker], site.all[asked])
    site.run(2.0)
    assert told(site.all[asker]) == [(1, "", f"10.0.0.{asked} health".encode())]


def test_who_asks_is_named_to_the_shell_that_answers() -> None:
    site = site_of(2, answers=False)
    ask(site.all[1], site.master)
    site.run(1.0)
    (consult,) = site.master.of(Consult)
    assert isinstance(consult, Consult)
    assert (consult.asker, consult.question) == (site.all[1].node.device_id, HEALTH)


def test_a_device_that_is_off_is_not_reachable() -> None:
    site = site_of(3)
    site.all[2].on = False
    ask(site.all[1], site.all[2])
    ask(site.master, site.all[2])
    site.run(3.0)
    assert [row[:2] for row in told(site.all[1])] == [(1, "not-reachable")]
    assert [row[:2] for row in told(site.master)] == [(1, "not-reachable")]


def test_a_device_that_nobody_has_heard_is_not_reachable() -> None:
    site = Site(3)
    site.all[2].on = False
    site.run(12)
    ask(site.all[1], site.all[2])
    site.run(3.0)
    (answered,) = site.all[1].of(Answered)
    assert isinstance(answered, Answered)
    assert answered.told.word == "not-reachable"
    assert "nobody knows where it is" in answered.told.reason


def test_a_device_that_cannot_be_reached_directly_is_said_so() -> None:
    """It is heard by who leads, and no stream to it comes about from here."""
    site = site_of(3)
    site.cut_link(site.all[1], site.all[2])
    ask(site.all[1], site.all[2])
    site.run(3.0)
    (answered,) = site.all[1].of(Answered)
    assert isinstance(answered, Answered)
    assert (answered.told.word, answered.told.reason) == ("not-reachable", "nobody there")


def test_a6_who_does_not_answer_is_given_up_in_time() -> None:
    site = site_of(3, answers=False)
    ask(site.all[1], site.all[2])
    site.run(INQUIRY_S_MAX + 1)
    assert [row[:2] for row in told(site.all[1])] == [(1, "no-answer")]


def test_a_question_waits_for_another_stream_to_the_same_place() -> None:
    site = site_of(2)
    for number in range(1, 4):
        ask(site.all[1], site.master, number)
    site.run(2.0)
    assert sorted(row[0] for row in told(site.all[1])) == [1, 2, 3]
    assert {row[1] for row in told(site.all[1])} == {""}


def test_a_question_that_waits_ends_in_time_though_its_turn_never_comes() -> None:
    site = site_of(2, answers=False)
    for number in range(1, 6):
        ask(site.all[1], site.master, number)
    site.run(INQUIRY_S_MAX + 1)
    assert sorted(row[0] for row in told(site.all[1])) == [1, 2, 3, 4, 5]
    site.run(20.0)  # what came too late changes nothing
    assert len(told(site.all[1])) == 5


def test_a6_not_more_than_so_many_are_asked_at_once() -> None:
    site = site_of(2, answers=False)
    for number in range(INQUIRIES_MAX):
        ask(site.all[1], site.master, number)
    with pytest.raises(Refused, match="under way"):
        ask(site.all[1], site.master, 99)


def test_a6_a_member_that_asks_too_much_is_refused_until_it_has_waited() -> None:
    site = site_of(2)
    words = []
    for number in range(QUESTIONS_AT_ONCE + 3):
        ask(site.all[1], site.master, number)
        site.run(0.05)
        words.append(told(site.all[1])[-1][1])
    assert words[:QUESTIONS_AT_ONCE] == [""] * QUESTIONS_AT_ONCE
    assert words[-1] == "too-often"
    site.run(2.0)
    ask(site.all[1], site.master, 99)
    site.run(0.1)
    assert told(site.all[1])[-1][:2] == (99, "")


def test_where_a_member_is_heard_is_told_by_who_leads() -> None:
    site = site_of(3)
    ask(site.all[1], site.master, 1, Question(WHERE, site.all[2].node.device_id))
    ask(site.all[1], site.master, 2, Question(WHERE, bytes(16)))
    ask(site.all[1], site.master, 3, Question(WHERE, b"short"))
    site.run(2.0)
    rows = told(site.all[1])
    assert decode_address(rows[0][2]) == Address("10.0.0.2", 3875)
    assert [row[1] for row in rows[1:]] == [NOT_HEARD, "bad-question"]


def test_an_address_is_told_as_it_is_and_nothing_else_is_taken_for_one() -> None:
    address = Address("fe80::1%lan", 3875)
    assert decode_address(encode_address(address)) == address
    for host in ("192.0.2.1", "2001:db8::1", "127.0.0.1"):
        assert decode_address(codec.pack((host, 1))).host == host
    for data in (b"", codec.pack(("a",)), codec.pack(("a", 0)), codec.pack(("a" * 300, 1))):
        with pytest.raises(UntrustedInput):
            decode_address(data)


@pytest.mark.parametrize(
    "host", ["localhost", "router.example", "127.1", "", "::", "0.0.0.0", "ff02::1", "224.0.0.1", "FD00::1"]
)
def test_a58_who_leads_names_no_host_that_the_asker_would_look_up(host: str) -> None:
    with pytest.raises(UntrustedInput, match="address"):
        decode_address(codec.pack((host, 1)))


def test_a_link_is_named_by_each_device_itself() -> None:
    assert as_written_here(Address("fe80::1%lan", 1), "eth0") == Address("fe80::1%eth0", 1)
    assert as_written_here(Address("fe80::1%lan", 1), "") == Address("fe80::1%lan", 1)
    assert as_written_here(Address("192.0.2.1", 1), "eth0") == Address("192.0.2.1", 1)


class Streams:
    """Exchanges that are asked, and answer as they are told to."""

    def __init__(self, *answers: Told) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Address, str]] = []
        self.busy_with: set[Address] = set()

    def busy(self, address: Address) -> bool:
        return address in self.busy_with

    def ask(self, address: Address, question: Question, _now: float, **how: object) -> list[Effect]:
        self.asked.append((address, question.kind))
        hear = how["hear"]
        assert callable(hear)
        return list(hear(self.answers.pop(0)))


MASTER, DEVICE = (DeviceId(b"m" * 16), Address("fe80::1%eth0", 1)), DeviceId(b"d" * 16)
THERE, OTHER = Address("192.0.2.7", 1), Address("192.0.2.8", 1)
OFF = Told("not-reachable", "nobody there")


def inquiries(
    streams: Streams, *places: Address, master: tuple[DeviceId, Address] | None = MASTER
) -> Inquiries:
    return Inquiries(
        exchanges=streams,  # type: ignore[arg-type]  # stands in
        is_device=lambda _device, _public: True,
        places=lambda _: list(places),
        master=lambda: master,
    )


def steps(asking: Inquiries, count: int) -> list[Effect]:
    asking.ask(7, DEVICE, HEALTH, 0.0)
    return [effect for _ in range(count) for effect in asking.step(1.0)]


def test_where_who_leads_says_is_asked_before_what_is_known_besides() -> None:
    streams = Streams(Told(data=encode_address(THERE)), OFF, Told(data=b"fine"))
    assert steps(inquiries(streams, OTHER, THERE), 3) == [Answered(7, Told(data=b"fine"))]
    assert streams.asked == [(MASTER[1], WHERE), (THERE, "health"), (OTHER, "health")]


def test_a_word_of_who_leads_that_is_no_address_is_none() -> None:
    streams = Streams(Told(data=b"junk"), OFF)
    assert steps(inquiries(streams, OTHER), 3) == [Answered(7, OFF)]
    assert [at for at, _ in streams.asked] == [MASTER[1], OTHER]


def test_a_place_with_another_stream_is_asked_when_that_is_over() -> None:
    streams = Streams(Told(data=b"junk"), Told(data=b"fine"))
    asking = inquiries(streams, OTHER)
    streams.busy_with = {MASTER[1], OTHER}
    assert steps(asking, 3) == []
    streams.busy_with = set()
    assert asking.step(1.0) == []
    assert asking.step(1.0) == [Answered(7, Told(data=b"fine"))]


@pytest.mark.parametrize("master", [MASTER, None])
def test_what_is_answered_after_its_end_is_told_to_nobody(master: tuple[DeviceId, Address] | None) -> None:
    late: list[object] = []

    class Slow(Streams):
        def ask(self, address: Address, question: Question, _now: float, **how: object) -> list[Effect]:
            late.append(how["hear"])
            return []

    asking = inquiries(Slow(), OTHER, master=master)
    assert steps(asking, 1) == []
    (ended,) = asking.step(INQUIRY_S_MAX)
    assert isinstance(ended, Answered)
    assert ended.told.word == "no-answer"
    (hear,) = late
    assert callable(hear)
    for told in (OFF, Told(data=b"late")):
        assert hear(told) == []
    assert asking.deadline is None


def test_allowances_are_of_each_member() -> None:
    site = site_of(3)
    for number in range(QUESTIONS_AT_ONCE + 3):
        ask(site.all[1], site.master, number)
        site.run(0.02)
    ask(site.all[2], site.master, 1)
    site.run(0.5)
    assert told(site.all[2]) == [(1, "", b"10.0.0.0 health")]
