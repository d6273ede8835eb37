"""Imports, keys, sealing, encoding, the handshake: what every message pays."""

import subprocess
import sys
from pathlib import Path

import msgpack
from nacl import bindings

from benchmarks.measure import Row, a_second, process, seconds
from dusk import codec
from dusk.catchup.noise import Handshake
from dusk.keys import box, signing

BARE_IMPORTS = "import trio, nacl.bindings, msgpack, argon2, mnemonic, netifaces"
CORE_IMPORTS = BARE_IMPORTS + ", dusk.changelog.log, dusk.config.merge, dusk.config.uci, dusk.keys.signing"
STATUS = """
import runpy, sys
sys.argv = ["dusk", "status", "--root", "/nowhere"]
try:
    runpy.run_module("dusk", run_name="__main__")
except SystemExit:
    pass
"""
SEED, OTHER_SEED = bytes(range(32)), bytes(range(1, 33))
CLUSTER = bytes(32)
MESSAGE = bytes(range(250)) + bytes(50)
DATAGRAM = bytes(1200)


def imports() -> list[Row]:
    """The core beside the packages that it needs, and beside Python itself."""
    python, bare, core = process(""), process(BARE_IMPORTS), process(CORE_IMPORTS)
    return [
        Row("", "packages imported, nothing else (y: python)", bare.seconds, "s", python.seconds),
        Row("", "packages imported, nothing else (y: python)", bare.memory_mb, "MB", python.memory_mb),
        Row("", "the core imported too (y: packages)", core.seconds, "s", bare.seconds),
        Row("", "the core imported too (y: packages)", core.memory_mb, "MB", bare.memory_mb),
    ]


def command() -> list[Row]:
    """``dusk status`` up to where it finds no daemon, beside what it cannot do without."""
    bare, status = process("import json, socket"), process(STATUS)
    limit_s = 2 * bare.seconds + 0.020
    return [Row("P18", "dusk status (y: json, socket)", status.seconds, "s", bare.seconds, limit=limit_s)]


def profile_command(folder: Path) -> None:
    """Keep what each import of ``dusk status`` costs."""
    command = [sys.executable, "-X", "importtime", "-c", STATUS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (folder / "P18.txt").write_text(done.stderr)


def keys() -> list[Row]:
    """Signatures and seals beside libsodium through PyNaCl."""
    key = signing.SigningKey.from_seed(SEED)
    public, secret = bindings.crypto_sign_seed_keypair(SEED)
    signature = key.sign(b"bench", CLUSTER, MESSAGE)
    bare_signed = bindings.crypto_sign(MESSAGE, secret)
    nonce, lock = bytes(24), bytes(32)
    sealed = box.seal(lock, nonce, b"", DATAGRAM)
    encrypt = bindings.crypto_aead_xchacha20poly1305_ietf_encrypt
    private, peer = key.x25519_private(), signing.x25519_public(public)
    pairs = (
        (
            "sign 300 bytes",
            lambda: key.sign(b"bench", CLUSTER, MESSAGE),
            lambda: bindings.crypto_sign(MESSAGE, secret),
        ),
        (
            "verify 300 bytes",
            lambda: signing.verify(public, b"bench", CLUSTER, MESSAGE, signature),
            lambda: bindings.crypto_sign_open(bare_signed, public),
        ),
        (
            "seal 1,200 bytes",
            lambda: box.seal(lock, nonce, b"", DATAGRAM),
            lambda: encrypt(DATAGRAM, b"", nonce, lock),
        ),
        (
            "open 1,200 bytes",
            lambda: box.open_sealed(lock, nonce, b"", sealed),
            lambda: bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, b"", nonce, lock),
        ),
        (
            "X25519",
            lambda: box.exchange(private, peer),
            lambda: bindings.crypto_scalarmult(private, peer),
        ),
    )
    return [
        Row("", f"{name} (y: PyNaCl)", a_second(ours), "1/s", a_second(bare), more_is_better=True)
        for name, ours, bare in pairs
    ]


def encoding() -> list[Row]:
    """Strict encoding of a typical change, beside msgpack alone."""
    operations = [[f"policy/wifi-{place}", "set/wireless.radio0.channel", CLUSTER] for place in range(10)]
    value = [1, CLUSTER, operations]
    data = codec.pack(value)
    return [
        Row(
            "",
            f"decode {len(data)} bytes strictly (y: msgpack)",
            1e6 * seconds(lambda: codec.unpack(data, size_max=4096)),
            "µs",
            1e6 * seconds(lambda: msgpack.unpackb(data)),
        )
    ]


def _handshake() -> None:
    prologue = b"bench"
    near = Handshake(initiator=True, static_private=SEED, ephemeral_private=OTHER_SEED, prologue=prologue)
    far = Handshake(initiator=False, static_private=OTHER_SEED, ephemeral_private=SEED, prologue=prologue)
    far.read(near.write(b""))
    near.read(far.write(b""))
    far.read(near.write(b""))


def handshake() -> list[Row]:
    """Noise XX, both sides, beside the eight X25519 operations that it cannot do without."""
    multiply = bindings.crypto_scalarmult
    base = bindings.crypto_scalarmult_base(SEED)
    bare = 8 * seconds(lambda: multiply(SEED, base))
    return [Row("", "Noise handshake, both sides (y: 8 X25519)", 1e3 * seconds(_handshake), "ms", 1e3 * bare)]
