"""How people are told of many things in one line: some of them, and how many more there are."""

from collections.abc import Sequence

__all__ = ["listed"]

_NAMES = ", "


def listed(names: Sequence[str], shown_max: int, between: str = _NAMES) -> str:
    """Name as many as fit a line: ``A, B and 3 more``.

    Args:
        names: all of them, in order.
        shown_max: how many are named, at least one.
        between: what stands between two; behind whole clauses it stands before the number, too.
    """
    shown, more = between.join(names[:shown_max]), len(names) - shown_max
    if more <= 0:
        return shown
    return f"{shown}{' ' if between == _NAMES else between}and {more} more"
