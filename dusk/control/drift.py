"""Drift: what somebody changed on a router of what is managed there, and what becomes of it."""

from collections.abc import Sequence

from dusk import codec
from dusk.changelog.secrecy import secret_names
from dusk.changelog.state import State
from dusk.config.device import managed_config
from dusk.config.drift import Difference
from dusk.config.drift_told import DRIFT, believed, decode_drift
from dusk.config.parts import Value
from dusk.control import names, words
from dusk.control.desk import Desk, Json
from dusk.effects import Question, Told
from dusk.errors import ConfigError, Refused
from dusk.ids import DeviceId
from dusk.limits import DRIFT_ROWS_MAX

ROWS_MAX = DRIFT_ROWS_MAX
"""In one answer; the count says how many there are."""
VALUE_BYTES_MAX = 400
"""Of a value, as it is shown."""


def drift_show(desk: Desk, arguments: Json) -> Json:
    """Return what was changed on this router; of another how much its status tells."""
    device = _device(desk, arguments["device"])
    name = names.device_name(desk.log.state, device)
    if device != desk.device_id:
        peer = desk.peers().get(device)
        return {"device": name, "here": False, "count": 0 if peer is None else peer.drift, "drift": []}
    drift = desk.drift()
    return {"device": name, "here": True, "count": len(drift), "drift": _rows(desk, drift)}


def drift_ask(desk: Desk, arguments: Json) -> Json:
    """Ask a router what was changed on it; the ticket ends with that, or says why there is no answer."""
    device = names.device_id(desk.log.state, arguments["device"])

    def tell(told: Told) -> Json:
        name, count = names.device_name(desk.log.state, device), decode_drift(told.data).count
        drift = told_drift(desk.log.state, device, told.data)
        is_here = device == desk.device_id
        answer = {"device": name, "here": is_here, "count": count, "drift": _rows(desk, drift)}
        return {**answer, "told": told.data.hex()}

    return {"ticket": desk.ask_device(device, Question(DRIFT), tell, arguments["token"])}


def told_drift(state: State, device: DeviceId, unverified_told: bytes) -> Sequence[Difference]:
    """Return what a router told of its drift, by what the log here says should be there.

    Raises:
        UntrustedInput: it is no answer.
        Refused: the log says nothing of that router that could be.
    """
    try:
        managed = managed_config(state, device)
    except ConfigError as error:
        raise Refused("bad-config", str(error)) from None
    return believed(decode_drift(unverified_told), managed, secret_names(state))


def drift_revert(desk: Desk, arguments: Json) -> Json:
    """Have what was changed on this router put back."""
    device = _device(desk, arguments["device"])
    if device != desk.device_id:
        name = names.device_name(desk.log.state, device)
        raise Refused(
            "elsewhere", f"this is another router: an order has it put back on {name} (device.order)"
        )
    count = len(desk.drift())
    if not count:
        return {"count": 0, "text": "nothing was changed here"}
    desk.revert_drift()
    return {"count": count, "text": f"{count} changed here, put back now"}


def _device(desk: Desk, name: str) -> DeviceId:
    return names.device_id(desk.log.state, name) if name else desk.device_id


def _rows(desk: Desk, drift: Sequence[Difference]) -> list[Json]:
    return [_row(desk, one) for one in drift[:ROWS_MAX]]


def _row(desk: Desk, one: Difference) -> Json:
    title = ", ".join(names.section_title(desk.log.state, part) for part in one.origin.split(", "))
    return {
        "key": one.key,
        "wanted": words.MASK if one.is_secret else shown(one.wanted),
        "found": words.MASK if one.is_secret else shown(one.found),
        "origin": title,
        "secret": one.is_secret,
        "trouble": one.trouble,
    }


def shown(value: Value | None) -> str | None:
    """Return a value as people read it, cut where it is long; None where there is none."""
    if value is None:
        return None
    text = value if isinstance(value, str) else " ".join(words.quote(item) for item in value)
    readable = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")  # a file is any bytes
    return codec.shortened(readable, VALUE_BYTES_MAX)
