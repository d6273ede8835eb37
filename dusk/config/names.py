"""Names as libuci allows them, keys as ``uci`` writes them, addresses of sections, and of files beside UCI.

A KEY is ``package.section.option``, or ``package.section`` for the section itself. A section is
addressed by name, by index (``@rule[0]``, ``@rule[-1]``) or by what it contains
(``zone[name=lan]``); ``each wifi-device[band=5g] as r`` is one section for each hit. ``parse_key``
gives every key one canonical text, because settings are records and a record has one key. The KEY of a
file that is none of UCI's is ``file:`` and its path.
"""

import re
from functools import lru_cache

from dusk.errors import ConfigError
from dusk.lazy import dataclass
from dusk.limits import FILE_KEY_BYTES_MAX, RECORD_KEY_BYTES_MAX

_NAME = re.compile(r"[A-Za-z0-9_]+")
_PACKAGE = re.compile(r"[A-Za-z0-9_-]+")
_TYPE = re.compile(r"[!-~]+")
_GENERATED = re.compile(r"cfg[0-9a-f]{6,}")
"""What libuci calls a section without a name, by its place in the file."""


def is_name(text: str) -> bool:
    """Tell whether libuci takes this as a section's or an option's name."""
    return _NAME.fullmatch(text) is not None


def is_package(text: str) -> bool:
    """Tell whether libuci takes this as a package's name."""
    return _PACKAGE.fullmatch(text) is not None


def is_type(text: str) -> bool:
    """Tell whether libuci takes this as a section's type."""
    return _TYPE.fullmatch(text) is not None


def is_plain_type(text: str) -> bool:
    """Tell whether a section's type can stand in a key, and unquoted in a file."""
    return _PACKAGE.fullmatch(text) is not None


def is_generated(text: str) -> bool:
    """Tell whether a name looks like the ones libuci gives to anonymous sections."""
    return _GENERATED.fullmatch(text) is not None


_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def check_value(value: str, what: str, holder: str = "UCI") -> str:
    """Return a value that ``uci set`` takes: text, with tabs and line ends, no other controls.

    Raises:
        ConfigError: NUL or another control character, or not Unicode text (A33).
    """
    bad = _FORBIDDEN.search(value)
    if bad is not None:
        shown = "NUL" if bad[0] == "\0" else f"character 0x{ord(bad[0]):02x}"
        raise ConfigError(f"{what}: the value contains {shown}, which {holder} cannot hold")
    return value


def has_controls(value: str) -> bool:
    """Tell whether a value has a control character, line ends and tabs among them: the helper takes none."""
    return any(character < " " or character == "\x7f" for character in value)


@dataclass(frozen=True, slots=True)
class Named:
    """A section by its name."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Indexed:
    """The section of a type at an index, from 0, or from -1 backwards."""

    type: str
    index: int

    def __str__(self) -> str:
        return f"@{self.type}[{self.index}]"


@dataclass(frozen=True, slots=True)
class Matched:
    """The only section of a type whose options have these values, sorted by option."""

    type: str
    conditions: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.type}[{','.join(f'{option}={_quote(value)}' for option, value in self.conditions)}]"


@dataclass(frozen=True, slots=True)
class Each:
    """One section for every section of a type that the conditions (none: any) hold of.

    Args:
        type: the hits'.
        conditions: as of a match, sorted by option.
        name: what ``${…}`` calls a hit in the settings, and what the sections are named with.
    """

    type: str
    conditions: tuple[tuple[str, str], ...]
    name: str

    def __str__(self) -> str:
        hits = str(Matched(self.type, self.conditions)) if self.conditions else self.type
        return f"each {hits} as {self.name}"

    @property
    def prefix(self) -> str:
        """What the names of its sections begin with."""
        return f"dusk_{self.name}_"


@dataclass(frozen=True, slots=True)
class Every:
    """All sections of a type, or (``type`` "") of a package."""

    type: str

    def __str__(self) -> str:
        return f"@{self.type}[*]" if self.type else "*"


@dataclass(frozen=True, slots=True)
class Whole:
    """A file beside UCI: it has no sections."""

    def __str__(self) -> str:
        return ""


One = Named | Indexed | Matched
"""An address of one section."""
Address = One | Each | Every | Whole

_FACT = "mac6"
"""A fact that ``${…}`` names like a variable."""
_MADE = re.compile(r"dusk_[A-Za-z0-9]{1,16}_.")


def is_made(name: str) -> bool:
    """Tell whether a section's name is one of those that ``each`` gives."""
    return _MADE.match(name) is not None


@dataclass(frozen=True, slots=True)
class Key:
    """What a setting is about: an option, or (``option`` None) the section itself, or a whole file.

    The package of a file beside UCI is ``file:`` and its path.
    """

    package: str
    section: Address
    option: str | None

    def __str__(self) -> str:
        if isinstance(self.section, Whole):
            return self.package
        return ".".join((self.package, str(self.section), *([self.option] if self.option else [])))


_FILE_MARK = "file:"
_FILE = re.compile(
    r"file:(?=[^A-Za-z0-9]*[A-Za-z0-9])(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._+][A-Za-z0-9._+-]*)+"
)


def is_file(package: str) -> bool:
    """Tell whether a package, or a KEY, is meant to be a file beside UCI."""
    return package.startswith(_FILE_MARK)


def is_file_name(text: str) -> bool:
    """Tell whether this is ``file:`` and a path that a file beside UCI may have."""
    return len(text) <= FILE_KEY_BYTES_MAX and _FILE.fullmatch(text) is not None


def is_at_or_below(key: str, place: str) -> bool:
    """Tell whether a KEY is a place, or an option or section of it; nothing is below a file."""
    return key == place or (not is_file(place) and key.startswith(f"{place}."))


