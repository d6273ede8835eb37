"""Questions about the cluster as JSON documents in plain words; nothing here changes anything."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dusk.changelog import views
from dusk.changelog.overlay import Overlay
from dusk.changelog.released import released
from dusk.changelog.returning import REBOUND
from dusk.changelog.secrecy import secret_names
from dusk.changelog.sections import device_path
from dusk.changelog.selector import SELECT
from dusk.changelog.state import State
from dusk.config.device import (
    FILE,
    SET,
    Configs,
    every_option,
    facts_of,
    options_of,
    settings_of,
    variables_of,
)
from dusk.config.names import is_at_or_below, parse_key
from dusk.config.origins import NOBODYS, Origin, Origins
from dusk.config.revealing import sealed_of
from dusk.config.sealing import Sealed
from dusk.config.selection import Scope
from dusk.config.settings import is_secret
from dusk.config.variables import VariableValue
from dusk.control import names, newcomers, paging, words
from dusk.control.desk import Bench, Desk, Json, Peer
from dusk.control.fields import settings_answer
from dusk.control.reached import waits_for
from dusk.control.revealing import revealed_to
from dusk.control.roles import role_of
from dusk.control.roster import require_policy
from dusk.control.settings import shown_text
from dusk.control.voiding import compromised_since
from dusk.errors import ConfigError, Refused
from dusk.ids import DeviceId, Seq

FILE_SHOWN_MAX = 200
"""Characters of a file beside UCI, among all that is managed on a device."""
_UNSEEN = Peer(
    online=False,
    head_seq=Seq(0),
    applied_seq=Seq(0),
    apply_state="unknown",
    reason="",
    alarms=(),
    seen_s_ago=None,
)


# --- devices -----------------------------------------------------------------------------------


def device_list(desk: Desk, arguments: Json) -> Json:
    """Return the active devices by name, a page at a time."""
    state, after = desk.log.state, arguments["after"]
    members = [member for member in names.members(state) if member.name > after]
    peers = desk.peers()
    waiting = waits_for(desk, [member.device_id for member in members[: paging.ROWS_MAX]])
    within: dict[DeviceId, set[str]] = {}
    for group, found in views.members_by_group(state).items():
        for one in found:
            within.setdefault(one.device_id, set()).add(group)
    rows = (
        _device(desk, m, peers.get(m.device_id, _UNSEEN), waiting, within.get(m.device_id, ()))
        for m in members
    )
    return paging.paged("devices", "name", rows, after)


def device_pending(desk: Desk, arguments: Json) -> Json:
    """Return who waits to be let in by id, a page at a time."""
    rows = sorted(newcomers.shown(desk), key=lambda row: str(row["id"]))
    return paging.paged("pending", "id", rows, arguments["after"])


def device_expected(desk: Desk, arguments: Json) -> Json:
    """Return what is set aside by label, a page at a time."""
    return paging.paged("expected", "label", newcomers.expected_shown(desk.log.state), arguments["after"])


def device_show(desk: Desk, arguments: Json) -> Json:
    """Return all that is known of one device."""
    state = desk.log.state
    found = views.member(state, names.device_id(state, arguments["name"]))
    assert found is not None, "a device that was found has a section"
    configs = Configs(state)
    origin = state.value(f"device/{found.device_id.hex()}", "origin")
    return {
        **_device(
            desk,
            found,
            desk.peers().get(found.device_id, _UNSEEN),
            waits_for(desk, [found.device_id]),
            views.groups_in_effect(state, found.device_id),
        ),
        "retired": found.retired,
        "compromised_since": compromised_since(desk, found.device_id),
        "origin": origin[0] if origin else "",
        "policies": list(configs.policies_of(found.device_id)),
        "facts": facts_of(state, found.device_id),
        "variables": _plain_variables(state, f"device/{found.device_id.hex()}/config"),
    }


def _device(
    desk: Desk,
    member: views.Member,
    peer: Peer,
    waiting: Mapping[DeviceId, str],
    groups: Iterable[str],
) -> Json:
    """Return a row; ``groups`` are those that the device is in, also by what it says of itself."""
    return {
        "name": member.name,
        "id": member.device_id.hex(),
        "label": member.label,
        "groups": list(member.groups),
        "groups_by_facts": sorted(set(groups).difference(member.groups)),
        "role": role_of(views.succession(desk.log.state), desk.log.leader, member.device_id),
        "online": peer.online,
        "head": peer.head_seq,
        "applied": peer.applied_seq,
        "apply": peer.apply_state,
        "judged": peer.judged_seq,
        "reason": peer.reason,
        "drift": peer.drift,
        "rollout": waiting.get(member.device_id),
        "rebound": _came_for(desk.log.state, member.device_id),
        "alarms": list(peer.alarms),
        "seen_s_ago": peer.seen_s_ago,
        "way": peer.way,
    }


def _came_for(state: State, device: DeviceId) -> str | None:
    """Return whose place a device got by coming back, as long as no person has confirmed it (A20)."""
    row = state.value(device_path(device), REBOUND)
    return None if row is None else names.device_name(state, DeviceId(row[0]))


# --- policies, groups, variables -----------------------------------------------------------------


def _policy_names(state: State) -> list[str]:
    assigned = (
        path.removeprefix("assignment/")
        for path in state.sections("assignment/")
        if state.value(path, "to") is not None
    )
    return sorted({*views.policies(state), *assigned})


class _Assigned:
    """Who has which policy in one state; what is asked for many policies is read once."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._members = views.members(state)
        self._named = {member.device_id.hex(): member.name for member in self._members}
        self._within = views.members_by_group(state)

    def names_of(self, policy: str) -> list[str]:
        """Return the names of the devices that a policy is assigned to, also by their groups, sorted."""
        row = self._state.value(f"assignment/{policy}", "to")
        to, targets, _priority = row or (Scope.DEVICES.value, (), 0)
        if to == Scope.ALL.value:
            return sorted(self._named.values())
        if to == Scope.GROUPS.value:
            return sorted({one.name for group in targets for one in self._within.get(group, ())})
        return sorted(self._named[target] for target in targets if target in self._named)

    def row(self, policy: str) -> Json:
        """Return a policy with how many devices have it."""
        row = self._state.value(f"assignment/{policy}", "to")
        return {
            "name": policy,
            "settings": len(self._state.records(f"policy/{policy}", SET)),
            "to": "nobody" if row is None else self._to(row),
            "priority": None if row is None else row[2],
            "devices": len(self.names_of(policy)),
        }

    def _to(self, row: list[Any]) -> str:
        to, targets, _priority = row
        if to == Scope.DEVICES.value:  # those that were removed have their names from the log
            state, named = self._state, self._named
            targets = [named.get(one) or names.device_name(state, bytes.fromhex(one)) for one in targets]
        return " ".join((to, *targets))


