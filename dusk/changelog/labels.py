"""Patterns for hardware labels, as a join key's rule lists them (`specs/log.md`, 3 and 7)."""

import re

NAMED_MIN = 2
"""Letters or digits with which a pattern begins that is not for any hardware."""
_NAMES_HARDWARE = re.compile(rf"[0-9A-Za-z]{{{NAMED_MIN}}}")


def names_hardware(pattern: str) -> bool:
    """Tell whether a pattern is for some hardware, not for any; so its first letters or digits say.

    What else it may be is the owners' to decide. By labels for any hardware nobody takes a member's
    place without a person: whose label is heard would be enough for that (A20).
    """
    return _NAMES_HARDWARE.match(pattern) is not None


def matches(pattern: str, label: str) -> bool:
    """Tell whether a pattern is for a label: ``*`` is any text, ``?`` one character, all else itself.

    At most one step for each pair of characters, whatever the pattern (R10).
    """
    at, here, star, behind = 0, 0, -1, 0
    while here < len(label):
        if at < len(pattern) and pattern[at] == "*":
            star, behind = at, here
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", label[here]):
            at += 1
            here += 1
        elif star >= 0:
            behind += 1
            at, here = star + 1, behind
        else:
            return False
    return not pattern[at:].strip("*")
