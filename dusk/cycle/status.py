"""A device's status: what it has in effect, signed by it, and never in the log.

The hash of a resulting file is keyed with a key that only the device knows, or members could
guess the secrets in it (A53).
"""

from dusk import codec, limits
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, ClusterId, Seq
from dusk.keys.signing import SigningKey, verify
from dusk.lazy import dataclass

LABEL = b"dusk.status"
FILE_HASH_BYTES = 16
_ENDED, _NOT_APPLYING = frozenset({"failed", "waiting-for-secret"}), frozenset({"held", "off"})
_NAME_BYTES_MAX = 63
"""Of a state, and of an alarm."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a device says of itself.

    Attributes:
        epoch, cycle, count: its version: the cycle in which it was made, and which one within
            it; newer ones replace older.
        seq, chain: the head that is in effect on the device.
        judged: the position that ``state`` is about: of what the device tried last.
        files: package → keyed hash of the resulting file, 16 bytes, sorted by package.
        state: of the apply machine, a word.
        reason: one line for people, empty if all is well.
        alarms: words.
        drift: how many things of its managed config somebody changed on the device.
    """

    epoch: int
    cycle: int
    count: int
    seq: Seq
    chain: ChainHash
    judged: Seq
    files: tuple[tuple[str, bytes], ...]
    state: str
    reason: str
    alarms: tuple[str, ...]
    drift: int = 0

    @property
    def version(self) -> tuple[int, int, int]:
        """What orders statuses of one device."""
        return self.epoch, self.cycle, self.count

    def is_done(self, asked: Seq) -> bool:
        """Tell whether nothing is to be waited for: a position is in effect, or failed, or will not be."""
        if self.state in _NOT_APPLYING:
            return True
        return self.seq >= asked or (self.state in _ENDED and self.judged >= asked)

    def sign(self, key: SigningKey, cluster: ClusterId) -> bytes:
        """Return the signed status as it is sent."""
        head = (*self.version, self.seq, self.chain, self.judged)
        payload = codec.pack((*head, self.files, self.state, self.reason, self.alarms, self.drift))
        return codec.pack((payload, key.sign(LABEL, cluster, payload)))


def open_status(data: bytes, public: bytes, cluster: ClusterId) -> Status:
    """Verify and read a signed status.

    Raises:
        UntrustedInput: not signed by ``public`` for this cluster, or not a status.
    """
    row = codec.fields(codec.unpack(data, size_max=limits.STATUS_BYTES_MAX), 2, "status")
    payload = codec.blob(row[0], limits.STATUS_BYTES_MAX, "status")
    if not verify(public, LABEL, cluster, payload, codec.exactly(row[1], 64, "status signature")):
        raise UntrustedInput("status: not signed by its device")
    return _decode(payload)


def _decode(payload: bytes) -> Status:
    row = codec.fields(codec.unpack(payload, size_max=limits.STATUS_BYTES_MAX), 11, "status")
    files = tuple(_file(item) for item in codec.items(row[6], 512, "status files"))
    if list(files) != sorted(set(files)):
        raise UntrustedInput("status: files not sorted")
    alarms = codec.items(row[9], 16, "status alarms")
    return Status(
        epoch=codec.integer(row[0], 0, limits.NUMBER_MAX, "status epoch"),
        cycle=codec.integer(row[1], 0, limits.NUMBER_MAX, "status cycle"),
        count=codec.integer(row[2], 0, limits.NUMBER_MAX, "status count"),
        seq=Seq(codec.integer(row[3], 0, limits.NUMBER_MAX, "status position")),
        chain=ChainHash(codec.exactly(row[4], 32, "status chain")),
        judged=Seq(codec.integer(row[5], 0, limits.NUMBER_MAX, "status position")),
        files=files,
        state=codec.text(row[7], _NAME_BYTES_MAX, "status state"),
        reason=codec.text(row[8], limits.REASON_BYTES_MAX, "status reason"),
        alarms=tuple(codec.text(alarm, _NAME_BYTES_MAX, "status alarm") for alarm in alarms),
        drift=codec.integer(row[10], 0, limits.DRIFT_MAX, "status drift"),
    )


def _file(item: object) -> tuple[str, bytes]:
    package, digest = codec.fields(item, 2, "status file")
    return codec.text(package, limits.FILE_KEY_BYTES_MAX, "package"), codec.exactly(
        digest, FILE_HASH_BYTES, "file hash"
    )


def encode_health(figures: dict[str, int]) -> bytes:
    """Return unsigned figures (uptime, load, number of wireless clients) as they are sent."""
    return codec.pack(sorted(figures.items()))


def decode_health(data: bytes) -> dict[str, int]:
    """Read what :func:`encode_health` wrote.

    Raises:
        UntrustedInput: anything else.
    """
    rows = codec.unpack(data, size_max=limits.HEALTH_BYTES_MAX)
    figures = {}
    for row in rows:
        name, value = codec.fields(row, 2, "health")
        figures[codec.text(name, 16, "health")] = codec.integer(value, 0, limits.NUMBER_MAX, "health")
    if encode_health(figures) != data:
        raise UntrustedInput("health: not sorted")
    return figures
