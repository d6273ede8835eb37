"""Which faults a seed has, and how strong (swarm testing: each seed leaves some out)."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Faults:
    """Strength of each fault; 0 is off.

    Attributes:
        loss, duplicate, truncate, flip: share of deliveries of datagrams (A38).
        delay_s: deliveries take up to so much longer, so they overtake each other.
        replay_s: an old datagram is sent again from anywhere, on average each so many seconds (A2).
        partition_s: the network is split, likewise; one_way: share of splits that cut one way only.
        crash_s: a device loses power, likewise.
        crash_in_write: share of disk writes that the power goes in (torn tail).
        disk_error: share of disk writes that fail (A31: ENOSPC, EIO).
        slow_disk_s: writes take up to so long.
        stream_break: share of frames after which a stream breaks; half of the breaks are half-open.
        helper_error: share of applies that the helper refuses or whose reload fails.
        edit_s: somebody edits a UCI file of a device by hand, on average each so many seconds.
        clock_s: a wall clock jumps, likewise (A30).
        stale: share of changes that are made on an old view.
        stranger: share of changes that somebody without the right signs (A1).
    """

    loss: float = 0.0
    duplicate: float = 0.0
    truncate: float = 0.0
    flip: float = 0.0
    delay_s: float = 0.0
    replay_s: float = 0.0
    partition_s: float = 0.0
    one_way: float = 0.0
    crash_s: float = 0.0
    crash_in_write: float = 0.0
    disk_error: float = 0.0
    slow_disk_s: float = 0.0
    stream_break: float = 0.0
    helper_error: float = 0.0
    edit_s: float = 0.0
    clock_s: float = 0.0
    stale: float = 0.0
    stranger: float = 0.0


NONE = Faults()


def draw_faults(random: Random) -> Faults:
    """Choose the faults of a seed: each is on in about half of the seeds."""

    def share(most: float) -> float:
        return random.uniform(most / 10, most) if random.random() < 0.5 else 0.0

    def every(least: float, most: float) -> float:
        return random.uniform(least, most) if random.random() < 0.5 else 0.0

    return Faults(
        loss=share(0.25),
        duplicate=share(0.2),
        truncate=share(0.03),
        flip=share(0.03),
        delay_s=share(0.3),
        replay_s=every(0.5, 5),
        partition_s=every(10, 40),
        one_way=share(1.0),
        crash_s=every(10, 40),
        crash_in_write=share(0.1),
        disk_error=share(0.06),
        slow_disk_s=share(0.4),
        stream_break=share(0.1),
        helper_error=share(0.3),
        edit_s=every(10, 60),
        clock_s=every(5, 40),
        stale=share(0.3),
        stranger=share(0.2),
    )
