"""Recovering: what is to be signed with the phrase, and taking what was (A57).

The phrase and its key never come here. Whoever has them copies the log, verifies it, and works
out by the same functions what is to be signed, so that no router has a say in it.
"""

from base64 import b64decode, b64encode
from collections.abc import Collection, Container, Sequence

from dusk import codec, limits
from dusk.changelog import views
from dusk.changelog.body import Edit
from dusk.changelog.kinds import FROZEN, RECOVERED, is_recovery
from dusk.changelog.log import Log
from dusk.changelog.recovering import COUNTER, JOINS, RECOVERY, recovered_row
from dusk.changelog.sections import check_record, device_path, parse_path
from dusk.changelog.state import State
from dusk.control import cluster, forced, history, names
from dusk.control.acting import edit_of
from dusk.control.desk import Desk, Json
from dusk.control.roles import check_succession, succession_edit, succession_words
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ChainHash, ChangeId, DeviceId, Seq

ARMOUR = "dusk-recover-1:"
"""What a signed recovery begins with, as a line."""


def recovery_show(desk: Desk, _arguments: Json) -> Json:
    """Return which phrase is in force here: its public key, since when, and for which generation."""
    log, state = desk.log, desk.log.state
    public, record = views.recovery_key(state), state.record(*RECOVERY)
    return {
        "cluster": views.cluster_name(state),
        "id": state.cluster.hex(),
        "device": desk.device_id.hex(),
        "generation": log.head.generation,
        "key": None if public is None else public.hex(),
        "made": None if public is None or record is None else history.origin_of(desk, record.base),
        "owners": sorted(state.owners().values()),
    }


def recovery_prepare(desk: Desk, arguments: Json) -> Json:
    """Return what is to be signed for this device to lead and a new owner to own the cluster."""
    return to_recover(desk.log, desk.device_id, forced.heard_now(desk), arguments)


def recovery_join(desk: Desk, arguments: Json) -> Json:
    """Return what is to be signed for this side of two recovered ones to give way to the other (A37)."""
    return to_give_way(desk.log, desk.device_id, forced.heard_now(desk), arguments)


def to_recover(log: Log, own: DeviceId, heard: Container[DeviceId], arguments: Json) -> Json:
    """Return what is to be signed for a device to lead and a new owner to own the cluster.

    Args:
        log: upon whose head it is signed.
        own: the device that leads from then on.
        heard: who follows it, of those who may lead, where nobody is named.
        arguments: of ``recovery.prepare``.

    Raises:
        Refused: a name is taken or unknown, or nobody could lead so.
    """
    state = log.state
    user = names.component(arguments["user"], "user")
    if state.value(f"user/{user}", "key") is not None:
        raise Refused(
            "user-exists", f"there is a user {user!r} already; the new owner needs a name of its own"
        )
    revoked, disabled = _revoked(state, own, arguments["revoke"])
    leaders = forced.successors(state, own, arguments["backups"], heard)
    devices = tuple(device for device in leaders if device not in revoked)
    check_succession(devices)
    edits = (
        *_new_owner(state, user, arguments),
        *_raised(log, bytes.fromhex(arguments["following"])),
        *(() if state.value(*JOINS) is None else (edit_of(state, *JOINS, None),)),
        succession_edit(state, devices),
        *(edit_of(state, "trust", f"owner/{name}", None) for name in sorted(state.owners().values())),
        *(edit_of(state, f"user/{name}", "disabled", [True]) for name in disabled),
        *(edit_of(state, device_path(device), "retired", [True]) for device in revoked),
        *_forgiven(state, own),
        *_let_log_in(state, own, revoked),
    )
    _check(edits)
    return {
        **_to_sign(state, own, edits, devices),
        "revoked": [names.device_name(state, device) for device in revoked],
        "disabled": list(disabled),
    }


def to_give_way(log: Log, own: DeviceId, heard: Container[DeviceId], arguments: Json) -> Json:
    """Return what is to be signed for one side of two recovered ones to give way to the other (A37).

    Args:
        log: of the side that gives way.
        own: the device that leads there from then on.
        heard: who follows it, of those who may lead.
        arguments: of ``recovery.join``.

    Raises:
        Refused: ``not-apart``: the log has that version.
    """
    state = log.state
    chain = ChainHash(bytes.fromhex(arguments["head"]))
    if any(log.chain_at(Seq(seq)) == chain for seq in range(1, log.head.seq + 1)):
        raise Refused(
            "not-apart",
            "this router has that version in its own history: it is none of the side that is to stand",
        )
    devices = forced.successors(state, own, None, heard)
    edits = (
        *_raised(log, bytes.fromhex(arguments["following"])),
        edit_of(state, *JOINS, [chain]),
        succession_edit(state, devices),
        *_forgiven(state, own),
    )
    return {**_to_sign(state, own, edits, devices), "revoked": [], "disabled": []}


def _to_sign(state: State, own: DeviceId, edits: Sequence[Edit], devices: Sequence[DeviceId]) -> Json:
    return {
        "cluster": state.cluster.hex(),
        "device": own.hex(),
        "counter": COUNTER,
        "edits": [edit_row(edit) for edit in edits],
        "leads": succession_words(state, devices),
    }


