"""What a node does with checkpoints: makes its own log stand on them, and goes over to those of others.

Nobody asks for it. As soon as a checkpoint is final here, what is below it is dropped from the
disk (`dusk.changelog.compaction`). A log that is too old to be gone on with entry by entry is
replaced by a checkpoint that a member serves, if the owners attested it (A42, R5).
"""

from collections.abc import Sequence

from dusk.changelog import views
from dusk.changelog.adopting import Adopted, adopt
from dusk.changelog.basis import Plan, decode_plan
from dusk.changelog.history import ForkFound
from dusk.changelog.log import Log
from dusk.changelog.newer import NewerVersion
from dusk.effects import Compact, Compacted, Effect, Event, LogItem, Rebase, Restart, UseCompacted
from dusk.ids import Seq
from dusk.node.alarms import Alarms, undone_by_owners
from dusk.node.forks import Forks

AGAIN_S_MIN, AGAIN_S_MAX = 10.0, 3600.0
"""After what time a compaction that failed is tried again: later each time, for it writes until it fails."""
_ALARM = "compaction"


class Compacting:
    """The checkpoints of one node.

    Args:
        log: the log.
        forks: the branches that are still of use.
        plan: of what the log stands on, on the disk; None for its first entry.
        alarms: show people what a person has to end.

    Attributes:
        plan: as above, as it changes.
    """

    def __init__(self, log: Log, forks: Forks, plan: Plan | None, alarms: Alarms) -> None:
        self.plan = plan
        self._log, self._forks, self._alarms = log, forks, alarms
        self._ordered = Seq(0) if plan is None else plan.seq
        self._again_at, self._pause_s = float("inf"), AGAIN_S_MIN
        self._pending: list[Effect] = []
        """What is to be told of checkpoints that were refused."""

    def step(self, now: float) -> list[Effect]:
        """Order a compaction for each checkpoint that became final; tell of those that were refused."""
        effects, self._pending = [*self._pending, *self._tell_of_lacking()], []
        seq = self._log.checkpoint
        if seq > self._ordered:
            self._ordered, self._pause_s = seq, AGAIN_S_MIN
        elif seq < self._ordered or now < self._again_at:
            return effects
        self._again_at = float("inf")
        self._log.give_up(seq)
        assert self._log.cluster is not None, "a log with a checkpoint is a cluster's"
        return [*effects, Compact(self._log.cluster, seq, self._forks.all)]

    def _tell_of_lacking(self) -> list[Effect]:
        """Show, while it is so, that what is final elsewhere is not here, and whose signature is missing."""
        lacking = self._log.lacking
        if lacking is None:
            return self._alarms.end("not-final")
        devices = views.devices(self._log.state)
        who = ", ".join(device.name for device in devices if device.device_id in lacking.holders)
        text = f"what is final elsewhere is not here, for want of the signature of {who}: owners force a role"
        return self._alarms.tell("not-final", text)

    def compacted(self, event: Compacted, now: float) -> list[Effect]:
        """Change over to what was made; where that failed, people are told, and it is tried again later."""
        if event.seq != self._ordered:
            return []
        if event.plan is None:
            self._log.give_up(Seq(0) if self.plan is None else self.plan.seq)  # all is there still
            self._again_at = now + self._pause_s
            self._pause_s = min(2 * self._pause_s, AGAIN_S_MAX)
            return self._alarms.tell(_ALARM, f"the log keeps its size, for now: {event.reason}")
        self.plan = decode_plan(event.plan)
        text = f"versions up to {event.seq} are compacted"
        return [UseCompacted(event.seq), Event("compacted", text), *self._alarms.end(_ALARM)]

    def took(self, data: bytes, items: Sequence[LogItem], now: float) -> list[Effect]:
        """Go over to a checkpoint that a server sent, with what stands above it; or stay.

        Args:
            data: the foundation.
            items: from the entry above it on, up to a signed head.
            now: monotonic seconds.

        Raises:
            ForkFound: it contradicts what is final here, or cannot be judged.
            NewerVersion: this version cannot read what stands above it (R13); people are told.
            UntrustedInput: the owners did not attest it; nothing was changed.
        """
        try:
            adopted = adopt(self._log, data, items)
        except ForkFound as error:
            self._pending += self._alarms.saw("conflict", str(error), now)
            raise
        except NewerVersion as error:
            self._pending += self._alarms.tell("version", str(error))
            raise
        return [] if adopted is None else self._change_over(adopted, data)

    def _change_over(self, adopted: Adopted, data: bytes) -> list[Effect]:
        left = self._forks.all if adopted.lost is None else (*self._forks.all, adopted.lost)
        undone = [] if adopted.lost is None else undone_by_owners(adopted.lost.seq, adopted.settled)
        text = f"this device was away for long: it goes on from the checkpoint at version {adopted.seq}"
        return [
            Rebase(adopted.seq, data, adopted.items, left),
            Event("rebased", text, loud=True),
            *undone,
            Restart("a checkpoint took the place of an old log"),
        ]
