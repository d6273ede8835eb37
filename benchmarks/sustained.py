"""P3: how many signed changes a second a cluster takes, counted where they stand on two disks.

A sixth member without a daemon hands in changes that the owner signed beforehand, by datagram to
the writer, with a bounded number of them on their way. Each sets one option.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cluster import NO_PROFILES, Profiles, Site, running
from benchmarks.measure import Row, clean_up_when_ended
from benchmarks.submitter import Order, submitting
from dusk.changelog.body import Change, Edit, build_change
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.ids import ChangeId, DeviceId
from dusk.keys.signing import SigningKey
from tests.world import World

NODES = 5
SECONDS = 10.0
CHANGES = 9000
WINDOW = 256
RECORDS, SECTIONS = 200, 20
PORT = 3875


def changes_of(
    world: World, device: SigningKey, count: int, first_counter: int = 1, pad_bytes: int = 0
) -> list[Change]:
    """Sign changes of the owner's at a device, each on top of the one before to its record."""
    newest: dict[tuple[str, str], ChangeId] = {}
    found = []
    for number in range(count):
        record = number * 7 % RECORDS
        place = f"policy/p{record % SECTIONS}", f"set/system.s{record // SECTIONS}.x"
        setting = encode_setting(Setting(Verb.SET, (str(number).ljust(pad_bytes, "x"),), 0))
        change = build_change(
            cluster=world.cluster,
            device=DeviceId(device.key_id),
            counter=first_counter + number,
            message="",
            edits=[Edit(*place, setting, newest.get(place))],
            signers=(world.owner,),
            random_bytes=world.random.randbytes,
        )
        newest[place] = change.id
        found.append(change)
    return found


def order_of(site: Site, changes: Sequence[Change], seconds: float = SECONDS) -> Order:
    """Return what hands signed changes to the master of a cluster, as its first spare member."""
    world, packed = site.world, [(change.id, change.encode()) for change in changes]
    address = ("10.77.0.1", PORT)
    return Order(site.spare[0].seed, world.master.public, world.cluster, address, packed, seconds, WINDOW)


def rates(seconds: float = SECONDS, profiles: Profiles = NO_PROFILES) -> tuple[list[float], dict[str, float]]:
    """Return how many changes a second each node had on its disk, fastest first, and what was answered.

    Raises:
        ClusterError: the load could not be made.
    """
    with running(NODES, spare=1, profiles=profiles) as site:
        order = order_of(site, changes_of(site.world, site.spare[0], CHANGES), seconds)
        with submitting(site.switch, NODES + 1, order) as (orders, results):
            before = site.heads()
            began = time.monotonic()
            orders.write(b"go\n")
            time.sleep(seconds)
            found = []
            for node, head in zip(site.nodes, before, strict=True):
                state = node.state()
                now = time.monotonic()
                found.append(0.0 if state is None else (state["head"]["seq"] - head) / (now - began))
            counts: dict[str, float] = json.loads(results.readline())
    return sorted(found, reverse=True), counts


def rows() -> list[Row]:
    """P3."""
    found, counts = rates()
    refused = f", {counts['refused']:.0f} refused" if counts["refused"] else ""
    return [
        Row(
            "P3",
            f"signed changes a second on two disks of {NODES}{refused}",
            found[1],
            "1/s",
            limit=300,
            more_is_better=True,
            samples=tuple(found),
        ),
        Row("P3", f"the same on all {NODES} disks", found[-1], "1/s", more_is_better=True),
    ]


def profile(folder: Path) -> None:
    """Keep profiles of the master and a member."""
    rates(SECONDS, _profiles(folder))


def _profiles(folder: Path) -> Profiles:
    return {0: folder / "P3-master.txt", 1: folder / "P3-member.txt"}


def main() -> None:
    """Print figures: ``python -m benchmarks.sustained [profile]``, for who tunes this."""
    clean_up_when_ended()
    print(rates(profiles=_profiles(Path("build")) if "profile" in sys.argv[1:] else {}))


if __name__ == "__main__":
    main()
