"""Settings: what a policy, or a device's own config, says about one option or section.

A setting is a record of the log. Its key is the canonical text of a KEY (``names``), so a
target says one thing about an option; several ``add-list`` and ``del-list`` of one option are
one record with both lists.
"""

from collections.abc import Container
from enum import Enum, IntEnum
from functools import lru_cache
from typing import NamedTuple

from dusk.codec import Row, fields, integer, number, pack, texts_to, unpack
from dusk.config.file_rules import check_file, check_never, is_mode
from dusk.config.names import (
    Every,
    Indexed,
    Key,
    Matched,
    Whole,
    check_value,
    is_file,
    is_plain_type,
    parse_key,
    place_in,
)
from dusk.config.parts import Value
from dusk.config.sealing import Sealed, reference_in, sealed_from
from dusk.errors import ConfigError, UntrustedInput
from dusk.limits import NUMBER_MAX, OPERATIONS_MAX, VALUE_BYTES_MAX


class Verb(IntEnum):
    """What a setting demands; the numbers are part of the log's format."""

    SET = 1
    """The option has this value."""
    SET_LIST = 2
    """The option is this list."""
    ABSENT = 3
    """The option, or the section, is not there."""
    EDIT_LIST = 4
    """The list contains these values and lacks those; what else it has is not managed."""
    TYPE = 5
    """The section exists and is of this type."""
    SEALED = 6
    """The option has the value, or is the list, that is sealed here."""
    EXCLUSIVE = 7
    """Sections that nothing names are not there."""
    LOCAL = 8
    """Nothing, but where nobody else manages it, it becomes what it was before anybody did."""
    FILE = 9
    """The file beside UCI has this content and mode."""


class Edit(Enum):
    """What a person asks for; ``edit`` turns it into a setting."""

    SET = "set"
    DELETE = "delete"
    UNSET = "unset"
    LOCAL = "restore-local"
    ADD_LIST = "add-list"
    DEL_LIST = "del-list"
    EXCLUSIVE = "exclusive"


class Setting(NamedTuple):
    """One record.

    Args:
        verb: what is demanded.
        values: the value (``SET``), the type and perhaps before which section (``TYPE``), the items
            (``SET_LIST``) or those to add, the content and the mode (``FILE``).
        position: order within the target; new sections come in this order.
        removed: the items to take out (``EDIT_LIST``).
        sealed: the secret (``SEALED``).
    """

    verb: Verb
    values: tuple[str, ...] = ()
    position: int = 0
    removed: tuple[str, ...] = ()
    sealed: Sealed | None = None

    @property
    def is_hidden(self) -> bool:
        """Whether nothing of a secret is shown: it is sealed, in a variable, or not to be there."""
        is_reference = self.verb is Verb.SET and reference_in(self.values[0]) is not None
        return is_reference or self.verb in (Verb.ABSENT, Verb.SEALED, Verb.LOCAL)


ABSENT = Setting(Verb.ABSENT)
LOCAL = Setting(Verb.LOCAL)

_VERBS = {int(verb): verb for verb in Verb}
_SETTING = Row(
    "setting",
    verb=number(Verb.SET, Verb.FILE),
    position=number(0, NUMBER_MAX),
    values=texts_to(OPERATIONS_MAX, VALUE_BYTES_MAX),
    removed=texts_to(OPERATIONS_MAX, VALUE_BYTES_MAX),
)


def encode_setting(setting: Setting) -> bytes:
    """Return the record's value."""
    if setting.sealed is not None:
        return pack([int(Verb.SEALED), setting.position, list(setting.sealed[:2]), []])
    return pack([int(setting.verb), setting.position, list(setting.values), list(setting.removed)])


def decode_setting(data: bytes) -> Setting:
    """Read a record's value.

    Raises:
        UntrustedInput: not the encoding of a well-formed setting.
    """
    return setting_from_row(unpack(data, size_max=VALUE_BYTES_MAX))


def setting_from_row(row: list[object]) -> Setting:
    """Read a record's value that is decoded already.

    Raises:
        UntrustedInput: not a well-formed setting.
    """
    if row and row[0] == Verb.SEALED:
        return _sealed_from_row(row)
    verb, position, values, removed = _SETTING.read(row)
    setting = Setting(_VERBS[verb], tuple(values), position, tuple(removed))
    wrong = _malformed(setting)
    if wrong:
        raise UntrustedInput(f"setting: {wrong}")
    return setting


def _sealed_from_row(row: list[object]) -> Setting:
    _verb, position, pair, removed = fields(row, 4, "setting")
    if removed != []:
        raise UntrustedInput("setting: only a list edit removes values")
    return Setting(Verb.SEALED, (), integer(position, 0, NUMBER_MAX, "setting"), (), sealed_from(pair))


