"""Merging policies and own settings to a managed config, and that into a file (settings.md)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.vectors.reader import beside, settings, uci
from tests.vectors.reader.packing import Refused, need
from tests.vectors.reader.settings import (
    ABSENT,
    EDIT_LIST,
    LOCAL,
    SET,
    SET_LIST,
    TYPE,
    Key,
    Setting,
    Variables,
)

OWN_PRIORITY = 1000


@dataclass(frozen=True)
class Said:
    """What one layer, or the merge so far, says of a key."""

    verb: int
    values: list[str]
    removed: list[str]
    origins: tuple[str, ...]


@dataclass(frozen=True)
class Layer:
    """The settings of a policy, or of the device itself."""

    priority: int
    origin: str
    said: Mapping[Key, Setting]


def variables_of(own: Variables, groups: Mapping[str, Variables], cluster: Variables) -> dict[str, Any]:
    """Say what the variables of a device are, given those of its own groups."""
    found: dict[str, Any] = dict(cluster)
    names = {name for one in groups.values() for name in one}
    for name in names - set(own):
        values = [one[name] for one in groups.values() if name in one]
        need(all(value == values[0] for value in values), "groups-disagree")
        found[name] = values[0]
    return found | dict(own)


def _put_in(said: Setting, origin: str, variables: Variables, facts: Variables, stays: str | None) -> Said:
    if said.verb == SET:
        value = settings.expanded(said.values[0], variables, facts, stays)
        return Said(SET if value else ABSENT, [value] if value else [], [], (origin,))
    if said.verb not in {SET_LIST, EDIT_LIST}:
        return Said(said.verb, said.values, said.removed, (origin,))
    values = settings.expanded_items(said.values, variables, facts, stays)
    if said.verb == SET_LIST:
        return Said(SET_LIST if values else ABSENT, values, [], (origin,))
    removed = settings.expanded_items(said.removed, variables, facts, stays)
    return _list_edit(values, removed, (origin,))


def _list_edit(values: list[str], removed: list[str], origins: tuple[str, ...]) -> Said:
    need(not set(values) & set(removed), "adds-and-removes")
    return Said(EDIT_LIST, list(dict.fromkeys(values)), list(dict.fromkeys(removed)), origins)


def _agree(one: Said, other: Said) -> bool:
    if one.verb == other.verb == EDIT_LIST:
        return not (set(one.removed) & set(other.values) or set(other.removed) & set(one.values))
    if EDIT_LIST not in {one.verb, other.verb}:
        return (one.verb, one.values) == (other.verb, other.values)
    edit, whole = (one, other) if one.verb == EDIT_LIST else (other, one)
    keeps = set(edit.values) <= set(whole.values) and not set(edit.removed) & set(whole.values)
    return whole.verb in {SET_LIST, ABSENT} and keeps


def _edited(below: Said | None, edit: Said) -> Said:
    if below is None:
        return edit
    origins = tuple(dict.fromkeys(below.origins + edit.origins))
    if below.verb == EDIT_LIST:
        values = [one for one in below.values if one not in edit.removed]
        removed = [one for one in below.removed if one not in edit.values]
        values += [one for one in edit.values if one not in values]
        removed += [one for one in edit.removed if one not in removed]
        return Said(EDIT_LIST, values, removed, origins)
    taken = [] if below.verb == SET else edit.removed
    values = [one for one in below.values if one not in taken]
    values += [one for one in edit.values if one not in values]
    if values == below.values:
        return below
    return Said(SET_LIST if values else ABSENT, values, [], origins)


def _merged(rows: list[tuple[int, Said]]) -> Said:
    """Merge what the layers say of one key, by rising priority."""
    result: Said | None = None
    for priority in sorted({row for row, _ in rows}):
        saying = sorted((said for row, said in rows if row == priority), key=lambda said: said.origins)
        need(all(_agree(one, other) for one in saying for other in saying), "disagree")
        whole = [said for said in saying if said.verb != EDIT_LIST]
        if whole:
            origins = tuple(origin for said in whole for origin in said.origins)
            result = Said(whole[0].verb, whole[0].values, [], origins)
        for said in saying:
            if said.verb == EDIT_LIST:
                result = _edited(result, said)
    assert result
    return result


Managed = dict[str, list[dict[str, Any]]]


def managed(layers: list[Layer], variables: Variables, facts: Variables) -> dict[Key, Said]:
    """Give what is managed, in order: each key with what the merge says of it."""
    rows: dict[Key, list[tuple[int, Said]]] = {}
    made = 0
    ordered = sorted(layers, key=lambda one: (one.priority, one.origin))
    for layer in ordered:
        speaking = {key: said for key, said in layer.said.items() if said.verb != LOCAL}
        for key, said in sorted(speaking.items(), key=lambda item: (item[1].position, item[0].text)):
            put_in = _put_in(said, layer.origin, variables, facts, key.each)
            rows.setdefault(key, []).append((layer.priority, put_in))
            if said.verb in {SET, SET_LIST, EDIT_LIST}:
                for values in (said.values, said.removed):
                    made += settings.made(values, variables, facts, key.each)
                need(made <= settings.MADE_MAX, "too-large")
    result = {key: _merged(row) for key, row in rows.items()}
    for key, row in rows.items():
        deletions = [priority for priority, said in row if said.verb == ABSENT and key.option is None]
        if not deletions or result[key].verb != ABSENT:
            continue
        for other in [other for other in rows if other.section == key and other.option is not None]:
            highest = max(priority for priority, _ in rows[other])
            need(result[other].verb == ABSENT or highest < max(deletions), "section-deleted")
            del result[other]
    files = [said for key, said in result.items() if key.is_file]
    need(len(files) <= 64, "too-many")
    need(sum(len(said.values[0].encode()) for said in files if said.values) <= 512 * 1024, "too-many")
    return result


def shown(config: dict[Key, Said]) -> Managed:
    """Show a managed config by package and section."""
    out: Managed = {}
    for key, said in config.items():
        sections = out.setdefault(key.package, [])
        found = [one for one in sections if one["address"] == key.address]
        section = found[0] if found else {"address": key.address, "existence": None, "options": {}}
        sections += [] if found else [section]
        row = {
            "verb": said.verb,
            "values": said.values,
            "removed": said.removed,
            "origin": ", ".join(said.origins),
            "key": key.text,
        }
        if key.option is None:
            section["existence"] = row
        else:
            section["options"][key.option] = row
    return out


# The resulting file


Rows = dict[str | None, Said]
"""What is said of a section: of its options, and (None) of its being there."""


class _File:
    """A file whose sections keep their number whatever comes and goes before them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.numbers = list(range(len(self.document.sections)))
        self.next = len(self.numbers)

    @property
    def document(self) -> uci.Document:
        return uci.Document(self.data)

    def section(self, number: int) -> uci.Section:
        return self.document.sections[self.numbers.index(number)]

    def add(self, type_: str, name: str, before: int | None) -> int:
        place = len(self.numbers) if before is None else self.numbers.index(before)
        behind = None if before is None else self.section(before).name or self.section(before).generated
        self.data = uci.add_section(self.data, type_, name, *([] if behind is None else [behind]))
        self.numbers.insert(place, self.next)
        self.next += 1
        return self.next - 1

    def delete(self, number: int) -> None:
        self.data = uci.delete_section(self.data, self.numbers.index(number))
        self.numbers.remove(number)

    def hits(self, key: Key) -> list[int]:
        every = list(zip(self.numbers, self.document.sections, strict=True))
        if key.type is None:
            return [number for number, one in every if one.name == key.address]
        typed = [(number, one) for number, one in every if one.type == key.type]
        if key.index is not None:
            inside = -len(typed) <= key.index < len(typed)
            return [typed[key.index][0]] if inside else []
        found = [(number, one) for number, one in typed if all(_holds(one, *c) for c in key.conditions)]
        if key.each is None:
            return [number for number, _ in found]
        need(all(one.name for _, one in found), "no-name")
        need(len(found) <= 256, "several-sections")
        made = re.compile(r"dusk_[A-Za-z0-9]{1,16}_.")
        return [number for number, one in found if not made.match(one.name or "")]


