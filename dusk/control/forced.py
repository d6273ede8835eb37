"""A role that owners force: made here, or collected in a file until a quorum has signed (A44).

The file is a line of text: the change that the `open` of the device carries, with the
signatures so far. It is worth nothing to who has it, but to the device that it names, at
the log at which it was signed; and a master that withholds changes never sees it.
"""

from base64 import b64decode, b64encode
from collections.abc import Container, Sequence

from dusk.changelog import views
from dusk.changelog.body import Change, Edit, decode_change
from dusk.changelog.entry import EntryKind
from dusk.changelog.fold import claims_of
from dusk.changelog.kinds import FROZEN, MANDATE, is_recovery, kind_of
from dusk.changelog.log import Log
from dusk.changelog.roles import Role, mandate_row, read_role
from dusk.changelog.sections import check_record, device_path, parse_path
from dusk.changelog.state import State
from dusk.control import names, words
from dusk.control.attesting import hand_in_role
from dusk.control.desk import Desk, Json, Session
from dusk.control.outside import check_signed, signature_by
from dusk.control.roles import check_succession, new_holder, succession_edit, succession_words
from dusk.control.signing import sign
from dusk.errors import Refused, UntrustedInput
from dusk.ids import DeviceId
from dusk.keys.signing import verify

ARMOUR = "dusk-role-1:"
"""What a file with a role begins with."""
COUNTERS_SKIPPED = 1000
"""Its author may sign so many other changes at this device while signatures are collected."""


# --- making ---------------------------------------------------------------------------------------


def role_force(desk: Desk, arguments: Json) -> Json:
    """Make this device lead by the owners' word; with ``collect`` as a line for others to sign."""
    session, log = desk.session(arguments["token"]), desk.log
    state, is_collected = log.state, arguments["collect"]
    _check_owner(state, session.key.key_id)
    if state.quorum > 1 and not is_collected:
        raise Refused(
            "more-signatures",
            f"{state.quorum} owners must sign: `dusk role master --here --force --out F` here, then "
            "`dusk sign F` by the others on any router, then `dusk role master --here --force --in F` here",
        )
    devices = successors(state, desk.device_id, arguments["backups"], heard_now(desk))
    check_succession(devices)
    text = f"forced: {succession_words(state, devices)}"
    skipped = COUNTERS_SKIPPED if is_collected else 0
    change = sign(desk, session, text, role_edits(log, devices), counters_skipped=skipped)
    if is_collected:
        check_signed(session.key, change)
        return _described(desk, change, read_role(change))
    return _hand_in(desk, session, change, devices, arguments["timeout_s"])


def heard_now(desk: Desk) -> frozenset[DeviceId]:
    """Return which devices are heard at this one."""
    return frozenset(device for device, peer in desk.peers().items() if peer.online)


def successors(
    state: State, own: DeviceId, backups: Sequence[str] | None, heard: Container[DeviceId]
) -> tuple[DeviceId, ...]:
    """Return who leads: this device, then those named, or the holders that are heard now."""
    if backups is not None:
        return (own, *(new_holder(state, name, by_force=True) for name in backups))
    others = (device for device in views.succession(state) if device != own and device in heard)
    return (own, *(device for device in others if state.value(device_path(device), FROZEN) is None))


def role_edits(log: Log, devices: Sequence[DeviceId]) -> tuple[Edit, ...]:
    """Return what a forced role changes: succession, mandate, and the marks of those that it names.

    Args:
        log: whose head is the one that the owners saw.
        devices: who leads from there on, and the backups behind it.
    """
    state = log.state
    mandate = state.record(*MANDATE)
    marks = []
    for device in devices:
        mark = state.record(device_path(device), FROZEN)
        if mark is not None and mark.data is not None:
            marks.append(Edit(device_path(device), FROZEN, None, mark.base))
    return (
        succession_edit(state, devices),
        Edit(*MANDATE, mandate_row(log.head), None if mandate is None else mandate.base),
        *marks,
    )


# --- collecting -----------------------------------------------------------------------------------


def role_read(desk: Desk, arguments: Json) -> Json:
    """Return what a collected role says and who has signed it."""
    change = read_line(arguments["line"])
    return _described(desk, change, _checked(desk.log.state, change))


def role_sign(desk: Desk, arguments: Json) -> Json:
    """Add the session's signature to a collected role."""
    session, state = desk.session(arguments["token"]), desk.log.state
    change = read_line(arguments["line"])
    role = _checked(state, change)
    _check_fits(desk.log, role)
    signer = session.key.key_id
    _check_owner(state, signer)
    if any(s.key_id == signer for s in change.signatures):
        raise Refused("signed-already", f"{session.user} has signed this already")
    signature = signature_by(session.key, state.cluster, change)
    check_signed(session.key, change._replace(signatures=(signature,)))
    signatures = sorted((*change.signatures, signature), key=lambda s: s.key_id)
    return _described(desk, change._replace(signatures=tuple(signatures)), role)