def policy_list(desk: Desk, arguments: Json) -> Json:
    """Return policies and to how many devices they apply, by name, a page at a time."""
    state, after = desk.log.state, arguments["after"]
    assigned = _Assigned(state)
    rows = (assigned.row(name) for name in _policy_names(state) if name > after)
    return paging.paged("policies", "name", rows, after)


def policy_show(desk: Desk, arguments: Json) -> Json:
    """Return a policy's settings, in order."""
    state, name = desk.log.state, arguments["name"]
    require_policy(Overlay(state), name)
    assigned = _Assigned(state)
    document = {**assigned.row(name), "names": assigned.names_of(name)}
    found = sorted(settings_of(state, f"policy/{name}").items(), key=lambda i: (i[1].position, i[0]))
    settings = [{"key": key, "says": _says(state, name, key)} for key, _ in found]
    priority = "" if document["priority"] is None else f", priority {document['priority']}"
    head = f"policy/{name}, for {document['to']}{priority}"
    text = "\n".join([head, *(f"  {row['key']}: {row['says']}" for row in settings)])
    return {**document, "options": settings, "text": text}


def _says(state: State, policy: str, key: str) -> str | None:
    section, record = f"policy/{policy}", f"{SET}{key}"
    held = state.record(section, record)
    return words.describe(state, section, record, None if held is None else held.data)[1]


def group_list(desk: Desk, arguments: Json) -> Json:
    """Return groups with their devices, by name, a page at a time."""
    state, after = desk.log.state, arguments["after"]
    within = views.members_by_group(state)
    rows = (_group(state, name, within) for name in names.group_names(Overlay(state)) if name > after)
    return paging.paged("groups", "name", rows, after)


def _group(state: State, name: str, within: Mapping[str, Sequence[views.Member]]) -> Json:
    found = sorted(member.name for member in within.get(name, ()))
    row = state.value(f"group/{name}", SELECT)
    selects = [{"fact": fact, "values": list(values)} for fact, values in row[0]] if row else []
    return {"name": name, "devices": found, "selects": selects}


def group_show(desk: Desk, arguments: Json) -> Json:
    """Return one group with its devices, policies and variables."""
    state, name = desk.log.state, arguments["name"]
    names.require_group(Overlay(state), name)
    policies = [
        path.removeprefix("assignment/")
        for path in state.sections("assignment/")
        if (row := state.value(path, "to")) is not None and row[0] == "groups" and name in row[1]
    ]
    return {
        **_group(state, name, views.members_by_group(state)),
        "policies": policies,
        "variables": _plain_variables(state, f"group/{name}"),
    }


def _plain_variables(state: State, section: str) -> Json:
    return {name: _plain(value) for name, value in sorted(variables_of(state, section).items())}


def _plain(value: VariableValue) -> str | list[str]:
    if isinstance(value, Sealed):
        return words.MASK
    return value if isinstance(value, str) else list(value)


