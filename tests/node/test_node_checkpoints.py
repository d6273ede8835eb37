"""Nodes, owners' word for the state, and roles that were forced before it (R3, R4, R5)."""

from collections.abc import Sequence

import pytest

from dusk.changelog.body import Change, Edit
from dusk.changelog.certificate import Certificate, sign_ack
from dusk.changelog.roles import mandate_row
from dusk.effects import Compact, Event, Rebase, Restart, UseCompacted
from dusk.ids import DeviceId, Seq
from dusk.keys.signing import SigningKey
from tests.checkpoints import attestation, commit
from tests.node.site import Box, Site
from tests.world import World

pytestmark = pytest.mark.usefixtures("small_steps")


def role_for(site: Site, box: Box) -> Change:
    """Return the owner's word that a device leads, alone."""
    world, log = site.world, box.node.log
    world.log = log
    return world.change(
        world.edit("cluster", "succession", [[box.node.device_id]]),
        Edit("cluster", "mandate", mandate_row(log.head), world.base("cluster", "mandate")),
        device=box.key,
    )


def attested(site: Site, box: Box, owner: SigningKey | None = None) -> Seq:
    """Have an owner attest the newest state at a device, and let all hear of it; returns where."""
    site.world.log = box.node.log
    newest = Seq(next(reversed(box.node.log.state.milestones)))
    box.do(box.node.submit(attestation(site.world, newest, owner), site.now))
    site.run(12.0)
    return newest


def loud(box: Box, name: str) -> list[str]:
    """Return what was said under a name."""
    return [e.text for e in box.effects if isinstance(e, Event) and e.name == name and e.loud]


def _alone(site: Site, box: Box, others: Sequence[Box]) -> None:
    """Have one device run, and the others not."""
    box.on = True
    for other in others:
        other.on = False


def _parted() -> tuple[Site, Box, Box, Change]:
    """Return a site whose master settled a change alone, and which was led on by force without that."""
    site = Site(3)
    site.run(6.0)
    old, box, third = site.all
    _alone(site, old, (box, third))
    own = old.commit("own", "office")
    site.run(2.0)
    assert old.node.settled == old.node.log.head.seq
    old.on = False
    box.restart()
    third.restart()
    site.run(6.0)
    box.do(box.node.force_role(role_for(site, box), site.now))
    for number in range(20):
        box.commit(f"version {number}")
        site.run(1.0)
    assert box.node.log.position_of(own.id) is None
    return site, old, box, own


def test_r4_who_settled_alone_goes_over_to_a_checkpoint_of_those_that_owners_forced_and_says_so() -> None:
    site, old, box, own = _parted()
    seq = attested(site, box)
    assert box.node.log.floor == seq, "what it would be judged by is compacted"
    old.restart()
    site.until(lambda: bool(old.of(Restart)), 60.0)
    rebase = next(effect for effect in old.effects if isinstance(effect, Rebase))
    assert (rebase.seq, len(rebase.left)) == (seq, 1)
    undone = f"owners forced a role behind version {rebase.left[0].seq}"
    assert loud(old, "undone")[0].startswith(undone)
    old.effects.clear()
    old.restart()
    site.until(lambda: box.node.log.position_of(own.id) is not None, 60.0)
    site.until(lambda: old.node.log.head == box.node.log.head, 30.0)
    assert not any("conflict" in each.node.alarms for each in site.all)


def test_r4_who_settled_alone_stays_and_says_so_where_nobody_forced_a_role() -> None:
    site, old, box, _ = _parted()
    attested(site, box)
    old.restart()
    old.node.log.state.quorum = 2  # as if owners had said here that two must sign
    head = old.node.log.head
    site.until(lambda: "conflict" in old.node.alarms, 60.0)
    assert (old.node.log.head, old.of(Restart), loud(old, "undone")) == (head, [], [])


def _two_owners(world: World) -> None:
    bob = world.key()
    world.commit(world.edit("user/bob", "key", (bob.public,)))
    world.commit(world.edit("trust", "owner/bob", (bob.public,)), world.edit("trust", "quorum", (2,)))
    commit(world, 20, (world.owner, bob))
    world.bob = bob  # type: ignore[attr-defined]  # for the test alone


def test_where_two_owners_must_sign_each_attests_where_he_is_and_then_all_compact() -> None:
    site = Site(3, _two_owners)
    bob: SigningKey = site.world.bob  # type: ignore[attr-defined]  # see above
    site.run(6.0)
    seq = attested(site, site.all[1], bob)
    assert not any(box.of(Compact) for box in site.all), "one of two is not enough"
    assert {box.node.log.checkpoint for box in site.all} == {0}
    assert attested(site, site.all[2], site.world.owner) == seq
    for box in site.all:
        assert [effect.seq for effect in box.effects if isinstance(effect, UseCompacted)] == [seq]
        box.effects.clear()
        box.restart()
        assert (box.node.log.floor, box.node.alarms) == (seq, {})
    site.run(12.0)
    assert len(site.heads) == 1


def test_r4_what_owners_attest_without_a_holder_is_not_final_and_whose_signature_is_missing_is_shown() -> (
    None
):
    site = Site(3, lambda world: commit(world, 2))
    site.run(6.0)
    old, box, third = site.all
    old.do(old.node.submit(_succeed(site, old, box), site.now))
    site.run(12.0)
    assert old.node.settled == old.node.log.head.seq
    box.on = False
    old.do(old.node.submit(_succeed(site, old, third), site.now))
    site.run(3.0)
    for number in range(20):
        old.commit(f"version {number}")
        site.run(1.0)
    settled = old.node.settled
    assert attested(site, old) > settled
    assert {each.node.settled for each in (old, third)} == {settled}
    log = old.node.log
    keys = {DeviceId(each.key.key_id): each.key for each in (old, third)}
    acks = {name: sign_ack(key, site.world.cluster, log.head) for name, key in keys.items()}
    certificate = Certificate.of(log.head, acks)
    assert not third.node.log.take_certificate(certificate)
    site.run(6.0)
    assert third.node.alarms["not-final"].endswith("for want of the signature of r1: owners force a role")
    box.on = True
    site.until(lambda: third.node.settled == log.head.seq, 60.0)
    assert not third.node.alarms


def _succeed(site: Site, first: Box, second: Box) -> Change:
    site.world.log = first.node.log
    devices = [first.node.device_id, second.node.device_id]
    counter = first.node.next_counter(site.world.owner.key_id)
    return site.world.change(site.world.edit("cluster", "succession", [devices]), counter=counter)
