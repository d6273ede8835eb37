"""What the state says, in the terms that the rest of Dusk asks in; read only."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from dusk.changelog.sections import device_path
from dusk.changelog.selector import SELECT, selects
from dusk.changelog.state import State, uses_key
from dusk.ids import DeviceId, PublicKey
from dusk.lazy import dataclass

CYCLE_MS_DEFAULT = 5000


@dataclass(frozen=True, slots=True)
class Member:
    """A device as the log has it; ``groups`` includes those that list it as a member."""

    device_id: DeviceId
    public: PublicKey
    name: str
    label: str
    groups: tuple[str, ...]
    retired: bool


def member(state: State, device: DeviceId) -> Member | None:
    """Return a device, retired or not."""
    section = device_path(device)
    key, name = state.value(section, "key"), state.value(section, "name")
    if key is None or name is None:
        return None
    label = state.value(section, "label")
    return Member(
        device_id=device,
        public=PublicKey(key[0]),
        name=name[0],
        label=label[0] if label else "",
        groups=groups_of(state, device),
        retired=state.value(section, "retired") is not None,
    )


class Sections(Protocol):
    """What is read of the sections: a state, or one with somebody's draft on top."""

    def value(self, section: str, key: str) -> list[Any] | None:
        """Return a record's decoded value, None where there is none."""

    def sections(self, prefix: str = "") -> Iterator[str]:
        """Iterate over the paths of sections, sorted."""


def groups_of(state: Sections, device: DeviceId) -> tuple[str, ...]:
    """Return the groups that a device is in, sorted."""
    row = state.value(device_path(device), "groups")
    listed = {
        path.removeprefix("group/")
        for path in state.sections("group/")
        if state.value(path, f"member/{device.hex()}") is not None
    }
    return tuple(sorted(listed | set(row[0] if row else ())))


def groups_in_effect(state: Sections, device: DeviceId) -> tuple[str, ...]:
    """Return the groups that a device is in, also those that select it by its facts, sorted.

    For settings and variables alone: rights and secrets go by `groups_of`, as facts are signed by the
    device itself (A52).
    """
    return _with_selecting(state, device, groups_of(state, device), _selectors(state))


def members_by_group(state: State) -> dict[str, list[Member]]:
    """Return group → who is in it in effect, sorted by id, without groups of nobody; in one pass over all."""
    selectors = _selectors(state)
    found: dict[str, list[Member]] = {}
    for one in members(state):
        for group in _with_selecting(state, one.device_id, one.groups, selectors):
            found.setdefault(group, []).append(one)
    return found


def _selectors(state: Sections) -> dict[str, Any]:
    """Return group → the facts by which it selects devices."""
    rows = ((path.removeprefix("group/"), state.value(path, SELECT)) for path in state.sections("group/"))
    return {group: row[0] for group, row in rows if row}


def _with_selecting(
    state: Sections, device: DeviceId, named: tuple[str, ...], selectors: dict[str, Any]
) -> tuple[str, ...]:
    """Return the groups that a device is named in, and those that select it, sorted."""
    if not selectors:
        return named
    section = f"{device_path(device)}/facts"
    names = {name for selector in selectors.values() for name, _ in selector}
    facts = {name: row[0] for name in names if (row := state.value(section, name))}
    chosen = {group for group, one in selectors.items() if selects(one, facts)}
    return tuple(sorted(chosen.union(named)))


def is_selected(state: Sections, group: str, device: DeviceId) -> bool:
    """Tell whether a group takes a device in by its facts: by what that says of itself."""
    row = state.value(f"group/{group}", SELECT)
    if row is None:
        return False
    section = f"{device_path(device)}/facts"
    facts = {name: fact[0] for name, _ in row[0] if (fact := state.value(section, name))}
    return selects(row[0], facts)


def devices(state: State) -> list[Member]:
    """Return every device that ever joined, sorted by id."""
    found = []
    for path in state.sections("device/"):
        if path.count("/") == 1:
            device = member(state, DeviceId(bytes.fromhex(path.removeprefix("device/"))))
            if device is not None:
                found.append(device)
    return found


