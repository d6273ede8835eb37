"""Who comes and who goes: methods by which people let devices in, turn them away, and take them out."""

from collections.abc import Collection, Sequence

from dusk import codec
from dusk.changelog import views
from dusk.changelog.returning import REBOUND
from dusk.changelog.roles import SUCCESSION
from dusk.changelog.sections import device_path
from dusk.changelog.state import State
from dusk.control import names
from dusk.control.acting import PROPOSED, handed_in, unchanged
from dusk.control.approving import Approval, Approved, Edits, Wish, free_name, in_succession, succeed
from dusk.control.desk import Desk, Json, Session, Waiting
from dusk.control.history import change_of
from dusk.control.newcomers import ID_CHARACTERS_MIN, expected_for, find, online_devices
from dusk.control.proposing import check_new
from dusk.counting import counted
from dusk.errors import Refused
from dusk.ids import ChangeId, DeviceId, KeyId
from dusk.limits import CHANGE_BYTES_MAX, OPERATIONS_MAX

# --- letting in ----------------------------------------------------------------------------------


def device_approve(desk: Desk, arguments: Json) -> Json:
    """Let devices in that wait: those named, or all; and say that one that came back by itself is right."""
    session, wanted, everybody = desk.session(arguments["token"]), arguments["names"], arguments["all"]
    wish = Wish(arguments["name"], tuple(arguments["groups"]))
    if bool(wanted) == everybody:
        raise Refused("bad-params", "name the devices to let in, or say all")
    if wish.name and len(wanted) != 1:
        raise Refused("bad-params", "a name is for one device")
    confirmed = [device for name in wanted if (device := _came_back(desk.log.state, name)) is not None]
    if confirmed and (wish.name or wish.groups):
        raise Refused("bad-params", "it came back as what it was: see `dusk device rename`, `dusk group add`")
    waits = [name for name in wanted if _came_back(desk.log.state, name) is None]
    chosen = _in_order(desk) if everybody else [find(desk, name) for name in waits]
    if not chosen and not confirmed:
        raise Refused("not-pending", "no device waits to be let in; `dusk device list` shows who does")
    approval = approval_by(desk, session)
    for device in confirmed:
        approval.confirm(device)
    rebinds = [] if wanted or arguments["with_rebinds"] else _rebinds(approval, chosen)
    apart = {row["id"] for row in rebinds}
    chosen = [waiting for waiting in chosen if waiting.pending.device.hex() not in apart]
    skipped = _add_all(desk, approval, chosen, wish, is_strict=not everybody)
    left = len(chosen) + len(confirmed) - len(approval.approved) - len(skipped)
    answer = signed_approval(desk, session, arguments, approval)
    return {**answer, "skipped": skipped, "rebinds": rebinds, "left": left}


def _in_order(desk: Desk) -> list[Waiting]:
    """Return all who wait: those that are expected, then in the order in which they asked first.

    The first one that is let in may become the backup, and an id can be made again and again until it is the
    lowest (A29).
    """
    state = desk.log.state

    def place(waiting: Waiting) -> tuple[bool, float, DeviceId]:
        pending = waiting.pending
        return expected_for(state, pending.label) is None, -waiting.asked_s_ago, pending.device

    return sorted(desk.pending(), key=place)


def _came_back(state: State, name: str) -> DeviceId | None:
    """Return a member of that name that came back by itself, and waits for a person's word."""
    device = views.device_by_name(state, name)
    section = None if device is None else device_path(device)
    if section is None or state.value(section, "retired") is not None:
        return None
    return device if state.value(section, REBOUND) is not None else None


def _rebinds(approval: Approval, chosen: Sequence[Waiting]) -> list[Json]:
    """Return those that would take an absent member's place: a label says so, and a person must, too."""
    found = ((waiting.pending, approval.would_replace(waiting.pending)) for waiting in chosen)
    return [{"id": p.device.hex(), "label": p.label, "like": like} for p, like in found if like]


def approval_by(desk: Desk, session: Session) -> Approval:
    """Return an approval that lets nobody in yet; an owner who alone is the quorum makes the backup, too."""
    state = desk.log.state

    def signers_of(change: ChangeId) -> Collection[KeyId]:
        found = change_of(desk, change)
        return () if found is None else [signature.key_id for signature in found.signatures]

    makes_backup = _is_alone(state, session)
    return Approval(state, online_devices(desk), makes_backup=makes_backup, signers_of=signers_of)


def _is_alone(state: State, session: Session) -> bool:
    """Tell whether a person alone may say who leads."""
    return state.quorum == 1 and session.key.key_id in state.owners()


def check_unproposed(desk: Desk, device: DeviceId) -> None:
    """Check that nobody has proposed yet to let a device in.

    Raises:
        Refused: ``proposed-already``.
    """
    is_made = (device_path(device), "key")
    check_new(desk, lambda joint: is_made in ((o.section, o.key) for o in joint.body.operations))


