"""What a cluster asks its owners for; none of it keeps a router from working."""

from dusk import limits
from dusk.changelog.attesting import due, is_undone
from dusk.changelog.log import Log
from dusk.control.conflicts import conflicts
from dusk.control.desk import Desk
from dusk.control.reading import reading_asks
from dusk.control.roles import frozen_members, no_backup
from dusk.control.rollouts import stopped
from dusk.control.tending import known_secrets


def asks_of(desk: Desk) -> list[str]:
    """Return a line for people for each thing that somebody should decide."""
    count = sum(1 for _ in conflicts(desk))
    what = "change stands" if count == 1 else "changes stand"
    waiting = (
        [f"{count} {what} in the log without effect; `dusk conflicts` shows both sides"] if count else []
    )
    own = [*frozen_members(desk.log), *no_backup(desk.log), *_no_checkpoint(desk.log), *stopped(desk)]
    return [*own, *waiting, *known_secrets(desk), *reading_asks(desk.log.state)]


def _no_checkpoint(log: Log) -> list[str]:
    """Ask for an owner's commit where routers get no log from here that lack what is below its foundation."""
    if not is_undone(log.state, log.floor):
        return []
    state, head = log.state, log.head.seq
    is_due = any(due(state, owner, head, log.settled, log.floor) is not None for owner in state.owners())
    step = limits.CHECKPOINT_STEP
    when = "" if is_due else f" version {head - head % step + step} or a later one"
    since = f"owners undid what they had said of version {log.floor}, on which the log stands here"
    return [f"{since}: who is new or was away for long gets no log from here until an owner commits{when}"]
