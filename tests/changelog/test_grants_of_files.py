"""Files beside UCI are in no grant that does not name them, nor passed on so (R1, A39)."""

from collections.abc import Sequence

import pytest

from dusk import codec
from dusk.changelog.body import Edit
from dusk.changelog.entry import APPLIED
from dusk.config.settings import Setting, Verb, encode_setting
from tests.granting import Cluster, refuse

BANNER = "file:/etc/banner"
FILE = codec.unpack(encode_setting(Setting(Verb.FILE, ("Hello\n", "0644"))), size_max=100)


def file(world: Cluster, policy: str, key: str = BANNER) -> Edit:
    return world.edit(f"policy/{policy}", f"set/{key}", FILE)


def test_a39_a_grant_for_any_package_has_no_file() -> None:
    world = Cluster()
    refuse(world, world.change(file(world, "wifi"), signers=(world.bob,)), "outside-grant")
    world.commit(file(world, "wifi"))
    gone = world.edit("policy/wifi", f"set/{BANNER}", None)
    refuse(world, world.change(gone, signers=(world.bob,)), "outside-grant")
    own = world.edit(f"device/{world.kitchen.key_id.hex()}/config", f"set/{BANNER}", FILE)
    refuse(world, world.change(own, signers=(world.bob,)), "outside-grant")


def test_a_grant_has_the_files_that_it_names_and_no_others() -> None:
    world = Cluster()
    world.grant("policy/wifi", [world.bob], packages=["wireless", BANNER])
    assert world.write(world.change(file(world, "wifi"), signers=(world.bob,))).outcome == APPLIED
    other = file(world, "wifi", f"{BANNER}.old")
    refuse(world, world.change(other, signers=(world.bob,)), "outside-grant")


@pytest.mark.parametrize(
    ("above", "packages", "is_taken"),
    [
        (None, [BANNER], False),
        (["system"], ["system", BANNER], False),
        (["system", "file:/etc/banner2"], [BANNER], False),
        (["system", BANNER], [BANNER], True),
        (["system", BANNER], ["system"], True),
        (None, ["system"], True),
    ],
)
def test_a39_nobody_passes_on_a_file_that_he_was_not_given(
    above: Sequence[str] | None, packages: Sequence[str], *, is_taken: bool
) -> None:
    world = Cluster()
    world.grant("policy", [world.bob], packages=above)
    row = [[world.carol.key_id], 1, packages, None, None, "policy", [world.bob.key_id]]
    change = world.change(world.edit("passed", "grant/policy/wifi", row), signers=(world.bob,))
    if not is_taken:
        refuse(world, change, "outside-grant")
        return
    assert world.write(change).outcome == APPLIED
    if BANNER in packages:
        assert world.write(world.change(file(world, "wifi"), signers=(world.carol,))).outcome == APPLIED


def test_a39_a_file_that_was_passed_on_goes_with_what_it_hangs_on() -> None:
    world = Cluster()
    world.grant("policy", [world.bob], packages=["system", BANNER])
    row = [[world.carol.key_id], 1, [BANNER], None, None, "policy", [world.bob.key_id]]
    world.write(world.change(world.edit("passed", "grant/policy/wifi", row), signers=(world.bob,)))
    world.grant("policy", [world.bob])
    refuse(world, world.change(file(world, "wifi"), signers=(world.carol,)), "outside-grant")
