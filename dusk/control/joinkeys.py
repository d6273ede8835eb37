"""Making join keys: a line for an image, and the record that limits it."""

from collections.abc import Callable, Sequence

from dusk import codec
from dusk.changelog.body import Edit
from dusk.changelog.labels import NAMED_MIN, names_hardware
from dusk.changelog.log import Log
from dusk.changelog.overlay import Overlay
from dusk.changelog.returning import AUTO
from dusk.control import names
from dusk.errors import Refused
from dusk.ids import ClusterId, Named
from dusk.keys.joinkey import JoinKey
from dusk.lazy import dataclass
from dusk.membership.names import NUMBER_PLACE, WANTED_PLACE

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
        Refused: ``no-cluster``, no such group, ``bad-params`` where labels are missing or a template is none,
            or an expiry where no clock is trusted.
    """
    _check_template(limits.template)
    if limits.rebind == AUTO:
        _check_labels(limits.labels)
    cluster, named = _named_entry(log)
    store = Overlay(log.state)
    for group in limits.groups:
        names.require_group(store, group)
    if limits.expires_s and time_s is None:
        raise Refused(
            "clock-unknown",
            "a key that expires needs a clock to trust, and no time service (NTP) has set this router's yet: "
            "start one, or leave out --expires",
        )
    key = JoinKey(cluster, named, random_bytes(SEED_BYTES), tuple(addresses))
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
    cluster, named = _named_entry(log)
    return JoinKey(cluster, named, random_bytes(SEED_BYTES), tuple(addresses)).line()


def _check_template(template: str) -> None:
    """Refuse what stands for nothing: routers would be called by it, one after the other.

    Raises:
        Refused: ``bad-params``.
    """
    left = template.replace(NUMBER_PLACE, "", 1).replace(WANTED_PLACE, "")
    if "{" in left or "}" in left:
        raise Refused(
            "bad-params",
            f"--name {template}: {{n}}, once, is a number, {{name}} what the router calls itself;"
            " nothing else stands in braces",
        )


def _check_labels(labels: Sequence[str]) -> None:
    """Check the labels of devices that come back without a person: the owners' list, not anybody's word.

    Raises:
        Refused: ``bad-params``: there are none, or one is for any hardware.
    """
    if not labels:
        raise Refused(
            "bad-params",
            "--rebind auto needs --label PATTERN: who comes back without a person must have a hardware label"
            " that you list",
        )
    vague = next((label for label in labels if not names_hardware(label)), None)
    if vague is not None:
        raise Refused(
            "bad-params",
            f"--rebind auto: --label {vague} is for any hardware; write a label, or one that begins with"
            f" {NAMED_MIN} letters or digits at least, such as 02:00:5e:*",
        )


def _named_entry(log: Log) -> tuple[ClusterId, Named]:
    """Return the cluster, and the last entry that is settled here; the first where none is known to be.

    Raises:
        Refused: ``no-cluster``.
    """
    if log.cluster is None or log.head.seq == 0:
        raise Refused("no-cluster", "this router is in no cluster")
    named = log.named(max(log.settled, 1))
    assert named is not None, "the log has what is settled in it"
    return log.cluster, named
