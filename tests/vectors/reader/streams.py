"""The handshake of streams, their frames, and the requests and answers in them (catchup.md)."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import nacl.bindings as sodium
from nacl.exceptions import CryptoError

from tests.vectors.reader import beside, changes
from tests.vectors.reader.keys import agreed, labelled, verify
from tests.vectors.reader.packing import (
    Refused,
    array,
    flag,
    need,
    number,
    octets,
    octets_or_none,
    pack,
    routed,
    text,
    unpack,
)

PROTOCOL = b"Noise_XX_25519_ChaChaPoly_BLAKE2s"
FRAGMENT = 8_192
MESSAGE_MAX = 655_360


def prologue(cluster: bytes) -> bytes:
    """Give the prologue of a cluster's streams."""
    return b"dusk.stream\0\x01" + cluster


def _hash(data: bytes) -> bytes:
    return hashlib.blake2s(data).digest()


class Cipher:
    """A key with its counter."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.count = 0

    def _nonce(self) -> bytes:
        self.count += 1
        return bytes(4) + (self.count - 1).to_bytes(8, "little")

    def seal(self, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Seal the next message."""
        nonce = self._nonce()
        return sodium.crypto_aead_chacha20poly1305_ietf_encrypt(plaintext, associated, nonce, self.key)

    def open(self, sealed: bytes, associated: bytes = b"") -> bytes:
        """Open the next message."""
        need(16 <= len(sealed) <= 65_535, "wrong-size")
        nonce = self._nonce()
        try:
            return sodium.crypto_aead_chacha20poly1305_ietf_decrypt(sealed, associated, nonce, self.key)
        except CryptoError:
            raise Refused("not-authentic") from None


@dataclass
class Handshake:
    """One side of a handshake."""

    static: bytes
    ephemeral: bytes
    prologue: bytes
    hash: bytes = b""
    chaining: bytes = b""
    cipher: Cipher | None = None
    remote_ephemeral: bytes = b""
    remote_static: bytes = b""

    def __post_init__(self) -> None:
        """Begin the transcript."""
        self.chaining = _hash(PROTOCOL) if len(PROTOCOL) > 32 else PROTOCOL.ljust(32, b"\0")
        self.hash = _hash(self.chaining + self.prologue)

    def _derive(self, secret: bytes) -> tuple[bytes, bytes]:
        key = hmac.digest(self.chaining, secret, "blake2s")
        first = hmac.digest(key, b"\x01", "blake2s")
        return first, hmac.digest(key, first + b"\x02", "blake2s")

    def _mix_hash(self, data: bytes) -> bytes:
        self.hash = _hash(self.hash + data)
        return data

    def _mix_key(self, private: bytes, public: bytes) -> None:
        self.chaining, key = self._derive(agreed(private, public))
        self.cipher = Cipher(key)

    def _seal(self, plaintext: bytes) -> bytes:
        sealed = self.cipher.seal(plaintext, self.hash) if self.cipher else plaintext
        return self._mix_hash(sealed)

    def _open(self, sealed: bytes) -> bytes:
        assert self.cipher
        plaintext = self.cipher.open(sealed, self.hash)
        self._mix_hash(sealed)
        return plaintext

    def write(self, number: int) -> bytes:
        """Write message 1, 2 or 3, without a payload."""
        own = sodium.crypto_scalarmult_base(self.ephemeral)
        out = self._mix_hash(own) if number < 3 else b""
        if number == 2:
            self._mix_key(self.ephemeral, self.remote_ephemeral)
        if number > 1:
            out += self._seal(sodium.crypto_scalarmult_base(self.static))
            self._mix_key(self.static, self.remote_ephemeral)
        return out + self._seal(b"")

    def read(self, number: int, message: bytes) -> None:
        """Read message 1, 2 or 3."""
        least = {1: 32, 2: 96, 3: 64}[number]
        need(len(message) >= least, "wrong-size")
        at = 0
        if number < 3:
            at = 32
            self.remote_ephemeral = self._mix_hash(message[:32])
        if number == 1:
            need(len(message) == least, "payload")
            self._mix_hash(b"")
            return
        if number == 2:
            self._mix_key(self.ephemeral, self.remote_ephemeral)
        self.remote_static = self._open(message[at : at + 48])
        self._mix_key(self.ephemeral, self.remote_static)
        need(not self._open(message[at + 48 :]), "payload")

    def split(self) -> tuple[Cipher, Cipher]:
        """Give the initiator's key to send with, and the responder's."""
        first, second = self._derive(b"")
        return Cipher(first), Cipher(second)


def frames(message: bytes, cipher: Cipher) -> list[bytes]:
    """Cut a message into sealed fragments."""
    whole = len(message).to_bytes(4, "big") + message
    return [cipher.seal(whole[at : at + FRAGMENT]) for at in range(0, len(whole), FRAGMENT)]


