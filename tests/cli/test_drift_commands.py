"""``dusk drift`` over a real socket."""

from typing import TYPE_CHECKING

import pytest

from dusk.changelog.orders import decode_order
from dusk.config.drift import Difference
from dusk.config.drift_told import encode_drift
from dusk.control.names import device_id
from dusk.effects import Told
from tests.cli.test_commands import assert_refused
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk

DRIFT = (
    Difference("wireless.a.ssid", "policy/wifi", "Home", "Cellar", ("wireless.a.ssid",)),
    Difference("wireless.a.key", "policy/wifi", None, None, ("wireless.a.key",), is_secret=True),
    Difference("wireless.b", "policy/wifi", "wifi-iface", None, ("wireless.b",)),
    Difference("wireless.@x[2]", "policy/wifi", None, None, (), trouble="there is no such section"),
)


def test_what_was_changed_is_shown_with_both_values(dusk: "Dusk", logged_in: FakeDesk) -> None:
    logged_in.changed = DRIFT
    shown = [line.split("  ") for line in dusk("drift").out.splitlines()]
    rows = [[cell.strip() for cell in row if cell.strip()] for row in shown]
    assert rows == [
        ["KEY", "IS HERE", "SHOULD BE", "ORIGIN"],
        ["wireless.a.ssid", "Cellar", "Home", "policy/wifi"],
        ["wireless.a.key", "secret changed", "(secret)", "policy/wifi"],
        ["wireless.b", "-", "wifi-iface", "policy/wifi"],
        ["wireless.@x[2]", "there is no such section", "-", "policy/wifi"],
    ]
    assert dusk("drift", "attic", "--json").json["count"] == 4


@pytest.mark.usefixtures("logged_in")
def test_where_nothing_was_changed_it_says_so(dusk: "Dusk") -> None:
    assert "nothing that is managed on attic was changed there" in dusk("drift").err


def test_more_than_an_answer_holds_is_counted(dusk: "Dusk", logged_in: FakeDesk) -> None:
    logged_in.changed = DRIFT[:1] * 203
    assert "and 3 more" in dusk("drift").err


def test_it_is_put_back(dusk: "Dusk", logged_in: FakeDesk) -> None:
    logged_in.changed = DRIFT
    assert "4 changed here, put back now" in dusk("drift", "revert", "attic").out
    assert not logged_in.changed


@pytest.mark.parametrize("words", [("revert",), ("attic", "hall")])
def test_wrong_words_are_told_what_is_right(dusk: "Dusk", words: tuple[str, ...]) -> None:
    assert_refused(dusk("drift", *words), "drift revert DEVICE", code=2)


def test_it_is_adopted_for_a_policy(dusk: "Dusk", logged_in: FakeDesk) -> None:
    logged_in.changed = DRIFT
    assert dusk("set", "policy/wifi", "wireless.a=wifi-iface").code == 0
    assert dusk("commit", "-m", "a policy").code == 0
    adopted = dusk("adopt", "attic", "wireless.a.ssid", "--to", "policy/wifi")
    assert "adopt wireless.a.ssid of attic for policy/wifi" in adopted.out, adopted.err
    assert "Cellar" in dusk("policy", "show", "wifi").out


SSID = "wireless.a.ssid"


@pytest.fixture
def managed(logged_in: FakeDesk) -> FakeDesk:
    """Have a policy for all, and another router that found its network's name changed."""
    world = logged_in.world
    world.commit(world.set("wifi", SSID, "Home"), world.edit("assignment/wifi", "to", ("all", [], 100)))
    logged_in.answers[device_id(logged_in.log.state, "hall")] = Told(data=encode_drift(DRIFT[:1]))
    return logged_in


@pytest.mark.usefixtures("managed")
def test_what_was_changed_on_another_router_is_shown_with_both_values(dusk: "Dusk") -> None:
    lines = dusk("drift", "hall").out.splitlines()
    rows = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]
    assert rows == [["KEY", "IS THERE", "SHOULD BE", "ORIGIN"], [SSID, "Cellar", "Home", "policy/wifi"]]
    told = dusk("drift", "hall", "--json").json
    assert (told["here"], told["count"], set(told)) == (False, 1, {"device", "here", "count", "drift"})


def test_of_a_router_that_does_not_answer_it_is_said_what_is_known(dusk: "Dusk", managed: FakeDesk) -> None:
    managed.answers.clear()
    shown = dusk("drift", "hall")
    assert "nothing that is managed on hall was changed there, as of its last word; " in shown.err
    assert "nobody knows where it is" in shown.err


def test_it_is_adopted_for_a_policy_from_another_router_and_shown_before(
    dusk: "Dusk", managed: FakeDesk
) -> None:
    adopted = dusk("adopt", "hall", "--to", "policy/wifi")
    assert f"{SSID}: Cellar on hall, Home by the cluster" in adopted.err
    assert f"adopt {SSID} of hall for policy/wifi" in adopted.out, adopted.err
    assert "Cellar" in dusk("policy", "show", "wifi").out
    managed.answers.clear()
    assert_refused(dusk("adopt", "hall", SSID), "nobody knows where it is", code=1)
    managed.answers[device_id(managed.log.state, "hall")] = Told(data=encode_drift(()))
    assert_refused(dusk("adopt", "hall", SSID), "was not changed on hall", code=1)


def test_it_is_put_back_on_another_router_by_order(dusk: "Dusk", managed: FakeDesk) -> None:
    managed.answers[device_id(managed.log.state, "hall")] = Told(data=bytes(32))
    assert dusk("drift", "revert", "hall").out == "hall puts back what was changed there\n"
    order = decode_order(managed.asked[-1][1].argument).order
    assert (order.kind, order.device) == ("revert", device_id(managed.log.state, "hall"))
