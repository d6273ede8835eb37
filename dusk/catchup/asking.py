"""What every stream of ours does, whatever it was opened for: ask one question at a time."""

from dusk.catchup.channel import Channel
from dusk.catchup.host import LogHolder, Standing
from dusk.catchup.messages import Request, encode
from dusk.catchup.stages import NEXT, Goal, Stage
from dusk.effects import Address, Effect, SendFrame
from dusk.limits import HANDSHAKE_S_MAX, STREAM_IDLE_S_MAX


class Asking:
    """The asking side of one stream.

    Args:
        conn: the stream's number.
        address: where the server is.
        channel: fresh, as initiator.
        goal: what for.
        host: the log of this device.
        now: monotonic seconds.

    Attributes:
        stage: which answer it waits for.
        deadline: when it is given up.
    """

    def __init__(
        self, *, conn: int, address: Address, channel: Channel, goal: Goal, host: LogHolder, now: float
    ) -> None:
        self.conn = conn
        self.address = address
        self.goal = goal
        self.stage = Stage.CONNECTING
        self.deadline = now + STREAM_IDLE_S_MAX
        self._channel = channel
        self._host = host
        self._effects: list[Effect] = []

    @property
    def done(self) -> bool:
        """Whether there is nothing left to ask; the stream is to be closed."""
        return self.stage is Stage.DONE

    @property
    def server(self) -> bytes | None:
        """The server's static key, once its possession is proven."""
        return self._channel.remote_static if self._channel.established else None

    def drain(self) -> list[Effect]:
        """Return what is to be done, in order; also after an error: what was taken stays taken."""
        effects = list(self._effects)
        self._effects.clear()  # it is shared with who fetches
        return effects

    def connected(self, now: float) -> None:
        """Open the handshake: the stream is there."""
        self._enter(Stage.HANDSHAKE)
        self.deadline = now + HANDSHAKE_S_MAX
        self._effects.append(SendFrame(self.conn, self._channel.open()))

    def failed(self, reason: str, *, is_closed: bool) -> list[Effect]:
        """Do what is due where it ends before it is done; most is asked again by whoever needs it.

        Args:
            reason: one line for people.
            is_closed: whether the server ended the stream, or the network did.
        """
        del reason, is_closed
        return []

    def _enter(self, stage: Stage) -> None:
        assert stage in NEXT[self.stage], (self.stage, stage)
        self.stage = stage

    def _ask(self, stage: Stage, request: Request, now: float, patience_s: float = 0.0) -> None:
        """Send the one request in flight."""
        self._enter(stage)
        self.deadline = now + STREAM_IDLE_S_MAX + patience_s
        self._effects += [SendFrame(self.conn, frame) for frame in self._channel.send(encode(request))]

    def _is_member(self) -> bool:
        return self._host.standing(self._channel.remote_static) is Standing.MEMBER

    def _is_master(self) -> bool:
        return self._host.is_master(self._channel.remote_static)
