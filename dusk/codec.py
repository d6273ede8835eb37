"""Strict msgpack: the only encoding of everything that is signed, hashed, sent or stored.

Rules (R6, R10): arrays, integers, booleans, nil, UTF-8 strings and byte strings only; the
shortest form only; size, depth and the memory of what is built are bounded before it is
built. What is accepted encodes back to the very same bytes.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgpack

from dusk.errors import UntrustedInput
from dusk.lazy import dataclass

DEPTH_MAX = 8
"""No message of ours nests deeper than six arrays; two more for later kinds."""
_ITEMS_AHEAD_MAX = 2**17
"""Places for items that long arrays may claim before the items were seen: 1 MiB."""
_BYTES_ALWAYS_FEW = 362
"""However so many bytes are nested, they claim less than that: their square is below it."""
_UTF8_BYTES_MAX = 4
"""Of one character."""
_packer = msgpack.Packer()
"""One for all: making another for each call takes longer than packing. It keeps nothing of a call."""
_SCALARS = frozenset({int, bool, str, bytes, type(None)})

_FIX, _LENGTH, _ARRAY = 0, 1, 2
"""How the scan goes on after a first byte: skip a fixed size, read a length, open an array."""


def _kinds() -> list[tuple[int, int] | None]:
    """Build the table first byte → (how, size); None for what is refused outright."""
    kinds: list[tuple[int, int] | None] = [None] * 256
    for byte in range(0x80):
        kinds[byte] = kinds[0xFF - byte if byte < 0x20 else byte] = (_FIX, 0)
    for byte in range(0x90, 0xA0):
        kinds[byte] = (_ARRAY, 0)
    for byte in range(0xA0, 0xC0):
        kinds[byte] = (_FIX, byte - 0xA0)
    for byte in (0xC0, 0xC2, 0xC3):
        kinds[byte] = (_FIX, 0)
    for byte, size in ((0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8)):
        kinds[byte] = kinds[byte + 4] = (_FIX, size)
    for first, size in ((0xC4, 1), (0xD9, 1), (0xC5, 2), (0xDA, 2), (0xC6, 4), (0xDB, 4)):
        kinds[first] = (_LENGTH, size)
    kinds[0xDC], kinds[0xDD] = (_ARRAY, 2), (_ARRAY, 4)
    return kinds


_KINDS = _kinds()


def _claims_little(data: bytes) -> bool:
    """Tell whether building these bytes is cheap however they are nested.

    Only an array with a length of its own (0xdc, 0xdd) makes the decoder reserve more than
    a few places, and never more than there are bytes. Most messages have hardly one such
    byte, so one fast count spares them the scan.
    """
    return len(data) * (data.count(0xDC) + data.count(0xDD)) <= _ITEMS_AHEAD_MAX


def _scan(data: bytes, depth_max: int, items_max: int | None = None) -> None:
    """Walk over the structure without building it; raise on depth, kinds, too many items, or a wrong end."""
    position, end = 0, len(data)
    items_left = end if items_max is None else items_max
    open_arrays = [1]
    while open_arrays:
        if open_arrays[-1] == 0:
            open_arrays.pop()
            continue
        open_arrays[-1] -= 1
        if position >= end:
            raise UntrustedInput("encoding: cut short")
        kind = _KINDS[data[position]]
        if kind is None:
            raise UntrustedInput(f"encoding: forbidden kind 0x{data[position]:02x}")
        how, size = kind
        position += 1
        if how == _FIX:
            position += size
        elif how == _LENGTH:
            position += size + int.from_bytes(data[position : position + size], "big")
        else:
            count = (
                int.from_bytes(data[position : position + size], "big") if size else data[position - 1] & 0x0F
            )
            position += size
            if count > end - position:
                raise UntrustedInput("encoding: array longer than its bytes")
            items_left -= count
            if items_left < 0:
                raise UntrustedInput("encoding: too many items in all")
            if len(open_arrays) > depth_max:
                raise UntrustedInput("encoding: nested too deeply")
            open_arrays.append(count)
    if position != end:
        raise UntrustedInput("encoding: cut short" if position > end else "encoding: bytes after the end")


def _check_kinds(value: list[Any], depth_left: int) -> None:
    """Refuse floats, maps and extensions, and what is nested too deeply."""
    if _SCALARS.issuperset(map(type, value)):
        return
    for item in value:
        kind = type(item)
        if kind is list:
            if depth_left == 0:
                raise UntrustedInput("encoding: nested too deeply")
            _check_kinds(item, depth_left - 1)
        elif kind not in _SCALARS:
            raise UntrustedInput(f"encoding: forbidden kind {kind.__name__}")


def pack(value: Sequence[Any]) -> bytes:
    """Encode a (nested) sequence of ints, bools, None, str, bytes and sequences."""
    packed: bytes = _packer.pack(value)
    return packed


def unpack(data: bytes, *, size_max: int, depth_max: int = DEPTH_MAX) -> list[Any]:
    """Decode outside bytes.

    Args:
        data: the bytes, all of them.
        size_max: largest accepted length in bytes.
        depth_max: how many arrays may be nested.

    Raises:
        UntrustedInput: too large, too deep, forbidden kind, wrong UTF-8, not an array, not
            the shortest form, or bytes left over.
    """
    value = unproven(data, size_max=size_max, depth_max=depth_max)
    _check_form(value, data, depth_max)
    return value


def unproven(
    data: bytes, *, size_max: int, depth_max: int = DEPTH_MAX, items_max: int | None = None
) -> list[Any]:
    """Decode outside bytes at a bounded price, and prove nothing else of their form.

    For who takes little from it, checks that, and compares the bytes with what he packs himself.

    Args:
        data: the bytes, all of them.
        size_max: largest accepted length in bytes.
        depth_max: how many arrays may be nested.
        items_max: how many items all arrays may have; None: the length bounds them well enough.

    Raises:
        UntrustedInput: too large, wrong UTF-8, or not one array that could be built.
    """
    if len(data) > size_max:
        raise UntrustedInput(f"encoding: {len(data)} bytes, at most {size_max}")
    if items_max is not None or (len(data) > _BYTES_ALWAYS_FEW and not _claims_little(data)):
        _scan(data, depth_max, items_max)
    try:
        value = msgpack.unpackb(data, max_map_len=0, max_ext_len=0)
    except ValueError as error:
        raise UntrustedInput(f"encoding: {error}") from None
    if not isinstance(value, list):
        raise UntrustedInput("encoding: not an array")
    return value


def _check_form(value: list[Any], data: bytes, depth_max: int) -> None:
    """Check that what was built of these bytes has only our kinds, and was written the shortest way."""
    _check_kinds(value, depth_max - 1)
    if _packer.pack(value) != data:
        raise UntrustedInput("encoding: not the shortest form")


@dataclass(frozen=True, slots=True)
class Place:
    """What may stand at one place of a row: kinds, and the least and most of its number or size.

    Args:
        kinds: of what stands there.
        low, high: bounds of the number, of the size in bytes, or of the count of items.
        check: for an array: raises unless its items are right.
    """

    kinds: tuple[type, ...]
    low: int = 0
    high: int = 0
    check: "Callable[[list[Any]], object] | None" = None


FLAG = Place((bool,))


def number(low: int, high: int) -> Place:
    """Return the place of an integer within both bounds, ends included; a bool is none."""
    return Place((int,), low, high)


def size(size_bytes: int, *, or_nil: bool = False) -> Place:
    """Return the place of a byte string of exactly that size."""
    return Place((bytes, type(None)) if or_nil else (bytes,), size_bytes, size_bytes)


def blob_to(size_bytes_max: int, *, or_nil: bool = False) -> Place:
    """Return the place of a byte string of at most that size."""
    return Place((bytes, type(None)) if or_nil else (bytes,), 0, size_bytes_max)


def text_to(size_bytes_max: int) -> Place:
    """Return the place of a string of at most that many UTF-8 bytes."""
    return Place((str,), 0, size_bytes_max)


def row(form: "Row") -> Place:
    """Return the place of one array of that form."""
    return Place((list,), form.count, form.count, form.read)


def rows_to(count_max: int, form: "Row", count_min: int = 0, *, or_nil: bool = False) -> Place:
    """Return the place of an array of so many arrays of that form."""

    def check(items: list[Any]) -> None:
        for item in items:
            form.read(item)

    def check_or_nil(items: list[Any]) -> None:
        check([item for item in items if item is not None])

    return Place((list,), count_min, count_max, check_or_nil if or_nil else check)


def texts_to(count_max: int, size_bytes_max: int) -> Place:
    """Return the place of an array of so many strings of at most that many UTF-8 bytes."""

    def check(items: list[Any]) -> None:
        for item in items:
            text(item, size_bytes_max, "text")

    return Place((list,), 0, count_max, check)


class _Bounds(NamedTuple):
    """What a row compares once its kinds are known: places with their bounds, ends included."""

    numbers: tuple[tuple[int, int, int], ...]
    sizes: tuple[tuple[int, int, int], ...]
    texts: tuple[tuple[int, int, int], ...]
    """Each with so many characters as fit however they are encoded, and with the most bytes."""


class Row:
    """The form of a fixed array, checked with one comparison of all its kinds and few more.

    Args:
        what: the array, for messages.
        places: names for messages, in order, with what stands there.
    """

    def __init__(self, what: str, **places: Place) -> None:
        self._what = what
        self._places = places
        self._forms: dict[tuple[type, ...], _Bounds] = {}
        self._arrays = [(at, p.check) for at, p in enumerate(places.values()) if p.check is not None]

    def _fitting(self, kinds: tuple[type, ...], value: object) -> tuple[type, ...]:
        """Return the kinds if they may stand there; met for the first time, or not to be taken."""
        places = self._places.values()
        if len(kinds) != len(places) or any(k not in p.kinds for k, p in zip(kinds, places, strict=True)):
            raise self._wrong_kinds(value)
        return kinds

    def _bounds(self, kinds: Sequence[type]) -> _Bounds:
        """Return what is to be compared where these kinds stand; most of what may is never met."""
        rows = [
            (at, kind, p.low, p.high)
            for at, (kind, p) in enumerate(zip(kinds, self._places.values(), strict=True))
        ]
        return _Bounds(
            numbers=tuple((at, low, high) for at, kind, low, high in rows if kind is int),
            sizes=tuple((at, low, high) for at, kind, low, high in rows if kind in (bytes, list)),
            texts=tuple((at, high // _UTF8_BYTES_MAX, high) for at, kind, _, high in rows if kind is str),
        )

    @property
    def count(self) -> int:
        """How many places it has."""
        return len(self._places)

    def decode(self, data: bytes, *, size_max: int, items_max: int | None = None) -> list[Any]:
        """Decode outside bytes to such an array; `unpack` and `read` in one, sooner.

        What `read` takes has our kinds only, so that is not looked for first.

        Raises:
            UntrustedInput: as `unpack`, or else as `read`.
        """
        value = unproven(data, size_max=size_max, items_max=items_max)
        try:
            self.read(value)
        except UntrustedInput:
            _check_form(value, data, DEPTH_MAX)
            raise
        if _packer.pack(value) != data:
            raise UntrustedInput("encoding: not the shortest form")
        return value

    def read(self, value: object) -> list[Any]:
        """Return ``value`` if it is such an array.

        Raises:
            UntrustedInput: it is not, naming the first wrong place.
        """
        if not isinstance(value, list):
            raise self._wrong_kinds(value)
        kinds = (*map(type, value),)
        bounds = self._forms.get(kinds)
        if bounds is None:
            bounds = self._forms[kinds] = self._bounds(self._fitting(kinds, value))
        numbers, sizes, texts = bounds
        for at, low, high in numbers:
            if not low <= value[at] <= high:
                raise self._wrong(at, "not", f"from {low} to {high}")
        for at, low, high in sizes:
            if not low <= len(value[at]) <= high:
                raise self._wrong(at, "not of", f"{low}" if low == high else f"{low} to {high}")
        for at, few, high in texts:
            if len(value[at]) > few and len(value[at].encode()) > high:
                raise self._wrong(at, "not of", f"at most {high} bytes")
        for at, check in self._arrays:
            check(value[at])
        return value

    def _wrong(self, at: int, *why: str) -> UntrustedInput:
        return UntrustedInput(" ".join((f"{self._what}: {list(self._places)[at]}", *why)))

    def _wrong_kinds(self, value: object) -> UntrustedInput:
        if not isinstance(value, list) or len(value) != len(self._places):
            return UntrustedInput(f"{self._what}: not an array of {len(self._places)}")
        kinds = zip(value, self._places.values(), strict=True)
        at = next(at for at, (item, place) in enumerate(kinds) if type(item) not in place.kinds)
        return self._wrong(at, "of a wrong kind")


def fields(value: object, count: int, what: str) -> list[Any]:
    """Return ``value`` if it is an array of exactly ``count`` items."""
    if not isinstance(value, list) or len(value) != count:
        raise UntrustedInput(f"{what}: not an array of {count}")
    return value


def items(value: object, count_max: int, what: str) -> list[Any]:
    """Return ``value`` if it is an array of at most ``count_max`` items."""
    if not isinstance(value, list) or len(value) > count_max:
        raise UntrustedInput(f"{what}: not an array of at most {count_max}")
    return value


def integer(value: object, low: int, high: int, what: str) -> int:
    """Return ``value`` if it is an integer (not a bool) within both bounds, ends included."""
    if type(value) is not int or not low <= value <= high:
        raise UntrustedInput(f"{what}: not an integer from {low} to {high}")
    return value


def boolean(value: object, what: str) -> bool:
    """Return ``value`` if it is a bool."""
    if type(value) is not bool:
        raise UntrustedInput(f"{what}: not a bool")
    return value


def exactly(value: object, size_bytes: int, what: str) -> bytes:
    """Return ``value`` if it is a byte string of exactly that size."""
    if type(value) is not bytes or len(value) != size_bytes:
        raise UntrustedInput(f"{what}: not {size_bytes} bytes")
    return value


def blob(value: object, size_bytes_max: int, what: str) -> bytes:
    """Return ``value`` if it is a byte string of at most that size."""
    if type(value) is not bytes or len(value) > size_bytes_max:
        raise UntrustedInput(f"{what}: not at most {size_bytes_max} bytes")
    return value


def shortened(line: str, size_bytes_max: int) -> str:
    """Return a line for people, cut where :func:`text` would refuse it as too long."""
    data = line.encode()
    if len(data) <= size_bytes_max:
        return line
    return data[: size_bytes_max - 3].decode(errors="ignore") + "…"


def text(value: object, size_bytes_max: int, what: str) -> str:
    """Return ``value`` if it is a string of at most that many UTF-8 bytes."""
    if type(value) is not str or len(value.encode()) > size_bytes_max:
        raise UntrustedInput(f"{what}: not text of at most {size_bytes_max} bytes")
    return value
