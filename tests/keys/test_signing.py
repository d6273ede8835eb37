"""Ed25519 signatures: the published vectors, the labels, and what must not verify (A18)."""

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.exceptions import BadSignatureError

from dusk.errors import UntrustedInput
from dusk.ids import key_id
from dusk.keys import signing
from dusk.keys.signing import (
    NONE_VERIFIED,
    SignedBytes,
    SigningKey,
    all_verified,
    check_public_key,
    verified_of,
    verify,
    x25519_public,
)
from tools.vectors.curve import BASE, ORDER, SMALL_ORDER, TORSION, P, add, decode, encode, times

CLUSTER = bytes(range(32))
KEY = SigningKey.from_seed(b"\7" * 32)

RFC8032_KEYS = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
    ),
)
"""Secret and public keys of RFC 8032, section 7.1: TEST 1, 2, 3, SHA(abc)."""

RFC8032_LONG_SEED = bytes.fromhex("f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5")
RFC8032_LONG_PUBLIC = bytes.fromhex("278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e")
RFC8032_LONG_SIGNATURE = bytes.fromhex(
    "0aab4c900501b3e24d7cdf4663326a3a87df5e4843b2cbdb67cbf6e460fec350"
    "aa5371b1508f9f4528ecea23c436d94b5e8fcd4f681e30a6ac00a9704a188a03"
)
RFC8032_LONG_MESSAGE = bytes.fromhex("""
    08b8b2b733424243760fe426a4b54908632110a66c2f6591eabd3345e3e4eb98fa6e264bf09efe12ee50f8f54e9f77b1e355
    f6c50544e23fb1433ddf73be84d879de7c0046dc4996d9e773f4bc9efe5738829adb26c81b37c93a1b270b20329d658675fc
    6ea534e0810a4432826bf58c941efb65d57a338bbd2e26640f89ffbc1a858efcb8550ee3a5e1998bd177e93a7363c344fe6b
    199ee5d02e82d522c4feba15452f80288a821a579116ec6dad2b3b310da903401aa62100ab5d1a36553e06203b33890cc9b8
    32f79ef80560ccb9a39ce767967ed628c6ad573cb116dbefefd75499da96bd68a8a97b928a8bbc103b6621fcde2beca1231d
    206be6cd9ec7aff6f6c94fcd7204ed3455c68c83f4a41da4af2b74ef5c53f1d8ac70bdcb7ed185ce81bd84359d44254d9562
    9e9855a94a7c1958d1f8ada5d0532ed8a5aa3fb2d17ba70eb6248e594e1a2297acbbb39d502f1a8c6eb6f1ce22b3de1a1f40
    cc24554119a831a9aad6079cad88425de6bde1a9187ebb6092cf67bf2b13fd65f27088d78b7e883c8759d2c4f5c65adb7553
    878ad575f9fad878e80a0c9ba63bcbcc2732e69485bbc9c90bfbd62481d9089beccf80cfe2df16a2cf65bd92dd597b0707e0
    917af48bbb75fed413d238f5555a7a569d80c3414a8d0859dc65a46128bab27af87a71314f318c782b23ebfe808b82b0ce26
    401d2e22f04d83d1255dc51addd3b75a2b1ae0784504df543af8969be3ea7082ff7fc9888c144da2af58429ec96031dbcad3
    dad9af0dcbaaaf268cb8fcffead94f3c7ca495e056a9b47acdb751fb73e666c6c655ade8297297d07ad1ba5e43f1bca32301
    651339e22904cc8c42f58c30c04aafdb038dda0847dd988dcda6f3bfd15c4b4c4525004aa06eeff8ca61783aacec57fb3d1f
    92b0fe2fd1a85f6724517b65e614ad6808d6f6ee34dff7310fdc82aebfd904b01e1dc54b2927094b2db68d6f903b68401ade
    bf5a7e08d78ff4ef5d63653a65040cf9bfd4aca7984a74d37145986780fc0b16ac451649de6188a7dbdf191f64b5fc5e2ab4
    7b57f7f7276cd419c17a3ca8e1b939ae49e488acba6b965610b5480109c8b17b80e1b7b750dfc7598d5d5011fd2dcc5600a3
    2ef5b52a1ecc820e308aa342721aac0943bf6686b64b2579376504ccc493d97e6aed3fb0f9cd71a43dd497f01f17c0e2cb37
    97aa2a2f256656168e6c496afc5fb93246f6b1116398a346f1a641f3b041e989f7914f90cc2c7fff357876e506b50d334ba7
    7c225bc307ba537152f3f1610e4eafe595f6d9d90d11faa933a15ef1369546868a7f3a45a96768d40fd9d03412c091c6315c
    f4fde7cb68606937380db2eaaa707b4c4185c32eddcdd306705e4dc1ffc872eeee475a64dfac86aba41c0618983f8741c5ef
    68d3a101e8a3b8cac60c905c15fc910840b94c00a0b9d0
""")
"""RFC 8032, TEST 1024. Its first zero byte lets it be read as label ‖ 0 ‖ cluster id ‖ data."""


