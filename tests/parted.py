"""A cluster in memory whose two holders went on alone: two branches of one log."""

from copy import copy
from random import Random

from dusk.ids import DeviceId, Seq
from dusk.keys.signing import SigningKey
from tests.world import World

RADIO = "wireless.radio0.channel"


def two_holders(seed: int = 1) -> tuple[World, SigningKey]:
    """Return a cluster whose succession are the attic and the barn; nothing is settled since."""
    world = World(seed)
    world.allow_joining()
    barn = world.join("barn")
    world.commit(world.edit("cluster", "succession", [[world.device_id, barn.key_id]]))
    return world, barn


def side(world: World, key: SigningKey, seed: int = 7) -> World:
    """Return a holder that has all of this, and goes on alone."""
    other = copy(world)
    other.random = Random(seed)
    other.log, other.items, other.entries = world.replica(), list(world.items), list(world.entries)
    other.master = other.leading = key
    other.device_id = DeviceId(key.key_id)
    return other


def parted() -> tuple[World, World, Seq]:
    """Return the attic, which wrote on in its epoch, the barn, which took over, and their fork."""
    world, barn = two_holders()
    attic, other = side(world, world.master), side(world, barn, 8)
    fork = world.log.head.seq
    attic.commit(attic.set("wifi", RADIO, "1"))
    attic.commit(attic.set("wifi", RADIO, "2"))
    other.open()
    other.commit(other.set("wifi", RADIO, "11"))
    return attic, other, fork
