"""Verbs on policies, groups and variables, as edits of a draft."""

from collections.abc import Sequence

from dusk import codec
from dusk.changelog.overlay import Overlay
from dusk.changelog.readers import READ_GROUP
from dusk.changelog.sealed import sealed_in
from dusk.changelog.sections import check_record, parse_path
from dusk.changelog.selector import SELECT
from dusk.changelog.state import State
from dusk.config.device import LOCAL, SET, VAR
from dusk.config.merge import PRIORITY_DEFAULT, PRIORITY_MAX
from dusk.config.variables import check_variable
from dusk.control import names
from dusk.control.drafts import Draft, put
from dusk.control.sealing import Sealer, check_filled
from dusk.control.settings import check_one_line
from dusk.errors import Refused, UntrustedInput


def _seen(state: State, draft: Draft) -> Overlay:
    return Overlay(state, draft.all_edits)


# --- policies ------------------------------------------------------------------------------------


def require_policy(store: Overlay, name: str) -> None:
    """Refuse a policy that has neither settings nor an assignment."""
    names.component(name, "policy")
    if not store.records(f"policy/{name}") and store.value(f"assignment/{name}", "to") is None:
        raise Refused("no-policy", f"there is no policy {name!r}; `dusk policy list` shows them")


def delete_policy(state: State, draft: Draft, name: str) -> Draft:
    """Delete a policy: its settings and to whom it applies."""
    store = _seen(state, draft)
    require_policy(store, name)
    for key in store.records(f"policy/{name}"):
        draft = put(state, draft, f"policy/{name}", key, None)
    draft = put(state, draft, f"assignment/{name}", LOCAL, None)
    return put(state, draft, f"assignment/{name}", "to", None)


def rename_policy(state: State, draft: Draft, name: str, new_name: str) -> Draft:
    """Give a policy another name: settings and assignment move."""
    store = _seen(state, draft)
    require_policy(store, name)
    names.component(new_name, "policy")
    if store.records(f"policy/{new_name}") or store.value(f"assignment/{new_name}", "to") is not None:
        raise Refused("policy-exists", f"there is a policy {new_name!r} already")
    for key, record in store.records(f"policy/{name}", SET).items():
        draft = put(state, draft, f"policy/{new_name}", key, record.data)
    for key, record in store.records(f"assignment/{name}").items():
        draft = put(state, draft, f"assignment/{new_name}", key, record.data)
    return delete_policy(state, draft, name)


def assign_policy(
    state: State, draft: Draft, name: str, to: str, targets: Sequence[str], *, priority: int | None
) -> Draft:
    """Say to whom a policy applies.

    Args:
        state: what the log says.
        draft: before.
        name: the policy.
        to: ``all``, ``groups`` or ``devices``.
        targets: names of groups or devices; empty for ``all``.
        priority: 0 to 999; None keeps the present one, or takes the default.
    """
    store = _seen(state, draft)
    require_policy(store, name)
    if to not in ("all", "groups", "devices") or (to == "all") == bool(targets):
        raise Refused("bad-target", "a policy is assigned to all, to groups by name, or to devices by name")
    present = store.value(f"assignment/{name}", "to")
    if priority is None:
        priority = present[2] if present is not None else PRIORITY_DEFAULT
    if not 0 <= priority <= PRIORITY_MAX:
        raise Refused("bad-priority", f"priority {priority}: from 0 to {PRIORITY_MAX}")
    if to == "groups":
        for group in targets:
            names.require_group(store, group)
        found = sorted(set(targets))
    else:
        found = sorted({names.device_id(state, target).hex() for target in targets})
    draft = put(state, draft, f"assignment/{name}", LOCAL, None)
    return put(state, draft, f"assignment/{name}", "to", codec.pack((to, found, priority)))


def unassign_policy(state: State, draft: Draft, name: str, *, is_given_back: bool = False) -> Draft:
    """Let a policy apply to nobody.

    Args:
        state: what the log says.
        draft: before.
        name: the policy.
        is_given_back: whether those who had it are to be as they were before it.
    """
    store = _seen(state, draft)
    require_policy(store, name)
    assigned = store.data(f"assignment/{name}", "to")
    draft = put(state, draft, f"assignment/{name}", LOCAL, assigned if is_given_back else None)
    return put(state, draft, f"assignment/{name}", "to", None)


# --- groups --------------------------------------------------------------------------------------


def create_group(state: State, draft: Draft, name: str) -> Draft:
    """Make a group."""
    names.component(name, "group")
    if _seen(state, draft).value(f"group/{name}", "made") is not None:
        raise Refused("group-exists", f"there is a group {name!r} already")
    return put(state, draft, f"group/{name}", "made", codec.pack((True,)))


