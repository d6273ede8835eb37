"""When this device's apply starts, and what confirms it."""

from collections.abc import Callable
from functools import cache
from typing import Protocol

from dusk.apply.driver import Driver
from dusk.cycle.peers import Peers
from dusk.effects import Effect
from dusk.ids import DeviceId
from dusk.node.turn import Turn

LOOK_S = 0.5
"""Between two looks at the others while it waits for them."""
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

    def confirm(self, now: float) -> list[Effect]:
        """Ask for a sign of life."""

    def ask_reports(self, now: float) -> list[Effect]:
        """Ask the master for everybody's status, now and then."""


class Applying:
    """Starts the apply machine when it may, and tells it of contact.

    Args:
        driver: the apply machine with its target.
        around: the node.
        cycle_s: gives the length of a cycle, seconds.
        window_s: how long the leader and the backup wait for the others at most.
    """

    def __init__(self, driver: Driver, around: Around, cycle_s: Callable[[], float], window_s: float) -> None:
        self._driver, self._around, self._cycle_s = driver, around, cycle_s
        self._turn = Turn(window_s)
        self._look_at: float | None = None
        self._start_at: float | None = None
        self._asked_for: float | None = None

    @property
    def deadline(self) -> float | None:
        """When ``step`` is wanted in any case."""
        return self._look_at

    def step(self, now: float) -> list[Effect]:
        """Start what may start, and confirm what was applied."""
        driver, around = self._driver, self._around
        effects: list[Effect] = []
        self._look_at = None
        if self._is_gathered(now) and around.contact_since(now - 1.5 * self._cycle_s()):
            effects += self._start(now)
        since = driver.contact_wanted_since
        if since is not None and around.contact_since(since):
            effects += driver.contact(now)
        elif since is not None and since != self._asked_for and not around.leads:
            self._asked_for = since
            effects += around.confirm(now)
        return effects

    def _is_gathered(self, now: float) -> bool:
        """Tell whether a target waits, and has waited long enough for what comes right behind it."""
        if not self._driver.waiting:
            self._start_at = None
            return False
        if self._start_at is None:
            self._start_at = now + GATHER_S
        if now < self._start_at:
            self._look_at = self._start_at
            return False
        return True

    def _start(self, now: float) -> list[Effect]:
        before = self._before()
        online = cache(lambda: self._around.online(now))  # once for all that it waits for
        if before is None or self._turn.has_come(
            self._driver.asked,
            lambda: online() & before,
            lambda device: self._is_done(device, online),
            now,
        ):
            return list(self._driver.start(now))
        self._look_at = min(self._turn.deadline or now, now + LOOK_S)
        return self._around.ask_reports(now)

    def _before(self) -> set[DeviceId] | None:
        """Return who goes before this device; None: it waits for nobody."""
        around = self._around
        others = {peer.device_id for peer in around.peers.others if peer.device_id != around.master}
        backups = [device for device in around.peers.succession if device != around.master]
        is_backup = backups[:1] == [around.peers.own_id]
        return others if around.leads or is_backup else None

    def _is_done(self, device: DeviceId, online: Callable[[], set[DeviceId]]) -> bool:
        """Tell whether a device has dealt with what is asked, or cannot: it is gone without it."""
        peer, asked = self._around.peers.get(device), self._driver.asked
        if peer is None:
            return True
        if peer.status is not None and peer.status.is_done(asked):
            return True
        is_gone = peer.missed > 0 or device not in online()
        return is_gone and peer.holds < asked
