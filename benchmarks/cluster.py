"""A cluster of real daemons within seconds: its log is written beforehand, members and all.

Each node is a process `dusk daemon` in a namespace of its own on one bridge, with real multicast,
its files on the disk below the folder for temporary files. Only the joining is not done over the
network: the log that lets everybody in is written by the rooms that write it in a daemon, too, and
laid into each node's folder before its first start.
"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dusk.changelog.views import cycle_ms
from dusk.control import names, roles
from dusk.cycle.groupkeys import FILE as GROUP_KEYS_FILE
from dusk.cycle.groupkeys import GroupKeys, new_group_key
from dusk.daemon.identity import FILE as IDENTITY_FILE
from dusk.daemon.identity import encode_identity
from dusk.daemon.opening import open_store
from dusk.daemon.smallfiles import SmallFiles
from dusk.demo.place import BridgePlace
from dusk.effects import LogItem
from dusk.ids import NO_CHAIN
from dusk.keys.signing import SigningKey
from tests.network.cluster import Cluster, Machine, Owner
from tests.world import World

USER, PASSWORD = "alice", "password"
"""The owner of every `World`."""
NODE_FOLDER = "etc/dusk/node"
PAUSE_S = 0.25
READY_S_MAX = 60.0
QUIET_S, LONG_S = 1.5, 6.0
"""A cluster whose heads stand still for so long has said what it had to say at its start."""


Profiles = Mapping[int, Path]
"""Which nodes write a profile of themselves, and where; 0 is the master."""
NO_PROFILES: Profiles = {}


class ClusterError(Exception):
    """A cluster did not come up, or fell over; the text says how."""


class Switch(BridgePlace):
    """The bridge, with what the kernel can do to the packets on it."""

    def lose(self, one_of: int) -> None:
        """Drop one of so many UDP datagrams by chance, anew for each receiver.

        Raises:
            ClusterError: there is no `nft` that can.
        """
        rules = (
            "add table bridge loss",
            "add chain bridge loss forward { type filter hook forward priority 0; }",
            f"add rule bridge loss forward meta l4proto udp numgen random mod {one_of} 0 drop",
        )
        done = subprocess.run(
            self.on_the_bridge(["nft", "-f", "-"]),
            input="\n".join(rules) + "\n",
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
        if done.returncode != 0:
            raise ClusterError(f"nft: {done.stderr.strip().splitlines()[0]}")

    def on_the_bridge(self, arguments: list[str]) -> list[str]:
        """Return the command line that runs ``arguments`` where the bridge is."""
        return self._network.command_on_the_switch(arguments)


class Node(Machine):
    """A machine of a benchmark: its daemon may write a profile of itself."""

    profile: Path | None = None

    def arguments(self, *words: str) -> list[str]:
        """Return the command line of ``dusk``, the daemon's with a profiler around it if asked for."""
        if words == ("daemon",) and self.profile is not None:
            return [sys.executable, "-m", "benchmarks.profiled", str(self.root), str(self.profile)]
        return super().arguments(*words)


@dataclass(slots=True)
class Site:
    """A running cluster.

    Attributes:
        world: what wrote its log: the owner's key, and the state at the start.
        cluster: the nodes; the first leads.
        switch: what they hang on.
        spare: keys of members without a daemon.
        started_s: how long it took from the first start until all stood at one head.
    """

    world: World
    cluster: Cluster
    switch: Switch
    spare: Sequence[SigningKey] = ()
    started_s: float = 0.0

    @property
    def nodes(self) -> list[Machine]:
        """All machines with a daemon, the master first."""
        return self.cluster.routers

    def heads(self) -> list[int]:
        """Return the position of every node's head; 0 for one that does not answer."""
        states = [node.state() for node in self.nodes]
        return [0 if state is None else int(state["head"]["seq"]) for state in states]

    def wait_until_quiet(self, head: int = 0, nodes: Sequence[Machine] | None = None) -> None:
        """Wait until all stand at one head, and nothing has moved for a while.

        Args:
            head: where they are expected to come to at least; without it they have to be quiet longer.
            nodes: who; all if none are given.

        Raises:
            ClusterError: not in time.
        """
        began = since = time.monotonic()
        before: set[tuple[int, str]] = set()
        while time.monotonic() - since < (QUIET_S if max(before, default=(0, ""))[0] >= head else LONG_S):
            if time.monotonic() - began > READY_S_MAX:
                raise ClusterError(f"no peace within {READY_S_MAX:.0f} s: {self.cluster.stand()}")
            time.sleep(PAUSE_S)
            heads = self.cluster.heads(nodes)
            if heads != before or len(heads) != 1 or (0, "") in heads:
                before, since = heads, time.monotonic()

    def owner(self, node: Machine) -> Owner:
        """Return the owner, logged in at a node."""
        return self.cluster.owner(node, USER, PASSWORD)