@pytest.mark.parametrize(("seed", "public"), RFC8032_KEYS)
def test_public_keys_are_those_of_the_published_vectors(seed: str, public: str) -> None:
    assert SigningKey.from_seed(bytes.fromhex(seed)).public.hex() == public


def test_a_signature_is_that_of_the_published_vector() -> None:
    label, _, rest = RFC8032_LONG_MESSAGE.partition(b"\0")
    cluster_id, data = rest[:32], rest[32:]
    key = SigningKey.from_seed(RFC8032_LONG_SEED)
    assert key.public == RFC8032_LONG_PUBLIC
    assert key.sign(label, cluster_id, data) == RFC8032_LONG_SIGNATURE
    assert verify(RFC8032_LONG_PUBLIC, label, cluster_id, data, RFC8032_LONG_SIGNATURE)


@given(seed=st.binary(min_size=32, max_size=32), data=st.binary(max_size=200))
def test_what_a_key_signs_verifies_with_its_public_half(seed: bytes, data: bytes) -> None:
    key = SigningKey.from_seed(seed)
    assert verify(key.public, b"dusk.test", CLUSTER, data, key.sign(b"dusk.test", CLUSTER, data))


@pytest.mark.parametrize(
    ("label", "cluster_id", "data"),
    [
        (b"dusk.other", CLUSTER, b"data"),
        (b"dusk.test", bytes(32), b"data"),
        (b"dusk.test", CLUSTER, b"Data"),
        (b"dusk.test", CLUSTER, b"data\0"),
        (b"dusk.test", CLUSTER[:31], CLUSTER[31:] + b"data"),
    ],
)
def test_a8_a_signature_counts_for_its_label_cluster_and_bytes_only(
    label: bytes, cluster_id: bytes, data: bytes
) -> None:
    signature = KEY.sign(b"dusk.test", CLUSTER, b"data")
    assert verify(KEY.public, b"dusk.test", CLUSTER, b"data", signature)
    assert not verify(KEY.public, label, cluster_id, data, signature)


@given(public=st.binary(max_size=40), signature=st.binary(max_size=80))
def test_a1_made_up_keys_and_signatures_of_any_size_do_not_verify(public: bytes, signature: bytes) -> None:
    assert not verify(public, b"dusk.test", CLUSTER, b"data", signature)
    assert not verify(KEY.public, b"dusk.test", CLUSTER, b"data", signature)


@given(bit=st.integers(0, 511))
def test_a1_a_signature_with_one_changed_bit_does_not_verify(bit: int) -> None:
    number = int.from_bytes(KEY.sign(b"dusk.test", CLUSTER, b"data"), "big") ^ 1 << bit
    assert not verify(KEY.public, b"dusk.test", CLUSTER, b"data", number.to_bytes(64, "big"))


def test_a8_bytes_cannot_be_shifted_between_signature_and_label() -> None:
    signature = KEY.sign(b"dusk.test", CLUSTER, b"data")
    assert not verify(KEY.public, b"usk.test", CLUSTER, b"data", signature + b"d")
    assert not verify(KEY.public, signature[63:] + b"dusk.test", CLUSTER, b"data", signature[:63])


