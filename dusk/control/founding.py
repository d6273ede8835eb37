"""Founding: a cluster is made at a router that is in none, and its phrase is shown this once."""

from dusk.changelog.sections import COMPONENT
from dusk.control.desk import Desk, Founding, Json
from dusk.errors import Refused

CYCLE_S_MIN, CYCLE_S_MAX = 0.2, 3600.0
CYCLE_S_DEFAULT = 5.0
CLUSTER_NAME_BYTES_MAX = 63


def check_names(cluster: str, user: str, cycle_s: float) -> None:
    """Refuse what could not stand in the log, before anything is asked or made.

    Args:
        cluster: the cluster's name, for people.
        user: its first owner's.
        cycle_s: length of a cycle in seconds.

    Raises:
        Refused: ``bad-name`` or ``bad-cycle``.
    """
    if not cluster or not cluster.isprintable() or len(cluster.encode()) > CLUSTER_NAME_BYTES_MAX:
        raise Refused("bad-name", f"{cluster!r} is no name for a cluster: 1 to 63 bytes of plain text")
    if COMPONENT.match(user) is None:
        raise Refused("bad-name", f"{user!r} is no name for a user: 1 to 63 of a-z 0-9 . _ -")
    if not CYCLE_S_MIN <= cycle_s <= CYCLE_S_MAX:
        raise Refused("bad-cycle", f"a cycle of {cycle_s:g} s: from {CYCLE_S_MIN} s to {CYCLE_S_MAX:.0f} s")


def cluster_phrase(desk: Desk, _arguments: Json) -> Json:
    """Return a new recovery phrase. It is kept by nobody: whoever founds a cluster with it brings it back."""
    return {"phrase": desk.new_phrase()}


def cluster_found(desk: Desk, arguments: Json) -> Json:
    """Make a cluster with this router as its first; a ticket."""
    check_names(arguments["cluster"], arguments["user"], arguments["cycle_s"])
    founding = Founding(
        cluster=arguments["cluster"],
        user=arguments["user"],
        password=arguments["password"],
        phrase=arguments["phrase"],
        cycle_ms=round(arguments["cycle_s"] * 1000),
        auto_backup=arguments["auto_backup"],
    )
    return {"ticket": desk.found(founding)}