def _holds(section: uci.Section, option: str, wanted: str) -> bool:
    value = section.options.get(option)
    return wanted.encode() in (value if isinstance(value, list) else [value])


class _Work:
    """What was put into a file so far."""

    def __init__(self, file: _File) -> None:
        self.file = file
        self.changed: list[str] = []
        self.about: dict[int, list[Rows]] = {}
        self.absent: set[str] = set()
        self.made: dict[int, int] = {}
        self.placed: list[tuple[int, Key, Said]] = []
        self.counted = 0

    def named(self, rank: int, key: Key, rows: Rows, said_by: Key) -> None:
        """Put in a section by name."""
        hits, existence = self.file.hits(key), rows.get(None)
        if existence and existence.verb == ABSENT:
            self.absent.add(key.address)
        elif existence and not hits:
            need(key.address not in self.absent, "ambiguous")
            places = self.file.hits(_place_of(key, existence)) if existence.values[1:] else []
            later = sorted((other, number) for number, other in self.made.items() if other > rank)
            before = places[0] if len(places) == 1 else later[0][1] if later else None
            hits = [self.file.add(existence.values[0], key.address, before)]
            if len(places) != 1:
                self.made[hits[0]] = rank
            self.changed.append(said_by.text)
        need(bool(hits) or all(said.verb == ABSENT for said in rows.values()), "no-section")
        if hits:
            self.put(hits[0], said_by, rows)

    def put(self, number: int, key: Key, rows: Rows) -> None:
        """Put in what is said of a section."""
        for other in self.about.setdefault(number, []):
            _compare(rows, other)
            _compare(other, rows)
        self.about[number].append(rows)
        existence = rows.get(None)
        if existence and existence.values[1:]:
            self.placed.append((number, key, existence))
        if None in rows and rows[None].verb == ABSENT:
            if number in self.file.numbers:
                self.file.delete(number)
                self.changed.append(key.text)
        elif number in self.file.numbers:
            self.changed += _put(self.file, number, key, rows)

    def each(self, rank: int, key: Key, hits: list[str], rows: Rows) -> None:
        """Put in the section of every hit."""
        assert key.each is not None
        found = [{option: _read_again(said, key.each, hit) for option, said in rows.items()} for hit in hits]
        for here in found:
            options = [said for option, said in here.items() if option is not None]
            texts = [text for said in options for text in (*said.values, *said.removed)]
            self.counted += 64 * len(here) + sum(map(settings.counted, texts))
        need(self.counted <= settings.MADE_MAX, "too-large")
        for hit, here in zip(hits, found, strict=True):
            at = Key(key.package, f"dusk_{key.each}_{hit}", None, None, None, ())
            self.named(rank, at, here, key)

    def before(self, number: int, key: Key, existence: Said, *, moves: bool) -> None:
        """Move a section that stands behind one that it stands before."""
        hits = self.file.hits(_place_of(key, existence))
        need(len(hits) < 2, "several-sections")
        need(bool(hits) and hits != [number], "no-section")
        here, there = (self.file.numbers.index(one) for one in (number, hits[0]))
        if here > there:
            need(moves, "order")
            self.file.data = uci.move_section(self.file.data, here, there)
            self.file.numbers.insert(there, self.file.numbers.pop(here))
            self.changed.append(key.text)

    def order(self, *, moves: bool) -> None:
        """See to the order of all sections that stand before others."""
        for number, key, existence in self.placed:
            self.before(number, key, existence, moves=moves)

    def clear(self, key: Key) -> None:
        """Remove what hits that went left behind."""
        for number in list(self.file.numbers):
            name = self.file.section(number).name or ""
            if name.startswith(f"dusk_{key.each}_") and number not in self.about:
                self.file.delete(number)
                self.changed.append(key.text)


