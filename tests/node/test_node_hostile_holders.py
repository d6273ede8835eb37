"""What a device that may lead can do to the others, with its key and without an epoch of its own."""

from collections.abc import Callable

import pytest

from dusk.changelog import views
from dusk.cycle.messages import Kind, Rest, Start, sign_start
from dusk.effects import ChangeState, Datagram
from dusk.ids import ChainHash, Head, Seq
from dusk.limits import EPOCH_JUMP_MAX, NUMBER_MAX
from tests.node.site import Box, Site
from tests.node.test_node_forced_roles import role_for

CYCLE_S = 0.5


def _ready(size: int = 4, holders: int = 2) -> Site:
    site = Site(size, holders=holders, cycle_ms=int(1000 * CYCLE_S))
    site.run(6.0)
    return site


def _shout(
    site: Site, liar: Box, above: int, cycle: int = NUMBER_MAX, echoes: tuple[bytes, ...] = ()
) -> None:
    """Have a holder say by a START that it leads, with an entry that nobody has, in any epoch."""
    log = liar.node.log.head
    head = Head(log.generation, log.mandate, log.epoch + above, Seq(log.seq + 1), ChainHash(b"\x66" * 32))
    rest = Rest(cycle, bytes(8), echoes, 0, bytes(8), 0, 4, 5, data=False, sender=liar.node.device_id)
    start: Start = sign_start(liar.key, site.world.cluster, head, rest)
    datagram = liar.node._rooms.station.channel.seal_group(Kind.START, start.encode())
    for box in site.all:
        if box is not liar:
            box.give(Datagram(datagram, liar.address, None))


def _is_durable(box: Box, value: str) -> Callable[[], bool]:
    change = box.commit(value)
    return lambda: ChangeState.DURABLE in [state for state, _seq in box.told(change.id)]


@pytest.mark.parametrize("above", [0, 1, EPOCH_JUMP_MAX])
def test_a5_one_start_of_a_far_epoch_makes_nobody_deaf_to_who_leads(above: int) -> None:
    site = _ready()
    liar, member = site.all[1], site.all[2]
    _shout(site, liar, above)
    liar.on = False
    site.run(10.0)
    assert site.leaders == [site.master]
    assert all(box.node.fresh(site.now) for box in site.all[2:])
    site.until(_is_durable(member, "behind it"), 5.0)


def test_a5_a_holder_that_shouts_all_the_time_keeps_no_change_from_the_log() -> None:
    site = _ready()
    liar, member = site.all[1], site.all[2]

    def again(cycle: int) -> None:
        _shout(site, liar, EPOCH_JUMP_MAX, cycle)
        site.after(CYCLE_S / 3, lambda: again(cycle + 1))

    again(1)
    site.run(10.0)
    site.until(_is_durable(member, "all the same"), 10.0)


@pytest.mark.parametrize("forcer", [1, 2])
def test_a55_a_forced_role_is_heard_by_all_whatever_epoch_a_removed_holder_has_shouted(forcer: int) -> None:
    """Of a device of the succession, whose START is heard, and of a plain member, who is asked."""
    site = _ready(5, holders=3)
    liar, box = site.all[2 if forcer == 1 else 1], site.all[forcer]
    _shout(site, liar, EPOCH_JUMP_MAX)
    liar.on = site.master.on = False
    box.do(box.node.force_role(role_for(site, box), site.now))
    others = [each for each in site.all if each.on]
    site.until(lambda: all(each.node.log.head == box.node.log.head for each in others), 30.0)
    assert views.succession(others[-1].node.log.state) == (box.node.device_id,)
    site.until(lambda: all(each.node.fresh(site.now) for each in others if each is not box), 10.0)
    site.until(_is_durable(others[-1], "under the new one"), 5.0)
