"""Work that takes longer than a call may: a ticket is handed out and asked for later."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import trio

from dusk.daemon.mistakes import MISTAKES, report
from dusk.errors import DuskError, Refused
from dusk.lazy import dataclass
from dusk.limits import TICKET_KEPT_S_MAX, TICKETS_MAX

Json = dict[str, Any]


@dataclass(slots=True)
class Ticket:
    """One piece of work.

    Attributes:
        progress: what to show meanwhile; the work itself sets it.
        result: what it ended with, if all went well.
        error: ``{code, message}`` if not.
        ended_at: when it ended; None while it runs.
    """

    progress: Json
    result: Json | None = None
    error: Json | None = None
    ended_at: float | None = None


class Tickets:
    """All tickets of a daemon."""

    def __init__(self) -> None:
        self._tickets: dict[str, Ticket] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold the tasks of all tickets until cancelled."""
        async with trio.open_nursery() as self._nursery:
            task_status.started()
            await trio.sleep_forever()

    def start(self, work: Callable[[Ticket], Awaitable[Json]]) -> str:
        """Start work in the background and return its ticket.

        Raises:
            Refused: ``busy``: as much as may be is under way.
        """
        assert self._nursery is not None, "tickets are used while they run"
        self.make_room()
        name = secrets.token_hex(16)
        ticket = self._tickets[name] = Ticket({})
        self._nursery.start_soon(_work, ticket, work)
        return name

    def poll(self, name: str) -> Json:
        """Return ``{done, progress, result | error}``.

        Raises:
            Refused: ``no-ticket``: never heard of, or long done.
        """
        ticket = self._tickets.get(name)
        if ticket is None or self._is_old(ticket):
            raise Refused("no-ticket", "this ticket is unknown, or its work ended long ago")
        answer: Json = {"done": ticket.ended_at is not None, "progress": ticket.progress}
        if ticket.result is not None:
            answer["result"] = ticket.result
        if ticket.error is not None:
            answer["error"] = ticket.error
        return answer

    def _is_old(self, ticket: Ticket) -> bool:
        return ticket.ended_at is not None and trio.current_time() - ticket.ended_at > TICKET_KEPT_S_MAX

    def make_room(self) -> None:
        """See to it that work can be started now: asked before what cannot be taken back is begun.

        Raises:
            Refused: ``busy``: as much as may be is under way.
        """
        for name in [name for name, ticket in self._tickets.items() if self._is_old(ticket)]:
            del self._tickets[name]
        done = [name for name, ticket in self._tickets.items() if ticket.ended_at is not None]
        if len(self._tickets) >= TICKETS_MAX and not done:
            raise Refused("busy", "too much is under way at this device; try again soon")
        if len(self._tickets) >= TICKETS_MAX:
            del self._tickets[done[0]]


async def _work(ticket: Ticket, work: Callable[[Ticket], Awaitable[Json]]) -> None:
    try:
        ticket.result = await work(ticket)
    except Refused as error:
        ticket.error = {"code": error.code, "message": error.reason}
    except DuskError as error:
        ticket.error = {"code": "failed", "message": str(error)}
    except MISTAKES as error:
        ticket.error = {"code": "internal", "message": report(error)}
    ticket.ended_at = trio.current_time()