@dataclass
class Receiver:
    """Puts the fragments of one direction together."""

    cipher: Cipher
    most: int = MESSAGE_MAX
    parts: bytes = b""
    whole: int = 0
    messages: list[bytes] = field(default_factory=list)

    def frame(self, sealed: bytes) -> None:
        """Take a frame, or refuse it."""
        fragment = self.cipher.open(sealed)
        if not self.parts:
            need(len(fragment) >= 4, "wrong-fragment")
            self.whole = 4 + int.from_bytes(fragment[:4], "big")
            need(5 <= self.whole <= 4 + self.most, "wrong-fragment")
        need(len(fragment) == min(FRAGMENT, self.whole - len(self.parts)), "wrong-fragment")
        self.parts += fragment
        if len(self.parts) == self.whole:
            self.messages.append(self.parts[4:])
            self.parts = b""


def receive(side: Handshake, received: list[bytes], *, initiator: bool) -> Receiver:
    """Take frames as they come in to one side, which says nothing but its handshake messages."""
    turns = [2] if initiator else [1, 3]
    if initiator:
        side.write(1)
    for turn, frame in zip(turns, received, strict=False):
        side.read(turn, frame)
        if turn < 3:
            side.write(turn + 1)
    first, second = side.split()
    receiver = Receiver(second if initiator else first)
    for frame in received[len(turns) :]:
        receiver.frame(frame)
    return receiver


# Requests and answers


def _position(item: object) -> tuple[int, bytes]:
    seq, chain = array(item, 2)
    return number(seq, 1), octets(chain, 32)


def request(data: bytes) -> dict[str, Any]:
    """Read a request of a member."""
    kind, *rest = array(unpack(data, None, 266_240), least=1)
    number(kind, 1, 12)
    count = {3: 0, 5: 2, 6: 2, 7: 2, 8: 2, 9: 2, 12: 3}.get(kind, 1)
    array(rest, count)
    match kind:
        case 1:
            return {"positions": [_position(item) for item in array(rest[0], most=64)]}
        case 2:
            return {"first": number(rest[0], 1)}
        case 3:
            return {}
        case 4:
            return {"change": octets(rest[0], most=changes.SIZE_MAX)}
        case 5:
            return {"change": octets(rest[0], most=changes.SIZE_MAX), "after": octets_or_none(rest[1], 32)}
        case 6:
            after, waiting = (octets(one) if one == b"" else octets(one, 16) for one in rest)
            return {"after": after, "waiting": waiting}
        case 7:
            return {"device": octets(rest[0], 16), "status": octets(rest[1], most=16_384)}
        case 9:
            return {"seq": number(rest[0], 1), "piece": number(rest[1], 0, 139)}
        case 10:
            rows = [array(row, 3) for row in array(rest[0], most=256)]
            ids = [octets(row[0], 16) for row in rows]
            need(all(one < other for one, other in pairwise(ids)), "wrong-shape")
            return {"rows": [[row[0], routed(row[1]), number(row[2], 1, 65_535)] for row in rows]}
        case 11:
            return {"names": [_secret_name(*array(item, 2)) for item in array(rest[0], most=32)]}
        case 12:
            argument, reader = octets(rest[1], most=4_096), octets(rest[2], most=256)
            return {"question": text(rest[0], 63), "argument": argument, "reader": reader}
    return {"chain": octets(rest[0], 32), "first": number(rest[1])}


def _secret_name(section: object, name: object) -> list[Any]:
    return [text(section, 191), octets(name, 16)]


def _wrap(section: object, name: object, box: object) -> list[Any]:
    return [*_secret_name(section, name), octets(box, most=400)]


def _item(item: object) -> tuple[int, bytes]:
    kind, data = array(item, 2)
    number(kind, 1, 3)
    most = changes.ITEM_SIZE_MAX if kind == 1 else changes.SIGNED_HEAD_SIZE_MAX
    return kind, octets(data, most=most)


def _row(item: object) -> dict[str, Any]:
    device, status, health, seq, age = array(item, 5)
    return {
        "device": octets(device, 16),
        "status": octets_or_none(status, most=16_384),
        "health": octets_or_none(health, most=128),
        "seq": number(seq),
        "age_ms": None if age is None else number(age),
    }


def _waiting(item: object) -> dict[str, Any]:
    device, request, why, asked, seen = array(item, 5)
    return {
        "device": octets(device, 16),
        "request": octets(request, most=4_096),
        "why": text(why, 63),
        "asked": number(asked),
        "seen": number(seen),
    }


