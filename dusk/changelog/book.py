"""What a log says of itself, and what it is made of; who changes it is `log.py`."""

from dusk.changelog.certificate import Certificate
from dusk.changelog.entry import APPLIED, Outcome, SignedHead
from dusk.changelog.ground import Ground
from dusk.changelog.judging import Judging
from dusk.changelog.milestones import Milestones
from dusk.changelog.settling import Lacking, Settling
from dusk.changelog.trail import Trail
from dusk.effects import LogItem
from dusk.ids import BootId, ChainHash, ChangeId, ClusterId, DeviceId, Head, Named, PublicKey, Seq
from dusk.keys.signing import VerifyAhead, verified_of


class Book:
    """A log as others read it.

    Args:
        cluster: the cluster's id; None only for who makes a genesis or reads a log of its own
            disk whose id it takes from there.
        verify_ahead: verifies many signatures at once, before the entries are judged one by
            one; what it leaves out is verified then.
        ground: what it stands on, which nobody else uses; None for an empty log.
    """

    def __init__(
        self,
        cluster: ClusterId | None,
        verify_ahead: VerifyAhead = verified_of,
        ground: Ground | None = None,
    ) -> None:
        self._verify_ahead = verify_ahead
        self.ground = ground = Ground() if ground is None else ground
        """What it is made of; its floor is what it stands on."""
        self.state = ground.state
        self.head: Head = ground.history.head
        self.newest: SignedHead | None = None
        self.leader: DeviceId | None = ground.history.leader
        """Who opened the epoch of the head."""
        self._expected = cluster
        self._cluster = cluster if ground.cluster is None else ground.cluster
        self._history = ground.history
        self._positions = ground.positions
        self._not_applied = ground.not_applied
        self._trail = Trail()
        self._judging = Judging(self.state, self._history, self._positions)
        self._milestones = Milestones(self.state, self._history, self._not_applied, ground.terms)
        self._settling = Settling(self.state, self._history, ground.terms, ground.floor)

    @property
    def cluster(self) -> ClusterId | None:
        """The cluster's id, None while it is not known."""
        return self._cluster

    def chain_at(self, seq: int) -> ChainHash | None:
        """Return the chain hash at a position that we hold."""
        return self._history.chain_at(seq)

    def head_at(self, seq: int) -> Head | None:
        """Return the head that the log had when its entry ``seq`` was the newest."""
        return self._history.head_at(seq)

    def named(self, seq: int) -> Named | None:
        """Return an entry as a join key names it, for example; None where it is not held."""
        return self._history.named(seq)

    def has(self, named: Named) -> bool:
        """Tell whether an entry is held that somebody knows, and with the owners that he knows there."""
        return self.named(named.seq) == named

    def writer_at(self, seq: int) -> DeviceId | None:
        """Return who led the epoch of an entry that we hold."""
        return self._history.writer_at(seq)

    def position_of(self, change: ChangeId) -> Seq | None:
        """Return where a change stands in the log."""
        return self._positions.get(change)

    def newest_change(self) -> tuple[ChangeId, Seq] | None:
        """Return the change of the newest entry that has one, and its position."""
        return next(reversed(self._positions.items()), None)

    def outcome_of(self, change: ChangeId) -> Outcome:
        """Return what became of a change that stands in the log."""
        assert change in self._positions
        return self._not_applied.get(change, APPLIED)

    @property
    def not_applied(self) -> tuple[ChangeId, ...]:
        """The changes that stand in the log without effect, in order."""
        return tuple(self._not_applied)

    def device_key(self, device: DeviceId) -> PublicKey | None:
        """Return an active member's key."""
        return self._judging.device_key(device)

    def may_lead(self, device: DeviceId) -> bool:
        """Tell whether a device may open an epoch: an active member in the succession, not frozen."""
        return self._judging.may_lead(device)

    @property
    def leader_boot(self) -> BootId | None:
        """In which run of its device the epoch of the head was opened."""
        return self._history.boot

    @property
    def handed_over(self) -> bool:
        """Whether the leader handed over with the newest entry: nothing but an `open` follows."""
        return self._history.handed_over

    @property
    def has_ended(self) -> bool:
        """Whether the epoch of the head goes on no more: its leader handed over, or was retired (A25)."""
        return self.handed_over or (self.leader is not None and self.device_key(self.leader) is None)

    @property
    def settled(self) -> Seq:
        """Up to where all holders that have a say have the log on their disks; never falls by itself."""
        return self._settling.settled

    @property
    def certified(self) -> Certificate | None:
        """The newest certificate that was taken; None where heads of a single holder settle."""
        return self._settling.certified

    def certificates_above(self, settled: int) -> tuple[Certificate, ...]:
        """Return the certificates that settle this log for who has settled no more than this, in order."""
        return self._settling.above(settled)

    def certificates_before(self, seq: int) -> tuple[Certificate, ...]:
        """Return the certificates that are here about entries before one, in order.

        Of those below a checkpoint too: who holds these entries may stand on an older one, and have
        settled less.
        """
        return self._settling.before(seq)

    def required_at(self, seq: int, since: int | None = None) -> frozenset[DeviceId]:
        """Return who must acknowledge entry ``seq``, for one that has settled ``since`` (None: us)."""
        return self._settling.required(seq) if since is None else self._settling.terms.required(seq, since)

    @property
    def lacking(self) -> Lacking | None:
        """What is settled elsewhere, and not here, for want of signatures that are gone; None for nothing."""
        return self._settling.lacking

    @property
    def floor(self) -> Seq:
        """The checkpoint that it stands on: of what is below, little is kept; 0 for the first entry."""
        return self.ground.floor

    @property
    def checkpoint(self) -> Seq:
        """The newest checkpoint that is final; 0 for none. What is below it is needed no more."""
        return self._milestones.in_force(self.settled).seq

    def reaches(self, seq: int) -> bool:
        """Tell whether all entries behind a position can be taken back."""
        return seq >= self.ground.floor and self._trail.reaches(seq)

    def kept_behind(self, seq: int) -> tuple[LogItem, ...] | None:
        """Return entries and heads behind a position; None where some are not at hand."""
        if not self.reaches(seq):
            return None
        return tuple(item for kept in self._trail.behind(seq) for item in kept.items)
