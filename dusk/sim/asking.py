"""People who look at devices: what is asked, by whom, and that each question ends in time (R10)."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol

from dusk.effects import Answered, Consult, Consulted, Effect, Question, Told
from dusk.errors import Refused
from dusk.ids import DeviceId
from dusk.limits import INQUIRY_S_MAX
from dusk.node import Node
from dusk.sim.broken import RuleBroken
from dusk.sim.clock import Clock
from dusk.sim.transcript import Transcript

CONSULT_S = 0.5
"""What it takes at most to find an answer."""
ASK_S = 3.0
"""Between two questions of the people of a cluster, on average."""
LATE_S = 2.0
"""A question may end so much later: a shell with a slow disk is busy."""


class Questions:
    """Questions at one device: of its people, and of other members.

    Args:
        random: the device's.
        plan: does something later in this life of the device.
        deliver: gives the node an input.
        transcript: of the simulation.
    """

    def __init__(
        self,
        random: Random,
        plan: Callable[[float, Callable[[], None]], None],
        deliver: Callable[[Consulted], None],
        transcript: Transcript,
    ) -> None:
        self._random, self._plan, self._deliver, self._transcript = random, plan, deliver, transcript
        self._asked = 0
        self._open: dict[int, float] = {}

    def ask(self, node: Node, device: DeviceId, now: float) -> list[Effect]:
        """Have a person ask another device how it is."""
        overdue = [number for number, since in self._open.items() if now - since > INQUIRY_S_MAX + LATE_S]
        if overdue:
            raise RuleBroken("R10", f"a question has no end after {INQUIRY_S_MAX} s")
        self._asked += 1
        try:
            effects = node.ask(self._asked, device, Question("health"), now)
        except Refused as refusal:
            self._transcript.count(f"asked: {refusal.code}")
            return []
        self._open[self._asked] = now
        return effects

    def do(self, effect: Consult | Answered) -> None:
        """Answer another member, or tell the person."""
        if isinstance(effect, Answered):
            if self._open.pop(effect.number, None) is None:
                raise RuleBroken("R10", "a question ended twice")
            self._transcript.count(f"asked: {effect.told.word or 'answered'}")
            return
        answer = Consulted(effect.conn, effect.number, Told(data=effect.question.argument))
        self._plan(self._random.random() * CONSULT_S, lambda: self._deliver(answer))

    def forget(self) -> None:
        """End with a life of the device."""
        self._open.clear()


class Asking(Protocol):
    """A device whose people ask."""

    @property
    def member(self) -> Node | None:
        """Its node, if it is a member and runs."""

    @property
    def device_id(self) -> DeviceId:
        """Its id."""

    @property
    def now(self) -> float:
        """Its monotonic clock."""

    @property
    def questions(self) -> Questions:
        """What its people ask."""

    def add(self, effects: list[Effect], /) -> None:
        """Do what a call of the node led to."""


def plan_questions(clock: Clock, devices: Sequence[Asking], random: Random, until_s: float) -> None:
    """Let people ask any device about any other, now and then."""

    def ask() -> None:
        asker, asked = random.choice(devices), random.choice(devices)
        if asker.member is not None and asker is not asked:
            asker.add(asker.questions.ask(asker.member, asked.device_id, asker.now))
        plan()

    def plan() -> None:
        at = clock.now + random.expovariate(1 / ASK_S)
        if at < until_s:
            clock.at(at, ask)

    plan()
