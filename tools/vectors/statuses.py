"""The rest of `datagrams.json`: group keys, statuses, health."""

from functools import partial
from typing import Any

from dusk import codec
from dusk.cycle.groupkeys import GroupKey, GroupKeys, decode_group_keys
from dusk.cycle.status import Status, decode_health, encode_health, open_status
from dusk.ids import NO_CHAIN, ChainHash, ClusterId, Seq
from tools.vectors.case import Case, Source, annotate, invalid, valid
from tools.vectors.cluster import MASTER, SECOND, Cluster
from tools.vectors.show import Json


def group_keys() -> GroupKeys:
    """Return the ring of two keys that the files use; the second is the newest."""
    draw = Source("group keys")
    return GroupKeys(tuple(GroupKey(0, NO_CHAIN, draw(8), draw(32)) for _ in range(2)))


def show_group_key(one: GroupKey) -> Json:
    """Return a group key."""
    return {
        "generation": one.generation,
        "removal": one.removal.hex(),
        "salt": one.salt.hex(),
        "key": one.key.hex(),
        "id": one.id.hex(),
    }


def rings() -> list[Case]:
    """Return cases about the file of group keys."""
    ring = group_keys()
    cases = [
        valid(
            "a ring of group keys",
            "The file, and what a KEYS answer has.",
            kind="ring",
            bytes=ring.encode().hex(),
            generation=0,
            removal=NO_CHAIN.hex(),
            keys=[show_group_key(one) for one in ring.keys],
        )
    ]
    row = codec.unpack(ring.encode(), size_max=1024)
    one = row[2][0]
    for name, fields in (
        ("five keys", [0, NO_CHAIN, [one] * 5]),
        ("a key of 31 bytes", [0, NO_CHAIN, [[*one[:3], bytes(31)]]]),
        ("a salt of 16 bytes", [0, NO_CHAIN, [[*one[:2], bytes(16), one[3]]]]),
        ("a removal of 16 bytes", [0, bytes(16), []]),
        ("two fields", [0, NO_CHAIN]),
    ):
        data = codec.pack(fields)
        wrong = partial(decode_group_keys, data)
        cases.append(
            invalid(f"a ring: {name}", "Refused.", "wrong-shape", wrong, kind="ring", bytes=data.hex())
        )
    return cases


def sample_status(**changed: Any) -> Status:
    """Return a status, with other fields as asked."""
    draw = Source("a status")
    said: dict[str, Any] = {
        "epoch": 3,
        "cycle": 41,
        "count": 1,
        "seq": Seq(25),
        "chain": ChainHash(draw(32)),
        "judged": Seq(26),
        "files": (("network", draw(16)), ("wireless", draw(16))),
        "state": "failed",
        "reason": "no contact within 90 s after the reload",
        "alarms": ("clock-unknown",),
        "drift": 2,
    }
    return Status(**{**said, **changed})


def _show_status(status: Status) -> Json:
    return {
        "version": list(status.version),
        "seq": status.seq,
        "chain": status.chain.hex(),
        "judged": status.judged,
        "files": [[package, digest.hex()] for package, digest in status.files],
        "state": status.state,
        "reason": status.reason,
        "alarms": list(status.alarms),
        "drift": status.drift,
    }


def statuses(cluster: Cluster) -> list[Case]:
    """Return cases about statuses."""
    about = {"kind": "status", "device": SECOND.key_id.hex()}
    cases = []
    for name, shows, status in (
        ("a status", "Signed by its device.", sample_status()),
        (
            "a status with a file beside UCI",
            "Its name has 128 bytes at most.",
            sample_status(files=((f"file:/{'a' * 122}", bytes(16)), ("system", bytes(16)))),
        ),
        (
            "a status without files",
            "Nothing is managed yet.",
            sample_status(files=(), reason="", alarms=(), drift=0),
        ),
    ):
        data = status.sign(SECOND, cluster.id)
        assert open_status(data, SECOND.public, cluster.id) == status
        payload = codec.unpack(codec.unpack(data, size_max=16384)[0], size_max=16384)
        names = [
            "epoch",
            "cycle",
            "count",
            "position in effect",
            "its chain hash",
            "position judged",
            "files",
        ]
        notes = ("payload", [*names, "state", "reason", "alarms", "drift"])
        cases.append(
            valid(
                name,
                shows,
                **about,
                bytes=data.hex(),
                status=_show_status(status),
                annotated_payload=annotate(payload, notes),
            )
        )
    sorted_files = sample_status().files

    def bad(name: str, reason: str, data: bytes, says: str = "") -> None:
        wrong = lambda: open_status(data, SECOND.public, cluster.id)  # noqa: E731 - said once
        cases.append(invalid(f"a status: {name}", "Refused.", reason, wrong, says, **about, bytes=data.hex()))

    bad("signed by another", "bad-signature", sample_status().sign(MASTER, cluster.id), "not signed")
    bad(
        "for another cluster",
        "bad-signature",
        sample_status().sign(SECOND, ClusterId(bytes(32))),
        "not signed",
    )
    bad("files not sorted", "order", sample_status(files=sorted_files[::-1]).sign(SECOND, cluster.id))
    bad("a file twice", "order", sample_status(files=sorted_files[:1] * 2).sign(SECOND, cluster.id))
    bad(
        "a hash of 15 bytes", "wrong-shape", sample_status(files=(("a", bytes(15)),)).sign(SECOND, cluster.id)
    )
    bad(
        "a file of 129 bytes",
        "wrong-shape",
        sample_status(files=(("a" * 129, bytes(16)),)).sign(SECOND, cluster.id),
    )
    bad("a reason of 201 bytes", "wrong-shape", sample_status(reason="a" * 201).sign(SECOND, cluster.id))
    files = tuple((f"{number:063}", bytes(16)) for number in range(200))
    bad("over 16,384 bytes", "too-large", sample_status(files=files).sign(SECOND, cluster.id))
    bad("drift above the bound", "wrong-shape", sample_status(drift=65_536).sign(SECOND, cluster.id))
    bad("17 alarms", "wrong-shape", sample_status(alarms=("a",) * 17).sign(SECOND, cluster.id))
    return cases


def healths() -> list[Case]:
    """Return cases about health."""
    cases = []
    figures = {"clients": 12, "load": 7, "uptime": 86_400}
    data = encode_health(figures)
    cases.append(valid("health", "Sorted figures.", kind="health", bytes=data.hex(), figures=figures))
    large = codec.pack([[f"figure number {number:02}", 2**53 - 1] for number in range(5)])
    wrong = partial(decode_health, large)
    cases.append(
        invalid("health: 136 bytes", "At most 128.", "too-large", wrong, kind="health", bytes=large.hex())
    )
    for name, rows in (
        ("not sorted", [["load", 1], ["clients", 2]]),
        ("a figure twice", [["a", 1], ["a", 1]]),
    ):
        data = codec.pack(rows)
        wrong = partial(decode_health, data)
        cases.append(invalid(f"health: {name}", "Refused.", "order", wrong, kind="health", bytes=data.hex()))
    return cases
