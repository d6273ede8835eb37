"""Parameters of methods, checked strictly: every name known, every value of its kind."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from dusk import limits
from dusk.control.desk import Json
from dusk.errors import Refused
from dusk.lazy import dataclass

Check = Callable[[object, str], Any]
"""Returns the value as the method wants it, or raises ``Refused("bad-params", …)``."""

NAME_CHARACTERS_MAX = 255
LIST_MAX = 1024
_REQUIRED = object()


def _bad(what: str, wanted: str) -> Refused:
    return Refused("bad-params", f"{what}: {wanted} is wanted")


def text(characters_max: int = NAME_CHARACTERS_MAX) -> Check:
    """Accept a text of at most so many characters."""

    def check(value: object, what: str) -> str:
        if not isinstance(value, str):
            raise _bad(what, "a text")
        if len(value) > characters_max:
            raise Refused("bad-params", f"{what}: {len(value)} characters, at most {characters_max}")
        if any(0xD800 <= ord(c) <= 0xDFFF for c in value):
            raise Refused("bad-params", f"{what}: not UTF-8 text")
        return value

    return check


def hexadecimal(size_bytes: int) -> Check:
    """Accept so many bytes in lower-case hex."""

    def check(value: object, what: str) -> str:
        is_hex = isinstance(value, str) and re.fullmatch(r"[0-9a-f]*", value) is not None
        if not is_hex or len(str(value)) != 2 * size_bytes:
            raise _bad(what, f"{size_bytes} bytes in hex")
        return str(value)

    return check


def integer(low: int, high: int) -> Check:
    """Accept an integer within both bounds."""

    def check(value: object, what: str) -> int:
        if type(value) is not int or not low <= value <= high:
            raise _bad(what, f"an integer from {low} to {high}")
        return value

    return check


def seconds(high: float) -> Check:
    """Accept a length of time in seconds."""

    def check(value: object, what: str) -> float:
        if type(value) not in (int, float) or not isinstance(value, int | float) or not 0 <= value <= high:
            raise _bad(what, f"a number of seconds from 0 to {high:.0f}")
        return float(value)

    return check


def flag(value: object, what: str) -> bool:
    """Accept true or false."""
    if not isinstance(value, bool):
        raise _bad(what, "true or false")
    return value


def choice(*words: str) -> Check:
    """Accept one of some words."""

    def check(value: object, what: str) -> str:
        if value not in words or not isinstance(value, str):
            raise _bad(what, "one of " + ", ".join(words))
        return value

    return check


def texts(characters_max: int = NAME_CHARACTERS_MAX) -> Check:
    """Accept a list of texts."""
    one = text(characters_max)

    def check(value: object, what: str) -> tuple[str, ...]:
        if not isinstance(value, list) or len(value) > LIST_MAX:
            raise _bad(what, f"a list of at most {LIST_MAX} texts")
        return tuple(one(item, what) for item in value)

    return check


def rows(name: str) -> Check:
    """Accept a list of ``{<name>: text, "values": [texts]}``."""
    key, values = text(limits.RECORD_KEY_BYTES_MAX), texts(limits.VALUE_BYTES_MAX * 2)

    def check(value: object, what: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        if not isinstance(value, list) or not 0 < len(value) <= LIST_MAX:
            raise _bad(what, f"a list of 1 to {LIST_MAX} objects")
        found = []
        for item in value:
            if not isinstance(item, dict) or set(item) != {name, "values"}:
                raise _bad(what, f'a list of {{"{name}": …, "values": […]}}')
            found.append((key(item[name], what), values(item["values"], what)))
        return tuple(found)

    return check


def expected() -> Check:
    """Accept a list of ``{"label", "name", "groups", "variables": {name: text or texts}}``."""
    word, groups, value, values = text(), texts(), text(limits.VALUE_BYTES_MAX), texts(limits.VALUE_BYTES_MAX)

    def variables(given: object, what: str) -> Json:
        if not isinstance(given, dict) or len(given) > limits.EXPECTED_VARIABLES_MAX:
            raise _bad(what, "variables: an object of names with a text or a list of texts")
        return {
            word(name, what): list(values(item, what)) if isinstance(item, list) else value(item, what)
            for name, item in given.items()
        }

    def check(given: object, what: str) -> tuple[Json, ...]:
        if not isinstance(given, list) or not 0 < len(given) <= LIST_MAX:
            raise _bad(what, f"a list of 1 to {LIST_MAX} objects")
        found = []
        for item in given:
            if not isinstance(item, dict) or set(item) != {"label", "name", "groups", "variables"}:
                raise _bad(what, 'a list of {"label": …, "name": …, "groups": […], "variables": {…}}')
            label, name = word(item["label"], what), word(item["name"], what)
            found.append(
                {
                    "label": label,
                    "name": name,
                    "groups": groups(item["groups"], what),
                    "variables": variables(item["variables"], what),
                }
            )
        return tuple(found)

    return check


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; without a default it must be there, and null means the default."""

    check: Check
    default: object = _REQUIRED


def check_parameters(parameters: Mapping[str, Parameter], given: object) -> Json:
    """Return all parameters of a call.

    Raises:
        Refused: ``bad-params``, naming the parameter.
    """
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise Refused("bad-params", "parameters are an object of names with values")
    unknown = sorted(set(map(str, given)) - set(parameters))
    if unknown:
        raise Refused("bad-params", f"there is no parameter {', '.join(unknown)}")
    found: Json = {}
    for name, parameter in parameters.items():
        value = given.get(name)
        if value is None:
            if parameter.default is _REQUIRED:
                raise Refused("bad-params", f"the parameter {name} is missing")
            found[name] = parameter.default
        else:
            found[name] = parameter.check(value, name)
    return found
