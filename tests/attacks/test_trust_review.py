"""What a review of the trust model found: rights that outlived what took them away (A39, A47, A57)."""

import pytest

from dusk.changelog.body import Change
from dusk.changelog.entry import APPLIED
from dusk.changelog.proposals import CHANGE, proposal_path
from dusk.changelog.readers import people_of
from dusk.changelog.returning import AUTO
from dusk.errors import Refused
from dusk.keys.signing import SigningKey
from tests.changelog.test_passed_grants import Cluster as Granted
from tests.changelog.test_proposals import Cluster as Proposing
from tests.changelog.test_proposals import _both as both
from tests.world import World


def test_a39_the_threshold_above_binds_below_when_it_is_raised_later() -> None:
    world = Granted()
    world.takes(world.bob, world.passing("policy/wifi", [world.carol], "policy"))
    world.own("policy", [world.bob, world.dave], threshold=2)
    for alone in (world.bob, world.carol, world.dave):
        world.refuses(alone, world.setting("wifi"), "missing-signatures")
    two = world.change(world.setting("wifi"), signers=(world.bob, world.carol))
    assert world.write(two).outcome == APPLIED


def test_a57_what_was_signed_for_a_proposal_ends_with_it() -> None:
    world = Proposing()
    back = world.proposed()
    world.takes(world.bob, world.edit(proposal_path(back.id), CHANGE, None))
    world.refuses_change(back._replace(signatures=both(world, back)), "proposal-gone")
    late = world.proposed(world.setting("office"), expires_s=1)
    world.log.write_expiry(proposal_path(late.id), world.stamp())
    world.refuses_change(late._replace(signatures=both(world, late)), "proposal-gone")


def test_a47_a_grant_for_groups_reads_no_secrets_of_others() -> None:
    world = Granted()
    world.allow_joining()
    hall, roof, shed = (world.join(name) for name in ("hall", "roof", "shed"))
    for key, groups in ((hall, ["core"]), (roof, ["lab"])):
        world.commit(world.edit(f"device/{key.key_id.hex()}", "groups", [groups]))
    world.own("device", [world.bob], groups=["lab"])
    world.own("group", [world.bob], groups=["lab"])
    world.takes(world.bob, world.passing("group/lab", [world.carol], "group", groups=["lab"]))

    def read(who: SigningKey, section: str) -> bool:
        return who.key_id in people_of(world.log.state, section)

    devices = [f"device/{key.key_id.hex()}/config" for key in (hall, roof, shed)]
    assert [read(world.bob, section) for section in devices] == [False, True, False]
    assert [read(world.bob, f"group/{name}") for name in ("core", "lab")] == [False, True]
    assert read(world.carol, "group/lab")
    assert all(read(world.owner, section) for section in devices)


def test_a20_a_rule_that_gives_places_back_by_any_label_is_refused_whoever_signed_it_by_hand() -> None:
    world = World()
    joinkey = world.key()
    section = f"joinkey/{joinkey.key_id.hex()}"

    def rule(labels: list[str]) -> Change:
        row = [joinkey.public, 9, 0, [], "auto", labels, AUTO, ""]
        return world.change(world.edit(section, "rule", row))

    for vague in ([], ["*"], ["?*"], ["02:*", "*"], ["0*"]):
        with pytest.raises(Refused) as refused:
            world.log.write_change(rule(vague), world.stamp())
        assert refused.value.code == "bad-value"
    assert world.write(rule(["02:*"])).outcome == APPLIED
