"""A role that owners force upon this device: it leads at once (`specs/cycles.md`, section 9).

Nobody is asked before, for the others may be gone, or hold another history: the mandate
that the role makes decides between them (R4).
"""

from dusk.changelog.body import Change
from dusk.cycle.outbox import Outbox
from dusk.effects import Effect
from dusk.node.leading import Leading


def force_role(role: Change, leading: Leading, outbox: Outbox, now: float) -> list[Effect]:
    """Open an epoch that carries a role, and follow it in the outbox like any change from here.

    Args:
        role: signed by the owners' quorum.
        leading: this device's part in who leads.
        outbox: tells of it until it is settled.
        now: monotonic seconds.

    Raises:
        Refused: the role is worth nothing here, or the outbox is full; nothing was changed.
    """
    leading.check_role(role, now)
    return [*outbox.add(role.id, role.encode(), now), *leading.lead(now, role=role)]
