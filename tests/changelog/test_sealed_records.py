"""Where sealed values stand, and under which key K each is (R15)."""

import pytest

from dusk.changelog.entry import APPLIED
from dusk.changelog.sealed import Sealing, sealed_in, sealed_records
from dusk.errors import Refused
from dusk.keys.secret import secret_key_id
from tests.secrets import K, secret_setting, secret_variable, wraps
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


def test_a_key_seals_what_stands_under_it_or_is_wrapped_and_seals_nothing() -> None:
    world, emptied = World(), b"e" * 32
    section = "policy/wifi"
    sealing = Sealing(world.log.state)
    assert sealing.under(section) == {}
    world.commit(
        secret_setting(world, section, "wireless.a.key", "hush"),
        secret_setting(world, section, "wireless.b.key", "hush"),
        wraps(world, section, [world.owner], K),
        wraps(world, section, [world.owner], emptied, place=1),
    )
    assert sealing.under(section) == {}, "it was read once"
    found = {name: sorted(records) for name, records in Sealing(world.log.state).under(section).items()}
    both = ["set/wireless.a.key", "set/wireless.b.key"]
    assert found == {secret_key_id(K): both, secret_key_id(emptied): []}


def test_a39_who_is_granted_a_package_seals_under_keys_of_it_or_new_ones_and_no_others() -> None:
    world, section = World(), "policy/wifi"
    bob = world.key()
    world.commit(world.edit("user/bob", "key", [bob.public]))
    world.commit(world.edit("trust", f"grant/{section}", [[bob.key_id], 1, ["wireless"], None, None]))
    own, others, emptied, new = (bytes([number]) * 32 for number in range(4))
    world.commit(
        secret_setting(world, section, "wireless.a.key", "hush", own),
        secret_setting(world, section, "network.a.private_key", "hush", others),
        *(
            wraps(world, section, [world.owner], key, place)
            for place, key in enumerate((own, others, emptied))
        ),
    )
    for key in (others, emptied):
        edit = secret_setting(world, section, "wireless.b.key", "mine", key)
        with pytest.raises(Refused) as caught:
            world.log.write_change(world.change(edit, signers=(bob,)), world.stamp())
        assert caught.value.code == "outside-grant"
    edits = [
        secret_setting(world, section, f"wireless.{name}.key", "mine", key)
        for name, key in (("c", own), ("d", new))
    ]
    assert world.write(world.change(*edits, signers=(bob,))).outcome == APPLIED
