"""Challenges that wait for the master's next START to echo them.

A member's own has another way if there is no room: a PONG. One that a member passed on for a
device of the succession which may not reach us has none, so these go first, and each START
has room for at least one (A44). It has none for a certificate then: so a few go first, and then a
START that may have one, or a member that forwards without end would keep them from all.
"""

from collections.abc import Iterable
from itertools import zip_longest

from dusk.cycle.datagrams import Opened
from dusk.cycle.questions import Forward
from dusk.ids import DeviceId
from dusk.limits import CHALLENGES_MAX, ECHOES_MAX

FORWARDED_IN_A_ROW = 3
"""So many STARTs; behind one without it the asker has time for another question still."""


class Echoes:
    """What members want to be echoed."""

    def __init__(self) -> None:
        self._own: dict[DeviceId, tuple[bytes, Opened]] = {}
        self._forwarded: dict[DeviceId, dict[DeviceId, Forward]] = {}
        """By who passed it on, by who asks: the newest each, of what the asker itself sealed if anything."""
        self._in_a_row = 0

    def challenged(self, device: DeviceId, challenge: bytes, opened: Opened) -> None:
        """Take the challenge in a member's answer, if there is room."""
        if len(self._own) < CHALLENGES_MAX:
            self._own[device] = challenge, opened

    def forwarded(self, by: DeviceId, forward: Forward) -> None:
        """Take what a member passed on; its newest counts for each asker.

        What anybody with the group key may have asked takes nothing from what the asker sealed itself (A44).
        Where there is no more room, who passed on most makes some.
        """
        line = self._forwarded.setdefault(by, {})
        former = line.get(forward.asker)
        if former is not None and former.is_proven and not forward.is_proven:
            return
        line[forward.asker] = forward
        if sum(map(len, self._forwarded.values())) > CHALLENGES_MAX:
            longest = max(self._forwarded.values(), key=len)
            del longest[min(longest, key=lambda asker: longest[asker].is_proven)]

    def goes_first(self) -> bool:
        """Tell whether what was passed on goes before a certificate in this START; once for each."""
        is_first = bool(self._forwarded) and self._in_a_row < FORWARDED_IN_A_ROW
        self._in_a_row = self._in_a_row + 1 if is_first else 0
        return is_first

    def pick(self, room: int, *, is_short: bool = True) -> tuple[bytes, ...]:
        """Return what the next START echoes.

        Args:
            room: how many there is room for, so that the START keeps its usual size.
            is_short: whether it can be passed back: it is no longer than the question was (A15).
        """
        first = self._passed_on()[: max(1, min(room, ECHOES_MAX))] if is_short else []
        own = [challenge for challenge, _ in self._own.values()]
        return tuple([*first, *own][: max(len(first), min(room, ECHOES_MAX))])

    def _passed_on(self) -> list[bytes]:
        """Return what was passed on, the members in turn: one that sends many takes no other's place."""
        lines = [_proven_first(line.values()) for line in self._forwarded.values()]
        in_turn = [one for row in zip_longest(*lines) for one in row if one is not None]
        return list(dict.fromkeys(one.challenge for one in _proven_first(in_turn)))

    def sent(self, echoes: tuple[bytes, ...]) -> list[tuple[bytes, Opened]]:
        """Forget what a START echoes; return the members' own challenges that found no room in it."""
        left = [(challenge, opened) for challenge, opened in self._own.values() if challenge not in echoes]
        self._own = {}
        lines = {
            by: {asker: one for asker, one in line.items() if one.challenge not in echoes}
            for by, line in self._forwarded.items()
        }
        self._forwarded = {by: line for by, line in lines.items() if line}
        return left


def _proven_first(questions: Iterable[Forward]) -> list[Forward]:
    return sorted(questions, key=lambda one: not one.is_proven)
