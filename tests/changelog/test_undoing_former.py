"""What a key did that was stolen and has been replaced is undone, and its person goes on (A23)."""

import pytest

from dusk.errors import Refused
from dusk.keys.signing import SigningKey
from tests.stolen import Stolen

FIRST = 1


def owned(world: Stolen) -> None:
    """Make Bob an owner."""
    world.commit(world.edit("trust", "owner/bob", [world.bob.public]))


def refused(world: Stolen, since: int, former: SigningKey) -> str:
    with pytest.raises(Refused) as refusal:
        world.found("bob", since, former)
    return refusal.value.code


def test_a23_what_a_former_key_did_is_undone_and_its_person_goes_on() -> None:
    world = Stolen()
    world.by(world.carol, world.host("wifi", "good"))
    since = world.by(world.bob, world.host("wifi", "evil"), world.host("hall", "evil")).seq
    new = world.replace("bob")
    world.grant("policy", new, world.carol)
    later = world.by(new, world.host("hall", "honest")).seq
    found = world.found("bob", since, world.bob)
    assert (found.user, found.key, [one.seq for one in found.voided]) == ("bob", world.bob.key_id, [since])
    assert [(one.section, one.seq) for one in found.kept] == [("policy/hall", later)]
    world.commit(*world.void_edits(found))
    assert (world.says("wifi"), world.says("hall")) == ("good", "honest")
    world.by(new, world.host("wifi", "his own"))
    assert world.replica().head == world.log.head


def test_a23_a_former_key_that_came_only_since_then_is_found() -> None:
    world = Stolen()
    since = world.log.head.seq + 1
    world.by(world.carol, world.host("wifi", "good"))
    stolen = world.replace("bob")
    world.grant("policy", stolen, world.carol)
    evil = world.by(stolen, world.host("wifi", "evil")).seq
    world.replace("bob")
    assert [one.seq for one in world.found("bob", since, stolen).voided] == [evil]
    assert [one.seq for one in world.found("bob", since, world.bob).voided] == []


def test_a23_a_key_that_was_another_ones_or_ended_before_is_none_of_his() -> None:
    world = Stolen()
    world.replace("bob")
    since = world.by(world.carol, world.host("wifi", "good")).seq
    assert refused(world, since, world.bob) == "no-key"
    assert refused(world, FIRST, world.carol) == "no-key"


def test_a23_a_key_that_only_the_stolen_one_put_in_its_place_may_be_a_thiefs() -> None:
    world = Stolen()
    owned(world)
    since = world.by(world.bob, world.host("wifi", "evil")).seq
    world.replace("bob", world.bob)
    assert refused(world, since, world.bob) == "still-void"
    honest = Stolen()
    owned(honest)
    since = honest.by(honest.bob, honest.host("wifi", "evil")).seq
    honest.replace("bob")
    assert [one.seq for one in honest.found("bob", since, honest.bob).voided] == [since]


def test_a23_an_owner_whose_other_record_a_thief_gave_another_key_is_not_told_to_go_on() -> None:
    world = Stolen()
    owned(world)
    new = world.key()
    since = world.by(world.bob, world.edit("trust", "owner/bob", [new.public])).seq
    world.commit(world.edit("user/bob", "key", [new.public]))
    assert refused(world, since, world.bob) == "still-void"


def test_a23_a_user_whom_void_changes_made_and_gave_another_key_is_not_told_to_go_on() -> None:
    world = Stolen()
    owned(world)
    eve = world.key()
    since = world.by(world.bob, world.edit("user/eve", "key", [eve.public])).seq
    world.replace("eve", world.bob)
    world.undo("bob", since)
    with pytest.raises(Refused) as refusal:
        world.found("eve", since, eve)
    assert refusal.value.code == "still-void"


def test_a23_no_void_makes_a_stolen_key_an_owners_again() -> None:
    """He put himself out, and owners gave him another key; whether he owns the cluster they say anew."""
    world = Stolen()
    owned(world)
    since = world.by(world.bob, world.edit("trust", "owner/bob", None)).seq
    world.commit(world.edit("user/bob", "key", [world.key().public]))
    found = world.found("bob", since, world.bob)
    assert ([one.key for one in found.left], found.edits) == (["owner/bob"], ())
    assert "owner add" in found.left[0].why


@pytest.mark.parametrize("is_owner", [True, False])
def test_a23_whether_its_person_owns_the_cluster_is_as_honest_owners_said(*, is_owner: bool) -> None:
    world = Stolen()
    owned(world)
    eve = world.key()
    world.commit(world.edit("user/eve", "key", [eve.public]))
    since = world.by(world.bob, world.edit("trust", "owner/eve", [eve.public])).seq
    new = world.replace("bob")
    if is_owner:
        world.by(eve, world.edit("trust", "owner/bob", None))
    else:
        world.commit(world.edit("trust", "owner/bob", None))
        world.by(eve, world.edit("trust", "owner/bob", [new.public]))
    world.commit(*world.void_edits(world.found("bob", since, world.bob)))
    owners = world.log.state.owners()
    assert (eve.key_id in owners, new.key_id in owners) == (False, is_owner)
