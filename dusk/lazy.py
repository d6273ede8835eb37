"""A property that is computed once: ``functools.cached_property`` without its lock.

Python 3.11 takes a lock at each first access, which costs as much as the hashes that changes
and entries compute lazily. They are immutable and used from one thread, and twice the same
result would do no harm either.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Lazy(Generic[T]):
    """Descriptor that puts its value into the instance's dictionary, which is found first then."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    def __get__(self, instance: object, owner: type) -> T:
        """Compute the value and keep it."""
        value = instance.__dict__[self._name] = self._compute(instance)
        return value
