"""Challenges that wait for the master's next START to echo them.

A member's own has another way if there is no room: a PONG. One that a member passed on for a
device of the succession which may not reach us has none, so these go first, and each START
has room for at least one (A44).
"""

from itertools import zip_longest

from dusk.cycle.datagrams import Opened
from dusk.cycle.messages import Forward
from dusk.ids import DeviceId
from dusk.limits import CHALLENGES_MAX, ECHOES_MAX


class Echoes:
    """What members want to be echoed."""

    def __init__(self) -> None:
        self._own: dict[DeviceId, tuple[bytes, Opened]] = {}
        self._forwarded: dict[DeviceId, dict[DeviceId, bytes]] = {}
        """By who passed it on, by who asks: the newest each."""

    def challenged(self, device: DeviceId, challenge: bytes, opened: Opened) -> None:
        """Take the challenge in a member's answer, if there is room."""
        if len(self._own) < CHALLENGES_MAX:
            self._own[device] = challenge, opened

    def forwarded(self, by: DeviceId, forward: Forward) -> None:
        """Take what a member passed on, if there is room; its newest counts for each asker."""
        if sum(map(len, self._forwarded.values())) < CHALLENGES_MAX:
            self._forwarded.setdefault(by, {})[forward.asker] = forward.challenge

    def pick(self, room: int) -> tuple[bytes, ...]:
        """Return what the next START echoes.

        Args:
            room: how many there is room for, so that the START keeps its usual size.
        """
        first = self._passed_on()[: max(1, min(room, ECHOES_MAX))]
        own = [challenge for challenge, _ in self._own.values()]
        return tuple([*first, *own][: max(len(first), min(room, ECHOES_MAX))])

    def _passed_on(self) -> list[bytes]:
        """Return what was passed on, the members in turn: one that sends many takes no other's place."""
        lines = [line.values() for line in self._forwarded.values()]
        in_turn = [one for row in zip_longest(*lines) for one in row if one is not None]
        return list(dict.fromkeys(in_turn))

    @property
    def has_forwarded(self) -> bool:
        """Whether a START is awaited that can be passed back: no longer than the question was (A15)."""
        return bool(self._forwarded)

    def sent(self, echoes: tuple[bytes, ...]) -> list[tuple[bytes, Opened]]:
        """Forget what a START echoes; return the members' own challenges that found no room in it."""
        left = [(challenge, opened) for challenge, opened in self._own.values() if challenge not in echoes]
        self._own = {}
        lines = {
            by: {asker: challenge for asker, challenge in line.items() if challenge not in echoes}
            for by, line in self._forwarded.items()
        }
        self._forwarded = {by: line for by, line in lines.items() if line}
        return left
