"""``dusk device reboot`` and ``locate``: each router is told of, whatever became of the others."""

import json
from typing import TYPE_CHECKING

from dusk.effects import Told
from dusk.ids import DeviceId
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk


def reached(desk: FakeDesk, name: str) -> None:
    found = desk.ask("device.show", name=name)["id"]
    desk.answers[DeviceId(bytes.fromhex(found))] = Told(data=bytes(32))


def test_routers_are_ordered_one_by_one_and_who_missed_it_is_named(dusk: "Dusk", logged_in: FakeDesk) -> None:
    logged_in.world.join("hall")
    reached(logged_in, "attic")
    result = dusk("device", "reboot", "attic", "hall", "cellar")
    assert (result.code, result.out) == (1, "attic restarts\n")
    assert "hall: not done: " in result.err
    assert "cellar: not done: " in result.err


def test_an_order_that_is_done_says_so(dusk: "Dusk", logged_in: FakeDesk) -> None:
    reached(logged_in, "attic")
    assert dusk("device", "locate", "attic").out == "attic blinks\n"
    document = json.loads(dusk("--json", "device", "locate", "attic").out)
    assert document == {"order": "locate", "devices": [{"device": "attic", "done": True, "reason": ""}]}


def test_nobody_orders_without_a_session(dusk: "Dusk", server: FakeDesk) -> None:
    del server
    result = dusk("device", "reboot", "attic")
    assert result.code == 1
    assert "nobody is logged in" in result.err