def _place_of(key: Key, existence: Said) -> Key:
    return settings.key(f"{key.package}.{existence.values[1]}")


def _read_again(said: Said, name: str, hit: str) -> Said:
    if said.verb == TYPE:
        return said
    values, removed = (
        [settings.expanded(text, {name: hit}, {}) for text in texts] for texts in (said.values, said.removed)
    )
    if said.verb == EDIT_LIST:
        return _list_edit(values, removed, said.origins)
    return Said(said.verb, values, removed, said.origins)


def resulting(data: bytes | None, package: str, config: dict[Key, Said]) -> tuple[bytes, list[str]]:
    """Put a managed config into a file; give it with the keys that changed something."""
    if package.startswith("file:"):
        (said,) = [said for key, said in config.items() if key.package == package]
        content, mode = said.values or ["", ""]
        wanted = beside.as_bytes(content, mode) if said.values else b""
        return wanted, [package] if wanted != (data or b"") else []
    try:
        uci.Document(data or b"")
    except Refused:
        raise Refused("bad-file") from None
    file = _File(data or b"")
    says: dict[Key, Rows] = {}
    for key, said in config.items():
        if key.package == package:
            says.setdefault(key.section, {})[key.option] = said
    work = _Work(file)
    eaches = _put_names(work, says)
    work.order(moves=True)
    others = [key for key in says if key.type is not None and not key.each and not key.is_every]
    places = {key: _look_up(file, key, says[key]) for key in others}
    for key, number in places.items():
        if number is not None:
            work.put(number, key, says[key])
    stays = {number for hits in eaches.values() for number in hits} | set(work.about)
    stays |= {hit for _, key, existence in work.placed for hit in file.hits(_place_of(key, existence))}
    stays |= {number for number in places.values() if number is not None}
    _alone(
        work, [key for key in says if key.is_every], stays | (_way(file) if package == "network" else set())
    )
    for key, number in places.items():
        need(file.hits(key) == ([number] if number in file.numbers else []), "moves")
    for key, hits in eaches.items():
        need(file.hits(key) == hits, "moves")
    work.order(moves=False)
    return file.data, list(dict.fromkeys(work.changed))


