"""The encoding of everything: one msgpack array in its one spelling (log.md, 1), and its fields."""

import ipaddress
from collections.abc import Sequence
from dataclasses import fields as fields_of
from dataclasses import is_dataclass
from typing import Any

Item = int | bool | str | bytes | list[Any] | None

DEPTH_MAX = 8
NUMBER_MAX = 2**53 - 1


class Refused(Exception):
    """Bytes that a reader must not take, and the word for why."""

    def __init__(self, word: str, line: int = 0) -> None:
        super().__init__(word)
        self.word = word
        self.line = line


class NotPacked(Refused):
    """Bytes that are not the one encoding of an array; the word is a close one."""


def need(condition: object, word: str) -> None:
    """Refuse with a word unless the condition holds."""
    if not condition:
        raise Refused(word)


# First byte → (bytes of the number behind it, least number that needs this form).
UNSIGNED = {0xCC: (1, 0x80), 0xCD: (2, 0x100), 0xCE: (4, 0x10000), 0xCF: (8, 2**32)}
SIGNED = {0xD0: (1, -0x20), 0xD1: (2, -0x80), 0xD2: (4, -0x8000), 0xD3: (8, -(2**31))}
TEXTS = {0xD9: (1, 32), 0xDA: (2, 0x100), 0xDB: (4, 0x10000)}
BYTES = {0xC4: (1, 0), 0xC5: (2, 0x100), 0xC6: (4, 0x10000)}
ARRAYS = {0xDC: (2, 16), 0xDD: (4, 0x10000)}
CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise NotPacked("cut-short")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, form: tuple[int, int]) -> int:
        size, least = form
        number = int.from_bytes(self.take(size), "big")
        if number < least:
            raise NotPacked("not-shortest")
        return number

    def item(self, depth: int) -> Item:
        first = self.take(1)[0]
        if first < 0x80:
            return first
        if first >= 0xE0:
            return first - 0x100
        if first in CONSTANTS:
            return CONSTANTS[first]
        if first in UNSIGNED:
            return self.number(UNSIGNED[first])
        if first in SIGNED:
            return self.negative(SIGNED[first])
        if first in BYTES:
            return self.take(self.number(BYTES[first]))
        if 0xA0 <= first < 0xC0 or first in TEXTS:
            return self.text(first - 0xA0 if first < 0xC0 else self.number(TEXTS[first]))
        if 0x90 <= first < 0xA0 or first in ARRAYS:
            return self.array(first - 0x90 if first < 0xA0 else self.number(ARRAYS[first]), depth + 1)
        raise NotPacked("forbidden-kind")

    def negative(self, form: tuple[int, int]) -> int:
        size, above = form
        number = int.from_bytes(self.take(size), "big", signed=True)
        if number >= above:
            raise NotPacked("not-shortest")
        return number

    def text(self, size: int) -> str:
        try:
            return self.take(size).decode()
        except UnicodeDecodeError:
            raise NotPacked("not-utf8") from None

    def array(self, count: int, depth: int) -> list[Item]:
        if depth > DEPTH_MAX:
            raise NotPacked("too-deep")
        if count > len(self.data) - self.at:
            raise NotPacked("cut-short")
        return [self.item(depth) for _ in range(count)]


def unpack_closely(data: bytes, size_max: int) -> list[Item]:
    """Read one array, or refuse with a word for what is wrong with the encoding."""
    need(len(data) <= size_max, "too-large")
    reader = _Reader(data)
    if data and not (0x90 <= data[0] < 0xA0 or data[0] in ARRAYS):
        forbidden = 0x80 <= data[0] < 0x90 or data[0] in {0xC1, 0xDE, 0xDF}
        raise NotPacked("forbidden-kind" if forbidden else "not-an-array")
    value = reader.item(0)
    if reader.at < len(data):
        raise NotPacked("trailing-bytes")
    assert isinstance(value, list)
    return value


def unpack(data: object, count: int | None = None, size_max: int = 65_536) -> list[Any]:
    """Read one array of so many items from what must be a byte string."""
    need(isinstance(data, bytes), "wrong-shape")
    assert isinstance(data, bytes)
    try:
        value = unpack_closely(data, size_max)
    except NotPacked:
        raise Refused("encoding") from None
    need(count is None or len(value) == count, "wrong-shape")
    return value


