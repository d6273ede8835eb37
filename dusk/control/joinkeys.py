"""Making join keys: a line for an image, and the record that limits it."""

from collections.abc import Callable, Sequence

from dusk import codec
from dusk.changelog import views
from dusk.changelog.body import Edit
from dusk.changelog.log import Log
from dusk.changelog.overlay import Overlay
from dusk.changelog.returning import AUTO
from dusk.control import names
from dusk.errors import Refused
from dusk.ids import ChainHash, ClusterId, Seq
from dusk.keys.joinkey import JoinKey
from dusk.lazy import dataclass

SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Limits:
    """What a join key lets in; ``expires_s`` is a length of time, 0 for ever."""

    uses: int
    expires_s: int
    groups: tuple[str, ...]
    is_auto: bool
    labels: tuple[str, ...]
    rebind: str
    template: str


def create(
    log: Log,
    limits: Limits,
    *,
    time_s: int | None,
    addresses: Sequence[str],
    random_bytes: Callable[[int], bytes],
) -> tuple[JoinKey, Edit]:
    """Make a join key and the edit that lets the cluster know it.

    Args:
        log: this device's log; the key names an entry of it.
        limits: what it lets in.
        time_s: wall time in seconds if it is to be trusted, else None.
        addresses: where members may be found.
        random_bytes: for the seed.

    Raises:
        Refused: ``no-cluster``, no such group, ``bad-params`` where labels are missing, or an expiry where no
            clock is trusted.
    """
    if limits.rebind == AUTO and not limits.labels:
        raise Refused(
            "bad-params",
            "--rebind auto needs --label PATTERN: who comes back without a person must have a hardware label"
            " that you list",
        )
    cluster, seq, chain = _named_entry(log)
    store = Overlay(log.state)
    for group in limits.groups:
        names.require_group(store, group)
    if limits.expires_s and time_s is None:
        raise Refused(
            "clock-unknown",
            "a key that expires needs a clock to trust, and no time service (NTP) has set this router's yet: "
            "start one, or leave out --expires",
        )
    key = JoinKey(cluster, log.head.generation, seq, chain, random_bytes(SEED_BYTES), tuple(addresses))
    rule = (
        key.signing_key().public,
        limits.uses,
        (time_s or 0) + limits.expires_s if limits.expires_s else 0,
        limits.groups,
        "auto" if limits.is_auto else "approve",
        limits.labels,
        limits.rebind,
        limits.template,
    )
    return key, Edit(f"joinkey/{key.id}", "rule", codec.pack(rule), None)


def contact(log: Log, addresses: Sequence[str], random_bytes: Callable[[int], bytes]) -> str:
    """Return a line that leads to this cluster and lets nobody in: the key in it is not known to the log.

    Raises:
        Refused: ``no-cluster``.
    """
    cluster, seq, chain = _named_entry(log)
    seed = random_bytes(SEED_BYTES)
    return JoinKey(cluster, log.head.generation, seq, chain, seed, tuple(addresses)).line()


def _named_entry(log: Log) -> tuple[ClusterId, Seq, ChainHash]:
    """Return the cluster, and an entry that stays: the head where one holder settles it, else the genesis.

    Raises:
        Refused: ``no-cluster``.
    """
    if log.cluster is None or log.head.seq == 0:
        raise Refused("no-cluster", "this router is in no cluster")
    if len(views.succession(log.state)) == 1 and log.newest is not None:
        return log.cluster, log.newest.head.seq, log.newest.head.chain
    chain = log.chain_at(1)
    assert chain is not None, "a log that is not empty has a first entry"
    return log.cluster, Seq(1), chain
