"""Settings as text: ``uci batch`` or ``uci export`` comes in, ``uci batch`` goes out."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from dusk.config.file_rules import MODE_DEFAULT
from dusk.config.names import is_file, parse_key, place_in, split_assignment
from dusk.config.parts import Section, quoted
from dusk.config.settings import Edit, Setting, Verb, check_setting, edit, is_secret
from dusk.config.syntax import Statement, scan, words
from dusk.config.uci import Document
from dusk.errors import ConfigError
from dusk.listing import listed

_BATCH = {
    "set": Edit.SET,
    "add_list": Edit.ADD_LIST,
    "del_list": Edit.DEL_LIST,
    "delete": Edit.DELETE,
    "del": Edit.DELETE,
    "exclusive": Edit.EXCLUSIVE,
    "restore_local": Edit.LOCAL,
}
_ALONE = frozenset({Edit.DELETE, Edit.EXCLUSIVE, Edit.LOCAL})
"""What takes no value."""
_WORDS = {Verb.EXCLUSIVE: "exclusive", Verb.LOCAL: "restore_local"}
BEFORE = "before"
"""A word of ours: ``uci`` numbers sections, which says something else on each router."""
MODE = "mode"
"""Another one, of files beside UCI."""
_EXPORT = re.compile(r"(?:[ \t\r\n]|#[^\n]*(?:\n|\Z))*(?:p|package|c|config|o|option|l|list)[ \t]")
HIDDEN = Setting(Verb.SEALED)
"""Stands for a secret whose value is not shown."""
_SHOWN_MAX = 5
"""Bad lines that an error names; the rest are counted."""
_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z0-9_.@\[\]=,:/-]+")


def import_text(
    text: str, name: str = "import", *, is_draft: bool = False, further: Collection[str] = ()
) -> list[tuple[str, Setting]]:
    """Read settings from ``uci batch`` or ``uci export`` text, whichever it is.

    Batch lines ``set``, ``add_list``, ``del_list`` and ``delete`` are understood; ``commit`` says
    nothing here and is passed over. In export text a section without a name is addressed by index.

    Args:
        text: what to read.
        name: what it is called in errors.
        is_draft: whether it may have secrets, which are sealed before anything is kept.
        further: options that are secrets beside the usual ones, in lower case.

    Returns:
        Canonical keys with their settings, positions counted from 0.

    Raises:
        ConfigError: naming the lines that cannot be used; nothing is imported then.
    """
    zero = text.find("\0")
    if zero >= 0:
        line_number = text.count("\n", 0, zero) + 1
        raise ConfigError(f"{name}:{line_number}: the text contains NUL")
    if _EXPORT.match(text):
        return _from_export(text, name, is_draft=is_draft)
    return _from_batch(text, name, is_draft=is_draft, further=further)


def _from_batch(
    text: str, name: str, *, is_draft: bool, further: Collection[str]
) -> list[tuple[str, Setting]]:
    found: dict[str, Setting] = {}
    options: dict[str, list[str]] = {}
    errors = []
    for number, line in words(text, name):
        try:
            _batch_line(line, found, options, is_draft=is_draft, further=further)
        except ConfigError as error:
            errors.append(f"{name}:{number}: {error}")
    if errors:
        raise ConfigError(listed(errors, _SHOWN_MAX, "; "))
    return _numbered(found.items())


def _batch_line(
    line: list[str],
    found: dict[str, Setting],
    options: dict[str, list[str]],
    *,
    is_draft: bool,
    further: Collection[str],
) -> None:
    """Carry out one line of a batch on the settings found so far, and on the keys in each section."""
    verb = line[0].lower()
    if verb == "commit":
        return
    if verb in _OURS and len(line) == 2:
        _OURS[verb](*split_assignment(line[1]), found)
        return
    if verb not in _BATCH:
        raise ConfigError(
            f"{line[0]!a} is not supported; use set, add_list, del_list, delete, before, mode, exclusive or"
            " restore_local"
        )
    if len(line) != 2:
        raise ConfigError(f"{verb} takes one KEY{'' if _BATCH[verb] in _ALONE else '=VALUE'}")
    request, value = _BATCH[verb], ""
    key_text = line[1]
    if request not in _ALONE:
        key_text, value = split_assignment(line[1])
    parsed = parse_key(key_text)
    key = str(parsed)
    if is_file(key):
        found[key] = _file(key, request, value, found)
        return
    if parsed.option is None:
        if request is Edit.DELETE:
            for other in options.pop(key, ()):
                found.pop(other, None)
    else:
        if not value and request is Edit.SET and is_secret(parsed.option, further):
            raise ConfigError(f"{key}: the secret is empty; `delete {key}` says that there is to be none")
        section = key.removesuffix(f".{parsed.option}")
        owner = found.get(section)
        if owner is not None and owner.verb is Verb.ABSENT:
            raise ConfigError(f"{key}: the section is deleted before; set its type first")
        options.setdefault(section, []).append(key)
    setting = edit(found.get(key), request, value, position=len(found), is_section=parsed.option is None)
    assert setting is not None  # no line of a batch asks to unset
    check_setting(key, setting, is_draft=is_draft)
    found[key] = setting


def _file(key: str, request: Edit, content: str, found: Mapping[str, Setting]) -> Setting:
    """Return what a line says of a file beside UCI: what it is to have, or that it is to go."""
    if request not in (Edit.SET, Edit.DELETE):
        raise ConfigError(f"{key}: a file is set as a whole, or deleted")
    setting = edit(found.get(key), request, content, position=len(found), mode=MODE_DEFAULT)
    assert setting is not None, "it is not unset"
    check_setting(key, setting)
    return setting


def _mode(key: str, mode: str, found: dict[str, Setting]) -> None:
    """Say the mode of a file whose content was said."""
    known = found.get(key)
    if known is None or known.verb is not Verb.FILE:
        raise ConfigError(f"{key}: set the content of the file first, then its mode")
    setting = known._replace(values=(known.values[0], mode))
    check_setting(key, setting)
    found[key] = setting


def _before(key_text: str, place: str, found: dict[str, Setting]) -> None:
    """Say before which section one stands whose type was said."""
    parsed = parse_key(key_text)
    known = found.get(str(parsed))
    if known is None or known.verb is not Verb.TYPE:
        raise ConfigError(f"{parsed}: set its type first, then before which section it stands")
    setting = known._replace(values=(known.values[0], str(place_in(parsed.package, place))))
    check_setting(str(parsed), setting)
    found[str(parsed)] = setting


_OURS = {BEFORE: _before, MODE: _mode}
"""What adds to the line before it."""


def _from_export(text: str, name: str, *, is_draft: bool) -> list[tuple[str, Setting]]:
    found: list[tuple[str, Setting]] = []
    for document in _documents(text, name):
        counts: Counter[str] = Counter()
        for section in document.sections:
            found += _section_settings(document.name, section, counts[section.type])
            counts[section.type] += 1
    for key, setting in found:
        check_setting(key, setting, is_draft=is_draft)
    return _numbered(found)


def _documents(text: str, name: str) -> Iterable[Document]:
    """Split export text at its ``package`` lines."""
    documents: dict[str, Document] = {}
    current: Document | None = None
    for line in scan(text, name):
        if line.statement is Statement.PACKAGE:
            if line.name in documents:
                raise ConfigError(f"{name}:{line.number}: package {line.name} comes twice")
            current = documents[line.name] = Document(name)
        elif current is not None:
            current.read(line)
        elif line.statement is not Statement.NOTHING:
            raise ConfigError(f"{name}:{line.number}: begin with a line 'package NAME'")
    for package, document in documents.items():
        document.name = package
    return documents.values()


def _section_settings(package: str, section: Section, index: int) -> Iterable[tuple[str, Setting]]:
    """Yield what a section of export text says; ``index`` is its place among those of its type."""
    if section.name is None:
        prefix = str(parse_key(f"{package}.@{section.type}[{index}]"))
    else:
        prefix = f"{package}.{section.name}"
        yield prefix, Setting(Verb.TYPE, (section.type,))
    for option, value in section.options.items():
        if isinstance(value, str):
            yield f"{prefix}.{option}", Setting(Verb.SET, (value,))
        else:
            yield f"{prefix}.{option}", Setting(Verb.SET_LIST, value)


def _numbered(found: Iterable[tuple[str, Setting]]) -> list[tuple[str, Setting]]:
    """Give settings their positions in the order in which they stand."""
    return [
        (key, Setting(setting.verb, setting.values, position, setting.removed))
        for position, (key, setting) in enumerate(found)
    ]


def hidden_line(key: str) -> str:
    """Return the line that stands for a secret: its value is not shown."""
    return f"# {ascii(key)[1:-1]} is a secret and not shown"


def export_text(settings: Iterable[tuple[str, Setting]]) -> str:
    """Write settings as ``uci batch`` text that ``import_text`` reads back, in order of position.

    Secrets are left out, with a line that says so.
    """
    lines = []
    for key, setting in sorted(settings, key=lambda item: (item[1].position, item[0])):
        name = key if _NEEDS_NO_QUOTES.fullmatch(key) else quoted(key)
        if setting.verb is Verb.SEALED:
            lines.append(f"{hidden_line(key)}\n")
            continue
        if setting.verb is Verb.FILE:
            content, mode = setting.values
            lines.append(f"set {name}={quoted(content)}\n")
            lines += [f"{MODE} {name}={quoted(mode)}\n"] if mode != MODE_DEFAULT else []
            continue
        if setting.verb in (Verb.SET, Verb.TYPE):
            lines.append(f"set {name}={quoted(setting.values[0])}\n")
            lines += [f"{BEFORE} {name}={quoted(place)}\n" for place in setting.values[1:]]
            continue
        if setting.verb is not Verb.EDIT_LIST:
            lines.append(f"{_WORDS.get(setting.verb, 'delete')} {name}\n")
        lines += [f"add_list {name}={quoted(value)}\n" for value in setting.values]
        lines += [f"del_list {name}={quoted(value)}\n" for value in setting.removed]
    return "".join(lines)
