"""Devices that wait to be let in, beside what the log says of them: who they are, what is set aside.

A hardware label is what a device says of itself, so it decides nothing by itself: it finds what owners
wrote down for that label, and it tells people that a newcomer looks like a member (A20).
"""

from collections.abc import Collection, Sequence

from dusk.changelog.authority import grant_for, satisfies
from dusk.changelog.returning import same_label
from dusk.changelog.sections import expected_path
from dusk.changelog.state import State
from dusk.control import names
from dusk.control.desk import Desk, Json, Waiting
from dusk.errors import Refused
from dusk.ids import DeviceId, KeyId
from dusk.lazy import dataclass
from dusk.membership.pending import Pending

ID_CHARACTERS_MIN = 8
"""Of an id that people type."""


Variables = tuple[tuple[str, str | tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Expected:
    """What is set aside for a device with a label."""

    label: str
    name: str
    groups: tuple[str, ...]
    variables: Variables


def expected_for(state: State, label: str) -> Expected | None:
    """Return what is set aside for a label."""
    row = state.value(expected_path(label), "as") if label else None
    return None if row is None else _expected(row)


def groups_held(state: State, expected: Expected, signers: Collection[KeyId]) -> frozenset[str] | None:
    """Return over which groups those have a say who set something aside; None: over all.

    Args:
        state: what the log says.
        expected: what they set aside.
        signers: who signed that; nobody, where the log does not tell any more: then over those groups for
            which they could set it aside.
    """
    owners, section = state.owners(), expected_path(expected.label)
    if not expected.groups or len(set(signers) & owners.keys()) >= state.quorum:
        return None  # for no group: owners, or a grant for any group
    grant = grant_for(state, section)
    if grant is None or not satisfies(grant, owners, signers):
        return frozenset(expected.groups)
    limited = [frozenset(one.groups) for one in grant.chain() if one.groups is not None]
    return frozenset.intersection(*limited) if limited else None


def all_expected(state: State) -> list[Expected]:
    """Return all that is set aside, by label."""
    rows = (state.value(path, "as") for path in state.sections("expected/"))
    return sorted((_expected(row) for row in rows if row is not None), key=lambda e: e.label)


def _expected(row: Sequence[object]) -> Expected:
    label, name, groups, variables = row
    assert isinstance(groups, list)
    assert isinstance(variables, list)
    values = ((key, tuple(value) if isinstance(value, list) else value) for key, value in variables)
    return Expected(str(label), str(name), tuple(groups), tuple(values))


def twin_of(state: State, pending: Pending, online: Collection[DeviceId]) -> DeviceId | None:
    """Return the member whose label a newcomer shows; one that is there counts before one that is not."""
    same = same_label(state, pending.label)
    return next((device for device in same if device in online), next(iter(same), None))


def online_devices(desk: Desk) -> set[DeviceId]:
    """Return the members that are there now."""
    return {device for device, peer in desk.peers().items() if peer.online}


def find(desk: Desk, name: str) -> Waiting:
    """Return who waits under an id (8 digits at least), a label, or the name that it wants or is to have.

    Whoever asks chooses his label and his name, so none of these comes before another: what several show
    is nobody's, and an id alone, in full, says whom a person means (A19, A20).

    Raises:
        Refused: ``not-pending``, or ``ambiguous``.
    """
    state, waiting = desk.log.state, desk.pending()
    found = [w for w in waiting if w.pending.device.hex() == name]
    found = found or [w for w in waiting if _is_called(state, w.pending, name)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = [w.pending.device.hex() for w in found[:5]]
        is_by_id = any(_begins(device, name) for device in ids)
        listed = ", ".join(device if is_by_id else device[:ID_CHARACTERS_MIN] for device in ids)
        raise Refused("ambiguous", f"{len(found)} devices wait as {name!r}: name one by its id, of {listed}")
    raise Refused("not-pending", f"no device waits as {name!r}; `dusk device list` shows who does")


def _is_called(state: State, pending: Pending, name: str) -> bool:
    shown = (pending.label, pending.wanted, _set_aside(state, pending))
    return _begins(pending.device.hex(), name) or name in shown


def _begins(device: str, name: str) -> bool:
    return len(name) >= ID_CHARACTERS_MIN and device.startswith(name)


def _set_aside(state: State, pending: Pending) -> str:
    expected = expected_for(state, pending.label)
    return "" if expected is None else expected.name


def shown(desk: Desk) -> list[Json]:
    """Return who waits to be let in, for people."""
    state, online = desk.log.state, online_devices(desk)
    return [_shown(state, waiting, online) for waiting in desk.pending()]


def _shown(state: State, waiting: Waiting, online: Collection[DeviceId]) -> Json:
    pending = waiting.pending
    twin = twin_of(state, pending, online)
    return {
        "name": _set_aside(state, pending) or pending.wanted,
        "id": pending.device.hex(),
        "label": pending.label,
        "role": "pending",
        "wanted": pending.wanted,
        "joinkey": pending.joinkey,
        "why": pending.why,
        "like": "" if twin is None else names.device_name(state, twin),
        "like_online": twin in online,
        "asked_s_ago": waiting.asked_s_ago,
        "seen_s_ago": waiting.seen_s_ago,
    }


def expected_shown(state: State) -> list[Json]:
    """Return what is set aside, for people."""
    return [
        {
            "name": e.name,
            "label": e.label,
            "role": "expected",
            "groups": list(e.groups),
            "variables": dict(e.variables),
        }
        for e in all_expected(state)
    ]
