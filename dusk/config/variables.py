"""Variables in values: ``${name}``, ``${name:-default}``, ``$${`` for the two characters.

Only ``${`` means anything; every other ``$``, quote, backslash or ``#`` is itself. What comes
out is data: it is not read again, so a variable's value cannot name another variable.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from dusk.config.names import check_value
from dusk.config.sealing import Sealed, reference_in
from dusk.errors import ConfigError
from dusk.limits import MADE_CHARACTERS_MAX, MADE_TEXT_CHARACTERS, VALUE_BYTES_MAX

VariableValue = str | tuple[str, ...] | Sealed
"""A variable is a text, a list of texts, or one of these, sealed."""

USE = "${"
"""What every use of a variable begins with; a text without it means itself."""
_USE = re.compile(r"\$\$\{|\$\{(?:([A-Za-z0-9_]+|fact\.[A-Za-z0-9_]+)(?::-([^}]*))?\})?")
_NAME = re.compile(r"[A-Za-z0-9_]{1,64}")
_FACT_NAMES = frozenset({"mac6"})
"""Facts that need no ``fact.`` before them."""
FACT = re.compile(rf"fact\.[A-Za-z0-9_]+|{'|'.join(_FACT_NAMES)}")
"""A name that stands for what the device reports."""


def check_variable(name: str, value: str | tuple[str, ...]) -> None:
    """Check a variable before it is signed.

    Raises:
        ConfigError: a name that ``${…}`` cannot hold or that facts use, or a value that UCI cannot.
    """
    if not _NAME.fullmatch(name) or name in _FACT_NAMES:
        raise ConfigError(
            f"{name!a}: not a variable name: letters, digits and _, not {', '.join(_FACT_NAMES)}"
        )
    for one in (value,) if isinstance(value, str) else value:
        check_value(one, f"variable {name}")


def as_it_stands(text: str) -> str:
    """Return a value that uses nothing, and comes out as this text."""
    return text.replace(USE, f"${USE}")


def uses_in(value: str) -> Iterator[tuple[str, bool]]:
    """Yield each variable or fact that a value uses, and whether a default stands behind it."""
    for use in _USE.finditer(value):
        if use[1] is not None:
            yield use[1], use[2] is not None


class Made:
    """Counts what is made of the settings of one device, or of one file, so that it stays bounded (R10, A6).

    A few bytes of the log may stand for 64 KiB each time that they are used; nothing else bounds the sum.
    """

    def __init__(self) -> None:
        self._left = MADE_CHARACTERS_MAX

    def take(self, characters: int, key: str) -> None:
        """Count some more.

        Args:
            characters: how many.
            key: the setting that takes them, for errors.

        Raises:
            ConfigError: it is too much.
        """
        self._left -= characters
        if self._left < 0:
            raise ConfigError(
                f"{key}: with this setting, variables and 'each' make more of a router's settings than the"
                f" {MADE_CHARACTERS_MAX} characters that it may have; use long variables in fewer settings"
            )

    def text(self, text: str, key: str) -> None:
        """Count a text."""
        self._left -= MADE_TEXT_CHARACTERS + len(text)
        if self._left < 0:
            self.take(0, key)


class Expander:
    """Puts the variables and facts of one device into values.

    Args:
        variables: what ``${name}`` stands for.
        facts: what ``${fact.name}`` stands for, as the device reports it.
        kept: a name whose uses stay, "" for none; what is put in beside them is quoted, so that the
            result can be read once more, by who knows what the name stands for.
        made: counts what comes of it, None to begin at nothing.
    """

    def __init__(
        self,
        variables: Mapping[str, VariableValue],
        facts: Mapping[str, str],
        kept: str = "",
        made: Made | None = None,
    ) -> None:
        self._variables = variables
        self._facts = facts
        self._kept = kept
        self._made = made or Made()

    def keeping(self, name: str) -> "Expander":
        """Return one that lets the uses of a name stand."""
        return Expander(self._variables, self._facts, name, self._made)

    def text(self, value: str, key: str) -> str:
        """Return a value with its variables put in.

        Args:
            value: as the setting has it.
            key: the setting, for errors.

        Raises:
            ConfigError: an undefined variable, a list inside a text, a misspelt use, or a result
                that is too large, by itself or with all others, or that UCI cannot hold (A33).
        """
        if USE not in value:
            return value
        result = check_value(self._put_in(value, key), key)
        self._made.text(result, key)
        return result

    def is_empty(self, value: str, key: str) -> bool:
        """Tell whether nothing comes of a value; that makes nothing.

        Raises:
            ConfigError: as of `text`, but for what UCI cannot hold.
        """
        return not self._put_in(value, key)

    def _put_in(self, value: str, key: str) -> str:
        """Return a value with its variables put in, as it comes."""
        runs: list[list[str]] = [[]]
        for piece in self._pieces(value, key):
            if piece is None:
                runs.append([])
            else:
                runs[-1].append(piece)
        if not self._kept:
            return "".join(runs[0])
        texts = [as_it_stands("".join(run)) for run in runs]
        if any(text.endswith("$") for text in texts[:-1]):
            raise ConfigError(f"{key}: a '$' cannot stand before '${{{self._kept}}}'")
        return f"${{{self._kept}}}".join(texts)

    def _quoted(self, text: str) -> str:
        """Return a text that stands for itself when it is read once more, if it will be."""
        return as_it_stands(text) if self._kept else text

    def secret(self, value: str) -> Sealed | None:
        """Return the sealed value of the variable that a text is just one use of, if it is sealed."""
        name = reference_in(value)
        found = None if name in (None, self._kept) else self._variables.get(name)
        return found if isinstance(found, Sealed) else None

    def items(self, values: Sequence[str], key: str) -> tuple[str, ...]:
        """Return a list with its variables put in; an item that is a list variable becomes its items.

        Raises:
            ConfigError: as of `text`; each item takes one character more, as it takes a byte in a record.
        """
        result: list[str] = []
        size = 0
        for value in values:
            for item in self._items_of(value, key) if USE in value else (value,):
                size += 1 + len(item)
                if size > VALUE_BYTES_MAX:
                    raise _too_large(key)
                result.append(item)
        return tuple(result)

    def _items_of(self, value: str, key: str) -> Iterator[str]:
        """Yield what an item of a list becomes, each counted before the next is made."""
        use = _USE.fullmatch(value)
        is_known = use is not None and use[1] not in (None, self._kept)
        found = self._lookup(use[1], use[2], key) if use is not None and is_known else None
        if not isinstance(found, tuple):
            yield self.text(value, key)
            return
        for item in found:
            text = self._quoted(check_value(item, key))
            self._made.text(text, key)
            yield text

    def _pieces(self, value: str, key: str) -> list[str | None]:
        """Return the pieces of a value; None is a use that stays."""
        pieces: list[str | None] = []
        position = size = 0
        for use in _USE.finditer(value):
            piece = "${" if use[0] == "$${" else self._piece(use, key)
            pieces += [value[position : use.start()], piece]
            position = use.end()
            size += len(piece or "")
            if size > VALUE_BYTES_MAX:
                raise _too_large(key)
        return [*pieces, value[position:]]

    def _piece(self, use: re.Match[str], key: str) -> str | None:
        if use[1] is None:
            raise ConfigError(
                f"{key}: '${{' without a variable's name and '}}'; for the characters write '$${{'"
            )
        if use[1] == self._kept:
            return None
        found = self._lookup(use[1], use[2], key)
        if isinstance(found, tuple):
            raise ConfigError(
                f"{key}: the variable '{use[1]}' is a list and can only be a whole item of a list"
            )
        return found

    def _lookup(self, name: str, default: str | None, key: str) -> str | tuple[str, ...]:
        kind, dot, fact = name.partition(".")
        is_fact = dot != "" or kind in _FACT_NAMES
        found = self._facts.get(fact or kind) if is_fact else self._variables.get(name)
        if found is None:
            found = default
        if found is None:
            what_to_do = "the router reports no such fact" if is_fact else "define it with `dusk var set`"
            raise ConfigError(f"{key}: the variable '{name}' is not defined; {what_to_do}")
        if isinstance(found, Sealed):
            raise ConfigError(f"{key}: the variable '{name}' is a secret and can only be a whole value")
        return found


def _too_large(key: str) -> ConfigError:
    return ConfigError(f"{key}: larger than {VALUE_BYTES_MAX} bytes with its variables")
