"""Lines of a UCI file, read exactly as libuci reads them.

Most lines fit one pattern. The others go through ``_Reader``, which follows libuci's parser
step by step, odd corners included (they are listed in ``specs/uci.md``), because a file that
the router's own tools read must mean the same here.
"""

import re
from collections.abc import Callable, Iterator
from enum import Enum

from dusk.config.names import is_name, is_package, is_type
from dusk.errors import ConfigError
from dusk.lazy import dataclass


class Statement(Enum):
    """What a line says."""

    NOTHING = ""
    PACKAGE = "package"
    CONFIG = "config"
    OPTION = "option"
    LIST = "list"


@dataclass(slots=True, eq=False)
class Line:
    """One statement, or a blank or comment line, with the text that it came from.

    Args:
        text: the raw text, line ends included; emptied when the line is taken out.
        number: where it begins, from 1.
        statement: what it says.
        name: the package's name, the section's type or the option's name.
        value: the section's name ("" if it has none) or the option's value.
        comment: a comment that ends the line, from its ``#`` on.
        siblings: the other statements of the same line (``option a 'b'; option c 'd'``).
        unfinished: the file ended inside a continued line.
    """

    text: str
    number: int
    statement: Statement = Statement.NOTHING
    name: str = ""
    value: str = ""
    comment: str = ""
    siblings: tuple["Line", ...] = ()
    unfinished: bool = False


_PLAIN = re.compile(
    r"[ \t]*(?:"
    r"(option|list)[ \t]+(['\"]?)([A-Za-z0-9_]+)\2[ \t]+(?:'([^'\n]*)'|\"([^\"\\\n]*)\"|([^\s'\"#;\\]+))"
    r"|config[ \t]+([!$-&(-:<-\[\]-~]+)(?:[ \t]+(['\"]?)([A-Za-z0-9_]+)\8)?"
    r"|(?=[#\r\n])"
    r")[ \t]*(#[^\r\n]*)?\r?\n"
)
"""A line with one statement in the usual spelling, or none at all."""

_COMMAND = re.compile(r"(p|package|c|config|o|option|l|list)[ \t]")
_COMMANDS = {
    "p": Statement.PACKAGE,
    "c": Statement.CONFIG,
    "o": Statement.OPTION,
    "l": Statement.LIST,
}
_BLANKS = " \t"
_SPACES = " \t\n\v\f\r"
_STOPS = {"'": re.compile("'"), '"': re.compile(r'["\\]')}
"""Where a piece in these quotes is not plain text."""


def scan(text: str, name: str) -> Iterator[Line]:
    """Yield the lines of a UCI text in order; their texts joined are the text.

    Args:
        text: the file, decoded with ``surrogateescape``, without NUL.
        name: what the file is called in errors.

    Raises:
        ConfigError: what libuci refuses, as ``name:line: reason``.
    """
    position, number, size = 0, 1, len(text)
    while position < size:
        plain = _PLAIN.match(text, position)
        if plain is None:
            reader = _Reader(text, position, number, name)
            yield from reader.lines()
            number += text.count("\n", position, reader.end)
            position = reader.end
        else:
            yield _plain_line(plain, number)
            number += 1
            position = plain.end()