def _removal(data: bytes) -> dict[str, Any]:
    packed, body, signatures, digests, head = unpack(data, 5, 49_152)
    joined = octets(digests, most=256 * 32)
    need(len(joined) % 32 == 0, "wrong-shape")
    signed = [array(one, 2) for one in array(signatures, most=32, least=1)]
    entry, at = changes.entry(octets(packed)), changes.signed_head(octets(head))
    chain = entry.head(labelled("dusk.entry", octets(packed))).chain
    for place in range(0, len(joined), 32):
        chain = labelled("dusk.chain", chain, joined[place : place + 32])
    operations = changes.body(octets(body)).operations
    return {
        "seq": entry.seq,
        "names_its_change": entry.change == labelled("dusk.change", octets(body)),
        "removes": [[one.section, one.key] for one in operations if one.value_hash],
        "signers": [octets(signer, 16) for signer, signature in signed if octets(signature, 64)],
        "head_is_behind": (at.head.seq, at.head.chain) == (entry.seq + len(joined) // 32, chain),
    }


def answer(data: bytes) -> dict[str, Any]:
    """Read an answer."""
    kind, *rest = array(unpack(data, None, MESSAGE_MAX), least=1)
    number(kind, 17, 26)
    array(rest, {17: 2, 18: 2, 19: 1, 20: 3, 21: min(len(rest), 1), 22: 3, 23: 2, 24: 1, 25: 2, 26: 4}[kind])
    match kind:
        case 17:
            newest = octets_or_none(rest[1], most=changes.SIGNED_HEAD_SIZE_MAX)
            return {"seq": number(rest[0]), "newest": newest}
        case 18:
            return {"items": [_item(item) for item in array(rest[0], most=60_000)], "more": flag(rest[1])}
        case 19:
            return {"ring": octets(rest[0], most=1_024)}
        case 20:
            return {"code": text(rest[0], 63), "seq": number(rest[1]), "reason": text(rest[2], 512)}
        case 21:
            return {"proof": _removal(octets(rest[0], most=49_152))} if rest else {}
        case 23:
            hashes = [octets(item, 32) for item in array(rest[1], least=1, most=140)]
            return {"seq": number(rest[0], 1), "hashes": hashes}
        case 24:
            return {"piece": octets(rest[0], most=60_000)}
        case 25:
            wraps = [_wrap(*array(item, 3)) for item in array(rest[0], most=32)]
            places = [array(item, 2) for item in array(rest[1], most=4)]
            return {"wraps": wraps, "elsewhere": [[text(a, 128), number(b, 1, 65_535)] for a, b in places]}
        case 26:
            told = {"word": text(rest[0], 63), "reason": text(rest[1], 512)}
            return {**told, "data": octets(rest[2], most=557_056), "sealed": flag(rest[3])}
    return {
        "rows": [_row(item) for item in array(rest[0], most=10_000)],
        "waiting": [_waiting(item) for item in array(rest[1], most=1_024)],
        "more": flag(rest[2]),
    }


def health(data: bytes) -> list[Any]:
    """Read how a device says that it is (asking.md)."""
    row = array(unpack(data, None, MESSAGE_MAX), 8)
    number(row[0]), number(row[4]), flag(row[5])
    for figures, count in ((row[1], 3), (row[2], 2), (row[3], 2)):
        need(len(array(figures, most=count)) in {0, count}, "wrong-shape")
        _ = [number(figure) for figure in figures]
    for one in array(row[6], most=256):
        name, up, mac, addresses, *counters = array(one, 7)
        text(name, 128), flag(up), text(mac, 128)
        _ = [text(address, 128) for address in array(addresses, most=16)]
        _ = [number(counter) for counter in counters]
    for one in array(row[7], most=16):
        name, band, channel, up, clients = array(one, 5)
        text(name, 128), text(band, 128), number(channel), flag(up), clients is None or number(clients)
    for rows in (row[6], row[7]):
        need(all(one[0] < other[0] for one, other in pairwise(rows)), "wrong-shape")
    return row


def packages(data: bytes) -> list[Any]:
    """Read which packages a device says that it has (asking.md)."""
    row = array(unpack(data, None, 65_536), 3)
    rows = array(row[2], most=4_096)
    number(row[0], len(rows), 65_536), number(row[1], 0, 2**48 - 1)
    for one in rows:
        name, version = array(one, 2)
        need(text(name, 128) and text(version, 128) is not None, "wrong-shape")
    need(all(one[0] < other[0] for one, other in pairwise(rows)), "wrong-shape")
    need(len(rows) < row[0] or row[1] == _hash_of(rows), "wrong-shape")
    return row


def _hash_of(rows: list[Any]) -> int:
    return int(hashlib.sha256(pack(rows)).hexdigest()[:12], 16)


def packages_of(content: bytes, form: str) -> list[Any]:
    """Return what a device tells whose list this is (asking.md), if all has room."""
    name, version = {"apk": (b"P", b"V"), "opkg": (b"Package", b"Version")}[form]
    found: dict[str, str] = {}
    for record in re.split(rb"\n(?:[ \t]*\n)+", content.strip()):
        lines = [line.split(b":", 1) for line in record.split(b"\n") if line[:1] not in {b" ", b"\t"}]
        fields = {field: value.strip() for field, value in lines}
        status = fields.get(b"Status", b"").split()
        if form == "apk" or (len(status) > 2 and status[2] in {b"installed", b"unpacked"}):
            found[_told_text(fields[name])] = _told_text(fields.get(version, b""))
    rows = [[one, found[one]] for one in sorted(found)]
    return [len(rows), _hash_of(rows), rows]


def _told_text(value: bytes) -> str:
    whole = value.decode(errors="replace")
    data = whole.encode()
    return whole if len(data) <= 128 else data[:125].decode(errors="ignore") + "…"


def drift(data: bytes) -> list[Any]:
    """Read what a device says that was changed on it (asking.md)."""
    row = array(unpack(data, None, 65_536), 2)
    number(row[0], len(array(row[1], most=200)), 65_535)
    for one in row[1]:
        key, setting, found, trouble = array(one, 4)
        text(key, 1_024), text(setting, 1_024), flag(trouble)
        values = array(found, most=1_024) if isinstance(found, list) else [found]
        _ = [octets(value, most=65_536) for value in values if found is not None]
    return row


def files(data: bytes) -> list[Any]:
    """Read what a device says that its files say (asking.md)."""
    seq, rows = array(unpack(data, None, 65_536), 2)
    number(seq)
    packages = [_told_file(row) for row in array(rows, most=16)]
    need(len(set(packages)) == len(packages), "wrong-shape")
    return [seq, rows]


def _told_file(row: object) -> str:
    package, state, in_effect, sections = array(row, 4)
    is_file = beside.is_key(text(package, 255))
    need(is_file or re.fullmatch(r"[A-Za-z0-9_-]{1,255}", package), "wrong-shape")
    number(state, 0, 4), flag(in_effect)
    names = [_told_section(section) for section in array(sections, most=4_096)]
    need(state == 1 or not (in_effect or names), "wrong-shape")
    need(not (is_file and names), "wrong-shape")
    given = [name for name in names if name]
    need(len(set(given)) == len(given), "wrong-shape")
    return str(package)


def _told_section(section: object) -> str:
    kind, name, options = array(section, 3)
    need(re.fullmatch(r"[A-Za-z0-9_-]+", text(kind, 255)), "wrong-shape")
    need(re.fullmatch(r"[A-Za-z0-9_]*", text(name, 255)), "wrong-shape")
    known = set()
    for one in array(options, most=4_096):
        option, value = array(one, 2)
        need(re.fullmatch(r"[A-Za-z0-9_]+", text(option, 255)), "wrong-shape")
        known.add(option)
        if isinstance(value, list):
            _ = [octets(item, most=65_536) for item in array(value, least=1, most=1_024)]
        elif value is not None:
            need(octets(value, most=65_536), "wrong-shape")
    need(len(known) == len(options), "wrong-shape")
    return str(name)


def hold(data: bytes) -> int:
    """Read for how many seconds a device is ordered to be held (asking.md)."""
    return number(array(unpack(data, None, 512), 1)[0], 0, 31_536_000)


def order(data: bytes, cluster: bytes, public: bytes) -> dict[str, Any]:
    """Read an order signed by one key (asking.md)."""
    told, body, signatures = order_of(data)
    for signature in signatures:
        verify(public, "dusk.order", cluster, body, signature)
    return told


def order_of(data: bytes) -> tuple[dict[str, Any], bytes, list[bytes]]:
    """Read an order, the bytes that are signed, and the signatures (asking.md)."""
    body, rows = array(unpack(data, None, 4_096), 2)
    version, device, challenge, kind, argument = array(unpack(octets(body, most=4_096), None, 4_096), 5)
    number(version, 1, 1)
    signatures = [array(row, 2) for row in array(rows, most=32)]
    keys = [octets(row[0], 16) for row in signatures]
    need(all(one < other for one, other in pairwise(keys)), "wrong-shape")
    told = {"device": octets(device, 16), "challenge": octets(challenge, 32), "order": text(kind, 63)}
    told |= {"argument": octets(argument, most=512), "keys": keys}
    return told, octets(body), [octets(signature, 64) for _, signature in signatures]


def locator(head: int) -> list[int]:
    """Give the positions that a client with so many entries names."""
    steps = [0, *(2**power for power in range(53))]
    positions = [head - step for step in steps if head - step > 1]
    return positions + [1] * (head > 0)
