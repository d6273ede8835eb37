"""What a cluster asks its owners for; none of it keeps a router from working."""

from dusk.control.conflicts import conflicts
from dusk.control.desk import Desk
from dusk.control.roles import frozen_members, no_backup
from dusk.control.tending import known_secrets


def asks_of(desk: Desk) -> list[str]:
    """Return a line for people for each thing that somebody should decide."""
    count = sum(1 for _ in conflicts(desk))
    what = "change stands" if count == 1 else "changes stand"
    waiting = (
        [f"{count} {what} in the log without effect; `dusk conflicts` shows both sides"] if count else []
    )
    return [*frozen_members(desk.log), *no_backup(desk.log), *waiting, *known_secrets(desk)]
