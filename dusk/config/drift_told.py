"""What a device tells others of its drift, and what of that is believed (`specs/asking.md`, *drift*).

A device knows alone what its files say. All else stands in the log: whether a setting is managed
there, what it should be, who says so, and whether it is a secret. So an answer names settings and
what was found; whoever asked looks the rest up, and no answer makes a setting of something that is none.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from dusk import codec
from dusk.config.drift import Difference, settings_in
from dusk.config.files import file_bytes, line_of
from dusk.config.merge import Managed, ManagedOption, ManagedSection
from dusk.config.names import Each, Named, is_file, parse_key
from dusk.config.parts import Value
from dusk.config.result import instances, target
from dusk.config.settings import Verb, is_secret
from dusk.config.variables import Made
from dusk.errors import ConfigError, UntrustedInput
from dusk.lazy import dataclass
from dusk.limits import (
    DRIFT_KEY_BYTES_MAX,
    DRIFT_MAX,
    DRIFT_ROWS_MAX,
    DRIFT_TOLD_BYTES_MAX,
    DRIFT_VALUES_MAX,
)

DRIFT = "drift"
"""The question."""
NOT_SAID = "the log here says nothing of it: one of the two routers is behind"
UNREADABLE = "its file there cannot be read"
NO_SECTION = "there is no such section there, or there are several"
"""Why a device cannot compare: in our words, for a parser's would quote the file, with its secrets (R15)."""


@dataclass(frozen=True, slots=True)
class UnverifiedDifference:
    """A difference as a device tells it.

    Attributes:
        key: the KEY on the device.
        setting: the KEY of the setting that it is about; of one by an ``each`` it is another.
        found: what is there; None: nothing, or a secret.
        is_trouble: whether nothing can be compared.
    """

    key: str
    setting: str
    found: Value | None
    is_trouble: bool


@dataclass(frozen=True, slots=True)
class ToldDrift:
    """An answer: how many differences there are, and the first ones."""

    count: int
    rows: tuple[UnverifiedDifference, ...]


def encode_drift(drift: Sequence[Difference]) -> bytes:
    """Return the answer of a device; what has no room is counted."""
    rows: list[list[Any]] = []
    left = DRIFT_TOLD_BYTES_MAX - len(codec.pack((len(drift), [])))
    for one in drift[:DRIFT_ROWS_MAX]:
        row = _row(one)
        size = len(codec.pack(row)) + 2  # the array of rows may need a longer head
        if size > left or not _fits(row):
            continue
        left -= size
        rows.append(row)
    return codec.pack((min(len(drift), DRIFT_MAX), rows))


def _row(one: Difference) -> list[Any]:
    found = None if one.is_secret or one.found is None else _octets(one.found)
    return [one.key, one.keys[0] if one.keys else "", found, bool(one.trouble)]


def _fits(row: list[Any]) -> bool:
    is_long = any(len(key.encode()) > DRIFT_KEY_BYTES_MAX for key in row[:2])
    return not is_long and not (isinstance(row[2], list) and len(row[2]) > DRIFT_VALUES_MAX)


