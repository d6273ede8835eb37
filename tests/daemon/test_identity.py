"""The file of a device's own key."""

import pytest

from dusk.daemon.identity import decode_identity, encode_identity
from dusk.errors import UntrustedInput
from dusk.keys.signing import SigningKey

SEED = bytes(range(32))


def test_an_identity_reads_back_as_its_key() -> None:
    assert decode_identity(encode_identity(SEED)) == SigningKey.from_seed(SEED)


def test_a_flipped_bit_anywhere_is_damage_and_never_another_device() -> None:
    data = encode_identity(SEED)
    for at in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[at // 8] ^= 1 << at % 8
        with pytest.raises(UntrustedInput):
            decode_identity(bytes(damaged))
