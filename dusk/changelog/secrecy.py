"""Secret options take no plain text: what the fold asks of settings beyond their own form (R15).

Which options are secret everywhere is known without the state (`dusk.config.settings`); a cluster
may name more. What is sealed stands in those alone, so that a secret is masked by its option's name.
"""

from collections.abc import Collection, Sequence
from functools import partial

from dusk.changelog.body import Operation, Value
from dusk.changelog.sealed import SEALED_SETTING, SETTING
from dusk.changelog.state import State
from dusk.changelog.views import Sections
from dusk.config.file_rules import check_no_secret
from dusk.config.names import is_file, parse_key
from dusk.config.settings import Verb, decode_setting, is_secret, plain_secret
from dusk.errors import ConfigError, Refused


def secret_names(state: Sections) -> Collection[str]:
    """Return the options that this cluster takes for secrets beside the usual ones, in lower case."""
    row = state.value("cluster", "secrets")
    return frozenset(row[0]) if row else ()


def check_secrecy(state: State, operations: Sequence[Operation], values: Sequence[Value | None]) -> None:
    """Check that secret options are sealed, and no others; each setting is in order by itself.

    Raises:
        Refused: ``bad-value``.
    """
    further = secret_names(state)
    for operation, value in zip(operations, values, strict=True):
        if value is None or not operation.key.startswith(SETTING):
            continue
        is_sealed = value.data.startswith(SEALED_SETTING)
        if not is_sealed and not further:
            continue
        key = operation.key.removeprefix(SETTING)
        if is_file(key):
            _check_file(key, value.data, further)
            continue
        option = parse_key(key).option or ""
        if is_sealed and not is_secret(option, further):
            raise Refused(
                "bad-value", f"{key}: '{option}' is no secret here; name it in `dusk cluster set secrets`"
            )
        if option.lower() in further and not decode_setting(value.data).is_hidden:
            raise Refused("bad-value", plain_secret(key, option))


def _check_file(key: str, data: bytes, further: Collection[str]) -> None:
    """Check that a file beside UCI has no secret by the names of this cluster either."""
    setting = decode_setting(data)
    try:
        if setting.verb is Verb.FILE:
            check_no_secret(key, setting.values[0], partial(is_secret, further=further))
    except ConfigError as error:
        raise Refused("bad-value", str(error)) from None
