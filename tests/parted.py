"""A cluster in memory whose two holders went on alone: two branches of one log."""

from collections.abc import Sequence
from copy import copy
from random import Random

from dusk.changelog.body import Change
from dusk.changelog.certificate import Certificate, sign_ack
from dusk.changelog.log import Log
from dusk.effects import LogItem
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


def from_fork(world: World, fork: int, key: SigningKey, seed: int = 5) -> World:
    """Return a holder that has all up to an entry and goes on alone."""
    other = side(world, key, seed)
    other.items = world.items[: 2 * fork]
    other.log = Log(world.cluster)
    other.log.extend(other.items)
    return other


def certificate(world: World, seq: int, *keys: SigningKey) -> LogItem:
    """Return the acknowledgements of an entry by these devices."""
    head = world.log.head_at(seq)
    assert head is not None
    acks = sorted((DeviceId(key.key_id), sign_ack(key, world.cluster, head)) for key in keys)
    return Certificate(head, tuple(acks)).item()


def force(
    world: World, number: int, base: int, *holders: SigningKey, signers: Sequence[SigningKey] = ()
) -> Change:
    """Return the owners' word that a device leads from now on, signed at an entry of a log."""
    return world.change(
        world.edit("cluster", "succession", [[key.key_id for key in holders]]),
        world.edit("cluster", "mandate", [number, base, world.log.chain_at(base)]),
        signers=signers,
        device=holders[0],
    )


def lonely_attic() -> tuple[World, World, int]:
    """Return the attic, alone in the succession, and the barn, to which its role was forced meanwhile."""
    world = World()
    world.allow_joining()
    barn = world.join("barn")
    world.commit(world.set("wifi", RADIO, "1"))
    fork = world.log.head.seq
    other = from_fork(world, fork, barn)
    other._keep(other.log.write_open(other.stamp(), force(other, 1, fork - 1, barn)))
    for channel in "234":
        world.commit(world.set("wifi", RADIO, channel))
    return world, other, fork
