"""A copy of the master's folder on another device: two masters with one key are noticed (A13, A21)."""

from dusk.cycle.messages import Kind
from tests.node.site import Box, Site


def _with_a_copy_of_the_master() -> tuple[Site, Box]:
    site = Site(3)
    site.run(6.0)
    return site, site.copy_of_the_master()


def _commit(site: Site, box: Box, value: str) -> None:
    world = site.world
    world.log = box.node.log
    change = world.change(world.set("base", "system.a.b", value))
    box.do(box.node.submit(change, site.now))


def test_a21_two_masters_with_one_key_alarm_at_both_and_at_the_members() -> None:
    site, copy = _with_a_copy_of_the_master()
    site.lost = lambda _, to, data: to == copy.name and data[8] == Kind.PONG
    _commit(site, site.master, "here")
    site.until(lambda: copy.node.leads, 15.0)  # it has asked, and heard no answer
    _commit(site, copy, "there")
    site.lost = lambda *_: False
    site.run(30.0)
    assert all("clone" in box.node.alarms for box in (site.master, copy))
    assert all("conflict" in box.node.alarms for box in site.all if box not in (site.master, copy))


def test_a2_our_own_start_sent_back_to_us_is_nothing() -> None:
    site = Site(3)
    echo = site.master
    site.run(6.0)
    dropped = echo.node.dropped
    for effect in list(echo.effects):
        data = getattr(effect, "data", b"")
        if type(effect).__name__ == "SendMulticast":
            site.send(site.all[1], data, echo.name)
    site.run(1.0)
    assert echo.node.dropped > dropped
    assert not echo.node.alarms
