"""A device's name, as the fold decides it: the same on every replica, for ever (R2).

Only ASCII rules are used: a letter's lower case must not depend on the Unicode tables of
the Python that happens to run.
"""

import re
from collections.abc import Collection
from itertools import count

NAME_CHARACTERS_MAX = 63
"""A host name label (RFC 1123), and a path component of ours."""
NUMBER_PLACE = "{n}"
"""Stands for the smallest number from 1 that makes the name free."""
WANTED_PLACE = "{name}"
"""Stands for the name that the device wants."""
FALLBACK = "router"
"""The name where neither template nor wish leaves a usable character."""

_AROUND_NUMBER_MAX = 24
"""Characters kept before and behind a number, so that shortening never cuts the number."""

_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_UNUSABLE = re.compile(r"[^a-z0-9]+")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def is_name(name: str) -> bool:
    """Tell whether a text can be a device's name: ``[a-z0-9-]``, single inner hyphens, 1 to 63."""
    return len(name) <= NAME_CHARACTERS_MAX and _NAME.fullmatch(name) is not None


def plain_name(text: str) -> str:
    """Return ``text`` in the alphabet of names, shortened; empty if nothing is left of it."""
    return _UNUSABLE.sub("-", text.translate(_LOWER)).strip("-")[:NAME_CHARACTERS_MAX].rstrip("-")


def decide_name(wanted: str, template: str, taken: Collection[str]) -> str:
    """Return the name of a new device.

    The join key's template decides if there is one: it is the owners' word, the wish is the
    device's. ``{name}`` in it stands for the wish, the first ``{n}`` for a number. Where the
    result is taken and has no number, ``-2``, ``-3``, … is added.

    Args:
        wanted: the device's wish, any text, may be empty.
        template: the join key's template, any text, may be empty.
        taken: names that are in use; a set where there are many.

    Returns:
        A name for which ``is_name`` holds and that is not in ``taken``.
    """
    before, number, after = template.partition(NUMBER_PLACE)
    if number:
        before, after = _filled(before, wanted), _filled(after, wanted)
        return _first_free(before[:_AROUND_NUMBER_MAX], after[:_AROUND_NUMBER_MAX], 1, taken)
    base = plain_name(_filled(template, wanted) if template else wanted) or FALLBACK
    return base if base not in taken else _first_free(base[: 2 * _AROUND_NUMBER_MAX] + "-", "", 2, taken)


def _filled(template: str, wanted: str) -> str:
    """Put the wish where the template has its place for it."""
    return template.replace(WANTED_PLACE, wanted)


def _first_free(before: str, after: str, first: int, taken: Collection[str]) -> str:
    """Return the first free name of ``before``, a number, ``after``; ends, for each number gives another."""
    names = (plain_name(f"{before}{number}{after}") for number in count(first))
    return next(name for name in names if name not in taken)