def _add_all(
    desk: Desk, approval: Approval, chosen: Sequence[Waiting], wish: Wish, *, is_strict: bool
) -> list[Json]:
    """Add devices as long as the change has room; returns those that need a word of their own."""
    skipped = []
    for waiting in {w.pending.device: w for w in chosen}.values():
        if approval.is_full:
            break
        try:
            check_unproposed(desk, waiting.pending.device)
            approval.add(waiting.pending, wish)
        except Refused as refusal:
            if is_strict:
                raise
            pending = waiting.pending
            skipped.append({"id": pending.device.hex(), "label": pending.label, "reason": refusal.reason})
    return skipped


def signed_approval(desk: Desk, session: Session, arguments: Json, approval: Approval) -> Json:
    """Sign an approval and hand it in; nothing, if it lets nobody in."""
    devices = [_approved(each) for each in approval.approved]
    if not devices:
        return {**unchanged("nobody is let in"), "devices": devices}
    message = "; ".join(_words(each) for each in approval.approved)
    if len(message) > 200:
        backups = "".join(
            f"{e.name} takes over if the master fails; " for e in approval.approved if e.is_backup
        )
        message = (
            f"{backups}{len(devices)} devices join: {', '.join(each.name for each in approval.approved)}"
        )
    message = codec.shortened(message, 1000)
    answer = handed_in(desk, session, message, approval.edits.all, arguments["timeout_s"])
    return {**answer, "devices": devices}


def _approved(each: Approved) -> Json:
    return {
        "id": each.device.hex(),
        "name": each.name,
        "label": each.label,
        "groups": list(each.groups),
        "variables": dict(each.variables),
        "replaces": each.replaces,
        "backup": each.is_backup,
        "text": _words(each),
    }


def _words(each: Approved) -> str:
    if each.is_confirmed:
        return f"{each.name} came back under a new key, and that is right"
    if each.replaces:
        return f"{each.name} is back under a new key"
    groups = f" in {', '.join(each.groups)}" if each.groups else ""
    return f"{each.name} joins{groups}{', and takes over if the master fails' if each.is_backup else ''}"


def device_reject(desk: Desk, arguments: Json) -> Json:
    """Turn devices away that wait; they are not let in by that join key any more."""
    session, edits = desk.session(arguments["token"]), Edits(desk.log.state)
    chosen = [find(desk, name).pending for name in arguments["names"]]
    for pending in chosen:
        edits.put(f"joinkey/{pending.joinkey}", f"rejected/{pending.device.hex()}", (True,))
    if not chosen:
        raise Refused("bad-params", "name the devices to turn away")
    message = f"turned away: {', '.join(pending.device.hex()[:8] for pending in chosen)}"
    return handed_in(desk, session, message, edits.all, arguments["timeout_s"])


# --- members -------------------------------------------------------------------------------------


def device_rename(desk: Desk, arguments: Json) -> Json:
    """Give a device another name."""
    session, state = desk.session(arguments["token"]), desk.log.state
    device = names.device_id(state, arguments["name"])
    former = names.device_name(state, device)
    if former == arguments["new_name"]:
        return unchanged(f"it is called {former} already")
    name, edits = free_name(arguments["new_name"], state.device_names()), Edits(state)
    edits.put(device_path(device), "name", (name,))
    return handed_in(desk, session, f"{former} is called {name}", edits.all, arguments["timeout_s"])


def device_remove(desk: Desk, arguments: Json) -> Json:
    """Take devices out of the cluster, for good."""
    session, state = desk.session(arguments["token"]), desk.log.state
    edits, wipe = Edits(state), arguments["wipe_managed"]
    devices = [_member(state, name) for name in arguments["names"]]
    if not devices:
        raise Refused("bad-params", "name the devices to remove")
    for device in devices:
        _retire(edits, device, wipe=wipe)
    message = f"removed: {', '.join(names.device_name(state, device) for device in devices)}"
    answer = handed_in(desk, session, codec.shortened(message, 1000), edits.all, arguments["timeout_s"])
    online = online_devices(desk)
    away = [names.device_name(state, device) for device in devices if device not in online]
    return {**answer, "notes": [*answer["notes"], *_not_heard(away, wipe=wipe)]}


def _not_heard(away: Sequence[str], *, wipe: bool) -> list[str]:
    what = "its secrets come off" if wipe else "it is told"
    return [f"{name} is not heard now: {what} when it comes back" for name in away]


def _member(state: State, name: str) -> DeviceId:
    """Return an active device.

    Raises:
        Refused: ``no-device``, or ``not-member`` if it was removed before.
    """
    device = names.device_id(state, name)
    if state.value(device_path(device), "retired") is not None:
        raise Refused("not-member", f"{name} was removed from the cluster before")
    return device


