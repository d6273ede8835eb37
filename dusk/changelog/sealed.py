"""Where sealed values stand: in which records of a section, and under which key K each is (R15)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from dusk import codec, limits
from dusk.config.sealing import Sealed, sealed_from
from dusk.config.settings import Verb, decode_setting

SETTING = "set/"
VARIABLE = "var/"
WRAP = "wrap/"
SEALED_SETTING = bytes([0x94, Verb.SEALED])
"""How a sealed setting begins: an array of four, and the verb."""


class Records(Protocol):
    """What is read of the sections: a state, or one with somebody's draft on top."""

    def records(self, section: str, prefix: str = "") -> Mapping[str, Any]:
        """Return the records of a section by key; each has its bytes in ``data``."""


def sealed_in(section: str, record: str, data: bytes | None) -> Sealed | None:
    """Return the secret that a record's bytes have, with where it stands."""
    if data is None:
        return None
    found = None
    if record.startswith(SETTING) and data.startswith(SEALED_SETTING):
        found = decode_setting(data).sealed
    elif record.startswith(VARIABLE) and len(row := codec.unpack(data, size_max=limits.VALUE_BYTES_MAX)) > 1:
        found = sealed_from(row)
    return None if found is None else found._replace(section=section, record=record)


def sealed_values(store: Records, section: str) -> Iterator[Sealed]:
    """Yield the secrets of a section, with where they stand."""
    for prefix in (SETTING, VARIABLE):
        for key, record in store.records(section, prefix).items():
            found = sealed_in(section, key, record.data)
            if found is not None:
                yield found


def sealed_records(store: Records, section: str) -> Iterator[tuple[str, bytes]]:
    """Yield the keys of the records of a section that have a secret, and the id of K of each."""
    return ((found.record, found.key_id) for found in sealed_values(store, section))


class Sealing:
    """Which records each key K of a section seals, read once for all that a change does (R10).

    Args:
        store: the sections; what is asked later is of now.
    """

    def __init__(self, store: Records) -> None:
        self._store = store
        self._found: dict[str, dict[bytes, list[str]]] = {}

    def under(self, section: str) -> Mapping[bytes, Sequence[str]]:
        """Return K's id → the records that it seals; none: it is wrapped, and seals nothing."""
        if section not in self._found:
            wraps = self._store.records(section, WRAP).values()
            found: dict[bytes, list[str]] = {
                codec.unpack(record.data, size_max=limits.VALUE_BYTES_MAX)[0]: [] for record in wraps
            }
            for record, name in sealed_records(self._store, section):
                found.setdefault(name, []).append(record)
            self._found[section] = found
        return self._found[section]
