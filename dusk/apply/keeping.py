"""What somebody changed on the device (drift), and whether an apply leaves it or puts it back.

A managed option that was in effect and has another value now was changed by somebody on the
device. That stays until a person decides, unless the cluster says that it is put back; what is new
to the device is written in any case. So the device remembers which settings it has in effect, in
a file of its own that is stored where an apply has ended with others than before (R12).
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from dusk import codec
from dusk.apply.hashes import MARK_BYTES, mark_of
from dusk.config.drift import Difference, differences, settings_in, without
from dusk.config.merge import Managed, ManagedOption
from dusk.effects import StoreFile
from dusk.errors import UntrustedInput
from dusk.lazy import dataclass
from dusk.limits import SETTINGS_IN_EFFECT_MAX

FILE = "in-effect"
FIGHT_S = 3600.0
"""Over so long it is counted how often an option was put back."""
FIGHT_TIMES = 3
"""An option that was put back so often meanwhile is left: something on the device wants it otherwise."""

Enforces = Callable[[ManagedOption], bool]
"""Tells whether the cluster has an option put back that somebody changed on the device."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a device's files should say.

    Args:
        managed: its managed config, secrets sealed as the log has them.
        plain: the same with the secrets in it that the device can open.
        further: options that the cluster takes for secrets beside the usual ones, in lower case.
        enforces: what is put back.
    """

    managed: Managed
    plain: Managed
    further: Collection[str]
    enforces: Enforces


@dataclass(frozen=True, slots=True)
class _Computed:
    """What an apply that is under way comes to: what is in effect then, what stays, what was put back."""

    marks: frozenset[bytes]
    left: tuple[Difference, ...]
    put_back: frozenset[str]


def decode_marks(data: bytes | None) -> frozenset[bytes]:
    """Read the file of what is in effect; a damaged one is as good as none."""
    if data is None:
        return frozenset()
    try:
        row = codec.fields(codec.unpack(data, size_max=SETTINGS_IN_EFFECT_MAX * MARK_BYTES + 16), 1, FILE)
        marks = codec.blob(row[0], SETTINGS_IN_EFFECT_MAX * MARK_BYTES, FILE)
    except UntrustedInput:
        return frozenset()
    return frozenset(marks[at : at + MARK_BYTES] for at in range(0, len(marks), MARK_BYTES))


class Keeping:
    """One device's memory of what is in effect, and of what somebody changed since.

    Args:
        saved: the file `FILE`; None if there is none: then all settings are new to the device.

    Attributes:
        drift: what somebody changed, as of the newest look.
    """

    def __init__(self, saved: bytes | None = None) -> None:
        self.drift: tuple[Difference, ...] = ()
        self._marks = decode_marks(saved)
        self._computed: _Computed | None = None
        self._put_back_at: dict[str, list[float]] = {}
        self._given_up: dict[str, bytes] = {}
        self._is_reverting = False

    @property
    def given_up(self) -> tuple[str, ...]:
        """The KEYs that were put back too often, and are left until somebody decides."""
        return tuple(self._given_up)

    def revert(self) -> None:
        """Have the next apply put everything back, whatever the cluster says."""
        self._is_reverting = True
        self._put_back_at.clear()
        self._given_up.clear()

    def looked(self, wanted: Wanted, files: Mapping[str, bytes | None], now: float) -> bool:
        """Take the files as they are; tells whether some of the drift is to be put back.

        Args:
            wanted: what they should say.
            files: package → content.
            now: monotonic seconds.
        """
        self.drift = self._changed(wanted, files, now)
        return any(self._is_put_back(one, wanted) for one in self.drift)

    def kept(self, wanted: Wanted, files: Mapping[str, bytes | None], now: float) -> Managed:
        """Return what is to be put into files as they are: without what somebody changed and keeps.

        Args:
            wanted: what they should say.
            files: package → content.
            now: monotonic seconds.
        """
        changed = self._changed(wanted, files, now)
        left = tuple(one for one in changed if not self._is_put_back(one, wanted))
        left_keys = {key for one in left for key in one.keys}
        marks = _marks_of(wanted.managed)
        had = {mark for key, mark in marks.items() if key not in left_keys or mark in self._marks}
        back = frozenset(key for one in changed for key in one.keys) - left_keys
        self._computed = _Computed(frozenset(had), left, frozenset() if self._is_reverting else back)
        return without(wanted.plain, left)

    def writing(self) -> list[StoreFile]:
        """Note that files are about to say what was computed last; what is to be stored before they do.

        What that replaces is in effect no more. Else, where the power goes before the end of the apply is
        stored, and the log then says again what was, the written value would be taken for somebody's change.
        """
        assert self._computed is not None, "files are written as they were computed"
        return self._store(self._marks & self._computed.marks)

    def committed(self, now: float) -> list[StoreFile]:
        """Note that what was computed last is in effect; what is to be stored if that is new."""
        if self._computed is None:
            return []
        computed, self._computed = self._computed, None
        self.drift, self._is_reverting = computed.left, False
        for key in computed.put_back:
            self._put_back_at[key] = [*self._put_back_at.get(key, ()), now]
        return self._store(computed.marks)

    def _store(self, marks: frozenset[bytes]) -> list[StoreFile]:
        """Let these be in effect; returns the file, if they are others than before (R12)."""
        if marks == self._marks:
            return []
        self._marks = marks
        return [StoreFile(FILE, codec.pack((b"".join(sorted(self._marks)[:SETTINGS_IN_EFFECT_MAX]),)))]

    # --- what is drift ---------------------------------------------------------------------------

    def _changed(
        self, wanted: Wanted, files: Mapping[str, bytes | None], now: float
    ) -> tuple[Difference, ...]:
        """Return what is in effect and other in the files; gives up what was put back too often."""
        marks = _marks_of(wanted.managed)
        found = differences(files, wanted.plain, wanted.further)
        changed = tuple(one for one in found if any(marks[key] in self._marks for key in one.keys))
        self._given_up = {key: mark for key, mark in self._given_up.items() if marks.get(key) == mark}
        for key in (key for one in changed for key in one.keys):
            since = [at for at in self._put_back_at.get(key, ()) if now - at < FIGHT_S]
            self._put_back_at[key] = since
            if len(since) >= FIGHT_TIMES:
                self._given_up[key] = marks[key]
        return changed

    def _is_put_back(self, one: Difference, wanted: Wanted) -> bool:
        """Tell whether it is not left as it is; what no address hits cannot be put back by anybody."""
        if not one.can_be_put_back:
            return False
        if self._is_reverting:
            return True
        return all(
            wanted.enforces(option) and option.key not in self._given_up
            for option in _options_of(wanted.managed)
            if option.key in one.keys
        )


def _options_of(managed: Managed) -> Iterator[ManagedOption]:
    for sections in managed.values():
        for section in sections:
            yield from settings_in(section)


def _marks_of(managed: Managed) -> dict[str, bytes]:
    return {option.key: _mark(option) for option in _options_of(managed)}


def _mark(option: ManagedOption) -> bytes:
    sealed = None if option.sealed is None else tuple(option.sealed)
    return mark_of(codec.pack((option.key, option.verb.value, option.values, option.removed, sealed)))