def cycle_edit(world: World, milliseconds: int) -> None:
    """Make the cluster's cycle another length."""
    world.commit(world.edit("cluster", "cycle", (milliseconds,)))
    assert cycle_ms(world.log.state) == milliseconds


def backup_edit(world: World, *devices: str) -> None:
    """Let members take over when the master fails, in this order, by their names in the log."""
    state = world.log.state
    followers = [names.device_id(state, device) for device in devices]
    world.commit(roles.succession_edit(state, (world.device_id, *followers)))


def _owned(folder: Path) -> None:
    """Give a node's folder to the user that its daemon becomes."""
    if os.geteuid() != 0:
        return
    account = pwd.getpwnam("dusk")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid)


def lay(node: Machine, key: SigningKey, items: Sequence[LogItem], group_keys: bytes) -> None:
    """Write a member's folder as a daemon keeps it: key, log, group key."""
    folder = node.root / NODE_FOLDER
    folder.mkdir(mode=0o700, parents=True)
    folder.parent.chmod(0o711)
    files = SmallFiles(folder)
    files.store(IDENTITY_FILE, encode_identity(key.seed))
    files.store(GROUP_KEYS_FILE, group_keys)
    files.close()
    store = open_store(folder).store
    store.append(items)
    store.close()
    _owned(folder)


def group_keys_of(world: World) -> bytes:
    """Return the file of a group key that covers the world's log."""
    key = new_group_key(world.random.randbytes, world.log.head.generation, NO_CHAIN)
    return GroupKeys((key,), key.generation, NO_CHAIN).encode()


@contextmanager
def running(
    count: int,
    *,
    spare: int = 0,
    prepare: Callable[[World], None] = lambda _: None,
    missed: Callable[[World], None] | None = None,
    profiles: Profiles = NO_PROFILES,
) -> Iterator[Site]:
    """Run a cluster; nothing of it is left behind.

    Args:
        count: how many daemons.
        spare: members without one.
        prepare: called with the world when all are members.
        missed: called after that: what it writes, the last node has not, and is not started.
        profiles: which daemons write profiles of themselves at their end, by place, and where.

    Raises:
        ClusterError: it does not come up.
    """
    world = World()
    world.allow_joining(uses=count + spare)
    keys = [world.master, *(world.join(f"r{number}") for number in range(1, count + spare))]
    prepare(world)
    common = len(world.items)
    if missed is not None:
        missed(world)
    with ExitStack() as stack:
        base = Path(tempfile.mkdtemp(prefix="dusk-bench-"))
        stack.callback(shutil.rmtree, base)
        base.chmod(0o711)  # a daemon that dropped root has to pass through
        switch = Switch(count + (1 if spare else 0))
        stack.callback(switch.close)
        nodes = [Node(switch, base, number) for number in range(1, count + 1)]
        group_keys = group_keys_of(world)
        for node, key in zip(nodes, keys[:count], strict=True):
            is_absent = missed is not None and node is nodes[-1]
            lay(node, key, world.items[:common] if is_absent else world.items, group_keys)
        for place, profile in profiles.items():
            nodes[place].profile = profile
        site = Site(world, Cluster(base, list(nodes)), switch, keys[count:])
        stack.callback(site.cluster.stop)
        _start(site, nodes if missed is None else nodes[:-1])
        yield site


def _start(site: Site, nodes: Sequence[Machine]) -> None:
    began = time.monotonic()
    for node in nodes:
        node.power_on()
    own_entries = 1 + len(nodes)  # the master's epoch, and everybody's facts
    site.wait_until_quiet(site.world.log.head.seq + own_entries, nodes)
    site.started_s = time.monotonic() - began - QUIET_S