def delete_group(state: State, draft: Draft, name: str) -> Draft:
    """Delete a group with its members and variables; no policy may be assigned to it."""
    store = _seen(state, draft)
    names.require_group(store, name)
    for path in store.sections("assignment/"):
        row = store.value(path, "to")
        if row is not None and row[0] == "groups" and name in row[1]:
            policy = path.removeprefix("assignment/")
            raise Refused("group-in-use", f"the policy {policy!r} is assigned to {name!r}; change that first")
    for key in store.records(f"group/{name}"):
        draft = put(state, draft, f"group/{name}", key, None)
    for path in store.sections("device/"):
        if path.count("/") == 1:
            draft = _drop_own_group(state, draft, path, name)
    for path in store.sections("reader/"):  # a group that gets this name later is another one
        draft = put(state, draft, path, READ_GROUP + name, None)
    return draft


def add_to_group(state: State, draft: Draft, name: str, devices: Sequence[str]) -> Draft:
    """Put devices into a group."""
    names.require_group(_seen(state, draft), name)
    for device in devices:
        key = f"member/{names.device_id(state, device).hex()}"
        draft = put(state, draft, f"group/{name}", key, codec.pack((True,)))
    return draft


def select_for_group(
    state: State, draft: Draft, name: str, rows: Sequence[tuple[str, tuple[str, ...]]]
) -> Draft:
    """Say which devices a group selects by their facts: all of these hold; none: it selects no more.

    Args:
        state: what the log says.
        draft: before.
        name: the group.
        rows: fact, and the values of which a device must have one.
    """
    names.require_group(_seen(state, draft), name)
    if not rows:
        return put(state, draft, f"group/{name}", SELECT, None)
    selector = [[names.component(fact, "fact"), sorted(set(values))] for fact, values in sorted(rows)]
    data = codec.pack((selector,))
    try:
        check_record(parse_path(f"group/{name}"), SELECT, data)
    except UntrustedInput as error:
        raise Refused(
            "bad-selector", f"{error}; write FACT=VALUE, each fact once or with several values"
        ) from None
    return put(state, draft, f"group/{name}", SELECT, data)


def remove_from_group(state: State, draft: Draft, name: str, devices: Sequence[str]) -> Draft:
    """Take devices out of a group, also where they joined with it; they read its secrets no more."""
    store = _seen(state, draft)
    names.require_group(store, name)
    for device in devices:
        found = names.device_id(state, device).hex()
        own = store.value(f"device/{found}", "groups")
        if store.value(f"group/{name}", f"member/{found}") is None and name not in (own[0] if own else ()):
            raise Refused("not-in-group", f"{device} is not in the group {name}")
        draft = put(state, draft, f"group/{name}", f"member/{found}", None)
        draft = _drop_own_group(state, draft, f"device/{found}", name)
        draft = put(state, draft, f"reader/{found}", READ_GROUP + name, None)
    return draft


def _drop_own_group(state: State, draft: Draft, path: str, name: str) -> Draft:
    """Take a group out of those that a device joined with."""
    row = _seen(state, draft).value(path, "groups")
    if row is None or name not in row[0]:
        return draft
    kept = [group for group in row[0] if group != name]
    return put(state, draft, path, "groups", codec.pack((kept,)), builds_on=True)


# --- variables -----------------------------------------------------------------------------------


def set_variables(
    state: State,
    draft: Draft,
    scope: str,
    rows: Sequence[tuple[str, tuple[str, ...]]],
    sealer: Sealer | None = None,
) -> Draft:
    """Give variables a value: one text, or a list of several.

    Args:
        state: what the log says.
        draft: before.
        scope: ``cluster``, ``group/NAME`` or ``device/NAME``.
        rows: name and values.
        sealer: seals them; None: they are no secrets.

    Raises:
        ConfigError: a name or value that cannot be one.
        Refused: ``is-secret``, or ``empty-secret``.
    """
    section = names.scope_section(_seen(state, draft), scope)
    for name, values in rows:
        value = values[0] if len(values) == 1 else values
        check_variable(name, value)
        record = f"{VAR}{_record_name(name)}"
        if sealer is not None:
            check_filled(f"variable {name}", values, f"`dusk var unset {scope} {name}` takes it away")
            check_one_line(f"variable {name}", values)
            draft, sealed = sealer.sealed(draft, section, record, value)
            data = codec.pack(sealed[:2])
        elif sealed_in(section, record, _seen(state, draft).data(section, record)) is not None:
            raise Refused(
                "is-secret", f"{scope}: the variable {name!r} is a secret: --secret, or unset it first"
            )
        else:
            data = codec.pack((value if isinstance(value, str) else list(value),))
        draft = put(state, draft, section, record, data)
    return draft


def _record_name(name: str) -> str:
    """Variables are records, and a record's name has small letters only."""
    return names.component(name, "variable")


def unset_variables(state: State, draft: Draft, scope: str, wanted: Sequence[str]) -> Draft:
    """Remove variables."""
    store = _seen(state, draft)
    section = names.scope_section(store, scope)
    for name in wanted:
        if store.value(section, f"var/{name}") is None:
            raise Refused("no-variable", f"{scope} has no variable {name!r}")
        draft = put(state, draft, section, f"var/{name}", None)
    return draft
