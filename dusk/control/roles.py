"""Who leads, who would next, who holds up what is final; and owners' changes of that."""

from collections.abc import Sequence

from dusk import codec, limits
from dusk.changelog import views
from dusk.changelog.body import Edit
from dusk.changelog.genesis import MANUAL_BACKUP
from dusk.changelog.kinds import FROZEN
from dusk.changelog.log import Log
from dusk.changelog.roles import SUCCESSION
from dusk.changelog.sections import device_path
from dusk.changelog.state import State
from dusk.control import names
from dusk.control.acting import PROPOSED, handed_in
from dusk.control.desk import Desk, Json
from dusk.cycle.handback import STABLE_CYCLES
from dusk.errors import Refused
from dusk.ids import DeviceId


def role_of(succession: Sequence[DeviceId], leader: DeviceId | None, device: DeviceId) -> str:
    """Return a member's role: who leads is master, the first of the others that may is the backup.

    Args:
        succession: the devices that may lead, in order.
        leader: who leads now.
        device: whose role.
    """
    if device == leader:
        return "master"
    return "backupMaster" if [d for d in succession if d != leader][:1] == [device] else "member"


# --- looking -------------------------------------------------------------------------------------


def role_show(desk: Desk, _arguments: Json) -> Json:
    """Return the succession: who leads, what each holder has, and what waits for whom."""
    log = desk.log
    holders = [_holder(desk, device) for device in _holders(log)]
    return {
        "leader": names.device_name(log.state, _leader(log)),
        "epoch": log.head.epoch,
        "mandate": log.head.mandate,
        "head": log.head.seq,
        "settled": log.settled,
        "holders": holders,
        "notes": [*_unsettled(log, holders), *_to_come(log), *no_backup(log)],
    }


def _holders(log: Log) -> list[DeviceId]:
    """Return who may lead, in order, then who must still acknowledge that it no longer may."""
    succession = views.succession(log.state)
    former = log.required_at(log.head.seq) - set(succession) if log.settled < log.head.seq else set()
    return [*succession, *sorted(former)]


def _holder(desk: Desk, device: DeviceId) -> Json:
    log = desk.log
    succession = views.succession(log.state)
    peer = desk.peers().get(device)
    head = 0 if peer is None else peer.head_seq
    awaited = log.settled < log.head.seq and device in log.required_at(log.head.seq)
    return {
        "name": names.device_name(log.state, device),
        "id": device.hex(),
        "place": succession.index(device) if device in succession else None,
        "role": role_of(succession, log.leader, device) if device in succession else "former",
        "online": peer is not None and peer.online,
        "head": head,
        "behind": max(0, log.head.seq - head),
        "awaited": awaited,
        "seen_s_ago": None if peer is None else peer.seen_s_ago,
        "frozen": log.state.value(device_path(device), FROZEN) is not None,
    }


def _unsettled(log: Log, holders: Sequence[Json]) -> list[str]:
    """Say what is not final yet, and who is missing for that."""
    if log.settled >= log.head.seq:
        return []
    missing = [h["name"] for h in holders if h["awaited"] and not (h["online"] and not h["behind"])]
    who = f": {', '.join(missing)} must acknowledge it first" if missing else ""
    return [f"what stands above version {log.settled} is not final yet{who}"]


def _to_come(log: Log) -> list[str]:
    """Say that the lead is to be handed over."""
    first = views.succession(log.state)[0]
    return [] if first == _leader(log) else [_handover_words(log, first)]


def _leader(log: Log) -> DeviceId:
    assert log.leader is not None, "a log that is not empty was opened by somebody"
    return log.leader


def _handover_words(log: Log, first: DeviceId) -> str:
    name, former = names.device_name(log.state, first), names.device_name(log.state, _leader(log))
    seconds = STABLE_CYCLES * views.cycle_ms(log.state) / 1000
    return (
        f"{name} leads as soon as {former} has heard it for {STABLE_CYCLES} cycles in a row "
        f"({seconds:g} s); until then {former} goes on"
    )


def no_backup(log: Log) -> list[str]:
    """Ask for a backup where there is a device that could be one, and nobody takes over (P11)."""
    succession = views.succession(log.state)
    if len(succession) != 1 or len(views.members(log.state)) == 1 or _is_manual(log.state):
        return []
    name = names.device_name(log.state, succession[0])
    return [f"no backup: only {name} may lead; `dusk role backup DEVICE` says who does when it fails"]


def frozen_members(log: Log) -> list[str]:
    """Ask what is to be done with devices that were proved to have signed two histories (A13)."""
    return [
        f"{device.name} signed two histories: its key is on two devices, or it lies; find out which, then"
        " `dusk role master --here --force` on the router that is to lead, with --backup for who follows it:"
        f" {device.name} again, or not"
        for device in views.members(log.state)
        if log.state.value(device_path(device.device_id), FROZEN) is not None
    ]


