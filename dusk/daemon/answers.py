"""Answers what members ask this device, beside all else, within bounds of number and time (A6)."""

from collections.abc import Awaitable, Callable, Mapping

import trio

from dusk.catchup.questions import BUSY, NO_ANSWER, TOO_OLD, refusal
from dusk.daemon.inbox import Inbox
from dusk.daemon.mistakes import MISTAKES, report
from dusk.effects import Consult, Consulted, Question, Told
from dusk.errors import DuskError, Refused
from dusk.ids import DeviceId
from dusk.limits import CONSULTS_MAX, QUESTION_S_MAX, TOLD_BYTES_MAX

_EARLY_S = 1.0
"""The asker hears why there is no answer before the node gives it up."""
Answer = Callable[[Question, DeviceId], Awaitable[Told]]
"""Answers one kind of question of a member; a refusal may be raised as `Refused`."""


class Answers:
    """The answers of one daemon.

    Args:
        inbox: takes `Consulted`.
        kinds: what can be asked, by its word.
    """

    def __init__(self, inbox: Inbox, kinds: Mapping[str, Answer]) -> None:
        self._inbox, self._kinds = inbox, kinds
        self._under_way = 0
        self._nursery: trio.Nursery | None = None

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the tasks of all answers until cancelled."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    def consult(self, effect: Consult) -> None:
        """Answer a member's question; `Consulted` follows."""
        assert self._nursery is not None, "answers are used while they run"
        if self._under_way >= CONSULTS_MAX:
            busy = refusal(BUSY, "this device answers as many questions as it may; ask again soon")
            self._inbox.put(Consulted(effect.conn, effect.number, busy))
            return
        self._under_way += 1
        self._nursery.start_soon(self._consult, effect)

    async def _consult(self, effect: Consult) -> None:
        told = await self.answer(effect.question, effect.asker)
        self._under_way -= 1
        self._inbox.put(Consulted(effect.conn, effect.number, told))

    async def answer(self, question: Question, asker: DeviceId) -> Told:
        """Answer a question, or say why not."""
        answer = self._kinds.get(question.kind)
        if answer is None:
            return refusal(TOO_OLD, "it does not know this question: it has another version of Dusk")
        told = refusal(NO_ANSWER, "it found no answer in time")
        try:
            with trio.move_on_after(QUESTION_S_MAX - _EARLY_S):
                told = await answer(question, asker)
        except Refused as error:
            return refusal(error.code, error.reason)
        except DuskError as error:
            return refusal("failed", str(error))
        except MISTAKES as error:
            return refusal("internal", report(error))
        if len(told.data) > TOLD_BYTES_MAX:
            return refusal("too-large", "the answer is larger than may be told")
        return told
