"""A state with edits on top: what is read of it."""

from dusk.changelog.body import Edit
from dusk.changelog.overlay import Overlay
from dusk.changelog.state import State
from tests.world import World

SSID = "set/wireless.ap.ssid"


def state() -> State:
    """Return what a log says that has one policy."""
    world = World()
    world.commit(world.set("wifi", "wireless.ap.ssid", "x"), world.set("wifi", "wireless.ap.mode", "ap"))
    return world.log.state


def test_what_an_edit_deletes_is_not_there_and_all_else_is() -> None:
    edited = Overlay(state(), [Edit("policy/wifi", SSID, None, None)])
    assert edited.data("policy/wifi", SSID) is None
    assert set(edited.records("policy/wifi")) == {"set/wireless.ap.mode"}
    assert edited.value("policy/wifi", "set/wireless.ap.mode") is not None


def test_what_an_edit_sets_is_there_below_its_prefix_alone() -> None:
    edited = Overlay(state(), [Edit("policy/lab", SSID, b"edited", None)])
    assert edited.data("policy/lab", SSID) == b"edited"
    assert [record.data for record in edited.records("policy/lab", "set/").values()] == [b"edited"]
    assert not edited.records("policy/lab", "var/")
    assert list(edited.sections("policy/")) == ["policy/lab", "policy/wifi"]
    assert list(edited.sections("user/")) == ["user/alice"]
