"""What routers take without a word of their root, as far as it shows before anything is signed.

A router's helper decides by the same table and by its root's ``etc/dusk/allow``, which nobody else
knows; so what is said here are notes. Values are left to the helper, but for characters that nobody sees.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from dusk.changelog.body import Edit
from dusk.changelog.overlay import Overlay
from dusk.config.device import SET
from dusk.config.names import Every, Indexed, Key, Matched, has_controls, is_file, parse_key
from dusk.config.settings import Setting, Verb, decode_setting

NOTES_MAX = 20
"""So many are shown at once."""
_MARKED = re.compile(r'([^=!+"~]+)')
_LIKENESS_MIN = 0.6
_ROOT = "where root allows it (etc/dusk/allow)"
_FILE = "file:/etc/banner"
"""The file beside UCI that a router takes, as text for people; the helper says the same."""

Table = dict[str, dict[str, set[str]]]
"""Package → type → options."""


def read_table(text: str) -> Table:
    """Read the helper's table (``PACKAGE.TYPE OPTION...``, an option with its mark or value)."""
    table: Table = {}
    for line in text.splitlines():
        head, *options = line.partition("#")[0].split() or [""]
        package, _, kind = head.partition(".")
        if package:
            known = table.setdefault(package, {}).setdefault(kind, set())
            known.update(match[0] for match in map(_MARKED.match, options) if match)
    return table


def notes_on(text: str, store: Overlay, edits: Sequence[Edit]) -> list[str]:
    """Return a line for each edit that a router takes only if its root allowed it.

    Args:
        text: the helper's table.
        store: the datastore with all edits on top, for the types of sections.
        edits: what is looked at.
    """
    settings = [e for e in edits if e.key.startswith(SET) and e.data is not None]
    if not settings:
        return []
    table = read_table(text)
    found = list(dict.fromkeys(note for edit in settings for note in _notes(table, store, edit)))
    more = len(found) - NOTES_MAX
    return [*found[:NOTES_MAX], *([f"and {more} more like these"] if more > 0 else [])]


def notes_on_packages(text: str, packages: Iterable[str]) -> list[str]:
    """Return a line for each package that a router takes only if its root allowed it; files are by name."""
    table = read_table(text)
    return [_of_root(one, table) for one in packages if not is_file(one) and one not in table]


def _of_root(package: str, table: Table) -> str:
    return f"a router takes {package} only {_ROOT}{near(package, table)}"


def _notes(table: Table, store: Overlay, edit: Edit) -> Iterator[str]:
    assert edit.data is not None, "chosen above"
    key, setting = parse_key(edit.key.removeprefix(SET)), decode_setting(edit.data)
    if setting.verb is Verb.ABSENT:
        return
    if is_file(key.package):
        if key.package != _FILE:
            yield f"{key}: a router takes it only {_ROOT}"
        return
    if key.package not in table:
        yield f"{key}: {_of_root(key.package, table)}"
        return
    if any(has_controls(value) for value in setting.values):
        yield f"{key}: a router takes a value with a line break or another control character only {_ROOT}"
    types, kinds = table[key.package], _kinds(store, edit.section, key, setting)
    for kind in kinds:
        if kind not in types:
            yield f"{key}: a router takes {key.package}.{kind} only {_ROOT}{near(kind, types)}"
        elif key.option is not None and key.option not in types[kind]:
            word = f"{key.package}.{kind}.{key.option}"
            yield f"{key}: a router takes {word} only {_ROOT}{near(key.option, types[kind])}"
    options = set().union(*types.values())
    if not kinds and key.option is not None and key.option not in options:
        where = f"in no section of {key.package} a router takes {key.option}, but {_ROOT}"
        yield f"{key}: {where}{near(key.option, options)}"


def _kinds(store: Overlay, section: str, key: Key, setting: Setting) -> list[str]:
    """Return the types that the section has, as far as anything in the datastore says so."""
    if isinstance(key.section, Every):
        return [key.section.type] if key.section.type else []
    if isinstance(key.section, Indexed | Matched):
        return [key.section.type]
    if setting.verb is Verb.TYPE:
        return [setting.values[0]]
    record = f"{SET}{key.package}.{key.section}"
    stored = (store.data(path, record) for path in dict.fromkeys((section, *store.sections("policy/"))))
    said = (decode_setting(data) for data in stored if data is not None)
    return sorted({one.values[0] for one in said if one.verb is Verb.TYPE})


def near(word: str, words: Iterable[str]) -> str:
    """Return what was probably meant, as the end of a sentence; nothing if no word is like it."""
    like, near = max(((_likeness(word, other), other) for other in words), default=(0.0, ""))
    return f"; did you mean {near}?" if like >= _LIKENESS_MIN else ""


def _likeness(one: str, other: str) -> float:
    """Return the share of pairs of neighbouring letters, ends too, that two words have in common.

    The library's own comparison takes longer, and as much memory as thirty modules of ours (P6).
    """
    pairs, others = ({*zip(f" {word}", f"{word} ", strict=True)} for word in (one, other))
    return 2 * len(pairs & others) / (len(pairs) + len(others))
