"""Records in plain words, and changes of records as a diff."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from dusk import codec, limits
from dusk.changelog import views
from dusk.changelog.secrecy import secret_names
from dusk.changelog.selector import SELECT
from dusk.changelog.state import State
from dusk.config.names import parse_key
from dusk.config.settings import Setting, Verb, decode_setting, is_secret
from dusk.control import names
from dusk.ids import DeviceId, KeyId
from dusk.lazy import dataclass

NOTHING = "-"
MASK = "(secret)"
"""Stands for every secret, whoever looks (R15)."""
CHANGED = "(secret changed)"
ID_BYTES = 16
"""Of a device's id."""
FILE_CHARACTERS_MAX = 1000
"""Of a file's content in a list of differences; who wants all of it has the policy shown."""
_FILE_HASH_BYTES = 16


@dataclass(frozen=True, slots=True)
class Difference:
    """One record before and after: ``before`` and ``after`` are words, None for no record."""

    where: str
    item: str
    before: str | None
    after: str | None


def setting_words(setting: Setting) -> str:
    """Return what a setting says, in one line."""
    values = " ".join(quote(value) for value in setting.values)
    match setting.verb:
        case Verb.SET:
            return values
        case Verb.SET_LIST:
            return f"list {values}"
        case Verb.TYPE:
            place = "".join(f", before {one}" for one in setting.values[1:])
            return f"section of type {quote(setting.values[0])}{place}"
        case Verb.ABSENT:
            return "must not be there"
        case Verb.EXCLUSIVE:
            return "what nothing names may not be there"
        case Verb.LOCAL:
            return "as each router had it before"
        case Verb.SEALED:
            return MASK
        case Verb.FILE:
            return file_words(setting.values)
    parts = [f"list with {values}"] if setting.values else []
    if setting.removed:
        parts.append("list without " + " ".join(quote(value) for value in setting.removed))
    return ", ".join(parts)


def file_words(values: Sequence[str], characters_max: int | None = None) -> str:
    """Return what a file beside UCI is to be, in one line.

    Args:
        values: content and mode.
        characters_max: of the content, beyond which its beginning and a hash stand for it.
    """
    content, mode = values
    data = content.encode()
    head = f"file of mode {mode}, {len(data)} bytes: "
    if characters_max is None or len(content) <= characters_max:
        return head + quote(content)
    digest = hashlib.blake2b(data, digest_size=_FILE_HASH_BYTES).hexdigest()
    return f"{head}{quote(content[:characters_max])}…, all with the BLAKE2b {digest}"


def quote(value: str) -> str:
    """Return a value in single quotes, on one line, with nothing that moves a cursor (A33)."""
    # by a built-in: the codec unicode_escape could not be loaded any more in a daemon that gave up root
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in value)
    return f"'{shown}'"


def describe(state: State, section: str, key: str, data: bytes | None) -> tuple[str, str | None]:
    """Return what a record is called and what it says."""
    kind = section.split("/", 1)[0]
    if key.startswith("set/"):
        return key.removeprefix("set/"), None if data is None else _setting(state, key, decode_setting(data))
    row = None if data is None else codec.unpack(data, size_max=limits.VALUE_BYTES_MAX)
    if key.startswith("var/"):
        says = None if row is None else MASK if len(row) > 1 else _value(state, row[0])
        return f"variable {key.removeprefix('var/')}", says
    if key.startswith("wrap/"):
        return f"keys of secrets {key.removeprefix('wrap/')}", None if row is None else _readers(state, row)
    if key.startswith("member/"):
        name = names.device_name(state, bytes.fromhex(key.removeprefix("member/")))
        return f"member {name}", None if row is None else "yes"
    if kind == "reader":
        return f"secrets of {key}", None if row is None else "may read them"
    if kind == "group" and key == SELECT:
        return "selects", None if row is None else selector_words(row[0])
    if kind == "assignment":
        what = "to" if key == "to" else "as it was before, for"
        return what, None if row is None else assignment_words(state, row)
    if kind == "void":
        return key, None if row is None else f"{len(row[2])} changes since version {row[0]} are void"
    if kind == "joinkey" and key == "rule":
        return "rule", None if row is None else _rule(row)
    return key, None if row is None else " ".join(_value(state, item) for item in row)


def _setting(state: State, key: str, setting: Setting) -> str:
    """Return what a setting says; of an option that became a secret later not its plain value either."""
    option = parse_key(key.removeprefix("set/")).option
    is_plain = not setting.is_hidden and is_secret(option, secret_names(state))
    if setting.verb is Verb.FILE:
        return file_words(setting.values, FILE_CHARACTERS_MAX)
    return MASK if is_plain else setting_words(setting)


def _readers(state: State, row: list[Any]) -> str:
    """Name those to whom a key of secrets is wrapped."""
    names_of = (names.author_name(state, KeyId(reader)) for reader, _ in row[1])
    return f"for {', '.join(sorted(names_of))}"


def selector_words(selector: Iterable[tuple[str, Iterable[str]]]) -> str:
    """Return which devices a group selects, in words."""
    return " and ".join(f"{fact} is {' or '.join(map(quote, values))}" for fact, values in selector)


def assignment_words(state: State, row: list[Any]) -> str:
    """Return to whom a policy applies, in words."""
    to, targets, priority = row
    if to == "all":
        return f"all, priority {priority}"
    if to == "devices":
        targets = [names.device_name(state, bytes.fromhex(target)) for target in targets]
    return f"{to} {' '.join(targets)}, priority {priority}"


def _rule(row: list[Any]) -> str:
    _public, uses, expires_s, groups, mode, *_ = row
    until = f", until {expires_s}" if expires_s else ""
    into = f", into {' '.join(groups)}" if groups else ""
    return f"{mode}, {uses} uses{until}{into}"


def _value(state: State, item: object) -> str:
    """Return an item of a record in words: a device by its name, other bytes in hex if they are few."""
    if isinstance(item, bytes):
        device = views.member(state, DeviceId(item)) if len(item) == ID_BYTES else None
        shown = item.hex() if len(item) <= 64 else f"{len(item)} bytes"
        return shown if device is None else device.name
    if isinstance(item, list):
        return "[" + " ".join(_value(state, one) for one in item) + "]"
    if isinstance(item, str):
        return quote(item)
    return "yes" if item is True else str(item)


def difference(state: State, section: str, key: str, before: bytes | None, after: bytes | None) -> Difference:
    """Return how a record changes."""
    item, new = describe(state, section, key, after)
    _, old = describe(state, section, key, before)
    if MASK == old == new and before != after:
        new = CHANGED
    return Difference(names.section_title(state, section), item, old, new)


def diff_text(differences: Iterable[Difference]) -> str:
    """Return differences as text: a heading for each section, then ``+``, ``-`` or ``~`` lines."""
    lines: list[str] = []
    where = None
    for d in differences:
        if d.where != where:
            lines.append(d.where)
            where = d.where
        if d.before is None:
            lines.append(f"  + {d.item}: {d.after if d.after is not None else NOTHING}")
        elif d.after is None:
            lines.append(f"  - {d.item}: {d.before}")
        else:
            lines.append(f"  ~ {d.item}: {d.before} → {d.after}")
    return "\n".join(lines)


def diff_rows(differences: Iterable[Difference]) -> list[dict[str, str | None]]:
    """Return differences as JSON rows."""
    return [{"where": d.where, "item": d.item, "before": d.before, "after": d.after} for d in differences]