def _head(size: int, short: tuple[int, int] | None, forms: dict[int, tuple[int, int]]) -> bytes:
    if short and size < short[1]:
        return bytes([short[0] + size])
    first = max(code for code, (_, least) in forms.items() if size >= least)
    return bytes([first]) + size.to_bytes(forms[first][0], "big")


def _integer(value: int) -> bytes:
    if -0x20 <= value < 0x80:
        return value.to_bytes(1, "big", signed=value < 0)
    if value >= 0:
        return _head(value, None, UNSIGNED)
    first = max(code for code, (_, above) in SIGNED.items() if value < above)
    return bytes([first]) + value.to_bytes(SIGNED[first][0], "big", signed=True)


def pack(value: Item | Sequence[Any]) -> bytes:
    """Encode one item in its one spelling."""
    match value:
        case None:
            return b"\xc0"
        case bool():
            return b"\xc3" if value else b"\xc2"
        case int():
            return _integer(value)
        case str():
            encoded = value.encode()
            return _head(len(encoded), (0xA0, 32), TEXTS) + encoded
        case bytes():
            return _head(len(value), None, BYTES) + value
        case _:
            return _head(len(value), (0x90, 16), ARRAYS) + b"".join(pack(item) for item in value)


def array(value: object, count: int | None = None, most: int = NUMBER_MAX, least: int = 0) -> list[Any]:
    """Expect an array of exactly so many items, or within bounds."""
    need(isinstance(value, list), "wrong-shape")
    assert isinstance(value, list)
    need(count is None or len(value) == count, "wrong-shape")
    need(len(value) <= most, "too-many")
    need(len(value) >= least, "wrong-shape")
    return value


def octets(value: object, size: int | None = None, most: int = 2**32) -> bytes:
    """Expect a byte string of exactly so many bytes, or of at most so many."""
    need(isinstance(value, bytes), "wrong-shape")
    assert isinstance(value, bytes)
    need(size is None or len(value) == size, "wrong-shape")
    need(len(value) <= most, "too-large")
    return value


def octets_or_none(value: object, size: int | None = None, most: int = 2**32) -> bytes | None:
    """Expect nil, or a byte string."""
    return None if value is None else octets(value, size, most)


def number(value: object, least: int = 0, most: int = NUMBER_MAX) -> int:
    """Expect an integer within its range; a boolean is none."""
    need(type(value) is int, "wrong-shape")
    assert isinstance(value, int)
    need(least <= value <= most, "wrong-shape")
    return value


def flag(value: object) -> bool:
    """Expect a boolean."""
    need(isinstance(value, bool), "wrong-shape")
    return value is True


def text(value: object, most: int) -> str:
    """Expect text of at most so many bytes of UTF-8."""
    need(isinstance(value, str), "wrong-shape")
    assert isinstance(value, str)
    need(len(value.encode()) <= most, "too-large")
    return value


class Decoded(list[Any]):
    """A decoded array that is shown as value JSON."""


def value_json(value: Item) -> Any:
    """Show a decoded array as the vectors do."""
    match value:
        case bytes():
            return {"hex": value.hex()}
        case list():
            return [value_json(item) for item in value]
        case int() if not isinstance(value, bool) and abs(value) > NUMBER_MAX:
            return {"int": str(value)}
    return value


def shown(value: object) -> Any:
    """Show what was read as the vectors' JSON: fields by name, byte strings in hexadecimal."""
    if isinstance(value, Decoded):
        return value_json(list(value))
    if is_dataclass(value) and not isinstance(value, type):
        said = {field.name: shown(getattr(value, field.name)) for field in fields_of(value)}
        return {name: item for name, item in said.items() if (name, item) != ("absent", None)}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {shown(key): shown(item) for key, item in value.items()}
    return [shown(item) for item in value] if isinstance(value, list | tuple) else value


def routed(host: object) -> str:
    """Read the numeric address of one device beyond any one link."""
    found = text(host, 45)
    try:
        ip = ipaddress.ip_address(found)
    except ValueError:
        raise Refused("wrong-shape") from None
    is_far = not (ip.is_multicast or ip.is_unspecified or ip.is_link_local)
    need(str(ip) == found and "%" not in found and is_far, "wrong-shape")
    need(ip not in ipaddress.ip_network("240.0.0.0/4"), "wrong-shape")
    return found
