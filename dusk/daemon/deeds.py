"""Does what people order of this device, once the order was checked (`specs/asking.md`, *Orders*)."""

from collections.abc import Callable, Mapping

import trio

from dusk.apply.events import Mode
from dusk.changelog.orders import decode_hold
from dusk.control.ordering import HOLD, LOCATE, REBOOT, REVERT, UNHOLD
from dusk.daemon import holding
from dusk.daemon.answers import Deed
from dusk.daemon.builder import Builder
from dusk.daemon.core import Core
from dusk.daemon.helper_client import HelperClient
from dusk.effects import StoreFile, Told
from dusk.errors import Refused, StorageError
from dusk.node import Node


class Deeds:
    """The deeds of one daemon.

    Args:
        builder: has this device's own settings, and what was ordered of its brake.
        helper: does what only root can.
        core: gives the loop, with its living node.
    """

    def __init__(self, builder: Builder, helper: HelperClient, core: Callable[[], Core]) -> None:
        self._builder, self._helper, self._core = builder, helper, core

    def by_word(self) -> Mapping[str, Deed]:
        """Return what can be ordered here, by its word."""
        programs = {word: self._program(word) for word in (REBOOT, LOCATE)}
        return {**programs, REVERT: self._revert, HOLD: self._hold, UNHOLD: self._unhold}

    def _program(self, word: str) -> Deed:
        """Return what has root's own program for this machine do something."""

        async def deed(_argument: bytes) -> Told:
            await self._helper.device(word)
            return Told()

        return deed

    async def _revert(self, _argument: bytes) -> Told:
        """Have what was changed here put back."""
        node = self._node()
        if self._builder.mode is Mode.RUN and not node.applied.drift:
            raise Refused("no-drift", "nothing that is managed was changed there")
        self._core().add(node.revert_drift(trio.current_time()))
        return Told()

    async def _hold(self, argument: bytes) -> Told:
        """Put the brake on."""
        return await self._brake(decode_hold(argument))

    async def _unhold(self, _argument: bytes) -> Told:
        """Take the brake off, whoever put it on."""
        return await self._brake(None)

    async def _brake(self, for_s: int | None) -> Told:
        """Keep what was ordered, and answer once it is on the disk (R8).

        Raises:
            StorageError: the disk refused: the brake is as it was before.
        """
        node, builder, core = self._node(), self._builder, self._core()
        had, wanted = builder.hold_ordered, holding.ordered(builder.settings, for_s)
        builder.hold_ordered = wanted
        core.add([StoreFile(holding.ORDERED, wanted)])
        core.add(node.set_mode(builder.mode, trio.current_time()))
        try:
            await core.kept()
        except StorageError as error:
            if builder.hold_ordered is wanted:  # else the next life has read already what there is
                builder.hold_ordered = had
            raise StorageError(f"the order was not kept: {error}") from None
        return Told()

    def _node(self) -> Node:
        node = self._core().node
        if not isinstance(node, Node):
            raise Refused("no-cluster", "the device is in no cluster now")
        return node
