"""Work at several routers at once: who does not answer keeps nobody else waiting."""

import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

from dusk.errors import Refused
from dusk.limits import INQUIRIES_OF_ONE_MAX

if TYPE_CHECKING:
    from dusk.cli.client import Json
    from dusk.cli.command import Context

Course = Generator[tuple[str, "Json"], "Json", None]
"""What is done at one router: yields signed calls that give a ticket, and gets what the ticket ends with."""


class _Begun:
    """A course that is under way.

    Attributes:
        at: its place among the others.
        course: itself.
        step: the call that it waits for.
        ticket: what that call gave; empty before.
        end_s: until when that is waited for, monotonic seconds.
    """

    __slots__ = ("at", "course", "end_s", "step", "ticket")

    def __init__(self, at: int, course: Course) -> None:
        self.at, self.course = at, course
        self.step, self.ticket, self.end_s = next(course), "", 0.0


def together(
    context: "Context", courses: Sequence[Course], timeout_s: float
) -> Iterator[tuple[int, Refused | None]]:
    """Run courses, as many at once as one person may, and yield each as it ends.

    Args:
        context: calls the methods.
        courses: one a router, those to begin with first.
        timeout_s: how long a ticket is waited for, seconds.

    Yields:
        A course's place, and why it came to nothing; None if it was done.
    """
    from dusk.cli.client import POLL_S

    waiting, under_way, looks = deque(enumerate(courses)), list[_Begun](), 0
    while waiting or under_way:
        ended = list[tuple[int, Refused | None]]()
        while waiting and len(under_way) < INQUIRIES_OF_ONE_MAX:
            at, course = waiting.popleft()
            try:
                under_way.append(_Begun(at, course))
            except Refused as refusal:
                ended.append((at, refusal))
        for begun in tuple(under_way):
            try:
                is_over = _step(context, begun, timeout_s, alone=len(under_way) == 1)
            except Refused as refusal:
                is_over = True
                ended.append((begun.at, refusal))
            else:
                ended += [(begun.at, None)] if is_over else []
            if is_over:
                under_way.remove(begun)
        yield from ended
        looks = 0 if ended else looks + 1
        if under_way and looks:
            time.sleep(POLL_S[min(looks, len(POLL_S)) - 1])


def _step(context: "Context", begun: _Begun, timeout_s: float, *, alone: bool) -> bool:
    """Go on with a course as far as it can, and tell whether it is done.

    Where this person has too much under way, the call is made again, as long as others of these end.

    Raises:
        Refused: it came to nothing.
    """
    try:
        if not begun.ticket:
            method, params = begun.step
            begun.ticket = str(context.signed(method, **params)["ticket"])
            begun.end_s = time.monotonic() + timeout_s
        result = context.client.outcome(begun.ticket)
    except Refused as refusal:
        if refusal.code != "busy" or alone:
            raise
        begun.ticket = ""
        return False
    if result is None:
        if time.monotonic() > begun.end_s:
            raise Refused("timeout", "the daemon has not finished in time; see `dusk status`")
        return False
    begun.ticket = ""
    try:
        begun.step = begun.course.send(result)
    except StopIteration:
        return True
    return False
