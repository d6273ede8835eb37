"""The group key: what STARTs, DATA and HELLOs are sealed with (`specs/cycles.md`, section 2).

A key names the newest removal that it covers. It is used only with a log whose newest removal
is that entry, so that a removed device never holds a key that is in use (A22).
"""

from collections.abc import Callable
from dataclasses import field

from dusk import codec, limits
from dusk.ids import NO_CHAIN, ChainHash, labelled_hash
from dusk.keys.box import KEY_BYTES
from dusk.lazy import dataclass

FILE = "groupkeys"
"""Name of the node's file that holds them."""
KEY_ID_BYTES = 8
_FILE_BYTES_MAX = 1024


@dataclass(frozen=True, slots=True)
class GroupKey:
    """One group key; ``repr`` hides the secret.

    Attributes:
        generation: of the log when it was made.
        removal: chain hash of the newest removal that it covers; ``NO_CHAIN`` before any.
        salt: 8 random bytes.
        key: 32 bytes, the secret.
    """

    generation: int
    removal: ChainHash
    salt: bytes
    key: bytes = field(repr=False)

    @property
    def id(self) -> bytes:
        """8 bytes that name the key in datagrams."""
        number = self.generation.to_bytes(8, "big")
        return labelled_hash(b"dusk.group-key", number, self.removal, self.salt)[:KEY_ID_BYTES]

    def row(self) -> tuple[int, ChainHash, bytes, bytes]:
        """Return the key as a row of a message or file."""
        return self.generation, self.removal, self.salt, self.key


def new_group_key(random_bytes: Callable[[int], bytes], generation: int, removal: ChainHash) -> GroupKey:
    """Make a key that covers a log with this generation and newest removal."""
    return GroupKey(generation, removal, random_bytes(8), random_bytes(KEY_BYTES))


def group_key_from_row(item: object) -> GroupKey:
    """Read a key from a decoded row.

    Raises:
        UntrustedInput: not a row as :meth:`GroupKey.row` makes it.
    """
    row = codec.fields(item, 4, "group key")
    return GroupKey(
        codec.integer(row[0], 0, limits.NUMBER_MAX, "group key generation"),
        ChainHash(codec.exactly(row[1], 32, "group key removal")),
        codec.exactly(row[2], 8, "group key salt"),
        codec.exactly(row[3], KEY_BYTES, "group key"),
    )


class GroupKeys:
    """The ring of keys that cover our log, newest last; unchangeable.

    Args:
        keys: oldest first; only the last ``GROUP_KEYS_MAX`` that cover the log are kept.
        generation, removal: of the log: only keys with both are kept.
    """

    __slots__ = ("_by_id", "generation", "keys", "removal")

    def __init__(
        self, keys: tuple[GroupKey, ...] = (), generation: int = 0, removal: ChainHash = NO_CHAIN
    ) -> None:
        covering: dict[bytes, GroupKey] = {}
        for key in keys:
            if (key.generation, key.removal) == (generation, removal):
                covering.setdefault(key.id, key)  # a hostile member may hand out another by a known name
        self.keys = tuple(covering.values())[-limits.GROUP_KEYS_MAX :]
        self.generation = generation
        self.removal = removal
        self._by_id = {key.id: key for key in self.keys}

    @property
    def newest(self) -> GroupKey | None:
        """The key to seal with; None: this device needs one first."""
        return self.keys[-1] if self.keys else None

    def find(self, identifier: bytes) -> GroupKey | None:
        """Return the accepted key with this id."""
        return self._by_id.get(identifier)

    def with_keys(self, *keys: GroupKey) -> "GroupKeys":
        """Return the ring with more keys; known ones keep their place, foreign ones are left out."""
        return GroupKeys((*self.keys, *keys), self.generation, self.removal)

    def taught(self, *keys: GroupKey) -> "GroupKeys":
        """Return the ring as who may lead has it: its word of a key counts, and its keys are the newest."""
        theirs = {key.id for key in keys}
        ours = (key for key in self.keys if key.id not in theirs)
        return GroupKeys((*ours, *keys), self.generation, self.removal)

    def covering(self, generation: int, removal: ChainHash) -> "GroupKeys":
        """Return the ring for a log that has moved on; drops what no longer covers it."""
        return GroupKeys(self.keys, generation, removal)

    def encode(self) -> bytes:
        """Return the bytes of the file ``groupkeys`` and of a KEYS answer."""
        return codec.pack([self.generation, self.removal, [key.row() for key in self.keys]])


def decode_group_keys(data: bytes) -> GroupKeys:
    """Read what :meth:`GroupKeys.encode` wrote.

    Raises:
        UntrustedInput: anything else.
    """
    row = codec.fields(codec.unpack(data, size_max=_FILE_BYTES_MAX), 3, "group keys")
    rows = codec.items(row[2], limits.GROUP_KEYS_MAX, "group keys")
    generation = codec.integer(row[0], 0, limits.NUMBER_MAX, "group keys generation")
    removal = ChainHash(codec.exactly(row[1], 32, "group keys removal"))
    return GroupKeys(tuple(group_key_from_row(item) for item in rows), generation, removal)