def var_list(desk: Desk, arguments: Json) -> Json:
    """Return the variables of one scope, or of all, by scope and name, a page at a time."""
    state, scope, after = desk.log.state, arguments["scope"], arguments["after"]
    scopes = [(scope, names.scope_section(Overlay(state), scope))] if scope else _scopes(state)
    first = after.partition(" ")[0]
    rows = (
        {"scope": title, "name": name, "value": value}
        for title, section in scopes
        if title >= first
        for name, value in _plain_variables(state, section).items()
    )
    return paging.paged("variables", "scope name", rows, after)


def _scopes(state: State) -> Iterator[tuple[str, str]]:
    """Yield what has variables, with its section, in the order of the letters."""
    yield "cluster", "cluster"
    for member in names.members(state):
        yield f"device/{member.name}", f"device/{member.device_id.hex()}/config"
    for name in names.group_names(Overlay(state)):
        yield f"group/{name}", f"group/{name}"


def joinkey_list(desk: Desk, _arguments: Json) -> Json:
    """Return all join keys with limits and uses."""
    now, waiting = desk.wall_time(), Counter(w.pending.joinkey for w in desk.pending())
    rules = views.joinkeys(desk.log.state)
    return {"joinkeys": [_joinkey(rule, now.time_s, waiting[rule.id]) for rule in rules]}


def _joinkey(rule: views.JoinRule, time_s: int, pending: int) -> Json:
    if rule.revoked:
        state = "revoked"
    elif rule.used >= rule.uses_max:
        state = "used up"
    else:
        state = "expired" if rule.expires_s and time_s >= rule.expires_s else "open"
    return {
        "id": rule.id,
        "state": state,
        "uses": rule.uses_max,
        "used": rule.used,
        "pending": pending,
        "mode": "auto" if rule.auto else "approve",
        "expires": rule.expires_s or None,
        "groups": list(rule.groups),
        "labels": list(rule.labels),
        "rebind": rule.rebind,
        "name": rule.template,
    }


# --- settings ------------------------------------------------------------------------------------


def settings_export(desk: Desk, arguments: Json) -> Json:
    """Return a target's settings as ``uci batch`` text."""
    state, target = desk.log.state, arguments["target"]
    section = names.target_section(state, target)
    if section.startswith("policy/"):
        require_policy(Overlay(state), section.removeprefix("policy/"))
    return {"target": target, "text": shown_text(settings_of(state, section), secret_names(state))}


def settings_list(desk: Desk, arguments: Json) -> Json:
    """Return what a target says, each setting as fields."""
    state, target = desk.log.state, arguments["target"]
    section = names.target_section(state, target)
    answer = settings_answer(state, section, settings_of(state, section), arguments["skip"])
    return {"target": target, **answer}


def effective(desk: Bench, arguments: Json) -> Json:
    """Return what is managed on a device, each option with its origin."""
    state, wanted = desk.log.state, arguments["key"]
    device = names.device_id(state, arguments["device"])
    counts = released(desk.log, device)
    try:
        managed = Configs(counts.store).managed(device)
    except ConfigError as error:
        reason = f"{arguments['device']} has no managed config now: {error}; it keeps its last one"
        raise Refused("bad-config", reason) from None
    secrets: dict[str, tuple[str, ...]] = {key: (words.MASK,) for key, _ in sealed_of(managed)}
    if arguments["reveal"]:
        secrets |= revealed_to(desk, arguments["token"], device, managed, wanted)
    said = options_of(managed)
    further = {*secret_names(state), *secret_names(counts.store)}  # what is one before a rollout, or after it
    hidden = {key for key in said if is_secret(parse_key(key).option, further)}
    origins = Origins(counts.store, device)
    why = {option.key: origins.of(option) for option in every_option(managed)}
    options = [
        {
            "key": key,
            "verb": verb,
            "secret": key in secrets or key in hidden,
            **_shown(verb, secrets.get(key) or ((words.MASK,) if values and key in hidden else values)),
            "origin": ", ".join(names.section_title(state, part) for part in origin.split(", ")),
            "origins": [_origin(state, one) for one in why[key]],
        }
        for key, (verb, values, origin) in sorted(said.items())
        if not wanted or is_at_or_below(key, wanted)
    ]
    return {"device": names.device_name(state, device), "head": counts.head.seq, "options": options}


def _origin(state: State, origin: Origin) -> Json:
    return {
        "section": names.section_title(state, origin.section),
        "groups": list(origin.groups),
        "variables": [
            {
                "name": one.name,
                "of": one.scope if one.scope in NOBODYS else names.section_title(state, one.scope),
            }
            for one in origin.used
        ],
    }


def _shown(verb: str, values: tuple[str, ...]) -> Json:
    if values == (words.MASK,):
        return {"value": words.MASK, "values": []}
    if verb == FILE:  # all of a router's files would not fit an answer
        return {"value": words.file_words(values, FILE_SHOWN_MAX), "values": []}
    return {"value": " ".join(words.quote(value) for value in values), "values": list(values)}
