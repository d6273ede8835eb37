"""What a life of a simulated router begins with: the log of its disk, verified, and a node made of that."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from dusk.changelog.foundation import read
from dusk.changelog.log import Log
from dusk.effects import Address
from dusk.errors import UntrustedInput
from dusk.ids import BootId, ClusterId
from dusk.keys.joinkey import JoinKey
from dusk.keys.signing import SigningKey
from dusk.membership.joiner import JOINING_FILE, Joiner
from dusk.node import Node, NodeSettings
from dusk.sim.broken import RuleBroken
from dusk.sim.disk import Disk

APPLY_WINDOW_S = 20.0
NodeMaker = Callable[..., Node]


def read_log(name: str, cluster: ClusterId, disk: Disk) -> Log:
    """Verify what a disk has.

    Raises:
        RuleBroken: it does not verify (R6).
    """
    try:
        data = disk.basis.data
        log = Log(cluster, ground=read(data, cluster).ground if data else None)
        log.extend(disk.items)
    except UntrustedInput as error:
        raise RuleBroken("R6", f"{name} refuses its own log: {error}") from error
    return log


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What a router has before it has a log: key, join key, number, program, whom its settings name."""

    key: SigningKey
    join_key: JoinKey
    index: int
    make_node: NodeMaker
    contacts: tuple[Address, ...] = ()


def build(router: FirstStart, disk: Disk, log: Log, random: Random, now: float) -> Node | Joiner:
    """Make the node of a life: one that joins while the disk says so, else a member."""
    if JOINING_FILE in disk.files:
        return Joiner(
            join_key=router.join_key,
            device=router.key,
            log=log,
            label=f"02:00:00:00:00:{router.index:02x}",
            wanted=f"d{router.index // 2}",
            random_bytes=random.randbytes,
            now=now,
            configured=router.contacts,
        )
    return router.make_node(
        key=router.key,
        log=log,
        boot=BootId(random.randbytes(8)),
        saved=dict(disk.files),
        settings=NodeSettings(
            facts={"board": f"board-{router.index % 3}"},
            apply_window_s=APPLY_WINDOW_S,
            contacts=router.contacts,
        ),
        random_bytes=random.randbytes,
        left=disk.branches,
        plan=disk.basis.plan,
    )
