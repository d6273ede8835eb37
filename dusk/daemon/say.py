"""What the daemon says on standard error, where procd sends it to the system log."""

import os
import sys
from contextlib import suppress

LINE_CHARACTERS_MAX = 1000
"""The system log cuts longer lines anyway."""


def one_line(text: str) -> str:
    """Return text without anything that breaks a line or moves a terminal's cursor (A33)."""
    shown = "".join(
        character if character.isprintable() else f"\\x{ord(character):02x}"
        for character in text[:LINE_CHARACTERS_MAX]
    )
    return shown if len(text) <= LINE_CHARACTERS_MAX else shown + "…"


def say(text: str) -> None:
    """Write one line; a closed or full standard error never stops the daemon."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"dusk: {one_line(text)}\n")
        sys.stderr.flush()


def wants_tracebacks() -> bool:
    """Whether ``DUSK_DEBUG=1`` asks for them."""
    return os.environ.get("DUSK_DEBUG") == "1"