_BARE = r"[^\x00-\x20,\]\"\\]+"
_CONDITION = rf"[A-Za-z0-9_]+=(?:{_BARE}|\"(?:[^\"\\]|\\[\"\\])*\")"
_CONDITIONS = rf"{_CONDITION}(?:,{_CONDITION})*"
_SECTION_TYPE = r"[A-Za-z0-9_-]+"
_KEY = re.compile(
    rf"([A-Za-z0-9_-]+)\."
    rf"(?:([A-Za-z0-9_]+)|@({_SECTION_TYPE})\[(0|-?[1-9][0-9]{{0,3}})\]"
    rf"|\*|@({_SECTION_TYPE})\[\*\]|({_SECTION_TYPE})\[({_CONDITIONS})\]"
    rf"|each ({_SECTION_TYPE})(?:\[({_CONDITIONS})\])? as ([A-Za-z0-9]{{1,16}}))"
    rf"(?:\.([A-Za-z0-9_]+))?"
)
_ASSIGNMENT = re.compile(rf"({_KEY.pattern})=(.*)", re.DOTALL)
_PAIR = re.compile(rf"([A-Za-z0-9_]+)=(?:({_BARE})|\"((?:[^\"\\]|\\[\"\\])*)\")")
_PLAIN_VALUE = re.compile(_BARE)
_ESCAPE = re.compile(r'\\(["\\])')


def _quote(value: str) -> str:
    """Write a condition's value, in double quotes where it needs them."""
    if _PLAIN_VALUE.fullmatch(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@lru_cache(maxsize=4096)
def parse_key(text: str) -> Key:
    """Read a KEY; ``str()`` of the result is its canonical text.

    Raises:
        ConfigError: not a key, or an address that is not available.
    """
    if len(text.encode("utf-8", "surrogatepass")) > RECORD_KEY_BYTES_MAX:
        raise ConfigError(f"{text[:40]}…: the key is longer than {RECORD_KEY_BYTES_MAX} bytes")
    if is_file(text):
        return _file_key(text)
    parts = _KEY.fullmatch(text)
    if parts is None:
        raise ConfigError(_why_not(text))
    package, name, indexed, index, every, matched, conditions, each, of_each, called, option = parts.groups()
    section: Address
    if name is not None:
        if is_generated(name):
            raise ConfigError(
                f"{text}: {name} is a generated name that changes with the file;"
                " use an index (@type[0]) or a match (type[option=value])"
            )
        section = Named(name)
    elif indexed is not None:
        section = Indexed(indexed, int(index))
    elif matched is not None:
        section = Matched(matched, _conditions(conditions, text))
    elif each is None:
        section = _every(every or "", option, text)
    elif called == _FACT:
        raise ConfigError(f"{text}: ${{{called}}} is a fact of the router; take another name behind 'as'")
    else:
        section = Each(each, _conditions(of_each or "", text), called)
    return Key(package, section, option)


def _file_key(text: str) -> Key:
    if not is_file_name(text):
        raise ConfigError(
            f"{text if text.isprintable() else ascii(text)}: a file is written file:/PATH, with letters,"
            f" digits and . _ + - between the /, {FILE_KEY_BYTES_MAX} characters at most"
        )
    return Key(text, Whole(), None)


def _every(kind: str, option: str | None, key: str) -> Every:
    if option is not None:
        raise ConfigError(f"{key}: all sections of a type are named as a whole, without an option")
    return Every(kind)


def place_in(package: str, text: str) -> Named | Matched:
    """Read the address of a section of a package before which another one is to stand.

    Raises:
        ConfigError: not a section by name or match.
    """
    key = parse_key(f"{package}.{text}")
    if key.option is not None or not isinstance(key.section, Named | Matched):
        raise ConfigError(
            f"{text}: a section by its name or by a match, such as rule[name=x], is wanted here"
        )
    return key.section


def split_assignment(text: str) -> tuple[str, str]:
    """Split ``KEY=VALUE``, where a match in the key may contain ``=`` too.

    Raises:
        ConfigError: no ``=``, or what stands before it is not a key.
    """
    if is_file(text) and "=" in text:
        key, _, value = text.partition("=")
        return str(parse_key(key)), value
    parts = _ASSIGNMENT.fullmatch(text)
    if parts is None:
        key, equals, _ = text.partition("=")
        raise ConfigError(_why_not(key) if equals else f"{key!a}: the value is missing; write KEY=VALUE")
    return parts[1], parts[parts.re.groups]


def _conditions(text: str, key: str) -> tuple[tuple[str, str], ...]:
    """Read the inside of a match, sorted, no option twice."""
    pairs = {}
    for option, bare, quoted in _PAIR.findall(text):
        if option in pairs:
            raise ConfigError(f"{key}: {option} is matched twice")
        pairs[option] = check_value(bare or _ESCAPE.sub(r"\1", quoted), key)
    return tuple(sorted(pairs.items()))


def _why_not(text: str) -> str:
    """Say what is wrong with a key, for people."""
    shown = text if text.isprintable() else ascii(text)
    package, _, section = text.partition(".")
    if section.startswith("each "):
        return (
            f"{shown}: written 'each TYPE[option=value] as NAME' or 'each TYPE as NAME', then .option;"
            " NAME has 1 to 16 letters and digits"
        )
    if not section:
        return f"{shown}: a key is package.section.option, or package.section for the type"
    if not is_package(package):
        return f"{shown}: not a package name: {package!a}"
    return (
        f"{shown}: a section is a name, an index such as @rule[0] or a match such as zone[name=lan],"
        " or 'each TYPE[option=value] as NAME', an option a name; names have letters, digits and _ only"
    )
