"""What a router had before Dusk managed it, and how that comes back (`specs/settings.md`, *Given back*).

The device remembers, KEY by KEY, what an apply replaced first: the value of an option, that there was no such
section, the sections that it removed. That is written in the same transaction as the files that it is about.
The helper keeps it for root alone, as it may hold secrets of the router's own; here it is data.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from dusk.config.merge import Managed
from dusk.config.names import Each, Key, Named, One, parse_key
from dusk.config.parts import Removed, Section, Value, quoted
from dusk.config.result import Former, find
from dusk.config.settings import FORMER
from dusk.config.uci import Document, parse
from dusk.errors import ConfigError
from dusk.ids import DeviceId
from dusk.lazy import dataclass
from dusk.limits import MEMORY_BYTES_MAX

_VERSION = "1"
_OPTION = "o_"
"""Before the name of a removed section's option, which so is none of the memory's own."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What was there before Dusk managed it.

    Args:
        values: KEY → the value of an option, the type of a section; None: it was not there.
        removed: KEY → the sections that were removed for it, in order.
    """

    values: Mapping[str, Value | None]
    removed: Mapping[str, tuple[Removed, ...]]


_NOTHING = Memory({}, {})


def noted(memory: Memory, found: Iterable[Former]) -> Memory:
    """Return a memory with what a result has replaced: what came first holds, of sections each counts.

    What is in a section that Dusk made goes with it, and is not noted.
    """
    values, removed = dict(memory.values), dict(memory.removed)
    for key, was in found:
        parsed = parse_key(key)
        if isinstance(was, Removed):
            if not (was.name and _is_made(values, f"{parsed.package}.{was.name}")):
                removed[key] = (*removed.get(key, ()), was)
        elif parsed.option is None or not _is_made(values, f"{parsed.package}.{parsed.section}"):
            values.setdefault(key, was)
    return Memory(values, removed)


def _is_made(values: Mapping[str, Value | None], section: str) -> bool:
    return values.get(section, "") is None


# --- giving back -------------------------------------------------------------------------------------


def put_back(
    files: Mapping[str, bytes | None], memory: Memory, keys: Collection[str], managed: Managed
) -> tuple[dict[str, bytes | None], Memory]:
    """Return the files with what they had at these KEYs, and the memory without them.

    A section that Dusk made stays while anybody manages anything in it, and so does what is remembered of it.

    Args:
        files: package → content; None for no file. What is missing here is left, and still remembered.
        memory: what is remembered.
        keys: what nobody manages any more, and is to be as it was.
        managed: what somebody manages.

    Raises:
        ConfigError: a file cannot be read, or has two sections then that are read as one.
    """
    each = [key for key in map(parse_key, keys) if isinstance(key.section, Each)]
    values, removed = dict(memory.values), dict(memory.removed)
    given: dict[str, list[tuple[str, Key]]] = {}
    for text in dict.fromkeys((*memory.removed, *memory.values)):
        key = parse_key(text)
        is_asked = text in keys or _is_of(key, each)
        if is_asked and key.package in files and not (key.option is None and _is_managed(key, managed)):
            given.setdefault(key.package, []).append((text, key))
    back = dict(files)
    for package, asked in given.items():
        document = parse(files[package] or b"", package)
        for text, _ in asked:
            _add(document, removed.pop(text, ()))
        options = [(text, key) for text, key in asked if key.option is not None]
        sections = [(text, key) for text, key in asked if key.option is None]
        for text, key in (*options, *sections):
            if text in values:
                _restore(document, key, values.pop(text))
        document.check_names()
        back[package] = document.render()
    return back, Memory(values, removed)


def _is_of(key: Key, each: Sequence[Key]) -> bool:
    """Tell whether a KEY is of a section that one of these ``each`` addresses made."""
    if not isinstance(key.section, Named):
        return False
    name = key.section.name
    return any(
        (one.package, one.option) == (key.package, key.option)
        and isinstance(one.section, Each)
        and name.startswith(one.section.prefix)
        for one in each
    )


def _is_managed(key: Key, managed: Managed) -> bool:
    """Tell whether somebody manages something of a section."""
    name = str(key.section)
    return any(
        str(one.address) == name or (isinstance(one.address, Each) and name.startswith(one.address.prefix))
        for one in managed.get(key.package, ())
    )


def _add(document: Document, sections: Iterable[Removed]) -> None:
    """Put sections in again, behind all others; one whose name is there stays as it is."""
    for one in sections:
        if one.name and document.section(one.name) is not None:
            continue
        section = document.add_section(one.type, one.name or None)
        for name, value in one.options:
            document.set(section, name, value)


def _restore(document: Document, key: Key, was: Value | None) -> None:
    """Let an option or a section be what it was, if there is exactly one such section."""
    assert isinstance(key.section, One), "what is remembered is of one section"
    hits = find(document, key.section)
    if len(hits) != 1:
        return
    if key.option is None:
        _restore_section(document, hits[0], was)
    elif was is None:
        document.remove(hits[0], key.option)
    else:
        document.set(hits[0], key.option, was)


def _restore_section(document: Document, section: Section, was: Value | None) -> None:
    if isinstance(was, str):
        document.retype(section, was)
    else:
        document.remove_section(section)


# --- how it is kept ----------------------------------------------------------------------------------


def encode_memory(device: DeviceId, memory: Memory) -> bytes | None:
    """Return the memory as UCI text, which root can read; None where it would be too large."""
    lines = [f"config memory\n{_option('version', _VERSION)}{_option('device', device.hex())}"]
    for key, was in sorted(memory.values.items()):
        said = "" if was is None else _option("value", was)
        lines.append(f"config was\n{_option('key', key)}{said}")
    for key, sections in sorted(memory.removed.items()):
        for one in sections:
            name = _option("name", one.name) if one.name else ""
            options = "".join(_option(_OPTION + option, value) for option, value in one.options)
            lines.append(f"config removed\n{_option('key', key)}{_option('type', one.type)}{name}{options}")
    data = "\n".join(lines).encode("utf-8", "surrogateescape")
    return data if len(data) <= MEMORY_BYTES_MAX else None


def _option(name: str, value: Value) -> str:
    if isinstance(value, str):
        return f"\toption {name} {quoted(value)}\n"
    return "".join(f"\tlist {name} {quoted(item)}\n" for item in value)


def decode_memory(data: bytes | None, device: DeviceId) -> Memory:
    """Read a memory; a damaged one, or that of a device that this one was before, is as good as none."""
    try:
        sections = parse(data or b"", FORMER).sections
        if not sections or [sections[0].get(name) for name in ("version", "device")] != [
            _VERSION,
            device.hex(),
        ]:
            return _NOTHING
        return _read(sections[1:])
    except ConfigError:
        return _NOTHING


def _read(sections: Iterable[Section]) -> Memory:
    values: dict[str, Value | None] = {}
    removed: dict[str, tuple[Removed, ...]] = {}
    for section in sections:
        key, kind, name = (str(section.get(option) or "") for option in ("key", "type", "name"))
        parsed = parse_key(key)
        if section.type == "removed":
            options = [
                (n.removeprefix(_OPTION), v) for n, v in section.options.items() if n.startswith(_OPTION)
            ]
            removed[key] = (*removed.get(key, ()), Removed(kind, name, tuple(options)))
        elif isinstance(parsed.section, One):
            values[key] = section.get("value")
    return Memory(values, removed)
