"""UCI files: reading them, and editing without touching the rest (uci.md)."""

import re
from dataclasses import dataclass, field
from itertools import pairwise

from tests.vectors.reader.packing import Refused, need

SPACES = b" \t\r\n\v\f"
LINE_SPACES = b" \t\r\v\f"
KEYWORDS = {b"p": "package", b"c": "config", b"o": "option", b"l": "list"}
KEYWORDS |= {word.encode(): word for word in ("package", "config", "option", "list")}
FILE_SIZE_MAX = 512 * 1024

Value = bytes | list[bytes]


@dataclass
class Statement:
    """A keyword with its arguments, and the section that it belongs to."""

    keyword: str
    words: list[bytes]
    section: int = -1

    def written(self) -> bytes:
        """Write it as `uci export` does."""
        quoted = [b"'" + word.replace(b"'", b"'\\''") + b"'" for word in self.words]
        start = b"" if self.keyword in {"config", "package"} else b"\t"
        return start + b" ".join([self.keyword.encode(), self.words[0], *quoted[1:]])


@dataclass
class Line:
    """One or more lines of the file that belong together."""

    raw: bytes
    statements: list[Statement] = field(default_factory=list)
    comment: bytes = b""

    @property
    def blank(self) -> bool:
        """Whether nothing stands here."""
        return not self.raw.strip(SPACES)


@dataclass
class Section:
    """A section with its options in order."""

    type: str
    name: str | None
    generated: str | None
    options: dict[str, Value]


