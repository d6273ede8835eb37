"""Drift: where a device's files say something else than its managed config.

Pure comparison: what of it is drift, and what is only not applied yet, depends on what is in
effect, which `dusk.apply.keeping` knows. Values of secret options are compared and left out.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from dusk.config.files import file_bytes, line_of
from dusk.config.merge import Managed, ManagedOption, ManagedSection
from dusk.config.names import Each, Named, One, is_file
from dusk.config.parts import Section, Value
from dusk.config.result import find, hits_of, instances, target
from dusk.config.settings import Verb, is_secret
from dusk.config.uci import Document, parse
from dusk.config.variables import Made
from dusk.errors import ConfigError
from dusk.lazy import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing of a file that is other than the managed config has it.

    Args:
        key: the KEY of the option or section; the package where its file cannot be read.
        origin: the layers that say what it should be.
        wanted, found: the value of an option, the type of a section; None: it is not there.
        keys: the settings that it is about: of a section that is not there all of its own.
        is_secret: whether the values are secret; they are left out then.
        trouble: why nothing can be compared, in one line; else empty.
    """

    key: str
    origin: str
    wanted: Value | None
    found: Value | None
    keys: tuple[str, ...]
    is_secret: bool = False
    trouble: str = ""

    @property
    def can_be_put_back(self) -> bool:
        """Whether the managed config says how: what an address does not hit cannot be made by it."""
        return not self.trouble


def differences(
    files: Mapping[str, bytes | None], managed: Managed, further: Collection[str] = ()
) -> tuple[Difference, ...]:
    """Return what in a device's files is other than its managed config, in the order of that.

    Args:
        files: package → content; None for no file. A package that is missing here is passed over.
        managed: the managed config; secrets that are still sealed are passed over.
        further: options that the cluster takes for secrets beside the usual ones, in lower case.
    """
    found: list[Difference] = []
    for package, sections in managed.items():
        if package in files and is_file(package):
            found += _of_file(files[package] or b"", sections)
        elif package in files:
            found += _of_package(files[package] or b"", package, sections, further)
    return tuple(found)


def _of_file(content: bytes, sections: Sequence[ManagedSection]) -> Iterator[Difference]:
    """Yield that a file beside UCI is another, by mode and size; what it says is told nobody."""
    for said in (option for section in sections for option in settings_in(section)):
        wanted = file_bytes(said)
        if content != wanted:
            shown, found = line_of(wanted), line_of(content)
            other = f"{found}, other content" if found is not None and found == shown else found
            yield Difference(said.key, said.origin, shown, other, (said.key,))


def without(managed: Managed, left: Collection[Difference]) -> Managed:
    """Return a managed config that says nothing of what differs, so that it stays as it is."""
    keys = {key for one in left for key in one.keys}
    if not keys:
        return managed
    return {
        package: tuple(rest for section in sections if (rest := _without(section, keys)) is not None)
        for package, sections in managed.items()
    }


def settings_in(section: ManagedSection) -> Iterator[ManagedOption]:
    """Yield all that is said of a section: its being there first."""
    if section.existence is not None:
        yield section.existence
    yield from section.options.values()


def _without(section: ManagedSection, keys: Collection[str]) -> ManagedSection | None:
    existence = section.existence
    if existence is not None and existence.key in keys:
        existence = None
    options = {name: option for name, option in section.options.items() if option.key not in keys}
    return replace(section, existence=existence, options=options) if options or existence else None


def _of_package(
    content: bytes, package: str, sections: Sequence[ManagedSection], further: Collection[str]
) -> Iterator[Difference]:
    try:
        document = parse(content, package)
    except ConfigError as error:
        said = [option for section in sections for option in settings_in(section)]
        yield Difference(package, _origins(said), None, None, _keys(said), trouble=str(error))
        return
    made = Made()
    for section in sections:
        if isinstance(section.address, Each):
            yield from _of_each(document, package, section, further, made)
        elif isinstance(section.address, One):  # what nobody may add goes with the next apply
            yield from _of_section(document, package, section, section.address, further)


def _of_each(
    document: Document, package: str, wanted: ManagedSection, further: Collection[str], made: Made
) -> Iterator[Difference]:
    """Yield what differs in the sections that an ``each`` address made, under their own names."""
    place = f"{package}.{wanted.address}"
    try:
        sections = instances(wanted, hits_of(document, wanted, package), made)
    except ConfigError as error:
        said = list(settings_in(wanted))
        yield Difference(place, _origins(said), None, None, _keys(said), trouble=str(error))
        return
    for one in sections:
        assert isinstance(one.address, Named), "what is made has a name"
        for found in _of_section(document, package, one, one.address, further):
            yield replace(found, key=found.key.replace(place, f"{package}.{one.address}", 1))


def _of_section(
    document: Document, package: str, wanted: ManagedSection, address: One, further: Collection[str]
) -> Iterator[Difference]:
    hits, existence = find(document, address), wanted.existence
    if len(hits) == 1:
        yield from _of_hit(hits[0], wanted, further)
        return
    said = list(settings_in(wanted))
    if not hits and all(option.verb is Verb.ABSENT for option in said):
        return
    if not hits and existence is not None and isinstance(address, Named):
        yield Difference(existence.key, _origins(said), existence.values[0], None, _keys(said))
        return
    key = f"{package}.{address}"
    trouble = f"{len(hits)} sections match" if hits else "there is no such section"
    yield Difference(key, _origins(said), None, None, _keys(said), trouble=trouble)


def _of_hit(section: Section, wanted: ManagedSection, further: Collection[str]) -> Iterator[Difference]:
    existence = wanted.existence
    if existence is not None:
        kind = None if existence.verb is Verb.ABSENT else existence.values[0]
        if kind != section.type:
            yield Difference(existence.key, existence.origin, kind, section.type, (existence.key,))
    for name, option in wanted.options.items():
        if option.sealed is not None:
            continue
        value = section.get(name)
        should = target(value, option)
        if value == should:
            continue
        if is_secret(name, further):
            yield Difference(option.key, option.origin, None, None, (option.key,), is_secret=True)
        else:
            yield Difference(option.key, option.origin, should, value, (option.key,))


def _keys(said: Sequence[ManagedOption]) -> tuple[str, ...]:
    return tuple(option.key for option in said)


def _origins(said: Sequence[ManagedOption]) -> str:
    return ", ".join(dict.fromkeys(origin for option in said for origin in option.origin.split(", ")))