def _malformed(setting: Setting) -> str:
    """Say what is wrong with a setting by itself, "" if nothing."""
    values, removed = setting.values, setting.removed
    if setting.verb is Verb.SEALED:
        return ""  # whoever makes one has read it, or sealed it
    if removed and setting.verb is not Verb.EDIT_LIST:
        return "only a list edit removes values"
    match setting.verb:
        case Verb.SET:
            is_right = len(values) == 1 and values[0] != ""
        case Verb.TYPE:
            is_right = len(values) in (1, 2) and is_plain_type(values[0])
        case Verb.SET_LIST:
            is_right = len(values) > 0
        case Verb.FILE:
            is_right = len(values) == 2 and is_mode(values[1])
        case Verb.ABSENT | Verb.EXCLUSIVE | Verb.LOCAL:
            is_right = not values
        case _:
            both = values + removed
            is_right = 0 < len(both) == len(set(both))
    return "" if is_right else f"wrong values for {setting.verb.name}"


# --- which settings are allowed -------------------------------------------------------------

FORMER = "dusk-local"
"""The package by which the helper is asked for its memory of what was there before (`dusk.config.local`)."""
MANAGED_NEVER = frozenset({"dusk", FORMER})
"""A node's own settings decide whether it listens to the log at all: they stay local, and so its memory."""

# fmt: off
SECRET_OPTIONS = frozenset({
    "key", "key1", "key2", "key3", "key4", "wep_key", "psk", "wpa_psk", "wpakey", "ft_key", "r0kh",
    "r1kh", "sae_password", "mesh_key", "password", "passwd", "pass", "passphrase", "auth_pass",
    "password_encryption_key", "private_key", "privkey", "preshared_key", "pre_shared_key",
    "server_private_key", "priv_key_pwd", "priv_key2_pwd", "private_key_passwd",
    "private_key2_passwd", "auth_secret", "acct_secret", "dae_secret", "radius_secret", "secret",
    "shared_secret", "token", "api_key", "apikey", "api_token", "access_key", "secret_key",
    "client_secret", "pincode", "pin", "puk",
})
# fmt: on
"""Options whose value would let somebody in; plain text in the log could never be taken back."""
_SECRET_ENDINGS = ("_password", "_passwd", "_passphrase", "_secret", "_psk", "_private_key", "_token")


def is_secret(option: str | None, further: Container[str] = ()) -> bool:
    """Tell whether an option is a secret.

    Args:
        option: its name; None where a section is meant, which is none.
        further: options that the cluster takes for secrets beside the usual ones, in lower case.
    """
    return option is not None and (_is_usual(option) or option.lower() in further)


@lru_cache(maxsize=1024)
def _is_usual(option: str) -> bool:
    """Tell whether an option is a secret in every cluster."""
    name = option.lower()
    return name in SECRET_OPTIONS or name.endswith(_SECRET_ENDINGS)


def check_setting(key: str, setting: Setting, *, is_draft: bool = False) -> None:
    """Check a setting before it is signed, and by the fold before it counts.

    Args:
        key: its KEY.
        setting: what it says.
        is_draft: whether a secret may still be plain, as it is sealed before anything is kept.

    Raises:
        ConfigError: not a canonical key, a package or option that is not managed, a verb that
            does not fit, a value that UCI cannot hold, or a record that is too large.
    """
    check_read_setting(key, setting, is_draft=is_draft)
    wrong = _malformed(setting)
    if wrong:
        raise ConfigError(f"{key}: {wrong}; to have it gone, delete it")
    size = len(encode_setting(setting))
    if size > VALUE_BYTES_MAX:
        raise ConfigError(f"{key}: {size} bytes with its encoding, at most {VALUE_BYTES_MAX}")


def check_read_setting(key: str, setting: Setting, *, is_draft: bool = False) -> None:
    """Check a setting that was read from a record: its form and its size are proven.

    Raises:
        ConfigError: as `check_setting`.
    """
    parsed = _managed_key(key)
    if isinstance(parsed.section, Whole) or setting.verb is Verb.FILE:
        _check_whole(key, setting)
        return
    if parsed.option is None:
        _check_section(key, parsed, setting)
    elif setting.verb in (Verb.TYPE, Verb.EXCLUSIVE):
        raise ConfigError(f"{key}: a type belongs to a section, not to an option")
    elif is_secret(parsed.option) and not setting.is_hidden and not is_draft:
        raise ConfigError(plain_secret(key, parsed.option))
    for value in (*setting.values, *setting.removed):
        check_value(value, key)


def _check_whole(key: str, setting: Setting) -> None:
    """Check a setting about a file as a whole."""
    if not is_file(key) or setting.verb not in (Verb.FILE, Verb.ABSENT):
        raise ConfigError(f"{key}: a file, and nothing else, is set as a whole, or is not to be there")
    check_never(key)
    if setting.verb is Verb.FILE:
        check_file(key, setting.values, is_secret)


