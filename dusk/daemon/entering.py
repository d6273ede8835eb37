"""How a router that is in no cluster gets into one: by a join key, by a person's hand, or by making one."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio

from dusk.changelog import genesis
from dusk.changelog.body import Change
from dusk.control.desk import Founding, Json
from dusk.daemon import cancelling
from dusk.daemon.builder import Builder, Idle
from dusk.daemon.core import Core
from dusk.daemon.founding import NODE, check_free, make
from dusk.daemon.sessions import Sessions
from dusk.daemon.tickets import Ticket, Tickets
from dusk.effects import Append, Effect, Restart, StoreFile
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ClusterId, DeviceId, PublicKey
from dusk.keys.joinkey import parse_join_line
from dusk.membership.joiner import JOINING_FILE, Joiner
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
        remove_line: has the helper remove root's ``etc/dusk/join``.
    """

    def __init__(
        self,
        core: Core,
        builder: Builder,
        sessions: Sessions,
        tickets: Tickets,
        root: Path,
        *,
        remove_line: Callable[[], Awaitable[None]],
    ) -> None:
        self._core, self._builder, self._sessions, self._tickets = core, builder, sessions, tickets
        self._root, self._remove_line = root, remove_line
        self._under_way = ""
        """What takes some time here, in words: one thing at a time, for two would mix what they write."""

    def join(self, line: str) -> None:
        """Start to join with a join key's line; one who is joining takes the new key for the old one.

        What was fetched from another cluster goes. It is on the disk once `Core.kept` says so.

        Raises:
            Refused: ``bad-join-key``, ``in-cluster``, ``busy``, or there is trouble.
            StorageError: the disk has no room; nothing was tried.
        """
        try:
            key = parse_join_line(line)
        except UntrustedInput as error:
            raise Refused("bad-join-key", str(error)) from None
        resident = self._core.node
        if isinstance(resident, Node):
            raise in_cluster(resident)
        if resident is None:
            raise self._trouble()
        self._check_alone()
        data, effects = key.line().encode(), list[Effect]()
        self._check_room(data)
        if isinstance(resident, Joiner) and resident.cluster_id != key.cluster_id:
            effects += cancelling.fetched(self._root / NODE, self._own)
        self._core.add([*effects, StoreFile(JOINING_FILE, data), Restart("a join key came")])

    def cancel(self) -> str:
        """Take a join back, and return the ticket, as of `Desk.cancel_join`.

        Raises:
            Refused: ``in-cluster``, ``not-joining``, ``busy``, or there is trouble.
        """
        self._check_joining()
        return self._alone("a join is being taken back here", self._cancel)

    async def _cancel(self) -> Json:
        """Remove root's line first: killed behind that, this router still joins by its own copy."""
        if cancelling.is_typed(self._root):
            await self._remove_line()
        self._builder.join_line = None
        await self._core.quiet()
        self._check_joining()  # it may have become a member meanwhile
        self._core.add([*cancelling.undone(self._root / NODE, self._own), Restart("the join was taken back")])
        await self._core.kept()
        return {}

    @property
    def _own(self) -> DeviceId:
        return DeviceId(self._builder.key.key_id)

    def _check_joining(self) -> None:
        resident = self._core.node
        if resident is None:
            raise self._trouble()
        if isinstance(resident, Node):
            raise cancelling.is_member()
        if not isinstance(resident, Joiner) and not cancelling.is_begun(self._root):
            raise cancelling.not_begun()

    def _check_room(self, data: bytes) -> None:
        storage = self._core.storage
        assert storage is not None, "there is a resident"
        storage.files.check_room(len(data))

    def _check_alone(self) -> None:
        if self._under_way:
            raise Refused("busy", f"{self._under_way}; look again in a moment")

    def _alone(self, what: str, work: Callable[[], Awaitable[Json]]) -> str:
        """Begin work that keeps others of its kind away until it has ended; return its ticket."""
        self._check_alone()

        async def run(_ticket: Ticket) -> Json:
            try:
                return await work()
            finally:
                self._under_way = ""

        ticket = self._tickets.start(run)
        self._under_way = what
        return ticket

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
        recovery = recovery_key(wanted.phrase).public
        return self._alone("a cluster is being made here already", lambda: self._make(wanted, recovery))

    def _check_outside(self) -> None:
        self._outsider()
        check_free(self._root)

    async def _make(self, wanted: Founding, recovery: PublicKey) -> Json:
        """Seal the owner's key; then the core writes all, the log last, and starts anew as a member."""
        owner, sealed = await self._sessions.seal(wanted.user, wanted.password, None)
        await self._core.quiet()
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
        await self._core.kept()
        await self._core.quiet()
        if not isinstance(self._core.node, Node):
            raise self._trouble()
        return {"cluster": made.cluster, "device": made.device, "name": made.name, "user": wanted.user}

    def _outsider(self) -> Idle:
        resident = self._core.node
        if resident is None:
            raise self._trouble()
        if isinstance(resident, Joiner):
            raise Refused(
                "joining", "this device is on its way into a cluster: `dusk join --cancel` takes that back"
            )
        if not isinstance(resident, Idle):
            raise Refused("in-cluster", "this device is in a cluster already")
        return resident

    def _trouble(self) -> Refused:
        return Refused("trouble", self._core.trouble or "the daemon is starting")


def in_cluster(node: Node) -> Refused:
    """Return why a member cannot join, and what it does first if it was removed."""
    which = node.peers.cluster.hex()[:12]
    if node.is_removed(trio.current_time()):
        return Refused(
            "in-cluster",
            f"this device was removed from {which}, and has still what it had of it: `dusk leave --yes` ends"
            " that, then it can join",
        )
    return Refused("in-cluster", f"this device is a member of {which} already")
