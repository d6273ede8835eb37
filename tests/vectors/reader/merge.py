"""Merging policies and own settings to a managed config, and that into a file (settings.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.vectors.reader import settings, uci
from tests.vectors.reader.packing import Refused, need
from tests.vectors.reader.settings import ABSENT, EDIT_LIST, SET, SET_LIST, TYPE, Key, Setting, Variables

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


def _put_in(said: Setting, origin: str, variables: Variables, facts: Variables) -> Said:
    if said.verb == SET:
        value = settings.expanded(said.values[0], variables, facts)
        return Said(SET if value else ABSENT, [value] if value else [], [], (origin,))
    if said.verb not in {SET_LIST, EDIT_LIST}:
        return Said(said.verb, said.values, said.removed, (origin,))
    values = settings.expanded_items(said.values, variables, facts)
    if said.verb == SET_LIST:
        return Said(SET_LIST if values else ABSENT, values, [], (origin,))
    removed = settings.expanded_items(said.removed, variables, facts)
    need(not set(values) & set(removed), "adds-and-removes")
    return Said(EDIT_LIST, list(dict.fromkeys(values)), list(dict.fromkeys(removed)), (origin,))


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
    ordered = sorted(layers, key=lambda one: (one.priority, one.origin))
    for layer in ordered:
        for key, said in sorted(layer.said.items(), key=lambda item: (item[1].position, item[0].text)):
            rows.setdefault(key, []).append((layer.priority, _put_in(said, layer.origin, variables, facts)))
    result = {key: _merged(row) for key, row in rows.items()}
    for key, row in rows.items():
        deletions = [priority for priority, said in row if said.verb == ABSENT and key.option is None]
        if not deletions or result[key].verb != ABSENT:
            continue
        for other in [other for other in rows if other.section == key and other.option is not None]:
            highest = max(priority for priority, _ in rows[other])
            need(result[other].verb == ABSENT or highest < max(deletions), "section-deleted")
            del result[other]
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


class _File:
    def __init__(self, data: bytes) -> None:
        self.data = data

    @property
    def document(self) -> uci.Document:
        return uci.Document(self.data)

    def hits(self, key: Key) -> list[int]:
        sections = self.document.sections
        if key.type is None:
            return [place for place, one in enumerate(sections) if one.name == key.address]
        typed = [place for place, one in enumerate(sections) if one.type == key.type]
        if key.index is not None:
            inside = -len(typed) <= key.index < len(typed)
            return [typed[key.index]] if inside else []
        return [place for place in typed if all(_holds(sections[place], *one) for one in key.conditions)]


def _holds(section: uci.Section, option: str, wanted: str) -> bool:
    value = section.options.get(option)
    return wanted.encode() in (value if isinstance(value, list) else [value])


def _look_up(file: _File, key: Key, says: dict[str | None, Said]) -> int | None:
    hits = file.hits(key)
    need(len(hits) < 2, "several-sections")
    if not hits:
        need(all(said.verb == ABSENT for said in says.values()), "no-section")
        return None
    return hits[0]


def resulting(data: bytes | None, package: str, config: dict[Key, Said]) -> tuple[bytes, list[str]]:
    """Put a managed config into a file; give it with the keys that changed something."""
    try:
        uci.Document(data or b"")
    except Refused:
        raise Refused("bad-file") from None
    file = _File(data or b"")
    says: dict[Key, dict[str | None, Said]] = {}
    for key, said in config.items():
        if key.package == package:
            says.setdefault(key.section, {})[key.option] = said
    made: set[Key] = set()
    for key, rows in says.items():
        existence = rows.get(None)
        if key.type is None and existence and existence.verb == TYPE and not file.hits(key):
            file.data = uci.add_section(file.data, existence.values[0], key.address)
            made.add(key)
    named = [key for key in says if key.type is None]
    others = [key for key in says if key.type is not None]
    places = {key: _look_up(file, key, says[key]) for key in named + others}
    _unambiguous(says, places)
    changed: list[str] = []
    for key, place in places.items():
        if place is not None:
            changed += [key.text] * (key in made) + _put(file, place, key, says[key])
    deleted = {place for key, place in places.items() if None in says[key] and says[key][None].verb == ABSENT}
    doomed = sorted((place for place in deleted if place is not None), reverse=True)
    for place in doomed:
        file.data = uci.delete_section(file.data, place)
    for key in others:
        _unmoved(file, key, places[key], doomed)
    return file.data, changed


def _unambiguous(says: dict[Key, dict[str | None, Said]], places: dict[Key, int | None]) -> None:
    for key, place in places.items():
        for other in [other for other in places if places[other] == place is not None and other != key]:
            _compare(says[key], says[other])


def _compare(one: dict[str | None, Said], other: dict[str | None, Said]) -> None:
    for option in set(one) & set(other):
        mine, its = one[option], other[option]
        need((mine.verb, mine.values, mine.removed) == (its.verb, its.values, its.removed), "ambiguous")
    if None in one and one[None].verb == ABSENT:
        need(all(said.verb == ABSENT for said in other.values()), "ambiguous")


def _put(file: _File, place: int, key: Key, rows: dict[str | None, Said]) -> list[str]:
    changed = []
    for option, said in sorted(rows.items(), key=lambda row: row[0] is not None):
        text = Key(key.package, key.address, option, None, None, ()).text
        if option is None:
            if said.verb == TYPE and file.document.sections[place].type != said.values[0]:
                file.data = uci.retype(file.data, place, said.values[0])
                changed.append(text)
            elif said.verb == ABSENT:
                changed.append(text)
            continue
        before = file.document.sections[place].options.get(option)
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


def _unmoved(file: _File, key: Key, place: int | None, doomed: list[int]) -> None:
    now = file.hits(key)
    if place in doomed or place is None:
        need(not now, "moves")
        return
    need(now == [place - sum(one < place for one in doomed)], "moves")