class Words:
    """Takes words off a file, one statement after another."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def peek(self, count: int = 1) -> bytes:
        return self.data[self.at : self.at + count]

    @property
    def line(self) -> int:
        return self.data.count(b"\n", 0, min(self.at, len(self.data.rstrip(b"\n")))) + 1

    def refuse(self, word: str) -> Refused:
        return Refused(word, self.line)

    def skip(self, kinds: bytes) -> None:
        while self.peek() and self.peek() in kinds:
            self.at += 1

    def to_line_end(self) -> bytes:
        end = self.data.find(b"\n", self.at)
        start, self.at = self.at, len(self.data) if end < 0 else end
        return self.data[start : self.at]

    def keyword(self) -> str:
        found = re.compile(rb"[^ \t\n]*").match(self.data, self.at)
        assert found
        word = KEYWORDS.get(found[0])
        if word is None or self.data[found.end() : found.end() + 1] not in {b" ", b"\t"}:
            raise self.refuse("unknown-command")
        self.at = found.end()
        return word

    def escaped(self) -> bytes:
        """Read what a backslash stands before."""
        for end in (b"\r\n", b"\n"):
            if self.data.startswith(end, self.at + 1):
                self.at += 1 + len(end)
                return b""
        self.at += 2
        return self.data[self.at - 1 : self.at]

    def quoted(self, quote: bytes) -> bytes:
        out = b""
        self.at += 1
        while self.peek() != quote:
            if not self.peek():
                raise self.refuse("open-quote")
            if quote == b'"' and self.peek() == b"\\":
                out += self.escaped()
            else:
                out += self.peek()
                self.at += 1
        self.at += 1
        return out

    def word(self) -> tuple[bytes | None, bool]:
        """Read the next word of the statement, and whether a `;` ended the statement."""
        self.skip(LINE_SPACES)
        out, plain, begun = b"", True, False
        while self.peek() and self.peek() not in SPACES and self.peek() != b"#":
            match self.peek():
                case b";":
                    if begun and plain:
                        self.to_line_end()
                        return out, False
                    self.at += 1
                    return (out if begun else None), True
                case b"'" | b'"' as quote:
                    out, plain, begun = out + self.quoted(quote), False, True
                case b"\\":
                    out, plain, begun = out + self.escaped(), False, True
                case other:
                    out, begun = out + other, True
                    self.at += 1
        return (out if begun else None), False

    def statement(self) -> tuple[Statement, bool]:
        """Read a statement, and whether another may follow."""
        keyword = self.keyword()
        words: list[bytes] = []
        ended = False
        most = 1 if keyword == "package" else 2
        while not ended and len(words) <= most:
            word, ended = self.word()
            if word is None or (not word and (len(words) in {0, most} or keyword == "config")):
                break
            words.append(word)
        if not words:
            raise self.refuse("missing-argument")
        if len(words) > most:
            raise self.refuse("too-many-arguments")
        if keyword in {"option", "list"} and len(words) == 1:
            words.append(b"")
        return Statement(keyword, words), ended


def _named(statement: Statement) -> bool:
    name = rb"[A-Za-z0-9_]+"
    first = {"package": rb"[A-Za-z0-9_-]+", "config": rb"[\x21-\x7e]+"}.get(statement.keyword, name)
    second = statement.words[1:] if statement.keyword == "config" else []
    named = all(re.fullmatch(name, word) for word in second)
    return bool(re.fullmatch(first, statement.words[0]) and named)


def _lines(words: Words) -> list[tuple[Line, int]]:
    lines = []
    while words.at < len(words.data):
        start, statements, more = words.at, [], False
        words.skip(LINE_SPACES)
        while words.peek() not in {b"", b"\n", b"#"}:
            statement, more = words.statement()
            if not _named(statement):
                raise words.refuse("bad-name")
            statements.append(statement)
            words.skip(b" \t")
            if not more:
                break
        if more and words.peek() == b"\n":
            raise words.refuse("behind-semicolon")
        words.skip(LINE_SPACES)
        comment = words.to_line_end() if words.peek() == b"#" else b""
        number = words.line
        words.to_line_end()
        words.at += 1
        lines.append((Line(words.data[start : words.at], statements, comment.rstrip(LINE_SPACES)), number))
    return lines


def _generated(place: int, type_: str) -> str:
    sum_ = 5381
    for byte in type_.encode():
        sum_ = (33 * sum_ + byte) % 2**32
    return f"cfg{place:02x}{sum_ % 2**16:04x}"


class Document:
    """A file: its lines, and the sections that they make."""

    def __init__(self, data: bytes) -> None:
        """Read a file, or refuse it with the line of the error."""
        need(len(data) <= FILE_SIZE_MAX, "too-large")
        if b"\0" in data:
            raise Refused("nul", data.count(b"\n", 0, data.index(b"\0")) + 1)
        self.sections: list[Section] = []
        self.lines: list[Line] = []
        for line, number in _lines(Words(data)):
            for statement in line.statements:
                self._take(statement, number)
            self.lines.append(line)

    def _take(self, statement: Statement, line: int) -> None:
        if statement.keyword == "package":
            return
        naming = 2 if statement.keyword == "config" else 1
        words = [word.decode("ascii") for word in statement.words[:naming]]
        if statement.keyword == "config":
            self._open(words, line)
        elif not self.sections:
            raise Refused("before-section", line)
        else:
            _assign(self.sections[self._current].options, words[0], statement)
        statement.section = self._current

    def _open(self, words: list[str], line: int) -> None:
        name = words[1] if len(words) > 1 else None
        self._current = len(self.sections) if name is None else self.find(name, len(self.sections))
        if self._current < len(self.sections):
            if self.sections[self._current].type != words[0]:
                raise Refused("other-type", line)
            return
        generated = _generated(self._current + 1, words[0]) if name is None else None
        self.sections.append(Section(words[0], name, generated, {}))

    def find(self, name: str, missing: int = -1) -> int:
        """Find the place of a section by its name, or its generated one."""
        places = [place for place, one in enumerate(self.sections) if name in {one.name, one.generated}]
        return places[0] if places else missing

    def render(self) -> bytes:
        """Give the bytes of the file."""
        for line, following in pairwise(self.lines):
            if following.raw and not line.raw.endswith(b"\n"):
                line.raw += b"\n"
        return b"".join(line.raw for line in self.lines)


def _assign(options: dict[str, Value], name: str, statement: Statement) -> None:
    value = statement.words[1]
    if statement.keyword == "option":
        if value:
            options[name] = value
        return
    before = options.get(name, [])
    options[name] = [*(before if isinstance(before, list) else [before]), value]


def _holds(line: Line, wanted: list[Statement]) -> bool:
    return any(one is other for one in line.statements for other in wanted)


def _exploded(
    document: Document, changed: list[Statement], before_new: list[Statement] | None = None
) -> None:
    """Give each statement of a line of its own where one changes, or a line comes behind."""
    lines = []
    for line in document.lines:
        followed = _holds(line, before_new or [])
        is_open = line.raw.rstrip(SPACES).endswith((b";", b"\\"))
        if not (followed and is_open) and (
            len(line.statements) < 2 or not (followed or _holds(line, changed))
        ):
            lines.append(line)
            continue
        for statement in line.statements:
            comment = line.comment if statement is line.statements[-1] else b""
            lines.append(Line(_text(statement, comment), [statement], comment))
    document.lines = lines


def _text(statement: Statement, comment: bytes = b"") -> bytes:
    return statement.written() + (b" " + comment if comment else b"") + b"\n"


def set_option(data: bytes, section: int, name: str, value: Value) -> bytes:
    """Set an option to a text or a list; nothing at all removes it."""
    document = Document(data)
    own = [one for line in document.lines for one in line.statements if one.section == section]
    old = [one for one in own if one.keyword in {"option", "list"} and one.words[0] == name.encode()]
    if (document.sections[section].options.get(name) or b"") == (value or b""):
        return data
    keyword = "list" if isinstance(value, list) else "option"
    items = value if isinstance(value, list) else [value] if value else []
    new = [Statement(keyword, [name.encode(), item], section) for item in items]
    before = after = 0
    if isinstance(value, list) and all(one.keyword == "list" for one in old):
        same = [one.words == other.words for one, other in zip(old, new, strict=False)]
        before = [*same, False].index(False)
        ends = zip(old[before:][::-1], new[before:][::-1], strict=False)
        after = ([one.words == other.words for one, other in ends] + [False]).index(False)
    changed = old[before : len(old) - after]
    anchor = old[before - 1] if before else None if old else own[-1]
    added_behind = [anchor] if anchor and len(new) > len(old) else []
    _exploded(document, changed, added_behind)
    _replace(document, changed, new[before : len(new) - after], anchor or (old + own)[0], above=not anchor)
    return document.render()


def _replace(
    document: Document, old: list[Statement], new: list[Statement], anchor: Statement, *, above: bool
) -> None:
    """Put statements in the place of others; where there is none, beside the anchor."""
    place = {id(one): at for at, line in enumerate(document.lines) for one in line.statements}
    rewritten = [(place[id(one)], other) for one, other in zip(old, new, strict=False)]
    for at, other in rewritten:
        line = document.lines[at]
        document.lines[at] = Line(_text(other, line.comment), [other], line.comment)
    added = [Line(_text(other), [other]) for other in new[len(old) :]]
    at = place[id(old[-1])] + 1 if old else place[id(anchor)] + (not above)
    document.lines[at:at] = added
    gone = {place[id(one)] for one in old[len(new) :]}
    if gone:
        document.lines = [line for here, line in enumerate(document.lines) if here not in gone]


def add_section(data: bytes, type_: str, name: str | None, before: str | None = None) -> bytes:
    """Add a section at the end, or before another one and its comments."""
    document = Document(data)
    words = [type_.encode(), *([name.encode()] if name else [])]
    added = Line(_text(Statement("config", words)))
    if before is None:
        if document.lines:
            _exploded(document, [], document.lines[-1].statements)
        if document.lines and not document.lines[-1].blank:
            document.lines.append(Line(b"\n"))
        document.lines.append(added)
        return document.render()
    _put_above(document, document.find(before), [added, Line(b"\n")])
    return document.render()


def _put_above(document: Document, target: int, added: list[Line]) -> None:
    at = next(
        at for at, line in enumerate(document.lines) if any(one.section == target for one in line.statements)
    )
    at = _above(document, at)
    heading = document.lines[at:]
    document.lines = document.lines[:at]
    _exploded(document, [], document.lines[-1].statements if at else [])
    document.lines += [*added, *heading]


def _above(document: Document, at: int) -> int:
    """Give the place of the first comment line that stands directly above a place."""
    while at and document.lines[at - 1].comment and not document.lines[at - 1].statements:
        at -= 1
    return at


def move_section(data: bytes, section: int, target: int) -> bytes:
    """Move a section that stands behind another one before that and its comments."""
    document = Document(data)
    _exploded(document, [one for line in document.lines for one in line.statements if one.section == section])
    opens = [
        at
        for at, line in enumerate(document.lines)
        if any(one.keyword == "config" for one in line.statements)
    ]
    first = next(at for at in opens if any(one.section == section for one in document.lines[at].statements))
    end = _above(document, min([at for at in opens if at > first], default=len(document.lines)))
    start = _above(document, first)
    taken = document.lines[start:end]
    if taken[-1].raw.strip(SPACES):
        taken.append(Line(b"\n"))
    del document.lines[start:end]
    _put_above(document, target, taken)
    return document.render()


def delete_section(data: bytes, section: int) -> bytes:
    """Remove a section's lines and what stands between them."""
    document = Document(data)
    _exploded(document, [one for line in document.lines for one in line.statements if one.section == section])
    kept: list[Line] = []
    waiting: list[Line] | None = None
    for line in document.lines:
        if any(one.section == section for one in line.statements):
            waiting = []
        elif line.statements or waiting is None:
            kept += [*(waiting or []), line]
            waiting = None
        else:
            waiting.append(line)
    document.lines = kept + (waiting or [])
    return document.render()


def retype(data: bytes, section: int, type_: str) -> bytes:
    """Give a section another type."""
    document = Document(data)
    opened = [
        one
        for line in document.lines
        for one in line.statements
        if one.section == section and one.keyword == "config"
    ]
    _exploded(document, opened)
    new = [Statement("config", [type_.encode(), *one.words[1:]]) for one in opened]
    _replace(document, opened, new, opened[0], above=False)
    return document.render()