def plain_secret(key: str, option: str) -> str:
    """Return why a secret is not taken in plain text, and what to do."""
    return (
        f"{key}: '{option}' is a secret, and secrets in plain text are not taken into the log; give it as a"
        " whole by KEY=@FILE or KEY=-, which seals it, or as ${NAME} of a variable that was set with --secret"
    )


@lru_cache(maxsize=1024)
def _managed_key(key: str) -> Key:
    """Read the canonical text of a key that may be managed."""
    parsed = parse_key(key)
    if str(parsed) != key:
        raise ConfigError(f"{key}: the address is written {parsed}")
    if parsed.package in MANAGED_NEVER:
        raise ConfigError(f"{key}: the package '{parsed.package}' is local and never managed")
    return parsed


def _check_section(key: str, parsed: Key, setting: Setting) -> None:
    """Check a setting about a section itself."""
    address = parsed.section
    if setting.verb is Verb.LOCAL:
        return
    if isinstance(address, Every) is not (setting.verb is Verb.EXCLUSIVE):
        raise ConfigError(f"{key}: a package, or a type of its sections, is exclusive, and nothing else is")
    if setting.verb is Verb.ABSENT:
        if isinstance(address, Indexed):
            raise ConfigError(
                f"{key}: deleting by index would delete another section each time; use its name or a match"
            )
    elif setting.verb not in (Verb.TYPE, Verb.EXCLUSIVE):
        raise ConfigError(f"{key}: a section has a type or is deleted; name an option")
    elif isinstance(address, Indexed | Matched) and setting.values != (address.type,):
        raise ConfigError(
            f"{key}: only a section with a name can be made, given another type, or stand before another"
        )
    elif len(setting.values) > 1:
        before = place_in(parsed.package, setting.values[1])
        if str(before) != setting.values[1]:
            raise ConfigError(f"{key}: the section before which it stands is written {before}")
        if before == address:
            raise ConfigError(f"{key}: a section cannot stand before itself")


# --- editing --------------------------------------------------------------------------------


def edit(
    existing: Setting | None,
    request: Edit,
    value: Value = "",
    *,
    position: int = 0,
    is_section: bool = False,
    before: str = "",
    mode: str = "",
) -> Setting | None:
    """Return what a target says about a key after an edit; None if it says nothing any more.

    The rules are those of ``uci``: setting an empty value deletes, adding to a single value
    makes a list of both, removing from a single value does nothing.

    Args:
        existing: what it said before; its position is kept.
        request: what is asked for.
        value: the value; a tuple for a whole list, and for several items at once.
        position: for a setting that is new.
        is_section: whether the key is about a section.
        before: the section before which a section is to stand, "" if that does not matter.
        mode: of a file, whose content is the value; "" for anything else.
    """
    place = existing.position if existing is not None else position
    if existing is not None and existing.verb is Verb.LOCAL:
        existing = None
    values = (value,) if isinstance(value, str) else value
    match request:
        case Edit.UNSET:
            return None
        case Edit.LOCAL:
            return LOCAL._replace(position=place)
        case Edit.EXCLUSIVE:
            return Setting(Verb.EXCLUSIVE, (), place)
        case Edit.DELETE:
            return ABSENT._replace(position=place)
        case Edit.SET if mode:
            return Setting(Verb.FILE, (*values, mode), place)
        case Edit.SET if is_section:
            return Setting(Verb.TYPE, (*values, *([before] if before else [])), place)
        case Edit.SET:
            if not value:
                return ABSENT._replace(position=place)
            return Setting(Verb.SET if isinstance(value, str) else Verb.SET_LIST, values, place)
        case Edit.ADD_LIST:
            return _add(existing or Setting(Verb.EDIT_LIST, (), place), values)
        case _:
            return _del(existing or Setting(Verb.EDIT_LIST, (), place), values)


def _add(setting: Setting, values: tuple[str, ...]) -> Setting:
    """Add items to what a setting says."""
    if setting.verb is Verb.EDIT_LIST:
        added = tuple(dict.fromkeys((*setting.values, *values)))
        removed = tuple(value for value in setting.removed if value not in values)
        return setting._replace(values=added, removed=removed)
    return setting._replace(verb=Verb.SET_LIST, values=(*setting.values, *values))


def _del(setting: Setting, values: tuple[str, ...]) -> Setting:
    """Take items out of what a setting says."""
    kept = tuple(value for value in setting.values if value not in values)
    if setting.verb is Verb.EDIT_LIST:
        removed = tuple(dict.fromkeys((*setting.removed, *values)))
        return setting._replace(values=kept, removed=removed)
    if setting.verb is Verb.SET_LIST:
        return setting._replace(values=kept) if kept else ABSENT._replace(position=setting.position)
    return setting
