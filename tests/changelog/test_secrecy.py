"""The fold takes no plain secret, and seals stand where secrets are (R15)."""

import pytest

from dusk.changelog.body import Edit
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.errors import Refused
from tests.secrets import secret_setting, secret_variable, wraps
from tests.world import World

KEY, OTHER = "wireless.lan.key", "snmpd.public.community"


@pytest.fixture
def world() -> World:
    world = World()
    world.allow_joining()
    return world


def setting(key: str, made: Setting) -> Edit:
    return Edit("policy/wifi", f"set/{key}", encode_setting(made), None)


def test_a_secret_option_is_sealed_named_by_a_variable_or_absent(world: World) -> None:
    world.commit(
        secret_setting(world, "policy/wifi", KEY, "12345678"), wraps(world, "policy/wifi", [world.owner])
    )
    world.commit(setting("wireless.b.key", Setting(Verb.SET, ("${wpa}",))))
    world.commit(setting("wireless.c.key", Setting(Verb.ABSENT)))


@pytest.mark.parametrize(
    "value", ["12345678", "${wpa}x", "${wpa:-12345678}", "${mac6}", "${fact.board}", "$${wpa}"]
)
def test_a47_a_plain_secret_is_refused_however_it_is_dressed(world: World, value: str) -> None:
    with pytest.raises(Refused, match="'key' is a secret") as caught:
        world.write(world.change(setting(KEY, Setting(Verb.SET, (value,)))))
    assert caught.value.code == "bad-value"
    assert "12345678" not in caught.value.reason


def test_an_option_that_is_no_secret_is_not_sealed(world: World) -> None:
    with pytest.raises(Refused, match="'community' is no secret here"):
        world.commit(secret_setting(world, "policy/wifi", OTHER, "public"))


def test_a_cluster_names_further_secrets(world: World) -> None:
    world.commit(setting(OTHER, Setting(Verb.SET, ("public",))))
    world.commit(world.edit("cluster", "secrets", [["community"]]))
    with pytest.raises(Refused, match="'community' is a secret"):
        world.commit(world.set("wifi", OTHER, "private"))
    with pytest.raises(Refused, match="'Community' is a secret"):
        world.commit(world.set("wifi", OTHER.replace("community", "Community"), "private"))
    world.commit(secret_setting(world, "policy/wifi", OTHER, "private"))
    world.commit(world.set("wifi", "system.ntp.enabled", "1"))
    world.commit(world.edit("policy/wifi", f"set/{OTHER}", None))
    world.commit(world.edit("cluster", "var/community", ["public"]))


def test_variables_may_be_sealed_anywhere(world: World) -> None:
    section = f"device/{world.device_id.hex()}/config"
    world.commit(*(secret_variable(world, s, "wpa", "12345678") for s in ("cluster", "group/ap", section)))


def test_a47_a_file_has_no_secret_by_the_names_of_the_cluster_either(world: World) -> None:
    file = setting("file:/etc/app.conf", Setting(Verb.FILE, ("community=public\n", "0644")))
    world.commit(file)
    world.commit(world.edit("cluster", "secrets", [["community"]]))
    again = setting("file:/etc/app2.conf", Setting(Verb.FILE, ("community=public\n", "0644")))
    with pytest.raises(Refused, match="'community' in it says that there is a secret") as caught:
        world.write(world.change(again))
    assert caught.value.code == "bad-value"
    assert "public" not in caught.value.reason
    world.commit(setting("file:/etc/app3.conf", Setting(Verb.FILE, ("community=$1\n", "0644"))))
    world.commit(setting("file:/etc/app4.conf", Setting(Verb.ABSENT)))
