"""Secrets that a person asks to see: those that he can open, and never without a trace (R15)."""

from dusk.config.merge import Managed
from dusk.config.revealing import sealed_of
from dusk.control import names
from dusk.control.desk import Bench
from dusk.control.drafts import Draft
from dusk.control.outside import OutsideKey
from dusk.control.sealing import sealer_of
from dusk.errors import Refused
from dusk.ids import DeviceId


def revealed_to(
    desk: Bench, token: str, device: DeviceId, managed: Managed, wanted: str
) -> dict[str, tuple[str, ...]]:
    """Return the secrets of a device that a session can open, by KEY, and leave a line in the system's log.

    Where the key is elsewhere that line is all: who has it opens them there, out of a log of his own.

    Args:
        desk: the daemon.
        token: of the session.
        device: whose.
        managed: its managed config.
        wanted: only what is at or below this KEY; empty for all.

    Raises:
        Refused: ``no-session``; ``secret-closed``: there are secrets, and this person can open none.
    """
    session = desk.session(token)
    name = names.device_name(desk.log.state, device)
    asked = [(k, s) for k, s in sealed_of(managed) if not wanted or f"{k}.".startswith(f"{wanted}.")]
    if isinstance(session.key, OutsideKey):
        if asked:
            keys = ", ".join(sorted(key for key, _ in asked))
            desk.note(f"{session.user}, whose key is elsewhere, looks there at secrets of {name}: {keys}")
        return {}
    vault = sealer_of(desk, session).vault(Draft())
    opened = {key: value for key, sealed in asked if (value := vault.value(sealed)) is not None}
    if asked and not opened:
        raise Refused("secret-closed", f"{session.user} can open none of these secrets: they are for others")
    if opened:
        desk.note(f"{session.user} was shown secrets of {name}: {', '.join(sorted(opened))}")
    return {key: (value,) if isinstance(value, str) else value for key, value in opened.items()}
