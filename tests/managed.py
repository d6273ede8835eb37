"""A master and a member with one managed option, for what a daemon says of its node."""

from tests.node.site import Site
from tests.world import World


def _manage(world: World) -> None:
    world.commit(
        world.set("base", "system.@system[0].hostname", "x"),
        world.edit("assignment/base", "to", ("all", [], 100)),
    )


def managed_site() -> Site:
    """Return the two, with the option in effect."""
    site = Site(2, _manage)
    for box in site.all:
        box.files["system"] = b"config system\n"
    site.run(12)
    return site


def manage(site: Site, value: str) -> None:
    """Give the option another value, at the master."""
    world = site.world
    world.log = site.master.node.log
    change = world.change(world.set("base", "system.@system[0].hostname", value))
    site.master.do(site.master.node.submit(change, site.now))