def members(state: State) -> Sequence[Member]:
    """Return the active devices, sorted by id: their index is their place in bitmaps and slots."""
    found: Sequence[Member] | None = state.of_members.get("members")
    if found is None:
        found = state.of_members["members"] = tuple(d for d in devices(state) if not d.retired)
    return found


def device_by_name(state: State, name: str) -> DeviceId | None:
    """Return the device of that name, an active one before a retired one."""
    ids = [DeviceId(bytes.fromhex(hex_id)) for hex_id in state.device_names().get(name, ())]
    ids.sort(key=lambda d: state.value(device_path(d), "retired") is not None)
    return ids[0] if ids else None


def succession(state: State) -> tuple[DeviceId, ...]:
    """Return the devices that may write, in order."""
    row = state.value("cluster", "succession")
    return tuple(DeviceId(d) for d in row[0]) if row else ()


def recovery_key(state: State) -> PublicKey | None:
    """Return the key of the recovery phrase that is in force; None where owners took it away."""
    row = state.value("trust", "recovery")
    return PublicKey(row[0]) if row else None


def cycle_ms(state: State) -> int:
    """Return the length of a cycle in milliseconds."""
    found: int | None = state.of_members.get("cycle_ms")  # asked for by each input of a node
    if found is None:
        row = state.value("cluster", "cycle")
        found = state.of_members["cycle_ms"] = int(row[0]) if row else CYCLE_MS_DEFAULT
    return found


def cluster_name(state: State) -> str:
    """Return the cluster's name."""
    row = state.value("cluster", "name")
    return str(row[0]) if row else ""


@dataclass(frozen=True, slots=True)
class User:
    """A person: ``sealed`` is the private key under the password, None if kept elsewhere."""

    name: str
    public: PublicKey
    sealed: bytes | None
    disabled: bool
    owner: bool


def users(state: State) -> list[User]:
    """Return the people, sorted by name."""
    found = []
    for path in state.sections("user/"):
        name, key = path.removeprefix("user/"), state.value(path, "key")
        sealed = state.value(path, "sealed")
        if key is not None:
            found.append(
                User(
                    name,
                    PublicKey(key[0]),
                    sealed[0] if sealed else None,
                    state.value(path, "disabled") is not None,
                    state.value("trust", f"owner/{name}") is not None,
                )
            )
    return found


@dataclass(frozen=True, slots=True)
class JoinRule:
    """A join key's limits as the log has them, and how often it was used."""

    id: str
    uses_max: int
    used: int
    expires_s: int
    groups: tuple[str, ...]
    auto: bool
    labels: tuple[str, ...]
    rebind: str
    template: str
    revoked: bool


def joinkeys(state: State) -> list[JoinRule]:
    """Return the join keys, sorted by id."""
    found = []
    for path in state.sections("joinkey/"):
        name, rule = path.removeprefix("joinkey/"), state.value(path, "rule")
        if rule is not None:
            _public, uses, expires_s, groups, mode, labels, rebind, template = rule
            found.append(
                JoinRule(
                    id=name,
                    uses_max=uses,
                    used=state.derived(uses_key(name)),
                    expires_s=expires_s,
                    groups=tuple(groups),
                    auto=mode == "auto",
                    labels=tuple(labels),
                    rebind=rebind,
                    template=template,
                    revoked=state.value(path, "revoked") is not None,
                )
            )
    return found


@dataclass(frozen=True, slots=True)
class Assignment:
    """To whom a policy applies: ``names`` are groups or hex device ids, empty for all."""

    to: str
    names: tuple[str, ...]
    priority: int


def policies(state: State) -> list[str]:
    """Return the names of policies with at least one setting, sorted."""
    found = (path.removeprefix("policy/") for path in state.sections("policy/"))
    return [name for name in found if state.records(f"policy/{name}")]


def assignment(state: State, policy: str) -> Assignment | None:
    """Return to whom a policy applies, None for nobody."""
    row = state.value(f"assignment/{policy}", "to")
    return None if row is None else Assignment(row[0], tuple(row[1]), row[2])


def group_names(state: State) -> list[str]:
    """Return the groups that were made, sorted."""
    found = (path.removeprefix("group/") for path in state.sections("group/"))
    return [name for name in found if state.value(f"group/{name}", "made") is not None]
