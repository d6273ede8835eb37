"""What puts back records that void changes wrote, and what no void puts back (A23).

What has ended stays ended, and what was made cannot be unmade: a device, a join key or a person that
void changes brought ends instead. Generation, mandate, succession and level are not moved. Keys of
secrets are put back with the values that they seal, unless an honest change has written some since.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from dusk import codec
from dusk.changelog import views
from dusk.changelog.body import Edit
from dusk.changelog.former import FORMER
from dusk.changelog.rollouts import PLAN
from dusk.changelog.sealed import WRAP
from dusk.changelog.sections import SectionKind, parse_path
from dusk.changelog.state import State
from dusk.config.settings import Verb
from dusk.ids import DeviceId

_TRUE = codec.pack([True])
_NEVER = {
    SectionKind.FACTS,
    SectionKind.PROPOSAL,
    SectionKind.CHECKPOINT,
    SectionKind.VOID,
    SectionKind.ROLLOUT,
    SectionKind.FORMER,
}
"""A device's word on itself, what has no effect, and how far changes have come."""


class Left(NamedTuple):
    """A record that stays as void changes left it, and why."""

    section: str
    key: str
    why: str


class Outcome(NamedTuple):
    """What is written, and what is not."""

    edits: tuple[Edit, ...]
    left: tuple[Left, ...]


class _Place(NamedTuple):
    """One record that differs: what it would have without what is void, and what it has."""

    section: str
    key: str
    want: bytes | None
    now: bytes | None


def put_back(
    without: State, state: State, touched: Iterable[tuple[str, str]], user: str, mixed: Collection[str]
) -> Outcome:
    """Return what makes a state say what it would say without what is void.

    Args:
        without: what it would say.
        state: what it says.
        touched: section and key of all that may differ.
        user: whose right to sign has ended for good.
        mixed: sections in which honest changes wrote keys of secrets behind void ones.
    """
    edits: dict[tuple[str, str], Edit] = {}
    left: list[Left] = []
    for section, key in sorted(touched):
        want, now = (
            None if r is None else r.data for r in (w.record(section, key) for w in (without, state))
        )
        if want == now:
            continue
        found = _one(without, state, _Place(section, key, want, now), user, mixed)
        if isinstance(found, Left):
            left.append(found)
        elif found is not None:
            edits[found.section, found.key] = found
    return Outcome(tuple(edits.values()), tuple(left))


_Answer = Edit | Left | None


def _one(without: State, state: State, place: _Place, user: str, mixed: Collection[str]) -> _Answer:
    path = parse_path(place.section)
    own = {f"owner/{user}", "recovered"} if path.kind is SectionKind.TRUST else ()
    if path.kind is SectionKind.ROLLOUT and place.key == PLAN:
        return Left(place.section, PLAN, _GOES_ON) if state.records(FORMER + path.name) else None
    if path.kind in _NEVER or (path.kind, path.name) == (SectionKind.USER, user) or place.key in own:
        return None
    made = _MADE.get(path.kind)
    if made is not None and without.value(place.section, made.key) is None:
        return _end(state, place, made)
    if (path.kind, place.key) == (SectionKind.DEVICE, "name") and _has_ended(without, state, place.section):
        return None  # another device has its former one
    if place.want is None and (path.kind, place.key) in _FOR_GOOD:
        return Left(place.section, place.key, _FOR_GOOD[path.kind, place.key])
    if place.section == "cluster" and place.key in _UNMOVED:
        return Left(place.section, place.key, _UNMOVED[place.key])
    if place.key.startswith(WRAP) and place.section in mixed:
        return None
    secret = None if place.want is None else _key_of_secret(place.key, place.want)
    if secret is not None and secret not in _wrapped(
        state if place.section in mixed else without, place.section
    ):
        return Left(place.section, place.key, _SEALED)
    return _edit(state, place.section, place.key, place.want)


class _Made(NamedTuple):
    """What makes a section's subject, and what ends it."""

    key: str
    end: str


_MADE: Mapping[SectionKind, _Made] = {
    SectionKind.USER: _Made("key", "disabled"),
    SectionKind.JOINKEY: _Made("rule", "revoked"),
    SectionKind.DEVICE: _Made("key", "retired"),
}
_FOR_GOOD = {
    (
        SectionKind.DEVICE,
        "retired",
    ): "a device that was removed joins anew: `dusk device replace` gives it all it had",
    (SectionKind.JOINKEY, "revoked"): "a join key that was revoked stays so: make another",
}
_UNMOVED = {
    "succession": "who may lead: see `dusk role`",
    "mandate": "a forced role stays: see `dusk role`",
    "level": "the level never falls",
}
_GOES_ON = "a rollout that is under way still: end it by `dusk rollout force`"
_LEADS = "may lead the cluster: let another lead by `dusk role`, then `dusk device remove` it"
_SEALED = "a secret that was sealed anew since: set it again"


def _has_ended(without: State, state: State, section: str) -> bool:
    """Tell whether a device ended by what is void; it stays so."""
    return (state.value(section, "retired"), without.value(section, "retired")) == ([True], None)


def _end(state: State, place: _Place, made: _Made) -> _Answer:
    """End what void changes made, once, by the record that made it."""
    section = place.section
    if place.key != made.key or state.value(section, made.end) is not None:
        return None
    if made.end == "retired" and DeviceId(bytes.fromhex(section.removeprefix("device/"))) in views.succession(
        state
    ):
        return Left(section, made.key, _LEADS)
    return _edit(state, section, made.end, _TRUE)


def _edit(state: State, section: str, key: str, data: bytes | None) -> Edit:
    record = state.record(section, key)
    return Edit(section, key, data, None if record is None else record.base)


def _key_of_secret(key: str, data: bytes) -> bytes | None:
    """Return the id of the key that seals a value, None for one that is plain."""
    row = codec.unpack(data, size_max=len(data))
    if key.startswith("set/") and row[0] == Verb.SEALED:
        return bytes(row[2][0])
    return bytes(row[0]) if key.startswith("var/") and len(row) > 1 else None


def _wrapped(state: State, section: str) -> set[bytes]:
    """Return the ids of the keys that a section's readers are given."""
    rows = (state.value(section, key) for key in state.records(section, WRAP))
    return {row[0] for row in rows if row is not None}
