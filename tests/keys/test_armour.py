"""Lines of keys: what was written is read, and nothing else is."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.errors import Refused
from dusk.ids import PublicKey, labelled_hash
from dusk.keys.armour import key_line, parse_key_line, parse_public_line, public_line
from dusk.keys.signing import SigningKey

KEY = SigningKey.from_seed(bytes(range(32)))


@given(st.binary(min_size=32, max_size=32))
def test_what_is_written_is_read(seed: bytes) -> None:
    key = SigningKey.from_seed(seed)
    assert parse_key_line(f" {key_line(key)}\n").seed == seed
    assert parse_public_line(f"{public_line(key.public)}\n") == key.public


def test_the_lines_of_a_known_key() -> None:
    assert key_line(KEY) == "dusk-key-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh_2OCGj"
    assert public_line(KEY.public).startswith("dusk-public-1:A6EHv_POEL4d")


@given(st.integers(0, 200), st.sampled_from("A_-z9=.\x00é"))
def test_one_other_character_is_refused_and_nothing_is_repeated(place: int, character: str) -> None:
    for line, parse in ((key_line(KEY), parse_key_line), (public_line(KEY.public), parse_public_line)):
        at = place % len(line)
        changed = line[:at] + character + line[at + 1 :]
        if changed != line:
            with pytest.raises(Refused) as refusal:
                parse(changed)
            assert refusal.value.code == "bad-key"
            assert line[12:30] not in refusal.value.reason


@pytest.mark.parametrize("size", range(0, 60, 7))
def test_a_line_cut_short_is_refused(size: int) -> None:
    with pytest.raises(Refused, match="line"):
        parse_key_line(key_line(KEY)[:size])


@pytest.mark.parametrize("size", [0, 4, 31, 33])
def test_a_line_of_a_key_of_another_size_is_refused_though_its_check_is_right(size: int) -> None:
    key = bytes(range(size))
    check = labelled_hash(b"dusk.key-line", b"dusk-key-1:", key)[:4]
    with pytest.raises(Refused, match="not whole"):
        parse_key_line("dusk-key-1:" + urlsafe_b64encode(key + check).decode().rstrip("="))


@pytest.mark.parametrize("more", ["=", "!", "A", "AAAA", " "])
def test_a_line_is_read_in_the_one_spelling_only(more: str) -> None:
    line = key_line(KEY)
    with pytest.raises(Refused, match="damaged"):
        parse_key_line(line[:20] + more + line[20:])
    if more.strip():
        with pytest.raises(Refused, match="damaged"):
            parse_key_line(line + more)


def test_a_secret_in_the_place_of_a_public_key_is_refused_by_name() -> None:
    with pytest.raises(Refused, match="keep it"):
        parse_public_line(key_line(KEY))
    with pytest.raises(Refused, match="dusk-key-1:"):
        parse_key_line(public_line(KEY.public))


def test_a18_a_key_that_may_not_sign_is_refused() -> None:
    with pytest.raises(Refused, match="key"):
        parse_public_line(public_line(PublicKey(bytes(32))))
