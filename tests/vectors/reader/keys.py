"""Keys, signatures, seals, the recovery phrase and the join line (keys.md)."""

import base64
import hashlib
import hmac
import re
import string
from dataclasses import dataclass

import nacl.bindings as sodium
from argon2.low_level import Type, hash_secret_raw
from mnemonic import Mnemonic
from nacl.exceptions import BadSignatureError, CryptoError
from nacl.exceptions import RuntimeError as SodiumError

from tests.vectors.reader.packing import NUMBER_MAX, Refused, array, need, number, octets, pack, text, unpack

FIELD_PRIME = 2**255 - 19
ZEROS = bytes(32)


def labelled(label: str, *parts: bytes) -> bytes:
    """H(label, parts…)."""
    return hashlib.blake2b(label.encode() + b"\0" + b"".join(parts), digest_size=32).digest()


def key_id(public: bytes) -> bytes:
    """Give the key id, which for a device is its id."""
    return labelled("dusk.key", public)[:16]


def public_of(seed: bytes) -> bytes:
    """Give the Ed25519 public key of a seed."""
    return sodium.crypto_sign_seed_keypair(seed)[0]


def x25519_private(seed: bytes) -> bytes:
    """Give the private X25519 key of a seed: clamped SHA-512."""
    raw = bytearray(hashlib.sha512(seed).digest()[:32])
    raw[0] &= 248
    raw[31] = raw[31] & 127 | 64
    return bytes(raw)


def x25519_public(public: bytes) -> bytes:
    """Convert an acceptable public key, or refuse it with the reason."""
    need(len(public) == 32, "wrong-size")
    y = int.from_bytes(public, "little") & (2**255 - 1)
    need(y < FIELD_PRIME, "not-canonical")
    try:
        sodium.crypto_sign_ed25519_pk_to_curve25519(public)
    except SodiumError:
        raise Refused("not-in-main-group") from None
    return ((1 + y) * pow(1 - y, -1, FIELD_PRIME) % FIELD_PRIME).to_bytes(32, "little")


def agreed(private: bytes, public: bytes) -> bytes:
    """X25519 whose result is not all zeros."""
    try:
        result = sodium.crypto_scalarmult(private, public)
    except SodiumError:
        raise Refused("small-order") from None
    need(any(result), "small-order")
    return result


def pairwise(seed: bytes, other: bytes, cluster: bytes) -> bytes:
    """Compute the key of two devices of a cluster."""
    shared = agreed(x25519_private(seed), x25519_public(other))
    return labelled("dusk.pairwise", cluster, shared, *sorted([public_of(seed), other]))


def verify(public: bytes, label: str, cluster: bytes, data: bytes, signature: bytes) -> None:
    """Refuse a signature that does not verify."""
    need(len(public) == 32 and len(signature) == 64, "bad-signature")
    try:
        sodium.crypto_sign_open(signature + label.encode() + b"\0" + cluster + data, public)
    except BadSignatureError:
        raise Refused("bad-signature") from None


def sign(seed: bytes, label: str, cluster: bytes, data: bytes) -> bytes:
    """Sign data under a label for a cluster."""
    secret = sodium.crypto_sign_seed_keypair(seed)[1]
    return sodium.crypto_sign(label.encode() + b"\0" + cluster + data, secret)[:64]


def seal(key: bytes, nonce: bytes, associated: bytes, plaintext: bytes) -> bytes:
    """Seal under XChaCha20-Poly1305."""
    return sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, associated, nonce, key)


def unseal(key: bytes, nonce: bytes, associated: bytes, ciphertext: bytes) -> bytes:
    """Open a seal."""
    need(len(key) == 32 and len(nonce) == 24 and len(ciphertext) >= 16, "wrong-size")
    try:
        return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, associated, nonce, key)
    except CryptoError:
        raise Refused("not-authentic") from None


@dataclass(frozen=True)
class SealedKey:
    """The inner array of a sealed user key, checked without the password."""

    memory: int
    passes: int
    salt: bytes
    nonce: bytes
    ciphertext: bytes


def sealed_key(user: str, sealed: bytes) -> SealedKey:
    """Check form, digest and bounds, before memory is spent."""
    packed, digest = unpack(sealed, 2, 256)
    inner = unpack(packed, 7)
    octets(digest, 16)
    fitting = labelled("dusk.sealed-key", pack([user]), packed)[:16]
    version, memory, passes, lanes = (number(item, most=2**32) for item in inner[:4])
    result = SealedKey(memory, passes, octets(inner[4], 16), octets(inner[5], 24), octets(inner[6], 48))
    need(digest == fitting, "damaged")
    need(version == 1 and lanes == 1 and 2 <= passes <= 8, "out-of-bounds")
    need(8_192 <= memory <= 65_536, "out-of-bounds")
    return result


