"""The table of sections and records, and what their values are (log.md, 4)."""

import itertools
import re
from collections.abc import Callable
from typing import Any, TypeVar

from tests.vectors.reader import changes, secret_values, settings
from tests.vectors.reader.keys import labelled, sealed_key, x25519_public
from tests.vectors.reader.packing import (
    Decoded,
    Refused,
    array,
    flag,
    need,
    number,
    octets,
    octets_or_none,
    text,
    unpack,
)

T = TypeVar("T")

COMPONENT = r"(?!\.{1,2}(?:/|$))[a-z0-9._-]{1,63}"
ID = r"[0-9a-f]{32}"
FACTS_MAX = 64
PASSED_MAX = 256


def is_name(value: object) -> bool:
    """Whether a value is a component."""
    return isinstance(value, str) and re.fullmatch(COMPONENT, value) is not None


def _names(value: object, most: int) -> list[str]:
    names = array(value, most=most)
    need(all(is_name(name) for name in names), "bad-value")
    return names


def _key(value: object) -> bytes:
    x25519_public(octets(value, 32))
    return octets(value)


def _line(value: object, most: int) -> str:
    line = text(value, most)
    need(not re.search(r"[\x00-\x1f\x7f]", line), "bad-value")
    return line


def _distinct(values: list[Any]) -> None:
    need(len(set(values)) == len(values), "bad-value")


def _words(value: object, bytes_max: int) -> None:
    texts = [value] if isinstance(value, str) else array(value, most=1_024)
    whole = "".join(text(one, bytes_max) for one in texts)
    need("\0" not in text(whole, bytes_max), "bad-value")


def _one(check: Callable[[Any], object]) -> Callable[[list[Any], str], None]:
    def checked(value: list[Any], _name: str) -> None:
        check(array(value, 1)[0])

    return checked


def _true(value: object) -> None:
    need(value is True, "bad-value")


def _recovery(value: list[Any], _name: str) -> None:
    public, generation = array(value, 2)
    _key(public)
    number(generation)


def _passed(value: list[Any], name: str) -> None:
    *granted, above, passers = array(value, 7)
    _grant(granted, name)
    ids = [octets(passer, 16) for passer in array(passers, most=64)]
    need(ids and ids == sorted(set(ids)), "bad-value")
    need(isinstance(above, str) and name.removeprefix("grant/").startswith(above + "/"), "bad-value")


def _grant(value: list[Any], _name: str) -> None:
    holders, threshold, packages, groups, priority = array(value, 5)
    ids = [octets(holder, 16) for holder in array(holders, most=64)]
    _distinct(ids)
    need(ids == sorted(ids), "bad-value")
    number(threshold, 1, max(1, len(ids)))
    for texts in (packages, groups):
        for one in [] if texts is None else array(texts, most=64):
            text(one, 255)
    need(priority is None or number(priority, 0, 999) is not None, "bad-value")


def _succession(value: list[Any], _name: str) -> None:
    devices = [octets(device, 16) for device in array(array(value, 1)[0], most=16, least=1)]
    _distinct(devices)


def _logins(value: list[Any], _name: str) -> None:
    ids = [octets(device, 16) for device in array(array(value, 1)[0], most=1_024, least=1)]
    need(all(one < other for one, other in itertools.pairwise(ids)), "bad-value")


def _drift(value: list[Any], _name: str) -> None:
    need(array(value, 1)[0] in ("report", "enforce"), "bad-value")


def _secrets(value: list[Any], _name: str) -> None:
    names = array(array(value, 1)[0], most=256)
    need(all(isinstance(name, str) and re.fullmatch("[a-z0-9_]{1,63}", name) for name in names), "bad-value")
    need(all(one < other for one, other in itertools.pairwise(names)), "bad-value")


def _mandate(value: list[Any], _name: str) -> None:
    mandate, seq, chain = array(value, 3)
    number(mandate, 1)
    number(seq, 1)
    octets(chain, 32)


def _frozen(value: list[Any], _name: str) -> None:
    for head in array(value, 2):
        changes.signed_head(octets(head))


def _void(value: list[Any], _name: str) -> None:
    since, chain, ids = array(value, 3)
    number(since, 1)
    octets(chain, 32)
    _distinct([octets(one, 32) for one in array(ids, most=1_800)])


def _plan(value: list[Any], _name: str) -> None:
    waves, failures = array(value, 2)
    number(waves, 1, 100)
    number(failures, 0, 10_000)


