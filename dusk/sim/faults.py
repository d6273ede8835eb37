"""Which faults a seed has, and how strong (swarm testing: each seed leaves some out)."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from random import Random


@dataclass(frozen=True, slots=True)
class Faults:
    """Strength of each fault; 0 is off.

    Attributes:
        loss, duplicate, truncate, flip: share of deliveries of datagrams (A38).
        delay_s: deliveries take up to so much longer, so they overtake each other.
        replay_s: an old datagram is sent again from anywhere, on average each so many seconds (A2).
        uneven: each directed pair of devices loses up to this share more, half of the pairs nothing.
        partition_s: the network is split, likewise; one_way: share of splits that cut one way only,
            of these some cut single pairs.
        crash_s: a device loses power, likewise.
        crash_in_write: share of disk writes that the power goes in (torn tail).
        disk_error: share of disk writes that fail (A31: ENOSPC, EIO).
        slow_disk_s: writes take up to so long.
        wipe_s: a device returns with an empty disk, likewise: with its own key or a new one (A20).
        old_disk_s: a device returns with an earlier copy of its disk, likewise; the founder too (A28).
        rot_s: a device finds that the end of what was on its disk is damaged, likewise.
        twin: share of seeds in which one device's disk and key run on two machines for a while (A21).
        stream_break: share of frames after which a stream breaks; half of the breaks are half-open.
        helper_error: share of applies that the helper refuses or whose reload fails.
        stays_down: share of reloads after which an interface or a radio does not come up.
        edit_s: somebody edits a UCI file of a device by hand, on average each so many seconds.
        clock_s: a wall clock jumps, likewise (A30).
        stale: share of changes that are made on an old view.
        stranger: share of changes that somebody without the right signs (A1).
        outsider_s: somebody without any key attacks, on average each so many seconds (A7, A15, A16).
        insider_s: somebody with a member's device key and the group keys does (A9, A11, A12, A54).
        relentless: if not 0, the attacks do not end with the other faults.
        sites: if not 0, every other device is on another link, to which no multicast passes.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    truncate: float = 0.0
    flip: float = 0.0
    delay_s: float = 0.0
    uneven: float = 0.0
    replay_s: float = 0.0
    partition_s: float = 0.0
    one_way: float = 0.0
    crash_s: float = 0.0
    crash_in_write: float = 0.0
    disk_error: float = 0.0
    slow_disk_s: float = 0.0
    wipe_s: float = 0.0
    old_disk_s: float = 0.0
    rot_s: float = 0.0
    twin: float = 0.0
    stream_break: float = 0.0
    helper_error: float = 0.0
    stays_down: float = 0.0
    edit_s: float = 0.0
    clock_s: float = 0.0
    stale: float = 0.0
    stranger: float = 0.0
    outsider_s: float = 0.0
    insider_s: float = 0.0
    relentless: float = 0.0
    sites: float = 0.0

    def without(self, names: Iterable[str]) -> "Faults":
        """Return these faults with some of them off."""
        return replace(self, **dict.fromkeys(names, 0.0))

    @property
    def of_air(self) -> "Faults":
        """What any link does to datagrams, without the rest."""
        return Faults(loss=self.loss, duplicate=self.duplicate, truncate=self.truncate, flip=self.flip)

    @property
    def on(self) -> tuple[str, ...]:
        """Names of the faults that are on."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name))

    def __str__(self) -> str:
        """Return those that are on, with their strength, as a transcript begins."""
        return ", ".join(f"{name} {getattr(self, name):.2g}" for name in self.on) or "no faults"


NONE = Faults()


def draw_faults(random: Random) -> Faults:
    """Choose the faults of a seed: most are on in half of them, lost disks and attackers in fewer."""

    def share(most: float, chance: float = 0.5) -> float:
        return random.uniform(most / 10, most) if random.random() < chance else 0.0

    def every(least: float, most: float, chance: float = 0.5) -> float:
        return random.uniform(least, most) if random.random() < chance else 0.0

    return Faults(
        loss=share(0.25),
        duplicate=share(0.2),
        truncate=share(0.03),
        flip=share(0.03),
        delay_s=share(0.3),
        uneven=share(0.6, 0.3),
        replay_s=every(0.4, 4),
        partition_s=every(5, 22),
        one_way=share(1.0),
        crash_s=every(5, 24),
        crash_in_write=share(0.1),
        disk_error=share(0.06),
        slow_disk_s=share(0.4),
        wipe_s=every(5, 20, 0.3),
        old_disk_s=every(4, 16, 0.3),
        rot_s=every(4, 16, 0.2),
        twin=1.0 if random.random() < 0.15 else 0.0,
        stream_break=share(0.1),
        helper_error=share(0.3),
        edit_s=every(7, 40),
        clock_s=every(4, 28),
        stale=share(0.3),
        stranger=share(0.2),
        outsider_s=every(0.3, 3, 0.3),
        insider_s=every(0.2, 2, 0.3),
        relentless=1.0 if random.random() < 0.3 else 0.0,
        sites=1.0 if random.random() < 0.25 else 0.0,
        stays_down=share(0.3, 0.3),
    )
