"""Rights: grants, and whose keys may sign what."""

from collections.abc import Iterator, Sequence

from dusk.changelog import views
from dusk.changelog.authority import PASSED, Grant, grant_for
from dusk.changelog.sections import SectionKind, parse_path
from dusk.changelog.state import State
from dusk.config.names import is_file, is_package, parse_key
from dusk.control import names, words
from dusk.control.acting import edit_of, handed_in
from dusk.control.desk import Desk, Json
from dusk.control.expecting import require_groups
from dusk.control.reviewed import notes_on_packages
from dusk.errors import Refused
from dusk.ids import KeyId, PublicKey, key_id

GRANT = "grant/"
SECTIONS_SHOWN_MAX = 200
RECORDS_SHOWN_MAX = 200
_OF_DEVICES = frozenset({"device", "reader"})
"""Sections that a device's id names."""


# --- grants --------------------------------------------------------------------------------------


def grants_of(state: State, public: PublicKey) -> list[str]:
    """Return the prefixes whose grants in force name a key."""
    name = key_id(public)
    return [grant.prefix for grant in _grants(state) if name in grant.keys and _is_in_force(state, grant)]


def granted_to_fewer(state: State, count: int) -> list[str]:
    """Return the grants in force that fewer people than that satisfy, in words."""
    in_force = [grant for grant in _grants(state) if _is_in_force(state, grant)]
    fewer = [
        g for g in in_force if (whole := grant_for(state, g.prefix)) is not None and whole.needed < count
    ]
    return [f"{_title(state, grant.prefix)} ({_signers(state, grant)})" for grant in fewer]


def _signers(state: State, grant: Grant) -> str:
    """Say who may sign by a grant."""
    return f"{grant.threshold} of {', '.join(_people(state, grant))}" if grant.keys else "nobody but owners"


def grant_list(desk: Desk, _arguments: Json) -> Json:
    """Return all grants, those that were passed on and what they hang on too."""
    state = desk.log.state
    return {"grants": [_grant_row(state, grant) for grant in _grants(state)]}


def _grants(state: State, *sections: str) -> Iterator[Grant]:
    """Yield what stands in the log, by prefix; `above` of one that was passed on names the prefix alone."""
    for section in sections or ("trust", PASSED):
        for key in sorted(state.records(section, GRANT)):
            row = state.value(section, key)
            assert row is not None, "it is listed"
            keys, threshold, packages, groups, priority, *above = row
            over = Grant(above[0], frozenset(), 1, None, None, None) if above else None
            prefix = key.removeprefix(GRANT)
            yield Grant(prefix, frozenset(map(KeyId, keys)), threshold, packages, groups, priority, over)


def _is_in_force(state: State, grant: Grant) -> bool:
    found = grant_for(state, grant.prefix)
    return (
        found is not None and found.prefix == grant.prefix and (found.above is None) == (grant.above is None)
    )


def _grant_row(state: State, grant: Grant) -> Json:
    return {
        "prefix": _title(state, grant.prefix),
        "users": _people(state, grant),
        "threshold": grant.threshold,
        "packages": None if grant.packages is None else list(grant.packages),
        "groups": None if grant.groups is None else list(grant.groups),
        "max_priority": grant.priority_max,
        "under": None if grant.above is None else _title(state, grant.above.prefix),
        "by": _passed_by(state, grant),
        "in_force": _is_in_force(state, grant),
    }


def _passed_by(state: State, grant: Grant) -> list[str]:
    row = None if grant.above is None else state.value(PASSED, GRANT + grant.prefix)
    return [] if row is None else sorted(names.author_name(state, KeyId(key)) for key in row[6])


def _people(state: State, grant: Grant) -> list[str]:
    return sorted(names.author_name(state, key) for key in grant.keys)