def test_a18_a_key_without_its_last_zero_byte_verifies_nothing() -> None:
    seeds = (number.to_bytes(32, "big") for number in range(10_000))
    key = next(key for seed in seeds if (key := SigningKey.from_seed(seed)).public.endswith(b"\0"))
    signature = key.sign(b"dusk.test", CLUSTER, b"data")
    assert verify(key.public, b"dusk.test", CLUSTER, b"data", signature)
    assert not verify(key.public[:-1], b"dusk.test", CLUSTER, b"data", signature)


def test_a18_a_non_canonical_s_is_refused() -> None:
    signature = KEY.sign(b"dusk.test", CLUSTER, b"data")
    s = int.from_bytes(signature[32:], "little")
    for multiple in range(1, 15):
        other = signature[:32] + (s + multiple * ORDER).to_bytes(32, "little")
        assert not verify(KEY.public, b"dusk.test", CLUSTER, b"data", other)


@pytest.mark.parametrize("public", SMALL_ORDER)
def test_a18_small_order_keys_are_refused_and_verify_nothing(public: bytes) -> None:
    with pytest.raises(UntrustedInput, match="not a point of the main group"):
        check_public_key(public)
    for r in SMALL_ORDER:
        assert not verify(public, b"dusk.test", CLUSTER, b"data", r + bytes(32))


@pytest.mark.parametrize("r", SMALL_ORDER)
def test_a18_a_small_order_r_is_refused(r: bytes) -> None:
    signature = KEY.sign(b"dusk.test", CLUSTER, b"data")
    assert not verify(KEY.public, b"dusk.test", CLUSTER, b"data", r + signature[32:])


def test_a18_keys_with_a_torsion_part_are_refused() -> None:
    torsion, key = decode(TORSION), decode(KEY.public)
    assert encode(key) == KEY.public
    check_public_key(KEY.public)
    for _ in range(7):
        key = add(key, torsion)
        with pytest.raises(UntrustedInput, match="not a point of the main group"):
            check_public_key(encode(key))
    assert encode(add(key, torsion)) == KEY.public


def convert(public: bytes) -> bytes:
    """Return the X25519 key of any point, as a library does that looks at nothing."""
    y = decode(public)[1]
    return ((1 + y) * pow(1 - y, -1, P) % P).to_bytes(32, "little")


def test_a18_keys_with_a_torsion_part_are_refused_where_libsodium_takes_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert signing._converts(KEY.public)
    monkeypatch.setattr(signing, "crypto_sign_ed25519_pk_to_curve25519", convert)
    assert signing._converts(signing._ORDER_TWO_PUBLIC)
    monkeypatch.setattr(signing, "_MISSES_TORSION", True)
    test_a18_keys_with_a_torsion_part_are_refused()
    with pytest.raises(UntrustedInput):
        check_public_key(signing._ORDER_TWO_PUBLIC)
    for number in range(20):
        check_public_key(SigningKey.from_seed(bytes([number]) * 32).public)


def test_a18_the_library_is_asked_whether_it_takes_a_part_of_order_2() -> None:
    order_two = decode((P - 1).to_bytes(32, "little"))
    assert encode(add(BASE, order_two)) == signing._ORDER_TWO_PUBLIC
    assert signing._converts(signing._ORDER_TWO_PUBLIC) == signing._MISSES_TORSION


def challenge_of(signed: bytes, public: bytes) -> int:
    return int.from_bytes(hashlib.sha512(signed[:32] + public + signed[64:]).digest(), "little") % ORDER


def sign_with_torsion(message: bytes) -> bytes:
    """Return a signature by ``KEY`` whose R has a part of order 8."""
    secret = int.from_bytes(hashlib.sha512(KEY.seed).digest()[:32], "little") & 2**254 - 8 | 2**254
    r = add(times(9, BASE), decode(TORSION))
    h = challenge_of(encode(r) + bytes(32) + message, KEY.public)
    return encode(r) + ((9 + h * secret) % ORDER).to_bytes(32, "little")


