"""What a daemon answers when another member asks it: in bounds, or with a reason why not."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest
import trio
import trio.testing

from dusk.daemon import health
from dusk.daemon.answers import Answers
from dusk.daemon.askings import Askings
from dusk.daemon.core import Core
from dusk.daemon.inbox import Inbox
from dusk.daemon.shares import READERS
from dusk.effects import Answered, Consult, Consulted, Question, Told
from dusk.errors import Refused, StorageError
from dusk.ids import DeviceId
from dusk.limits import CONSULTS_MAX, QUESTION_S_MAX, TOLD_BYTES_MAX

ASKER = DeviceId(bytes(16))
Kind = Callable[[Question, DeviceId], Awaitable[Told]]


async def fine(question: Question, asker: DeviceId) -> Told:
    await trio.lowlevel.checkpoint()
    return Told(data=question.argument + asker)


async def never(_question: Question, _asker: DeviceId) -> Told:
    await trio.sleep_forever()
    raise AssertionError("unreachable")


def failing(error: Exception) -> Kind:
    async def answer(_question: Question, _asker: DeviceId) -> Told:
        await trio.lowlevel.checkpoint()
        raise error

    return answer


async def large(_question: Question, _asker: DeviceId) -> Told:
    await trio.lowlevel.checkpoint()
    return Told(data=bytes(TOLD_BYTES_MAX + 1))


async def asked(kind: Kind) -> Told:
    return await Answers(Inbox(), {"kind": kind}).answer(Question("kind", b"x"), ASKER)


async def test_a_question_is_answered_by_what_knows_its_kind() -> None:
    assert await asked(fine) == Told(data=b"x" + ASKER)


async def test_a_kind_that_is_not_known_is_of_another_version() -> None:
    told = await Answers(Inbox(), {}).answer(Question("weather"), ASKER)
    assert told.word == "too-old"


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (Refused("not-here", "no"), "not-here"),
        (StorageError("the disk"), "failed"),
        (ValueError("mistake"), "internal"),
        (MemoryError(), "internal"),
    ],
)
async def test_what_cannot_be_answered_is_said_in_a_word(error: Exception, word: str) -> None:
    assert (await asked(failing(error))).word == word


async def test_an_answer_that_is_too_large_is_none() -> None:
    assert (await asked(large)).word == "too-large"


async def test_a6_an_answer_that_does_not_come_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    assert (await asked(never)).word == "no-answer"
    assert trio.current_time() < QUESTION_S_MAX


async def test_a6_so_many_are_answered_at_once_and_no_more(autojump_clock: trio.testing.MockClock) -> None:
    inbox = Inbox()
    answers = Answers(inbox, {"never": never, "fine": fine})
    async with trio.open_nursery() as nursery:
        await nursery.start(answers.run)
        for conn in range(CONSULTS_MAX):
            answers.consult(Consult(conn, 1, ASKER, Question("never")))
        answers.consult(Consult(99, 1, ASKER, Question("fine")))
        assert _words(inbox) == {99: "busy"}
        await trio.sleep(QUESTION_S_MAX)
        assert set(_words(inbox).values()) == {"no-answer"}
        answers.consult(Consult(98, 1, ASKER, Question("fine")))
        await trio.testing.wait_all_tasks_blocked()
        assert _words(inbox) == {98: ""}
        nursery.cancel_scope.cancel()


def _words(inbox: Inbox) -> dict[int, str]:
    return {event.conn: event.told.word for event in inbox.take() if isinstance(event, Consulted)}


class NoNode:
    node = None


async def test_without_a_cluster_nobody_is_asked() -> None:
    askings = Askings(cast("Core", NoNode()), Answers(Inbox(), {}))
    with pytest.raises(Refused, match="no cluster"):
        await askings.ask(ASKER, Question("fine"), READERS)
    askings.answered(Answered(7, Told()))  # whoever asked has gone


def test_a33_a_machine_that_says_odd_things_is_told_of_as_far_as_it_makes_sense(tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    (proc / "self/net").mkdir(parents=True)
    (proc / "uptime").write_text("junk")
    (proc / "loadavg").write_bytes(b"\xff 1e400 nan 4")
    (proc / "meminfo").write_text("MemTotal: 128 kB\n\x1b[2J\nMemAvailable:\n")
    (proc / "self/net/dev").write_text("lo: 1 2 3\nnot a line\n")
    found = health.gather(tmp_path)
    assert (found.uptime_s, found.load, found.memory_kib, found.flash_kib) == (0, (0, 0, 0), (), ())
    lo = next(one for one in found.interfaces if one.name == "lo")
    assert (lo.received_bytes, lo.sent_bytes, lo.errors) == (0, 0, 0)


def test_figures_are_those_of_the_machine(tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    (proc / "self/net").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    (proc / "uptime").write_text("90061.25 1.0\n")
    (proc / "loadavg").write_text("0.12 1.30 0.05 1/100 7\n")
    (proc / "meminfo").write_text("MemTotal:  131072 kB\nMemFree: 1 kB\nMemAvailable: 60000 kB\n")
    (proc / "self/net/dev").write_text("  lo: 10 1 2 0 0 0 0 0 20 1 3 0 0 0 0 0\n")
    found = health.gather(tmp_path)
    assert (found.uptime_s, found.load, found.memory_kib) == (90_061, (12, 130, 5), (131_072, 60_000))
    assert found.flash_kib[0] >= found.flash_kib[1] > 0
    assert found.time_s > 0
    lo = next(one for one in found.interfaces if one.name == "lo")
    assert (lo.received_bytes, lo.sent_bytes, lo.errors) == (10, 20, 5)


def test_text_that_is_told_is_utf_8_and_bounded() -> None:
    assert health.plain_text("\udcff" + "é" * 200).encode()[:1] == b"?"
    assert len(health.plain_text("é" * 200).encode()) <= 128