def _is_manual(state: State) -> bool:
    """Tell whether the cluster was made for owners to name each backup themselves."""
    return state.value(*MANUAL_BACKUP) is not None


def backup_by_approval(state: State, device: DeviceId) -> Edit | None:
    """Return the edit that makes a device the backup in the change by which owners approve it.

    The first one becomes it, unless the cluster was made with ``--no-auto-backup``.

    Args:
        state: what the log says; the device need not be in it yet.
        device: whom the owners' quorum lets in.
    """
    succession = views.succession(state)
    if len(succession) != 1 or _is_manual(state):
        return None
    return succession_edit(state, (*succession, device))


# --- changing ------------------------------------------------------------------------------------


def role_master(desk: Desk, arguments: Json) -> Json:
    """Make a device the first of the succession; the others follow in their order."""
    log = desk.log
    device = new_holder(log.state, arguments["device"])
    rest = (other for other in views.succession(log.state) if other != device)
    return _succeed(desk, arguments, (device, *rest))


def role_backups(desk: Desk, arguments: Json) -> Json:
    """Say which devices follow the first of the succession, in order; who is not named follows no more."""
    state = desk.log.state
    first = views.succession(state)[0]
    devices = [new_holder(state, name) for name in arguments["devices"]]
    if first in devices:
        reason = f"{names.device_name(state, first)} is first; `dusk role master OTHER` puts another first"
        raise Refused("bad-succession", reason)
    return _succeed(desk, arguments, (first, *devices))


def new_holder(state: State, name: str, *, by_force: bool = False) -> DeviceId:
    """Return a device that may be put into the succession.

    Args:
        state: what the log says.
        name: the device's name or id.
        by_force: whether owners force the role; that takes the mark from a frozen device.

    Raises:
        Refused: ``no-device``, ``not-member`` or ``frozen``.
    """
    device = names.device_id(state, name)
    if device not in {member.device_id for member in views.members(state)}:
        raise Refused("not-member", f"{name} was removed from the cluster and cannot lead")
    is_new = device not in views.succession(state) and not by_force
    if is_new and state.value(device_path(device), FROZEN) is not None:
        raise Refused("frozen", f"{name} has signed two histories; it leads only where owners force its role")
    return device


def check_succession(devices: Sequence[DeviceId]) -> None:
    """Refuse a succession that cannot stand in the log."""
    if len(set(devices)) != len(devices):
        raise Refused("bad-succession", "a device is named twice")
    if len(devices) > limits.SUCCESSION_MAX:
        reason = f"{len(devices)} devices are too many; at most {limits.SUCCESSION_MAX} may lead"
        raise Refused("bad-succession", reason)


def succession_edit(state: State, devices: Sequence[DeviceId]) -> Edit:
    """Return the edit that sets the succession, on top of what is there."""
    record = state.record(*SUCCESSION)
    return Edit(*SUCCESSION, codec.pack((tuple(devices),)), None if record is None else record.base)


def succession_words(state: State, devices: Sequence[DeviceId]) -> str:
    """Return a succession in words."""
    first, *others = (names.device_name(state, device) for device in devices)
    return f"{first} leads" + (f", then {', '.join(others)}" if others else ", and nobody takes over")


def _succeed(desk: Desk, arguments: Json, devices: Sequence[DeviceId]) -> Json:
    """Sign and submit another succession, or propose it where others must sign, too."""
    session, log = desk.session(arguments["token"]), desk.log
    check_succession(devices)
    before, words = views.succession(log.state), succession_words(log.state, devices)
    if before == tuple(devices):
        return {"ticket": None, "hash": "", "text": f"nothing to change: {words}", "notes": []}
    answer = handed_in(
        desk,
        session,
        f"succession: {words}",
        (succession_edit(log.state, devices),),
        arguments["timeout_s"],
    )
    if answer["text"].startswith(PROPOSED):
        return {**answer, "text": f"{PROPOSED}{words}"}
    return {**answer, "text": words, "notes": _what_follows(desk, before, devices)}


def _what_follows(desk: Desk, before: Sequence[DeviceId], after: Sequence[DeviceId]) -> list[str]:
    """Say what happens next: who leads from when on, and whose word is still waited for."""
    log, peers = desk.log, desk.peers()
    notes = []
    if after[0] != _leader(log):
        notes.append(_handover_words(log, after[0]))
    away = [d for d in before if d not in after and not ((peer := peers.get(d)) is not None and peer.online)]
    if away:
        who = ", ".join(names.device_name(log.state, device) for device in away)
        notes.append(
            f"nothing newer is final until {who} has heard of this; if it never comes back, "
            "`dusk role master --here --force` on the router that is to lead ends the wait"
        )
    return notes
