"""The cluster's own settings, which owners change: name, length of a cycle, where people log in."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from dusk import codec
from dusk.changelog import views
from dusk.changelog.secrecy import secret_names
from dusk.changelog.state import State
from dusk.config.device import settings_of
from dusk.config.names import is_file, parse_key
from dusk.control import names
from dusk.control.acting import edit_of, handed_in, unchanged
from dusk.control.desk import Desk, Json, Session
from dusk.errors import Refused
from dusk.ids import DeviceId
from dusk.lazy import dataclass
from dusk.listing import listed

NAME_BYTES_MAX = 63
PLAIN_SHOWN_MAX = 5
"""Settings that a note names."""
LOGINS = ("cluster", "logins")
"""Where people may log in."""
_SLOW_MS = 60_000
_SLOW = (
    "a cycle of more than 60s: a commit is in effect, drift is told, a silent router is missed, and one that"
    " a change cut off goes back, only after so many times that long"
)
_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


@dataclass(frozen=True, slots=True)
class Knob:
    """One setting: how it is read from a text, and shown as one."""

    help: str
    read: Callable[[State, str], list[Any] | None]
    shown: Callable[[State], str]


def _name(_state: State, text: str) -> list[Any]:
    if not text or len(text.encode()) > NAME_BYTES_MAX or not text.isprintable():
        raise Refused("bad-value", f"name: one line of 1 to {NAME_BYTES_MAX} bytes")
    return [text]


def _cycle(_state: State, text: str) -> list[Any]:
    digits = text.rstrip("msh")
    unit = _UNIT_MS.get(text.removeprefix(digits))
    try:
        length_ms = round(float(digits) * unit) if unit is not None else -1
    except (ValueError, OverflowError):
        length_ms = -1
    if not 200 <= length_ms <= 3_600_000:
        raise Refused("bad-value", f"cycle: {text!r} is not a length of time from 200ms to 1h, such as 5s")
    return [length_ms]


def _shown_cycle(state: State) -> str:
    length_ms = views.cycle_ms(state)
    return f"{length_ms}ms" if length_ms % 1000 else f"{length_ms // 1000}s"


def _logins(state: State, text: str) -> list[Any] | None:
    if text == "all":
        return None
    devices = sorted({names.device_id(state, name) for name in text.replace(",", " ").split()})
    if not devices:
        raise Refused("bad-value", "logins: names of devices, with commas between them, or all")
    return [devices]


def logins_listed(state: State) -> list[DeviceId]:
    """Return the devices, of those that are active, where alone people may log in; nobody: everywhere."""
    row = state.value(*LOGINS)
    active = {member.device_id for member in views.members(state)} if row is not None else set()
    return [] if row is None else [device for device in row[0] if device in active]


def _shown_logins(state: State) -> str:
    row = state.value(*LOGINS)
    return "all" if row is None else ",".join(sorted(names.device_name(state, device) for device in row[0]))


def _secrets(_state: State, text: str) -> list[Any] | None:
    found = sorted({name.lower() for name in text.replace(",", " ").split()})
    return [found] if found else None


def _shown_secrets(state: State) -> str:
    row = state.value("cluster", "secrets")
    return "" if row is None else ",".join(row[0])


def _drift(_state: State, text: str) -> list[Any] | None:
    if text not in ("report", "enforce"):
        raise Refused("bad-value", "drift: report (what somebody changes on a router stays) or enforce")
    return ["enforce"] if text == "enforce" else None


def _shown_drift(state: State) -> str:
    row = state.value("cluster", "drift")
    return "report" if row is None else str(row[0])


KNOBS = {
    "name": Knob("what people call the cluster", _name, views.cluster_name),
    "cycle": Knob("how often the master asks all, such as 5s", _cycle, _shown_cycle),
    "logins": Knob("on which routers people may log in, or all", _logins, _shown_logins),
    "secrets": Knob("further options that are secret, beside the usual ones", _secrets, _shown_secrets),
    "drift": Knob(
        "what somebody changes on a router: report shows it, enforce puts it back", _drift, _shown_drift
    ),
}


def cluster_show(desk: Desk, _arguments: Json) -> Json:
    """Return the cluster's settings."""
    state = desk.log.state
    return {"settings": [{"name": n, "value": k.shown(state), "help": k.help} for n, k in KNOBS.items()]}


