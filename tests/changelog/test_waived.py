"""Owners' word for a checkpoint settles nothing; whose signature it spares is told (R4)."""

import pytest

from dusk.changelog.entry import APPLIED
from dusk.changelog.settling import Waived
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from tests.checkpoints import attestation, commit
from tests.holders import Holders, id_of

pytestmark = pytest.mark.usefixtures("small_steps")


def test_r4_what_owners_attest_is_not_final_for_that() -> None:
    world = Holders()
    world.succeed(world.master, world.kitchen)
    settled = world.log.settled
    commit(world, 20)
    assert world.write(attestation(world, 16)).outcome == APPLIED
    for log in (world.log, world.replica()):
        assert (log.settled, log.checkpoint, log.waived) == (settled, 0, None)
    world.settle(world.master, world.kitchen)
    assert (world.log.settled, world.log.checkpoint, world.log.waived) == (world.log.head.seq, 16, None)


def _left_out() -> Holders:
    """Return a cluster that took a holder out of its succession, who has not signed for that."""
    world = Holders()
    world.succeed(world.master, world.kitchen)
    world.settle(world.master, world.kitchen)
    world.succeed(world.master, world.garage)
    commit(world, 20)
    return world


def test_r4_a_holder_that_is_left_out_must_sign_until_a_checkpoint_stands_behind_that() -> None:
    world = _left_out()
    with pytest.raises(UntrustedInput, match="1 holders have not acknowledged"):
        world.settle(world.master, world.garage)
    world.write(attestation(world, 16))
    seq = world.log.head.seq
    assert world.log.required_at(seq) == {id_of(world.master), id_of(world.garage)}
    assert id_of(world.kitchen) in world.log.required_at(seq - 1), "the checkpoint is not in force there"
    assert world.settle(world.master, world.garage)
    assert world.log.waived == Waived(seq, frozenset({id_of(world.kitchen)}))
    assert world.log.settled == seq
    commit(world, 1)
    world.settle(world.master, world.garage)
    assert world.log.waived is not None
    assert world.log.waived.seq == seq, "from there on nothing is spared"


def test_r4_that_a_sole_holders_head_settles_by_a_checkpoint_is_told_too() -> None:
    world = Holders()
    world.succeed(world.master, world.kitchen)
    world.settle(world.master, world.kitchen)
    world.succeed(world.master)
    commit(world, 20)
    settled = world.log.settled
    assert settled < 16
    world.write(attestation(world, 16))
    assert world.log.settled == world.log.head.seq
    assert world.log.waived == Waived(world.log.head.seq, frozenset({id_of(world.kitchen)}))


def test_r7_what_was_spared_is_taken_back_with_its_entry() -> None:
    world = _left_out()
    world.write(attestation(world, 16))
    at = world.log.head.seq
    certificate = world.certificate(world.master, world.garage)
    log = world.replica()
    with pytest.raises(UntrustedInput):
        log.extend([certificate.item(), LogItem(ItemKind.ENTRY, b"")])
    assert (log.waived, log.take_certificate(certificate)) == (None, True)
    left = log.leave(at - 1)
    log.restore(left)
    assert log.waived == Waived(at, frozenset({id_of(world.kitchen)}))


def test_r2_who_reads_it_settles_the_same() -> None:
    world = _left_out()
    world.write(attestation(world, 16))
    world.settle(world.master, world.garage)
    log = world.replica()
    assert (log.settled, log.waived) == (world.log.settled, world.log.waived)
