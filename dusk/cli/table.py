"""Tables that fit the terminal."""

import os
import sys
from collections.abc import Sequence
from textwrap import fill
from typing import TextIO

GAP = "  "
WIDTH_MIN = 6
"""A column is not cut below this many characters."""
WHOLE = frozenset({"GROUP", "ID", "KEY", "NAME", "PREFIX", "ROUTER", "SCOPE", "SECTION", "USER", "VERSION"})
"""Headings of columns that are never cut: who reads one types it again."""
_WIDTHS_MIN = {"TIME": 18}
"""Columns that say nothing any more if they are cut further: a time without its minutes."""
_LAST_MIN = 16
"""The last column, which is a sentence or a list, is cut to this before any other one is."""


def terminal_width(stream: TextIO | None = None) -> int | None:
    """Return the terminal's width in characters, or None where ``stream`` (the output) is no terminal."""
    try:
        return os.get_terminal_size((stream or sys.stdout).fileno()).columns or None
    except (OSError, ValueError):
        return None


def wrapped(text: str, width: int | None) -> str:
    """Break lines between words, where a terminal would break them anywhere; no word is cut."""
    if width is None:
        return text
    lines = text.split("\n")
    return "\n".join(
        fill(line, width, break_long_words=False, break_on_hyphens=False, drop_whitespace=True)
        if len(line) > width
        else line
        for line in lines
    )


def field(name: str, value: str, indent: int, width: int | None) -> str:
    """Return a name with its value, whose further lines stand below its first; no word is cut.

    Args:
        name: what stands in front.
        value: without line ends.
        indent: in which column values begin.
        width: the terminal's; None breaks nothing.
    """
    line = f"{name:<{indent}}{value}".rstrip()
    if width is None or len(line) <= width:
        return line
    return fill(
        line,
        max(width, indent + WIDTH_MIN),
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def printable(text: str) -> str:
    """Return ``text`` with control characters escaped, so that no name moves the cursor."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def shown(text: str) -> str:
    """Return a text of several lines with control characters escaped, but for line ends and tabs."""
    return "".join(c if c in "\n\t" else printable(c) for c in text)


def shown_json(document: object) -> str:
    """Return a document as JSON in which every character that a terminal might obey is escaped."""
    import json

    text = json.dumps(document, ensure_ascii=False)
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)


def render(headings: Sequence[str], rows: Sequence[Sequence[object]], width: int | None) -> str:
    """Return a table as lines; where it does not fit ``width`` columns but `WHOLE` are cut (``…``).

    First the last one, then whichever is the widest.
    """
    cells = [[printable(str(cell)) for cell in row] for row in (headings, *rows)]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(headings))]
    if width is not None:
        least = [
            size if heading in WHOLE else min(size, _WIDTHS_MIN.get(heading, WIDTH_MIN))
            for heading, size in zip(headings, widths, strict=True)
        ]
        _shrink(widths, width - len(GAP) * (len(widths) - 1), least)
    return "\n".join(_line(row, widths) for row in cells)


def _shrink(widths: list[int], room: int, least: Sequence[int]) -> None:
    """Make columns narrower until they fit, none below its least width."""
    widths[-1] = max(min(widths[-1], room - sum(widths[:-1])), min(widths[-1], max(_LAST_MIN, least[-1])))
    while sum(widths) > room:
        columns = [column for column, size in enumerate(widths) if size > least[column]]
        if not columns:
            return  # a terminal so narrow breaks the lines itself
        widths[max(columns, key=lambda column: widths[column])] -= 1


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return GAP.join(_fit(cell, size) for cell, size in zip(row, widths, strict=True)).rstrip()


def shortened(text: str, width: int | None) -> str:
    """Return ``text``, cut (``…``) where it does not fit ``width``."""
    return text if width is None else _fit(text, width).rstrip()


def _fit(cell: str, size: int) -> str:
    if _width(cell) <= size:
        return cell + " " * (size - _width(cell))
    kept = ""
    for character in cell:
        if _width(kept + character) > size - 1:
            break
        kept += character
    return kept + "…" + " " * (size - 1 - _width(kept))


def _width(text: str) -> int:
    """Return how many cells a text takes; East Asian wide characters take two."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
