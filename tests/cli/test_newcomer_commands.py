"""``dusk device approve`` over a real socket: who is let in by a word that was said of all."""

import json
from typing import TYPE_CHECKING

import pytest

from dusk.control.desk import Peer
from dusk.ids import DeviceId, Seq
from tests.approving import approve_mode
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk

ABSENT = Peer(False, Seq(1), Seq(1), "idle", "", (), 99.0)


def ask(desk: FakeDesk, label: str) -> DeviceId:
    """Let a device ask to be let in."""
    key = desk.world.key()
    desk.waits.put(desk.world.request(key, label=label), "approval-needed", 0.0)
    return DeviceId(key.key_id)


@pytest.fixture
def waiting(logged_in: FakeDesk) -> FakeDesk:
    """Return a desk with an absent member called shed, and one who shows its label."""
    desk = logged_in
    desk.world.joinkey = desk.world.key()
    approve_mode(desk.world, uses=9)
    ask(desk, "02:aa")
    desk.do("device.approve", names=["02:aa"], name="backup")
    shed = ask(desk, "02:bb")
    desk.do("device.approve", names=["02:bb"], name="shed")
    desk.seen[shed] = ABSENT
    ask(desk, "02:bb")
    return desk


def test_a20_who_looks_like_an_absent_router_is_listed_apart_and_left_out(
    waiting: FakeDesk, dusk: "Dusk"
) -> None:
    ask(waiting, "02:cc")
    said = dusk("device", "approve", "--all")
    assert said.code == 1
    assert said.out.count("let in") == 1
    assert "looks like shed, which is absent" in said.err
    assert "--all --rebind" in said.err
    alone = dusk("device", "approve", "--all", "--json")
    found = json.loads(alone.out)
    assert (alone.code, found["devices"], found["rebinds"][0]["like"]) == (1, [], "shed")


def test_a20_it_gets_that_ones_place_when_somebody_says_so(waiting: FakeDesk, dusk: "Dusk") -> None:
    said = dusk("device", "approve", "--all", "--rebind")
    assert (said.code, "shed is back under a new key" in said.out) == (0, True)
    assert waiting.log.state.device_names().keys() >= {"shed", "shed-old"}


@pytest.mark.usefixtures("waiting")
def test_who_is_named_gets_its_place_and_rebind_goes_with_all(dusk: "Dusk") -> None:
    assert dusk("device", "approve", "02:bb", "--rebind").code == 2
    assert "shed is back" in dusk("device", "approve", "02:bb").out


@pytest.mark.usefixtures("logged_in")
def test_a_join_key_that_would_rebind_by_itself_is_refused_clearly(dusk: "Dusk") -> None:
    said = dusk("joinkey", "create", "--rebind", "auto", "--file", "-")
    assert (said.code, said.out) == (1, "")
    assert "--rebind auto is not available" in said.err