def open_with_cofactor(signed: bytes, public: bytes) -> bytes:
    """Verify as RFC 8032, 5.1.7 prefers: [8][S]B = [8]R + [8][k]A."""
    h, s = challenge_of(signed, public), int.from_bytes(signed[32:64], "little")
    right = add(decode(signed[:32]), times(h, decode(public)))
    if times(8 * s, BASE) != times(8, right):
        raise BadSignatureError("[8][S]B is another point")
    return signed[64:]


def test_a18_an_r_with_a_torsion_part_is_refused_whether_or_not_libsodium_multiplies_by_the_cofactor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torn = sign_with_torsion(b"dusk.test\0" + CLUSTER + b"data")
    good = KEY.sign(b"dusk.test", CLUSTER, b"data")
    assert not signing._TAKES_TORSION, "the library of these tests"
    assert not verify(KEY.public, b"dusk.test", CLUSTER, b"data", torn)
    monkeypatch.setattr(signing, "crypto_sign_open", open_with_cofactor)
    assert verify(KEY.public, b"dusk.test", CLUSTER, b"data", torn), "by such a library alone"
    takes_torsion = signing._opens(signing._TORSION_SIGNED, signing._TORSION_PUBLIC)
    assert takes_torsion, "the probe tells them apart"
    monkeypatch.setattr(signing, "_TAKES_TORSION", takes_torsion)
    assert not verify(KEY.public, b"dusk.test", CLUSTER, b"data", torn)
    assert verify(KEY.public, b"dusk.test", CLUSTER, b"data", good)


@pytest.mark.parametrize("sign", [0, 2**255])
def test_a18_non_canonical_keys_are_refused(sign: int) -> None:
    for y in range(19):
        public = (P + y + sign).to_bytes(32, "little")
        with pytest.raises(UntrustedInput, match="not canonical"):
            check_public_key(public)
        assert not verify(public, b"dusk.test", CLUSTER, b"data", bytes(64))


def test_a18_points_off_the_curve_and_wrong_sizes_are_refused() -> None:
    with pytest.raises(UntrustedInput, match="not a point"):
        check_public_key((2).to_bytes(32, "little"))
    for size in (0, 31, 33):
        with pytest.raises(UntrustedInput, match=f"{size} bytes, not 32"):
            check_public_key(bytes(size))


@given(public=st.binary(min_size=30, max_size=34))
def test_checking_outside_keys_raises_one_type_only(public: bytes) -> None:
    with contextlib.suppress(UntrustedInput):
        assert len(x25519_public(public)) == 32


def test_a_key_names_itself_and_shows_no_secret() -> None:
    key = SigningKey.from_seed(bytes(range(100, 132)))
    assert key.key_id == key_id(key.public)
    for secret in (key.seed, key.x25519_private(), key._secret[:32]):
        assert repr(secret)[2:-1] not in repr(key)
        assert secret.hex() not in repr(key)
    assert not hasattr(key, "__dict__")


def test_our_own_mistakes_in_signing_are_assertions() -> None:
    with pytest.raises(AssertionError):
        SigningKey.from_seed(bytes(31))
    with pytest.raises(AssertionError):
        KEY.sign(b"dusk.test", b"short", b"data")
    with pytest.raises(AssertionError):
        KEY.sign(b"dusk\0test", CLUSTER, b"data")


def claim(number: int, *, is_true: bool) -> SignedBytes:
    data = bytes([number])
    signature = KEY.sign(b"test", CLUSTER, data if is_true else data + b"!")
    return SignedBytes(KEY.public, b"test", CLUSTER, data, signature)


@given(st.lists(st.booleans(), max_size=8))
def test_a15_no_false_claim_is_among_those_that_were_verified(honest: list[bool]) -> None:
    claims = [claim(number, is_true=is_true) for number, is_true in enumerate(honest)]
    true = frozenset(claim for claim, is_true in zip(claims, honest, strict=True) if is_true)
    assert verified_of(claims) == true
    assert all_verified([verified_of(claims[::2]), verified_of(claims[1::2])]) == true


def test_a15_a_batch_of_false_claims_verifies_nothing() -> None:
    assert verified_of([claim(number, is_true=False) for number in range(3)]) == NONE_VERIFIED
    assert all_verified([]) == NONE_VERIFIED == frozenset()
