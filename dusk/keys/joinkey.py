"""A join key as one line of text for an image: a signing key, and which cluster to look for.

The line is ``dusk-join-2:`` and base64url, without padding, of
``length (2 bytes, big-endian) ‖ body ‖ checksum (8 bytes)``. The length tells a cut line from
a damaged one; the checksum is no protection, the seed inside makes the whole line a secret.
"""

import binascii
import re
from dataclasses import field

from dusk import codec
from dusk.errors import UntrustedInput
from dusk.ids import ClusterId, Named, key_id, labelled_hash
from dusk.keys.signing import SEED_BYTES, SigningKey
from dusk.lazy import dataclass
from dusk.limits import ADDRESS_BYTES_MAX, JOIN_ADDRESSES_MAX, JOIN_LINE_BYTES_MAX, NUMBER_MAX

_PREFIX = "dusk-join-"
_VERSION = "2"
_LENGTH_BYTES = 2
_CHECKSUM_BYTES = 8
_HASH_BYTES = 32
_LINE = re.compile(re.escape(_PREFIX) + r"([0-9]{1,6}):(.*)", re.DOTALL)
_CUT = re.compile(re.escape(_PREFIX) + r"[0-9]{0,6}")
_PAYLOAD = re.compile(r"[A-Za-z0-9_-]*")
_ADDRESS = re.compile(rf"[A-Za-z0-9.:%_\[\]-]{{1,{ADDRESS_BYTES_MAX}}}", re.ASCII)
_FOREIGN = "join key: damaged (foreign characters)"
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_", b"+/")


@dataclass(frozen=True, slots=True)
class JoinKey:
    """What a new device needs to find and join its cluster; ``repr`` hides the seed.

    Attributes:
        cluster_id: 32 bytes.
        named: the last settled entry when the key was made, else genesis; a joiner refuses a
            log without it, or with other owners there (A2).
        seed: 32 bytes, the secret half of the join key.
        addresses: where members may be found, such as ``192.0.2.1:3875``; may be empty.

    Raises:
        UntrustedInput: a field that a line could not carry.
    """

    cluster_id: ClusterId
    named: Named
    seed: bytes = field(repr=False)
    addresses: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check each field, so that every join key has a line and every line a join key."""
        codec.exactly(self.cluster_id, _HASH_BYTES, "join key: cluster id")
        codec.integer(self.named.generation, 0, NUMBER_MAX, "join key: generation")
        codec.integer(self.named.seq, 1, NUMBER_MAX, "join key: position")
        codec.exactly(self.named.chain, _HASH_BYTES, "join key: chain hash")
        codec.exactly(self.named.trust, _HASH_BYTES, "join key: hash of trust")
        codec.exactly(self.seed, SEED_BYTES, "join key: seed")
        if len(self.addresses) > JOIN_ADDRESSES_MAX:
            raise UntrustedInput(f"join key: more than {JOIN_ADDRESSES_MAX} addresses")
        for address in self.addresses:
            if type(address) is not str or not _ADDRESS.fullmatch(address):
                raise UntrustedInput("join key: an address cannot be used")

    @property
    def id(self) -> str:
        """The name of its record in ``joinkey/<id>``: the key id in hexadecimal."""
        return key_id(self.signing_key().public).hex()

    def signing_key(self) -> SigningKey:
        """Return the key that signs join requests."""
        return SigningKey.from_seed(self.seed)

    def line(self) -> str:
        """Return the one ASCII line, without a line end."""
        body = codec.pack([self.cluster_id, *self.named, self.seed, self.addresses])
        framed = len(body).to_bytes(_LENGTH_BYTES, "big") + body + _checksum(body)
        return f"{_PREFIX}{_VERSION}:{_encode(framed)}"


def parse_join_line(text: str) -> JoinKey:
    """Read a join line; white space around it is ignored.

    Raises:
        UntrustedInput: empty, foreign, of another version, cut or damaged, told apart in one
            line that quotes nothing of it.
    """
    line = text.strip()
    if not line:
        raise UntrustedInput("join key: empty")
    if len(line) > JOIN_LINE_BYTES_MAX:
        raise UntrustedInput("join key: too long to be one")
    if not line.startswith(_PREFIX):
        cut = _PREFIX.startswith(line)
        raise UntrustedInput("join key: cut short" if cut else f"join key: does not begin with {_PREFIX}")
    found = _LINE.fullmatch(line)
    if not found:
        raise UntrustedInput("join key: cut short" if _CUT.fullmatch(line) else _FOREIGN)
    version, payload = found.groups()
    if version != _VERSION:
        raise UntrustedInput(f"join key: of version {version}, this program reads version {_VERSION}")
    if not _PAYLOAD.fullmatch(payload):
        raise UntrustedInput(_FOREIGN)
    return _parse_body(_unframe(payload))


def _unframe(payload: str) -> bytes:
    """Return the body of a payload, its length and checksum verified."""
    framed = _decode(payload)
    end = _LENGTH_BYTES + int.from_bytes(framed[:_LENGTH_BYTES], "big")
    if len(framed) < max(end + _CHECKSUM_BYTES, _LENGTH_BYTES + _CHECKSUM_BYTES):
        raise UntrustedInput("join key: cut short")
    body = framed[_LENGTH_BYTES:end]
    if framed[end:] != _checksum(body) or _encode(framed) != payload:
        raise UntrustedInput("join key: damaged")
    return body


def _parse_body(body: bytes) -> JoinKey:
    """Build the join key; its constructor checks each field."""
    parts = codec.fields(codec.unpack(body, size_max=JOIN_LINE_BYTES_MAX), 7, "join key")
    cluster_id, generation, seq, chain, trust, seed, addresses = parts
    if not isinstance(addresses, list):
        raise UntrustedInput("join key: addresses: not an array")
    return JoinKey(cluster_id, Named(generation, seq, chain, trust), seed, tuple(addresses))


def _checksum(body: bytes) -> bytes:
    """Return what tells a damaged line."""
    return labelled_hash(b"dusk.join-line", body)[:_CHECKSUM_BYTES]


def _encode(data: bytes) -> str:
    """Return base64url without padding."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=").decode()


def _decode(payload: str) -> bytes:
    """Return the whole bytes of base64url; characters were checked, a cut group is dropped."""
    usable = payload if len(payload) % 4 != 1 else payload[:-1]
    padded = usable.encode().translate(_FROM_URL) + b"=" * (-len(usable) % 4)
    return binascii.a2b_base64(padded)
