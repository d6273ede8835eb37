"""How people are told of many things in one line: some of them, how many more, or how many there are."""

from collections.abc import Sequence

__all__ = ["counted", "listed"]

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


def counted(count: int, noun: str) -> str:
    """Return how many there are of something, ``1 device`` or ``2 devices``: its plural has an s."""
    return f"{count} {noun}{'s' * (count != 1)}"