def grant_set(desk: Desk, arguments: Json) -> Json:
    """Grant a prefix: as an owner, or by passing on what the session's user has."""
    session, state = desk.session(arguments["token"]), desk.log.state
    prefix = _prefix(state, arguments["prefix"])
    keys = sorted(_key_of(state, name) for name in dict.fromkeys(arguments["users"]))
    if arguments["threshold"] > len(keys) and keys:  # owners count for each grant: say so in it
        keys = sorted({*keys, *state.owners()})
    if arguments["threshold"] > max(1, len(keys)):
        raise Refused("bad-threshold", f"{arguments['threshold']} of {len(keys)} people can never sign")
    require_groups(desk, session, arguments["groups"] or ())
    for package in arguments["packages"] or ():
        _check_package(package)
    row = [
        keys,
        arguments["threshold"],
        _limit(arguments["packages"]),
        _limit(arguments["groups"]),
        arguments["max_priority"],
    ]
    section = "trust"
    if session.key.key_id not in state.owners():
        above = grant_for(state, prefix.rpartition("/")[0]) if "/" in prefix else None
        if above is None:
            raise Refused(
                "missing-signatures",
                f"{_title(state, prefix)}: granted by owners, or passed on by who has more",
            )
        section, row = PASSED, [*row, above.prefix, _passers(state, above, session.key.key_id)]
    who = ", ".join(arguments["users"]) or "nobody but owners"
    if arguments["threshold"] > 1:
        who = (
            f"{arguments['threshold']} of {', '.join(sorted(names.author_name(state, key) for key in keys))}"
        )
    message = f"{_title(state, prefix)} granted to {who}"
    former = next((one for one in _grants(state, section) if one.prefix == prefix), None)
    act = handed_in(
        desk, session, message, (edit_of(state, section, GRANT + prefix, row),), arguments["timeout_s"]
    )
    replaces = [] if former is None else [f"it replaces what was granted there: {_words(state, former)}"]
    odd = notes_on_packages(desk.reviewed(), arguments["packages"] or ())
    return {**act, "notes": [*act["notes"], *replaces, *odd]}


def _check_package(package: str) -> None:
    """Refuse what no setting can be of: it would grant nothing, and look as if it did."""
    if is_file(package):
        parse_key(package)
    elif not is_package(package):
        raise Refused("bad-params", f"{package!a} is no UCI package, and no file:/PATH")


def _words(state: State, grant: Grant) -> str:
    """Say who may sign by a grant, and within what."""
    said = [_signers(state, grant)]
    for what, listed in (("packages", grant.packages), ("groups", grant.groups)):
        said += [] if listed is None else [f"{what} {' '.join(listed) or 'none'}"]
    said += [] if grant.priority_max is None else [f"priority up to {grant.priority_max}"]
    return "; ".join(said)


def _passers(state: State, above: Grant, own: KeyId) -> list[KeyId]:
    """Return on whose word a grant is passed on: one's own, or of all who may sign where several must."""
    held = ((key, state.holder(key)) for key in above.keys if above.needed > 1)
    return sorted({own, *(key for key, holder in held if holder is not None and holder.active)})[:64]


def grant_remove(desk: Desk, arguments: Json) -> Json:
    """Take a grant back; what stands under it goes by the next shorter prefix from then on."""
    session, state = desk.session(arguments["token"]), desk.log.state
    prefix = _prefix(state, arguments["prefix"])
    sections = [s for s in ("trust", PASSED) if state.value(s, GRANT + prefix) is not None]
    if not sections:
        raise Refused(
            "no-grant",
            f"nothing is granted for just {_title(state, prefix)}; `dusk grant list` shows what is",
        )
    edits = tuple(edit_of(state, section, GRANT + prefix, None) for section in sections)
    return handed_in(desk, session, f"{_title(state, prefix)} granted no more", edits, arguments["timeout_s"])


def _limit(listed: Sequence[str] | None) -> list[str] | None:
    return None if listed is None else sorted(set(listed))


def _title(state: State, prefix: str) -> str:
    """Return a prefix with the name of its device in place of the id."""
    kind, slash, rest = prefix.partition("/")
    if kind not in _OF_DEVICES or not slash:
        return prefix
    device, *part = rest.split("/")
    return "/".join([kind, names.device_name(state, bytes.fromhex(device)), *part])