def _octets(value: Value) -> bytes | list[bytes]:
    """Return a value as it stands in the file: that need be no UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return [item.encode("utf-8", "surrogateescape") for item in value]


def decode_drift(data: bytes) -> ToldDrift:
    """Read what :func:`encode_drift` wrote; nothing of it is verified.

    Raises:
        UntrustedInput: anything else.
    """
    count, rows = codec.fields(codec.unpack(data, size_max=DRIFT_TOLD_BYTES_MAX), 2, DRIFT)
    found = tuple(_unverified(row) for row in codec.items(rows, DRIFT_ROWS_MAX, DRIFT))
    return ToldDrift(codec.integer(count, len(found), DRIFT_MAX, DRIFT), found)


def _unverified(row: object) -> UnverifiedDifference:
    key, setting, found, is_trouble = codec.fields(row, 4, DRIFT)
    return UnverifiedDifference(
        codec.text(key, DRIFT_KEY_BYTES_MAX, DRIFT),
        codec.text(setting, DRIFT_KEY_BYTES_MAX, DRIFT),
        _value(found),
        codec.boolean(is_trouble, DRIFT),
    )


def _value(found: object) -> Value | None:
    if found is None:
        return None
    if isinstance(found, bytes):
        return found.decode("utf-8", "surrogateescape")
    items = codec.items(found, DRIFT_VALUES_MAX, DRIFT)
    texts = (codec.blob(item, DRIFT_TOLD_BYTES_MAX, DRIFT) for item in items)
    return tuple(item.decode("utf-8", "surrogateescape") for item in texts)


# --- what is believed ------------------------------------------------------------------------------


class _Said(NamedTuple):
    """A setting, and the section that it stands in."""

    package: str
    section: ManagedSection
    option: ManagedOption


def believed(told: ToldDrift, managed: Managed, further: Collection[str] = ()) -> tuple[Difference, ...]:
    """Return the differences that a device told, as the log of who asked has what should be.

    What is as it should be is left out. Of a secret it is known that it differs, whatever was told.

    Args:
        told: the answer.
        managed: the managed config of that device, by the asker's log.
        further: options that the cluster takes for secrets beside the usual ones, in lower case.

    Raises:
        UntrustedInput: a difference of one setting told as that of another, or a section that has
            several types.
    """
    known = {said.option.key: said for said in _all_of(managed)}
    found = (_believed(row, known, further) for row in told.rows)
    return tuple(one for one in found if one is not None)


def _all_of(managed: Managed) -> Iterator[_Said]:
    for package, sections in managed.items():
        for section in sections:
            for option in settings_in(section):
                yield _Said(package, section, option)


def _believed(
    row: UnverifiedDifference, known: Mapping[str, _Said], further: Collection[str]
) -> Difference | None:
    said = known.get(row.setting)
    if said is None:
        return Difference(row.key, "", None, None, (), trouble=NOT_SAID)
    origin, keys = said.option.origin, (row.setting,)
    if is_file(row.setting):
        return _of_file(row, said.option)
    if row.is_trouble:
        if not row.setting.startswith(row.key):
            raise UntrustedInput(f"{DRIFT}: {row.key} is no place of {row.setting}")
        trouble = NO_SECTION if "." in row.key else UNREADABLE
        return Difference(row.key, origin, None, None, keys, trouble=trouble)
    option = _option_at(row.key, said)
    name = parse_key(row.setting).option
    if name is not None and (option.sealed is not None or is_secret(name, further)):
        return Difference(row.key, origin, None, None, keys, is_secret=True)
    wanted = target(row.found, option) if name is not None else _type_of(option, row.found)
    return None if wanted == row.found else Difference(row.key, origin, wanted, row.found, keys)


def _of_file(row: UnverifiedDifference, option: ManagedOption) -> Difference | None:
    """Return how a file beside UCI differs: a line of what is there was told, never what it says."""
    if row.is_trouble or row.key != row.setting or isinstance(row.found, tuple):
        raise UntrustedInput(f"{DRIFT}: {row.setting} is a file, of which a line is told")
    wanted = line_of(file_bytes(option))
    return None if row.found == wanted else Difference(row.key, option.origin, wanted, row.found, (row.key,))


def _type_of(existence: ManagedOption, found: Value | None) -> str | None:
    if isinstance(found, tuple):
        raise UntrustedInput(f"{DRIFT}: {existence.key} has several types")
    return None if existence.verb is Verb.ABSENT else existence.values[0]


def _option_at(key: str, said: _Said) -> ManagedOption:
    """Return what is said of a KEY: the setting itself, or what an ``each`` makes of it there."""
    if key == said.option.key:
        return said.option
    address, name = said.section.address, parse_key(said.option.key).option
    try:
        place = parse_key(key)
        if (
            isinstance(address, Each)
            and isinstance(place.section, Named)
            and place.section.name.startswith(address.prefix)
            and (place.package, place.option) == (said.package, name)
        ):
            (made,) = instances(said.section, (place.section.name.removeprefix(address.prefix),), Made())
            option = made.existence if name is None else made.options[name]
            assert option is not None, "it is one of the section's"
            return option
    except ConfigError as error:
        raise UntrustedInput(f"{DRIFT}: {error}") from None
    raise UntrustedInput(f"{DRIFT}: {key} is not {said.option.key}")
