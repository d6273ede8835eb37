"""Whole nodes on two links with a routed way between them: found, served and heard by unicast."""

from collections.abc import Callable

from dusk.effects import Address
from tests.node.site import Site

CYCLE_S = 5.0


def two_links(size: int, here: int, *, holders: int = 1, asks: Callable[[int], int | None]) -> Site:
    """Return devices of which the first few share a link, and the others another.

    Args:
        size: how many in all.
        here: how many on the first link, the master's.
        holders: see `Site`.
        asks: number of a device → number of the one that its settings name, or None.
    """
    site = Site(size, holders=holders)
    side = {box.name: number < here for number, box in enumerate(site.all)}
    site.share_a_link = lambda one, other: side[one] == side[other]
    for number, box in enumerate(site.all):
        whom = asks(number)
        box.contacts = () if whom is None else (Address(f"10.0.0.{whom}", 3875),)
        box.restart()
    return site


def all_hear(site: Site) -> bool:
    return all(box.node.fresh(site.now) and box.node.master == site.master.node.device_id for box in site.all)


def test_a_device_elsewhere_finds_the_master_at_its_configured_address_and_follows() -> None:
    site = two_links(3, 2, asks=lambda number: 0 if number == 2 else None)
    site.until(lambda: all_hear(site), 3 * CYCLE_S)
    site.master.commit("one")
    site.until(lambda: len(site.heads) == 1, CYCLE_S)
    site.run(10 * CYCLE_S)
    assert all_hear(site)


def test_a_device_elsewhere_finds_the_master_through_any_member() -> None:
    site = two_links(3, 2, asks=lambda number: 1 if number == 2 else None)
    site.until(lambda: all_hear(site), 3 * CYCLE_S)


def test_a_device_that_was_off_catches_up_over_the_routed_way() -> None:
    site = two_links(3, 2, asks=lambda number: 1 if number == 2 else None)
    site.all[2].on = False
    site.run(3 * CYCLE_S)
    for number in range(5):
        site.master.commit(str(number))
        site.run(1.0)
    site.all[2].restart()
    site.until(lambda: len(site.heads) == 1, 3 * CYCLE_S)


def test_a_backup_elsewhere_takes_over_and_hears_the_master_again_when_the_way_is_there_again() -> None:
    site = two_links(4, 2, holders=3, asks={2: 0, 3: 1}.get)
    here, there = site.all[:2], site.all[2:]
    site.until(lambda: all_hear(site), 3 * CYCLE_S)
    site.part(here, there)
    site.until(lambda: there[0].node.leads, 10 * CYCLE_S)
    there[0].commit("there")
    here[0].commit("here")
    site.run(CYCLE_S)
    site.heal()
    site.until(lambda: len(site.leaders) == 1 and len(site.heads) == 1, 40 * CYCLE_S)
