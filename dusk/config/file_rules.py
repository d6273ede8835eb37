"""What may be said of a file beside UCI, wherever a setting enters (`specs/settings.md`, *Files beside UCI*).

A file is managed as a whole: content and mode, or that it is not there. Its content is taken as it
stands: ``${`` means nothing in it, for a script has uses of its own for that.
"""

import re
from collections.abc import Callable, Sequence

from dusk.config.names import check_value
from dusk.errors import ConfigError
from dusk.limits import MANAGED_FILE_BYTES_MAX

MODE_DEFAULT = "0644"
_MODE = re.compile(r"0[4-7][0145][0145]")
_NEVER = ("file:/etc/config/", "file:/etc/dusk/")
_PIECE = re.compile(r"[._+-]+")
_SECRET_PIECES = frozenset({"secrets", "shadow", "gshadow", "htpasswd", "passwords", "p12", "pfx", "keytab"})
"""Pieces of a file's name that say it is a secret, beside the names of secret options."""
_SAID = re.compile(
    r"^[ \t]*(?:(option)[ \t]+|export[ \t]+)?[\"']?([A-Za-z0-9_]+)[\"']?"
    r"(?:[ \t]*[=:][ \t]*|(?(1)[ \t]+|(?!)))[\"']?[^\x00-\x20\"'$`]",
    re.MULTILINE,
)
"""A line that gives a name a value: ``name=``, ``name:``, ``option name``; not one from elsewhere."""
_PRIVATE = "PRIVATE KEY-----"


def is_mode(text: str) -> bool:
    """Tell whether a mode lets the owner read and nobody else write, in four octal digits."""
    return _MODE.fullmatch(text) is not None


def check_never(key: str) -> None:
    """Refuse files that are UCI's, or this node's own.

    Args:
        key: ``file:PATH``.

    Raises:
        ConfigError: one of these.
    """
    if f"{key}/".startswith(_NEVER):
        raise ConfigError(f"{key}: files in etc/config are set by package, those in etc/dusk are local")


def check_file(key: str, values: Sequence[str], is_secret: Callable[[str], bool]) -> None:
    """Check what a file is to be.

    Args:
        key: ``file:PATH``.
        values: content and mode.
        is_secret: whether an option of a name is secret.

    Raises:
        ConfigError: no mode, too much, no text, or a secret, which plain text in the log could never be
            taken back.
    """
    if len(values) != 2 or not is_mode(values[1]):
        raise ConfigError(
            f"{key}: the mode is four octal digits by which the owner reads and nobody else writes, such as"
            " 0644, 0600 or 0755"
        )
    check_value(values[0], key, "a managed file")
    size = len(values[0].encode())
    if size > MANAGED_FILE_BYTES_MAX:
        raise ConfigError(f"{key}: {size} bytes, a managed file has at most {MANAGED_FILE_BYTES_MAX}")
    check_no_secret(key, values[0], is_secret)


def check_no_secret(key: str, content: str, is_secret: Callable[[str], bool]) -> None:
    """Refuse a file that is, or has, a secret as far as names tell (R15).

    Args:
        key: ``file:PATH``.
        content: of the file.
        is_secret: whether an option of a name is secret.

    Raises:
        ConfigError: naming what looks like one.
    """
    found = _secret_in(key, content, is_secret)
    if found:
        raise ConfigError(
            f"{key}: {found} says that there is a secret, and files are not sealed: whatever the log has, all"
            " routers keep; put it on the router by hand"
        )


def _secret_in(key: str, content: str, is_secret: Callable[[str], bool]) -> str:
    """Return what of a file looks like a secret, "" if nothing does."""
    name = key.rpartition("/")[2]
    for piece in (name, *_PIECE.split(name)):
        if is_secret(piece) or piece.lower() in _SECRET_PIECES:
            return f"{piece!a} in its name"
    if _PRIVATE in content:
        return "a private key in it"
    return next((f"{said[2]!a} in it" for said in _SAID.finditer(content) if is_secret(said[2])), "")
