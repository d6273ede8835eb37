"""What a router has in its files and nothing manages yet, as settings: to take over what is there.

Each section is addressed by its name; one without, by the option `name` where no other of its type has
the same, so that it is the same section on every router, and else by its place among those of its type.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from dusk.config.files_told import ToldFile, ToldSection
from dusk.config.merge import ManagedOption, ManagedSection
from dusk.config.names import Each, Every, Indexed, Matched, Named, Whole, check_value, is_generated, is_made
from dusk.config.names import One as Address
from dusk.config.parts import Value
from dusk.config.result import find, hits_of, instances
from dusk.config.settings import Setting, Verb, check_setting, is_secret
from dusk.config.uci import Document
from dusk.config.variables import Made, as_it_stands
from dusk.errors import ConfigError
from dusk.lazy import dataclass

Claims = Mapping[tuple[int, str | None], ManagedOption]
"""Which section of a file, by its place, and option (None: that it is there) → what manages it."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What becomes of a file.

    Attributes:
        settings: KEYs with what they are to say, in the order of the file.
        secrets: KEYs of options that are there, and whose value nobody told.
        left: KEYs of options that have a value which no setting can have.
        managed: how many options are managed already, and so left out.
    """

    settings: tuple[tuple[str, Setting], ...]
    secrets: tuple[str, ...]
    left: tuple[str, ...]
    managed: int


def claims(file: ToldFile, managed: Sequence[ManagedSection]) -> Claims:
    """Return what is managed of a file that was told.

    Args:
        file: the file.
        managed: what the managed config has for its package.
    """
    document = _document(file)
    places = {section: place for place, section in enumerate(document.sections)}
    found: dict[tuple[int, str | None], ManagedOption] = {}
    made = Made()
    for wanted in managed:
        for one in _plain(document, wanted, file.package, made):
            assert not isinstance(one.address, Each | Every | Whole), "that is left out"
            hits = find(document, one.address)
            for section in hits if len(hits) == 1 else []:
                place = places[section]
                if one.existence is not None:
                    found[place, None] = one.existence
                found |= {(place, name): option for name, option in one.options.items()}
    return found


def _plain(document: Document, wanted: ManagedSection, package: str, made: Made) -> Sequence[ManagedSection]:
    """Return the sections that an address is about, if it is not one section itself."""
    if isinstance(wanted.address, Every | Whole):
        return ()
    if not isinstance(wanted.address, Each):
        return (wanted,)
    try:
        return instances(wanted, hits_of(document, wanted, package), made)
    except ConfigError:  # there is none there then
        return ()


def _document(file: ToldFile) -> Document:
    """Return a document with the sections that were told, for addresses to be looked up in."""
    document = Document(file.package)
    for one in file.sections:
        section = document.add_section(one.type, None if is_generated(one.name) else one.name or None)
        for name, value in one.options:
            if value is not None and _is_text(value):
                document.set(section, name, value)
    return document


def _is_text(value: Value) -> bool:
    try:
        for text in (value,) if isinstance(value, str) else value:
            check_value(text, "")
    except ConfigError:
        return False
    return True


def addresses(file: ToldFile) -> tuple[Address, ...]:
    """Return by what each section of a file is addressed, in their order."""
    named = Counter((one.type, name) for one in file.sections if (name := _own_name(one)) is not None)
    counts: Counter[str] = Counter()
    found: list[Address] = []
    for one in file.sections:
        index, name = counts[one.type], _own_name(one)
        counts[one.type] += 1
        if one.name and not is_generated(one.name):
            found.append(Named(one.name))
        elif name is not None and named[one.type, name] == 1:
            found.append(Matched(one.type, (("name", name),)))
        else:
            found.append(Indexed(one.type, index))
    return tuple(found)


def _own_name(section: ToldSection) -> str | None:
    """Return what a section is called by its option `name`."""
    value = dict(section.options).get("name")
    return value if isinstance(value, str) and _is_text(value) and value.isprintable() else None


def taken_over(file: ToldFile, managed: Sequence[ManagedSection], further: Collection[str] = ()) -> Taken:
    """Return what nothing manages yet of a file, as settings.

    Sections that an ``each`` made are somebody's already, and go with it.

    Args:
        file: as a device told it.
        managed: what the managed config of that device has for the package.
        further: options that the cluster takes for secrets beside the usual ones, in lower case.
    """
    known = claims(file, managed)
    settings: list[tuple[str, Setting]] = []
    secrets: list[str] = []
    left: list[str] = []
    skipped = 0
    for place, (section, address) in enumerate(zip(file.sections, addresses(file), strict=True)):
        options = tuple(_unclaimed(section, address, place, known))
        skipped += sum((place, name) in known for name, _ in section.options)
        if is_made(section.name) or _is_to_go(place, known):
            continue
        prefix = f"{file.package}.{address}"
        if isinstance(address, Named) and (place, None) not in known:
            settings.append((prefix, Setting(Verb.TYPE, (section.type,))))
        for name, value in options:
            key = f"{prefix}.{name}"
            if value is None or is_secret(name, further):
                secrets.append(key)
            elif (setting := _setting(key, value)) is None:
                left.append(key)
            else:
                settings.append((key, setting))
    numbered = tuple((key, one._replace(position=at)) for at, (key, one) in enumerate(settings))
    return Taken(numbered, tuple(secrets), tuple(left), skipped)


def _is_to_go(place: int, known: Claims) -> bool:
    """Tell whether a section is there that should not be: nothing can be said of what is in it."""
    existence = known.get((place, None))
    return existence is not None and existence.verb is Verb.ABSENT


def _unclaimed(
    section: ToldSection, address: Address, place: int, known: Claims
) -> Iterator[tuple[str, Value | None]]:
    """Yield the options that nothing manages; what an address says itself needs no setting."""
    for name, value in section.options:
        is_said = isinstance(address, Matched) and name == "name"
        if (place, name) not in known and not is_said:
            yield name, value


def _setting(key: str, value: Value) -> Setting | None:
    """Return what makes an option what it is; None where no setting can.

    A file knows no variables: what looks like the use of one is text (A33).
    """
    texts = (value,) if isinstance(value, str) else value
    setting = Setting(
        Verb.SET if isinstance(value, str) else Verb.SET_LIST, tuple(as_it_stands(text) for text in texts)
    )
    try:
        check_setting(key, setting)
    except ConfigError:
        return None
    return setting
