"""The form of a selector: which facts a device must have to be selected by a group."""

from collections.abc import Callable, Mapping, Sequence

from dusk import codec
from dusk.errors import UntrustedInput
from dusk.limits import SELECTOR_FACTS_MAX, SELECTOR_VALUE_BYTES_MAX, SELECTOR_VALUES_MAX

SELECT = "select"
"""The record of a group that says which devices it selects."""

Selector = Sequence[tuple[str, Sequence[str]]]
"""Facts, each with the values of which a device must have one; all of them must hold."""


def check_selector(row: list[object], is_name: Callable[[str], bool]) -> None:
    """Check the record's value: `[[[fact, [value, …]], …]]`, sorted, nothing twice.

    Args:
        row: the decoded value.
        is_name: tells whether a text may be a fact's name.

    Raises:
        UntrustedInput: it is not that.
    """
    (listed,) = codec.fields(row, 1, SELECT)
    names = []
    for condition in codec.items(listed, SELECTOR_FACTS_MAX, SELECT):
        name, values = codec.fields(condition, 2, SELECT)
        names.append(codec.text(name, 63, "selected fact"))
        texts = [
            codec.text(value, SELECTOR_VALUE_BYTES_MAX, "selected value")
            for value in codec.items(values, SELECTOR_VALUES_MAX, "selected values")
        ]
        if not texts or texts != sorted(set(texts)):
            raise UntrustedInput("select: values missing, not sorted, or one twice")
    if not names or names != sorted(set(names)) or not all(map(is_name, names)):
        raise UntrustedInput("select: facts missing, not sorted, one twice, or no name of one")


def selects(selector: Selector, facts: Mapping[str, str | Sequence[str]]) -> bool:
    """Tell whether a device with these facts is selected; a list has a value if it contains that."""
    return all(_has(facts.get(name), values) for name, values in selector)


def _has(fact: str | Sequence[str] | None, values: Sequence[str]) -> bool:
    had = () if fact is None else (fact,) if isinstance(fact, str) else fact
    return not set(values).isdisjoint(had)