def role_submit(desk: Desk, arguments: Json) -> Json:
    """Take a collected role: this device leads at once."""
    change, state = read_line(arguments["line"]), desk.log.state
    role = _checked(state, change)
    if role.succession[0] != desk.device_id:
        first = names.device_name(state, role.succession[0])
        raise Refused("not-here", f"this role is {first}'s; run the command there")
    missing = state.quorum - len(change.signatures)
    if missing > 0:
        raise Refused("more-signatures", f"{missing} more of the owners must `dusk sign` the file first")
    _check_fits(desk.log, role)
    return _hand_in(desk, None, change, role.succession, arguments["timeout_s"])


def line_of(change: Change, armour: str = ARMOUR) -> str:
    """Return a role as the line of its file, or another change that goes by one."""
    return armour + b64encode(change.encode()).decode()


def read_line(line: str) -> Change:
    """Read the line of a role's file.

    Raises:
        Refused: ``bad-role``: it is none, or not whole.
    """
    change = read_armoured(line, ARMOUR, "role", "bad-role")
    if kind_of(change) is not EntryKind.OPEN or is_recovery(change):
        raise Refused("bad-role", "the file holds something else than a forced role")
    return change


def read_armoured(line: str, armour: str, what: str, code: str) -> Change:
    """Read a change from a line.

    Args:
        line: as it was given.
        armour: what it begins with.
        what: it is, for people.
        code: of the refusal.

    Raises:
        Refused: it is none, or not whole, or of another kind.
    """
    text = line.strip()
    try:
        change = decode_change(b64decode(text.removeprefix(armour), validate=True))
    except (ValueError, UntrustedInput):
        raise Refused(code, f"this is no {what}, or not the whole of it") from None
    if line_of(change, armour) != text:
        raise Refused(code, f"this is something else than a {what}")
    return change


def _checked(state: State, change: Change) -> Role:
    """Return what a role says once all of it is known to be what may stand there, signed by owners.

    Raises:
        Refused: ``foreign-cluster``, ``bad-role`` or ``bad-signature``.
    """
    if change.body.cluster != state.cluster:
        raise Refused("foreign-cluster", "the role is for another cluster")
    try:
        for operation, value in zip(change.body.operations, change.values, strict=True):
            check_record(parse_path(operation.section), operation.key, None if value is None else value.data)
    except UntrustedInput as error:
        raise Refused("bad-role", str(error)) from None
    role, owners = read_role(change), state.owners()
    if change.body.author not in {s.key_id for s in change.signatures}:
        raise Refused("bad-signature", "the signature of who made the role is missing")
    if any(s.key_id not in owners for s in change.signatures):
        raise Refused("bad-signature", "the role is signed by somebody who is no owner")
    if not all(verify(*claim) for claim in claims_of(state, change)):
        raise Refused("bad-signature", "a signature on the role does not verify")
    return role


def _check_fits(log: Log, role: Role) -> None:
    """Refuse a role that this log has left behind."""
    if role.mandate.number != log.head.mandate + 1:
        raise Refused("superseded", "owners have forced another role since; make this one anew")
    if log.chain_at(role.mandate.seq) != role.mandate.chain:
        at = f"at version {role.mandate.seq}"
        raise Refused("not-ancestor", f"the role was signed on another history than this router's, {at}")


def _check_owner(state: State, signer: bytes) -> None:
    if signer not in state.owners():
        owners = ", ".join(sorted(state.owners().values()))
        raise Refused("missing-signatures", f"roles are forced by the owners: {owners}")


def _described(desk: Desk, change: Change, role: Role) -> Json:
    state, owners = desk.log.state, desk.log.state.owners()
    pairs = list(zip(change.body.operations, change.values, strict=True))
    found = [
        words.difference(
            state,
            operation.section,
            operation.key,
            None if (record := state.record(operation.section, operation.key)) is None else record.data,
            None if value is None else value.data,
        )
        for operation, value in pairs
    ]
    return {
        "line": line_of(change),
        "hash": change.id.hex(),
        "leads": names.device_name(state, role.succession[0]),
        "succession": [names.device_name(state, device) for device in role.succession],
        "signed": sorted(owners[s.key_id] for s in change.signatures),
        "missing": max(0, state.quorum - len(change.signatures)),
        "message": change.body.message,
        "diff": words.diff_text(found),
    }


# --- taking ---------------------------------------------------------------------------------------


def _hand_in(
    desk: Desk, session: Session | None, change: Change, devices: Sequence[DeviceId], timeout_s: float
) -> Json:
    log = desk.log
    left_out = [d for d in views.succession(log.state) if d not in devices]
    text, notes = succession_words(log.state, devices), _what_follows(log.state, left_out)
    ticket = hand_in_role(desk, session, change, timeout_s)
    return {"ticket": ticket, "hash": change.id.hex(), "text": text, "notes": notes}


def _what_follows(state: State, left_out: Sequence[DeviceId]) -> list[str]:
    """Say what becomes of the devices that may lead no longer."""
    if not left_out:
        return []
    who = ", ".join(names.device_name(state, device) for device in left_out)
    if len(left_out) == 1:
        is_not, back, it = "is not", "when it comes back it follows, and what it", "it a backup"
    else:
        is_not, back, it = "are not", "when they come back they follow, and what they", "them backups"
    text = f"{who} may lead no longer and {is_not} waited for; {back} alone had written is handed in again"
    return [f"{text}; `dusk role backup` makes {it} again"]
