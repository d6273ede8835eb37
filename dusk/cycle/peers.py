"""The other members: where they were heard from, what they hold, the keys shared with them.

At most one object per device and run; it is kept while the device is a member, so that nothing heard
is lost when the list changes. Sorting, indices and keys are made on such a change, or once
when first needed, never per datagram (P7).
"""

from collections.abc import Mapping, Sequence
from dataclasses import field

from dusk.changelog import views
from dusk.changelog.state import State
from dusk.changelog.views import Member
from dusk.cycle.paths import Path
from dusk.cycle.status import Status
from dusk.effects import Address
from dusk.ids import BootId, ClusterId, DeviceId, PublicKey, Seq
from dusk.keys.box import pairwise_key
from dusk.keys.signing import SigningKey
from dusk.lazy import dataclass

FAMILY_4, FAMILY_6 = 4, 6
NOWHERE = Seq(0)


def family_of(address: Address) -> int:
    """Return 6 for an address with colons, else 4."""
    return FAMILY_6 if ":" in address.host else FAMILY_4


def same_place(one: Address | None, other: Address | None) -> bool:
    """Tell whether two addresses are one host, whatever the port."""
    return one is not None and other is not None and one.host == other.host


@dataclass(frozen=True, slots=True)
class Hearsay:
    """What the master says of a member, unsigned: for people to see, and nothing rests on it.

    Attributes:
        stored: the highest position that the member reported.
        health: its figures, as sent.
        heard_at: when the master heard it last, on our clock; None: not in its run.
    """

    stored: Seq
    health: bytes | None
    heard_at: float | None


@dataclass(slots=True)
class Peer:
    """What this run has heard of one other member.

    Attributes:
        device_id: who.
        public: its Ed25519 key.
        index: its place among all members sorted by id: its bit and slot.
        address: where its newest authentic answer came from.
        heard_at: when that was, monotonic seconds; None: not in this run.
        boot: its run, from its answers.
        former_boot: the one before; if it comes back, two devices share a key (A21).
        stored: highest position it reported that is in our log, by the same chain hash.
        settled: highest position that it knows to be settled.
        answered: (epoch, cycle, position, question) of its newest answer; older ones are replays (A12).
        missed: STARTs in a row that it did not answer.
        path: where that is, and whether what is sent there arrives.
        pong_at: when it last got a PONG.
        status, status_bytes: its newest signed status, verified.
        health: its unsigned figures, as sent.
        hearsay: what the master said of it, where we are not the master.
    """

    device_id: DeviceId
    public: PublicKey
    index: int
    address: Address | None = None
    heard_at: float | None = None
    boot: BootId | None = None
    former_boot: BootId | None = None
    stored: Seq = NOWHERE
    settled: Seq = NOWHERE
    answered: tuple[int, int, int, int] = (0, 0, 0, 0)
    missed: int = 0
    path: Path = field(default_factory=Path)
    pong_at: float = float("-inf")
    status: Status | None = None
    status_bytes: bytes = b""
    health: bytes | None = None
    hearsay: Hearsay | None = None
    shared_key: bytes | None = field(default=None, repr=False)

    @property
    def holds(self) -> Seq:
        """The highest position that it is said to have."""
        return self.stored if self.hearsay is None else max(self.stored, self.hearsay.stored)


@dataclass(frozen=True, slots=True)
class Roster:
    """The members as the log has them; whoever reads the same state shares one, as it is never changed.

    Attributes:
        members: sorted by id.
        index: id → its place among them.
        succession: who may lead, in order.
    """

    members: tuple[Member, ...]
    index: Mapping[DeviceId, int]
    succession: tuple[DeviceId, ...]


def roster(members: Sequence[Member], succession: Sequence[DeviceId]) -> Roster:
    """Return the roster of members that are sorted by id."""
    index = {member.device_id: place for place, member in enumerate(members)}
    return Roster(tuple(members), index, tuple(succession))


def roster_of(state: State) -> Roster:
    """Return the roster that a state makes, worked out once."""
    found: Roster | None = state.of_members.get("roster")
    if found is None:
        found = state.of_members["roster"] = roster(views.members(state), views.succession(state))
    return found


class Peers:
    """The members, this device left out.

    What is kept of a member is made when something of it is first needed: a device that follows
    deals with few others, however many there are (P6).

    Args:
        own: this device's key.
        cluster: the cluster's id.
    """

    def __init__(self, own: SigningKey, cluster: ClusterId) -> None:
        self.own = own
        self.own_id = DeviceId(own.key_id)
        self.cluster = cluster
        self.roster = roster((), ())
        """All members, this device included, as the log has them."""
        self.succession: tuple[DeviceId, ...] = ()
        self.count = 0
        """Members, this device included."""
        self.own_index: int | None = None
        """None: this device is no member."""
        self.own_place: int | None = None
        """This device's place in the succession."""
        self._known: dict[DeviceId, Peer] = {}
        self._others: tuple[Peer, ...] | None = None

    def take(self, now: Roster) -> None:
        """Take the members as the log has them now; whoever left, or has another key, is forgotten."""
        known, self._known, self._others = self._known, {}, None
        for device, peer in known.items():
            index = now.index.get(device)
            if index is not None and now.members[index].public == peer.public:
                peer.index = index
                self._known[device] = peer
        self.roster, self.succession = now, now.succession
        self.count, self.own_index = len(now.members), now.index.get(self.own_id)
        self.own_place = self.succession.index(self.own_id) if self.own_id in self.succession else None

    @property
    def others(self) -> tuple[Peer, ...]:
        """Return all other members, by index: for who leads and who shows them; a datagram needs one."""
        if self._others is None:
            found = (self.get(member.device_id) for member in self.roster.members)
            self._others = tuple(peer for peer in found if peer is not None)
        return self._others

    def __contains__(self, device: DeviceId) -> bool:
        """Tell whether that is another active member."""
        return device in self.roster.index and device != self.own_id

    def get(self, device: DeviceId) -> Peer | None:
        """Return another active member; None for strangers, removed devices and ourselves."""
        peer = self._known.get(device)
        if peer is None and device in self:
            index = self.roster.index[device]
            peer = self._known[device] = Peer(device, self.roster.members[index].public, index)
        return peer

    def between(self, places: range) -> frozenset[DeviceId]:
        """Return the members at some places among all."""
        return frozenset(member.device_id for member in self.roster.members[places.start : places.stop])

    def holder(self, device: DeviceId) -> Peer | None:
        """Return another member that may lead (A11: nobody else's START counts)."""
        return self.get(device) if device in self.succession else None

    def holders(self) -> list[Peer]:
        """Return the other members that may lead, in the order of the succession."""
        found = map(self.get, self.succession)
        return [peer for peer in found if peer is not None]

    def key_with(self, peer: Peer) -> bytes:
        """Return the key shared with a member, computed once.

        Raises:
            UntrustedInput: its public key is not acceptable (A16).
        """
        if peer.shared_key is None:
            peer.shared_key = pairwise_key(self.own, peer.public, self.cluster)
        return peer.shared_key
