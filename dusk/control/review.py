"""What a draft would do: its diff, what every device would get, and what is wrong with it.

All that can be known before signing is said before signing: an undefined variable, policies of
equal priority that disagree, a record that somebody else changed meanwhile.
"""

from collections.abc import Sequence

from dusk.changelog.body import Edit
from dusk.changelog.overlay import Overlay
from dusk.changelog.state import State
from dusk.config.device import Configs, options_of
from dusk.config.merge import Managed
from dusk.config.revealing import sealed_of
from dusk.control import names, words
from dusk.control.drafts import Draft, stale, visible
from dusk.control.foreseen import Effect, Foreseeing, marked_words
from dusk.control.hints import hints_of, hints_on
from dusk.control.reach import Reached, reach_of
from dusk.control.reading import reading_notes
from dusk.control.reviewed import notes_on
from dusk.control.steps import Steps
from dusk.errors import ConfigError, Refused
from dusk.ids import ChangeId, DeviceId
from dusk.lazy import dataclass
from dusk.listing import listed

MARKS_SHOWN_MAX = 5
"""Settings that a refusal names."""
NAMES_SHOWN_MAX = 3
"""Of devices of which the same is wrong."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a draft cannot be committed: a stable word and a line for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Review:
    """A draft as its author should see it before signing."""

    differences: tuple[words.Difference, ...]
    concerned: tuple[str, ...]
    """Names of the devices whose managed config changes."""
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    effects: tuple[Effect, ...]
    """What happens on these devices, those alike together."""

    @property
    def marked(self) -> list[str]:
        """Lines for what touches the way by which Dusk reaches devices."""
        return marked_words(self.effects)


def reviewing(state: State, draft: Draft, author_of: dict[ChangeId, str], reviewed: str) -> Steps[Review]:
    """Return what the draft's edits that are not yet sent would do; a step for each device.

    Args:
        state: what the log says.
        draft: the draft.
        author_of: words for changes that made an edit stale, such as ``version 12 by ann``.
        reviewed: the table of what routers take without a word of their root.
    """
    sent = tuple(edit for one in draft.sent for edit in one.edits)
    before, after = Overlay(state, sent), Overlay(state, (*sent, *draft.edits))
    differences = tuple(
        words.difference(state, e.section, e.key, before.data(e.section, e.key), e.data)
        for e in sorted(visible(draft.edits), key=_order)
    )
    foreseeing = Foreseeing(state)
    concerned, problems = yield from _devices(draft.edits, (before, after), foreseeing)
    effects = foreseeing.effects()
    return Review(
        differences,
        concerned,
        (*_stale_problems(state, draft, author_of), *problems),
        (
            *_notes(after, draft),
            *hints_on(after, draft.edits),
            *hints_of(after, draft.edits, effects),
            *reading_notes(after, draft.edits),
            *notes_on(reviewed, after, draft.edits),
        ),
        effects,
    )


def _order(edit: Edit) -> tuple[str, str]:
    return edit.section, edit.key


def _stale_problems(state: State, draft: Draft, author_of: dict[ChangeId, str]) -> tuple[Problem, ...]:
    found = []
    for edit in stale(state, draft):
        record = state.record(edit.section, edit.key)
        by = author_of.get(record.base, "another change") if record is not None else "another change"
        item, _ = words.describe(state, edit.section, edit.key, edit.data)
        where = names.section_title(state, edit.section)
        found.append(
            Problem(
                "stale-base",
                f"{where} {item} was changed by {by} after you edited it; the draft is kept: "
                "edit that again to overwrite it, or discard the draft",
            )
        )
    return tuple(found)


def _devices(
    edits: Sequence[Edit], stores: tuple[Overlay, Overlay], foreseeing: Foreseeing
) -> Steps[tuple[tuple[str, ...], tuple[Problem, ...]]]:
    """Merge for every device that may be concerned; those whose result differs are."""
    before, after = stores
    reach = reach_of(edits, after)
    yield
    reached = Reached(reach, before), Reached(reach, after)
    yield
    old = Configs(before, reach.reads)
    yield
    new = Configs(after, reach.reads)
    compared = _Compared()
    concerned: list[str] = []
    failing: dict[str, list[str]] = {}
    for member in names.members(after.state):
        yield
        if not any(one.has(member.device_id) for one in reached):
            continue
        was, former_error = _merged(old, member.device_id)
        now, error = _merged(new, member.device_id)
        if error is not None and error != former_error:
            failing.setdefault(error, []).append(member.name)
        if was is None or now is None or compared.differ(was, now):
            concerned.append(member.name)
            if now is not None:  # else it keeps what it has, for this is never signed
                foreseeing.add(member, _NOTHING if was is None else was, now)
    problems = (Problem("bad-config", f"{_devices_words(who)}: {error}") for error, who in failing.items())
    return tuple(concerned), tuple(problems)


def _devices_words(who: list[str]) -> str:
    """Name devices of which the same is wrong, on one line."""
    if len(who) == 1:
        return f"device {who[0]}"
    more = ", …" if len(who) > NAMES_SHOWN_MAX else ""
    return f"{len(who)} devices ({', '.join(who[:NAMES_SHOWN_MAX])}{more})"


_NOTHING: Managed = {}


class _Compared:
    """Pairs of configs that were compared: many devices share theirs."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int], tuple[bool, Managed, Managed]] = {}

    def differ(self, was: Managed, now: Managed) -> bool:
        """Tell whether two configs manage something else; both are kept, so that no id is used again."""
        pair = id(was), id(now)
        if pair not in self._found:
            secrets = dict(sealed_of(was)) != dict(sealed_of(now))
            self._found[pair] = secrets or options_of(was) != options_of(now), was, now
        return self._found[pair][0]


def _merged(configs: Configs, device: DeviceId) -> tuple[Managed | None, str | None]:
    try:
        return configs.managed(device), None
    except ConfigError as error:
        return None, str(error)


def _notes(after: Overlay, draft: Draft) -> tuple[str, ...]:
    """Say which touched policies apply to nobody."""
    touched = sorted(
        {e.section.split("/")[1] for e in draft.edits if e.section.startswith(("policy/", "assignment/"))}
    )
    return tuple(
        f"policy {name} is assigned to nobody; assign it with `dusk policy assign {name} --all`, or --group"
        f" (owners, and whom they granted assignment/{name})"
        for name in touched
        if after.records(f"policy/{name}") and after.value(f"assignment/{name}", "to") is None
    )


def check_agreed(found: Review, *, is_agreed: bool) -> None:
    """Have a person say yes to what may cut the way to a router, where it is seen before it is signed.

    Raises:
        Refused: ``needs-yes``, naming it.
    """
    marked = found.marked
    if not marked or is_agreed:
        return
    shown = listed(marked, MARKS_SHOWN_MAX, "; ")
    raise Refused(
        "needs-yes", f"{shown}. A router that it cuts off goes back by itself; to send it say --yes"
    )