def cluster_set(desk: Desk, arguments: Json) -> Json:
    """Change settings of the cluster, all in one change."""
    session, state, edits, said = desk.session(arguments["token"]), desk.log.state, [], []
    for name, values in arguments["values"]:
        if name not in KNOBS or len(values) != 1:
            raise Refused(
                "bad-params", f"{name!r}: settings of the cluster are {', '.join(KNOBS)}, each with a value"
            )
        row, record = KNOBS[name].read(state, values[0]), state.value("cluster", name)
        if row != record:
            edits.append(edit_of(state, "cluster", name, row))
            said.append(f"{name} {values[0]}")
    if not edits:
        return unchanged("nothing changed")
    notes = _besides(desk.device_id, state, {edit.key: edit.data for edit in edits})
    act = handed_in(desk, session, f"cluster: {', '.join(said)}", edits, arguments["timeout_s"])
    return {**act, "notes": [*act["notes"], *notes]}


def _besides(own: DeviceId, state: State, changed: Mapping[str, bytes | None]) -> list[str]:
    """Say what a change of settings brings about besides; one without a row is as usual again."""
    rows = {
        name: codec.unpack(data, size_max=len(data))[0] for name, data in changed.items() if data is not None
    }
    slow = [_SLOW] if rows.get("cycle", 0) > _SLOW_MS else []
    return [*_locked_out(own, rows.get("logins")), *slow, *_plain(state, rows.get("secrets", ()))]


def _plain(state: State, hidden: Collection[str]) -> list[str]:
    """Say which settings, secret from now on, the log has as plain text."""
    new = {*hidden}.difference(secret_names(state))
    found = [
        f"{names.section_title(state, section)} {key}"
        for prefix in ("policy/", "device/")
        for section in state.sections(prefix)
        for key, setting in settings_of(state, section).items()
        if not is_file(key) and (parse_key(key).option or "").lower() in new and not setting.is_hidden
    ]
    which = listed(found, PLAIN_SHOWN_MAX)
    anew = "set each anew with `KEY=-`, and to something else"
    return [f"the log has in plain, for all members, and goes on to: {which}; {anew}"] if found else []


def _locked_out(own: DeviceId, where: Sequence[DeviceId] | None) -> list[str]:
    """Say whom a new list of where people log in ends, and what it hangs on."""
    if where is None:
        return []
    notes = []
    if own not in where:
        notes.append("this router is not among logins: sessions here end with that, yours too")
    if len(where) == 1:
        notes.append(
            "people log in on one router alone: while it is off nobody does, and if it is gone there is"
            " the recovery phrase alone; name two at least"
        )
    return notes


def check_login_here(desk_device: bytes, state: State) -> None:
    """Refuse to unlock a key on a device that is not on the owners' list.

    Raises:
        Refused: ``no-logins-here``, naming where.
    """
    active = logins_listed(state)
    if active and desk_device not in active:
        where = ", ".join(sorted(names.device_name(state, device) for device in active))
        raise Refused(
            "no-logins-here",
            f"people log in on {where}; the owners decided so (dusk cluster show). Where none of these comes"
            " back, the recovery phrase adds the router where it is used: dusk recover",
        )


def check_session(desk_device: bytes, state: State, session: Session) -> None:
    """Refuse a session whose key the log takes no more, or that may be on this device no more.

    Raises:
        Refused: ``no-session``, and why.
    """
    holder = state.holder(session.key.key_id)
    if holder is None or not holder.active:
        raise Refused(
            "no-session", f"the key of {session.user} was disabled or replaced; your session has ended"
        )
    try:
        check_login_here(desk_device, state)
    except Refused as error:
        raise Refused("no-session", f"{error.reason}; your session here has ended") from None