def _part(value: list[Any], _name: str) -> None:
    wave, devices = array(value, 2)
    number(wave, 0, 99)
    ids = [octets(device, 16) for device in array(devices, most=3_000, least=1)]
    need(all(one < other for one, other in itertools.pairwise(ids)), "bad-value")


def _order(value: list[Any], _name: str) -> None:
    word, time_s, failures = array(value, 3)
    need(word in ("go", "hold", "abort", "force"), "bad-value")
    number(time_s)
    need(failures is None or number(failures, 0, 10_000) >= 0, "bad-value")
    need(word == "go" or (time_s, failures) == (0, None), "bad-value")


def _progress(value: list[Any], _name: str) -> None:
    opened, ended, stopped = array(value, 3)
    number(opened, 0, 100)
    need(ended in ("", "done", "abort", "force"), "bad-value")
    need(stopped == "" or re.fullmatch(ID, text(stopped, 32)), "bad-value")


def _of(value: list[Any], _name: str) -> None:
    place, change = array(value, 2)
    number(place, 1)
    octets(change, 32)


def _was(value: list[Any], _name: str) -> None:
    section, key, data, own, behind = array(value, 5)
    text(section, 191)
    text(key, 512)
    flag(own)
    for one in (data, behind):
        octets_or_none(one, most=65_536)


def _sealed(value: list[Any], name: str) -> None:
    sealed_key(name, octets(array(value, 1)[0]))


def _rule(value: list[Any], _name: str) -> None:
    public, uses, expiry, groups, mode, labels, rebind, template = array(value, 8)
    _key(public)
    number(uses, 1, 10_000)
    number(expiry)
    _names(groups, 64)
    need(mode in {"auto", "approve"} and rebind in {"ask", "never", "auto"}, "bad-value")
    listed = [text(label, 255) for label in array(labels, most=1_024)]
    some = [re.match(r"[0-9A-Za-z]{2}", label) is not None for label in listed]
    need(rebind != "auto" or (some and all(some)), "bad-value")
    text(template, 63)


