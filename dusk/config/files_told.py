"""What a device tells others of its UCI files (`specs/asking.md`, *files*).

Sections and options as they mean something, in their order; comments and quoting stay there. A secret is
told as being there, never as what it is (R15), and what no setting could address is left out. Of a file
beside UCI it is told whether it is there, and as the log has it: nobody knows what else it says.
"""

from collections.abc import Collection, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from dusk import codec
from dusk.config.names import is_file, is_file_name, is_name, is_package, is_plain_type
from dusk.config.parts import Section, Value
from dusk.config.settings import MANAGED_NEVER, is_secret
from dusk.config.uci import parse
from dusk.errors import ConfigError, UntrustedInput
from dusk.ids import Seq
from dusk.limits import (
    DRIFT_VALUES_MAX,
    FILE_SECTIONS_MAX,
    FILES_ASKED_MAX,
    FILES_TOLD_BYTES_MAX,
    NUMBER_MAX,
    QUESTION_BYTES_MAX,
)

FILES = "files"
"""The question."""
NAME_BYTES_MAX = 255
"""Of a package, a type, a section, an option."""


class FileState(IntEnum):
    """What became of a file that was asked for; the numbers are part of the answer's form."""

    NONE = 0
    """There is none."""
    TOLD = 1
    CLOSED = 2
    """The device's root lets Dusk manage nothing of that package, so it does not read it."""
    UNREADABLE = 3
    """libuci would refuse it, too; why is not told, for that could quote a secret."""
    TOO_LARGE = 4
    """There is no room for it in an answer."""


class ToldSection(NamedTuple):
    """A section; ``name`` is empty if it is anonymous, a value None for a secret."""

    type: str
    name: str
    options: tuple[tuple[str, Value | None], ...]


class ToldFile(NamedTuple):
    """A file; ``is_in_effect``: it is, byte for byte, the resulting file of what is in effect there."""

    package: str
    state: FileState
    is_in_effect: bool = False
    sections: tuple[ToldSection, ...] = ()


class ToldFiles(NamedTuple):
    """An answer: the position in effect on the device, and its files as asked for."""

    seq: Seq
    files: tuple[ToldFile, ...]


def encode_asked(packages: Sequence[str]) -> bytes:
    """Return the argument of a question for the files of some packages."""
    return codec.pack(list(packages))


def decode_asked(data: bytes) -> tuple[str, ...]:
    """Read what :func:`encode_asked` wrote.

    Raises:
        UntrustedInput: anything else, none or too many, one twice, or Dusk's own settings.
    """
    row = codec.items(codec.unpack(data, size_max=QUESTION_BYTES_MAX), FILES_ASKED_MAX, FILES)
    packages = tuple(_package(one) for one in row)
    if not packages or len(set(packages)) < len(packages) or not MANAGED_NEVER.isdisjoint(packages):
        raise UntrustedInput(f"{FILES}: asked for no file, or for one twice, or for one that is local")
    return packages


def file_of(
    package: str, content: bytes | None, further: Collection[str] = (), *, is_in_effect: bool = False
) -> ToldFile:
    """Return what is told of a file.

    Args:
        package: its name.
        content: its bytes; None for no file.
        further: options that the cluster takes for secrets beside the usual ones, in lower case.
        is_in_effect: whether it is the resulting file of what is in effect.
    """
    if content is None:
        return ToldFile(package, FileState.NONE)
    if is_file(package):
        return ToldFile(package, FileState.TOLD, is_in_effect)
    try:
        document = parse(content, package)
    except ConfigError:
        return ToldFile(package, FileState.UNREADABLE)
    told = tuple(_told(one, further) for one in document.sections if is_plain_type(one.type))
    return ToldFile(package, FileState.TOLD, is_in_effect, told)


def _told(section: Section, further: Collection[str]) -> ToldSection:
    options = tuple(
        (name, None if is_secret(name, further) else value) for name, value in section.options.items()
    )
    return ToldSection(section.type, section.name or "", options)


def encode_files(told: ToldFiles) -> bytes:
    """Return the answer; a file that has no room in it is said to be too large."""
    rows = [_row(ToldFile(one.package, FileState.TOO_LARGE)) for one in told.files]
    left = FILES_TOLD_BYTES_MAX - len(codec.pack((told.seq, rows)))
    for place, one in enumerate(told.files):
        row = _row(one)
        size = len(codec.pack(row)) - len(codec.pack(rows[place]))
        if _fits(one) and size <= left:
            left -= size
            rows[place] = row
    return codec.pack((told.seq, rows))


