"""The join line: what goes in comes out, and people are told what is wrong with a bad one."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, ClusterId, Named, Seq, key_id
from dusk.keys import joinkey as room
from dusk.keys.joinkey import JoinKey, parse_join_line
from dusk.limits import ADDRESS_BYTES_MAX, JOIN_ADDRESSES_MAX, JOIN_LINE_BYTES_MAX, NUMBER_MAX

KEY = JoinKey(
    cluster_id=ClusterId(bytes(range(32))),
    named=Named(1, Seq(214), ChainHash(bytes(range(32, 64))), bytes(range(96, 128))),
    seed=bytes(range(64, 96)),
    addresses=("192.0.2.1:3875", "[fe80::1%br-lan]:3875", "router.example:3875"),
)
LINE = KEY.line()

hashes = st.binary(min_size=32, max_size=32)
addresses = st.lists(st.from_regex(r"[A-Za-z0-9.:%_\[\]-]{1,128}", fullmatch=True), max_size=8)
join_keys = st.builds(
    JoinKey,
    cluster_id=hashes,
    named=st.builds(Named, st.integers(0, NUMBER_MAX), st.integers(1, NUMBER_MAX), hashes, hashes),
    seed=hashes,
    addresses=addresses.map(tuple),
)


def line_of(body: bytes) -> str:
    """Frame any body as a line with a good checksum."""
    return "dusk-join-2:" + room._encode(len(body).to_bytes(2, "big") + body + room._checksum(body))


def reason(text: str) -> str:
    with pytest.raises(UntrustedInput) as refused:
        parse_join_line(text)
    return str(refused.value)


@given(key=join_keys)
def test_a_join_key_survives_its_line(key: JoinKey) -> None:
    line = key.line()
    assert line.isascii()
    assert "\n" not in line
    assert len(line) <= JOIN_LINE_BYTES_MAX
    assert parse_join_line(f"\n {line}\r\n") == key


def test_the_line_is_on_record() -> None:
    key = JoinKey(ClusterId(bytes(32)), Named(0, Seq(1), ChainHash(bytes(32)), bytes(32)), bytes(32), ())
    assert key.line() == (
        "dusk-join-2:AIyXxCAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABxCAAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAMQgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAADEIAAAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAkObH6qW9g00A"
    )


def test_a_join_key_names_its_record_and_hides_its_seed() -> None:
    assert key_id(KEY.signing_key().public).hex() == KEY.id
    assert "seed" not in repr(KEY)
    assert repr(KEY.seed)[2:-1] not in repr(KEY)


@pytest.mark.parametrize("end", range(1, len(LINE)))
def test_a_line_cut_anywhere_is_called_cut(end: int) -> None:
    assert reason(LINE[:end]) == "join key: cut short"


def test_an_empty_line_is_called_empty() -> None:
    assert reason("") == reason(" \n") == "join key: empty"


def test_a_foreign_line_is_told_from_a_cut_one() -> None:
    for foreign in ("ssh-ed25519 AAAA", "dusk join", "x" + LINE):
        assert reason(foreign) == "join key: does not begin with dusk-join-"
    assert "foreign characters" in reason("dusk-join-x:AAAA")
    for version in ("²", "1234567", "1234567:", "١:", ":AAAA", "1x"):
        assert "foreign characters" in reason(f"dusk-join-{version}")


def test_a36_a_line_of_another_version_says_so() -> None:
    assert "of version 1, this program reads version 2" in reason(LINE.replace("-2:", "-1:", 1))
    for behind in ("", "A", "!", "é\n"):
        assert "of version 02," in reason(f"dusk-join-02:{behind}")


@given(place=st.integers(16, len(LINE) - 1), character=st.sampled_from("ABCabc019-_"))
def test_one_changed_character_is_called_damaged(place: int, character: str) -> None:
    changed = LINE[:place] + character + LINE[place + 1 :]
    if changed != LINE:
        assert reason(changed) == "join key: damaged"


def test_what_follows_or_breaks_a_line_is_called_damaged() -> None:
    assert reason(LINE + "AAAA") == "join key: damaged"
    for broken in (LINE[:40] + "\n" + LINE[40:], LINE[:40] + "ä" + LINE[41:], LINE + "=", LINE + " # mine"):
        assert reason(broken) == "join key: damaged (foreign characters)"


def test_a17_a_second_spelling_of_the_same_bytes_is_refused() -> None:
    # Base64 leaves bits over at the end; they must be zero.
    body = next(bytes(n) for n in range(3) if len(bytes(n)) % 3 != 2)
    line = line_of(body)
    other = line[:-1] + chr(ord(line[-1]) + 1)
    assert room._decode(line[12:]) == room._decode(other[12:])
    assert reason(other) == "join key: damaged"


def test_a6_an_endless_line_is_refused_unread() -> None:
    begin = "dusk-join-2:"
    longest = begin + "A" * (JOIN_LINE_BYTES_MAX - len(begin))
    assert reason(longest) == "join key: damaged"
    assert reason(longest + "A") == "join key: too long to be one"


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, bytes(31)),
        (1, -1),
        (1, NUMBER_MAX + 1),
        (2, 0),
        (2, True),
        (2, NUMBER_MAX + 1),
        (3, "chain"),
        (4, bytes(31)),
        (5, bytes(33)),
        (6, ["192.0.2.1"] * 9),
        (6, ["a b"]),
        (6, [""]),
        (6, ["a" * 129]),
        (6, [7]),
        (6, "ab"),
        (6, 7),
    ],
)
def test_a17_each_field_is_checked(place: int, value: object) -> None:
    parts: list[object] = [KEY.cluster_id, *KEY.named, KEY.seed, []]
    assert parse_join_line(line_of(codec.pack(parts))).addresses == ()
    parts[place] = value
    assert reason(line_of(codec.pack(parts))).startswith("join key: ")


def test_a17_a_field_too_few_or_too_many_is_refused() -> None:
    parts: list[object] = [KEY.cluster_id, *KEY.named, KEY.seed, []]
    assert reason(line_of(codec.pack(parts[:-1]))) == "join key: not an array of 7"
    assert reason(line_of(codec.pack([*parts, 7]))) == "join key: not an array of 7"


def test_addresses_go_up_to_their_bounds() -> None:
    longest = replace(KEY, addresses=("a" * ADDRESS_BYTES_MAX,) * JOIN_ADDRESSES_MAX)
    assert parse_join_line(longest.line()) == longest
    for beyond in (("a" * (ADDRESS_BYTES_MAX + 1),), ("a",) * (JOIN_ADDRESSES_MAX + 1)):
        with pytest.raises(UntrustedInput):
            replace(KEY, addresses=beyond)


def test_a_join_key_without_a_line_cannot_be_made() -> None:
    for unusable in (("a b",), ("ä",), ("a",) * 9, ("\ud800",)):
        with pytest.raises(UntrustedInput):
            JoinKey(KEY.cluster_id, KEY.named, KEY.seed, unusable)


@given(text=st.one_of(st.text(), st.text().map("dusk-join-2:".__add__), st.binary(max_size=200).map(line_of)))
def test_any_other_text_raises_one_type_and_quotes_nothing(text: str) -> None:
    message = reason(text)
    assert "\n" not in message
    assert len(message) < 120