def _device_name(value: object) -> None:
    need(isinstance(value, str) and re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", value), "bad-value")


def _origin(value: list[Any], _name: str) -> None:
    joinkey, stream, wanted = array(value, 3)
    text(joinkey, 63)
    octets(stream, most=32)
    text(wanted, 63)


def _request(value: list[Any], _name: str) -> None:
    body, signatures = array(value, 2)
    octets(body, most=4_096)
    signers = []
    for one in array(signatures, most=2, least=1):
        signer, signature = array(one, 2)
        signers.append(octets(signer, 16))
        octets(signature, 64)
    need(all(one < other for one, other in itertools.pairwise(signers)), "bad-value")


def _expected(value: list[Any], name: str) -> None:
    label, called, groups, variables = array(value, 4)
    need(_line(label, 255), "bad-value")
    need(name == labelled("dusk.expected", label.encode())[:16].hex(), "bad-value")
    if text(called, 63):
        _device_name(called)
    _names(groups, 64)
    pairs = [array(one, 2) for one in array(variables, most=64)]
    need(all(is_name(variable) for variable, _ in pairs), "bad-value")
    need(all(one[0] < other[0] for one, other in itertools.pairwise(pairs)), "bad-value")
    for _, said in pairs:
        _words(said, 65_520)


def _to(value: list[Any], _name: str) -> None:
    kind, names, priority = array(value, 3)
    need(kind in {"all", "groups", "devices"}, "bad-value")
    array(names, most=10_000)
    need((not names) == (kind == "all"), "bad-value")
    pattern = ID if kind == "devices" else COMPONENT
    need(all(isinstance(name, str) and re.fullmatch(pattern, name) for name in names), "bad-value")
    number(priority, 0, 999)


def _select(value: Any) -> None:
    conditions = [array(one, 2) for one in array(value, most=16)]
    for fact, values in conditions:
        need(isinstance(fact, str) and re.fullmatch(COMPONENT, fact) is not None, "bad-value")
        texts = array(values, most=64)
        need(all(isinstance(text, str) and len(text.encode()) <= 1_024 for text in texts), "wrong-shape")
        need(bool(texts) and texts == sorted(set(texts)), "bad-value")
    facts = [fact for fact, _ in conditions]
    need(bool(facts) and facts == sorted(set(facts)), "bad-value")


def _setting(value: list[Any], name: str) -> None:
    settings.check(settings.key(name), settings.setting(value))


def _variable(value: list[Any], _name: str) -> None:
    if len(value) == 2:
        secret_values.check_pair(*value)
    else:
        _words(array(value, 1)[0], 65_520)


VARIABLE = (rf"var/{COMPONENT}", _variable)
WRAPS = (r"wrap/(?:[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])", secret_values.check_wraps)
PART = r"part/(?:0|[1-9][0-9]{0,2})"
SETTING = (r"set/(?P<name>.+)", _setting)
Check = Callable[[list[Any], str], None]
TABLE: list[tuple[str, list[tuple[str, Check]]]] = [
    (
        "trust",
        [
            (rf"owner/{COMPONENT}", _one(_key)),
            ("quorum", _one(lambda value: number(value, 1, 64))),
            ("recovery", _recovery),
            ("recovered", _mandate),
            ("joins", _one(lambda value: octets(value, 32))),
            (rf"grant/{COMPONENT}(?:/{COMPONENT}){{0,2}}", _grant),
        ],
    ),
    (
        "cluster",
        [
            ("name", _one(lambda value: _line(value, 63))),
            ("succession", _succession),
            ("mandate", _mandate),
            ("cycle", _one(lambda value: number(value, 200, 3_600_000))),
            ("level", _one(lambda value: number(value, 1, 1))),
            ("manual-backup", _one(_true)),
            ("logins", _logins),
            ("secrets", _secrets),
            ("drift", _drift),
            VARIABLE,
            WRAPS,
        ],
    ),
    (
        rf"user/(?P<name>{COMPONENT})",
        [("key", _one(_key)), ("sealed", _sealed), ("disabled", _one(_true))],
    ),
    (rf"joinkey/{ID}", [("rule", _rule), ("revoked", _one(_true)), (rf"rejected/{ID}", _one(_true))]),
    (
        rf"device/{ID}",
        [
            ("key", _one(_key)),
            ("name", _one(_device_name)),
            ("label", _one(lambda value: _line(value, 255))),
            ("groups", _one(lambda value: _names(value, 64))),
            ("origin", _origin),
            ("retired", _one(_true)),
            ("frozen", _frozen),
            ("request", _request),
            ("wipe", _one(_true)),
            ("rebound", _one(lambda value: octets(value, 16))),
        ],
    ),
    (rf"device/{ID}/facts", [(COMPONENT, _one(lambda value: _words(value, 1_024)))]),
    (rf"device/{ID}/config", [SETTING, VARIABLE, WRAPS]),
    (rf"policy/{COMPONENT}", [SETTING, WRAPS]),
    (rf"expected/(?P<name>{ID})", [("as", _expected)]),
    (rf"void/{ID}", [(PART, _void)]),
    (
        rf"rollout/{ID}",
        [
            ("plan", _plan),
            ("together", _one(_true)),
            (PART, _part),
            ("order", _order),
            ("progress", _progress),
            ("switch", _one(lambda value: octets(value, 16))),
        ],
    ),
    (rf"former/{ID}", [("of", _of), (rf"was/{ID}", _was)]),
    (rf"assignment/{COMPONENT}", [("to|local", _to)]),
    ("passed", [(rf"(?P<name>grant/{COMPONENT}(?:/{COMPONENT}){{1,2}})", _passed)]),
    (rf"reader/{ID}", [(rf"group/{COMPONENT}", _one(_true))]),
    (
        rf"group/{COMPONENT}",
        [("made", _one(_true)), (rf"member/{ID}", _one(_true)), ("select", _one(_select)), VARIABLE, WRAPS],
    ),
]


def _row(rows: list[tuple[str, T]], text: str, word: str) -> tuple[re.Match[str], T]:
    for pattern, what in rows:
        if match := re.fullmatch(pattern, text, re.DOTALL):
            return match, what
    raise Refused(word)


def record(section: str, key: str, data: bytes | None) -> Decoded | None:
    """Check that a record may have this value, or be deleted; give the value."""
    place, records = _row(TABLE, section, "no-section")
    match, check = _row(records, key, "no-record")
    if check is _setting:
        _canonical(match["name"])
    if data is None:
        return None
    names = place.groupdict() | match.groupdict()
    try:
        value = unpack(data)
        check(value, names.get("name", ""))
    except Refused:
        raise Refused("bad-value") from None
    return Decoded(value)


def _canonical(name: str) -> None:
    try:
        canonical = settings.key(name).text
    except Refused:
        raise Refused("no-record") from None
    need(canonical == name, "no-record")