def _row(file: ToldFile) -> list[Any]:
    sections = [
        [one.type, one.name, [[name, _octets(value)] for name, value in one.options]] for one in file.sections
    ]
    return [file.package, int(file.state), file.is_in_effect, sections]


def _octets(value: Value | None) -> bytes | list[bytes] | None:
    """Return a value as it stands in the file: that need be no UTF-8."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return [item.encode("utf-8", "surrogateescape") for item in value]


def _fits(file: ToldFile) -> bool:
    counts = [len(file.sections), *(len(one.options) for one in file.sections)]
    names = (name for one in file.sections for name in (one.type, one.name, *(o for o, _ in one.options)))
    lists = (len(value) for one in file.sections for _, value in one.options if isinstance(value, tuple))
    return (
        max(counts) <= FILE_SECTIONS_MAX
        and max(lists, default=0) <= DRIFT_VALUES_MAX
        and all(len(name) <= NAME_BYTES_MAX for name in names)
    )


def decode_files(data: bytes) -> ToldFiles:
    """Read what :func:`encode_files` wrote; that it is so on the device nobody has checked.

    Raises:
        UntrustedInput: anything else, and what no UCI file could say.
    """
    seq, rows = codec.fields(codec.unpack(data, size_max=FILES_TOLD_BYTES_MAX), 2, FILES)
    files = tuple(_file(row) for row in codec.items(rows, FILES_ASKED_MAX, FILES))
    if len({one.package for one in files}) < len(files):
        raise UntrustedInput(f"{FILES}: one file twice")
    return ToldFiles(Seq(codec.integer(seq, 0, NUMBER_MAX, FILES)), files)


def _package(value: object) -> str:
    name = codec.text(value, NAME_BYTES_MAX, FILES)
    if not (is_package(name) or is_file_name(name)):
        raise UntrustedInput(f"{FILES}: {name!a} is no package")
    return name


def _file(row: object) -> ToldFile:
    package, state, is_in_effect, sections = codec.fields(row, 4, FILES)
    found = ToldFile(
        _package(package),
        FileState(codec.integer(state, FileState.NONE, FileState.TOO_LARGE, FILES)),
        codec.boolean(is_in_effect, FILES),
        tuple(_section(one) for one in codec.items(sections, FILE_SECTIONS_MAX, FILES)),
    )
    is_told = found.state is FileState.TOLD
    if (found.is_in_effect and not is_told) or (found.sections and (not is_told or is_file(found.package))):
        raise UntrustedInput(f"{FILES}: a file that is not told says something")
    names = [one.name for one in found.sections if one.name]
    if len(set(names)) < len(names):
        raise UntrustedInput(f"{FILES}: {found.package} has two sections of one name")
    return found


def _section(row: object) -> ToldSection:
    kind, name, options = codec.fields(row, 3, FILES)
    found = dict(_option(one) for one in codec.items(options, FILE_SECTIONS_MAX, FILES))
    section = ToldSection(
        codec.text(kind, NAME_BYTES_MAX, FILES), codec.text(name, NAME_BYTES_MAX, FILES), tuple(found.items())
    )
    if len(found) < len(options) or not is_plain_type(section.type) or (name and not is_name(name)):
        raise UntrustedInput(f"{FILES}: no section that UCI could have")
    return section


def _option(row: object) -> tuple[str, Value | None]:
    option, value = codec.fields(row, 2, FILES)
    name = codec.text(option, NAME_BYTES_MAX, FILES)
    if not is_name(name):
        raise UntrustedInput(f"{FILES}: {name!a} is no option")
    return name, _value(value)


def _value(found: object) -> Value | None:
    if found is None:
        return None
    if isinstance(found, bytes) and found:
        return found.decode("utf-8", "surrogateescape")
    items = codec.items(found, DRIFT_VALUES_MAX, FILES)
    if not items:
        raise UntrustedInput(f"{FILES}: a list of nothing")
    texts = (codec.blob(item, FILES_TOLD_BYTES_MAX, FILES) for item in items)
    return tuple(item.decode("utf-8", "surrogateescape") for item in texts)
