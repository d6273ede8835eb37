"""Secret values: sealed for one record, wrapped to each reader, of sizes that tell nothing (R15)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_box_seal

from dusk import codec, limits
from dusk.errors import UntrustedInput
from dusk.keys.box import seal
from dusk.keys.secret import (
    Scope,
    check_sealed_value,
    open_value,
    seal_value,
    secret_key_id,
    unwrap,
    wrap,
)
from dusk.keys.signing import SigningKey, x25519_public

K = bytes(range(32))
NONCE = bytes(24)
SCOPE = Scope(b"c" * 32, "policy/wifi")
RECORD = "set/wireless.lan.key"
READER = SigningKey.from_seed(b"r" * 32)

values = st.text(max_size=300) | st.lists(st.text(max_size=40), max_size=8).map(tuple)


@given(values)
def test_what_is_sealed_opens_to_the_same_value(value: str | tuple[str, ...]) -> None:
    sealed = seal_value(K, NONCE, SCOPE, RECORD, value)
    assert open_value(K, SCOPE, RECORD, sealed) == value
    assert check_sealed_value(secret_key_id(K), sealed) == (secret_key_id(K), sealed)


def test_a53_passphrases_of_all_lengths_have_one_size() -> None:
    assert len({len(seal_value(K, NONCE, SCOPE, RECORD, "x" * n)) for n in range(8, 120)}) == 1


@pytest.mark.parametrize(
    ("key", "scope", "record"),
    [
        (b"k" * 32, SCOPE, RECORD),
        (K, Scope(b"d" * 32, "policy/wifi"), RECORD),
        (K, Scope(b"c" * 32, "policy/guest"), RECORD),
        (K, SCOPE, "set/wireless.guest.key"),
    ],
)
def test_a8_a_sealed_value_opens_nowhere_else(key: bytes, scope: Scope, record: str) -> None:
    with pytest.raises(UntrustedInput):
        open_value(key, scope, record, seal_value(K, NONCE, SCOPE, RECORD, "secret"))


@pytest.mark.parametrize(
    "plain",
    [
        b"",
        b"\0\0\0\x02\x91\xa0" + bytes(121),
        b"\0\0\0\x02\x91\xa0" + bytes(121) + b"\1",
        b"\0\0\0\x02\x91\xa0" + bytes(250),
        b"\0\0\1\0" + bytes(124),
        b"\0\0\0\xc8\x91\xd9\x79" + b"x" * 121,
        b"\0\0\0\x7c\x91\xd9\x79" + b"x" * 121 + bytes(128),
        b"\0\0\0\x02\x91\x01" + bytes(122),
        b"\0\0\0\x03\x92\xa0\xa0" + bytes(121),
        b"\0\0\0\x03\x91\x91\x01" + bytes(121),
    ],
)
def test_a17_what_is_sealed_has_one_form(plain: bytes) -> None:
    associated = codec.pack([SCOPE.cluster, SCOPE.section, RECORD, secret_key_id(K)])
    with pytest.raises(UntrustedInput):
        open_value(K, SCOPE, RECORD, NONCE + seal(K, NONCE, associated, plain))


def test_r10_a_list_has_so_many_items() -> None:
    most = ("",) * limits.SECRET_VALUES_MAX
    assert open_value(K, SCOPE, RECORD, seal_value(K, NONCE, SCOPE, RECORD, most)) == most
    with pytest.raises(UntrustedInput):
        open_value(K, SCOPE, RECORD, seal_value(K, NONCE, SCOPE, RECORD, (*most, "")))


def test_keys_and_seeds_of_another_size_are_our_own_mistake() -> None:
    with pytest.raises(AssertionError):
        secret_key_id(bytes(31))
    with pytest.raises(AssertionError):
        wrap(K, SCOPE, READER.public, bytes(31))


@pytest.mark.parametrize("size", [0, 40, 41, 167, 169, 168 + 64, 40 + 480 * 128])
def test_a_sealed_value_of_an_impossible_size_is_refused(size: int) -> None:
    with pytest.raises(UntrustedInput):
        check_sealed_value(secret_key_id(K), bytes(size))
    with pytest.raises(UntrustedInput):
        check_sealed_value(b"short", bytes(168))


def test_a_wrap_opens_for_its_reader_alone() -> None:
    box = wrap(K, SCOPE, READER.public, b"e" * 32)
    assert unwrap(READER, SCOPE, box) == K
    with pytest.raises(UntrustedInput, match="not for this key"):
        unwrap(SigningKey.from_seed(b"s" * 32), SCOPE, box)


def test_a_wrap_is_a_sealed_box_of_libsodium_and_the_same_inputs_make_the_same() -> None:
    plain = codec.pack([SCOPE.cluster, SCOPE.section, secret_key_id(K), K])
    assert unwrap(READER, SCOPE, crypto_box_seal(plain, x25519_public(READER.public))) == K
    boxes = {wrap(K, SCOPE, READER.public, b"e" * 32) for _ in range(3)}
    assert len(boxes) == 1
    assert wrap(K, SCOPE, READER.public, b"f" * 32) not in boxes


def test_a_wrap_with_the_longest_path_is_within_its_bound() -> None:
    path = "device/" + "f" * (limits.SECTION_BYTES_MAX - 7)
    assert len(wrap(K, Scope(b"c" * 32, path), READER.public, b"e" * 32)) <= limits.WRAP_BYTES_MAX


@pytest.mark.parametrize(
    "row",
    [
        [b"d" * 32, SCOPE.section, secret_key_id(K), K],
        [SCOPE.cluster, "policy/guest", secret_key_id(K), K],
        [SCOPE.cluster, SCOPE.section, secret_key_id(b"k" * 32), K],
        [SCOPE.cluster, SCOPE.section, secret_key_id(K), K[:-1]],
        [SCOPE.cluster, SCOPE.section, secret_key_id(K)],
    ],
)
def test_a8_a_wrap_counts_for_its_section_alone_and_its_key_has_its_id(row: list[object]) -> None:
    box = crypto_box_seal(codec.pack(row), x25519_public(READER.public))
    with pytest.raises(UntrustedInput):
        unwrap(READER, SCOPE, box)


def test_a_wrap_that_is_cut_or_to_a_bad_key_is_refused() -> None:
    for box in (b"", bytes(47), wrap(K, SCOPE, READER.public, b"e" * 32)[:-1]):
        with pytest.raises(UntrustedInput):
            unwrap(READER, SCOPE, box)
    with pytest.raises(UntrustedInput):
        wrap(K, SCOPE, bytes(32), b"e" * 32)
