"""``device.leave``: whom a router's own root may take out of the cluster, and who stays."""

import pytest

from dusk.changelog.sections import device_path
from dusk.errors import Refused
from dusk.ids import DeviceId
from tests.desk import FakeDesk


def test_who_may_lead_stays_until_somebody_else_does(desk: FakeDesk) -> None:
    with pytest.raises(Refused, match="may lead the cluster") as refusal:
        desk.ask("device.leave")
    assert refusal.value.code == "in-succession"
    assert "leave" not in desk.results


def test_a_member_leaves_without_anybody_being_logged_in(desk: FakeDesk) -> None:
    member = desk.world.join("shed")
    desk.stands_at = DeviceId(member.key_id)
    name = desk.log.state.value(device_path(member.key_id), "name")
    assert name is not None
    assert desk.ask("device.leave", timeout_s=1.0) == {"ticket": "leave", "device": name[0]}
    assert desk.poll("leave")["result"] == {"left": True, "missing": ""}


def test_a22_who_was_removed_while_it_was_off_leaves_though_its_own_log_says_that_it_may_lead(
    desk: FakeDesk,
) -> None:
    desk.role = "removed"
    assert desk.ask("device.leave", timeout_s=1.0)["ticket"] == "leave"
