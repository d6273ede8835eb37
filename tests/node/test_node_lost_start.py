"""A member that hears DATA and no START of it."""

import pytest

from dusk.cycle.messages import Kind
from dusk.effects import Connect, SendDatagram
from tests.node.site import Box, Site


def _site(lost: tuple[Kind, ...]) -> tuple[Site, Box]:
    """A member, to which these kinds are lost from now on."""
    site = Site(3)
    site.run(6.0)
    member = site.all[1]
    site.lost = lambda _, to, data: to == member.name and data[8] in lost
    return site, member


def _commit(site: Site) -> None:
    change = site.world.change(site.world.set("wifi", "wireless.a.ssid", "Home"))
    site.master.do(site.master.node.submit(change, site.now))


def _asks(box: Box) -> int:
    return sum(isinstance(effect, SendDatagram) and effect.data[8] == Kind.ASK for effect in box.effects)


def test_p2_data_whose_start_was_lost_is_taken_by_the_head_in_the_masters_answer() -> None:
    site, member = _site((Kind.START,))
    streams = len(member.of(Connect))
    _commit(site)
    took_s = site.until(lambda: member.node.log.head == site.master.node.log.head, 1.0)
    assert took_s < 0.45
    assert len(member.of(Connect)) == streams


def test_a15_data_without_an_answer_is_asked_about_three_times() -> None:
    site, member = _site((Kind.START, Kind.PONG))
    asked = _asks(member)
    _commit(site)
    site.run(3.0)
    assert _asks(member) == asked + 3


@pytest.mark.parametrize("kinds", [(), (Kind.PONG,)])
def test_who_hears_the_start_asks_nothing(kinds: tuple[Kind, ...]) -> None:
    site, member = _site(kinds)
    asked = _asks(member)
    _commit(site)
    site.run(3.0)
    assert _asks(member) == asked


def test_an_answer_that_names_what_a_start_announced_already_begins_no_second_fetch() -> None:
    site, member = _site((Kind.DATA,))
    streams = len(member.of(Connect))
    _commit(site)
    site.run(0.02)
    assert member.node.log.head != site.master.node.log.head
    member.do(member.node.confirm(site.now))
    site.run(0.02)
    assert len(member.of(Connect)) == streams
    site.until(lambda: member.node.log.head == site.master.node.log.head, 10.0)
