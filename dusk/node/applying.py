"""When this device's apply starts, and what confirms it."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Protocol

from dusk.apply.driver import Driver
from dusk.apply.windows import Windows
from dusk.cycle.peers import Peers
from dusk.effects import Effect
from dusk.ids import DeviceId, Seq
from dusk.limits import SLICE_MEMBERS_MAX
from dusk.node.switching import delay_s
from dusk.node.turn import Turn

LOOK_S = 0.5
"""Between two looks at the others while it waits for them."""
LOOK_SLICED_S = 0.1
"""The same among more than a slice, whose answers come by the hundred."""
SLICE_WAIT_S = 3.0
"""For so long all of a slice are waited for, then nine in ten of whichever is asked."""
GATHER_S = 0.1
"""From a new target to its start: the entry reaches the others first, and what comes at once is one apply."""


class Around(Protocol):
    """What an apply needs to know of the cluster; the node is one."""

    peers: Peers

    @property
    def leads(self) -> bool:
        """Whether this device writes the log."""

    @property
    def master(self) -> DeviceId | None:
        """Who does."""

    def online(self, now: float) -> set[DeviceId]:
        """Return the members that are there."""

    def contact_since(self, moment: float) -> bool:
        """Tell whether a signed peer was heard after a moment."""

    def answered_since(self, moment: float) -> bool:
        """Tell whether a signed peer has answered what this device sent after a moment."""

    @property
    def switching(self) -> bool:
        """Whether this device was told to switch together with others, which most have not yet."""

    def may_keep(self, seq: Seq) -> bool:
        """Tell whether it may keep a position that it has applied: most of those that switch have to."""

    def counts_for(self, device: DeviceId) -> Seq:
        """Return up to where the log counts for a member."""

    def asked_now(self) -> AbstractSet[DeviceId]:
        """Return the members that the newest START asks."""

    def confirm(self, now: float, within_s: float) -> list[Effect]:
        """Ask for an answer within so many seconds; one of more than a slice asks at a moment by chance."""

    def ask_reports(self, now: float) -> list[Effect]:
        """Ask the master for everybody's status, now and then."""


class Applying:
    """Starts the apply machine when it may, and tells it of contact.

    Args:
        driver: the apply machine with its target.
        around: the node.
        cycle_s: gives the length of a cycle, seconds.
        windows: say how long the leader and the backup wait for the others, and an apply for an answer.
    """

    def __init__(
        self, driver: Driver, around: Around, cycle_s: Callable[[], float], windows: Windows
    ) -> None:
        self._driver, self._around, self._cycle_s = driver, around, cycle_s
        self._turn, self._windows = Turn(windows.patience), windows
        self._look_at: float | None = None
        self._start_at: float | None = None
        self._told_at: float | None = None
        self._asked_for: float | None = None
        self._began_at: float | None = None
        self._sampled = 0
        self._online_at = self._looked_at = float("-inf")
        self._there: set[DeviceId] = set()

    @property
    def deadline(self) -> float | None:
        """When ``step`` is wanted in any case."""
        return self._look_at

    def step(self, now: float) -> list[Effect]:
        """Start what may start, and confirm what was applied."""
        driver, around = self._driver, self._around
        effects: list[Effect] = []
        self._look_at = None
        # The others may be gone to where this device is to follow them.
        is_heard = around.switching or around.contact_since(now - 1.5 * self._cycle_s())
        if self._is_gathered(now) and is_heard:
            effects += self._start(now)
        if driver.may_stage:
            effects += driver.stage(now)
        since = driver.contact_wanted_since
        if since is not None and self._is_confirmed(since):
            effects += driver.contact(now)
        elif since is not None and since != self._asked_for:
            self._asked_for = since
            if self._is_sliced or not around.leads:  # few are heard at the next START anyway
                effects += around.confirm(now, self._windows.of({}))
        return effects

    def _is_confirmed(self, since: float) -> bool:
        """Tell whether a peer has answered what was sent since the reload."""
        around = self._around
        if self._driver.is_applied and not around.may_keep(self._driver.tried):
            return False
        return around.answered_since(since)

    def _is_gathered(self, now: float) -> bool:
        """Tell whether a target waits, and has waited long enough for what comes right behind it."""
        if not self._driver.waiting:
            self._start_at = None
            return False
        if self._start_at is None:
            self._start_at = now + GATHER_S
        start_at = max(self._start_at, self._switch_at(now))
        if now < start_at:
            self._look_at = start_at
            return False
        return True

    def _switch_at(self, now: float) -> float:
        """Return when this device follows the word to switch together, which is to reach all first."""
        if not self._around.switching:
            self._told_at = None
            return now
        self._told_at = now if self._told_at is None else self._told_at
        return self._told_at + delay_s(self._cycle_s())

    def _start(self, now: float) -> list[Effect]:
        if self._around.switching:  # nobody goes last
            return list(self._driver.start(now, is_shared=True))
        if self._is_sliced and now < self._looked_at + LOOK_SLICED_S:
            self._look_at = self._looked_at + LOOK_SLICED_S
            return []
        self._looked_at = now
        if not self._goes_last() or self._turn.has_come(
            (self._driver.asked, self._sample()),
            lambda: self._before(now),
            lambda device: self._is_done(device, now),
            now,
            self._spare(now),
        ):
            self._began_at = None
            return list(self._driver.start(now))
        self._look_at = min(self._turn.deadline or now, now + LOOK_S)
        return self._around.ask_reports(now)

    def _goes_last(self) -> bool:
        """Tell whether others go before this device: it leads, or would lead next."""
        around = self._around
        backups = [device for device in around.peers.succession if device != around.master]
        return around.leads or backups[:1] == [around.peers.own_id]

    def _sample(self) -> AbstractSet[DeviceId]:
        """Return whom to wait for if not all: of more than a slice those that the newest START asks.

        The others tell of their applies only when it is their turn, and a slice of all members
        shows as well what a change does to them.
        """
        return self._around.asked_now() if self._is_sliced else frozenset()

    def _before(self, now: float) -> set[DeviceId]:
        """Return who goes before this device and is there."""
        around = self._around
        self._online_at = float("-inf")
        there = self._online(now) - {around.peers.own_id, around.master}
        there = there & self._sample() if self._is_sliced else there
        self._sampled = len(there)
        return there

    def _spare(self, now: float) -> int:
        """Return how many need not be done: of a slice a tenth after a while, as answers get lost."""
        if not self._is_sliced:
            return 0
        self._began_at = now if self._began_at is None else self._began_at
        if not self._sampled:
            return -1
        return self._sampled // 10 if now - self._began_at >= SLICE_WAIT_S else 0

    def _online(self, now: float) -> set[DeviceId]:
        """Return who is there, as of less than ``LOOK_S`` ago: answers come by the hundred meanwhile."""
        if now - self._online_at >= LOOK_S:
            self._online_at, self._there = now, self._around.online(now)
        return self._there

    @property
    def _is_sliced(self) -> bool:
        return self._around.peers.count > SLICE_MEMBERS_MAX

    def _is_done(self, device: DeviceId, now: float) -> bool:
        """Tell whether a device has dealt with what is asked, or cannot: it is gone without it."""
        peer, asked = self._around.peers.get(device), self._driver.asked
        if peer is None or device == self._around.master:  # it leads by now, and goes last: it waits for us
            return True
        if self._around.counts_for(device) < asked:  # a rollout has not reached it
            return True
        if peer.status is not None and peer.status.is_done(asked):
            return True
        is_gone = peer.missed > 0 or device not in self._online(now)
        return is_gone and peer.holds < asked
