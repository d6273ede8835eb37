"""The stream on which one question goes to one device, and its answer comes back.

The answer is worth what the device's key is: the stream goes on only where that device is behind it.
"""

from collections.abc import Callable

from dusk.catchup.channel import Channel
from dusk.catchup.client import Client
from dusk.catchup.host import LogHolder
from dusk.catchup.messages import Reply
from dusk.catchup.questions import NO_ANSWER, NOT_REACHABLE, TOO_OLD, Ask, refusal
from dusk.catchup.stages import Goal, ServerRefused, Stage
from dusk.catchup.telling import IsHolder
from dusk.effects import Address, Effect, Question, Told
from dusk.limits import QUESTION_S_MAX

_OLDER = "it ended the stream at the question: it has an older version of Dusk, or does not know this device"
Hear = Callable[[Told], list[Effect]]
"""Takes the answer, or why there is none; once."""


class Inquiry(Client):
    """One such exchange.

    Args:
        conn: the stream's number.
        address: where the device is thought to be.
        channel: fresh, as initiator.
        host: this device.
        now: seconds.
        question: what is asked.
        is_whom: whose stream it must be; nobody else is asked.
        hear: takes what came of it.
    """

    def __init__(
        self,
        *,
        conn: int,
        address: Address,
        channel: Channel,
        host: LogHolder,
        now: float,
        question: Question,
        is_whom: IsHolder,
        hear: Hear,
    ) -> None:
        super().__init__(conn=conn, address=address, channel=channel, goal=Goal.QUESTION, host=host, now=now)
        self._question, self._is_whom, self._hear = question, is_whom, hear

    def _begin(self, now: float) -> None:
        if not self._is_whom(self._channel.remote_static):
            raise ServerRefused("another device is there")
        self._ask(Stage.QUESTIONING, Ask(self._question), now, QUESTION_S_MAX)

    def _reply(self, reply: Reply, now: float) -> None:
        if self.stage is Stage.QUESTIONING and isinstance(reply, Told):
            self._effects += self._hear(reply)
            self._submit_next(now)
        else:
            super()._reply(reply, now)

    def failed(self, reason: str, *, is_closed: bool) -> list[Effect]:
        """Tell why there is no answer."""
        match self.stage:
            case Stage.CONNECTING | Stage.HANDSHAKE:
                return self._hear(refusal(NOT_REACHABLE, reason))
            case Stage.QUESTIONING if is_closed:
                return self._hear(refusal(TOO_OLD, _OLDER))
            case Stage.QUESTIONING:
                return self._hear(refusal(NO_ANSWER, reason))
        return []  # it was answered, and submits
