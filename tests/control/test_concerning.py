"""The versions that concern one device, of all that the log has."""

from typing import Any

import pytest

from dusk.control import concerning
from dusk.errors import Refused
from tests.control.test_reading import says
from tests.desk import FakeDesk
from tests.secret_desk import put_secret, secret_desk
from tests.world import World


def _found(desk: FakeDesk, name: str = "hall", **given: Any) -> list[tuple[str, list[str]]]:
    entries = desk.ask("device.history", name=name, **given)["entries"]
    return [(entry["message"], entry["concerns"]) for entry in entries]


def _say(desk: FakeDesk, message: str, method: str, **given: Any) -> None:
    desk.do(method, **given)
    desk.commit(message)


@pytest.fixture
def quiet() -> FakeDesk:
    """A desk of which hall has the policy wifi, by its group aps, with one variable in use."""
    world = World()
    world.allow_joining()
    hall = world.join("hall")
    world.join("roof")
    desk = FakeDesk(world)
    desk.devices["hall"] = hall
    _say(desk, "group", "group.create", name="aps")
    _say(desk, "in", "group.add", name="aps", devices=["hall"])
    _say(desk, "used", "var.set", scope="cluster", variables=[{"name": "net", "values": ["Home"]}])
    desk.set("policy/wifi", wireless__x__ssid="${net}")
    desk.commit("what it says")
    _say(desk, "to aps", "policy.assign", name="wifi", to="groups", names=["aps"])
    return desk


def test_what_is_its_own_and_what_it_has_from_others_is_told_newest_first(quiet: FakeDesk) -> None:
    quiet.set("device/hall", system__ntp__enabled="1")
    quiet.commit("its own")
    quiet.set("device/roof", system__ntp__enabled="1")
    quiet.commit("of another")
    found = _found(quiet)
    assert found[:5] == [
        ("its own", ["device/hall"]),
        ("to aps", ["assignment/wifi"]),
        ("what it says", ["policy/wifi"]),
        ("used", ["cluster"]),
        ("in", ["group/aps"]),
    ]
    assert found[-1][1] == ["device/hall"], "how it came into the cluster"
    assert ("to aps", ["assignment/wifi"]) not in _found(quiet, "roof")
    (first, *_) = quiet.ask("device.history", name="hall")["entries"]
    assert (first["author"], first["signed"], first["outcome"]) == ("alice", ["alice"], "applied")


def test_what_it_does_not_have_is_not_told(quiet: FakeDesk) -> None:
    newest = _found(quiet)[0]
    other = [{"name": "other", "values": ["x"]}]
    _say(quiet, "a variable that nothing uses", "var.set", scope="cluster", variables=other)
    _say(quiet, "another router's group", "group.add", name="aps", devices=["roof"])
    _say(quiet, "facts of no group of its", "group.create", name="boards")
    facts = [{"fact": "board", "values": ["fine"]}]
    _say(quiet, "facts of no group of its", "group.select", name="boards", facts=facts)
    quiet.set("policy/other", system__ntp__enabled="1")
    quiet.commit("a policy of nobody")
    _say(quiet, "of another", "policy.assign", name="other", to="devices", names=["roof"])
    _say(quiet, "of nobody", "policy.unassign", name="other")
    says(quiet, "hall", "plain")
    quiet.world.open()
    assert _found(quiet)[0] == newest
    says(quiet, "hall", "fine")
    assert _found(quiet)[0] == ("facts of no group of its", ["group/boards"]), "it is in the group now"


def test_who_took_a_policy_away_is_told_and_what_that_said_before_is_not(quiet: FakeDesk) -> None:
    _say(quiet, "away", "policy.unassign", name="wifi")
    assert [message for message, _ in _found(quiet)][:3] == ["away", "to aps", "in"]
    _say(quiet, "to hall", "policy.assign", name="wifi", to="devices", names=["hall"])
    _say(quiet, "to roof", "policy.assign", name="wifi", to="devices", names=["roof"])
    assert _found(quiet)[0] == ("to roof", ["assignment/wifi"]), "it had it until then"


def test_who_let_it_read_secrets_is_told_and_keys_alone_are_not() -> None:
    desk = secret_desk()
    _say(desk, "facts", "group.select", name="ap", facts=[{"fact": "board", "values": ["fine"]}])
    says(desk, "roof", "fine")
    put_secret(desk)
    _say(desk, "secret", "policy.assign", name="wifi", to="groups", names=["ap"])
    _say(desk, "may read", "group.allow", name="ap")
    assert _found(desk, "roof")[0] == ("may read", ["reader/roof"])


def test_pages_are_turned_to_the_first_version_of_it_and_no_call_looks_at_all(
    quiet: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _found(quiet, count=200)
    for count, looked in ((2, 1000), (20, 3), (1, 1)):
        monkeypatch.setattr(concerning, "LOOKED_MAX", looked)
        pages, before = list[list[tuple[str, list[str]]]](), 0
        while before or not pages:
            assert len(pages) < 50
            pages.append(_found(quiet, count=count, before=before))
            before = quiet.ask("device.history", name="hall", count=count, before=before)["next"]
        assert [row for page in pages for row in page] == whole
    head = quiet.ask("log.list")["head"]
    assert quiet.ask("device.history", name="hall", before=head + 100)["head"] == head
    assert quiet.ask("device.history", name="hall", before=1)["entries"] == []


def test_a_change_without_effect_is_told_with_what_became_of_it(quiet: FakeDesk) -> None:
    world: World = quiet.world
    late = world.change(world.set("wifi", "wireless.x.ssid", "theirs"), counter=50)
    quiet.set("policy/wifi", wireless__x__ssid="Newer")
    quiet.commit("newer")
    world.strand(late)
    (first, second, *_) = quiet.ask("device.history", name="hall")["entries"]
    assert (first["outcome"], first["concerns"]) == (f"superseded by {second['seq']}", ["policy/wifi"])


def test_of_a_device_that_is_not_there_that_is_said(quiet: FakeDesk) -> None:
    with pytest.raises(Refused, match="nowhere") as refused:
        quiet.ask("device.history", name="nowhere")
    assert refused.value.code == "no-device"
