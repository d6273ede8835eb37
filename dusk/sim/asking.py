"""People who look at devices: what is asked, by whom, and that each question ends in time (R10)."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol

from dusk.changelog.orders import CHALLENGE_BYTES, Order, sign_order
from dusk.effects import Answered, Consult, Consulted, Effect, Obey, Question, Told
from dusk.errors import Refused
from dusk.ids import DeviceId
from dusk.keys.signing import SigningKey
from dusk.limits import INQUIRY_S_MAX
from dusk.node import Node
from dusk.node.orders import CHALLENGE, ORDER
from dusk.sim.broken import RuleBroken
from dusk.sim.clock import Clock
from dusk.sim.transcript import Transcript

CONSULT_S = 0.5
"""What it takes at most to find an answer."""
ASK_S = 1.5
"""Between two questions of the people of a cluster, on average."""
AGAIN = 0.3
"""Share of orders that are sent a second time."""
LATE_S = 2.0
"""A question may end so much later: a shell with a slow disk is busy."""


class Orders:
    """What people ordered, and what was done: each once, by the device that it was for (A58).

    Args:
        owner: who orders.
        random: for what is ordered.
    """

    def __init__(self, owner: SigningKey, random: Random) -> None:
        self._owner, self._random = owner, random
        self._given: dict[bytes, DeviceId] = {}

    def sign(self, node: Node, device: DeviceId, challenge: bytes) -> Question:
        """Sign an order over a challenge."""
        tag = self._random.randbytes(8)
        order = Order(device, challenge, "locate", tag)
        self._given[tag] = device
        return Question(ORDER, sign_order((self._owner,), node.log.state.cluster, order))

    def obeyed(self, device: DeviceId, effect: Obey) -> None:
        """Check that an order is done by whom it is for, and never again."""
        if self._given.pop(effect.argument, None) != device:
            raise RuleBroken("R1", "an order was done again, or by another device than it was for (A58)")


class Questions:
    """Questions at one device: of its people, and of other members.

    Args:
        own: gives which device this is now; one that comes back with an empty disk may have another key.
        random: the device's.
        plan: does something later in this life of the device.
        deliver: gives the node an input.
        transcript: of the simulation.

    Attributes:
        orders: what people of the cluster ordered; None before any do.
    """

    def __init__(
        self,
        own: Callable[[], DeviceId],
        random: Random,
        plan: Callable[[float, Callable[[], None]], None],
        deliver: Callable[[Consulted], None],
        transcript: Transcript,
    ) -> None:
        self._own, self._random, self._plan, self._deliver = own, random, plan, deliver
        self._transcript = transcript
        self.orders: Orders | None = None
        self._asked = 0
        self._open: dict[int, tuple[float, DeviceId, Question]] = {}
        self._challenges: list[tuple[DeviceId, bytes]] = []

    def ask(self, node: Node, device: DeviceId, question: Question, now: float) -> list[Effect]:
        """Have a person ask another device something."""
        since = min((opened[0] for opened in self._open.values()), default=now)
        if now - since > INQUIRY_S_MAX + LATE_S:
            raise RuleBroken("R10", f"a question has no end after {INQUIRY_S_MAX} s")
        self._asked += 1
        try:
            effects = node.ask(self._asked, device, question, now)
        except Refused as refusal:
            self._transcript.count(f"asked: {refusal.code}")
            return []
        self._open[self._asked] = now, device, question
        return effects

    def order(self, node: Node, now: float) -> list[Effect]:
        """Have an owner order what he has a challenge for, once or twice, in whatever order they came."""
        if not self._challenges or self.orders is None:
            return []
        device, challenge = self._challenges.pop(self._random.randrange(len(self._challenges)))
        question = self.orders.sign(node, device, challenge)
        effects = self.ask(node, device, question, now)
        if self._random.random() < AGAIN:
            effects += self.ask(node, device, question, now)
        return effects

    def do(self, effect: Consult | Answered | Obey) -> None:
        """Answer another member, do what was ordered, or tell the person."""
        match effect:
            case Answered(number, told):
                if number not in self._open:
                    raise RuleBroken("R10", "a question ended twice")
                _, device, question = self._open.pop(number)
                self._transcript.count(f"asked: {told.word or f'{question.kind} answered'}")
                if question.kind == CHALLENGE and len(told.data) == CHALLENGE_BYTES and not told.word:
                    self._challenges.append((device, told.data))
            case Consult(conn, number, _, question):
                self._later(Consulted(conn, number, Told(data=question.argument)))
            case Obey(conn, number):
                if self.orders is not None:
                    self.orders.obeyed(self._own(), effect)
                self._later(Consulted(conn, number, Told()))

    def _later(self, answer: Consulted) -> None:
        self._plan(self._random.random() * CONSULT_S, lambda: self._deliver(answer))

    def forget(self) -> None:
        """End with a life of the device; what people have noted stays."""
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


def plan_questions(
    clock: Clock, devices: Sequence[Asking], random: Random, until_s: float, owner: SigningKey
) -> None:
    """Let people ask any device about any other, and owners order, now and then."""
    orders = Orders(owner, random)
    for device in devices:
        device.questions.orders = orders

    def ask() -> None:
        asker, asked = random.choice(devices), random.choice(devices)
        kind, node = random.choice(("health", CHALLENGE, CHALLENGE)), asker.member
        if node is not None and asker is not asked:
            asker.add(asker.questions.ask(node, asked.device_id, Question(kind), asker.now))
        other = random.choice(devices)
        if other.member is not None:
            other.add(other.questions.order(other.member, other.now))
        plan()

    def plan() -> None:
        at = clock.now + random.expovariate(1 / ASK_S)
        if at < until_s:
            clock.at(at, ask)

    plan()
