"""The stream on which who leads hands another device that may lead the table of members' addresses.

That one leads next: it has heard nobody then, and those of other networks do not hear its multicast.
"""

from collections.abc import Callable

from dusk.catchup.channel import Channel
from dusk.catchup.client import Client
from dusk.catchup.host import LogHolder
from dusk.catchup.messages import APPLIED, Addresses, Answer, Reply
from dusk.catchup.stages import Goal, ServerRefused, Stage
from dusk.effects import Address

IsHolder = Callable[[bytes], bool]
"""Tells whether an X25519 key is that of the device which the table is for."""


class Telling(Client):
    """One such exchange.

    Args:
        conn: the stream's number.
        address: where the other is.
        channel: fresh, as initiator.
        host: this device.
        now: seconds.
        table: what to hand over.
        is_whom: whose stream it must be; nobody else gets it.
        delivered: hears that it has it.
    """

    def __init__(
        self,
        *,
        conn: int,
        address: Address,
        channel: Channel,
        host: LogHolder,
        now: float,
        table: Addresses,
        is_whom: IsHolder,
        delivered: Callable[[], None],
    ) -> None:
        super().__init__(conn=conn, address=address, channel=channel, goal=Goal.ADDRESSES, host=host, now=now)
        self._addresses, self._is_whom, self._delivered = table, is_whom, delivered

    def _begin(self, now: float) -> None:
        if not self._is_whom(self._channel.remote_static):
            raise ServerRefused("another device is there: the addresses are not for it")
        self._ask(Stage.TELLING, self._addresses, now)

    def _reply(self, reply: Reply, now: float) -> None:
        if self.stage is Stage.TELLING and isinstance(reply, Answer):
            if reply.code == APPLIED:
                self._delivered()
            self._submit_next(now)
        else:
            super()._reply(reply, now)
