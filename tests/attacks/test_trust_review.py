"""What a review of the trust model found: rights that outlived what took them away (A39, A47, A57)."""

from dataclasses import replace

import pytest

from dusk import codec
from dusk.changelog.body import Edit, build_change
from dusk.changelog.entry import APPLIED
from dusk.changelog.proposals import CHANGE, proposal_path
from dusk.changelog.readers import people_of
from dusk.changelog.recovering import recovered_row
from dusk.changelog.sections import device_path
from dusk.cli.recover import check_prepared
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


def check(
    world: World, *more: Edit, revoke: tuple[str, ...] = (), owners: tuple[str, ...] = ("alice",)
) -> None:
    """Check what a router would have signed with the phrase, beside what every recovery does."""
    edits = (
        Edit("trust", "recovered", recovered_row(world.log.head), None),
        Edit("trust", "recovery", codec.pack((world.key().public, 1)), None),
        Edit("cluster", "succession", codec.pack(([world.device_id],)), None),
        *more,
    )
    change = build_change(
        cluster=world.cluster,
        device=world.device_id,
        counter=1,
        message="",
        edits=edits,
        signers=(world.key(),),
        random_bytes=world.random.randbytes,
    )
    check_prepared(change, edits, {("trust", "recovery"): edits[1].data or b""}, revoke, owners)


def gone(name: str) -> Edit:
    return Edit("trust", f"owner/{name}", None, None)


def disabled(name: str) -> Edit:
    return Edit(f"user/{name}", "disabled", codec.pack((True,)), None)


ALICE = (gone("alice"), disabled("alice"))


def test_a57_what_a_recovery_signs_shuts_out_each_owner_before_and_whom_the_person_named() -> None:
    world = World()
    router, other = (Edit(device_path(b * 16), "retired", codec.pack((True,)), None) for b in (b"x", b"y"))
    mark = Edit(device_path(world.device_id), "frozen", None, None)
    check(world, *ALICE, mark)
    check(world, *ALICE, disabled("bob"), revoke=("bob",))
    check(world, *ALICE, disabled("bob"), revoke=("user/bob", "bob"))
    check(world, *ALICE, router, revoke=("shed", "device/shed"))
    check(world, *ALICE, disabled("bob"), router, other, revoke=("bob", "shed", "device/roof"))
    for edits, revoke in (
        (ALICE[:1], ()),
        ((*ALICE, router), ()),
        ((*ALICE, disabled("bob"), router), ("user/bob",)),
        ((*ALICE, disabled("bob")), ("device/bob",)),
        (ALICE, ("shed",)),
        (ALICE, ("user/bob",)),
        ((*ALICE, router), ("user/bob",)),
        ((*ALICE, router), ("shed", "roof")),
        ((*ALICE, Edit(device_path(b"x" * 16), "frozen", None, None)), ()),
        ((*ALICE, replace(router, section=device_path(world.device_id))), ("shed",)),
    ):
        with pytest.raises(Refused, match="something else signed"):
            check(world, *edits, revoke=revoke)


def test_a57_a_recovery_shuts_out_no_other_owners_than_were_shown() -> None:
    world = World()
    for edits in ((), (*ALICE, gone("bob"), disabled("bob")), (gone("bob"), disabled("bob"))):
        with pytest.raises(Refused, match="other owners"):
            check(world, *edits)
    check(world, *ALICE, gone("bob"), disabled("bob"), owners=("alice", "bob"))
