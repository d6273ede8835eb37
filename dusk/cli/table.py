"""Tables that fit the terminal."""

import os
import sys
from collections.abc import Sequence
from typing import TextIO

GAP = "  "
WIDTH_MIN = 6
"""A column is not cut below this many characters."""
WHOLE = frozenset({"KEY", "ID"})
"""Headings of columns that are never cut: who reads one types it again."""


def terminal_width(stream: TextIO | None = None) -> int | None:
    """Return the terminal's width in characters, or None where ``stream`` (the output) is no terminal."""
    try:
        return os.get_terminal_size((stream or sys.stdout).fileno()).columns or None
    except (OSError, ValueError):
        return None


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
    """Return a table as lines; the widest columns but `WHOLE` are cut (``…``) until it fits ``width``."""
    cells = [[printable(str(cell)) for cell in row] for row in (headings, *rows)]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(headings))]
    if width is not None:
        whole = [column for column, heading in enumerate(headings) if heading in WHOLE]
        _shrink(widths, width - len(GAP) * (len(widths) - 1), whole)
    return "\n".join(_line(row, widths) for row in cells)


def _shrink(widths: list[int], room: int, whole: Sequence[int]) -> None:
    columns = [column for column in range(len(widths)) if column not in whole]
    while sum(widths) > room:
        widest = max(columns, key=lambda column: widths[column])
        if widths[widest] <= WIDTH_MIN:
            return  # a terminal so narrow breaks the lines itself
        widths[widest] -= 1


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
