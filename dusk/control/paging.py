"""Long lists a page at a time: no answer is more than its line may be, or than one looks at at once."""

import json
from collections.abc import Iterable

from dusk.control.desk import Json

ROWS_MAX = 200
"""A house of routers is one page, a thousand are five."""
BYTES_MAX = 128 * 1024
"""Of rows as JSON: a quarter of a line; 200 routers that all failed have half of it."""


def paged(field: str, mark: str, rows: Iterable[Json], after: str) -> Json:
    """Return the rows behind a mark that fit one answer, and whether there are more.

    Args:
        field: what the rows are called.
        mark: the field by which they are sorted, and told apart; or several, with blanks between, as in
            ``after`` what they say.
        rows: all of them, in the order of their marks; no more are made than are looked at.
        after: the mark of the last row of the page before; empty for the first page.
    """
    shown: list[Json] = []
    size_bytes, fields = 0, mark.split()
    for row in rows:
        if " ".join(str(row[one]) for one in fields) <= after:
            continue
        size_bytes += len(json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode(errors="replace"))
        if len(shown) == ROWS_MAX or (shown and size_bytes > BYTES_MAX):
            return {field: shown, "more": True}
        shown.append(row)
    return {field: shown, "more": False}
