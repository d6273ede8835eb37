"""What a member has heard of the master: his newest START, and by the bitmaps who answers him.

Bits are places in the list of members of that moment. They are kept as they came, and read only
when somebody asks: a START costs a member the same however many answer.
"""

from collections import deque
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from dusk.cycle.datagrams import Opened
from dusk.cycle.messages import Rest, Start
from dusk.cycle.peers import FAMILY_6, Peer, Roster, family_of
from dusk.effects import Address
from dusk.ids import DeviceId, Seq
from dusk.lazy import dataclass

ANSWERS_MAX = 4
"""Answers to one START: the first, with the new head, and to repetitions."""
REPEATED_AFTER_S = 0.03
"""A copy that comes later than this after our answer is a repetition: the answer was lost."""


class Way(IntEnum):
    """How a START came, the best way last."""

    REPEATED = 0
    """By a device of this link, as it had reached that one alone."""
    ALONE = 1
    """By the master, to this device alone."""
    ALL = 2
    """By the master's multicast."""


class Came(NamedTuple):
    """Where a START came from."""

    way: Way
    source: Address
    path: bytes | None = None
    """What the answer names, if it came to this device alone."""
    repeater: Peer | None = None
    """Who repeated it."""


def came(opened: Opened, repeater: Peer | None = None) -> Came:
    """Return how a START came.

    Args:
        opened: the START, RELAY or REPEAT.
        repeater: who sent a REPEAT.
    """
    if repeater is not None:
        return Came(Way.REPEATED, opened.source, repeater=repeater)
    if opened.by_multicast:
        return Came(Way.ALL, opened.source)
    return Came(Way.ALONE, opened.source, opened.path)


@dataclass(slots=True)
class Heard:
    """The newest START, how it came the best way, and what we answered."""

    start: Start
    sender: Peer
    came: Came
    slot_at: float
    heard_at: float
    answers: int = 0
    answered_at: float | None = None
    answered_seq: Seq | None = None
    with_status: bytes | None = None

    def also(self, how: Came, now: float) -> bool:
        """Take the same START once more: by IPv6 too, by a better way, or because our answer was lost.

        Returns:
            Whether to answer it again.
        """
        before = self.came
        moved = how if how.way is before.way else before._replace(source=how.source)
        may = self.answered_at is not None and self.answers < ANSWERS_MAX
        if how.way > before.way:
            self.came = how
            return may and before.way is Way.REPEATED
        if how.way is Way.REPEATED is not before.way:
            return False
        if self.answered_at is None:
            is_better = family_of(how.source) == FAMILY_6 > family_of(before.source)
            self.came = moved if is_better else before
            return False
        is_repetition = may and now - self.answered_at > REPEATED_AFTER_S
        self.came = moved if is_repetition else before
        return is_repetition


def asked_by(rest: Rest) -> range:
    """Return the indices of the members that a START asks."""
    return range(rest.slice_first, rest.slice_first + rest.slice_count)


def has_bit(bitmap: bytes, place: int) -> bool:
    """Read one bit of who answered; places outside the bitmap have none."""
    return 0 <= place < 8 * len(bitmap) and bool(bitmap[place // 8] >> place % 8 & 1)


class _Answered(NamedTuple):
    at: float
    roster: Roster
    asked: range
    bitmap: bytes

    def devices(self) -> Iterator[DeviceId]:
        members = self.roster.members[self.asked.start : self.asked.stop]
        return (member.device_id for place, member in enumerate(members) if has_bit(self.bitmap, place))


class Presence:
    """The members that answered lately."""

    def __init__(self) -> None:
        self._answered: deque[_Answered] = deque()

    def note(self, roster: Roster, asked: range, bitmap: bytes, now: float, online_s: float) -> None:
        """Take who answered a START.

        Args:
            roster: the members as that START's sender has them.
            asked: the indices of those that it asked.
            bitmap: who of them answered.
            now: monotonic seconds.
            online_s: for how long that counts.
        """
        while self._answered and self._answered[0].at <= now - online_s:
            self._answered.popleft()
        self._answered.append(_Answered(now, roster, asked, bitmap))

    def since(self, moment: float) -> set[DeviceId]:
        """Return who answered a START that was noted after a moment, monotonic seconds."""
        lately = (answered for answered in self._answered if answered.at > moment)
        return {device for answered in lately for device in answered.devices()}