def _retire(edits: Edits, device: DeviceId, *, wipe: bool = False) -> None:
    """End a device's membership.

    Raises:
        Refused: ``in-succession``.
    """
    if device in views.succession(edits.state):
        raise in_succession(names.device_name(edits.state, device))
    edits.put(device_path(device), "retired", (True,))
    if wipe:
        edits.put(device_path(device), "wipe", (True,))


def device_replace(desk: Desk, arguments: Json) -> Json:
    """Let another device, waiting or a member, have all that a member had; that one is removed."""
    session, state = desk.session(arguments["token"]), desk.log.state
    old, new = _member(state, arguments["old"]), arguments["new"]
    waiting = _waiting(desk, new)
    if waiting is not None:
        approval = approval_by(desk, session)
        approval.replace(waiting.pending, old)
        return signed_approval(desk, session, arguments, approval)
    device = _member(state, new)
    if device == old:
        raise Refused("bad-target", "a device cannot take its own place")
    edits, taken = Edits(state), set(state.device_names())
    name = succeed(edits, old, device, taken)
    groups = state.value(device_path(old), "groups")
    edits.put(device_path(device), "name", (name,))
    edits.put(device_path(device), "groups", groups or ([],))
    message = f"{names.device_name(state, device)} takes the place of {name}"
    answer = handed_in(desk, session, message, edits.all, arguments["timeout_s"])
    label = state.value(device_path(device), "label")
    approved = Approved(
        device, name, tuple(groups[0]) if groups else (), name, label=label[0] if label else ""
    )
    return {**answer, "devices": [_approved(approved)]}


def _waiting(desk: Desk, name: str) -> Waiting | None:
    try:
        return find(desk, name)
    except Refused as refusal:
        if refusal.code != "not-pending":
            raise
        return None


# --- join keys -----------------------------------------------------------------------------------


def joinkey_revoke(desk: Desk, arguments: Json) -> Json:
    """End a join key; with its devices, all that joined by it are removed, as many as one change takes.

    One that may lead is removed by the next change, for it leaves the succession first. Where whoever asks
    may not say that alone, or it leads, it stays, and is named.
    """
    session, state = desk.session(arguments["token"]), desk.log.state
    joinkey, edits = _joinkey(state, arguments["id"]), Edits(state)
    if not joinkey.revoked:
        edits.put(f"joinkey/{joinkey.id}", "revoked", (True,))
    brought = _brought(state, joinkey.id) if arguments["with_devices"] else []
    succession = views.succession(state)
    may_lead = [device for device in brought if device.device_id in succession]
    is_led = any(device.device_id == succession[0] for device in may_lead)
    stays = may_lead if is_led or not _is_alone(state, session) else []
    gone = []
    for device in brought:
        if len(edits.all) >= OPERATIONS_MAX - 1 or edits.size_bytes > CHANGE_BYTES_MAX // 2:
            break
        if device not in may_lead:
            _retire(edits, device.device_id)
            gone.append(device.name)
    freed = [] if stays else may_lead
    if freed:
        ids = {device.device_id for device in freed}
        edits.put(*SUCCESSION, ([device for device in succession if device not in ids],))
    left = len(brought) - len(gone) - len(stays)
    told = {"devices": gone, "left": left, "stays": [device.name for device in stays]}
    notes = [in_succession(device.name).reason for device in stays]
    if not edits.all:
        what = "nothing to change: it is revoked already"
        return {**unchanged(what), **told, "notes": notes}
    removed = f", {counted(len(gone), 'device')} removed" if gone else ""
    message = f"join key {joinkey.id[:8]} revoked{removed}"
    if freed:
        message += f"; {', '.join(device.name for device in freed)} may not lead any more"
    answer = handed_in(desk, session, codec.shortened(message, 1000), edits.all, arguments["timeout_s"])
    if left and answer["text"].startswith(PROPOSED):
        told["left"] = 0  # asked again now, it would be proposed again
        more = f"{left} more {'is' if left == 1 else 'are'} removed"
        notes = [*notes, f"{more} when you ask again after the others signed this"]
    return {**answer, **told, "notes": [*answer["notes"], *notes]}


def _brought(state: State, joinkey: str) -> list[views.Member]:
    """Return the members that joined by a key."""
    origins = ((m, state.value(device_path(m.device_id), "origin")) for m in views.members(state))
    return [member for member, origin in origins if origin is not None and origin[0] == joinkey]


def _joinkey(state: State, name: str) -> views.JoinRule:
    found = [j for j in views.joinkeys(state) if j.id.startswith(name)]
    if len(found) != 1 or len(name) < ID_CHARACTERS_MIN:
        raise Refused("no-joinkey", f"there is no join key {name!r}; `dusk joinkey list` shows them")
    return found[0]
