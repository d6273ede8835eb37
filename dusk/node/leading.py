"""When this device leads, and when it leads no more (`specs/cycles.md`, sections 6 and 9).

The first of the succession asks shortly at its start and leads; the others watch, and take
over when nobody is heard. Whoever stands in hands back. Every start of leading is an epoch.
"""

from collections.abc import Callable

from dusk.changelog.body import Change
from dusk.changelog.log import Log
from dusk.cycle.datagrams import Opened
from dusk.cycle.station import Station
from dusk.cycle.takeover import (
    DEADLINE,
    DEPOSED,
    HANDED,
    LED,
    Action,
    Ask,
    Fetch,
    Heard,
    Moved,
    Placed,
    Takeover,
    Told,
    rank,
)
from dusk.effects import Address, Effect
from dusk.errors import Refused
from dusk.ids import DeviceId, Seq
from dusk.node.forks import Forks
from dusk.node.listening import Listening
from dusk.node.recovery import Recovery
from dusk.node.writing import Writing

HANDOVER_CYCLES = 3.0
HANDOVER_S_MIN = 1.0
"""So long a leader that handed over waits for the next epoch; then it opens that itself."""


class Leading:
    """One device's part in who leads.

    Args:
        station: this device in its cycle.
        log: the log.
        writing: writes it while this device leads.
        forks: what stands in other branches alone.
        recovery: whether the log is whole.
        listening: how the first of the succession starts.
        ask: asks all members who leads.
        fetch: catches up from an address.
        make_group_key: makes one where there is none.
        cycle_s: gives the length of a cycle.
    """

    def __init__(
        self,
        *,
        station: Station,
        log: Log,
        writing: Writing,
        forks: Forks,
        recovery: Recovery,
        listening: Listening,
        ask: Callable[[float], list[Effect]],
        fetch: Callable[[Address, float], list[Effect]],
        make_group_key: Callable[[], list[Effect]],
        cycle_s: Callable[[], float],
    ) -> None:
        self._station, self._log, self._writing, self._forks = station, log, writing, forks
        self._recovery, self._listening = recovery, listening
        self._ask, self._fetch, self._make_group_key, self._cycle_s = ask, fetch, make_group_key, cycle_s
        self._takeover = Takeover(cycle_s(), 0.0)
        self._heard_at: float | None = None
        self._handed_at: float | None = None
        self._is_copied = self._is_stopped = False

    @property
    def is_copied(self) -> bool:
        """Whether another run under this device's key leads: this one does no more."""
        return self._is_copied

    @property
    def _is_whole(self) -> bool:
        """Whether this device has all of the log that it knows of, and its key for itself."""
        return not (self._recovery.must_hear or self._is_copied or self._is_stopped)

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is wanted, monotonic seconds."""
        if self._writing.leader is not None:
            handover_at = None if self._handed_at is None else self._handed_at + self._handover_s
            times = (handover_at, self._seek_at)
            return min((at for at in times if at is not None), default=None)
        if self._listening.lead_at is not None:
            return self._listening.deadline
        return self._takeover.deadline

    @property
    def _seek_at(self) -> float | None:
        """When configured addresses are asked whether another leads there, and silent members are sought."""
        station = self._station
        times = (station.contacts.deadline(self._cycle_s()), station.whereabouts.deadline)
        return min((at for at in times if at is not None), default=None)

    @property
    def _handover_s(self) -> float:
        return max(HANDOVER_S_MIN, HANDOVER_CYCLES * self._cycle_s())

    @property
    def is_first(self) -> bool:
        """Whether this device leads if nobody else does."""
        return self._station.peers.own_place == 0 and self._log.may_lead(self._station.peers.own_id)

    # --- what happens ------------------------------------------------------------------------

    def begin(self, now: float, *, is_new: bool) -> list[Effect]:
        """Begin to watch, or to listen before leading."""
        self._takeover = Takeover(self._cycle_s(), now)
        self._takeover.handle(Moved(self._log.head.seq), now)
        self.placed(None, now)
        if not self.is_first or not self._is_whole:
            return []
        return self._listening.begin(now, is_new=is_new)

    def placed(self, master: DeviceId | None, now: float) -> None:
        """Note that the succession, the master, or the state of the log has changed."""
        peers = self._station.peers
        may = self._is_whole and self._log.may_lead(peers.own_id)
        self._takeover.cycle_s = self._cycle_s()
        if self._writing.leader is None:
            place = rank(peers.succession, peers.own_id, master) if may else None
            self._takeover.handle(Placed(place), now)

    def heard(self, fresh_at: float | None, now: float) -> list[Effect]:
        """Note when the newest fresh word of another leader came."""
        if fresh_at is None or fresh_at == self._heard_at:
            return []
        self._heard_at = fresh_at
        self._listening.lead_at = None  # somebody leads
        return self._act(Heard(), now)

    def told(self, opened: Opened, seq: Seq, now: float) -> list[Effect]:
        """Note what a member's PONG shows that it has."""
        assert opened.sender is not None, "a PONG is sealed pairwise"
        device = opened.sender.device_id
        self._listening.answered(device)
        acknowledges = self._station.peers.holder(device) is not None
        return self._act(Told(device, seq, opened.source, acknowledges), now)

    def deposed(self, now: float) -> list[Effect]:
        """Lead no more if the log says that another does.

        One with our own key is a copy of this device (A21): the newest to lead goes on, the other
        leads no more in this run.
        """
        log, own_id = self._log, self._station.peers.own_id
        if self._writing.leader is None or (log.leader, log.leader_boot) == (own_id, self._station.boot):
            return []
        self._is_copied = log.leader == own_id
        self._handed_at = None
        return self._resign(now)

    def _resign(self, now: float) -> list[Effect]:
        """Watch who leads, instead of leading."""
        self._takeover.handle(DEPOSED, now)
        effects = [] if self._writing.leader is None else self._writing.step_down(now)
        self.placed(self._log.leader, now)
        return effects

    def log_moved(self, now: float) -> list[Effect]:
        """Note a new head: an entry may hand the lead over to us."""
        log, own_id = self._log, self._station.peers.own_id
        if self._is_stopped:  # it went on, or over to another branch
            self._is_stopped = False
            self.placed(log.leader, now)
        effects = self._act(Moved(log.head.seq), now)
        if log.handed_over and log.leader != own_id and self.is_first and self._is_whole:
            effects += self._act_on(self._takeover.handle(HANDED, now), now)
        return effects

    def stop(self, now: float) -> list[Effect]:
        """Lead no more, for the log goes on with what this version cannot read (R13); owners may force it."""
        self._is_stopped, self._listening.lead_at, self._handed_at = True, None, None
        return self._resign(now)

    def whole_again(self, now: float) -> list[Effect]:
        """Go on where a damaged log has kept this device from leading."""
        self.placed(None, now)
        return self._listening.begin(now, was_behind=True) if self.is_first else []

    def tick(self, now: float) -> list[Effect]:
        """Do what is due."""
        if self._writing.leader is not None:
            is_due = self._seek_at is not None and now >= self._seek_at
            return self._hand_back(now) + (self._seek(now) if is_due else [])
        if self._listening.lead_at is not None:
            effects = self._listening.tick(now)
            return effects + self.lead(now) if self._listening.is_over(now) else effects
        if self._takeover.deadline is not None and now >= self._takeover.deadline:
            return self._act_on(self._takeover.handle(DEADLINE, now), now)
        return []

    def check_role(self, role: Change, now: float) -> None:
        """Refuse a role that owners force upon this device, and that it cannot take now.

        Raises:
            Refused: its log is not whole, or the role is worth nothing there.
        """
        if self._recovery.must_hear or self._is_copied:
            raise Refused("not-whole", "this device lacks a part of the log; it leads once it heard another")
        self._writing.check_role(role, now)

    def lead(self, now: float, *, epoch_above: int = 0, role: Change | None = None) -> list[Effect]:
        """Open an epoch, and write first what stands in branches alone that this device left.

        A device that owners have taken out of the succession meanwhile opens none, and leads no more.
        """
        self._handed_at = self._listening.lead_at = None
        if role is None and not self._log.may_lead(self._station.peers.own_id):
            return self._resign(now)
        self._takeover.handle(LED, now)
        self._forks.leads_anew()
        self._station.contacts.leads_anew()
        self._station.whereabouts.leads_anew(self._cycle_s(), now)
        epoch_above = max(epoch_above, self._forks.epoch)
        effects = self._make_group_key()
        effects += self._writing.lead(self._cycle_s(), now, epoch_above=epoch_above, role=role)
        self._writing.strand(self._forks.stranded(), now)
        return effects

    # --- inside ------------------------------------------------------------------------------

    def _act(self, event: Heard | Told | Moved, now: float) -> list[Effect]:
        return self._act_on(self._takeover.handle(event, now), now)

    def _act_on(self, actions: list[Action], now: float) -> list[Effect]:
        effects: list[Effect] = []
        for action in actions:
            match action:
                case Ask():
                    effects += self._ask(now)
                case Fetch(address):
                    effects += self._fetch(address, now)
                case _:  # it leads; the type checker knows
                    effects += self.lead(now)
        return effects

    def _seek(self, now: float) -> list[Effect]:
        """Ask at configured addresses who leads there; by a stream where datagrams got no answer."""
        effects, contacts = self._ask(now), self._station.contacts
        return effects + [e for address in contacts.unanswered for e in self._fetch(address, now)]

    def _is_passed_on(self) -> bool:
        """Tell whether another that may lead has all that this device wrote."""
        peers = self._station.peers
        others = (peers.holder(device) for device in peers.succession if device != peers.own_id)
        return any(other is not None and other.stored >= self._log.head.seq for other in others)

    def _hand_back(self, now: float) -> list[Effect]:
        """Hand over to the first of the succession once it is there for good; go on if it does not lead."""
        leader = self._writing.leader
        assert leader is not None, "only who leads hands over"
        if self._handed_at is not None:
            return self.lead(now) if now >= self._handed_at + self._handover_s else []
        if self._log.has_ended:  # it was retired, and writes no more: it hands over by its silence
            return self._resign(now) if self._is_passed_on() else []
        may = self._log.may_lead(self._station.peers.succession[0])  # not one that is frozen
        if self.is_first or not may or not leader.may_hand_back(now) or len(self._writing):
            return []
        self._handed_at = now
        return self._writing.hand_back(now)
