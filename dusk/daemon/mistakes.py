"""What a mistake of our own raises, and how it is told: one line, a traceback only if asked for.

To want more memory than there is counts as one: what is made of outside bytes is bounded, so a bound was
forgotten. Whoever asked is answered, and the others go on.
"""

import sys
import traceback

from dusk.daemon.say import say, wants_tracebacks

MISTAKES = (ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, TypeError, ValueError)


def describe(error: BaseException) -> str:
    """Return it in one line; print the traceback if ``DUSK_DEBUG=1``."""
    if wants_tracebacks():
        traceback.print_exception(error, file=sys.stderr)
    return f"internal error: {type(error).__name__}: {error}"


def report(error: BaseException) -> str:
    """Say it in one line, and return that line."""
    line = describe(error)
    say(line)
    return line
