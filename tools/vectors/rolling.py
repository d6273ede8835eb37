"""What people say of rollouts, as the cases of `rollouts.json` have it."""

from dusk.changelog.body import Edit
from dusk.changelog.former import ROLLOUT
from dusk.keys.signing import SigningKey
from tools.vectors.case import Source
from tools.vectors.cluster import Cluster

ONE, TWO, THREE, FOUR, FIVE, SIX = (Source(f"rollout {number}")(16).hex() for number in range(1, 7))


def rollout_path(name: str) -> str:
    """Return the section of a rollout."""
    return ROLLOUT + name


def plan(c: Cluster, name: str, waves: int, failures: int) -> Edit:
    """Return the edit that begins a rollout."""
    return c.edit(rollout_path(name), "plan", [waves, failures])


def part(c: Cluster, name: str, number: int, wave: int, *devices: SigningKey) -> Edit:
    """Return the edit that names devices of a wave, from 0."""
    ids = sorted(device.key_id for device in devices)
    return c.edit(rollout_path(name), f"part/{number}", [wave, ids])


def order(c: Cluster, name: str, word: str, *, at_s: int = 0, failures: int | None = None) -> Edit:
    """Return the edit by which a person says how it goes on."""
    return c.edit(rollout_path(name), "order", [word, at_s, failures])
