"""What is said beside a draft, for it is no mistake and seldom meant.

What a router loses for good, a group that takes in other routers than its author thinks, one address for
several routers. None of it keeps a draft from being committed.
"""

from collections.abc import Iterable, Iterator, Sequence

from dusk.changelog.body import Edit
from dusk.changelog.overlay import Overlay
from dusk.changelog.selector import SELECT
from dusk.changelog.views import groups_of, is_selected
from dusk.config.device import LOCAL, SET, settings_of
from dusk.config.names import Every, is_file, parse_key
from dusk.config.settings import Verb, decode_setting
from dusk.control import names
from dusk.control.foreseen import Effect, names_words
from dusk.control.reviewed import near
from dusk.ids import DeviceId

STAYS = "what is managed no more stays on the routers as it is: set what was set, removed what was removed"
"""Of a policy that is taken away, and of a version that is put back."""
RETURNS = (
    "what nothing else manages becomes on each router what it was before Dusk changed it; where the router"
    " does not remember that, it stays as it is"
)
"""Of what is taken away with ``--restore-local``."""
_ADDRESSES = frozenset({"ipaddr", "ip6addr"})
_MEMBER = "member/"


def hints_on(store: Overlay, edits: Sequence[Edit]) -> list[str]:
    """Return a line for each of these edits that does more, or less, than it says.

    Args:
        store: the datastore with all edits on top.
        edits: what is looked at.
    """
    found = (*_removing(edits), *_selecting(store, edits), *_staying(store, edits))
    return list(dict.fromkeys(found))


def hints_of(store: Overlay, edits: Sequence[Edit], effects: Sequence[Effect]) -> list[str]:
    """Return what is to be said of all that happens on devices together.

    Args:
        store: the datastore with all edits on top.
        edits: what brings it about.
        effects: what happens.
    """
    left = {row.key for effect in effects for row in effect.rows if row.after is None}
    returned = _returned(store, edits)
    stays = [STAYS] if left - returned else []
    returns = [RETURNS] if returned else []
    return [*_reaching_nobody(store, edits), *_same_addresses(effects), *stays, *returns]


def _returned(store: Overlay, edits: Iterable[Edit]) -> set[str]:
    """Return the KEYs that edits give back to the devices."""
    keys: set[str] = set()
    for edit in edits:
        room, _, name = edit.section.partition("/")
        if edit.data is None:
            continue
        if edit.key.startswith(SET) and decode_setting(edit.data).verb is Verb.LOCAL:
            keys.add(edit.key.removeprefix(SET))
        elif (room, edit.key) == ("assignment", LOCAL):
            keys.update(key for key in settings_of(store, f"policy/{name}") if not is_file(key))
    return keys


def _removing(edits: Iterable[Edit]) -> Iterator[str]:
    """Say what EXCLUSIVE takes away: a file's own sections, which no version of the log has."""
    for edit in edits:
        is_setting = edit.key.startswith(SET) and edit.data is not None
        if not is_setting or edit.data is None or decode_setting(edit.data).verb is not Verb.EXCLUSIVE:
            continue
        key = parse_key(edit.key.removeprefix(SET))
        assert isinstance(key.section, Every), "nothing else is exclusive"
        of_type = f" of type {key.section.type}" if key.section.type else ""
        yield (
            f"{key}: each section{of_type} in {key.package} that no policy names goes, those of OpenWrt too;"
            " a revert does not bring it back, `dusk unset` with --restore-local does."
            f" `uci show {key.package}` on a router shows them"
        )


def _selecting(store: Overlay, edits: Iterable[Edit]) -> Iterator[str]:
    """Name facts that no device tells, and groups that so take in nobody."""
    for edit in edits:
        room, _, group = edit.section.partition("/")
        row = store.value(edit.section, SELECT) if (room, edit.key) == ("group", SELECT) else None
        if row is None:
            continue
        members = names.members(store.state)
        told = {fact for one in members for fact in store.records(f"device/{one.device_id.hex()}/facts")}
        unknown = [fact for fact, _ in row[0] if fact not in told]
        for fact in unknown:
            lists = "`dusk device show NAME` lists what one says"
            yield f"group {group}: no router says {fact!r} of itself{near(fact, told)}; {lists}"
        if not unknown and not any(is_selected(store, group, one.device_id) for one in members):
            yield f"group {group}: no router has these facts, so it takes in nobody"


def _staying(store: Overlay, edits: Iterable[Edit]) -> Iterator[str]:
    """Name devices that are taken out of a group by name, and are in it by their facts still."""
    touched = dict.fromkeys(device for edit in edits for device in (_member_of(edit),) if device is not None)
    for device in touched:
        gone = set(groups_of(store.state, device)).difference(groups_of(store, device))
        for group in sorted(gone):
            if is_selected(store, group, device):
                name = names.device_name(store.state, device)
                yield f"{name} stays in {group} by its facts, for settings; secrets of {group} are not for it"


def _reaching_nobody(store: Overlay, edits: Iterable[Edit]) -> Iterator[str]:
    """Name routers that were removed, or replaced, behind the edits of their own settings."""
    parts = (edit.section.split("/") for edit in edits if edit.section.startswith("device/"))
    for device in sorted({part[1] for part in parts}):
        if store.value(f"device/{device}", "retired") is not None:
            title = names.section_title(store.state, f"device/{device}")
            goes = f"`dusk draft discard {title}`"
            yield f"{title} is no member any more: what is edited there reaches nobody; {goes}"


def _member_of(edit: Edit) -> DeviceId | None:
    """Return whose membership in a group an edit may end."""
    room, _, rest = edit.section.partition("/")
    if room == "group" and edit.key.startswith(_MEMBER):
        return DeviceId(bytes.fromhex(edit.key.removeprefix(_MEMBER)))
    return DeviceId(bytes.fromhex(rest)) if (room, edit.key) == ("device", "groups") else None


def _same_addresses(effects: Sequence[Effect]) -> Iterator[str]:
    """Name what gives several devices one address."""
    found: dict[tuple[str, str], list[str]] = {}
    for effect in effects:
        for row in effect.rows:
            key = parse_key(row.key)
            is_one = row.after is not None and row.after.startswith("'") and "'127." not in row.after
            if key.package == "network" and key.option in _ADDRESSES and is_one and row.after is not None:
                found.setdefault((row.key, row.after), []).extend(effect.devices)
    for (place, address), who in found.items():
        if len(who) > 1:
            yield f"{place}: the same address {address} on {len(who)} routers ({names_words(who)})"
