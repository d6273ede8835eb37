"""What several routers say alike in their own settings becomes a policy of theirs; the rest stays with each.

The managed config of none of them changes by it: a policy says what most of them said, and who says
otherwise goes on doing so, above all policies.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from dusk import codec
from dusk.changelog.overlay import Overlay
from dusk.changelog.views import groups_in_effect
from dusk.config.device import SET, Configs, settings_of
from dusk.config.merge import PRIORITY_DEFAULT
from dusk.config.names import parse_key
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.control import names
from dusk.control.drafts import Draft, put
from dusk.errors import Refused
from dusk.ids import DeviceId
from dusk.listing import listed

NAMES_SHOWN_MAX = 3
"""Of routers, in one line."""
_WHOLE = frozenset({Verb.SET, Verb.SET_LIST, Verb.ABSENT, Verb.TYPE, Verb.FILE})
"""What a router may say otherwise than the policy: it takes the place of that, whatever that is."""


class Proposed(NamedTuple):
    """A draft with the policy, and how it came about.

    Attributes:
        draft: the whole draft.
        shared: how many settings are the policy's.
        apart: how many of these some router goes on to say otherwise.
        secrets: how many secrets stay with each router, though others have one under that KEY, too.
    """

    draft: Draft
    shared: int
    apart: int
    secrets: int


def propose_policy(store: Overlay, draft: Draft, name: str, group: str, routers: Sequence[str]) -> Proposed:
    """Return the draft with a policy of what routers say alike in their own settings.

    Args:
        store: the log with the draft on top.
        draft: before.
        name: of the policy, which is new.
        group: whose members are meant, and to which the policy applies; "" for none.
        routers: names of those that are meant, if no group is; none: all that have settings of their own.

    Raises:
        Refused: ``policy-exists``, ``bad-params``, ``no-group``, ``no-device``, ``too-few``,
            ``no-settings`` or ``nothing-shared``.
    """
    state = store.state
    names.component(name, "policy")
    if store.records(f"policy/{name}") or store.value(f"assignment/{name}", "to") is not None:
        raise Refused("policy-exists", f"there is a policy {name!r} already; choose another name")
    devices = _meant(store, group, routers)
    own = {device: settings_of(store, _section(device)) for device in devices}
    silent = [device for device, said in own.items() if not said]
    if silent:
        raise Refused(
            "no-settings",
            f"no settings of their own: {_listed(store, silent)};"
            " `dusk import device/NAME --from-device` takes over what a router has",
        )
    taken = _said_by_policies(store, devices)
    shared = _shared(list(own.values()), taken)
    if not shared:
        raise Refused(
            "nothing-shared",
            f"{_listed(store, devices)}: there is no setting that all have of their own, most of them alike,"
            " and that no policy of theirs has yet",
        )
    for place, (key, setting) in enumerate(shared.items()):
        data = encode_setting(setting._replace(position=place))
        draft = put(state, draft, f"policy/{name}", SET + key, data)
        for device, said in own.items():
            if _unplaced(said[key]) == setting:
                draft = put(state, draft, _section(device), SET + key, None)
    to = ("groups", [group]) if group else ("devices", sorted(device.hex() for device in devices))
    draft = put(state, draft, f"assignment/{name}", "to", codec.pack((*to, PRIORITY_DEFAULT)))
    apart = sum(any(_unplaced(said[key]) != one for said in own.values()) for key, one in shared.items())
    secrets = sum(1 for one in own[devices[0]] if all(_is_sealed(said, one) for said in own.values()))
    return Proposed(draft, len(shared), apart, secrets)


def notes_of(proposed: Proposed) -> list[str]:
    """Return lines for people about what was left with the routers."""
    notes = []
    if proposed.apart:
        notes.append(
            f"{proposed.apart} of them some routers say otherwise in their own settings, and go on to"
        )
    if proposed.secrets:
        what = "a secret that all have stays" if proposed.secrets == 1 else "secrets that all have stay"
        notes.append(
            f"{what} with each, for nobody sees whether it is the same: {proposed.secrets};"
            " set it once with `dusk set policy/NAME KEY=-`, and `dusk unset device/NAME KEY`"
        )
    return notes


def _meant(store: Overlay, group: str, routers: Sequence[str]) -> list[DeviceId]:
    """Return the devices that are meant, by name."""
    state = store.state
    if group and routers:
        raise Refused("bad-params", "either a group or routers, not both")
    members = [member.device_id for member in names.members(state)]
    if group:
        names.require_group(store, group)
        devices = [one for one in members if group in groups_in_effect(store, one)]
    elif routers:
        wanted = {names.device_id(state, router) for router in routers}
        devices = [one for one in members if one in wanted]
        gone = [router for router in routers if names.device_id(state, router) not in devices]
        if gone:
            raise Refused("no-device", f"{gone[0]} is no member any more")
    else:
        devices = [one for one in members if settings_of(store, _section(one))]
    if len(devices) < 2:
        of = f"in the group {group}" if group else "named" if routers else "with settings of their own"
        raise Refused("too-few", f"routers {of}: {len(devices)}; what several share is asked for")
    return devices


def _section(device: DeviceId) -> str:
    return f"device/{device.hex()}/config"


def _listed(store: Overlay, devices: Sequence[DeviceId]) -> str:
    return listed([names.device_name(store.state, device) for device in devices], NAMES_SHOWN_MAX)


def _said_by_policies(store: Overlay, devices: Collection[DeviceId]) -> set[str]:
    """Return the KEYs that policies of these devices say something of, of sections too."""
    configs = Configs(store)
    policies = {policy for device in devices for policy in configs.policies_of(device)}
    return {key for policy in policies for key in settings_of(store, f"policy/{policy}")}


def _shared(own: Sequence[Mapping[str, Setting]], taken: Collection[str]) -> dict[str, Setting]:
    """Return what all say something of, most of them alike, in the order of the first one.

    Left out are secrets, for nobody sees whether they are alike, and what a policy says something of,
    or of its section: then it would matter which of the two has priority.
    """
    found: dict[str, Setting] = {}
    for key in sorted(own[0], key=lambda one: (own[0][one].position, one)):
        if not all(key in said for said in own) or {key, _owner(key)} & {*taken}:
            continue
        said_of = Counter(_unplaced(said[key]) for said in own)
        setting, count = said_of.most_common(1)[0]
        is_most = count >= 2 and 2 * count > len(own)
        if is_most and setting.verb is not Verb.SEALED and (len(said_of) == 1 or _are_whole(said_of)):
            found[key] = setting
    return found


def _are_whole(settings: Collection[Setting]) -> bool:
    return all(setting.verb in _WHOLE or setting.verb is Verb.SEALED for setting in settings)


def _owner(key: str) -> str:
    """Return the KEY of the section that a KEY is of."""
    option = parse_key(key).option
    return key if option is None else key.removesuffix(f".{option}")


def _unplaced(setting: Setting) -> Setting:
    return setting._replace(position=0)


def _is_sealed(said: Mapping[str, Setting], key: str) -> bool:
    return key in said and said[key].verb is Verb.SEALED