def _prefix(state: State, text: str) -> str:
    """Return a prefix of sections, the names of devices in it as ids."""
    parts = text.strip("/").split("/")
    if parts[0] in _OF_DEVICES and len(parts) > 1:
        parts[1] = names.device_id(state, parts[1]).hex()
    kinds = [kind.value for kind in SectionKind if "/" not in kind.value]
    if parts[0] not in kinds or len(parts) > 3:
        raise Refused(
            "bad-target", f"{text!r}: no section begins so; sections begin with {', '.join(sorted(kinds))}"
        )
    return "/".join([parts[0], *(names.component(part, "section") for part in parts[1:])])


def _key_of(state: State, name: str) -> KeyId:
    return key_id(able_user(state, name).public)


def user_named(state: State, name: str) -> views.User:
    """Return a person.

    Raises:
        Refused: ``no-user``.
    """
    found = next((user for user in views.users(state) if user.name == name), None)
    if found is None:
        raise Refused("no-user", f"there is no user {name!r}; `dusk user list` shows them")
    return found


def able_user(state: State, name: str) -> views.User:
    """Return a person who may sign at all: who was disabled never does again, whatever else is given.

    Raises:
        Refused: ``no-user``, or ``disabled``.
    """
    user = user_named(state, name)
    if user.disabled:
        raise Refused(
            "disabled",
            f"{name} is disabled, for good; `dusk user add` adds whoever comes back, by another name",
        )
    return user


# --- sections ------------------------------------------------------------------------------------


def section_list(desk: Desk, arguments: Json) -> Json:
    """Return the sections of the datastore with whose keys may sign for them, a page at a time."""
    state, prefix, after = desk.log.state, arguments["prefix"], arguments["after"]
    inner = _prefix(state, prefix) if prefix else ""
    found = [
        p for p in state.sections() if p > after and (not inner or p == inner or p.startswith(f"{inner}/"))
    ]
    rows = [
        {
            "path": path,
            "title": _title(state, path),
            "records": len(state.records(path)),
            "who": who_may(state, path),
        }
        for path in found[:SECTIONS_SHOWN_MAX]
    ]
    return {"sections": rows, "more": len(found) > SECTIONS_SHOWN_MAX}


def section_show(desk: Desk, arguments: Json) -> Json:
    """Return a section: its hash, its proper keys, its records and what last wrote each."""
    state, path = desk.log.state, _prefix(desk.log.state, arguments["path"])
    records = state.records(path)
    if not state.keys(path):
        raise Refused(
            "no-section", f"there is no section {arguments['path']!r}; `dusk section list` shows them"
        )
    keys = [key for key in sorted(records) if key > arguments["after"]]
    rows = [
        {
            "key": key,
            "says": words.describe(state, path, key, records[key].data)[1],
            "version": desk.log.position_of(records[key].base),
        }
        for key in keys[:RECORDS_SHOWN_MAX]
    ]
    return {
        "path": path,
        "title": _title(state, path),
        "hash": state.section_hash(path).hex(),
        "who": who_may(state, path),
        "records": rows,
        "more": len(keys) > RECORDS_SHOWN_MAX,
    }


def who_may(state: State, path: str) -> str:
    """Return in words whose keys satisfy a section that there is."""
    owners = sorted(state.owners().values())
    quorum = f"owner {owners[0]}" if len(owners) == 1 else f"{state.quorum} of the owners {', '.join(owners)}"
    parsed = parse_path(path)
    if parsed.kind is SectionKind.FACTS:
        return "this device's own key"
    grant = grant_for(state, path)
    is_less = grant is not None and grant.needed < state.quorum
    extra = (
        []
        if grant is None
        else [
            f"{grant.needed} of {', '.join(_people(state, grant))}{' and the owners' if is_less else ''}"
            if len(grant.keys) > 1 or is_less
            else ", ".join(_people(state, grant))
        ]
    )
    extra = [text for text in extra if text]
    if parsed.kind is SectionKind.USER:
        extra = [f"{parsed.name} for the password"]
    return ", or ".join([quorum, *extra])
