"""What this device says of itself: its signed status, and its facts in the log."""

from dataclasses import replace

from dusk import codec
from dusk.apply.driver import Driver
from dusk.changelog.body import Edit
from dusk.changelog.state import State
from dusk.cycle.status import Status
from dusk.ids import ClusterId, DeviceId
from dusk.keys.signing import SigningKey
from dusk.limits import DRIFT_MAX, REASON_BYTES_MAX
from dusk.membership.facts import Facts, fact_edits

FACTS_GAP_S = 3600.0
"""Between two changes of a device's facts (`specs/joining.md`, facts)."""


class SelfReport:
    """This device's status: signed when it has changed and is asked for, and only then.

    Args:
        key: this device's key.
        cluster: the cluster.
        facts: what the device is, to be told to the log; None: nothing is known.
    """

    def __init__(self, key: SigningKey, cluster: ClusterId, facts: Facts | None) -> None:
        self._key, self._cluster, self._facts = key, cluster, facts
        self._status: Status | None = None
        self._signed: bytes | None = None
        self._looks: tuple[object, ...] = ()
        """What the status says, but for its version: most inputs change nothing of it."""
        self._noted_at = float("-inf")
        self._facts_due_at = float("-inf")

    def note(
        self, driver: Driver, alarms: tuple[str, ...], version: tuple[int, int], now: float, gap_s: float
    ) -> bool:
        """Look whether the status has changed; tells whether an apply has come to an end.

        Where only the position has moved it is noted once in ``gap_s``: a busy cluster does not
        make every device sign with each of its changes.

        Args:
            driver: the apply machine's side.
            alarms: words, sorted.
            version: (epoch, cycle) of the newest START; none was heard while it is (0, 0).
            now: monotonic seconds.
            gap_s: a cycle.
        """
        drift = min(len(driver.drift), DRIFT_MAX)
        looks = (driver.head, driver.judged, driver.state, driver.reason, dict(driver.hashes), alarms, drift)
        if version == (0, 0) or looks == self._looks:
            return False
        old = self._status
        new = self._make(driver, alarms, version)
        if old is not None and (
            _bare(new, old) == old or (_same_state(new, old) and now - self._noted_at < gap_s)
        ):
            return False
        self._status, self._signed, self._noted_at, self._looks = new, None, now, looks
        return driver.resting and (old is None or not _same_state(new, old))

    def _make(self, driver: Driver, alarms: tuple[str, ...], version: tuple[int, int]) -> Status:
        old, count = self._status, 0
        if old is not None and version <= old.version[:2]:
            version, count = old.version[:2], old.count + 1
        return Status(
            *version,
            count,
            driver.head.seq,
            driver.head.chain,
            driver.judged,
            tuple(sorted(driver.hashes.items())),
            driver.state,
            codec.shortened(driver.reason, REASON_BYTES_MAX),
            alarms,
            min(len(driver.drift), DRIFT_MAX),
        )

    def signed(self) -> bytes | None:
        """Return the signed status; None before there is one."""
        if self._signed is None and self._status is not None:
            self._signed = self._status.sign(self._key, self._cluster)
        return self._signed

    def facts_due(self, state: State, now: float) -> list[Edit]:
        """Return the edits that bring the log's facts of this device up to date, rarely."""
        if self._facts is None or now < self._facts_due_at:
            return []
        self._facts_due_at = now + FACTS_GAP_S
        return list(fact_edits(state, DeviceId(self._key.key_id), self._facts))


def _bare(one: Status, other: Status) -> Status:
    """Return one status under the version of another."""
    return replace(one, epoch=other.epoch, cycle=other.cycle, count=other.count)


def _same_state(one: Status, other: Status) -> bool:
    """Tell whether two statuses differ in version and position only."""
    moved = replace(_bare(one, other), seq=other.seq, chain=other.chain, judged=other.judged)
    return moved == other
