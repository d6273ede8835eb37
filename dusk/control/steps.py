"""Work in steps: whoever has it done can see to something else between two of them.

A pure room knows no time. It says where it may be interrupted, often, and the daemon decides when it is.
"""

from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")
Steps = Generator[None, None, Result]
"""Yields where it may be interrupted, and returns what it is for."""


def finished(steps: Steps[Result]) -> Result:
    """Do all steps at once, and return what they are for."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Result = end.value
            return found
