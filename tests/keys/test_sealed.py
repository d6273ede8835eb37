"""User keys under a password."""

import pytest
from argon2.exceptions import HashingError
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.bindings import crypto_pwhash_alg, crypto_pwhash_ALG_ARGON2ID13

from dusk import codec
from dusk.errors import Refused, UntrustedInput
from dusk.keys import sealed as room
from dusk.keys.box import open_sealed
from dusk.keys.sealed import (
    DEFAULT,
    Argon2Parameters,
    check_sealed_key,
    cost_of,
    open_user_key,
    seal_user_key,
)
from dusk.keys.signing import SigningKey

SEED = bytes(range(32))
SALT = bytes(range(16))
NONCE = bytes(range(24))
CHEAP = Argon2Parameters(memory_kib=8 * 1024, passes=2, lanes=1)


def seal_cheaply(password: bytes = b"correct horse", name: str = "bob") -> bytes:
    return seal_user_key(SEED, password, salt=SALT, nonce=NONCE, name=name, parameters=CHEAP)


def content_of(sealed: bytes) -> list[object]:
    return codec.unpack(codec.unpack(sealed, size_max=1024)[0], size_max=1024)


def with_digest(row: list[object]) -> bytes:
    """Make a sealed key of any content, its digest good."""
    content = codec.pack(row)
    return codec.pack([content, room._digest(content, "bob")])


def with_fields(**changed: object) -> bytes:
    """Seal, then change fields of the content and make its digest good again."""
    inner = content_of(seal_cheaply())
    names = ("format", "memory_kib", "passes", "lanes", "salt", "nonce", "ciphertext")
    return with_digest([changed.get(name, value) for name, value in zip(names, inner, strict=True)])


@settings(max_examples=5)
@given(seed=st.binary(min_size=32, max_size=32), password=st.binary(min_size=1, max_size=40), name=st.text())
def test_a_sealed_key_opens_with_its_password(seed: bytes, password: bytes, name: str) -> None:
    sealed = seal_user_key(seed, password, salt=SALT, nonce=NONCE, name=name, parameters=CHEAP)
    assert open_user_key(sealed, password, name=name) == SigningKey.from_seed(seed)


def test_what_a_key_costs_is_known_before_anything_is_spent() -> None:
    assert cost_of(seal_cheaply(), name="bob") == CHEAP
    with pytest.raises(UntrustedInput, match="not that of user ann"):
        cost_of(seal_cheaply(), name="ann")


def test_the_default_cost_is_the_recommended_one() -> None:
    assert Argon2Parameters(19456, 2, 1) == DEFAULT
    sealed = seal_user_key(SEED, b"password", salt=SALT, nonce=NONCE, name="bob")
    assert open_user_key(sealed, b"password", name="bob").seed == SEED
    assert SEED not in sealed
    assert b"password" not in sealed


def test_libsodium_computes_the_same_password_key() -> None:
    key = crypto_pwhash_alg(
        32, b"correct horse", SALT, CHEAP.passes, CHEAP.memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13
    )
    ciphertext = codec.unpack(codec.unpack(seal_cheaply(), size_max=1024)[0], size_max=1024)[6]
    assert open_sealed(key, NONCE, codec.pack(["dusk.user-key", 1, "bob"]), ciphertext) == SEED


def test_a24_a_wrong_password_is_told_from_damage() -> None:
    with pytest.raises(Refused, match="wrong password for user bob") as refusal:
        open_user_key(seal_cheaply(), b"wrong", name="bob")
    assert refusal.value.code == "wrong-password"


def test_a8_a_sealed_key_is_that_of_one_user() -> None:
    with pytest.raises(UntrustedInput, match="not that of user eve"):
        open_user_key(seal_cheaply(), b"correct horse", name="eve")


def test_an_empty_password_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        seal_cheaply(password=b"")
    assert refusal.value.code == "empty-password"


@given(data=st.data())
def test_a_damaged_or_cut_sealed_key_is_refused_before_any_memory_is_spent(data: st.DataObject) -> None:
    sealed = bytearray(SEALED)
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(UntrustedInput):
        check_sealed_key(bytes(sealed), name="bob")
    with pytest.raises(UntrustedInput):
        check_sealed_key(SEALED[: data.draw(st.integers(0, len(SEALED) - 1))], name="bob")
    with pytest.raises(UntrustedInput):
        check_sealed_key(data.draw(st.binary(max_size=300)), name="bob")


SEALED = seal_cheaply()


def test_a_sealed_key_is_checked_without_its_password() -> None:
    check_sealed_key(SEALED, name="bob")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", 2),
        ("memory_kib", 8 * 1024 - 1),
        ("memory_kib", 64 * 1024 + 1),
        ("memory_kib", "much"),
        ("passes", 1),
        ("passes", 9),
        ("lanes", 0),
        ("lanes", 2),
        ("salt", bytes(15)),
        ("nonce", bytes(25)),
        ("ciphertext", bytes(47)),
    ],
)
def test_a22_parameters_out_of_bounds_are_refused_both_ways(field: str, value: object) -> None:
    with pytest.raises(UntrustedInput, match="sealed key"):
        open_user_key(with_fields(**{field: value}), b"correct horse", name="bob")


def test_a_lack_of_memory_is_a_clear_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_arguments: object, **_named: object) -> bytes:
        raise HashingError("Memory allocation error")

    monkeypatch.setattr(room, "hash_secret_raw", no_memory)
    with pytest.raises(Refused, match="not enough free memory") as refusal:
        open_user_key(SEALED, b"correct horse", name="bob")
    assert refusal.value.code == "no-memory"


def test_our_own_mistakes_in_sealing_are_assertions() -> None:
    with pytest.raises(AssertionError):
        seal_user_key(bytes(31), b"p", salt=SALT, nonce=NONCE, name="bob")
    with pytest.raises(AssertionError):
        seal_user_key(SEED, b"p", salt=bytes(8), nonce=NONCE, name="bob")


def test_a17_a_sealed_key_has_its_fields_no_more_and_no_fewer() -> None:
    outer, inner = codec.unpack(seal_cheaply(), size_max=1024), content_of(seal_cheaply())
    check_sealed_key(with_digest(inner), name="bob")
    malformed = [
        codec.pack(outer[:1]),
        codec.pack([*outer, 0]),
        codec.pack([7, outer[1]]),
        codec.pack(["text", outer[1]]),
        with_digest(inner[:-1]),
        with_digest([*inner, 0]),
        with_digest([0, *inner[1:]]),
        with_digest([2, *inner[1:]]),
    ]
    for sealed in malformed:
        with pytest.raises(UntrustedInput, match="sealed key"):
            check_sealed_key(sealed, name="bob")
