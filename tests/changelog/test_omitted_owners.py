"""A checkpoint of the true log that leaves out who was removed, or how many must sign (A2, A22, A25, A40)."""

import pytest

from dusk.changelog.adopting import Unfit, adopt
from dusk.changelog.foundation import read
from dusk.changelog.log import Log
from dusk.errors import UntrustedInput
from dusk.keys.signing import SigningKey
from tests.checkpoints import above, attest, commit, foundation
from tests.omitting import omitting
from tests.world import World

pytestmark = pytest.mark.usefixtures("small_steps")


def removed() -> tuple[World, SigningKey, int]:
    """Return a cluster that made somebody an owner and removed him; him, and where his removal stands."""
    world = World()
    mallory = world.key()
    world.commit(world.edit("user/mallory", "key", (mallory.public,)))
    world.commit(world.edit("trust", "owner/mallory", (mallory.public,)))
    entry = world.commit(
        world.edit("trust", "owner/mallory", None), world.edit("user/mallory", "disabled", (True,))
    )
    return world, mallory, entry.seq


def test_a25_a_checkpoint_that_leaves_a_removal_out_before_another_change_of_the_owners_is_none() -> None:
    world, mallory, at = removed()
    bob = world.key()
    world.commit(world.edit("user/bob", "key", (bob.public,)))
    world.commit(world.edit("trust", "owner/bob", (bob.public,)))
    commit(world, 20)
    attest(world)
    with pytest.raises(UntrustedInput, match="one before it that changed the owners is not shown"):
        omitting(world, [at], mallory, world.key())


def test_a25_no_member_takes_a_checkpoint_that_leaves_a_removal_out_which_its_own_log_has() -> None:
    world, mallory, at = removed()
    just = world.replica()
    commit(world, 3)
    before = world.replica()
    commit(world, 20)
    attest(world)
    lie = omitting(world, [at], mallory, world.key())
    assert read(lie.data, world.cluster).head.seq == lie.seq, "it hangs together"
    for log in (just, before, _parted(world)):
        head = log.head
        with pytest.raises(Unfit, match="of our own log that it had other owners"):
            adopt(log, lie.data, lie.above)
        assert log.head == head
    assert adopt(world.replica(), lie.data, lie.above) is None, "who has come to it has its own state there"
    assert adopt(Log(world.cluster), foundation(world), above(world.items, world.log.checkpoint)) is not None


def _parted(world: World) -> Log:
    """Return a log that has the removal, and something of its own behind it."""
    other = World()
    mallory = other.key()
    other.commit(other.edit("user/mallory", "key", (mallory.public,)))
    other.commit(other.edit("trust", "owner/mallory", (mallory.public,)))
    other.commit(other.edit("trust", "owner/mallory", None), other.edit("user/mallory", "disabled", (True,)))
    other.open()
    assert other.cluster == world.cluster
    return other.replica()
