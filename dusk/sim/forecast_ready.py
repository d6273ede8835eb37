"""A cluster whose devices have all joined already.

Nothing of a forecast is about joining, so the log is written at once: the founding, the join key,
each device's creation and its facts, one policy for all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dusk import codec
from dusk.changelog.body import Change, Edit, build_change
from dusk.changelog.entry import Stamp, sign_head
from dusk.changelog.log import Log
from dusk.changelog.sections import device_path
from dusk.cycle.groupkeys import GroupKeys, new_group_key
from dusk.effects import LogItem
from dusk.ids import NO_CHAIN, BootId, ClusterId, DeviceId
from dusk.keys.joinkey import JoinKey
from dusk.keys.signing import SigningKey
from dusk.sim.people import found_cluster

POLICY = "forecast"
PRIORITY = 100
_REST = bytes(32)


@dataclass(frozen=True, slots=True)
class Ready:
    """A cluster of many devices at the end of its growth.

    Attributes:
        owner: whose changes will be made.
        line: the join key; nobody needs it any more.
        keys: the devices' keys; the first one is the founder's, who leads.
        items: what each disk has.
        log: the same, verified.
        ring: the file with the group keys that each disk has.
    """

    owner: SigningKey
    line: JoinKey
    keys: tuple[SigningKey, ...]
    items: tuple[LogItem, ...]
    log: Log
    ring: bytes

    @property
    def cluster(self) -> ClusterId:
        """The cluster's id."""
        return self.line.cluster_id


class _Writer:
    """The founder, as it writes what its cluster grew by.

    Args:
        founder: its key.
        random_bytes: for the salts of the values.
    """

    def __init__(self, founder: SigningKey, cycle_ms: int, random_bytes: Callable[[int], bytes]) -> None:
        self.founded = found_cluster(founder, cycle_ms, [], random_bytes)
        self._founder, self._random_bytes = founder, random_bytes
        self.log = Log(None)
        self.log.extend(self.founded.items)
        self.items: list[LogItem] = list(self.founded.items)
        self._stamp = Stamp(DeviceId(founder.key_id), BootId(random_bytes(8)), 0, clock_trusted=False)
        self._owners_changes = len(self.founded.changes)

    def owner(self, edits: Sequence[Edit]) -> None:
        """Write a change of the owner's."""
        self._owners_changes += 1
        self._write(self._change(self._founder, self._owners_changes, edits, (self.founded.owner,)))

    def join(self, joinkey: SigningKey, device: SigningKey, label: str, wanted: str) -> None:
        """Write a device's creation under a join key."""
        section = device_path(device.key_id)
        rows: tuple[tuple[str, list[object]], ...] = (
            ("key", [device.public]),
            ("label", [label]),
            ("origin", [joinkey.key_id.hex(), _REST, wanted]),
        )
        edits = [Edit(section, key, codec.pack(row), None) for key, row in rows]
        self._write(self._change(device, 0, edits, (device, joinkey)))

    def say(self, device: SigningKey, fact: str, value: str) -> None:
        """Write what a device says about itself."""
        edit = Edit(f"{device_path(device.key_id)}/facts", fact, codec.pack([value]), None)
        self._write(self._change(device, 1, [edit], (device,)))

    def _change(
        self, device: SigningKey, counter: int, edits: Sequence[Edit], signers: Sequence[SigningKey]
    ) -> Change:
        return build_change(
            cluster=self.founded.line.cluster_id,
            device=DeviceId(device.key_id),
            counter=counter,
            message="",
            edits=edits,
            signers=signers,
            random_bytes=self._random_bytes,
        )

    def _write(self, change: Change) -> None:
        self.items.append(self.log.write_change(change, self._stamp)[0])

    def sign(self) -> None:
        """Sign the head that covers all of it."""
        signed = sign_head(self._founder, self.founded.line.cluster_id, self.log.head, _REST)
        self.items.append(self.log.signed(signed))


def grow(
    count: int,
    cycle_ms: int,
    boards: Sequence[str],
    random_bytes: Callable[[int], bytes],
    told: Callable[[int], None] = lambda _: None,
) -> Ready:
    """Make a cluster of many devices.

    Args:
        count: how many.
        cycle_ms: the time between two STARTs, milliseconds.
        boards: what each device says that it is.
        random_bytes: source of all keys and salts.
        told: called with the number of devices that are there: many take a while.
    """
    keys = tuple(SigningKey.from_seed(random_bytes(32)) for _ in range(count))
    writer = _Writer(keys[0], cycle_ms, random_bytes)
    joinkey = SigningKey.from_seed(random_bytes(32))
    rule = codec.pack((joinkey.public, count, 0, [], "auto", [], "ask", ""))
    writer.owner([Edit(f"joinkey/{joinkey.key_id.hex()}", "rule", rule, None)])
    writer.owner([Edit(f"assignment/{POLICY}", "to", codec.pack(["all", [], PRIORITY]), None)])
    for index, key in enumerate(keys):
        if index:
            writer.join(joinkey, key, f"02:00:00:00:{index >> 8:02x}:{index & 255:02x}", f"r{index}")
        writer.say(key, "board", boards[index])
        told(index + 1)
    writer.sign()
    group_key = new_group_key(random_bytes, writer.log.head.generation, NO_CHAIN)
    ring = GroupKeys((group_key,)).encode()
    return Ready(writer.founded.owner, writer.founded.line, keys, tuple(writer.items), writer.log, ring)
