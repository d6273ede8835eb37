"""Hostile members, people with a grant, and who has left, against the secrets of others (R15, A47)."""

import pytest

from dusk.config.device import managed_config
from dusk.errors import ConfigError, Refused
from dusk.ids import DeviceId
from tests.desk import FakeDesk
from tests.secret_desk import SECRET, secret_desk


@pytest.fixture
def desk() -> FakeDesk:
    """Return a desk over a master and two devices, hall in the group ap; carol is nobody yet."""
    return secret_desk()


def edits_by(desk: FakeDesk, user: str, target: str, **values: str) -> None:
    """Have somebody set options and sign that."""
    rows = [{"key": key.replace("__", "."), "values": [value]} for key, value in values.items()]
    desk.ask("draft.edit", token=f"token-{user}", target=target, verb="set", edits=rows)
    desk.ask("draft.commit", token=f"token-{user}", message=f"by {user}")


def test_a47_who_may_write_a_policy_puts_nobodys_secret_on_the_air(desk: FakeDesk) -> None:
    desk.do("var.set", scope="cluster", variables=[{"name": "vpn", "values": [SECRET]}], secret=True)
    desk.set("policy/wifi", wireless__lan__ssid="Home")
    desk.do("policy.assign", name="wifi", to="all", names=[])
    desk.commit()
    desk.do("grant.set", prefix="policy/wifi", users=["carol"])
    with pytest.raises(Refused, match="'ssid' is none here"):
        edits_by(desk, "carol", "policy/wifi", wireless__lan__ssid="${vpn}")
    world = desk.world
    setting = world.set("wifi", "wireless.lan.ssid", "${vpn}")
    world.write(world.change(setting, signers=[desk.people["token-carol"].key]))
    with pytest.raises(ConfigError, match="'ssid' is none here"):
        managed_config(desk.log.state, DeviceId(desk.devices["hall"].key_id))
