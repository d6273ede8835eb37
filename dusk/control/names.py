"""The names that people use, for the ids and paths of the log, both ways."""

from dusk.changelog import views
from dusk.changelog.overlay import Overlay
from dusk.changelog.sections import COMPONENT
from dusk.changelog.state import State
from dusk.errors import Refused
from dusk.ids import DeviceId, KeyId

_ID_CHARACTERS_MIN = 8


def members(state: State) -> list[views.Member]:
    """Return the active devices as people expect them: by name."""
    return sorted(views.members(state), key=lambda member: member.name)


def device_id(state: State, name: str) -> DeviceId:
    """Return the device of a name, or of an id in hex (at least its first 8 digits).

    Raises:
        Refused: ``no-device``.
    """
    found = views.device_by_name(state, name)
    if found is not None:
        return found
    if len(name) >= _ID_CHARACTERS_MIN:
        ids = [d.device_id for d in views.devices(state) if d.device_id.hex().startswith(name)]
        if len(ids) == 1:
            return ids[0]
    raise Refused("no-device", f"there is no device {name!r}; `dusk device list` shows them")


def device_name(state: State, device: bytes) -> str:
    """Return a device's name, or its id in hex if the log does not know it."""
    member = views.member(state, DeviceId(device))
    return member.name if member is not None else device.hex()


def author_name(state: State, key: KeyId) -> str:
    """Return who a key belongs to."""
    holder = state.holder(key)
    if holder is None:
        return key.hex()
    if holder.kind.value == "device":
        return device_name(state, bytes.fromhex(holder.name))
    return holder.name


def component(name: str, what: str) -> str:
    """Return a name that can stand in a path.

    Raises:
        Refused: ``bad-name``.
    """
    if COMPONENT.match(name) is None:
        raise Refused("bad-name", f"{name!r} is no name for a {what}: 1 to 63 of a-z 0-9 . _ -")
    return name


def target_section(state: State, target: str) -> str:
    """Return the section of ``policy/NAME`` or ``device/NAME`` where its settings are.

    Raises:
        Refused: ``bad-target`` or ``no-device``.
    """
    kind, slash, name = target.partition("/")
    if kind == "policy" and slash:
        return f"policy/{component(name, 'policy')}"
    if kind == "device" and slash:
        return f"device/{device_id(state, name).hex()}/config"
    raise Refused("bad-target", f"{target!r}: a target is policy/NAME or device/NAME")


def scope_section(store: Overlay, scope: str) -> str:
    """Return the section of ``cluster``, ``group/NAME`` or ``device/NAME`` where its variables are.

    Raises:
        Refused: ``bad-target``, ``no-device`` or ``no-group``.
    """
    kind, slash, name = scope.partition("/")
    if scope == "cluster":
        return scope
    if kind == "group" and slash:
        require_group(store, name)
        return scope
    if kind == "device" and slash:
        return f"device/{device_id(store.state, name).hex()}/config"
    raise Refused("bad-target", f"{scope!r}: variables belong to cluster, group/NAME or device/NAME")


def group_names(store: Overlay) -> list[str]:
    """Return all groups: those that were made, and those that devices came with."""
    made = {
        path.removeprefix("group/")
        for path in store.sections("group/")
        if store.value(path, "made") is not None
    }
    for path in store.sections("device/"):
        row = store.value(path, "groups") if path.count("/") == 1 else None
        made.update(row[0] if row else ())
    return sorted(made)


def require_group(store: Overlay, name: str) -> None:
    """Refuse a group that does not exist."""
    if name not in group_names(store):
        hint = "`dusk group list` shows them, `dusk group create NAME` makes one"
        raise Refused("no-group", f"there is no group {name!r}; {hint}")


def section_title(state: State, section: str) -> str:
    """Return a section's path with device names in place of ids."""
    parts = section.split("/")
    if parts[0] in ("device", "reader") and len(parts) > 1:
        parts[1] = device_name(state, bytes.fromhex(parts[1]))
        return "/".join(parts[:2] if parts[2:] == ["config"] else parts)
    if parts[0] == "void":
        return f"void/{author_name(state, KeyId(bytes.fromhex(parts[1])))}"
    return section
