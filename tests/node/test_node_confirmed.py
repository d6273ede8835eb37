"""What confirms an apply where a START asks only some: an answer, and never all of them at once."""

import pytest

from dusk.cycle import asking, audience, leader
from dusk.cycle.messages import Kind
from dusk.node import applying
from tests.node.site import Box, Site
from tests.world import World

SLICE = 4
WIRELESS = b"config wifi-iface 'default_radio0'\n\toption ssid 'old'\n"


def _manage(world: World) -> None:
    world.commit(
        world.set("wifi", "wireless.default_radio0.ssid", "first"),
        world.edit("assignment/wifi", "to", ("all", [], 100)),
    )


def _has(box: Box, ssid: str) -> bool:
    return f"'{ssid}'".encode() in (box.files["wireless"] or b"")


def test_a32_of_more_than_a_slice_too_who_hears_and_is_not_heard_goes_back_and_the_others_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for room in (asking, audience, leader, applying):
        monkeypatch.setattr(room, "SLICE_MEMBERS_MAX", SLICE)
    site = Site(3 * SLICE, _manage)
    for box in site.all:
        box.files["wireless"] = WIRELESS
    site.run(60.0)
    assert all(_has(box, "first") for box in site.all)
    mute, asks = site.all[7], []

    def is_lost(sender: str, _to: str, data: bytes) -> bool:
        if data[8] == Kind.ASK:
            asks.append(sender)
        return sender == mute.name and _has(mute, "second")

    site.lost = is_lost
    change = site.world.change(site.world.set("wifi", "wireless.default_radio0.ssid", "second"))
    site.master.do(site.master.node.submit(change, site.now))
    site.run(80.0)
    states = {box.name: box.node.applied.state for box in site.all}
    assert states == {box.name: "applied" if box is mute else "committed" for box in site.all}
    asked = [sender for sender in asks if sender != mute.name]
    assert len(asked) <= 2 * len(site.all), "one question each, and proofs that were due"
    site.run(15.0)
    assert not _has(mute, "second")
    assert mute.node.applied.reason == "no contact within 90 s after the reload"
