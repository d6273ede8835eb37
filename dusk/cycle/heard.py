"""What a member has heard of the master: his newest START, and by the bitmaps who answers him.

Bits are places in the list of members of that moment. They are kept as they came, and read only
when somebody asks: a START costs a member the same however many answer.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from dusk.cycle.messages import Rest, Start
from dusk.cycle.peers import Peer, Roster
from dusk.effects import Address
from dusk.ids import DeviceId, Seq
from dusk.lazy import dataclass


@dataclass(slots=True)
class Heard:
    """The newest START and what we answered."""

    start: Start
    sender: Peer
    answer_to: Address
    slot_at: float
    heard_at: float
    answers: int = 0
    answered_at: float | None = None
    answered_seq: Seq | None = None
    with_status: bytes | None = None


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
