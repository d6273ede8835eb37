"""What all vectors have in common: bytes that look random, cases, notes beside bytes."""

import re
from collections.abc import Callable, Sequence
from hashlib import shake_256
from typing import Any

from dusk import codec
from dusk.errors import ConfigError, Refused, UntrustedInput
from dusk.keys.signing import SigningKey

Case = dict[str, Any]
"""One case, as it stands in a file."""

EXACT_IN_JSON_MAX = 2**53 - 1
"""Larger numbers are written as text, for readers whose numbers are floats."""


class Source:
    """Bytes that look random and are always the same: a stream for each name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0

    def __call__(self, size: int) -> bytes:
        """Return the next bytes."""
        self._count += 1
        return shake_256(f"dusk vectors / {self._name} / {self._count}".encode()).digest(size)


def key(name: str) -> SigningKey:
    """Return the key of a name; the same in all files."""
    return SigningKey.from_seed(Source(f"key {name}")(32))


BY_FORM = frozenset({"wrong-shape", "too-large", "too-many", "encoding", "order", "unknown-kind"})
"""Reasons that are plain from the bytes; in which words Dusk says them is of no matter."""


def valid(name: str, shows: str, **parts: Any) -> Case:
    """Return a case that a reader accepts, with what it reads."""
    return {"name": name, "shows": shows, **parts}


def invalid(
    name: str, shows: str, reason: str, wrong: Callable[[], object], says: str = "", **parts: Any
) -> Case:
    """Return a case that a reader refuses.

    Args:
        name: unique within the file.
        shows: what it shows, one line.
        reason: the word that `specs/vectors/README.md` explains.
        wrong: does with Dusk's own code what must be refused.
        says: what is in Dusk's reason, or is its code; so that it is refused for this and for
            nothing else.
        parts: the bytes.
    """
    try:
        wrong()
    except (UntrustedInput, ConfigError) as error:
        assert reason in BY_FORM or says in str(error), (name, str(error))
    except Refused as error:
        assert says in (error.code, "") or says in error.reason, (name, error.code, error.reason)
    else:
        raise AssertionError(f"{name}: was accepted")
    return {"name": name, "shows": shows, **parts, "invalid": reason}


def plain(value: object) -> Any:
    """Return a decoded array as JSON: bytes as ``{"hex": …}``, large numbers as ``{"int": …}``."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > EXACT_IN_JSON_MAX:
        return {"int": str(value)}
    return value


_LONG = 4096
_RUN = re.compile(rb"(.{1,48}?)\1{99,}", re.DOTALL)


def brief(data: bytes) -> str | list[list[Any]]:
    """Return bytes in hexadecimal; if they repeat themselves at length, as pieces ``[hex, times]``."""
    if len(data) < _LONG:
        return data.hex()
    pieces: list[list[Any]] = []
    at = 0
    for run in _RUN.finditer(data):
        if run.start() > at:
            pieces.append([data[at : run.start()].hex(), 1])
        pieces.append([run[1].hex(), len(run[0]) // len(run[1])])
        at = run.end()
    return [*pieces, [data[at:].hex(), 1]] if at < len(data) else pieces


Notes = str | tuple[str, Sequence[Any]]
"""What a value is; of an array that is taken apart, also what its items are."""


def annotate(value: object, notes: Notes) -> list[list[str]]:
    """Return the encoding of a value in pieces, each with what it is; joined they are its bytes."""
    if isinstance(notes, str):
        return [[_one(value).hex(), notes]]
    assert isinstance(value, list | tuple)
    what, inner = notes
    head = codec.pack(value)[: len(codec.pack(value)) - sum(len(_one(item)) for item in value)]
    pieces = [[head.hex(), f"{what}: array of {len(value)}"]]
    for item, note in zip(value, inner, strict=True):
        pieces += annotate(item, note)
    return pieces


def _one(value: object) -> bytes:
    """Return the encoding of any value, also of one that is no array."""
    return codec.pack((value,))[1:]
