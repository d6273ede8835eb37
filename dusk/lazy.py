"""What is made when it is first needed: values of properties, and the methods of data classes.

A property is ``functools.cached_property`` without its lock. Python 3.11 takes a lock at each first
access, which costs as much as the hashes that changes and entries compute lazily. They are immutable
and used from one thread, and twice the same result would do no harm either.

A data class is the standard library's, but that each of its methods is compiled when it is first
called. There all of them are compiled when the module is imported: that was most of the time that the
import of all rooms took, and memory for some thousand methods that no node calls (P5, P6).
"""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, make_dataclass
from dataclasses import dataclass as _standard
from typing import TYPE_CHECKING, Any, Generic, TypeVar

__all__ = ["Lazy", "dataclass"]

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


# --- data classes ----------------------------------------------------------------------------------

_NOTHING = {"init": False, "repr": False, "eq": False}


def _dataclass(*, frozen: bool = False, slots: bool = False, eq: bool = True) -> Callable[[type], type]:
    """Do as ``dataclasses.dataclass`` does, with methods that are compiled when they are first called.

    For classes with a docstring, no base that is a data class, and no method of those here.

    Args:
        frozen: whether fields cannot be assigned anew.
        slots: whether instances have places for their fields, and no dictionary.
        eq: whether those with equal fields are equal and, if frozen, have the same hash.
    """
    methods: dict[str, Any] = {name: _LATER[name] for name in ("__init__", "__repr__")}
    if eq:
        methods |= {"__eq__": _LATER["__eq__"], "__hash__": _LATER["__hash__"] if frozen else None}
    if frozen:
        methods |= _FROZEN

    def made(plain: type) -> type:
        _standard(**_NOTHING)(plain)
        cls = _with_places(plain) if slots else plain
        for name, method in methods.items():
            setattr(cls, name, method)
        return cls

    return made


def _with_places(plain: type) -> type:
    """Return the same class with a place for each field: what a class has is decided when it is made."""
    names = tuple(field.name for field in fields(plain))
    without = {*names, "__dict__", "__weakref__"}
    inside = {name: value for name, value in vars(plain).items() if name not in without}
    return type(plain)(plain.__name__, plain.__bases__, {**inside, "__slots__": names})


def _later(name: str, option: str) -> Callable[..., Any]:
    """Return a method that all classes share until it is called: that puts a class's own in its place.

    Two threads may do so at once: then it is compiled twice, which is no harm.

    Args:
        name: of the method.
        option: with which the standard library is asked for it.
    """

    def method(self: object, *values: object, **named: object) -> object:
        cls = next(cls for cls in type(self).__mro__ if "__dataclass_fields__" in vars(cls))
        compiled = _compiled(cls, name, option)
        setattr(cls, name, compiled)
        return compiled(self, *values, **named)

    return method


def _compiled(cls: type, name: str, option: str) -> Callable[..., object]:
    """Return one method as the standard library writes it for the fields of a class."""
    rows = [(field.name, field.type, field) for field in fields(cls)]
    # with slots, an __init__ sets also what it is not given: that takes longer, and few classes need it
    wanted: dict[str, Any] = {**_NOTHING, option: True, "slots": any(not row.init for row in fields(cls))}
    # only an __init__ has to get around the ban to assign; for others the ban would be two methods to compile
    wanted["frozen"] = name == "__init__" and vars(cls).get("__setattr__") is _refuse_to_set
    behind = {"__post_init__": None} if hasattr(cls, "__post_init__") else {}
    method: Callable[..., object] = vars(make_dataclass(cls.__name__, rows, namespace=behind, **wanted))[name]
    return method


def _refuse_to_set(_self: object, name: str, _value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


_FROZEN = {"__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete}
_OPTIONS = {"__init__": "init", "__repr__": "repr", "__eq__": "eq", "__hash__": "unsafe_hash"}
_LATER = {name: _later(name, option) for name, option in _OPTIONS.items()}


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _dataclass
