"""P3: how many signed changes a second a cluster takes, counted where they stand on two disks.

A sixth member without a daemon hands in changes that the owner signed beforehand, by datagram to
the writer, with a bounded number of them on their way. Each sets one option.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cluster import ClusterError, Site, running
from benchmarks.measure import Row, clean_up_when_ended
from benchmarks.submitter import Order
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
END_S_MAX = 20.0


def changes_of(world: World, device: SigningKey, count: int, first_counter: int = 1) -> list[Change]:
    """Sign changes of the owner's at a device, each on top of the one before to its record."""
    newest: dict[tuple[str, str], ChangeId] = {}
    found = []
    for number in range(count):
        record = number * 7 % RECORDS
        place = f"policy/p{record % SECTIONS}", f"set/system.s{record // SECTIONS}.x"
        setting = encode_setting(Setting(Verb.SET, (str(number),), 0))
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


def _order(site: Site, seconds: float) -> Order:
    world, member = site.world, site.spare[0]
    changes = [(change.id, change.encode()) for change in changes_of(world, member, CHANGES)]
    address = ("10.77.0.1", PORT)
    return Order(member.seed, world.master.public, world.cluster, address, changes, seconds, WINDOW)


def rates(seconds: float = SECONDS, profiles: Sequence[Path] = ()) -> tuple[list[float], dict[str, float]]:
    """Return how many changes a second each node had on its disk, fastest first, and what was answered.

    Raises:
        ClusterError: the load could not be made.
    """
    with running(NODES, spare=1, profiles=profiles) as site:
        command = [sys.executable, "-m", "benchmarks.submitter"]
        where = site.switch.command(NODES + 1, command)
        data = _order(site, seconds).encode()
        with subprocess.Popen(where, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            try:
                return _rates(site, process, data, seconds)
            finally:
                process.kill()


def _rates(
    site: Site, process: subprocess.Popen[bytes], data: bytes, seconds: float
) -> tuple[list[float], dict[str, float]]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"%d\n" % len(data) + data)
    process.stdin.flush()
    if process.stdout.readline() != b"ready\n":
        raise ClusterError("the load did not start")
    before = site.heads()
    began = time.monotonic()
    process.stdin.write(b"go\n")
    process.stdin.flush()
    time.sleep(seconds)
    found = []
    for node, head in zip(site.nodes, before, strict=True):
        state = node.state()
        now = time.monotonic()
        found.append(0.0 if state is None else (state["head"]["seq"] - head) / (now - began))
    counts: dict[str, float] = json.loads(process.stdout.readline())
    process.wait(END_S_MAX)
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
    rates(SECONDS, (folder / "P3-master.txt", folder / "P3-member.txt"))


def main() -> None:
    """Print figures: ``python -m benchmarks.sustained [profile]``, for who tunes this."""
    clean_up_when_ended()
    files = [Path(f"build/profile-{name}.txt") for name in ("master", "member")]
    print(rates(profiles=files if "profile" in sys.argv[1:] else ()))


if __name__ == "__main__":
    main()
