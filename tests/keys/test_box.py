"""Sealing and the key that two devices share."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.errors import UntrustedInput
from dusk.keys.box import exchange, open_sealed, pairwise_key, seal
from dusk.keys.signing import SigningKey, x25519_public

CLUSTER = bytes(range(32))
KEY = bytes(range(0x80, 0xA0))
NONCE = bytes(range(0x40, 0x58))
ONE = SigningKey.from_seed(b"\1" * 32)
OTHER = SigningKey.from_seed(b"\2" * 32)

X25519_SMALL_ORDER = tuple(
    bytes.fromhex(text)
    for text in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)


def test_sealing_is_that_of_the_published_vector() -> None:
    # draft-irtf-cfrg-xchacha-03, appendix A.3.1
    plaintext = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you "
        b"only one tip for the future, sunscreen would be it."
    )
    associated = bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
    ciphertext = bytes.fromhex(
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
        "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
        "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
        "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49"
    )
    assert seal(KEY, NONCE, associated, plaintext) == ciphertext
    assert open_sealed(KEY, NONCE, associated, ciphertext) == plaintext


@given(associated=st.binary(max_size=40), plaintext=st.binary(max_size=300))
def test_what_is_sealed_opens_again(associated: bytes, plaintext: bytes) -> None:
    sealed = seal(KEY, NONCE, associated, plaintext)
    assert len(sealed) == len(plaintext) + 16
    assert open_sealed(KEY, NONCE, associated, sealed) == plaintext


@given(bit=st.integers(0, 8 * 20 - 1))
def test_a12_changed_sealed_bytes_are_refused(bit: int) -> None:
    changed = int.from_bytes(seal(KEY, NONCE, b"to", b"data"), "big") ^ 1 << bit
    with pytest.raises(UntrustedInput, match="not authentic"):
        open_sealed(KEY, NONCE, b"to", changed.to_bytes(20, "big"))


def test_a8_sealed_bytes_open_with_their_key_nonce_and_associated_bytes_only() -> None:
    sealed = seal(KEY, NONCE, b"to", b"data")
    for key, nonce, associated in (
        (bytes(32), NONCE, b"to"),
        (KEY, bytes(24), b"to"),
        (KEY, NONCE, b"for"),
        (KEY, NONCE, b""),
    ):
        with pytest.raises(UntrustedInput, match="not authentic"):
            open_sealed(key, nonce, associated, sealed)


def test_sealed_bytes_of_wrong_size_are_refused() -> None:
    with pytest.raises(UntrustedInput, match="wrong size"):
        open_sealed(KEY, NONCE, b"", bytes(15))
    with pytest.raises(UntrustedInput, match="wrong size"):
        open_sealed(KEY, bytes(23), b"", bytes(40))


def test_a_key_exchange_is_that_of_the_published_vector() -> None:
    # RFC 7748, section 6.1
    private = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    public = bytes.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
    shared = bytes.fromhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
    assert exchange(private, public) == shared


@pytest.mark.parametrize("public", X25519_SMALL_ORDER)
def test_a16_points_of_small_order_are_refused(public: bytes) -> None:
    with pytest.raises(UntrustedInput, match="small order"):
        exchange(ONE.x25519_private(), public)


def test_a16_points_of_wrong_size_are_refused() -> None:
    with pytest.raises(UntrustedInput, match="wrong size"):
        exchange(ONE.x25519_private(), bytes(31))
    with pytest.raises(AssertionError):
        exchange(bytes(31), bytes(32))


@given(
    one=st.binary(min_size=32, max_size=32),
    other=st.binary(min_size=32, max_size=32),
    cluster_id=st.binary(min_size=32, max_size=32),
)
def test_both_ends_compute_the_same_pairwise_key(one: bytes, other: bytes, cluster_id: bytes) -> None:
    first, second = SigningKey.from_seed(one), SigningKey.from_seed(other)
    assert pairwise_key(first, second.public, cluster_id) == pairwise_key(second, first.public, cluster_id)


def test_a_pairwise_key_is_of_two_devices_and_one_cluster() -> None:
    third = SigningKey.from_seed(b"\3" * 32)
    keys = {
        pairwise_key(ONE, OTHER.public, CLUSTER),
        pairwise_key(ONE, third.public, CLUSTER),
        pairwise_key(OTHER, third.public, CLUSTER),
        pairwise_key(ONE, OTHER.public, bytes(32)),
    }
    assert len(keys) == 4


def test_the_pairwise_key_is_made_as_specified() -> None:
    shared = exchange(OTHER.x25519_private(), x25519_public(ONE.public))
    lower, higher = min(ONE.public, OTHER.public), max(ONE.public, OTHER.public)
    preimage = b"dusk.pairwise\0" + CLUSTER + shared + lower + higher
    expected = hashlib.blake2b(preimage, digest_size=32).digest()
    assert pairwise_key(ONE, OTHER.public, CLUSTER) == expected


def test_a18_no_pairwise_key_with_an_unacceptable_public_key() -> None:
    with pytest.raises(UntrustedInput):
        pairwise_key(ONE, bytes(32), CLUSTER)
