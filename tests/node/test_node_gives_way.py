"""Both sides of a partition recovered with one phrase, until a person gives one of them up (A37)."""

from dusk import codec
from dusk.changelog.body import Change, Edit
from dusk.changelog.recovering import recovered_row
from dusk.keys.signing import SigningKey
from tests.node.site import Box, Site


def _recovering(
    site: Site, box: Box, phrase: SigningKey, following: SigningKey, *more: tuple[str, str, object]
) -> Change:
    """Return a RECOVER by which a device leads alone; it names the owner anew, if it does no more."""
    world, log = site.world, box.node.log
    world.log = log
    more = more or (("trust", "owner/alice", [world.owner.public]),)
    edits: list[Edit] = [world.edit(section, key, row) for section, key, row in more]  # type: ignore[arg-type]  # rows
    return world.change(
        world.edit("trust", "recovered", list(codec.unpack(recovered_row(log.head), size_max=99))),
        world.edit("trust", "recovery", [following.public, log.head.generation + 1]),
        world.edit("cluster", "succession", [[box.node.device_id]]),
        *edits,
        signers=(phrase,),
        device=box.key,
        counter=1,
    )


def test_a37_two_sides_that_are_both_final_stay_apart_until_one_is_given_up_and_then_are_one() -> None:
    site = Site(4)
    site.run(12)
    here, there = site.all[:2], site.all[2:]
    site.part(here, there)
    site.run(3)
    phrase, keys = site.world.recovery, {box.name: site.world.key() for box in site.all}
    for side in (here, there):
        box = side[0]
        box.do(box.node.force_role(_recovering(site, box, phrase, keys[box.name]), site.now))
        site.until(lambda side=side: len({b.node.log.head for b in side}) == 1, 30)  # type: ignore[misc]  # bound at once
    first, other = here[0], there[0]
    site.heal()
    site.until(lambda: all("conflict" in box.node.alarms for box in (first, other)), 60)
    assert first.node.log.head.generation == other.node.log.head.generation == 1

    site.world.log = other.node.log
    given = _recovering(
        site, other, keys[other.name], site.world.key(), ("trust", "joins", [first.node.log.head.chain])
    )
    other.do(other.node.force_role(given, site.now))
    assert other.node.log.head.generation == 2, "higher than the side that stands"
    site.until(lambda: len(site.heads) == 1, 120)
    assert first.node.leads
    assert first.node.log.head.generation == 1
    assert first.node.log.position_of(given.id) is None
    site.until(lambda: not any("conflict" in box.node.alarms for box in site.all), 400, 1.0)
    assert len(site.heads) == 1
