"""What this device says of itself: its signed status, and its facts in the log."""

from dusk.apply.driver import Driver
from dusk.changelog.body import Edit
from dusk.changelog.state import State
from dusk.cycle.status import Status
from dusk.ids import ClusterId, DeviceId
from dusk.keys.signing import SigningKey
from dusk.membership.facts import Facts, fact_edits

FACTS_GAP_S = 3600.0
"""Between two changes of a device's facts (`protocol.md` 2: rate-limited)."""


class SelfReport:
    """Signs a status when what is in effect has changed, and only then.

    Args:
        key: this device's key.
        cluster: the cluster.
        facts: what the device is, to be told to the log; None: nothing is known.
    """

    def __init__(self, key: SigningKey, cluster: ClusterId, facts: Facts | None) -> None:
        self._key, self._cluster, self._facts = key, cluster, facts
        self._status: Status | None = None
        self._facts_due_at = float("-inf")

    def status(self, driver: Driver, alarms: tuple[str, ...], version: tuple[int, int]) -> bytes | None:
        """Return a newly signed status, or None where nothing has changed.

        Args:
            driver: the apply machine's side.
            alarms: words, sorted.
            version: (epoch, cycle) of the newest START.
        """
        files = tuple(sorted(driver.hashes.items()))
        body = (driver.head.seq, driver.head.chain, files, driver.state, driver.reason, alarms)
        old = self._status
        if old is not None:
            if body == (old.seq, old.chain, old.files, old.state, old.reason, old.alarms):
                return None
            if version <= old.version:
                version = (old.epoch, old.cycle + 1)
        self._status = Status(version[0], version[1], *body)
        return self._status.sign(self._key, self._cluster)

    def facts_due(self, state: State, now: float) -> list[Edit]:
        """Return the edits that bring the log's facts of this device up to date, rarely."""
        if self._facts is None or now < self._facts_due_at:
            return []
        self._facts_due_at = now + FACTS_GAP_S
        return list(fact_edits(state, DeviceId(self._key.key_id), self._facts))
