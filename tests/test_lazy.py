"""Data classes whose methods are compiled late are those of the standard library in all that can be seen."""

import dataclasses
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import lazy

Decorator = Callable[[type], type]
OURS: Any = lazy.dataclass
STANDARD: Any = dataclass
FORMS: tuple[dict[str, bool], ...] = (
    {"frozen": True, "slots": True},
    {"frozen": True},
    {"slots": True},
    {"slots": True, "eq": False},
    {},
)


def _point(decorate: Decorator) -> Any:
    class Point:
        """Fields of every kind."""

        x: int
        name: str = field(repr=False)
        seen: list[int] = field(default_factory=list, compare=False)
        label: str = "none"
        made: bool = field(init=False, compare=False, default=False)

        def doubled(self) -> int:
            return 2 * self.x

    Point.__qualname__ = "Point"
    return decorate(Point)


def _pair(form: dict[str, bool]) -> tuple[Any, Any]:
    return _point(OURS(**form)), _point(STANDARD(**form))


def _hash_of(value: object) -> int | None:
    try:
        return hash(value)
    except TypeError:
        return None


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_they_are_shown_and_taken_apart_as_the_standard_ones(form: dict[str, bool]) -> None:
    ours, standard = (cls(1, "a", label="b") for cls in _pair(form))
    assert repr(ours) == repr(standard) == "Point(x=1, seen=[], label='b', made=False)"
    assert dataclasses.asdict(ours) == dataclasses.asdict(standard)
    assert [found.name for found in dataclasses.fields(ours)] == ["x", "name", "seen", "label", "made"]
    assert type(ours).__match_args__ == type(standard).__match_args__
    assert hasattr(ours, "__dict__") == hasattr(standard, "__dict__")
    assert type(ours).__doc__ == "Fields of every kind."
    assert ours.doubled() == 2
    with pytest.raises(AttributeError):
        assert ours.missing


@pytest.mark.parametrize("form", FORMS, ids=str)
@given(st.integers(0, 1), st.sampled_from("ab"), st.integers(0, 1), st.sampled_from("ab"))
def test_they_are_equal_where_the_standard_ones_are(
    form: dict[str, bool], x: int, name: str, other_x: int, other_name: str
) -> None:
    ours, standard = ((cls(x, name, [1]), cls(other_x, other_name, [2]), cls(x, name)) for cls in _pair(form))
    assert [mine == ours[0] for mine in ours] == [one == standard[0] for one in standard]
    assert ours[0] != (x, name, "none")
    if form.get("eq", True):
        assert [_hash_of(mine) for mine in ours] == [_hash_of(one) for one in standard]
    else:
        assert len({*ours}) == 3


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_they_are_assigned_to_only_where_the_standard_ones_are(form: dict[str, bool]) -> None:
    ours = _pair(form)[0](1, "a")
    if form.get("frozen"):
        with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
            ours.x = 2
        with pytest.raises(FrozenInstanceError, match="cannot delete field 'x'"):
            del ours.x
        assert ours.x == 1
        return
    ours.x = 2
    assert ours.x == 2
    del ours.x
    assert not hasattr(ours, "x")


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_value_can_be_replaced_and_wrong_arguments_are_refused(form: dict[str, bool]) -> None:
    ours, standard = _pair(form)
    assert repr(dataclasses.replace(ours(1, "a"), x=3)) == repr(dataclasses.replace(standard(1, "a"), x=3))
    few: tuple[object, ...] = (1,)
    for wrong in ((), few, (1, "a", [], "b", True)):
        with pytest.raises(TypeError) as told:
            ours(*wrong)
        with pytest.raises(TypeError) as told_by_standard:
            standard(*wrong)
        assert str(told.value) == str(told_by_standard.value)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_what_follows_the_fields_is_computed_from_them(form: dict[str, bool]) -> None:
    @lazy.dataclass(**form)
    class Sum:
        """Says what its fields add up to."""

        parts: tuple[int, ...]
        total: int = field(init=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "total", sum(self.parts))

    assert Sum((1, 2)).total == 3


def test_a_default_that_instances_would_share_is_refused() -> None:
    shares = type("Shares", (), {"__doc__": "Shares a list.", "__annotations__": {"held": list}, "held": []})
    with pytest.raises(ValueError, match="mutable default"):
        OURS(slots=True)(shares)


def test_a_property_is_computed_once() -> None:
    computed: list[int] = []

    class Holder:
        @lazy.Lazy
        def value(self) -> int:
            computed.append(1)
            return 7

    holder = Holder()
    assert [holder.value, holder.value] == [7, 7]
    assert computed == [1]


def test_a_method_is_compiled_at_its_first_call_and_then_is_the_class_s_own() -> None:
    made = _point(OURS(frozen=True, slots=True))
    before = dict(vars(made))
    first = made(1, "a")
    assert vars(made)["__init__"] is not before["__init__"]
    assert vars(made)["__eq__"] is before["__eq__"]
    assert first == made(1, "a")
    assert vars(made)["__eq__"] is not before["__eq__"]
    assert made(2, "b").x == 2


def test_a_method_that_a_subclass_calls_first_is_compiled_for_the_class_that_has_the_fields() -> None:
    made = _point(OURS(frozen=True))

    class Named(made):  # type: ignore[valid-type, misc]  # the class is made by the test
        def __init__(self, name: str) -> None:
            super().__init__(1, name)

    assert Named("a") == Named("a") != made(1, "a")
    assert made(1, "b").name == "b"
    assert "__eq__" not in vars(Named)
