"""How a router is right now, asked of it and put into words."""

from dusk.cli.client import Json
from dusk.cli.command import Context
from dusk.counting import counted
from dusk.errors import Refused

ASK_S_MAX = 30.0
"""Longer than the daemon takes in any case."""
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
_KIB_PER_MIB = 1024


def asked_health(context: Context, name: str) -> tuple[Json | None, str]:
    """Ask a router how it is; return its answer, or None and why there is none."""
    try:
        ticket = context.asked("device.health", name=name)["ticket"]
        return context.client.wait(ticket, ASK_S_MAX), ""
    except Refused as refusal:
        return None, refusal.reason


def health_rows(health: Json) -> list[tuple[str, object]]:
    """Return what a router answered as names with values for people."""
    rows: list[tuple[str, object]] = [("uptime", length_of(int(health["uptime_s"])))]
    if health["load"]:
        rows.append(("load", " ".join(f"{figure:.2f}" for figure in health["load"])))
    rows += [
        (name, f"{_mib(health[key]['free'])} of {_mib(health[key]['total'])} MiB free")
        for name, key in (("memory", "memory_kib"), ("flash", "flash_kib"))
        if health[key]
    ]
    rows.append(("clock", clock_words(health["clock"])))
    rows += [(f"radio {radio['name']}", _radio(radio)) for radio in health["radios"]]
    return rows + [(f"interface {one['name']}", _interface(one)) for one in health["interfaces"]]


def length_of(seconds: int) -> str:
    """Return a length of time in its two largest units, such as ``3 d 4 h``."""
    parts: list[str] = []
    for unit, size in _UNITS:
        count, seconds = divmod(seconds, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def clock_words(clock: Json) -> str:
    """Return a router's wall time, and what it is worth (R11)."""
    import time

    try:
        told = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(int(clock["time_s"])))
    except (OverflowError, OSError):
        told = f"{clock['time_s']} s after 1970"
    return told if clock["trusted"] else f"{told}, which nothing vouches for: it waits for a time server"


def _mib(kib: int) -> str:
    return f"{kib / _KIB_PER_MIB:.1f}"


def _radio(radio: Json) -> str:
    if not radio["is_up"]:
        return "off"
    channel = f", channel {radio['channel']}" if radio["channel"] else ""
    count = radio["clients"]
    clients = "" if count is None else f", {counted(count, 'client')}"
    return f"{radio['band'] or 'on'}{channel}{clients}"


def _interface(one: Json) -> str:
    addresses = " ".join(one["addresses"]) or "no address"
    state = "up" if one["is_up"] else "down"
    received, errors = counted(one["received_bytes"], "byte"), counted(one["errors"], "error")
    traffic = f"{received} in, {one['sent_bytes']} out, {errors}"
    return f"{state}, {addresses}, {one['mac'] or 'no hardware address'}, {traffic}"
