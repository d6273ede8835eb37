"""Drift: what somebody changed on a router of what is managed there, and what becomes of it."""

from dusk import codec
from dusk.config.drift import Difference
from dusk.config.parts import Value
from dusk.control import names, words
from dusk.control.desk import Desk, Json
from dusk.errors import Refused
from dusk.ids import DeviceId

ROWS_MAX = 200
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
    rows = [_row(desk, one) for one in drift[:ROWS_MAX]]
    return {"device": name, "here": True, "count": len(drift), "drift": rows}


def drift_revert(desk: Desk, arguments: Json) -> Json:
    """Have what was changed on this router put back."""
    device = _device(desk, arguments["device"])
    if device != desk.device_id:
        name = names.device_name(desk.log.state, device)
        raise Refused("elsewhere", f"this is another router: run `dusk drift revert {name}` on {name}")
    count = len(desk.drift())
    if not count:
        return {"count": 0, "text": "nothing was changed here"}
    desk.revert_drift()
    return {"count": count, "text": f"{count} changed here, put back now"}


def _device(desk: Desk, name: str) -> DeviceId:
    return names.device_id(desk.log.state, name) if name else desk.device_id


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
    return codec.shortened(text, VALUE_BYTES_MAX)