def recovery_submit(desk: Desk, arguments: Json) -> Json:
    """Take a signed recovery: this device leads at once, and the cluster has another owner."""
    change = forced.read_armoured(arguments["line"], ARMOUR, "recovery", "bad-recovery")
    if not is_recovery(change):
        raise Refused("bad-recovery", "this is something else than a recovery")
    return {"ticket": desk.force_role(change, arguments["timeout_s"], {}), "hash": change.id.hex()}


def edit_row(edit: Edit) -> Json:
    """Return an edit as JSON; no data deletes the record."""
    return {
        "section": edit.section,
        "key": edit.key,
        "data": None if edit.data is None else b64encode(edit.data).decode(),
        "base": None if edit.base is None else edit.base.hex(),
    }


def edits_of(rows: object) -> tuple[Edit, ...]:
    """Read what a router asks to be signed, for whoever has the phrase.

    Raises:
        UntrustedInput: these are no edits.
    """
    found = []
    try:
        for row in codec.items(rows, limits.OPERATIONS_MAX, "edits"):
            assert isinstance(row, dict)
            data, base = row["data"], row["base"]
            found.append(
                Edit(
                    str(row["section"]),
                    str(row["key"]),
                    None if data is None else b64decode(data, validate=True),
                    None if base is None else ChangeId(bytes.fromhex(base)),
                )
            )
    except (AssertionError, KeyError, TypeError, ValueError):
        raise UntrustedInput("edits that cannot be read") from None
    return tuple(found)


def _new_owner(state: State, user: str, arguments: Json) -> tuple[Edit, ...]:
    public, section = bytes.fromhex(arguments["public"]), f"user/{user}"
    try:
        sealed = b64decode(arguments["sealed"], validate=True)
    except ValueError:
        raise Refused("bad-params", "sealed: base64 is wanted") from None
    return (
        edit_of(state, "trust", f"owner/{user}", [public]),
        edit_of(state, "trust", "quorum", [1]),
        edit_of(state, section, "key", [public]),
        edit_of(state, section, "sealed", [sealed]),
    )


def _raised(log: Log, following: bytes) -> tuple[Edit, ...]:
    head, state = log.head, log.state
    row = codec.unpack(recovered_row(head), size_max=limits.VALUE_BYTES_MAX)
    return (
        edit_of(state, *RECOVERED, row),
        edit_of(state, *RECOVERY, [following, head.generation + 1]),
    )


def _forgiven(state: State, device: DeviceId) -> tuple[Edit, ...]:
    """Take the mark from this device, if it has one: who has the phrase makes it lead."""
    path = device_path(device)
    return () if state.value(path, FROZEN) is None else (edit_of(state, path, FROZEN, None),)


def _let_log_in(state: State, own: DeviceId, revoked: Collection[DeviceId]) -> tuple[Edit, ...]:
    """Put this device on the list of where people log in, if one counts: the new owner is here."""
    listed = [device for device in cluster.logins_listed(state) if device not in revoked]
    if not listed or own in listed:
        return ()
    row = sorted([own, *listed[: limits.LOGIN_DEVICES_MAX - 1]])
    return (edit_of(state, *cluster.LOGINS, [row]),)


def _revoked(
    state: State, own: DeviceId, given: Sequence[str]
) -> tuple[tuple[DeviceId, ...], tuple[str, ...]]:
    """Return which devices and which people are revoked: those named, and all who own the cluster now.

    Each of these people is written, whatever stands there, so that who signs sees it done (A57).
    """
    people = {user.name: user for user in views.users(state)}
    members = {member.device_id for member in views.members(state)}
    devices: list[DeviceId] = []
    users = set(state.owners().values())
    for name in given:
        kind, slash, rest = name.partition("/")
        is_user = kind == "user" if slash else name in people
        if is_user and not slash and views.device_by_name(state, name) in members:
            raise Refused("bad-name", f"{name!r} is a person and a device: say user/{name} or device/{name}")
        if is_user:
            users.add(_person(people, rest if slash else name))
        else:
            devices.append(_device(state, own, members, rest if slash and kind == "device" else name))
    return tuple(dict.fromkeys(devices)), tuple(sorted(users))


def _person(people: dict[str, views.User], name: str) -> str:
    if name not in people:
        raise Refused("no-user", f"there is no user {name!r}; `dusk user list` shows them")
    return name


def _device(state: State, own: DeviceId, members: set[DeviceId], name: str) -> DeviceId:
    try:
        device = names.device_id(state, name)
    except Refused as error:
        raise Refused(error.code, f"{name!r} is no person and no router: {error.reason}") from None
    if device not in members:
        raise Refused("not-member", f"{name} was removed from the cluster before")
    if device == own:
        raise Refused("not-here", f"{name} is this router, which is to lead: recover on another one")
    return device


def _check(edits: Sequence[Edit]) -> None:
    """Refuse what could not stand in the log, before it is signed."""
    try:
        for edit in edits:
            check_record(parse_path(edit.section), edit.key, edit.data)
    except UntrustedInput as error:
        raise Refused("bad-params", str(error)) from None
