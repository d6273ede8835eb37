"""A UCI file as a document that can be edited without touching the rest.

A document is its lines, grouped in blocks: one before the first section, then one a ``config``
line. Sections and options point at the lines that made them. A change rewrites, adds or empties
lines; every other line keeps its bytes: comments, order, quoting, line ends, bytes that are not
UTF-8. What a file means is what libuci says: a section named twice is one section, later lines
win, ``list`` after ``option`` makes a list of both, an ``option`` with an empty value is nothing.
"""

from dusk.config.names import check_value, is_name, is_type
from dusk.config.parts import Block, Option, Section, Value, generated_name, written
from dusk.config.syntax import Line, Statement, scan
from dusk.errors import ConfigError
from dusk.limits import UCI_FILE_BYTES_MAX

_UNREADABLE_IN_TYPE = frozenset("'\"\\#;")
"""libuci writes a section's type without quotes, so these would not come back."""


class Document:
    """A UCI file that can be edited; made by ``parse``, or empty.

    Args:
        name: what the file is called in errors: the package.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._blocks = [Block(None)]
        self._sections: list[Section] = []
        self._by_name: dict[str, Section] = {}

    @property
    def sections(self) -> tuple[Section, ...]:
        """All sections in order."""
        return tuple(self._sections)

    def section(self, name: str) -> Section | None:
        """Return the section with that name, None if there is none."""
        found = self._by_name.get(name)
        return found if found is not None and found.name == name else None

    def at(self, kind: str, index: int) -> Section | None:
        """Return the section of a type at an index (negative: from the end), None out of range."""
        found = [section for section in self._sections if section.type == kind]
        return found[index] if -len(found) <= index < len(found) else None

    def is_behind(self, section: Section, other: Section) -> bool:
        """Tell whether a section stands behind another."""
        return self._sections.index(section) > self._sections.index(other)

    def check_names(self) -> None:
        """Check that no two sections would be read as one.

        Where sections went or came, the generated name of an anonymous one may be what a later
        one is called by itself.

        Raises:
            ConfigError: that is so.
        """
        generated: set[str] = set()
        for place, section in enumerate(self._sections, 1):
            if section.name is None:
                generated.add(generated_name(section.type, place))
            elif section.name in generated:
                raise ConfigError(
                    f"{self.name}: the section '{section.name}' would become one with an anonymous section"
                    " that gets this name; give it another name"
                )

    def render(self) -> bytes:
        """Return the file's bytes."""
        text = "".join([line.text for block in self._blocks for line in block.lines])
        return text.encode("utf-8", "surrogateescape")

    def read(self, line: Line) -> None:
        """Take over the next line of a file; used by ``parse``."""
        block = self._blocks[-1]
        if line.statement is Statement.CONFIG:
            block = self._add_block(self._open(line), len(self._blocks))
        elif line.statement in (Statement.OPTION, Statement.LIST):
            if block.section is None:
                raise ConfigError(f"{self.name}:{line.number}: {line.statement.value} before any section")
            block.section.read(line)
        block.lines.append(line)

    def _open(self, line: Line) -> Section:
        """Return the section that a ``config`` line means: a new one, or one named before."""
        known = self._by_name.get(line.value) if line.value else None
        if known is None:
            return self._new_section(line.name, line.value or None, len(self._sections))
        if known.type != line.name:
            raise ConfigError(
                f"{self.name}:{line.number}: section '{line.value}' is of type {line.name} here"
                f" and of type {known.type} before"
            )
        return known

    def _new_section(self, kind: str, name: str | None, place: int) -> Section:
        section = Section(kind, name)
        self._sections.insert(place, section)
        self._by_name.setdefault(name or generated_name(kind, len(self._sections)), section)
        return section

    def _add_block(self, section: Section, place: int) -> Block:
        block = Block(section)
        section.blocks.append(block)
        self._blocks.insert(place, block)
        return block

    # --- editing ------------------------------------------------------------------------------

    def set(self, section: Section, option: str, value: Value) -> bool:
        """Give an option a value; an empty text or list takes the option out, as ``uci set`` does.

        Returns:
            Whether anything changed.

        Raises:
            ConfigError: a name or value that UCI cannot hold.
        """
        if section.get(option) == value:
            return False
        if not value:
            return self.remove(section, option)
        if not is_name(option):
            raise ConfigError(f"{self.name}: not an option name: {option!a}")
        is_list = isinstance(value, tuple)
        values = [value] if isinstance(value, str) else list(value)
        entry = section.entries.get(option) or Option()
        for one in values:
            if one not in entry.values:  # what the file has already is kept, whatever it is
                check_value(one, f"{self.name}: {option}")
        section.entries[option] = entry
        section.order(option, entry)
        self._write(section, option, entry, values, Statement.LIST if is_list else Statement.OPTION)
        entry.values, entry.is_list = values, is_list
        return True

    def _write(
        self, section: Section, name: str, entry: Option, values: list[str], statement: Statement
    ) -> None:
        """Make an option's lines say ``values``, keeping those at both ends that already do."""
        old, new = entry.lines, values
        said = [line.value if line.statement is statement else None for line in old]
        start = 0
        if statement is Statement.LIST:
            while start < min(len(old), len(new)) and said[start] == new[start]:
                start += 1
        stop = 0
        while stop < min(len(old), len(new)) - start and said[-1 - stop] == new[-1 - stop]:
            stop += 1
        if start == 0 and stop == len(old):
            stop = 0  # a line is added after another, never before the first
        kept, fresh = old[start : len(old) - stop], new[start : len(new) - stop]
        lines = []
        for line, value in zip(kept, fresh, strict=False):
            self._rewrite(line, statement, value)
            lines.append(line)
        for line in kept[len(fresh) :]:
            self._take_out(line)
        anchor = (old[:start] + lines)[-1:]
        for value in fresh[len(kept) :]:
            added = Line("", 0, statement, name, value)
            added.text = written(added)
            self._insert(section, added, anchor[0] if anchor else None)
            anchor = [added]
            lines.append(added)
        entry.lines = old[:start] + lines + old[len(old) - stop :]

    def remove(self, section: Section, option: str) -> bool:
        """Take an option out; tell whether it was there."""
        entry = section.entries.get(option)
        if entry is None or not entry.values:
            return False
        for line in entry.lines:
            self._take_out(line)
        del section.entries[option]
        return True

    def add_section(self, kind: str, name: str | None, before: Section | None = None) -> Section:
        """Add a section at the end, or before another, whose heading comment it does not split off.

        Raises:
            ConfigError: a type or name that UCI cannot hold, or a name that is taken.
        """
        if not is_type(kind) or not _UNREADABLE_IN_TYPE.isdisjoint(kind):
            raise ConfigError(f"{self.name}: not a section type: {kind!a}")
        if name is not None and (not is_name(name) or name in self._by_name):
            raise ConfigError(f"{self.name}: not a section name, or taken: {name!a}")
        header = Line("", 0, Statement.CONFIG, kind, name or "")
        header.text = written(header)
        if before is None:
            section = self._new_section(kind, name, len(self._sections))
            self._end_with_blank()
            self._add_block(section, len(self._blocks)).lines.append(header)
            return section
        section = self._new_section(kind, name, self._sections.index(before))
        block = Block(section)
        section.blocks.append(block)
        block.lines += [header, Line("\n", 0)]
        self._put_before(block, before)
        return section

    def _put_before(self, block: Block, before: Section) -> None:
        """Put a block directly before a section and its heading."""
        target = before.blocks[0]
        place = self._blocks.index(target)
        heading = _heading(self._blocks[place - 1])
        self._finish_last(place)
        target.lines[:0] = heading
        self._blocks.insert(place, block)

    def move_section(self, section: Section, before: Section) -> None:
        """Move a section that stands behind another one directly before it, each with its heading comment."""
        self._sections.remove(section)
        self._sections.insert(self._sections.index(before), section)
        block = section.blocks[0]
        place = self._blocks.index(block)
        self._finish_last(place)
        for line in block.lines:
            if line.siblings:
                self._normalise(line)
        above, heading = self._blocks[place - 1], _heading(block)
        self._finish(next(line for line in reversed(block.lines) if line.text))
        block.lines[:0] = _heading(above)
        above.lines += heading
        if block.lines[-1].text.strip():
            block.lines.append(Line("\n", 0))
        del self._blocks[place]
        self._put_before(block, before)

    def remove_section(self, section: Section) -> None:
        """Take a section out, with the comments inside it; what follows its last option stays."""
        self._sections.remove(section)
        self._by_name = {name: other for name, other in self._by_name.items() if other is not section}
        for block in section.blocks:
            first = next(i for i, line in enumerate(block.lines) if line.statement is Statement.CONFIG)
            for line in block.lines[first : block.last_statement()]:
                self._take_out(line)
        section.entries.clear()

    def retype(self, section: Section, kind: str) -> bool:
        """Change a section's type; tell whether it was another."""
        if section.type == kind:
            return False
        if not is_type(kind) or not _UNREADABLE_IN_TYPE.isdisjoint(kind):
            raise ConfigError(f"{self.name}: not a section type: {kind!a}")
        section.type = kind
        for header in section.headers():
            header.name = kind
            self._normalise(header)
        return True

    # --- lines --------------------------------------------------------------------------------

    def _rewrite(self, line: Line, statement: Statement, value: str) -> None:
        line.statement, line.value = statement, value
        self._normalise(line)

    def _normalise(self, line: Line) -> None:
        """Write a line canonically, and the others of the same physical line with it."""
        for one in line.siblings or (line,):
            one.text = written(one)
            one.siblings, one.unfinished = (), False

    def _take_out(self, line: Line) -> None:
        self._normalise(line)
        line.text = ""

    def _insert(self, section: Section, line: Line, anchor: Line | None) -> None:
        """Put a line after ``anchor``, or after the section's last statement."""
        block = section.blocks[-1]
        place = block.last_statement()
        if anchor is not None:
            block = next(block for block in section.blocks if anchor in block.lines)
            place = block.lines.index(anchor) + 1
        self._finish(block.lines[place - 1])
        block.lines.insert(place, line)

    def _finish(self, line: Line) -> None:
        """Make sure that a line ends, before another comes after it."""
        ends_open = line.unfinished or line.text.rstrip().endswith(";")
        if line.siblings or (ends_open and line.statement is not Statement.NOTHING):
            self._normalise(line)
        elif not line.text.endswith("\n"):
            line.text += "\n"

    def _end_with_blank(self) -> None:
        """Prepare the end of the file for another section."""
        last = self._finish_last(len(self._blocks))
        if last is not None and last.text.strip():
            self._blocks[-1].lines.append(Line("\n", 0))

    def _finish_last(self, place: int) -> Line | None:
        """Make sure that the last line before the block at ``place`` ends; return it."""
        blocks = reversed(self._blocks[:place])
        last = next((line for block in blocks for line in reversed(block.lines) if line.text), None)
        if last is not None:
            self._finish(last)
        return last


def _heading(block: Block) -> list[Line]:
    """Cut off and return the comment lines that end a block: they head the next section."""
    place = len(block.lines)
    while place > block.last_statement() and block.lines[place - 1].text.strip():
        place -= 1
    heading = block.lines[place:]
    del block.lines[place:]
    return heading


def parse(data: bytes, name: str) -> Document:
    """Read a UCI file as libuci reads it.

    Args:
        data: the file's bytes.
        name: the package, for errors.

    Raises:
        ConfigError: what libuci refuses, as ``name:line: reason``; NUL; too large a file (R10).
    """
    if len(data) > UCI_FILE_BYTES_MAX:
        raise ConfigError(f"{name}: {len(data)} bytes, at most {UCI_FILE_BYTES_MAX}")
    zero = data.find(b"\0")
    if zero >= 0:
        number = data.count(b"\n", 0, zero) + 1
        raise ConfigError(f"{name}:{number}: a NUL byte, which ends lines for libuci")
    document = Document(name)
    for line in scan(data.decode("utf-8", "surrogateescape"), name):
        document.read(line)
    return document
