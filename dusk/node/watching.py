"""What a node looks at once a cycle: what is over, who withholds, who is frozen, what is to be proved."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

from dusk.catchup.exchanges import Exchanges
from dusk.changelog import views
from dusk.changelog.body import Edit
from dusk.changelog.kinds import FROZEN
from dusk.changelog.log import Log
from dusk.changelog.returning import REBOUND, same_label
from dusk.changelog.sections import device_path
from dusk.changelog.state import State
from dusk.effects import Effect, WallClock
from dusk.ids import ChangeId, DeviceId
from dusk.membership.pending import Pending
from dusk.node.alarms import Alarms
from dusk.node.proofs import Proofs
from dusk.node.recovered import Recovered

WITHHELD_CYCLES = 12.0
WITHHELD_S_MIN = 60.0
"""For so long a master that is heard all the time may leave a change without an outcome."""
_COPIED = "another device leads with this device's key: this one leads no more until it is started again"

_TURNED_AWAY = (
    "who is asked for the log gives this router nothing: it may be a member in a history that did not stand;"
    " then an owner lets it in anew"
)


class Around(Protocol):
    """What there is to look at; the node is one."""

    log: Log

    @property
    def leads(self) -> bool:
        """Whether this device writes the log."""

    @property
    def master(self) -> DeviceId | None:
        """Who does."""

    @property
    def clock(self) -> WallClock:
        """The wall clock as it was last told."""

    def fresh(self, now: float) -> bool:
        """Tell whether the master is heard."""

    def pending(self, now: float) -> Sequence[Pending]:
        """Return who waits to be let in."""

    def online(self, now: float) -> Collection[DeviceId]:
        """Return the members that are there."""


class Watching:
    """Keeps the alarms true that no single input raises or ends.

    Args:
        around: the node.
        alarms: the node's.
        proofs: what is to be proved.
        not_logged: gives this device's changes whose outcome does not stand in the log.
        submit: signs a change by this device's own key and gets it written; nothing if there is no room.
        is_copied: whether another run under this device's key leads.
        exchanges: know whether others give this device the log.
        recovered: shows that the cluster was recovered.
    """

    def __init__(
        self,
        *,
        around: Around,
        alarms: Alarms,
        proofs: Proofs,
        not_logged: Callable[[], Iterable[ChangeId]],
        submit: Callable[[list[Edit], str, float], list[Effect]],
        is_copied: Callable[[], bool],
        exchanges: Exchanges,
        recovered: Recovered,
    ) -> None:
        self._around, self._alarms, self._proofs = around, alarms, proofs
        self._not_logged, self._submit, self._is_copied = not_logged, submit, is_copied
        self._exchanges, self._recovered = exchanges, recovered
        self._look_at = float("-inf")
        self._waiting_since: dict[ChangeId, float] = {}

    def look(self, now: float) -> list[Effect]:
        """Look, once a cycle."""
        if now < self._look_at:
            return []
        self._look_at = now + self._alarms.cycle_s()
        effects = self._alarms.saw("clone", _COPIED, now) if self._is_copied() else []
        effects += self._alarms.step(now)
        effects += self._alarms.tell("withheld", self._withheld(now))
        effects += self._alarms.tell("frozen", self._frozen_words())
        effects += self._alarms.tell("turned-away", self._turned_away(now))
        effects += self._alarms.tell("rebound", _rebound_words(self._around.log.state))
        effects += self._alarms.tell("same-label", self._same_label(now))
        effects += self._recovered.look(self._around.clock, now)
        return effects + self._prove(now)

    def _withheld(self, now: float) -> str:
        """Say that a master that is heard does not write what was given here (A27)."""
        around, former = self._around, self._waiting_since
        is_due = not around.leads and around.fresh(now)
        self._waiting_since = {c: former.get(c, now) for c in self._not_logged()} if is_due else {}
        patience_s = max(WITHHELD_S_MIN, WITHHELD_CYCLES * self._alarms.cycle_s())
        if now - min(self._waiting_since.values(), default=now) < patience_s:
            return ""
        name = "the master" if around.master is None else _name(around.log, around.master)
        return (
            f"{name} is heard, and has not written what was given here for {patience_s:g} s: it may be"
            " overloaded, or withhold it; owners move the lead by `dusk role master --here --force`"
        )

    def _turned_away(self, now: float) -> str:
        """Say that others do not know this device, as where two sides of a cut used a join key up (A45)."""
        if self._around.fresh(now) and (not self._around.leads or len(self._around.online(now)) > 1):
            self._exchanges.turned_away_at = None
        since = self._exchanges.turned_away_at
        return "" if since is None or now - since < self._alarms.quiet_s else _TURNED_AWAY

    def _same_label(self, now: float) -> str:
        """Say that who wants to be let in shows the hardware label of a member that is there (A20)."""
        around = self._around
        pending = around.pending(now) if around.leads else ()
        online = around.online(now) if pending else ()
        twins = ((p, d) for p in pending for d in same_label(around.log.state, p.label) if d in online)
        found = next(twins, None)
        if found is None:
            return ""
        asker, twin = found
        return (
            f"{asker.device.hex()[:8]} asks to be let in with the hardware label of"
            f" {_name(around.log, twin)}, which is online: a clone, or a lie; `dusk device reject` says no"
        )

    def _frozen_words(self) -> str:
        """Name the members that signed two histories (A13)."""
        names = ", ".join(_frozen(self._around.log.state))
        return f"{names} signed two histories and may not lead" if names else ""

    def _prove(self, now: float) -> list[Effect]:
        """Hand in what this device can prove and the log does not say."""
        due = self._proofs.due(now)
        if due is None:
            return []
        culprit, edits = due
        effects = self._submit(edits, "two histories", now)
        if effects:
            self._proofs.handed_in(culprit)
        return effects


def _frozen(state: State) -> list[str]:
    """Return the names of the members that are frozen, worked out once for each list of members."""
    found: list[str] | None = state.of_members.get("frozen")
    if found is None:
        members = views.members(state)
        found = [m.name for m in members if state.value(device_path(m.device_id), FROZEN) is not None]
        state.of_members["frozen"] = found
    return found


def _rebound_words(state: State) -> str:
    """Name the members that came back after a reset without a person, worked out once for each list (A20)."""
    found: str | None = state.of_members.get(REBOUND)
    if found is None:
        members = views.members(state)
        names = [m.name for m in members if state.value(device_path(m.device_id), REBOUND) is not None]
        found = state.of_members[REBOUND] = _unconfirmed(names) if names else ""
    return found


def _unconfirmed(names: Sequence[str]) -> str:
    return (
        f"{', '.join(names)} came back under a new key, and nobody has said that this is right: no secrets"
        f" until `dusk device approve {names[0]}`; `dusk device remove` if it is not"
    )


def _name(log: Log, device: DeviceId) -> str:
    found = views.member(log.state, device)
    return device.hex() if found is None else found.name
