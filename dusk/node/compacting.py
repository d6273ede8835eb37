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
        self._ordered = 0 if plan is None else int(plan.seq)
        self._waived = log.waived
        self._pending: list[Effect] = []
        """What is to be told of checkpoints that were refused."""

    def step(self) -> list[Effect]:
        """Order a compaction, once for each checkpoint that became final; tell of those that were refused."""
        effects, self._pending = [*self._pending, *self._tell_of_waived()], []
        seq = self._log.checkpoint
        if seq <= self._ordered:
            return effects
        assert self._log.cluster is not None, "a log with a checkpoint is a cluster's"
        self._ordered = seq
        self._log.give_up(seq)
        return [*effects, Compact(self._log.cluster, seq, self._forks.all)]

    def _tell_of_waived(self) -> list[Effect]:
        """Tell, once, that owners' word spared a signature without which less would be final (R4)."""
        waived = self._log.waived
        if waived == self._waived or waived is None:
            return []
        self._waived = waived
        devices = views.devices(self._log.state)
        who = ", ".join(device.name for device in devices if device.device_id in waived.holders)
        text = f"version {waived.seq} is final by a checkpoint of the owners', without the signature of {who}"
        return [Event("waived", text, loud=True)]

    def compacted(self, event: Compacted) -> list[Effect]:
        """Change over to what was made; where that failed, the next checkpoint is another chance."""
        if event.seq != self._ordered:
            return []
        if event.plan is None:
            self._log.give_up(Seq(0) if self.plan is None else self.plan.seq)  # all is there still
            return []
        self.plan = decode_plan(event.plan)
        text = f"versions up to {event.seq} are compacted"
        return [UseCompacted(event.seq), Event("compacted", text)]

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
