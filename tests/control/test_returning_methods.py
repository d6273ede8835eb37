"""What people say of routers that came back by themselves: secrets go to them from then on (A20, R15)."""

from collections.abc import Sequence

import pytest

from dusk.changelog import views
from dusk.changelog.entry import Absent
from dusk.changelog.returning import AUTO, REBOUND
from dusk.changelog.sections import device_path
from dusk.ids import DeviceId
from dusk.limits import ABSENT_CYCLES_MIN
from tests.desk import FakeDesk
from tests.secret_desk import KEY, SECRET, for_group, opened, put_secret, refusal, secret_desk


@pytest.fixture
def desk() -> FakeDesk:
    return secret_desk()


def came_back(desk: FakeDesk, name: str) -> DeviceId:
    """Have the device of that name come back by another key, as an auto join key lets it."""
    world, old = desk.world, views.device_by_name(desk.log.state, name)
    assert old is not None
    found = views.member(desk.log.state, old)
    assert found is not None
    world.joinkey = world.key()
    row: Sequence[object] = [world.joinkey.public, 1, 0, [], "approve", ["02:*"], AUTO, ""]
    world.commit(world.edit(f"joinkey/{world.joinkey.key_id.hex()}", "rule", row))
    key = world.key()
    stamp = world.stamp()._replace(absent=Absent(old, ABSENT_CYCLES_MIN))
    world._keep(world.log.write_change(world.request(key, "x", found.label), stamp)[0])
    desk.devices[name] = key
    return DeviceId(key.key_id)


def test_a20_secrets_wait_for_a_person_who_says_that_it_is_that_router(desk: FakeDesk) -> None:
    for_group(desk)
    put_secret(desk, "its own", target="device/hall", key="network.wg.private_key")
    desk.commit()
    both = {KEY: SECRET, "network.wg.private_key": "its own"}
    assert opened(desk, "hall") == both
    device = came_back(desk, "hall")
    desk.set("policy/wifi", wireless__lan__ssid="other")
    desk.commit()
    assert set(opened(desk, "hall").values()) == {None}, "nor by what is signed meanwhile"
    answer = desk.do("device.approve", names=["hall"])
    assert [row["id"] for row in answer["devices"]] == [device.hex()]
    assert "hall came back under a new key, and that is right" in answer["text"]
    assert opened(desk, "hall") == both
    assert desk.log.state.value(device_path(device), REBOUND) is None
    assert refusal(desk, "device.approve", names=["hall"]).code == "not-pending"


def test_a_setting_that_was_changed_meanwhile_stays_as_it_is(desk: FakeDesk) -> None:
    put_secret(desk, "its own", target="device/hall")
    desk.set("device/hall", system__led="led")
    desk.commit()
    came_back(desk, "hall")
    put_secret(desk, "another", target="device/hall")
    desk.commit()
    desk.do("device.approve", names=["hall"])
    assert opened(desk, "hall") == {KEY: "another"}


def test_who_came_back_by_itself_keeps_its_name_and_groups_when_that_is_confirmed(desk: FakeDesk) -> None:
    came_back(desk, "hall")
    for more in ({"name": "shed"}, {"groups": ["ap"]}):
        assert refusal(desk, "device.approve", names=["hall"], **more).code == "bad-params"
    desk.do("device.remove", names=["hall"])
    assert refusal(desk, "device.approve", names=["hall"]).code == "not-pending"


def test_a_member_that_never_was_reset_waits_for_nothing(desk: FakeDesk) -> None:
    assert refusal(desk, "device.approve", names=["roof"]).code == "not-pending"


def test_a20_whose_place_it_has_is_told_until_somebody_confirms_it(desk: FakeDesk) -> None:
    old = views.device_by_name(desk.log.state, "hall")
    assert old is not None
    assert _told(desk, "hall") is None
    came_back(desk, "hall")
    former = views.member(desk.log.state, old)
    assert former is not None
    assert _told(desk, "hall") == former.name
    desk.do("device.approve", names=["hall"])
    assert _told(desk, "hall") is None


def _told(desk: FakeDesk, name: str) -> object:
    return next(row for row in desk.ask("device.list")["devices"] if row["name"] == name)["rebound"]
