"""Which packages a device has: what it answers to *packages* (`specs/asking.md`), and the lists that say it.

The lists of apk and of opkg are records of lines, ``FIELD:value``, with blank lines between. They are
read as far as they say what is installed, and in which version.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from dusk import codec
from dusk.errors import UntrustedInput

PACKAGES = "packages"
"""The question."""
TEXT_BYTES_MAX = 128
"""Of a name, and of a version; what is longer is told shortened."""
ROWS_MAX = 4096
"""Packages that are told; a router has some hundreds."""
TOLD_BYTES_MAX = 64 * 1024
"""All that is told: with each byte as six characters of JSON it still fits a line of the control socket."""
INSTALLED_MAX = 65_536
"""Packages that are counted: each takes memory, and no router has so many."""
DIGEST_BYTES = 6
_DIGEST_MAX = 2 ** (8 * DIGEST_BYTES) - 1
_HEAD_BYTES = 18
"""At most, of an answer without its rows."""
_PACKAGE = codec.Row("package", name=codec.text_to(TEXT_BYTES_MAX), version=codec.text_to(TEXT_BYTES_MAX))


class Package(NamedTuple):
    """An installed package, as its list names it."""

    name: str
    version: str


class Packages(NamedTuple):
    """An answer.

    Attributes:
        total: how many packages are installed.
        digest: the first 48 bits of SHA-256 over all of them: it is the same where they are.
        rows: the first of them, rising by name, as many as have room.
    """

    total: int
    digest: int
    rows: tuple[Package, ...]


class Form(NamedTuple):
    """Which fields of a record say what.

    Attributes:
        name, version: of the package.
        status: whose third word says whether it is installed; empty where all that are listed are.
    """

    name: bytes
    version: bytes
    status: bytes = b""


APK = Form(b"P", b"V")
OPKG = Form(b"Package", b"Version", b"Status")
_THERE = frozenset({b"installed", b"unpacked"})
"""Of packages whose files are there, as opkg lists them."""


# --- the answer ----------------------------------------------------------------------------------


def told_of(installed: Sequence[Package]) -> Packages:
    """Return what is told of all packages that a device has, which rise by name."""
    left = TOLD_BYTES_MAX - _HEAD_BYTES
    rows = []
    for one in installed[:ROWS_MAX]:
        left -= len(codec.pack(one))
        if left < 0:
            break
        rows.append(one)
    return Packages(len(installed), _digest(installed), tuple(rows))


def _digest(installed: Sequence[Package]) -> int:
    return int.from_bytes(hashlib.sha256(codec.pack(installed)).digest()[:DIGEST_BYTES])


def encode_packages(told: Packages) -> bytes:
    """Return the answer."""
    return codec.pack(told)


def decode_packages(data: bytes) -> Packages:
    """Read what :func:`encode_packages` wrote.

    Raises:
        UntrustedInput: anything else, also a digest that is not that of the packages where all are told.
    """
    row = codec.fields(codec.unpack(data, size_max=TOLD_BYTES_MAX), 3, PACKAGES)
    rows = tuple(Package(*_PACKAGE.read(one)) for one in codec.items(row[2], ROWS_MAX, PACKAGES))
    total = codec.integer(row[0], len(rows), INSTALLED_MAX, "packages: count")
    digest = codec.integer(row[1], 0, _DIGEST_MAX, "packages: digest")
    if any(not one.name for one in rows) or any(one.name >= other.name for one, other in pairwise(rows)):
        raise UntrustedInput("packages: not sorted by name")
    if total == len(rows) and digest != _digest(rows):
        raise UntrustedInput("packages: another digest than theirs")
    return Packages(total, digest, rows)


# --- the lists -----------------------------------------------------------------------------------


def read_list(lines: Iterable[bytes], form: Form) -> tuple[Package, ...]:
    """Return the packages that a list says are installed, rising by name.

    Args:
        lines: of the list, with or without their ends.
        form: whose list it is.

    Raises:
        UntrustedInput: a line is no field, a record has no name, or there are too many packages.
    """
    found: dict[str, str] = {}
    for record in _records(lines, form):
        name = _text(record.get(form.name, b""))
        if not name:
            raise UntrustedInput("the list of packages has one without a name")
        if form.status and _THERE.isdisjoint(record.get(form.status, b"").split()[2:3]):
            continue
        found[name] = _text(record.get(form.version, b""))
        if len(found) > INSTALLED_MAX:
            raise UntrustedInput(f"the list of packages has more than {INSTALLED_MAX}")
    return tuple(Package(name, found[name]) for name in sorted(found))


def _records(lines: Iterable[bytes], form: Form) -> Iterator[dict[bytes, bytes]]:
    """Yield of each record the fields that say something here.

    Raises:
        UntrustedInput: a line is neither a field, nor goes on with one, nor is blank.
    """
    record: dict[bytes, bytes] = {}
    is_open = False
    for number, line in enumerate(lines, 1):
        if not line.strip():
            if is_open:
                yield record
            record, is_open = {}, False
        elif not line.startswith((b" ", b"\t")):
            field, colon, value = line.partition(b":")
            if not colon:
                raise UntrustedInput(f"line {number} of the list of packages is no field")
            is_open = True
            if field in form:
                record[field] = value
    if is_open:
        yield record


def _text(value: bytes) -> str:
    """Return a name or a version as it may be told: UTF-8, and of bounded length."""
    return codec.shortened(value.strip().decode("utf-8", "replace"), TEXT_BYTES_MAX)
