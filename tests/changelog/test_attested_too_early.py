"""Owners' word for a checkpoint settles nothing, and spares no holder's signature (R4)."""

import pytest

from dusk.changelog.compaction import compact
from dusk.changelog.entry import APPLIED
from dusk.changelog.foundation import read
from dusk.changelog.log import Log
from dusk.changelog.settling import Lacking
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import Seq
from tests.checkpoints import above, attestation, commit
from tests.holders import Holders, id_of

pytestmark = pytest.mark.usefixtures("small_steps")


def test_r4_what_owners_attest_is_not_final_for_that() -> None:
    world = Holders()
    world.succeed(world.master, world.kitchen)
    settled = world.log.settled
    commit(world, 20)
    assert world.write(attestation(world, 16)).outcome == APPLIED
    for log in (world.log, world.replica()):
        assert (log.settled, log.checkpoint, log.lacking) == (settled, 0, None)
    world.settle(world.master, world.kitchen)
    assert (world.log.settled, world.log.checkpoint, world.log.lacking) == (world.log.head.seq, 16, None)


def _left_out() -> Holders:
    """Return a cluster that took a holder out of its succession, who has not signed for that."""
    world = Holders()
    world.succeed(world.master, world.kitchen)
    world.settle(world.master, world.kitchen)
    world.succeed(world.master, world.garage)
    commit(world, 20)
    return world


def test_r4_a_holder_that_is_left_out_must_sign_whatever_owners_attest() -> None:
    world = _left_out()
    settled = world.log.settled
    assert not world.log.take_certificate(world.certificate(world.master, world.garage))
    assert world.log.settled == settled
    world.write(attestation(world, 16))
    seq, kitchen = world.log.head.seq, frozenset({id_of(world.kitchen)})
    assert not world.settle(world.master, world.garage), "it is no lie, and settles nothing"
    for log in (world.log, world.replica()):
        assert (log.settled, log.checkpoint, log.lacking) == (settled, 0, Lacking(seq, kitchen))
        assert kitchen < log.required_at(seq)
    with pytest.raises(UntrustedInput, match="2 holders have not acknowledged"):
        world.log.take_certificate(world.certificate(world.master))
    assert world.settle(world.master, world.garage, world.kitchen)
    assert (world.log.settled, world.log.checkpoint, world.log.lacking) == (seq, 16, None)


def test_r4_a_sole_holders_head_settles_nothing_for_a_checkpoint() -> None:
    world = Holders()
    world.succeed(world.master, world.kitchen)
    world.settle(world.master, world.kitchen)
    world.succeed(world.master)
    commit(world, 20)
    settled = world.log.settled
    world.write(attestation(world, 16))
    assert (world.log.settled, world.log.checkpoint) == (settled, 0)
    assert not world.log.take_certificate(world.certificate(world.master))
    world.lead(world.master, world.role(world.master))
    assert (world.log.settled, world.log.checkpoint, world.log.lacking) == (world.log.head.seq, 16, None)


def test_r7_what_is_lacking_goes_with_its_entry() -> None:
    world = _left_out()
    world.write(attestation(world, 16))
    at, certificate = world.log.head.seq, world.certificate(world.master, world.garage)
    log = world.replica()
    with pytest.raises(UntrustedInput):
        log.extend([certificate.item(), LogItem(ItemKind.ENTRY, b"")])
    assert (log.lacking, log.take_certificate(certificate)) == (None, False)
    lacking, left = log.lacking, log.leave(at - 1)
    gone = log.lacking
    log.restore(left)
    assert (lacking, gone, log.lacking) == (lacking, None, lacking)
    assert lacking == Lacking(at, frozenset({id_of(world.kitchen)}))
    log.leave(at)
    assert log.lacking == lacking


def test_who_stands_on_a_checkpoint_asks_those_who_held_since() -> None:
    world = _left_out()
    world.write(attestation(world, 16))
    data = compact(world.cluster, None, world.items, Seq(16))
    log = Log(world.cluster, ground=read(data, world.cluster).ground)
    log.extend(above(world.items, 16))
    assert log.settled == 16
    assert log.take_certificate(world.certificate(world.master, world.garage))
    assert log.checkpoint == 16


def test_what_is_lacking_stays_where_an_entry_before_it_is_settled() -> None:
    world = _left_out()
    before = world.certificate(world.master, world.garage, world.kitchen)
    world.write(attestation(world, 16))
    assert not world.settle(world.master, world.garage)
    lacking = world.log.lacking
    assert lacking is not None
    assert world.log.take_certificate(before)
    assert world.log.settled == before.head.seq < lacking.seq
    assert world.log.lacking == lacking
