"""Questions of this device's people to any device: to others by the node, to this one without a way."""

import itertools

import trio

from dusk.catchup.questions import NO_ANSWER, SILENT, refusal
from dusk.daemon.answers import Answers
from dusk.daemon.core import Core
from dusk.daemon.shares import Shares
from dusk.effects import Answered, Question, Told
from dusk.errors import Refused
from dusk.ids import DeviceId
from dusk.limits import INQUIRY_S_MAX
from dusk.node import Node

_LATER_S = 2.0
"""A node that lives answers sooner than it is given up here."""
_TOLD_WORDS = frozenset(
    {
        *("bad-order", "bad-question", "bad-signature", "failed", "internal", "missing-signatures"),
        *("no-list", "not-heard", "other-device", "outside-grant", "spent-challenge", "too-large"),
    }
)
"""What an answer that is none may say otherwise (`specs/asking.md`)."""


def refused(told: Told, name: str) -> Refused:
    """Return an answer that is none as a refusal here, with who said it.

    Its word is another member's. One that means something on this device, as that the session here
    has ended, is not its to say.
    """
    if told.word in SILENT:
        return Refused(told.word, f"{name} does not answer: {told.reason}")
    return Refused(told.word if told.word in _TOLD_WORDS else "refused-there", f"{name}: {told.reason}")


class Askings:
    """What is asked from here.

    Args:
        core: the loop, with its living node.
        answers: answers what this device is asked itself.
    """

    def __init__(self, core: Core, answers: Answers) -> None:
        self._core, self._answers = core, answers
        self._numbers = itertools.count(1)
        self._shares = Shares()
        self._waiting: dict[int, trio.Event] = {}
        self._told: dict[int, Told] = {}

    def answered(self, effect: Answered) -> None:
        """Take what came of a question; nobody may wait for it any more."""
        if effect.number in self._waiting:
            self._told[effect.number] = effect.told
            self._waiting[effect.number].set()

    async def ask(self, device: DeviceId, question: Question, asker: str) -> Told:
        """Return the answer of a device, or why there is none.

        Args:
            device: who is asked.
            question: what.
            asker: whose share of the places it takes (`Shares`).

        Raises:
            Refused: this device is in no cluster, or this asker asks too much already.
        """
        node = self._core.node
        if not isinstance(node, Node):
            raise Refused("no-cluster", "this device is in no cluster now")
        if device == node.device_id:
            return await self._own(node, question)
        with self._shares.place(asker):
            return await self._other(node, device, question)

    async def _own(self, node: Node, question: Question) -> Told:
        """Answer a question to this device itself, by the same rules."""
        found = node.asked_here(question, trio.current_time())
        return found if isinstance(found, Told) else await self._answers.of(found)

    async def _other(self, node: Node, device: DeviceId, question: Question) -> Told:
        number = next(self._numbers)
        done = self._waiting[number] = trio.Event()
        try:
            self._core.add(node.ask(number, device, question, trio.current_time()))
            with trio.move_on_after(INQUIRY_S_MAX + _LATER_S):
                await done.wait()
            return self._told.pop(number, refusal(NO_ANSWER, "this device was busy with itself meanwhile"))
        finally:
            del self._waiting[number]