def words(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the words of every line that has any, quoted as in UCI files.

    Args:
        text: such as the input of ``uci batch``, without NUL.
        name: what the text is called in errors.

    Raises:
        ConfigError: an unterminated quote, or text after ``;`` or an empty word.
    """
    position, number = 0, 1
    while position < len(text):
        reader = _Reader(text, position, number, name)
        found = reader.words()
        if found:
            yield number, found
        number += text.count("\n", position, reader.end)
        position = reader.end


def _plain_line(plain: re.Match[str], number: int) -> Line:
    """Build the line that the pattern found."""
    keyword, _, option, single, double, bare, kind, _, section, comment = plain.groups()
    if keyword is not None:
        statement = Statement.OPTION if keyword == "option" else Statement.LIST
        value = single if single is not None else double if double is not None else bare
        return Line(plain[0], number, statement, option, value, comment or "")
    if kind is not None:
        return Line(plain[0], number, Statement.CONFIG, kind, section or "", comment or "")
    return Line(plain[0], number)


class _Reader:
    """Reads one logical line, which quotes and backslashes may stretch over several.

    ``position`` is libuci's cursor and ``end`` the end of what it has fetched: where libuci
    sees a NUL, ``position == end`` here.
    """

    def __init__(self, text: str, position: int, number: int, name: str) -> None:
        self.text = text
        self.origin = self.begin = self.position = self.end = position
        self.number = number
        self.name = name
        self.comment = ""
        self.unfinished = False
        self._fetch()

    def lines(self) -> tuple[Line, ...]:
        """Return one line a statement, or a single one that says nothing."""
        found: list[Line] = []
        self._skip(_SPACES)
        while self._more():
            found.append(self._statement())
            line = found[-1]
            start = self.position
            if self._more():
                line.text = self.text[self.begin : start]
                self.begin = start
        if not found:
            return (Line(self.text[self.begin : self.end], self.number),)
        last = found[-1]
        last.text = self.text[self.begin : self.end]
        last.comment, last.unfinished = self.comment, self.unfinished
        if len(found) > 1:
            siblings = tuple(found)
            for line in found:
                line.siblings = siblings
        return tuple(found)

    def words(self) -> list[str]:
        """Return all words of the line, which must not go on after an empty one."""
        found: list[str] = []
        while word := self._argument():
            found.append(word)
        self._skip(_SPACES)
        if self.position < self.end:
            raise self._error("more text after ';' or an empty word")
        return found

    def _more(self) -> bool:
        """Tell whether another statement follows on this line."""
        self._skip(_BLANKS)
        if self._current() == "#":
            self._cut(is_comment=True)
        return self.position < self.end

    def _statement(self) -> Line:
        """Read a command word with its arguments."""
        command = _COMMAND.match(self.text, self.position)
        if command is None:
            raise self._error("invalid command")
        number = self._line_at(self.position)
        self.position = command.end()
        statement = _COMMANDS[command[1][0]]
        if statement is Statement.PACKAGE:
            name, value = self._name("package name", is_package), ""
        elif statement is Statement.CONFIG:
            name, value = self._name("section type", is_type), self._argument()
            if value and not is_name(value):
                raise self._error("invalid character in the section name")
        else:
            name, value = self._name("option name", is_name), self._argument()
        if self._argument():
            raise self._error("too many arguments")
        return Line("", number, statement, name, value)

    def _name(self, what: str, is_valid: Callable[[str], bool]) -> str:
        """Read a word that must be there and valid."""
        word = self._argument()
        if not word:
            raise self._error(f"insufficient arguments: the {what} is missing")
        if not is_valid(word):
            raise self._error(f"invalid character in the {what}")
        return word

    def _argument(self) -> str:
        """Read the next word; "" if there is none (an empty word counts as none)."""
        self._skip(_SPACES)
        if self._current() == ";":
            self.position += 1
            return ""
        return self._word()

    def _word(self) -> str:
        """Read a word: pieces in either quotes or none, up to white space."""
        parts: list[str] = []
        is_verbatim = True
        while self.position < self.end:
            character = self.text[self.position]
            if character == "#":
                self._cut(is_comment=True)
                break
            if character == ";":
                if is_verbatim:
                    # libuci ends the word by writing NUL over the semicolon: the rest is lost.
                    self._cut(is_comment=False)
                return "".join(parts)
            if character in "'\"":
                parts.append(self._quoted(character))
                is_verbatim = False
            elif character == "\\":
                parts.append(self._escaped())
                is_verbatim = False
            else:
                parts.append(character)
                self.position += 1
            if self._current() in _SPACES:
                break
        if self.position < self.end:
            self.position += 1
        return "".join(parts)

    def _quoted(self, quote: str) -> str:
        """Read a quoted piece; backslashes count in double quotes only."""
        parts: list[str] = []
        stops = _STOPS[quote]
        self.position += 1
        while True:
            stop = stops.search(self.text, self.position, self.end)
            upto = stop.start() if stop else self.end
            parts.append(self.text[self.position : upto])
            self.position = upto
            if stop is None:
                self._fetch()
                if self.position == self.end:
                    raise self._error(f"unterminated {quote}")
            elif stop[0] == quote:
                self.position += 1
                return "".join(parts)
            else:
                parts.append(self._escaped())

    def _escaped(self) -> str:
        """Read a backslash: the character after it stands for itself, a line end for nothing."""
        self.position += 1
        if self.text[self.position : self.end] in ("", "\n", "\r\n"):
            self.position = self.end
            self._fetch()
            self.unfinished = self.position == self.end
            return ""
        self.position += 1
        return self.text[self.position - 1]

    def _fetch(self) -> None:
        """Make the next line of the file readable."""
        newline = self.text.find("\n", self.end)
        self.end = len(self.text) if newline < 0 else newline + 1

    def _cut(self, *, is_comment: bool) -> None:
        """Ignore the rest of the line."""
        if is_comment:
            self.comment = self.text[self.position : self.end].rstrip("\r\n")
        self.position = self.end

    def _skip(self, characters: str) -> None:
        while self.position < self.end and self.text[self.position] in characters:
            self.position += 1

    def _current(self) -> str:
        """Return the character at the cursor, "" at the end of what was fetched."""
        return self.text[self.position] if self.position < self.end else ""

    def _error(self, reason: str) -> ConfigError:
        """Name the file and the last line that was read, as libuci does."""
        return ConfigError(f"{self.name}:{self._line_at(self.end - 1)}: {reason}")

    def _line_at(self, position: int) -> int:
        return self.number + self.text.count("\n", self.origin, position)
