"""How a router that is in no cluster gets into one: by a join key, by a person's hand, or by making one."""

import os
from pathlib import Path

import trio

from dusk.changelog import genesis
from dusk.changelog.body import Change
from dusk.control.desk import Founding, Json
from dusk.daemon.builder import Builder, Idle
from dusk.daemon.core import Core
from dusk.daemon.founding import check_free, make
from dusk.daemon.sessions import Sessions
from dusk.daemon.tickets import Ticket, Tickets
from dusk.effects import Append, Restart, StoreFile
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ClusterId, PublicKey
from dusk.keys.joinkey import parse_join_line
from dusk.membership.joiner import JOINING_FILE
from dusk.membership.names import decide_name
from dusk.node import Node


class Entering:
    """Takes this device into a cluster.

    Args:
        core: the loop, with what lives in it.
        builder: has this device's key and names.
        sessions: seals the first owner's key.
        tickets: work under way.
        root: the folder that all paths are below.
    """

    def __init__(
        self, core: Core, builder: Builder, sessions: Sessions, tickets: Tickets, root: Path
    ) -> None:
        self._core, self._builder, self._sessions, self._tickets = core, builder, sessions, tickets
        self._root = root
        self._is_founding = False

    def join(self, line: str) -> None:
        """Start to join with a join key's line; one who is joining takes the new key for the old one."""
        try:
            key = parse_join_line(line)
        except UntrustedInput as error:
            raise Refused("bad-join-key", str(error)) from None
        resident = self._core.node
        if isinstance(resident, Node):
            raise Refused(
                "in-cluster", f"this device is a member of {resident.peers.cluster.hex()[:12]} already"
            )
        if resident is None:
            raise self._trouble()
        self._core.add([StoreFile(JOINING_FILE, key.line().encode()), Restart("a join key came")])

    def request(self, cluster: ClusterId) -> Change:
        """Return this device's own request to be let in by a person."""
        return self._outsider().request(cluster)

    def new_phrase(self) -> str:
        """Return a recovery phrase for a cluster that is to be made here; it is not kept.

        Raises:
            Refused: this device is in a cluster, on its way into one, or has what is left of one.
        """
        from dusk.keys.phrase import ENTROPY_BYTES, phrase_from_entropy

        self._check_outside()
        return phrase_from_entropy(os.urandom(ENTROPY_BYTES))

    def found(self, wanted: Founding) -> str:
        """Make a cluster with this device as its first, and return the ticket, as of `Desk.found`.

        Raises:
            Refused: as `new_phrase`; ``bad-phrase``; or ``busy``: one is being made.
        """
        from dusk.keys.phrase import recovery_key

        self._check_outside()
        if self._is_founding:
            raise Refused("busy", "a cluster is being made here already; look again in a moment")
        recovery = recovery_key(wanted.phrase).public

        async def work(_ticket: Ticket) -> Json:
            try:
                return await self._make(wanted, recovery)
            finally:
                self._is_founding = False

        ticket = self._tickets.start(work)
        self._is_founding = True
        return ticket

    def _check_outside(self) -> None:
        self._outsider()
        check_free(self._root)

    async def _make(self, wanted: Founding, recovery: PublicKey) -> Json:
        """Seal the owner's key; then the core writes all, the log last, and starts anew as a member."""
        owner, sealed = await self._sessions.seal(wanted.user, wanted.password, None)
        self._check_outside()  # a join key may have come meanwhile
        made = make(
            genesis.Founding(
                name=wanted.cluster,
                user=wanted.user,
                owner=owner,
                sealed=sealed,
                device=self._builder.key,
                device_name=decide_name(self._builder.wanted, "", ()),
                label=self._builder.label,
                recovery=recovery,
                cycle_ms=wanted.cycle_ms,
                auto_backup=wanted.auto_backup,
            )
        )
        files = [StoreFile(name, content) for name, content in made.files]
        self._core.add([*files, Append(made.items), Restart("a cluster was made here")])
        await trio.lowlevel.checkpoint()
        await self._core.quiet()
        if not isinstance(self._core.node, Node):
            raise self._trouble()
        return {"cluster": made.cluster, "device": made.device, "name": made.name, "user": wanted.user}

    def _outsider(self) -> Idle:
        resident = self._core.node
        if resident is None:
            raise self._trouble()
        if not isinstance(resident, Idle):
            raise Refused("in-cluster", "this device is in a cluster, or on its way into one, already")
        return resident

    def _trouble(self) -> Refused:
        return Refused("trouble", self._core.trouble or "the daemon is starting")
