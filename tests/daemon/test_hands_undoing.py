"""What could not be put back at the start is tried again by the daemon, whatever the log says (R9)."""

import trio
import trio.testing

from dusk.apply.events import Restored
from dusk.daemon.hands import UNDO_AGAIN_S, Hands, HelperEffect
from dusk.daemon.inbox import Inbox
from dusk.daemon.sockets import Sockets, Wanted
from dusk.daemon.streams import Streams
from dusk.effects import FilesRead, HelperDone


class Refusing:
    """A helper that counts who asks."""

    def __init__(self) -> None:
        self.tried_at: list[float] = []

    async def perform(self, effect: HelperEffect) -> FilesRead | HelperDone:
        raise AssertionError(f"nobody asks the helper: {effect}")

    async def let_go(self) -> Restored | None:
        return None

    async def undo_again(self) -> None:
        self.tried_at.append(trio.current_time())


async def test_r9_it_is_tried_every_half_minute_though_no_apply_begins(
    autojump_clock: trio.testing.MockClock,
) -> None:
    inbox, helper = Inbox(), Refusing()
    streams = Streams(inbox)
    hands = Hands(
        Sockets(Wanted((), (), 0), inbox, streams.accept),
        streams,
        inbox,
        helper,
        lambda _: None,
        consult=lambda _: None,
        put_back=lambda _: None,
    )
    since = trio.current_time()
    with trio.move_on_after(2.5 * UNDO_AGAIN_S):
        await hands.run()
    assert [round(at - since) for at in helper.tried_at] == [UNDO_AGAIN_S, 2 * UNDO_AGAIN_S]
