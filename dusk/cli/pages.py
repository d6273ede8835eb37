"""Lists that the control socket gives a page at a time, as one."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dusk.cli.client import Json
    from dusk.cli.command import Context


def every(context: "Context", method: str, field: str, mark: str, **params: str) -> "list[Json]":
    """Return all rows of a list.

    Args:
        context: asks the daemon.
        method: gives pages; takes ``after``, says whether there are ``more``.
        field: what the rows are called there.
        mark: the field of a row that ``after`` wants; or several, with blanks between, of which it wants all.
        params: what else the method takes.

    Raises:
        Refused: as `Client.call`.
    """
    page = context.call(method, **params)
    rows: list[Json] = list(page[field])
    while page["more"]:
        after = " ".join(rows[-1][one] for one in mark.split())
        page = context.call(method, **params, after=after)
        rows += page[field]
    return rows
