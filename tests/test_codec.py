"""The encoding: one form for each value, nothing else, at a bounded price (A17, R6, R10)."""

import math
import tracemalloc

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec
from dusk.errors import UntrustedInput

SCALARS = (
    st.integers(-(2**63), 2**64 - 1)
    | st.booleans()
    | st.none()
    | st.text(max_size=40)
    | st.binary(max_size=300)
)
VALUES = st.lists(
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=20), max_leaves=40), max_size=20
)
SIZE_MAX = 100_000


def depth(value: object) -> int:
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def accepts(data: bytes) -> bool:
    """Tell whether bytes are taken; what is taken must encode to itself."""
    try:
        value = codec.unpack(data, size_max=SIZE_MAX)
    except UntrustedInput:
        return False
    assert codec.pack(value) == data
    return True


def scans(data: bytes) -> bool:
    try:
        codec._scan(data, codec.DEPTH_MAX)
    except UntrustedInput:
        return False
    return True


@given(VALUES)
def test_what_was_packed_is_unpacked(value: list[object]) -> None:
    data = codec.pack(value)
    if depth(value) <= codec.DEPTH_MAX:
        assert codec.unpack(data, size_max=len(data)) == value
    else:
        assert not accepts(data)


@given(st.binary(max_size=200))
def test_a17_arbitrary_bytes_are_refused_or_encode_to_themselves(data: bytes) -> None:
    accepts(data)
    accepts(b"\x92" + data)


