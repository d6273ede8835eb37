"""Keys and settings, their text, and variables (settings.md)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from tests.vectors.reader import beside, secret_values, uci
from tests.vectors.reader.packing import Refused, array, need, number, pack

SET, SET_LIST, ABSENT, EDIT_LIST, TYPE, SEALED, EXCLUSIVE, LOCAL, FILE = 1, 2, 3, 4, 5, 6, 7, 8, 9
SECRET = frozenset(
    re.findall(
        r"\w+",
        """access_key acct_secret api_key api_token apikey auth_pass auth_secret client_secret dae_secret
        ft_key key key1 key2 key3 key4 mesh_key pass passphrase passwd password
        password_encryption_key pin pincode pre_shared_key preshared_key priv_key2_pwd
        priv_key_pwd private_key private_key2_passwd private_key_passwd privkey psk puk r0kh
        r1kh radius_secret sae_password secret secret_key server_private_key shared_secret token
        wep_key wpa_psk wpakey""",
    )
)
SECRET_ENDS = ("_password", "_passwd", "_passphrase", "_secret", "_psk", "_private_key", "_token")

REFERENCE = re.compile(r"\$\{(?!mac6\})\w+\}", re.ASCII)

BARE = r'[^\x00-\x20,\]"\\]'
QUOTED = r'"(?:[^"\\]|\\["\\])*"'
CONDITION = rf"(?P<option>[A-Za-z0-9_]+)=(?P<value>{BARE}+|{QUOTED})"
PLAIN_CONDITION = re.sub(r"\?P<\w+>", "?:", CONDITION)
KEY = re.compile(
    r"(?P<package>[A-Za-z0-9_-]+)\."
    r"(?:(?P<name>[A-Za-z0-9_]+)|@(?P<indexed>[A-Za-z0-9_-]+)\[(?P<index>0|-?[1-9][0-9]{0,3})\]"
    r"|(?P<every>\*|@(?P<of_type>[A-Za-z0-9_-]+)\[\*\])"
    rf"|(?P<matched>[A-Za-z0-9_-]+)\[(?P<conditions>{PLAIN_CONDITION}(?:,{PLAIN_CONDITION})*)\]"
    rf"|each (?P<hit>[A-Za-z0-9_-]+)(?:\[(?P<of_hit>{PLAIN_CONDITION}(?:,{PLAIN_CONDITION})*)\])?"
    r" as (?P<each>[A-Za-z0-9]{1,16}))"
    r"(?:\.(?P<last>[A-Za-z0-9_]+))?"
)


@dataclass(frozen=True)
class Key:
    """A KEY: a package, the address of a section, perhaps an option."""

    package: str
    address: str
    option: str | None
    type: str | None
    index: int | None
    conditions: tuple[tuple[str, str], ...]
    each: str | None = None
    is_every: bool = False

    @property
    def text(self) -> str:
        """The canonical text."""
        if self.is_file:
            return self.package
        return ".".join(part for part in (self.package, self.address, self.option) if part is not None)

    @property
    def is_file(self) -> bool:
        """Whether it is a file beside UCI."""
        return self.package.startswith("file:")

    @property
    def section(self) -> "Key":
        """The key of its section."""
        return Key(
            self.package, self.address, None, self.type, self.index, self.conditions, self.each, self.is_every
        )


def _bare_or_quoted(value: str) -> str:
    if re.fullmatch(f"{BARE}+", value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _unquoted(value: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", value[1:-1]) if value.startswith('"') else value


def key(text: str) -> Key:
    """Read a KEY in any spelling."""
    if beside.is_key(text):
        return Key(text, "", None, None, None, ())
    found = KEY.fullmatch(text)
    if found is None or len(text.encode()) > 512:
        raise Refused("bad-key")
    conditions = sorted(
        (one["option"], _unquoted(one["value"]))
        for one in re.finditer(CONDITION, found["conditions"] or found["of_hit"] or "")
    )
    need(found["each"] != "mac6", "bad-key")
    if found["every"]:
        need(found["last"] is None, "bad-key")
        return Key(found["package"], found["every"], None, found["of_type"] or "", None, (), None, True)
    need(len(dict(conditions)) == len(conditions), "bad-key")
    need(not re.fullmatch(r"cfg[0-9a-f]{6,}", found["name"] or ""), "bad-key")
    address = found["name"]
    inside = ",".join(f"{option}={_bare_or_quoted(value)}" for option, value in conditions)
    if found["indexed"]:
        address = f"@{found['indexed']}[{found['index']}]"
    elif found["matched"]:
        address = f"{found['matched']}[{inside}]"
    elif found["each"]:
        address = f"each {found['hit']}{f'[{inside}]' if inside else ''} as {found['each']}"
    index = int(found["index"]) if found["index"] else None
    type_ = found["indexed"] or found["matched"] or found["hit"]
    return Key(found["package"], address, found["last"], type_, index, tuple(conditions), found["each"])


@dataclass(frozen=True)
class Setting:
    """What a target says of a key."""

    verb: int
    position: int
    values: list[str]
    removed: list[str]


def setting(item: object) -> Setting:
    """Read the form of a setting."""
    verb, position, values, removed = array(item, 4)
    if verb == SEALED:
        secret_values.check_pair(*array(values, 2))
        need(removed == [], "wrong-shape")
        return Setting(SEALED, number(position), [], [])
    for one in (values, removed):
        need(all(isinstance(text, str) for text in array(one, most=4_096)), "wrong-shape")
    need(verb != SEALED, "wrong-shape")
    return Setting(number(verb, 1, 9), number(position), values, removed)


def is_secret(option: str) -> bool:
    """Whether an option is on the secret list."""
    return option.lower() in SECRET or option.lower().endswith(SECRET_ENDS)


def is_hidden(said: Setting) -> bool:
    """Whether a setting shows nothing of a secret."""
    reference = said.verb == SET and REFERENCE.fullmatch(said.values[0]) is not None
    return reference or said.verb in {ABSENT, SEALED, LOCAL}


def check(key: Key, said: Setting) -> None:
    """Refuse a setting that is refused wherever it enters."""
    values, removed, word = said.values, said.removed, "bad-value"
    need(key.is_file == (said.verb == FILE) or (key.is_file and said.verb == ABSENT), word)
    lengths = {
        SET: len(values) == 1 and values[0] and not removed,
        SET_LIST: values and not removed,
        ABSENT: not values and not removed,
        EXCLUSIVE: not values and not removed,
        LOCAL: not values and not removed,
        FILE: not removed,
        EDIT_LIST: values + removed and len({*values, *removed}) == len(values + removed),
        TYPE: len(values) in {1, 2} and re.fullmatch(r"[A-Za-z0-9_-]+", values[0]) and not removed,
    }
    need(lengths.get(said.verb, True), word)
    if key.is_file:
        beside.check(key.package, values if said.verb == FILE else None, is_secret)
        return check_values(values)
    if said.verb == TYPE and len(values) > 1:
        need(_place(key.package, values[1]) == values[1] != key.address, word)
        need(key.type is None or key.each, word)
    need(key.package not in {"dusk", "dusk-local"}, word)
    need((said.verb == TYPE) <= (key.option is None), word)
    need(key.is_every == (said.verb == EXCLUSIVE) or said.verb == LOCAL, word)
    need(key.option is not None or said.verb in {TYPE, ABSENT, EXCLUSIVE, LOCAL}, word)
    need(not (key.option is None and said.verb == ABSENT and key.index is not None), word)
    need(said.verb != TYPE or key.each or key.type in {None, values[0]}, word)
    check_values([*values, *removed])
    need(is_hidden(said) or key.option is None or not is_secret(key.option), word)
    packed = pack([said.verb, said.position, values, removed])
    return need(len(packed) <= 65_536, word)


def _place(package: str, text: str) -> str:
    """Read the address of a section before which another one stands."""
    found = key(f"{package}.{text}")
    need(found.option is None and found.index is None and not found.each, "bad-value")
    return found.address


def check_values(values: Sequence[str]) -> None:
    """Refuse control characters other than tab, LF, CR."""
    need(not any(re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", value) for value in values), "bad-value")


def edited(before: Setting | None, edit: str, value: str | list[str], position: int) -> Setting | None:
    """Say what a target says of an option after an edit."""
    place = before.position if before else position
    match edit:
        case "unset":
            return None
        case "delete":
            return Setting(ABSENT, place, [], [])
        case "set":
            verb = SET_LIST if isinstance(value, list) else SET
            items = value if isinstance(value, list) else [value] if value else []
            return Setting(verb if items else ABSENT, place, list(items), [])
    assert isinstance(value, str)
    return _added(before, value, place) if edit == "add-list" else _removed(before, value, place)


def _added(before: Setting | None, value: str, place: int) -> Setting:
    if before is None or before.verb == EDIT_LIST:
        values, removed = (before.values, before.removed) if before else ([], [])
        values = values if value in values else [*values, value]
        return Setting(EDIT_LIST, place, values, [one for one in removed if one != value])
    return Setting(SET_LIST, place, [*before.values, value], [])


def _removed(before: Setting | None, value: str, place: int) -> Setting:
    if before is None or before.verb == EDIT_LIST:
        values, removed = (before.values, before.removed) if before else ([], [])
        removed = removed if value in removed else [*removed, value]
        return Setting(EDIT_LIST, place, [one for one in values if one != value], removed)
    if before.verb != SET_LIST:
        return before
    left = [one for one in before.values if one != value]
    return Setting(SET_LIST if left else ABSENT, place, left, [])


# Text

EXPORT_WORDS = uci.KEYWORDS


class _Import:
    """Settings as they add up, in the order in which their keys were first named."""

    def __init__(self) -> None:
        self.said: dict[Key, Setting] = {}
        self.deleted: set[Key] = set()
        self.positions = count()

    def edit(self, at: Key, verb: str, value: str | list[str]) -> None:
        if at.is_file:
            need(verb in {"set", "delete"} and isinstance(value, str), "bad-text")
            return self.file(at, [str(value), "0644"] if verb == "set" else [])
        if at.option is None:
            need(verb in {"set", "delete"} and isinstance(value, str), "bad-text")
            return self.section(at, str(value) if verb == "set" else None)
        need(at.section not in self.deleted, "bad-text")
        after = edited(self.said.get(at), verb, value, next(self.positions))
        assert after
        check(at, after)
        self.said[at] = after
        return None

    def file(self, at: Key, values: list[str]) -> None:
        place = self.said[at].position if at in self.said else next(self.positions)
        self.said[at] = Setting(FILE if values else ABSENT, place, values, [])
        check(at, self.said[at])

    def mode(self, at: Key, mode: str) -> None:
        known = self.said.get(at)
        need(known is not None and known.verb == FILE, "bad-text")
        assert known
        self.file(at, [known.values[0], mode])

    def section(self, at: Key, type_: str | None) -> None:
        if type_ is None:
            self.deleted.add(at)
            for one in [one for one in self.said if one.section == at]:
                del self.said[one]
        else:
            self.deleted.discard(at)
        place = self.said[at].position if at in self.said else next(self.positions)
        self.said[at] = Setting(ABSENT, place, [], []) if type_ is None else Setting(TYPE, place, [type_], [])
        check(at, self.said[at])

    def alone(self, at: Key, verb: int) -> None:
        place = self.said[at].position if at in self.said else next(self.positions)
        self.said[at] = Setting(verb, place, [], [])
        check(at, self.said[at])

    def place(self, at: Key, text: str) -> None:
        known = self.said.get(at)
        need(known is not None and known.verb == TYPE, "bad-text")
        assert known
        values = [known.values[0], _place(at.package, text)]
        self.said[at] = Setting(TYPE, known.position, values, [])
        check(at, self.said[at])

    def result(self) -> list[tuple[str, Setting]]:
        order = sorted(self.said.items(), key=lambda item: item[1].position)
        return [
            (at.text, Setting(said.verb, place, said.values, said.removed))
            for place, (at, said) in enumerate(order)
        ]


def imported(text: str) -> list[tuple[str, Setting]]:
    """Read `uci batch` or `uci export` text."""
    lines = [line.strip() for line in text.splitlines()]
    first = next((line for line in lines if line and not line.startswith("#")), "")
    export = re.match(r"(\w+)[ \t]", first)
    result = _Import()
    try:
        need("\0" not in text, "bad-text")
        if export and export[1].encode() in EXPORT_WORDS:
            _export_text(text, result)
        else:
            _batch(text, result)
    except Refused:
        raise Refused("bad-text") from None
    return result.result()


def _export_text(text: str, result: _Import) -> None:
    parts = re.split(r"(?m)^[ \t]*(?=p(?:ackage)?[ \t])", text)
    packages: set[str] = set()
    for part in parts:
        document = uci.Document(part.encode())
        named = [one.words[0].decode() for line in document.lines for one in line.statements]
        if not named:
            continue
        first = next(line.statements[0] for line in document.lines if line.statements)
        need(first.keyword == "package", "bad-text")
        need(named[0] not in packages, "bad-text")
        packages.add(named[0])
        _sections(named[0], document, result)


def _sections(package: str, document: uci.Document, result: _Import) -> None:
    seen: dict[str, int] = {}
    for section in document.sections:
        index = seen.get(section.type, 0)
        seen[section.type] = index + 1
        at = f"{package}.{section.name or f'@{section.type}[{index}]'}"
        if section.name:
            result.edit(key(at), "set", section.type)
        for name, value in section.options.items():
            says = [one.decode() for one in value] if isinstance(value, list) else value.decode()
            result.edit(key(f"{at}.{name}"), "set", says)


BATCH = {"set": "set", "add_list": "add-list", "del_list": "del-list", "delete": "delete", "del": "delete"}

ALONE = {"exclusive": EXCLUSIVE, "restore_local": LOCAL}


def _batch(text: str, result: _Import) -> None:
    for words in _batch_lines(text.encode()):
        verb = words[0].lower()
        if verb == "commit":
            continue
        need(verb in {*BATCH, "before", "mode", *ALONE} and len(words) == 2, "bad-text")
        found = re.match(rf"((?:[^=\[]|\[(?:[^\]\"]|{QUOTED})*\])*)(=?)(.*)", words[1], re.DOTALL)
        assert found
        need(bool(found[2]) == (verb not in {"delete", "del", *ALONE}), "bad-text")
        if verb in ALONE:
            result.alone(key(found[1]), ALONE[verb])
            continue
        if verb in {"before", "mode"}:
            put = result.place if verb == "before" else result.mode
            put(key(found[1]), found[3])
            continue
        result.edit(key(found[1]), BATCH[verb], found[3])


def _batch_lines(data: bytes) -> list[list[str]]:
    words = uci.Words(data)
    lines = []
    while words.at < len(data):
        line: list[str] = []
        while True:
            word, ended = words.word()
            need(not ended, "bad-text")
            if word is None:
                break
            need(word, "bad-text")
            line.append(word.decode())
        words.to_line_end()
        words.at += 1
        lines += [line] if line else []
    return lines


def exported(settings: Sequence[tuple[str, Setting]]) -> str:
    """Write settings as batch lines."""
    out = []
    for at, said in sorted(settings, key=lambda item: (item[1].position, item[0])):
        where = at if re.fullmatch(r"[A-Za-z0-9_.@\[\]=,:/-]*", at) else _in_quotes(at)
        if said.verb in {ABSENT, SET_LIST}:
            out.append(f"delete {where}\n")
        out += [f"{word} {where}\n" for word, verb in ALONE.items() if said.verb == verb]
        if said.verb == FILE:
            content, mode = said.values
            out.append(f"set {where}={_in_quotes(content)}\n")
            out += [f"mode {where}={_in_quotes(mode)}\n"] if mode != "0644" else []
            continue
        verb = "set" if said.verb in {SET, TYPE} else "add_list"
        verbs = [verb, "before"] if said.verb == TYPE else [verb] * len(said.values)
        out += [
            f"{word} {where}={_in_quotes(value)}\n" for word, value in zip(verbs, said.values, strict=False)
        ]
        out += [f"del_list {where}={_in_quotes(value)}\n" for value in said.removed]
    return "".join(out)


def _in_quotes(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


# Variables

USE = re.compile(r"\$\$\{|\$\{(?P<name>(?:fact\.)?[A-Za-z0-9_]+)(?::-(?P<default>[^}]*))?\}|(?P<bad>\$\{)")

Variables = Mapping[str, str | list[str]]


def _meaning(use: re.Match[str], variables: Variables, facts: Variables) -> str | list[str]:
    need(use["bad"] is None, "bad-use")
    if use["name"] is None:
        return "${"
    name = use["name"].removeprefix("fact.")
    is_fact = name != use["name"] or name == "mac6"
    found = (facts if is_fact else variables).get(name, use["default"])
    if found is None:
        raise Refused("undefined-variable")
    return " ".join(found) if is_fact and isinstance(found, list) else found


def _text_of(use: re.Match[str], variables: Variables, facts: Variables) -> str:
    meaning = _meaning(use, variables, facts)
    if isinstance(meaning, list):
        raise Refused("list-in-text")
    return meaning


def expanded(value: str, variables: Variables, facts: Variables, stays: str | None = None) -> str:
    """Put variables into a text; uses of the one that stays do, and all that is put in is quoted then."""
    texts, at = [""], 0
    for use in USE.finditer(value):
        texts[-1] += value[at : use.start()]
        at = use.end()
        if stays is not None and use["name"] == stays:
            texts.append("")
        else:
            texts[-1] += _text_of(use, variables, facts)
    texts[-1] += value[at:]
    need(not any(text.endswith("$") for text in texts[:-1]), "bad-use")
    return f"${{{stays}}}".join(_quoted(text, stays) for text in texts)


MADE_MAX = 1024 * 1024


def counted(text: str) -> int:
    """Say what a text that is made counts."""
    return len(text) + 16


def made(values: Sequence[str], variables: Variables, facts: Variables, stays: str | None) -> int:
    """Say how much variables make of some values."""
    uses = [value for value in values if "${" in value]
    return sum(counted(one) for one in expanded_items(uses, variables, facts, stays))


def _quoted(text: str, stays: str | None) -> str:
    return text if stays is None else text.replace("${", "$${")


def expanded_items(
    items: Sequence[str], variables: Variables, facts: Variables, stays: str | None = None
) -> list[str]:
    """Put variables into the items of a list."""
    out: list[str] = []
    for item in items:
        use = USE.fullmatch(item)
        is_known = use is not None and (stays is None or use["name"] != stays)
        meaning = _meaning(use, variables, facts) if use and is_known else None
        if isinstance(meaning, list):
            out += [_quoted(one, stays) for one in meaning]
        else:
            out.append(expanded(item, variables, facts, stays))
        need(sum(len(one) + 1 for one in out) <= 64 * 1024, "too-large")
    return out
