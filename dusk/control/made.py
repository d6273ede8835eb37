"""Which keys K of secrets a person's own machine has made: no other seals anything for him (A57, R15)."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dusk.errors import UntrustedInput
from dusk.keys.secret import SECRET_KEY_ID_BYTES

MADE_MAX = 256
"""Keys that are remembered; the oldest gives way, and what it seals in a draft is set again."""
_NEW, _SIGNED = "new", "signed"


class One(NamedTuple):
    """A key K, by what it is of."""

    section: str
    key_id: bytes


class Made:
    """The keys K that were made here, oldest first; their ids alone, K itself is wrapped in the draft.

    Attributes:
        is_signing: whether those count, too, with which something was signed. They seal what they
            sealed then, and nothing new: a router may have told others of them.
    """

    def __init__(self, rows: Iterable[tuple[One, bool]] = (), *, is_signing: bool = False) -> None:
        self._rows = dict(rows)
        self.is_signing = is_signing

    def keep(self, section: str, key_id: bytes) -> None:
        """Remember a key that was just made."""
        self._rows[One(section, key_id)] = False
        while len(self._rows) > MADE_MAX:
            del self._rows[next(iter(self._rows))]

    def counts(self, section: str, key_id: bytes) -> bool:
        """Tell whether a key was made here, and may be used."""
        was_signed = self._rows.get(One(section, key_id))
        return was_signed is not None and (self.is_signing or not was_signed)

    def sign(self) -> None:
        """Note that a change is about to be signed which may tell others of these keys."""
        self._rows = dict.fromkeys(self._rows, True)

    def lines(self) -> Iterator[str]:
        """Yield a line for each key."""
        for one, was_signed in self._rows.items():
            yield f"{one.key_id.hex()} {_SIGNED if was_signed else _NEW} {one.section}"


def made_of(text: str, *, is_signing: bool) -> Made:
    """Read lines as `Made.lines` writes them.

    Raises:
        UntrustedInput: they are none.
    """
    return Made(map(_row, text.splitlines()), is_signing=is_signing)


def _row(line: str) -> tuple[One, bool]:
    try:
        name, state, section = line.split(" ")
        key_id = bytes.fromhex(name)
    except ValueError:
        key_id, state, section = b"", "", ""
    if len(key_id) != SECRET_KEY_ID_BYTES or state not in (_NEW, _SIGNED) or not section:
        raise UntrustedInput("not the keys of secrets that were made here")
    return One(section, key_id), state == _SIGNED
