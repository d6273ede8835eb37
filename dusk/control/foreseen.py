"""What edits would do to each device: its own differences, marks on Dusk's way to it, radios that restart."""

from collections.abc import Sequence

from dusk.changelog.secrecy import secret_names
from dusk.changelog.state import State
from dusk.changelog.views import Member
from dusk.config.device import facts_of
from dusk.config.lifeline import Changed, Restart, changes, marks, restarts
from dusk.config.merge import Managed, ManagedOption
from dusk.config.names import parse_key
from dusk.config.settings import Setting, is_secret
from dusk.control import words
from dusk.control.desk import Json
from dusk.lazy import dataclass
from dusk.listing import listed

EFFECTS_MAX = 20
"""Groups of devices that are shown; the others are counted."""
ROWS_MAX = 200
"""Differences that are shown in all."""
NAMES_MAX = 8
"""Of a group, in a line for people."""
VALUE_CHARACTERS_MAX = 120
"""Of one value that is shown; the draft's own differences have it whole."""
_TELLING = ("interfaces", "networks", "uplinks")
"""Facts that decide what is marked."""


@dataclass(frozen=True, slots=True)
class Row:
    """One KEY before and after, in words; None: not managed. ``mark`` says what it touches, if it does."""

    key: str
    before: str | None
    after: str | None
    mark: str | None


@dataclass(frozen=True, slots=True)
class Effect:
    """What happens alike on some devices."""

    devices: tuple[str, ...]
    rows: tuple[Row, ...]
    restarts: tuple[Restart, ...]


_What = tuple[tuple[Row, ...], tuple[Restart, ...]]


class Foreseeing:
    """Collects what happens where, device by device.

    Args:
        state: what the log says.
    """

    def __init__(self, state: State) -> None:
        self._state, self._secret = state, secret_names(state)
        self._known: dict[tuple[object, ...], _What] = {}
        self._kept: list[Managed] = []
        self._found: dict[_What, list[str]] = {}

    def add(self, member: Member, was: Managed, now: Managed) -> None:
        """Work out one device; many share their configs, and so the result."""
        facts = {n: text for n, text in facts_of(self._state, member.device_id).items() if n in _TELLING}
        key = (id(was), id(now), *sorted(facts.items()))
        if key not in self._known:
            self._kept += [was, now]  # so that no id is used again
            marked = marks(was, now, facts)
            rows = (self._row(one, marked.get(one.key)) for one in changes(was, now))
            self._known[key] = tuple(rows), restarts(was, now)
        self._found.setdefault(self._known[key], []).append(member.name)

    def effects(self) -> tuple[Effect, ...]:
        """Return what happens, devices alike together, in the order in which they came."""
        return tuple(Effect(tuple(who), *what) for what, who in self._found.items())

    def _row(self, one: Changed, mark: str | None) -> Row:
        option = parse_key(one.key).option
        is_hidden = is_secret(option, self._secret)
        before, after = (self._says(each, is_hidden=is_hidden) for each in (one.before, one.after))
        if words.MASK == before == after:
            after = words.CHANGED
        return Row(one.key, before, after, mark)

    def _says(self, option: ManagedOption | None, *, is_hidden: bool) -> str | None:
        if option is None:
            return None
        if is_hidden and option.values:
            return words.MASK
        text = words.setting_words(Setting(option.verb, option.values, 0, option.removed, option.sealed))
        return text if len(text) <= VALUE_CHARACTERS_MAX else f"{text[:VALUE_CHARACTERS_MAX]}…"


# --- for people ---------------------------------------------------------------------------------------


def marked_words(effects: Sequence[Effect]) -> list[str]:
    """Return a line for each KEY that touches Dusk's way to devices, with whose."""
    found: dict[tuple[str, str], list[str]] = {}
    for effect in effects:
        for row in effect.rows:
            if row.mark is not None:
                found.setdefault((row.key, row.mark), []).extend(effect.devices)
    return [f"{key} touches {mark} ({names_words(who)})" for (key, mark), who in found.items()]


def names_words(names: Sequence[str]) -> str:
    """Name devices, as many as fit a line."""
    return listed(names, NAMES_MAX)


def effects_rows(effects: Sequence[Effect]) -> list[Json]:
    """Return effects as JSON rows, as many as an answer has room for; ``more`` says what each leaves out."""
    room, rows = ROWS_MAX, []
    for effect in effects[:EFFECTS_MAX]:
        shown = effect.rows[:room]
        room -= len(shown)
        rows.append(
            {
                "devices": list(effect.devices),
                "changes": [
                    {"key": row.key, "before": row.before, "after": row.after, "mark": row.mark}
                    for row in shown
                ],
                "more": len(effect.rows) - len(shown),
                "restarts": [{"radio": one.radio, "listens_s": one.listens_s} for one in effect.restarts],
            }
        )
    return rows
