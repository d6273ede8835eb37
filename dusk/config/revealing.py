"""The secrets of a managed config: which there are, and their values put in (R15).

A device does that when it computes its files, and a person who asks for it sees the result; what
comes out is kept nowhere.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from dusk.config.merge import Managed, ManagedOption
from dusk.config.names import check_value
from dusk.config.sealing import Sealed
from dusk.config.settings import Verb
from dusk.keys.secret import SecretValue


def sealed_of(managed: Managed) -> Iterator[tuple[str, Sealed]]:
    """Yield the KEY and the sealed value of every secret in a managed config."""
    for sections in managed.values():
        for section in sections:
            for option in section.options.values():
                if option.sealed is not None:
                    yield option.key, option.sealed


def revealed(managed: Managed, value_of: Callable[[Sealed], SecretValue]) -> Managed:
    """Return a managed config with the secrets in it; to be made into files at once and forgotten.

    Args:
        managed: as the log has it.
        value_of: opens a sealed value.

    Raises:
        ConfigError: a secret that UCI cannot hold.
    """
    return {
        package: tuple(
            replace(section, options={name: _plain(o, value_of) for name, o in section.options.items()})
            for section in sections
        )
        for package, sections in managed.items()
    }


def _plain(option: ManagedOption, value_of: Callable[[Sealed], SecretValue]) -> ManagedOption:
    """Return what a secret option comes to; an empty value is an option that is not there."""
    if option.sealed is None:
        return option
    value = value_of(option.sealed)
    values = (value,) if isinstance(value, str) else value
    for text in values:
        check_value(text, option.key)
    verb = Verb.SET if isinstance(value, str) else Verb.SET_LIST
    if not value:
        verb, values = Verb.ABSENT, ()
    return replace(option, verb=verb, values=values, sealed=None)