def _alone(work: _Work, exclusive: list[Key], stays: set[int]) -> None:
    """Remove what nothing names."""
    for key in exclusive:
        for number in list(work.file.numbers):
            if key.type in {"", work.file.section(number).type} and number not in stays:
                work.file.delete(number)
                work.changed.append(key.text)


def _way(file: _File) -> set[int]:
    """Say what stays of `network`, where nothing is known of the device."""
    sections = {number: file.section(number) for number in file.numbers}
    devices = {"br-lan"}
    while below := _below(devices, list(sections.values())) - devices:
        devices |= below
    networks = {one.name for one in sections.values() if one.name and _about(one) & devices}
    at = {*devices, "lo", *(f"@{name}" for name in networks)}
    names = {*networks, "loopback"}
    return {
        number
        for number, one in sections.items()
        if _about(one) & at
        or one.type.startswith("switch")
        or one.name in names
        or _texts(one, "interface") & names
        or one.type.removeprefix("wireguard_") in networks
    }


def _below(devices: set[str], sections: list[uci.Section]) -> set[str]:
    dots = {name.rpartition(".")[0] for name in devices if "." in name}
    ports = {
        port for one in sections if _texts(one, "name") & devices for port in _texts(one, "ports", "ifname")
    }
    return dots | ports


def _about(one: uci.Section) -> set[str]:
    old = {f"br-{one.name}"} if one.type == "interface" and one.options.get("type") == b"bridge" else set()
    return old | _texts(one, "name", "device", "ifname")


def _texts(one: uci.Section, *options: str) -> set[str]:
    values = [one.options.get(option, b"") for option in options]
    flat = [item for value in values for item in (value if isinstance(value, list) else value.split())]
    return {item.decode(errors="replace") for item in flat}


def _put_names(work: _Work, says: dict[Key, Rows]) -> dict[Key, list[int]]:
    """Put in what has a name, and what `each` gives one to; give what each of these hit."""
    file, late = work.file, []
    for rank, key in enumerate(says):
        if key.type is None and (None in says[key] or file.hits(key)):
            work.named(rank, key, says[key], key)
        elif key.type is None:
            late.append((rank, key))
    eaches = {key: file.hits(key) for key in says if key.each}
    names = {number: file.section(number).name or "" for hits in eaches.values() for number in hits}
    for rank, key in enumerate(says):
        if key.each:
            work.each(rank, key, [names[number] for number in eaches[key]], says[key])
    for key in eaches:
        if None in says[key]:
            work.clear(key)
    for rank, key in late:
        work.named(rank, key, says[key], key)
    return eaches


def _look_up(file: _File, key: Key, says: Rows) -> int | None:
    hits = file.hits(key)
    need(len(hits) < 2, "several-sections")
    need(bool(hits) or all(said.verb == ABSENT for said in says.values()), "no-section")
    return hits[0] if hits else None


def _compare(one: Rows, other: Rows) -> None:
    for option in set(one) & set(other):
        mine, its = one[option], other[option]
        need((mine.verb, mine.values, mine.removed) == (its.verb, its.values, its.removed), "ambiguous")
    if None in one and one[None].verb == ABSENT:
        need(all(said.verb == ABSENT for said in other.values()), "ambiguous")


def _put(file: _File, number: int, key: Key, rows: Rows) -> list[str]:
    changed, place = [], file.numbers.index(number)
    for option, said in sorted(rows.items(), key=lambda row: row[0] is not None):
        text = Key(key.package, key.address, option, None, None, ()).text
        if option is None:
            if file.section(number).type != said.values[0]:
                file.data = uci.retype(file.data, place, said.values[0])
                changed.append(text)
            continue
        before = file.section(number).options.get(option)
        after = _wanted(before, said)
        if (before or None) != (after or None):
            file.data = uci.set_option(file.data, place, option, after)
            changed.append(text)
    return changed


def _wanted(before: uci.Value | None, said: Said) -> uci.Value:
    if said.verb == SET:
        return said.values[0].encode()
    values = [value.encode() for value in said.values]
    if said.verb != EDIT_LIST:
        return values
    had = before if isinstance(before, list) else [before] if before else []
    items = [item for item in had if item.decode(errors="replace") not in said.removed]
    items += [value for value in values if value not in items]
    return before if items == had and before else items