def unsealed_seed(user: str, password: str, sealed: bytes) -> bytes:
    """Open a sealed user key with its password."""
    parts = sealed_key(user, sealed)
    key = hash_secret_raw(
        password.encode(), parts.salt, parts.passes, parts.memory, 1, hash_len=32, type=Type.ID, version=0x13
    )
    try:
        return unseal(key, parts.nonce, pack(["dusk.user-key", 1, user]), parts.ciphertext)
    except Refused:
        raise Refused("wrong-password") from None


def phrase(typed: str) -> tuple[bytes, bytes]:
    """Read a recovery phrase: its entropy and the seed of the recovery key."""
    words = typed.lower().split()
    need(len(words) == 24, "word-count")
    listed = {word: place for place, word in enumerate(Mnemonic("english").wordlist)}
    need(all(word in listed for word in words), "unknown-word")
    bits = sum(listed[word] << 11 * (23 - place) for place, word in enumerate(words))
    entropy = (bits >> 8).to_bytes(32, "big")
    need(hashlib.sha256(entropy).digest()[0] == bits & 255, "checksum")
    seed = hashlib.pbkdf2_hmac("sha512", " ".join(words).encode(), b"mnemonic", 2048)
    node = hmac.digest(b"ed25519 seed", seed, "sha512")
    for index in (3875, 0):
        node = hmac.digest(node[32:], b"\0" + node[:32] + (2**31 + index).to_bytes(4, "big"), "sha512")
    return entropy, node[:32]


@dataclass(frozen=True)
class JoinLine:
    """What a join line says."""

    cluster: bytes
    generation: int
    seq: int
    chain: bytes
    trust: bytes
    seed: bytes
    addresses: list[str]
    id: bytes


BEGINNING = "dusk-join-"
BASE64URL = set(string.ascii_letters + string.digits + "-_")


def join_line(line: str) -> JoinLine:
    """Read a join line, or refuse it with the reason that a reader says."""
    line = line.strip()
    need(line, "empty")
    need(len(line) <= 2_048, "too-long")
    need(line.startswith(BEGINNING) or not BEGINNING.startswith(line), "cut-short")
    need(line.startswith(BEGINNING), "foreign")
    need(not re.fullmatch(r"[0-9]{0,6}", line.removeprefix(BEGINNING)), "cut-short")
    versioned = re.match(r"([0-9]{1,6}):", line.removeprefix(BEGINNING))
    if versioned is None:
        raise Refused("damaged")
    need(versioned[1] == "2", "other-version")
    written = line.partition(":")[2]
    need(set(written) <= BASE64URL, "damaged")
    return _join_body(_checked_body(written))


def payload(written: str) -> bytes:
    """Decode base64url; what is left of a group that is no byte is dropped."""
    whole = written[:-1] if len(written) % 4 == 1 else written
    return base64.urlsafe_b64decode(whole + "=" * (-len(whole) % 4))


def _checked_body(written: str) -> bytes:
    data = payload(written)
    need(len(data) >= 2 and len(data) >= int.from_bytes(data[:2], "big") + 10, "cut-short")
    size = int.from_bytes(data[:2], "big")
    body = data[2 : 2 + size]
    need(data[2 + size :] == labelled("dusk.join-line", body)[:8], "damaged")
    need(base64.urlsafe_b64encode(data).decode().rstrip("=") == written, "damaged")
    return body


def _join_body(body: bytes) -> JoinLine:
    cluster, generation, seq, chain, trust, seed, addresses = unpack(body, 7)
    try:
        hosts = [text(address, 128) for address in array(addresses, most=8)]
        need(all(re.fullmatch(r"[A-Za-z0-9.:%_\[\]-]+", host) for host in hosts), "wrong-shape")
    except Refused:
        raise Refused("wrong-shape") from None
    return JoinLine(
        octets(cluster, 32),
        number(generation),
        number(seq, 1, NUMBER_MAX),
        octets(chain, 32),
        octets(trust, 32),
        octets(seed, 32),
        hosts,
        key_id(public_of(octets(seed, 32))),
    )
