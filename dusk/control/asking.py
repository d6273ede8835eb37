"""What another device is asked right now, and how its answer is shown."""

from dataclasses import asdict

from dusk.control import names
from dusk.control.desk import Desk, Json
from dusk.effects import Question, Told
from dusk.membership.health import HEALTH, Health, decode_health
from dusk.membership.packages import DIGEST_BYTES, PACKAGES, decode_packages


def device_health(desk: Desk, arguments: Json) -> Json:
    """Ask a device how it is; the ticket ends with the answer, or says why there is none."""
    device = names.device_id(desk.log.state, arguments["name"])
    return {"ticket": desk.ask_device(device, Question(HEALTH), told_health, arguments["token"])}


def device_packages(desk: Desk, arguments: Json) -> Json:
    """Ask a device which packages it has; the ticket ends as that of :func:`device_health`."""
    device = names.device_id(desk.log.state, arguments["name"])
    return {"ticket": desk.ask_device(device, Question(PACKAGES), told_packages, arguments["token"])}


def told_packages(told: Told) -> Json:
    """Return an answer as a document.

    Raises:
        UntrustedInput: it is none.
    """
    found = decode_packages(told.data)
    return {
        "count": found.total,
        "hash": f"{found.digest:0{2 * DIGEST_BYTES}x}",
        "packages": [one._asdict() for one in found.rows],
    }


def told_health(told: Told) -> Json:
    """Return an answer as a document.

    Raises:
        UntrustedInput: it is none.
    """
    return health_json(decode_health(told.data))


def health_json(health: Health) -> Json:
    """Return how a device is, as it stands on the control socket; what it cannot tell is null."""
    memory, flash = (
        {"total": kib[0], "free": kib[1]} if kib else None for kib in (health.memory_kib, health.flash_kib)
    )
    return {
        "uptime_s": health.uptime_s,
        "load": [figure / 100 for figure in health.load] or None,
        "memory_kib": memory,
        "flash_kib": flash,
        "clock": {"time_s": health.time_s, "trusted": health.is_trusted},
        "interfaces": [{**asdict(one), "addresses": list(one.addresses)} for one in health.interfaces],
        "radios": [asdict(one) for one in health.radios],
    }
