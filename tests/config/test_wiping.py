"""What a device that was removed takes off, if it is told to."""

from dusk.changelog.sections import device_path
from dusk.config.device import managed_config
from dusk.config.merge import Layer, merge, without_secrets
from dusk.config.settings import Setting, Verb
from dusk.ids import DeviceId
from tests.world import World


def test_secrets_are_absent_and_all_else_stays() -> None:
    settings = {
        "wireless.home.key": Setting(Verb.SET, ("hush hush",), 0),
        "wireless.home.ssid": Setting(Verb.SET, ("home",), 1),
        "wireless.home.Community": Setting(Verb.SET, ("before it was one",), 2),
    }
    managed = merge((Layer("policy/wifi", 100, settings),), {}, {})
    (section,) = without_secrets(managed, {"community"})["wireless"]
    assert section.options["Community"].verb is Verb.ABSENT
    assert without_secrets(managed)["wireless"][0].options["Community"].verb is Verb.SET
    key, ssid = section.options["key"], section.options["ssid"]
    assert (key.verb, key.values, key.removed) == (Verb.ABSENT, (), ())
    assert (ssid.verb, ssid.values) == (Verb.SET, ("home",))


def test_who_is_to_be_wiped_has_the_rest_of_its_config() -> None:
    world = World()
    world.allow_joining()
    device = world.join("shed")
    section = device_path(device.key_id)
    world.commit(
        world.edit(f"{section}/config", "var/x", ("1",)),
        world.edit(section, "retired", (True,)),
        world.edit(section, "wipe", (True,)),
    )
    assert dict(managed_config(world.log.state, DeviceId(device.key_id))) == {}
