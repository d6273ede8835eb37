"""That the cluster was recovered: shown on every device for a week, however late it hears of it.

Whoever has the phrase has the cluster, so nobody may miss that it was used. Since when this device
knows is kept in a file, for the time in the entry is the word of who recovered.
"""

from dusk import codec
from dusk.changelog.kinds import RECOVERED
from dusk.changelog.log import Log
from dusk.changelog.sections import device_path
from dusk.effects import Effect, StoreFile, WallClock
from dusk.errors import UntrustedInput
from dusk.ids import NO_CHAIN, ChangeId, DeviceId
from dusk.limits import NUMBER_MAX
from dusk.node.alarms import Alarms

FILE = "recovered"
SHOWN_S = 7 * 86_400
_BYTES_MAX = 64


class Recovered:
    """Shows a recovery that this device lived to see.

    Args:
        log: the log.
        own: this device; one that was let in afterwards shows nothing.
        saved: what the file held at the start, if it was there.
        alarms: the node's.
    """

    def __init__(self, log: Log, own: DeviceId, saved: bytes | None, alarms: Alarms) -> None:
        self._log, self._own, self._alarms = log, own, alarms
        self._seen, self._since_s = _read(saved)
        self._told: tuple[ChangeId, str] | None = None

    def look(self, clock: WallClock, now: float) -> list[Effect]:
        """Show it, or end that; until some clock can be trusted it is shown."""
        record = self._log.state.record(*RECOVERED)
        if record is None or not self._is_older(record.base):
            return self._alarms.tell(FILE, "")
        wall_s = int(now + clock.offset_s) if clock.trusted else 0
        effects: list[Effect] = []
        if record.base != self._seen or (self._since_s == 0 and wall_s > 0):
            self._seen, self._since_s = record.base, wall_s
            effects = [StoreFile(FILE, codec.pack((record.base, wall_s)))]
        is_over = wall_s >= self._since_s + SHOWN_S and self._since_s > 0
        if self._told is None or self._told[0] != record.base:
            self._told = (record.base, self._words(record.base))
        return [*effects, *self._alarms.tell(FILE, "" if is_over else self._told[1])]

    def _is_older(self, recovery: ChangeId) -> bool:
        """Tell whether this device was a member before the recovery."""
        made = self._log.state.record(device_path(self._own), "key")
        mine = None if made is None else self._log.position_of(made.base)
        its = self._log.position_of(recovery)
        return mine is not None and its is not None and mine < its

    def _words(self, recovery: ChangeId) -> str:
        state = self._log.state
        owners = ", ".join(sorted(state.owners().values()))
        return (
            f"the cluster was recovered with its phrase, as version {self._log.position_of(recovery)}:"
            f" {owners} owns it now; if none of you did that, whoever did has your phrase"
        )


def _read(saved: bytes | None) -> tuple[ChangeId, int]:
    """Read the file; a damaged one is as good as none."""
    try:
        change, since_s = codec.fields(codec.unpack(saved or b"", size_max=_BYTES_MAX), 2, FILE)
        return ChangeId(codec.exactly(change, 32, FILE)), codec.integer(since_s, 0, NUMBER_MAX, FILE)
    except UntrustedInput:
        return ChangeId(NO_CHAIN), 0
