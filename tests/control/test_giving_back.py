"""A policy that is taken away gives back what it changed: whom that is for is in the log."""

import pytest

from tests.desk import FakeDesk, desk_of_two


@pytest.fixture
def desk() -> FakeDesk:
    return desk_of_two()


def test_whom_a_policy_was_for_is_kept_with_it_until_it_is_assigned_again(desk: FakeDesk) -> None:
    desk.set("policy/wlan", wireless__a__ssid="x")
    desk.do("policy.assign", name="wlan", to="all")
    desk.commit()
    desk.do("policy.unassign", name="wlan", restore_local=True)
    assert "as it was before, for: all, priority 100" in desk.do("draft.show")["text"]
    desk.commit()
    desk.do("policy.rename", name="wlan", new_name="lan")
    desk.commit()
    assert desk.log.state.value("assignment/wlan", "local") is None
    assert desk.log.state.value("assignment/lan", "local") == ["all", [], 100]
    desk.do("policy.assign", name="lan", to="all")
    desk.commit()
    assert desk.log.state.value("assignment/lan", "local") is None


def test_a_section_is_given_back_with_all_that_was_said_of_it(desk: FakeDesk) -> None:
    desk.set("policy/wlan", wireless__a="wifi-iface", wireless__a__ssid="x")
    desk.do(
        "draft.edit", target="policy/wlan", verb="restore-local", edits=[{"key": "wireless.a", "values": []}]
    )
    assert desk.ask("policy.list")["policies"] == []
    desk.commit()
    text = desk.ask("settings.export", target="policy/wlan")["text"]
    assert text == "restore_local wireless.a\nrestore_local wireless.a.ssid\n"