@given(VALUES, st.data())
def test_a17_altered_bytes_are_refused_or_encode_to_themselves(
    value: list[object], data: st.DataObject
) -> None:
    packed = bytearray(codec.pack(value))
    for _ in range(data.draw(st.integers(1, 3))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    accepts(bytes(packed))


@given(VALUES, st.data())
def test_the_scan_and_the_checks_after_building_agree(value: list[object], data: st.DataObject) -> None:
    packed = bytearray(codec.pack(value))
    packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    if accepts(bytes(packed)):
        assert scans(bytes(packed))


@given(VALUES)
def test_a17_every_truncation_and_every_trailing_byte_is_refused(value: list[object]) -> None:
    packed = codec.pack(value)
    assert not any(accepts(packed[:size]) for size in range(0, len(packed), 1 + len(packed) // 50))
    assert not accepts(packed + b"\0")
    for bad in (packed[:-1], packed + b"\0"):
        assert not scans(bad)


NON_MINIMAL = [
    b"\x91\xcc\x01",
    b"\x91\xcd\x00\x01",
    b"\x91\xce\x00\x00\x00\x01",
    b"\x91\xcf" + bytes(7) + b"\x01",
    b"\x91\xd0\x01",
    b"\x91\xd0\xff",
    b"\x91\xd1\xff\xff",
    b"\x91\xd2\xff\xff\xff\xff",
    b"\x91\xd3" + b"\xff" * 8,
    b"\x91\xd3" + bytes(7) + b"\x01",
    b"\x91\xd9\x01a",
    b"\x91\xda\x00\x01a",
    b"\x91\xdb\x00\x00\x00\x01a",
    b"\x91\xc5\x00\x01a",
    b"\x91\xc6\x00\x00\x00\x01a",
    b"\xdc\x00\x01\x01",
    b"\xdd\x00\x00\x00\x01\x01",
]
FORBIDDEN = [
    b"\x91\x80",  # a map
    b"\x91\x81\x01\x01",
    b"\x91\x82\x01\x01\x01\x01",  # duplicate keys
    b"\x91\xde\x00\x00",
    b"\x91\xdf\x00\x00\x00\x00",
    b"\x91\xca" + bytes(4),  # floats
    b"\x91\xcb" + bytes(8),
    b"\x91\xcb\x7f\xf8" + bytes(6),
    b"\x91\xd4\x01\x00",  # extensions
    b"\x91\xd6\xff" + bytes(4),
    b"\x91\xc7\x00\x01",
    b"\x91\xc7\x08\xff" + bytes(8),
    b"\x91\xc1",
]
MALFORMED = [
    b"",
    b"\x01",
    b"\xa1a",
    b"\xc0",
    b"\x91",
    b"\x91\xa2a",
    b"\x91\xc4\x05abc",
    b"\x91\xa1\xff",
    b"\x91\xa3\xed\xa0\x80",  # a surrogate
    b"\x91\xa2\xc0\x80",  # an overlong NUL
    b"\x91\xc6\xff\xff\xff\xff",
    b"\x91\xdb\xff\xff\xff\xff",
    b"\xdd\xff\xff\xff\xff",
    b"\xdc\xff\xff\x01",
    b"\x91\xc7\xff",
]


@pytest.mark.parametrize("data", NON_MINIMAL)
def test_a17_forms_longer_than_needed_are_refused(data: bytes) -> None:
    assert not accepts(data)


@pytest.mark.parametrize("data", FORBIDDEN)
def test_a17_maps_floats_and_extensions_are_refused(data: bytes) -> None:
    assert not accepts(data)
    assert not scans(data)


@pytest.mark.parametrize("data", MALFORMED)
def test_a17_what_is_cut_or_not_utf_8_or_no_array_is_refused(data: bytes) -> None:
    assert not accepts(data)


@pytest.mark.parametrize("padding", [b"", b"\xdc" * 3000])
def test_a17_nesting_ends_at_the_bound_in_small_and_in_large_messages(padding: bytes) -> None:
    def nested(arrays: int) -> bytes:
        return b"\x92" + b"\x91" * (arrays - 2) + b"\x90" + codec.pack([padding])[1:]

    assert accepts(nested(codec.DEPTH_MAX))
    assert not accepts(nested(codec.DEPTH_MAX + 1))
    assert not accepts(nested(1500))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x91\xdc\x00\x04" + b"\x01" * 3, "longer than its bytes"),
        (b"\xdd\x00\x00\x00\x01", "longer than its bytes"),
        (b"\x91" * codec.DEPTH_MAX + b"\x91\x01", "nested too deeply"),
        (b"\x92\x01", "longer than its bytes"),
        (b"\x92\xa1a", "cut short"),
        (b"\x91\xa2a", "cut short"),
        (b"\x91\x01\x01", "bytes after the end"),
    ],
)
def test_a17_the_scan_ahead_ends_where_the_bytes_go_wrong(data: bytes, reason: str) -> None:
    with pytest.raises(UntrustedInput, match=reason):
        codec._scan(data, codec.DEPTH_MAX)
    codec._scan(b"\x91" * codec.DEPTH_MAX + b"\x01", codec.DEPTH_MAX)


@pytest.mark.parametrize(
    "header", [b"\xdc\xff\xff", b"\xdd\x00\x00\x80\x00", b"\xdc\x00\x40", b"\x9f", b"\x91"]
)
def test_a17_nested_arrays_that_promise_much_cost_little_memory(header: bytes) -> None:
    for repeats in (20, 100, 1000, 20_000):
        data = header * repeats
        tracemalloc.start()
        assert not accepts(data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 4 * 2**20


@pytest.mark.parametrize("value", [[1, 2, 3], [[], [1]], [[[]], 1], ["text", None, b"bytes"]])
def test_a6_items_are_counted_at_all_depths_before_they_are_built(value: list[object]) -> None:
    data = codec.pack(value)
    assert codec.unproven(data, size_max=100, items_max=3) == value
    with pytest.raises(UntrustedInput, match="too many items"):
        codec.unproven(data, size_max=100, items_max=2)


def test_a17_what_is_too_large_is_not_looked_at() -> None:
    with pytest.raises(UntrustedInput, match="at most 10"):
        codec.unpack(bytes(11), size_max=10)


@pytest.mark.parametrize("value", [2**64 - 1, -(2**63), 0, -1, 127, 128, -32, -33, 255, 256, 65_535, 65_536])
def test_integers_at_every_border_of_their_forms_survive(value: int) -> None:
    assert codec.unpack(codec.pack([value]), size_max=100) == [value]


@pytest.mark.parametrize("size", [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536])
def test_lengths_at_every_border_of_their_forms_survive(size: int) -> None:
    for value in ("a" * size, b"\xdc" * size, [None] * size):
        data = codec.pack([value])
        assert codec.unpack(data, size_max=len(data)) == [value]
        assert scans(data)


def test_a_float_is_refused_wherever_it_stands() -> None:
    for value in (0.0, math.inf, math.nan):
        assert not accepts(msgpack.packb([[[value]]]))


@pytest.mark.parametrize(
    "take",
    [
        lambda: codec.fields([1], 2, "x"),
        lambda: codec.fields("ab", 2, "x"),
        lambda: codec.items([1, 2], 1, "x"),
        lambda: codec.items(None, 1, "x"),
        lambda: codec.integer(True, 0, 1, "x"),
        lambda: codec.integer(2, 0, 1, "x"),
        lambda: codec.integer(-1, 0, 1, "x"),
        lambda: codec.integer("1", 0, 1, "x"),
        lambda: codec.boolean(1, "x"),
        lambda: codec.exactly(b"a", 2, "x"),
        lambda: codec.exactly("ab", 2, "x"),
        lambda: codec.blob(b"abc", 2, "x"),
        lambda: codec.blob(None, 2, "x"),
        lambda: codec.text(b"a", 2, "x"),
        lambda: codec.text("äb", 2, "x"),
    ],
)
def test_a17_a_field_of_another_type_or_size_is_refused(take: object) -> None:
    assert callable(take)
    with pytest.raises(UntrustedInput, match=r"^x: "):
        take()


def test_fields_within_their_bounds_are_taken_as_they_are() -> None:
    assert codec.fields([1, 2], 2, "x") == [1, 2]
    assert codec.items([], 0, "x") == []
    assert codec.integer(1, 1, 1, "x") == 1
    assert codec.boolean(False, "x") is False
    assert codec.exactly(b"ab", 2, "x") == b"ab"
    assert codec.blob(b"", 0, "x") == b""
    assert codec.text("ä", 2, "x") == "ä"


@given(st.text(max_size=40), st.integers(3, 60))
def test_a_line_is_cut_where_it_would_be_too_long_and_not_before(line: str, size_bytes_max: int) -> None:
    cut = codec.shortened(line, size_bytes_max)
    assert codec.text(cut, size_bytes_max, "line") == cut
    fits = len(line.encode()) <= size_bytes_max
    assert (cut == line) if fits else (cut.endswith("…") and line.startswith(cut[:-1]))


PAIR = codec.Row("pair", digest=codec.size(2), data=codec.blob_to(3, or_nil=True))
ROW = codec.Row(
    "row",
    count=codec.number(-3, 5),
    name=codec.text_to(7),
    digest=codec.size(2, or_nil=True),
    data=codec.blob_to(3),
    list=codec.rows_to(2, PAIR, 1, or_nil=True),
    flag=codec.FLAG,
    words=codec.texts_to(2, 7),
    pair=codec.row(PAIR),
)
GOOD_ROW: list[object] = [5, "é" * 3, b"12", b"", [[b"12", b""]], True, [], [b"12", None]]
OTHER_ROW: list[object] = [-3, "", None, b"123", [None, None], False, ["", "é" * 3], [b"12", b"123"]]
PLACES = ["count", "name", "digest", "data", "list", "flag", "words", "pair"]


@pytest.mark.parametrize("row", [GOOD_ROW, OTHER_ROW])
def test_a_row_within_its_bounds_is_returned(row: list[object]) -> None:
    assert ROW.read(row) is row
    data = codec.pack(row)
    assert ROW.decode(data, size_max=len(data)) == row


@pytest.mark.parametrize(
    ("place", "values"),
    [
        ("count", [6, -4, True, None, "5"]),
        ("name", ["é" * 4, "x" * 8, b"x", None]),
        ("digest", [b"", b"1", b"123", "12", False]),
        ("data", [b"1234", "x", None]),
        ("list", [[], [None] * 3, (None,), None]),
        ("flag", [0, 1, None]),
        ("words", ["x", [""] * 3, None]),
        ("pair", [None, b"12"]),
    ],
)
def test_a17_a_row_names_the_place_that_is_wrong(place: str, values: list[object]) -> None:
    at = PLACES.index(place)
    for value in values:
        with pytest.raises(UntrustedInput, match=f"^row: {place} "):
            ROW.read([*GOOD_ROW[:at], value, *GOOD_ROW[at + 1 :]])


@pytest.mark.parametrize("value", [None, b"", tuple(GOOD_ROW), GOOD_ROW[:-1], [*GOOD_ROW, None]])
def test_a17_a_row_has_exactly_its_places(value: object) -> None:
    with pytest.raises(UntrustedInput, match="not an array of 8"):
        ROW.read(value)


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        ("list", [[b"12"]], "pair: not an array of 2"),
        ("list", [None, [b"123", None]], "pair: digest not of 2"),
        ("list", [[b"12", b"1234"]], "pair: data not of 0 to 3"),
        ("list", [b"12"], "pair: not an array of 2"),
        ("pair", [b"12", b"", None], "row: pair not of 2"),
        ("pair", [b"12", 5], "pair: data of a wrong kind"),
        ("words", ["é" * 4], "text: not text of at most 7"),
        ("words", [b"x"], "text: not text of at most 7"),
    ],
)
def test_a17_what_stands_inside_a_row_is_checked(place: str, value: object, says: str) -> None:
    at = PLACES.index(place)
    row = [*GOOD_ROW[:at], value, *GOOD_ROW[at + 1 :]]
    with pytest.raises(UntrustedInput, match=says):
        ROW.decode(codec.pack(row), size_max=1000)


@given(st.binary(max_size=60) | VALUES.map(codec.pack))
def test_a17_a_row_is_decoded_if_its_bytes_are_unpacked_and_read(data: bytes) -> None:
    form = codec.Row(
        "row", count=codec.number(0, 2**40), pairs=codec.rows_to(3, PAIR), words=codec.texts_to(3, 9)
    )

    def at_once() -> object:
        return form.decode(data, size_max=40)

    def in_turn() -> object:
        return form.read(codec.unpack(data, size_max=40))

    results: list[object] = []
    for decode in (at_once, in_turn):
        try:
            results.append(decode())
        except UntrustedInput as error:
            results.append(str(error))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "data",
    [b"\x92\xcd\x00\x01\x90", b"\x92\xca\x00\x00\x00\x00\x90", b"\x92\x01\x91\x80", b"\x92\x01\xdc\x00\x00"],
)
def test_a17_bytes_of_a_row_that_are_no_encoding_are_called_so(data: bytes) -> None:
    form = codec.Row("row", count=codec.number(0, 9), words=codec.texts_to(1, 9))
    with pytest.raises(UntrustedInput, match=r"^encoding: "):
        form.decode(data, size_max=40)
