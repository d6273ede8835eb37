"""Where sealed values stand, and under which key K each is (R15)."""

from dusk.changelog.sealed import sealed_in, sealed_records
from dusk.keys.secret import secret_key_id
from tests.secrets import K, secret_setting, secret_variable
from tests.world import World


def test_the_secrets_of_a_section_are_found_among_all_that_it_says() -> None:
    world, other = World(), b"o" * 32
    section = f"device/{world.device_id.hex()}/config"
    world.commit(
        secret_setting(world, section, "wireless.a.key", "hush"),
        secret_variable(world, section, "word", "hush", other),
        world.edit(section, "set/wireless.a.ssid", [1, 0, ["Home"], []]),
        world.edit(section, "var/plain", ["text"]),
    )
    assert dict(sealed_records(world.log.state, section)) == {
        "set/wireless.a.key": secret_key_id(K),
        "var/word": secret_key_id(other),
    }
    assert sealed_in(section, "var/none", None) is None
    assert sealed_in(section, "wrap/0", b"\x90") is None
