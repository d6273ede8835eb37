"""What a UCI document is made of: options, blocks of lines, sections, and how lines are written.

``entries`` and ``blocks`` belong to the document (``uci``); everybody else reads ``get`` and
``options``.
"""

from collections.abc import Iterator
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from dusk.config.syntax import Line, Statement

Value = str | tuple[str, ...]
"""What an option has: a text, or a list of texts."""


class Removed(NamedTuple):
    """What a section was that is taken out: its type, its name ("" for none), its options in order."""

    type: str
    name: str
    options: tuple[tuple[str, Value], ...]


class Option:
    """An option's lines, and the value that they amount to (none while ``values`` is empty)."""

    __slots__ = ("is_list", "lines", "values")

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.values: list[str] = []
        self.is_list = False

    def value(self) -> Value | None:
        """Return the value, None if there is none."""
        if self.is_list:
            return tuple(self.values)
        return self.values[0] if self.values else None


class Block:
    """The lines from a ``config`` line up to the next; ``section`` is None before the first."""

    __slots__ = ("lines", "section")

    def __init__(self, section: "Section | None") -> None:
        self.section = section
        self.lines: list[Line] = []

    def last_statement(self) -> int:
        """Return the place after the last line that says something."""
        for place in range(len(self.lines), 0, -1):
            line = self.lines[place - 1]
            if line.statement is not Statement.NOTHING and line.text:
                return place
        return 0


class Section:
    """A section: its type, its name (None if it is anonymous) and its options."""

    __slots__ = ("blocks", "entries", "name", "type")

    def __init__(self, kind: str, name: str | None) -> None:
        self.type = kind
        self.name = name
        self.entries: dict[str, Option] = {}
        self.blocks: list[Block] = []

    def get(self, option: str) -> Value | None:
        """Return an option's value, None if it is not there."""
        found = self.entries.get(option)
        return found.value() if found else None

    @property
    def options(self) -> MappingProxyType[str, Value]:
        """All options that are there, in libuci's order."""
        values = ((name, option.value()) for name, option in self.entries.items())
        return MappingProxyType({name: value for name, value in values if value is not None})

    def headers(self) -> Iterator[Line]:
        """Yield the ``config`` lines; there are several if the section is named again."""
        for block in self.blocks:
            yield from (line for line in block.lines if line.statement is Statement.CONFIG)

    def read(self, line: Line) -> None:
        """Take over the next ``option`` or ``list`` line, by libuci's rules."""
        option = self.entries.get(line.name)
        if option is None:
            option = self.entries[line.name] = Option()
        option.lines.append(line)
        if line.statement is Statement.OPTION:
            if line.value:
                self.order(line.name, option)
                option.values, option.is_list = [line.value], False
        else:
            self.order(line.name, option)
            option.values.append(line.value)
            option.is_list = True

    def order(self, name: str, option: Option) -> None:
        """Put an option that has no value yet behind those that have one."""
        if not option.values:
            self.entries[name] = self.entries.pop(name)


@lru_cache(maxsize=1024)
def _type_hash(kind: str) -> int:
    state = 5381
    for character in kind:
        state = (state * 33 + ord(character)) & 0xFFFFFFFF
    return (state & 0x7FFFFFFF) % (1 << 16)


def generated_name(kind: str, count: int) -> str:
    """Return libuci's name for the ``count``-th section (from 1), if it is anonymous."""
    return f"cfg{count:02x}{_type_hash(kind):04x}"


def quoted(value: str) -> str:
    """Write a value as ``uci export`` does."""
    return "'" + value.replace("'", "'\\''") + "'"


def written(line: Line) -> str:
    """Write a line in the canonical form of ``uci export``, with the comment that ended it."""
    words = {
        Statement.NOTHING: "",
        Statement.PACKAGE: f"package {line.name}",
        Statement.CONFIG: f"config {line.name}" + (f" {quoted(line.value)}" if line.value else ""),
        Statement.OPTION: f"\toption {line.name} {quoted(line.value)}",
        Statement.LIST: f"\tlist {line.name} {quoted(line.value)}",
    }[line.statement]
    return f"{words} {line.comment}\n" if line.comment else f"{words}\n"


def texts_of(section: Section, *options: str) -> list[str]:
    """Return the values of options together, texts split at blanks as old files have lists."""
    values = (section.get(option) or () for option in options)
    return [text for value in values for text in (value.split() if isinstance(value, str) else value)]
