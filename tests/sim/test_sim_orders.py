"""The simulator sees an order that is done again, or by another device than it was for (A58)."""

from random import Random

import pytest

from dusk.changelog.orders import decode_order
from dusk.effects import Obey
from dusk.ids import DeviceId
from dusk.node import Node
from dusk.node.orders import Orders as NodeOrders
from dusk.sim import asking
from dusk.sim.asking import Orders, Questions
from dusk.sim.broken import RuleBroken
from dusk.sim.clock import Clock
from dusk.sim.scenario import Plan, Simulation
from dusk.sim.transcript import Transcript
from tests.node.site import Site

ONE, OTHER = DeviceId(b"1" * 16), DeviceId(b"2" * 16)


def given(node: Node) -> tuple[Orders, Obey]:
    """Return an order for a device, as that has it done."""
    orders = Orders(Site(1).world.owner, Random(1))
    order = decode_order(orders.sign(node, ONE, bytes(32)).argument).order
    return orders, Obey(1, 1, order.kind, order.argument, ("alice",))


def run_some(count: int) -> None:
    """Run the first seeds."""
    for seed in range(count):
        Simulation(Plan(seed, duration_s=25.0)).run()


def test_a58_an_order_that_is_done_once_is_well() -> None:
    orders, effect = given(Site(1).master.node)
    orders.obeyed(ONE, effect)
    with pytest.raises(RuleBroken, match="done again"):
        orders.obeyed(ONE, effect)


def test_a58_an_order_that_another_device_does_is_seen() -> None:
    orders, effect = given(Site(1).master.node)
    with pytest.raises(RuleBroken, match="another device"):
        orders.obeyed(OTHER, effect)


def test_a58_who_came_back_with_another_key_does_what_is_for_whom_it_is_now() -> None:
    orders, effect = given(Site(1).master.node)
    now = OTHER
    questions = Questions(lambda: now, Random(1), lambda *_: None, lambda _: None, Transcript(Clock()))
    questions.orders = orders
    now = ONE
    questions.do(effect)


def test_a58_devices_that_forget_no_challenge_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders are drawn, and sent twice now and then: who does not use challenges up does them twice."""

    class Keeps(dict[bytes, object]):
        def pop(self, key: bytes, default: object = None) -> object:
            return self.get(key, default)

        def popitem(self, last: bool = True) -> tuple[bytes, object]:  # noqa: FBT001, FBT002 - as it is there
            del last
            return super().popitem()

    made = NodeOrders.__init__

    def forgetful(self: NodeOrders, *args: object) -> None:
        made(self, *args)  # type: ignore[arg-type]  # as they came
        self._issued = Keeps()  # type: ignore[assignment]  # the mistake

    monkeypatch.setattr(NodeOrders, "__init__", forgetful)
    monkeypatch.setattr(asking, "AGAIN", 1.0)
    monkeypatch.setattr(asking, "ASK_S", 0.2)
    with pytest.raises(RuleBroken, match="A58"):
        run_some(40)
