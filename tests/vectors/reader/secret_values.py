"""Secret values and the keys K that seal them (keys.md, *Secret values*)."""

import hashlib

import nacl.bindings as sodium
from nacl.exceptions import CryptoError

from tests.vectors.reader.keys import labelled, public_of, unseal, x25519_private, x25519_public
from tests.vectors.reader.packing import Refused, array, need, octets, pack, text, unpack

STEP = 128


def key_id(secret: bytes) -> bytes:
    """Give the id of a K."""
    return labelled("dusk.secret-key", secret)[:16]


def value(secret: bytes, cluster: bytes, section: str, record: str, sealed: bytes) -> str | list[str]:
    """Open a sealed value."""
    associated = pack([cluster, section, record, key_id(secret)])
    plain = unseal(secret, sealed[:24], associated, sealed[24:])
    length = int.from_bytes(plain[:4], "big")
    padding = plain[4 + length :]
    fits = len(plain) % STEP == 0 and len(plain) >= 4 + length and len(padding) < STEP
    need(fits and not any(padding), "wrong-shape")
    (found,) = unpack(plain[4 : 4 + length], 1)
    if isinstance(found, list):
        return [text(one, 61_440) for one in array(found, most=1_024)]
    return text(found, 61_440)


def unwrapped(seed: bytes, cluster: bytes, section: str, box: bytes) -> bytes:
    """Open a wrap: a sealed box is the sender's key and a box whose nonce is a hash of both keys."""
    need(len(box) >= 48, "wrong-size")
    sender, own = box[:32], x25519_public(public_of(seed))
    nonce = hashlib.blake2b(sender + own, digest_size=24).digest()
    try:
        plain = sodium.crypto_box_open(box[32:], nonce, sender, x25519_private(seed))
    except CryptoError:
        raise Refused("not-authentic") from None
    found = unpack(plain, 4, 400)
    secret = octets(found[3], 32)
    need(found[:3] == [cluster, section, key_id(secret)], "other-section")
    return secret


def check_pair(name: object, sealed: object) -> None:
    """Check what a record has in place of a plain value, by its form."""
    octets(name, 16)
    padded = len(octets(sealed, most=61_440)) - 40
    need(padded >= STEP and padded % STEP == 0, "wrong-shape")


def check_wraps(row: list[object], _name: str) -> None:
    """Check a record of wraps."""
    name, boxes = array(row, 2)
    octets(name, 16)
    readers = []
    for each in array(boxes, least=1, most=64):
        reader, box = array(each, 2)
        readers.append(octets(reader, 16))
        need(len(octets(box, most=400)) > 48, "wrong-shape")
    need(readers == sorted(set(readers)), "order")
