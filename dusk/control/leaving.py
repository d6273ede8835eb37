"""``dusk leave``: this router leaves its cluster, by the word of its own root alone."""

from dusk.changelog import views
from dusk.control import names
from dusk.control.approving import in_succession
from dusk.control.desk import Desk, Json


def device_leave(desk: Desk, arguments: Json) -> Json:
    """Take this router out of its cluster; its files stay as they are, or become what they were before.

    Nobody's session is needed: who opens the socket is root there, and could remove the node's folder as
    well. This way the others are told. Who was removed while it was off has a log that does not say so; there
    it may lead still, of those who do not follow it.

    Raises:
        Refused: ``in-succession``, ``applying``, or ``held``.
    """
    state, device = desk.log.state, desk.device_id
    name = names.device_name(state, device)
    if device in views.succession(state) and desk.status()["role"] != "removed":
        raise in_succession(name)
    return {
        "ticket": desk.leave(arguments["timeout_s"], restore_local=arguments["restore_local"]),
        "device": name,
    }
