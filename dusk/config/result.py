"""The resulting file: a UCI document with the managed config put in, and nothing else touched.

It depends on what is local (matches, indexes, items of a list that are not managed), so only
the device itself can compute it. Doing it twice changes nothing the second time: whatever would
not hold still (a match on an option that is changed, an index that shifts) is an error.

What ``each`` addresses made is known by its name alone (``dusk_NAME_HIT``), so that it goes when its
hit goes, also where nothing was kept of what stood there before.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter

from dusk.config.merge import ManagedOption, ManagedSection, edits_once, list_edited
from dusk.config.names import Each, Every, Indexed, Matched, Named, One, is_made, place_in
from dusk.config.parts import Removed, Section, Value
from dusk.config.settings import Verb
from dusk.config.uci import Document, parse
from dusk.config.variables import USE, Expander, Made
from dusk.config.way import FRESH, Way
from dusk.errors import ConfigError
from dusk.lazy import dataclass
from dusk.limits import EACH_HITS_MAX, MADE_OPTION_CHARACTERS, UCI_FILE_BYTES_MAX

Former = tuple[str, Value | Removed | None]
"""A KEY, and what it had: an option's value, a section's type, None for not there, or a section that goes."""


@dataclass(frozen=True, slots=True)
class Result:
    """A file as it should be.

    Args:
        content: its bytes; the very same as before if nothing changed.
        changed: KEYs of the options and sections that are other than before, in order.
        former: what these had, each of the sections that ``each`` made by its own name.
    """

    content: bytes
    changed: tuple[str, ...]
    former: tuple[Former, ...] = ()


def resulting(
    content: bytes | None,
    package: str,
    managed: Sequence[ManagedSection],
    way: Way = FRESH,
) -> Result:
    """Put the managed sections of a package into its file.

    Args:
        content: the file as it is, None if there is none (a new one is made if it is needed).
        package: its name.
        managed: what the managed config has for this package.
        way: by what the device is reached, which stays where all that nothing names goes.

    Raises:
        ConfigError: the file cannot be read; an index or match that hits no or several sections;
            a section that is missing and whose type nobody says; two addresses that hit one
            section and disagree (``ambiguous``); two sections that would become one; a file that
            would be too large.
    """
    document = parse(content or b"", package)
    work = _Work(document, package)
    ranked = tuple(enumerate(managed))
    missed = [(rank, wanted) for rank, wanted in ranked if not work.put_named(rank, wanted)]
    work.put_each(missed)
    for rank, wanted in missed:
        if isinstance(wanted.address, Named):
            work.put(wanted, work.named(rank, wanted))
    work.put_in_order()
    work.put_found([wanted for _, wanted in missed if isinstance(wanted.address, Indexed | Matched)])
    exclusive = [wanted for wanted in managed if isinstance(wanted.address, Every)]
    if exclusive:
        work.put_alone(exclusive, way)
    work.check_hits()
    work.check_order()
    if work.changed:
        document.check_names()
    rendered = document.render()
    if len(rendered) > UCI_FILE_BYTES_MAX:
        raise ConfigError(
            f"{package}: the file would have {len(rendered)} bytes, at most {UCI_FILE_BYTES_MAX}"
        )
    return Result(rendered, tuple(dict.fromkeys(work.changed)), tuple(work.former))


def hits_of(document: Document, wanted: ManagedSection, package: str) -> tuple[str, ...]:
    """Return the names of the sections that an ``each`` address hits, in order.

    Raises:
        ConfigError: one of them has no name, so none could be made of it; or there are too many (R10).
    """
    assert isinstance(wanted.address, Each)
    hits = [one for one in document.sections if _matches(one, wanted.address)]
    names = [one.name for one in hits if one.name is not None]
    if len(names) < len(hits):
        raise ConfigError(
            f"{package}.{wanted.address}: a section that it hits has no name to give on ({_origin(wanted)})"
        )
    if len(names) > EACH_HITS_MAX:
        raise ConfigError(f"{package}.{wanted.address}: {len(names)} sections, at most {EACH_HITS_MAX}")
    return tuple(name for name in names if not is_made(name))


def instances(wanted: ManagedSection, hits: Sequence[str], made: Made) -> tuple[ManagedSection, ...]:
    """Return what an ``each`` address says, section by section, each with its own name.

    Args:
        wanted: what it says.
        hits: the names of the sections that it hits.
        made: counts it, with what others make of the same file.

    Raises:
        ConfigError: a value that UCI cannot hold, or one too large, by itself or with all others.
    """
    each = wanted.address
    assert isinstance(each, Each)
    found = []
    for hit in hits:
        expander = Expander({each.name: hit}, {}, made=made)
        if wanted.existence is not None:
            made.take(MADE_OPTION_CHARACTERS, wanted.existence.key)
        options = {name: _read_again(option, expander, made) for name, option in wanted.options.items()}
        found.append(ManagedSection(Named(each.prefix + hit), wanted.existence, options))
    return tuple(found)


def _read_again(option: ManagedOption, expander: Expander, made: Made) -> ManagedOption:
    """Put the name of a hit into an option; texts that it makes equal count once."""
    made.take(MADE_OPTION_CHARACTERS, option.key)
    for text in (*option.values, *option.removed):
        if not option.is_template or USE not in text:  # the expander counts the others
            made.text(text, option.key)
    if not option.is_template:
        return option
    values, removed = (
        tuple(expander.text(text, option.key) for text in texts) for texts in (option.values, option.removed)
    )
    if option.verb is Verb.EDIT_LIST:
        values, removed = edits_once(values, removed, f"{option.key}: {option.origin}")
    return replace(option, values=values, removed=removed, is_template=False)


class _Work:
    """One document while the managed config is put into it."""

    def __init__(self, document: Document, package: str) -> None:
        self.document = document
        self.package = package
        self.changed: list[str] = []
        self.former: list[Former] = []
        self._claims: dict[tuple[Section, str | None], ManagedOption] = {}
        self._deleted: list[Section] = []
        self._absent: dict[str, ManagedOption] = {}
        self._made: list[tuple[int, Section]] = []  # by rank
        self._found: list[tuple[ManagedSection, Section | None]] = []
        self._each: list[tuple[ManagedSection, tuple[str, ...]]] = []
        self._instances = Made()

    def put_named(self, rank: int, wanted: ManagedSection) -> bool:
        """Put in a section that has a name, if it is there or what is said of it says whether it is to be."""
        if not isinstance(wanted.address, Named):
            return False
        if wanted.existence is None and not find(self.document, wanted.address):
            return False
        self.put(wanted, self.named(rank, wanted))
        return True

    def put_each(self, missed: Sequence[tuple[int, ManagedSection]]) -> None:
        """Put in the sections of ``each`` addresses, and take out what hits that went have left."""
        found = [
            (rank, wanted, hits_of(self.document, wanted, self.package))
            for rank, wanted in missed
            if isinstance(wanted.address, Each)
        ]
        for rank, wanted, hits in found:
            self._each.append((wanted, hits))
            for instance in instances(wanted, hits, self._instances):
                self.put(instance, self.named(rank, instance))
        claimed = {section for section, _ in self._claims}
        for wanted, _ in self._each:
            assert isinstance(wanted.address, Each)
            for section in self.document.sections:
                is_left = section not in claimed and (section.name or "").startswith(wanted.address.prefix)
                if is_left and wanted.existence is not None:
                    self._delete(section, wanted.existence)

    def _places(self, existence: ManagedOption) -> list[Section]:
        """Return the sections before which one is to stand."""
        return (
            find(self.document, place_in(self.package, existence.values[1])) if existence.values[1:] else []
        )

    def put_in_order(self) -> None:
        """Move the sections that stand behind one that they are to stand before."""
        for section, existence in self._ordered():
            place = self._place(section, existence)
            if self.document.is_behind(section, place):
                self.document.move_section(section, place)
                self.changed.append(existence.key)

    def check_order(self) -> None:
        """Raise if a section does not stand before the one that it is to stand before."""
        for section, existence in self._ordered():
            if self.document.is_behind(section, self._place(section, existence)):
                raise ConfigError(
                    f"{existence.key}: cannot stand before {existence.values[1]} with what else is said of"
                    f" their order ({existence.origin})"
                )

    def _ordered(self) -> list[tuple[Section, ManagedOption]]:
        """Return the sections whose order matters, in that in which they were put in."""
        said = [(section, one) for (section, option), one in self._claims.items() if option is None]
        return [(section, one) for section, one in said if one.values[1:]]

    def _place(self, section: Section, existence: ManagedOption) -> Section:
        places = self._places(existence)
        if len(places) != 1 or places[0] is section:
            raise ConfigError(
                f"{existence.key}: it is to stand before {existence.values[1]}, which must be exactly one"
                f" other section; there are {len(places)} ({existence.origin})"
            )
        return places[0]

    def put_found(self, others: Sequence[ManagedSection]) -> None:
        """Put in the sections at indexes and matches, all of which are looked up first."""
        self._found = [(wanted, self.hit(wanted)) for wanted in others]
        for wanted, section in self._found:
            self.put(wanted, section)

    def put_alone(self, exclusive: Sequence[ManagedSection], way: Way) -> None:
        """Take out the sections that no address hits, of packages and types that are exclusive."""
        kept = {section for section, _ in self._claims} | set(way.sections(self.document))
        kept |= {section for _, section in self._found if section is not None}
        kept |= {self._place(section, existence) for section, existence in self._ordered()}
        hits = {hit for _, names in self._each for hit in names}
        for wanted in exclusive:
            assert isinstance(wanted.address, Every)
            assert wanted.existence is not None
            for section in self.document.sections:
                is_of = wanted.address.type in ("", section.type)
                if is_of and section not in kept and section.name not in hits:
                    self._delete(section, wanted.existence)

    def named(self, rank: int, wanted: ManagedSection) -> Section | None:
        """Find or make a section by its name; None if it is not there and need not be.

        Args:
            rank: which of the managed sections it is.
            wanted: what is said of it.
        """
        assert isinstance(wanted.address, Named)
        name, existence = wanted.address.name, wanted.existence
        if existence is not None and existence.verb is Verb.ABSENT:
            self._absent.setdefault(name, existence)
        hits = find(self.document, wanted.address)
        if hits:
            return hits[0]
        if existence is None:
            self._check_not_needed(wanted, f"there is no section '{name}', and no setting says its type")
            return None
        if existence.verb is Verb.ABSENT:
            return None
        if name in self._absent:
            raise _ambiguous(self._absent[name], existence)
        self.changed.append(existence.key)
        self.former.append((f"{self.package}.{name}", None))
        places = self._places(existence)
        if len(places) == 1:
            return self.document.add_section(existence.values[0], name, places[0])
        place = bisect_right(self._made, rank, key=itemgetter(0))
        before = self._made[place][1] if place < len(self._made) else None
        section = self.document.add_section(existence.values[0], name, before)
        self._made.insert(place, (rank, section))
        return section

    def hit(self, wanted: ManagedSection) -> Section | None:
        """Find the one section at an index or match; None if it is not there and need not be."""
        assert isinstance(wanted.address, Indexed | Matched)
        hits = find(self.document, wanted.address)
        if len(hits) == 1:
            return hits[0]
        if hits:
            raise ConfigError(
                f"{self.package}.{wanted.address}: {len(hits)} sections match,"
                f" but the address must hit exactly one ({_origin(wanted)})"
            )
        if wanted.existence is not None and wanted.existence.verb is Verb.ABSENT:
            return None
        self._check_not_needed(wanted, "the address hits no section")
        return None

    def _check_not_needed(self, wanted: ManagedSection, reason: str) -> None:
        """Raise about a missing section, unless all its options must be absent anyway."""
        if wanted.existence is not None or any(
            option.verb is not Verb.ABSENT for option in wanted.options.values()
        ):
            raise ConfigError(f"{self.package}.{wanted.address}: {reason} ({_origin(wanted)})")

    def put(self, wanted: ManagedSection, section: Section | None) -> None:
        """Make one section what it must be."""
        if section is None:
            return
        if wanted.existence is not None:
            self._claim(section, None, wanted.existence)
            if wanted.existence.verb is Verb.ABSENT:
                self._delete(section, wanted.existence)
                return
            kind = section.type
            if self.document.retype(section, wanted.existence.values[0]):
                self.changed.append(wanted.existence.key)
                self.former.append((f"{self.package}.{wanted.address}", kind))
        for name, option in wanted.options.items():
            self._claim(section, name, option)
            had = section.get(name)
            value = target(had, option)
            changes = (
                self.document.remove(section, name)
                if value is None
                else self.document.set(section, name, value)
            )
            if changes:
                self.changed.append(option.key)
                self.former.append((f"{self.package}.{wanted.address}.{name}", had))

    def _delete(self, section: Section, existence: ManagedOption) -> None:
        if section not in self._deleted:
            self._deleted.append(section)
            was = Removed(section.type, section.name or "", tuple(section.options.items()))
            self.document.remove_section(section)
            self.changed.append(existence.key)
            if not is_made(was.name):
                self.former.append((existence.key, was))

    def _claim(self, section: Section, option: str | None, wanted: ManagedOption) -> None:
        """Note who manages what of a section; raise if another address says otherwise."""
        known = self._claims.setdefault((section, option), wanted)
        if option is None and wanted.verb is Verb.ABSENT:
            claims = (claim for (other, _), claim in self._claims.items() if other is section)
            known = next((claim for claim in claims if claim.verb is not Verb.ABSENT), known)
        elif section in self._deleted:
            known = self._claims[section, None]
        if (known.verb, known.values, known.removed) != (wanted.verb, wanted.values, wanted.removed):
            raise _ambiguous(known, wanted)

    def check_hits(self) -> None:
        """Raise if an address would hit something else next time, or something where nothing is left."""
        for wanted, section in self._found:
            assert isinstance(wanted.address, Indexed | Matched)
            still = [] if section is None or section in self._deleted else [section]
            self._check_still(wanted, is_so=find(self.document, wanted.address) == still)
        for wanted, hits in self._each:
            self._check_still(wanted, is_so=hits_of(self.document, wanted, self.package) == hits)

    def _check_still(self, wanted: ManagedSection, *, is_so: bool) -> None:
        if not is_so:
            raise ConfigError(
                f"{self.package}.{wanted.address}: after this change the address would no longer"
                f" hit the same section ({_origin(wanted)})"
            )


def _ambiguous(known: ManagedOption, wanted: ManagedOption) -> ConfigError:
    return ConfigError(
        f"ambiguous: {known.key} ({known.origin}) and {wanted.key} ({wanted.origin})"
        " are about the same section and disagree"
    )


def find(document: Document, address: One) -> list[Section]:
    """Return the sections that an address hits; a condition hits a list that contains the value."""
    if isinstance(address, Named):
        section = document.section(address.name)
        return [section] if section is not None else []
    if isinstance(address, Indexed):
        section = document.at(address.type, address.index)
        return [section] if section is not None else []
    return [section for section in document.sections if _matches(section, address)]


def _matches(section: Section, address: Matched | Each) -> bool:
    if section.type != address.type:
        return False
    for option, wanted in address.conditions:
        value = section.get(option)
        if wanted != value and not (isinstance(value, tuple) and wanted in value):
            return False
    return True


def target(current: Value | None, option: ManagedOption) -> Value | None:
    """Return the value that an option must have, given the one that it has (None: not there)."""
    if option.verb is Verb.SET:
        return option.values[0]
    if option.verb is Verb.SET_LIST:
        return option.values
    if option.verb is Verb.ABSENT:
        return None
    had = (current,) if isinstance(current, str) else current or ()
    result = list_edited(had, option.removed, option.values)
    if result == had:
        return current
    return result or None


def _origin(wanted: ManagedSection) -> str:
    """Name the layers that speak of a section."""
    said = [wanted.existence] if wanted.existence is not None else []
    return ", ".join(dict.fromkeys(option.origin for option in [*said, *wanted.options.values()]))
