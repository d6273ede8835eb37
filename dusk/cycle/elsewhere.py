"""The members that the master's multicast does not reach, and how each is served.

A member says in its answer how a START came (`far_messages.Via`). Who got it alone is served
alone from then on: by a copy of each START, and of the DATA before it. Multicast is still sent to
all, so whoever is reached by it again says so, and is served so. Of several that name the same
device of their link as the one that repeats, that one gets the START as RELAY, repeats it there and
bundles the answers; nothing else goes to that link. It is believed nothing: it carries what the
master and the members sealed to each other, and can only drop it. Whose answers stay away
behind it gets copies again, for a growing number of STARTs; one that is silent itself, or behind
which nobody is heard, is passed over for a while.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import field

from dusk.cycle.datagrams import path_of
from dusk.cycle.far_messages import Via
from dusk.cycle.messages import Kind
from dusk.cycle.peers import Peer
from dusk.cycle.station import Station
from dusk.effects import Effect, SendDatagram
from dusk.ids import DeviceId
from dusk.lazy import dataclass

COPIES_MAX = 64
"""Copies of one START, those for relays included."""
DATA_COPIES_MAX = 120
"""Datagrams of DATA before one START that go to single members: others ask for what they lack."""
GIVEN_UP_MISSES = 20
"""A member silent for longer gets a copy only every tenth cycle."""
SPAN_MAX = 64
"""STARTs that come as copies behind a relay that failed a member, at most."""
PASSED_OVER_STARTS_MAX = 64
"""For so many STARTs at most a relay that failed all is not asked again: two at first, then doubled."""


@dataclass(slots=True)
class _Far:
    """A member that got a START alone.

    Attributes:
        repeater: whom it names as the one that repeats on its link.
        was_near: whether multicast reached it before, in this epoch.
        span: how many copies it got when it was last missed behind a relay.
        copies_left: how many of them are still to be sent.
    """

    repeater: DeviceId
    was_near: bool
    span: int = 0
    copies_left: int = 0


@dataclass(frozen=True, slots=True)
class Served:
    """How one START goes to members that multicast may not reach.

    Attributes:
        relays: who repeats it, and who hears it by that alone.
        alone: who gets a copy.
    """

    relays: dict[DeviceId, tuple[DeviceId, ...]] = field(default_factory=dict)
    alone: tuple[DeviceId, ...] = ()

    def relay_of(self, device: DeviceId) -> DeviceId | None:
        """Return who repeats it for a member, if anybody does."""
        return next((relay for relay, behind in self.relays.items() if device in behind), None)


class Elsewhere:
    """What the master of one epoch knows of how its STARTs come.

    Args:
        station: this device.
    """

    def __init__(self, station: Station) -> None:
        self._station = station
        self._near: set[DeviceId] = set()
        self._far: dict[DeviceId, _Far] = {}
        self._passed_over: dict[DeviceId, int] = {}
        """Relay → until which START."""
        self._failures: dict[DeviceId, int] = {}
        self._starts = 0

    # --- what members say --------------------------------------------------------------------

    def answered(self, peer: Peer, via: Via | None) -> None:
        """Take how a START came to a member."""
        device = peer.device_id
        if via is None:
            self._near.add(device)
            self._far.pop(device, None)
            return
        known = self._far.get(device)
        if known is None:
            self._far[device] = _Far(via.repeater, was_near=device in self._near)
            self._near.discard(device)
        else:
            known.repeater = via.repeater

    def judge(self, served: Served, answered: Collection[DeviceId]) -> None:
        """Note who behind a relay did not answer a START that was repeated for them."""
        for relay, behind in served.relays.items():
            self._judge_relay(relay, behind, answered)
            for device in behind:
                far = self._far.get(device)
                if far is not None:
                    far.span = 0 if device in answered else min(SPAN_MAX, 2 * far.span or 1)
                    far.copies_left = far.span

    def _judge_relay(
        self, relay: DeviceId, behind: Collection[DeviceId], answered: Collection[DeviceId]
    ) -> None:
        if relay in answered and any(device in answered for device in behind):
            self._failures.pop(relay, None)
        elif relay not in answered or behind:
            failures = self._failures[relay] = self._failures.get(relay, 0) + 1
            self._passed_over[relay] = self._starts + min(PASSED_OVER_STARTS_MAX, 2**failures)

    def is_far(self, peer: Peer) -> bool:
        """Tell whether multicast does not reach a member, by its word."""
        return peer.device_id in self._far

    @property
    def unreached(self) -> dict[DeviceId, bool]:
        """Return the members that multicast does not reach → whether it did before, for people."""
        return {device: far.was_near for device, far in self._far.items() if self._station.peers.get(device)}

    @property
    def ways(self) -> dict[DeviceId, DeviceId | None]:
        """Return how members hear the next START, for people.

        Returns:
            Those that multicast reaches → themselves; others that answered → who repeats for them, None for
            who gets a copy. Nothing of those that never answered.
        """
        behind = {device: relay for relay, group in self._groups() for device in self._behind(relay, group)}
        far = {device: behind.get(device) for device in self._far}
        known = {device: device for device in self._near} | far
        return {device: way for device, way in known.items() if device in self._station.peers}

    # --- who is served how -------------------------------------------------------------------

    def plan(self) -> Served:
        """Decide how the next START goes to those whom multicast may not reach."""
        self._starts += 1
        self._forget_removed()
        others = self._station.peers.others
        relays = {relay: tuple(self._behind(relay, group)) for relay, group in self._groups()}
        covered = {device for behind in relays.values() for device in behind}
        turn = self._starts * COPIES_MAX % len(others) if len(others) > COPIES_MAX else 0
        wanting = (p for p in (*others[turn:], *others[:turn]) if self._wants_copy(p))
        alone = [p.device_id for p in wanting if p.device_id not in covered and p.device_id not in relays]
        alone = alone[: max(0, COPIES_MAX - len(relays))]
        for device in alone:
            if device in self._far:
                self._far[device].copies_left = max(0, self._far[device].copies_left - 1)
        return Served(relays, tuple(alone))

    def _forget_removed(self) -> None:
        """Keep nothing of who is no member any more; who comes back is met anew."""
        for known in (self._far, self._passed_over, self._failures):
            for device in [device for device in known if device not in self._station.peers]:
                del known[device]
        self._near = {device for device in self._near if device in self._station.peers}

    def _wants_copy(self, peer: Peer) -> bool:
        is_unsure = peer.device_id not in self._near or peer.missed > 0
        is_due = peer.missed <= GIVEN_UP_MISSES or not (self._starts + peer.index) % 10
        return peer.address is not None and is_unsure and is_due

    def _groups(self) -> list[tuple[DeviceId, list[DeviceId]]]:
        """Return who relays for whom, at most so many: of those that share a link, as they say."""
        groups: dict[DeviceId, list[DeviceId]] = {}
        for device, far in sorted(self._far.items()):
            peer = self._station.peers.get(device)
            if peer is not None and peer.missed <= GIVEN_UP_MISSES:
                groups.setdefault(far.repeater, []).append(device)
        found = ((self._relay(named, group), group) for named, group in groups.items())
        return [(relay, group) for relay, group in found if relay is not None][:COPIES_MAX]

    def _relay(self, named: DeviceId, group: Sequence[DeviceId]) -> DeviceId | None:
        """Return the named device if it can relay for others, else the lowest other of that link."""
        able = [device for device in (named, *group) if self._can_relay(device)]
        return able[0] if able and any(device != able[0] for device in group) else None

    def _can_relay(self, device: DeviceId) -> bool:
        peer = self._station.peers.get(device)
        is_there = peer is not None and peer.path.is_proven and peer.missed == 0
        return is_there and device in self._far and self._passed_over.get(device, 0) <= self._starts

    def _behind(self, relay: DeviceId, group: Iterable[DeviceId]) -> Iterable[DeviceId]:
        """Return those that get nothing but what is repeated."""
        for device in group:
            peer = self._station.peers.get(device)
            is_well = peer is not None and peer.missed == 0 and self._far[device].copies_left == 0
            if device != relay and is_well and self._far[device].repeater == relay:
                yield device

    # --- sending -----------------------------------------------------------------------------

    def send(self, served: Served, start: bytes, data: Sequence[bytes]) -> list[Effect]:
        """Send a START, behind its DATA, as it was decided.

        Args:
            served: to whom, and how.
            start: its plaintext.
            data: sealed pieces of DATA that go before it.
        """
        left = DATA_COPIES_MAX
        effects: list[Effect] = []
        for device in (*served.relays, *served.alone):
            peer = self._station.peers.get(device)
            if peer is None:
                continue
            is_known = device in self._far and peer.path.is_proven
            pieces = data if is_known and len(data) <= left else ()
            left -= len(pieces)
            effects += self.give(peer, pieces)
            effects += self.start_to(peer, start, is_relay=device in served.relays)
        return effects

    def start_to(self, peer: Peer, start: bytes, *, is_relay: bool) -> list[Effect]:
        """Send a START to one member: each copy has a nonce of its own, which the answer names."""
        channel = self._station.channel
        sealed = (
            channel.seal_to(peer, Kind.RELAY, start) if is_relay else channel.seal_group(Kind.START, start)
        )
        effects = self.give(peer, (sealed,))
        if effects:
            peer.path.sent(path_of(sealed))
        return effects

    def give(self, peer: Peer, datagrams: Iterable[bytes]) -> list[Effect]:
        """Send to one member where it was heard, never more than came from there until that is proven."""
        address = peer.path.address
        if address is None:
            return []
        return [SendDatagram(one, address) for one in datagrams if peer.path.spend(len(one))]

    def doors(self, served: Served, peers: Iterable[Peer]) -> list[tuple[Peer, bool]]:
        """Return to whom to send what some far members lack: themselves, or who repeats for them.

        Returns:
            Each once, and whether it repeats.
        """
        found: dict[DeviceId, bool] = {}
        for peer in peers:
            relay = served.relay_of(peer.device_id)
            found[relay or peer.device_id] = relay is not None or peer.device_id in served.relays
        doors = ((self._station.peers.get(device), is_relay) for device, is_relay in found.items())
        return [(peer, is_relay) for peer, is_relay in doors if peer is not None][:COPIES_MAX]
