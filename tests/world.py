"""A cluster in memory for tests of the pure rooms: real keys, real signatures, real log."""

import random
from collections.abc import Sequence
from functools import cache

from dusk import codec, limits
from dusk.changelog.body import Change, Edit, build_change
from dusk.changelog.entry import Entry, Stamp, sign_head
from dusk.changelog.genesis import Founding, found
from dusk.changelog.log import Log
from dusk.changelog.sections import device_path
from dusk.changelog.state import counter_key
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.effects import LogItem
from dusk.ids import BootId, ChangeId, ClusterId, DeviceId, Named
from dusk.keys.sealed import Argon2Parameters, seal_user_key
from dusk.keys.signing import SigningKey

BOOT = BootId(b"boot-one")
NO_REST = bytes(32)
TIME_S = 1_700_000_000


@cache
def sealed_key(key: SigningKey, name: str, password: bytes = b"password") -> bytes:
    """Seal a user's key under a password, as cheaply as the log takes it."""
    cheap = Argon2Parameters(limits.ARGON2_MEMORY_KIB_MIN, limits.ARGON2_PASSES_MIN, limits.ARGON2_LANES)
    return seal_user_key(key.seed, password, name=name, salt=bytes(16), nonce=bytes(24), parameters=cheap)


class World:
    """The founder's device with its log, the owner, and whoever joins.

    All that it wrote stands in ``items``: entries, each followed by its signed head.
    """

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.owner = self.key()
        self.master = self.key()
        self.joinkey = self.key()
        self.device_id = DeviceId(self.master.key_id)
        self.leading = self.master
        """Whose entries are written."""
        self.log = Log(None)
        self.items: list[LogItem] = []
        self.entries: list[Entry] = []
        self.time_s = TIME_S
        change = found(
            Founding(
                name="home",
                user="alice",
                owner=self.owner,
                sealed=sealed_key(self.owner, "alice"),
                device=self.master,
                device_name="attic",
                label="02:00:00:00:00:01",
                recovery=(recovery := self.key()).public,
                cycle_ms=5000,
            ),
            self.random.randbytes,
        )
        self.recovery = recovery
        """Of the phrase that is in force."""
        self._keep(self.log.write_genesis(change, self.stamp()))

    def key(self) -> SigningKey:
        """Make another key."""
        return SigningKey.from_seed(self.random.randbytes(32))

    def stamp(self) -> Stamp:
        """Return what who leads stamps on an entry."""
        return Stamp(DeviceId(self.leading.key_id), BOOT, self.time_s, clock_trusted=True)

    @property
    def cluster(self) -> ClusterId:
        """The cluster's id."""
        assert self.log.cluster is not None
        return self.log.cluster

    def _keep(self, item: LogItem) -> None:
        self.items.append(item)
        self.items.append(self.log.signed(sign_head(self.leading, self.cluster, self.log.head, NO_REST)))

    def open(self) -> None:
        """Begin a new epoch, as a start of the master does."""
        self._keep(self.log.write_open(self.stamp()))

    def expire(self, section: str, stamp: Stamp) -> None:
        """Write that something has ended by time."""
        self._keep(self.log.write_expiry(section, stamp))

    def lead_by(self, role: Change) -> None:
        """Begin a new epoch by a role that owners forced."""
        self._keep(self.log.write_open(self.stamp(), role))

    def base(self, section: str, key: str) -> ChangeId | None:
        """Return what an author sees as the record's last change."""
        record = self.log.state.record(section, key)
        return None if record is None else record.base

    def edit(self, section: str, key: str, row: Sequence[object] | None) -> Edit:
        """Return an edit on top of what is there."""
        return Edit(section, key, None if row is None else codec.pack(row), self.base(section, key))

    def change(
        self,
        *edits: Edit,
        signers: Sequence[SigningKey] = (),
        device: SigningKey | None = None,
        counter: int | None = None,
        message: str = "a change",
        cluster: ClusterId | None = None,
    ) -> Change:
        """Build a change, by the owner on the master unless told otherwise."""
        signers = signers or (self.owner,)
        at = DeviceId((device or self.master).key_id)
        last = self.log.state.derived(counter_key(signers[0].key_id, at))
        return build_change(
            cluster=self.cluster if cluster is None else cluster,
            device=at,
            counter=last + 1 if counter is None else counter,
            message=message,
            edits=edits,
            signers=signers,
            random_bytes=self.random.randbytes,
        )

    def write(self, change: Change) -> Entry:
        """Have the master write a change."""
        item, entry = self.log.write_change(change, self.stamp())
        self.entries.append(entry)
        self._keep(item)
        return entry

    def strand(self, change: Change) -> Entry:
        """Have who leads write a change of another branch."""
        item, entry = self.log.write_stranded(change, self.stamp())
        self._keep(item)
        return entry

    def commit(self, *edits: Edit) -> Entry:
        """Build and write a change of the owner's."""
        return self.write(self.change(*edits))

    def set(self, policy: str, key: str, value: str) -> Edit:
        """Return an edit that sets an option in a policy."""
        setting = Setting(Verb.SET, (value,), 0)
        section, name = f"policy/{policy}", f"set/{key}"
        return Edit(section, name, encode_setting(setting), self.base(section, name))

    def allow_joining(
        self, uses: int = 100, expires_s: int = 0, groups: Sequence[str] = (), template: str = ""
    ) -> str:
        """Make the join key's record and return its id."""
        name = self.joinkey.key_id.hex()
        rule: tuple[object, ...] = (self.joinkey.public, uses, expires_s, groups, "auto", [], "ask", template)
        self.commit(self.edit(f"joinkey/{name}", "rule", rule))
        return name

    def request(self, device: SigningKey, wanted: str = "router", label: str | None = None) -> Change:
        """Build a device's request to join; each has a label of its own unless told otherwise."""
        section = device_path(device.key_id)
        origin = (self.joinkey.key_id.hex(), bytes(32), wanted)
        rows = (
            ("key", (device.public,)),
            ("label", (f"02:{device.key_id.hex()[:8]}" if label is None else label,)),
            ("origin", origin),
        )
        return build_change(
            cluster=self.cluster,
            device=DeviceId(device.key_id),
            counter=0,
            message="",
            edits=[Edit(section, key, codec.pack(row), None) for key, row in rows],
            signers=(device, self.joinkey),
            random_bytes=self.random.randbytes,
        )

    def join(self, wanted: str = "router") -> SigningKey:
        """Let a new device in and return its key."""
        device = self.key()
        self.write(self.request(device, wanted))
        return device

    def named(self, seq: int = 1) -> Named:
        """Return an entry as a join key names it."""
        named = self.log.named(seq)
        assert named is not None, "the log has it"
        return named

    def replica(self) -> Log:
        """Return another log that has verified all of this."""
        other = Log(self.cluster)
        other.extend(self.items)
        return other
