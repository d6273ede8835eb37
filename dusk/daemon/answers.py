"""Answers what members ask this device, beside all else, within bounds of number and time (A6)."""

from collections.abc import Awaitable, Callable, Mapping

import trio

from dusk.catchup.questions import BUSY, NO_ANSWER, TOO_OLD, refusal
from dusk.daemon.inbox import Inbox
from dusk.daemon.mistakes import MISTAKES, report
from dusk.daemon.say import say
from dusk.effects import Consult, Consulted, Obey, Question, Told
from dusk.errors import DuskError, Refused
from dusk.ids import DeviceId
from dusk.limits import CONSULTS_MAX, QUESTION_S_MAX, TOLD_BYTES_MAX

_EARLY_S = 1.0
"""The asker hears why there is no answer before the node gives it up."""
Answer = Callable[[Question, DeviceId], Awaitable[Told]]
"""Answers one kind of question of a member; a refusal may be raised as `Refused`."""
Deed = Callable[[bytes], Awaitable[Told]]
"""Does one kind of order, which was checked; a refusal may be raised as `Refused`."""


class Answers:
    """The answers of one daemon.

    Args:
        inbox: takes `Consulted`.
        kinds: what can be asked, by its word.
        deeds: what can be ordered, by its word.
    """

    def __init__(
        self, inbox: Inbox, kinds: Mapping[str, Answer], deeds: Mapping[str, Deed] | None = None
    ) -> None:
        self._inbox, self._kinds, self._deeds = inbox, kinds, deeds or {}
        self._under_way = 0
        self._nursery: trio.Nursery | None = None

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the tasks of all answers until cancelled."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    def consult(self, effect: Consult | Obey) -> None:
        """Answer a member's question, or do what was ordered; `Consulted` follows."""
        assert self._nursery is not None, "answers are used while they run"
        if self._under_way >= CONSULTS_MAX:
            busy = refusal(BUSY, "this device answers as many questions as it may; ask again soon")
            self._inbox.put(Consulted(effect.conn, effect.number, busy))
            return
        self._under_way += 1
        self._nursery.start_soon(self._finish, effect)

    async def _finish(self, effect: Consult | Obey) -> None:
        told = await self.of(effect)
        self._under_way -= 1
        self._inbox.put(Consulted(effect.conn, effect.number, told))

    async def of(self, effect: Consult | Obey) -> Told:
        """Return what comes of a question, or of an order, of which the log of the system tells."""
        if isinstance(effect, Consult):
            return await self.answer(effect.question, effect.asker)
        say(f"{effect.kind} ordered by {', '.join(effect.by)}")
        return await self.done(effect.kind, effect.argument)

    async def answer(self, question: Question, asker: DeviceId) -> Told:
        """Answer a question, or say why not."""
        answer = self._kinds.get(question.kind)
        if answer is None:
            return refusal(TOO_OLD, "it does not know this question: it has another version of Dusk")
        return await _in_time(lambda: answer(question, asker))

    async def done(self, kind: str, argument: bytes) -> Told:
        """Do an order that was checked, or say why not."""
        deed = self._deeds.get(kind)
        if deed is None:
            return refusal(TOO_OLD, "it does not know this order: it has another version of Dusk")
        return await _in_time(lambda: deed(argument))


async def _in_time(work: Callable[[], Awaitable[Told]]) -> Told:
    """Return what comes of work that others wait for."""
    told = refusal(NO_ANSWER, "it found no answer in time")
    try:
        with trio.move_on_after(QUESTION_S_MAX - _EARLY_S):
            told = await work()
    except Refused as error:
        return refusal(error.code, error.reason)
    except DuskError as error:
        return refusal("failed", str(error))
    except MISTAKES as error:
        return refusal("internal", report(error))
    if len(told.data) > TOLD_BYTES_MAX:
        return refusal("too-large", "the answer is larger than may be told")
    return told
