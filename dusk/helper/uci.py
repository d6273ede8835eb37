"""What a UCI file says, read word by word as libuci does; what libuci refuses is a ``ValueError``."""

import re
from collections.abc import Iterator

Section = tuple[bytes, bytes, dict[bytes, list[bytes]]]  # type, name or nothing, option: values

KEYWORD = re.compile(rb"([pcol]|package|config|option|list)[ \t]")
# Only single characters are repeated possessively: where groups are, Python before 3.11.5 takes for a match
# what is none (gh-106052).
FIRST_GAP = re.compile(rb"\s*+(?:#[^\n]*+\s*+)*")
GAP = re.compile(rb"[ \t]*+(?:#[^\n]*+\s*+)*")  # between statements of one line
# Groups: 1 the line is over; 2 there is no word, which an empty one is, too, to libuci; 3 a bare word and a
# semicolon, behind which libuci loses the rest of the line. None: a word of pieces, up to what ends it.
BEGIN = re.compile(rb"[^\S\n]*+(?:(\n|#[^\n]*+\n?|\Z)|(;)|([^\s'\"\\#;]++);[^\n]*+\n?)?")
END = re.compile(rb"(?=[#;])|\Z|[^\S\n]|(\n)")
PIECE = re.compile(rb"'([^']*+)'|\"|\\(?:\r?\n|\Z|(.))|([^\s'\"\\#;]++)", re.DOTALL)
QUOTED = re.compile(rb"\"|\\(?:\r?\n|(.))|([^\"\\]++)", re.DOTALL)
NAMES = {b"p": re.compile(rb"[\w-]+"), b"c": re.compile(rb"[!-~]+"), b"o": re.compile(rb"\w+")}


class Reader:
    """Reads a text from the front; ``ended`` where libuci would fetch another line."""

    def __init__(self, text: bytes) -> None:
        self.text, self.position, self.ended = text, 0, True

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        """Read what must be there.

        Raises:
            ValueError: it is not there.
        """
        if (found := pattern.match(self.text, self.position)) is None:
            raise ValueError(f"line {self.text.count(10, 0, self.position) + 1} is not UCI")
        self.position = found.end()
        return found

    def word(self) -> bytes:
        """Return the next word of the line; an empty one, too, where there is none."""
        if self.ended:
            return b""
        found = self.match(BEGIN)
        self.ended = found.lastindex in {1, 3}
        return (found[3] or b"") if found.lastindex else b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """Yield what the pieces of a word stand for, and read what ends it."""
        quoted = False
        while quoted or not (end := END.match(self.text, self.position)):
            found = self.match(QUOTED if quoted else PIECE)
            quoted ^= found[0] == b'"'
            yield found[found.lastindex] if found.lastindex else b""
        self.position, self.ended = end.end(), end[1] is not None

    def statements(self) -> Iterator[tuple[bytes, bytes, bytes]]:
        """Yield the first letter of each keyword and its words."""
        while self.match(FIRST_GAP if self.ended else GAP).end() < len(self.text):
            letter, self.ended = self.match(KEYWORD)[1][:1], False
            name, value = self.word(), self.word() if letter != b"p" else b""
            if self.word() or not NAMES.get(letter, NAMES[b"o"]).fullmatch(name):
                raise ValueError(f"line {self.text.count(10, 0, self.position)}: no name, or too many words")
            yield letter, name, value


def sections(text: bytes) -> list[Section]:
    """Return the sections of a file in order; what is said twice holds once, as in libuci.

    Raises:
        ValueError: libuci would refuse the file, too; or there is a NUL in it.
    """
    if 0 in text:
        raise ValueError("there is a NUL")
    found: list[Section] = []
    known: dict[bytes, Section] = {}
    section: Section | None = None
    for letter, name, value in Reader(text).statements():
        if letter == b"c":
            section = known.get(value) or (name, value, {})
            if section[0] != name or (value and not NAMES[b"o"].fullmatch(value)):
                raise ValueError(f"section {value!r} has a bad name, or two types")
            if known.get(value) is not section:
                found.append(section)
                known.setdefault(value or generated(name, len(found)), section)
        elif letter != b"p":
            if section is None:
                raise ValueError("an option stands before any section")
            if letter == b"l":
                section[2].setdefault(name, []).append(value)
            elif value:
                section[2][name] = [value]
    return found


def generated(kind: bytes, count: int) -> bytes:
    """Return the name that libuci gives to the ``count``-th section, if it has none."""
    state = 5381
    for byte in kind:
        state = (state * 33 + byte) & 0xFFFFFFFF
    return b"cfg%02x%04x" % (count, state & 0xFFFF)
