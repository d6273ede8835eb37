"""The options that every command has, and what is wrong with a line of words; loads next to nothing."""

from collections.abc import Sequence

_VALUED = {"--root": "root", "--via": "via", "--key-file": "key-file"}
_BARE = {"--json": "json", "--unseen": "unseen"}


class UsageError(Exception):
    """A wrong command line; exit 2."""


def global_options(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Take the options of all commands out, such as ``--root``, wherever they stand before a ``--``."""
    options: dict[str, str] = {}
    rest: list[str] = []
    given = iter(arguments)
    for word in given:
        name, equals, value = word.partition("=")
        if word == "--":
            rest += [word, *given]
        elif word in _BARE:
            options[_BARE[word]] = "1"
        elif name in _VALUED:
            if not equals:
                value = next(given, "")
            if not value:
                raise UsageError(f"{name} needs a value; see `dusk --help`")
            options[_VALUED[name]] = value
        else:
            rest.append(word)
    return options, rest
