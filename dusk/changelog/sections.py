"""The sections of the datastore: which there are, which keys they have, what values look like.

Every record of every section is checked against this table on every device alike before an
entry may carry it (R1, A17), so that what is in the log can always be read.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache

from dusk import codec, limits
from dusk.changelog import act_records
from dusk.changelog.entry import decode_signed_head
from dusk.changelog.labels import names_hardware
from dusk.changelog.selector import SELECT, check_selector
from dusk.config.names import parse_key
from dusk.config.sealing import sealed_from
from dusk.config.settings import check_read_setting, setting_from_row
from dusk.errors import ConfigError, UntrustedInput
from dusk.ids import labelled_hash
from dusk.keys.sealed import check_sealed_key
from dusk.keys.secret import SECRET_KEY_ID_BYTES, WRAP_OVERHEAD_BYTES
from dusk.keys.signing import check_public_key
from dusk.lazy import dataclass

COMPONENT = re.compile(r"(?!\.\.?\Z)[a-z0-9._-]{1,63}\Z")
"""A name of ours; ``.`` and ``..`` would be folders to whoever makes a file of it."""
_HEX_ID = re.compile(r"[0-9a-f]{32}\Z")
DEVICE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
"""What the log takes for a device's name."""
_WRAP_PLACE = re.compile(r"(0|[1-9][0-9]{0,2})\Z")
_LINE = re.compile(r"[^\x00-\x1f\x7f]*\Z")
FACTS_MAX = 64
"""Facts of one device: selectors need a dozen."""
FACT_BYTES_MAX = 1024
"""A fact is a name, a number or a short list of ports."""
VOIDED_PER_RECORD_MAX = 1800
"""Changes that one record of a void lists: what a value holds."""
VOID_PARTS_MAX = 1000
"""Records that list what is void of one key."""
GROUPS_MAX = 64
"""Groups one device, key or assignment names."""


class SectionKind(StrEnum):
    """What a path's first component, and its third, say that the section is."""

    TRUST = "trust"
    CLUSTER = "cluster"
    USER = "user"
    JOINKEY = "joinkey"
    DEVICE = "device"
    FACTS = "device/facts"
    DEVICE_CONFIG = "device/config"
    POLICY = "policy"
    ASSIGNMENT = "assignment"
    GROUP = "group"
    READER = "reader"
    CHECKPOINT = "checkpoint"
    EXPECTED = "expected"
    PASSED = "passed"
    PROPOSAL = "proposal"
    VOID = "void"
    ROLLOUT = "rollout"
    FORMER = "former"


@dataclass(frozen=True, slots=True)
class SectionPath:
    """A parsed path: its kind and the name in the middle (user, policy, device id, ...)."""

    kind: SectionKind
    name: str


_SINGLE = {
    kind.value: kind
    for kind in (SectionKind.TRUST, SectionKind.CLUSTER, SectionKind.CHECKPOINT, SectionKind.PASSED)
}
_DOUBLE = {
    kind.value: kind
    for kind in (
        SectionKind.USER,
        SectionKind.JOINKEY,
        SectionKind.DEVICE,
        SectionKind.POLICY,
        SectionKind.ASSIGNMENT,
        SectionKind.GROUP,
        SectionKind.READER,
        SectionKind.PROPOSAL,
        SectionKind.EXPECTED,
        SectionKind.VOID,
        SectionKind.ROLLOUT,
        SectionKind.FORMER,
    )
}
_BY_ID = frozenset({"device", "joinkey", "reader", "expected", "proposal", "void", "rollout", "former"})
_DEVICE_PARTS = {"facts": SectionKind.FACTS, "config": SectionKind.DEVICE_CONFIG}


@lru_cache(maxsize=1024)
def parse_path(path: str) -> SectionPath:
    """Parse a section's path.

    Raises:
        UntrustedInput: no such section can exist.
    """
    parts = path.split("/")
    if not all(COMPONENT.match(part) for part in parts):
        raise UntrustedInput(f"section {path!r}: components are 1 to 63 of a-z 0-9 . _ -")
    if len(parts) == 1 and parts[0] in _SINGLE:
        return SectionPath(_SINGLE[parts[0]], "")
    kind = _DOUBLE.get(parts[0])
    if len(parts) == 3 and kind is SectionKind.DEVICE:
        kind = _DEVICE_PARTS.get(parts[2])
    elif len(parts) != 2:
        kind = None
    if kind is None:
        raise UntrustedInput(f"section {path!r}: there is no such section")
    if parts[0] in _BY_ID and not _HEX_ID.match(parts[1]):
        raise UntrustedInput(f"section {path!r}: not an id of 32 hex digits")
    return SectionPath(kind, parts[1])


def device_path(device: bytes) -> str:
    """Return the section of a device by its 16-byte id."""
    return f"device/{device.hex()}"


# --- values: each check takes the record's key and the decoded row -----------------------------

Check = Callable[[str, list[object]], None]


def _public(_key: str, row: list[object]) -> None:
    (value,) = codec.fields(row, 1, "public key")
    check_public_key(codec.exactly(value, 32, "public key"))


def _number(low: int, high: int) -> Check:
    def check(key: str, row: list[object]) -> None:
        codec.integer(codec.fields(row, 1, key)[0], low, high, key)

    return check


def _text(size_bytes_max: int, pattern: str = _LINE.pattern) -> Check:
    expression = re.compile(pattern)

    def check(key: str, row: list[object]) -> None:
        value = codec.text(codec.fields(row, 1, key)[0], size_bytes_max, key)
        if not expression.match(value):
            raise UntrustedInput(f"{key}: {value!r} has characters that cannot stand there")

    return check


def _flag(key: str, row: list[object]) -> None:
    if codec.fields(row, 1, key)[0] is not True:
        raise UntrustedInput(f"{key}: only true may stand there")


def _recovery(_key: str, row: list[object]) -> None:
    public, generation = codec.fields(row, 2, "recovery")
    check_public_key(codec.exactly(public, 32, "recovery key"))
    codec.integer(generation, 0, limits.NUMBER_MAX, "recovery generation")


def _grant(_key: str, row: list[object]) -> None:
    _check_grant(codec.fields(row, 5, "grant"))


def _passed(key: str, row: list[object]) -> None:
    """Check a grant that was passed on, under one for a proper prefix of its own, and by whom it was."""
    *grant, above, passers = codec.fields(row, 7, "passed grant")
    _check_grant(grant)
    if not _key_ids(passers, "passed by"):
        raise UntrustedInput("passed grant: passed on by nobody")
    if not key.removeprefix("grant/").startswith(codec.text(above, 191, "passed under") + "/"):
        raise UntrustedInput("passed grant: passed on under another prefix than one above it")


def _check_grant(grant: Sequence[object]) -> None:
    keys, threshold, packages, groups, priority = grant
    names = _key_ids(keys, "grant keys")
    codec.integer(threshold, 1, max(1, len(names)), "grant threshold")
    for listed, what in ((packages, "grant packages"), (groups, "grant groups")):
        if listed is not None:
            _texts(listed, GROUPS_MAX, 255, what)
    if priority is not None:
        codec.integer(priority, 0, 999, "grant priority")


def _key_ids(value: object, what: str) -> list[bytes]:
    names = [codec.exactly(k, 16, what) for k in codec.items(value, 64, what)]
    if names != sorted(set(names)):
        raise UntrustedInput(f"{what}: not sorted, or one twice")
    return names


def _texts(value: object, count_max: int, size_bytes_max: int, what: str) -> list[str]:
    return [codec.text(item, size_bytes_max, what) for item in codec.items(value, count_max, what)]


def _components(value: object, what: str) -> None:
    for name in _texts(value, GROUPS_MAX, 63, what):
        if not COMPONENT.match(name):
            raise UntrustedInput(f"{what}: {name!r} is not a name")


def _succession(_key: str, row: list[object]) -> None:
    (devices,) = codec.fields(row, 1, "succession")
    listed = codec.items(devices, limits.SUCCESSION_MAX, "succession")
    ids = [codec.exactly(d, 16, "succession") for d in listed]
    if not ids or len(set(ids)) != len(ids):
        raise UntrustedInput("succession: empty, or a device twice")


def _logins(_key: str, row: list[object]) -> None:
    (devices,) = codec.fields(row, 1, "logins")
    ids = [codec.exactly(d, 16, "logins") for d in codec.items(devices, limits.LOGIN_DEVICES_MAX, "logins")]
    if not ids or ids != sorted(set(ids)):
        raise UntrustedInput("logins: empty, not sorted, or a device twice")


def _secret_names(_key: str, row: list[object]) -> None:
    (listed,) = codec.fields(row, 1, "secrets")
    names = _texts(listed, limits.SECRET_NAMES_MAX, 63, "secrets")
    if names != sorted(set(names)) or not all(re.fullmatch(r"[a-z0-9_]+", name) for name in names):
        raise UntrustedInput("secrets: names of options in lower case, sorted, none twice")


def _raised(key: str, row: list[object]) -> None:
    """Check what is raised, see `dusk.changelog.roles.Raised`."""
    number, seq, chain = codec.fields(row, 3, key)
    codec.integer(number, 1, limits.NUMBER_MAX, f"{key} number")
    codec.integer(seq, 1, limits.NUMBER_MAX, f"{key} position")
    codec.exactly(chain, 32, f"{key} chain hash")


def _chain(key: str, row: list[object]) -> None:
    """Check the chain hash of an entry, see `dusk.changelog.recovering.JOINS`."""
    codec.exactly(codec.fields(row, 1, key)[0], 32, f"{key} chain hash")


def _frozen(_key: str, row: list[object]) -> None:
    for head in codec.fields(row, 2, "frozen"):
        decode_signed_head(codec.blob(head, limits.SIGNED_HEAD_BYTES_MAX, "frozen"))


def _void(_key: str, row: list[object]) -> None:
    """Check what is said to be void, see `dusk.changelog.voiding.Voided`."""
    since, chain, changes = codec.fields(row, 3, "void")
    codec.integer(since, 1, limits.NUMBER_MAX, "void since")
    codec.exactly(chain, 32, "void chain hash")
    listed = [
        codec.exactly(c, 32, "void change")
        for c in codec.items(changes, VOIDED_PER_RECORD_MAX, "void changes")
    ]
    if len(set(listed)) != len(listed):
        raise UntrustedInput("void: a change twice")


def _sealed(_key: str, row: list[object]) -> None:
    codec.blob(codec.fields(row, 1, "sealed key")[0], limits.SEALED_KEY_BYTES_MAX, "sealed key")


def _device_id(key: str, row: list[object]) -> None:
    codec.exactly(codec.fields(row, 1, key)[0], 16, key)


def _rule(_key: str, row: list[object]) -> None:
    """Check a join key's rule, see `dusk.changelog.views.JoinRule`."""
    public, uses, expires_s, groups, mode, labels, rebind, template = codec.fields(row, 8, "join key")
    check_public_key(codec.exactly(public, 32, "join key"))
    codec.integer(uses, 1, limits.MEMBERS_MAX, "join key uses")
    codec.integer(expires_s, 0, limits.NUMBER_MAX, "join key expiry")
    _components(groups, "join key groups")
    listed = _texts(labels, 1024, 255, "join key labels")
    may_be = ("ask", "never", "auto") if listed and all(map(names_hardware, listed)) else ("ask", "never")
    if mode not in ("auto", "approve") or rebind not in may_be:
        raise UntrustedInput("join key: unknown mode or rebind rule, or the latter is auto for any label")
    codec.text(template, 63, "join key name template")


def _origin(_key: str, row: list[object]) -> None:
    how, handshake, wanted = codec.fields(row, 3, "origin")
    codec.text(how, 63, "origin")
    codec.blob(handshake, 32, "handshake hash")
    codec.text(wanted, 63, "wanted name")


def _request(_key: str, row: list[object]) -> None:
    """Check the form of a request to join; `dusk.changelog.approval` judges what it says."""
    body, signatures = codec.fields(row, 2, "request")
    codec.blob(body, limits.JOIN_BYTES_MAX, "request")
    signers = []
    for signature in codec.items(signatures, 2, "request signatures"):
        signer, signed = codec.fields(signature, 2, "request signature")
        signers.append(codec.exactly(signer, 16, "request signer"))
        codec.exactly(signed, 64, "request signature")
    if not signers or signers != sorted(set(signers)):
        raise UntrustedInput("request: signatures missing, not sorted, or one twice")


def _expected(_key: str, row: list[object]) -> None:
    """Check what is set aside for a label, see `dusk.changelog.views.Expected`."""
    label, name, groups, variables = codec.fields(row, 4, "expected")
    if not codec.text(label, 255, "expected label") or not _LINE.match(label):
        raise UntrustedInput("expected: a label is one line")
    if codec.text(name, 63, "expected name") and not DEVICE_NAME.match(name):
        raise UntrustedInput(f"expected: {name!r} cannot be a device's name")
    _components(groups, "expected groups")
    listed = []
    for variable in codec.items(variables, limits.EXPECTED_VARIABLES_MAX, "expected variables"):
        named, value = codec.fields(variable, 2, "expected variable")
        listed.append(codec.text(named, 63, "expected variable"))
        _text_or_list(limits.VALUE_BYTES_MAX - 16)(listed[-1], [value])
    if listed != sorted(set(listed)) or not all(map(_is_component, listed)):
        raise UntrustedInput("expected: variables not sorted, one twice, or not a name")


def expected_path(label: str) -> str:
    """Return the section of what is expected with a label."""
    return f"expected/{labelled_hash(b'dusk.expected', label.encode())[:16].hex()}"


def _text_or_list(size_bytes_max: int) -> Check:
    def check(key: str, row: list[object]) -> None:
        (value,) = codec.fields(row, 1, key)
        whole = "".join(_texts(value, 1024, size_bytes_max, key)) if isinstance(value, list) else value
        if "\0" in codec.text(whole, size_bytes_max, key):
            raise UntrustedInput(f"{key}: a NUL cannot stand there")

    return check


def _select(_key: str, row: list[object]) -> None:
    check_selector(row, _is_component)


def _setting(key: str, row: list[object]) -> None:
    name = key.removeprefix("set/")
    setting = setting_from_row(row)
    try:
        check_read_setting(name, setting)
    except ConfigError as error:
        raise UntrustedInput(str(error)) from None


def _assignment(_key: str, row: list[object]) -> None:
    to, names, priority = codec.fields(row, 3, "assignment")
    if to not in ("all", "groups", "devices"):
        raise UntrustedInput("assignment: to all, groups or devices")
    chosen = _texts(names, limits.MEMBERS_MAX, 63, "assignment names")
    if (to == "all") == bool(chosen):
        raise UntrustedInput("assignment: names for groups and devices, none for all")
    for name in chosen:
        if not (COMPONENT if to == "groups" else _HEX_ID).match(name):
            raise UntrustedInput(f"assignment: {name!r} is not a name")
    codec.integer(priority, 0, 999, "assignment priority")


def _variable(key: str, row: list[object]) -> None:
    """Check a variable: a text or a list, or one of these, sealed."""
    if len(row) > 1:
        sealed_from(row)
    else:
        _PLAIN(key, row)


def _wraps(_key: str, row: list[object]) -> None:
    """Check a key K as it is wrapped to some of its readers, see `dusk.changelog.readers`."""
    name, boxes = codec.fields(row, 2, "wraps")
    codec.exactly(name, SECRET_KEY_ID_BYTES, "wraps: key id")
    readers = []
    for wrapped in codec.items(boxes, limits.WRAPS_PER_RECORD_MAX, "wraps"):
        reader, box = codec.fields(wrapped, 2, "wrap")
        readers.append(codec.exactly(reader, 16, "wrap: reader"))
        if len(codec.blob(box, limits.WRAP_BYTES_MAX, "wrap")) <= WRAP_OVERHEAD_BYTES:
            raise UntrustedInput("wrap: too short")
    if not readers or readers != sorted(set(readers)):
        raise UntrustedInput("wraps: none, not sorted, or a reader twice")


_PLAIN = _text_or_list(limits.VALUE_BYTES_MAX - 16)
_VARIABLE: Mapping[str, Check] = {"var/": _variable, "wrap/": _wraps}
"""What a section with secret values of its own has: variables, and keys K for what is sealed there."""

KEYS: Mapping[SectionKind, Mapping[str, Check]] = {
    SectionKind.TRUST: {
        "owner/": _public,
        "quorum": _number(1, 64),
        "recovery": _recovery,
        "recovered": _raised,
        "joins": _chain,
        "grant/": _grant,
    },
    SectionKind.CLUSTER: {
        "name": _text(63),
        "succession": _succession,
        "mandate": _raised,
        "cycle": _number(200, 3_600_000),
        "level": _number(1, 1),
        "manual-backup": _flag,
        "logins": _logins,
        "secrets": _secret_names,
        "drift": _text(7, r"(report|enforce)\Z"),
        **_VARIABLE,
    },
    SectionKind.USER: {"key": _public, "sealed": _sealed, "disabled": _flag},
    SectionKind.JOINKEY: {"rule": _rule, "revoked": _flag, "expired": _flag, "rejected/": _flag},
    SectionKind.DEVICE: {
        "key": _public,
        "name": _text(63, DEVICE_NAME.pattern),
        "label": _text(255),
        "groups": lambda key, row: _components(codec.fields(row, 1, key)[0], key),
        "origin": _origin,
        "request": _request,
        "retired": _flag,
        "frozen": _frozen,
        "wipe": _flag,
        "rebound": _device_id,
    },
    SectionKind.FACTS: {"": _text_or_list(FACT_BYTES_MAX)},
    SectionKind.DEVICE_CONFIG: {"set/": _setting, **_VARIABLE},
    SectionKind.POLICY: {"set/": _setting, "wrap/": _wraps},
    SectionKind.ASSIGNMENT: {"to": _assignment, "local": _assignment},
    SectionKind.GROUP: {"made": _flag, "member/": _flag, SELECT: _select, **_VARIABLE},
    SectionKind.READER: {"group/": _flag},
    SectionKind.CHECKPOINT: {"by/": act_records.check_attested},
    SectionKind.EXPECTED: {"as": _expected},
    SectionKind.PASSED: {"grant/": _passed},
    SectionKind.PROPOSAL: {"change": act_records.check_proposal, "by/": act_records.check_signed_by},
    SectionKind.VOID: {"part/": _void},
    SectionKind.ROLLOUT: act_records.ROLLOUT,
    SectionKind.FORMER: act_records.FORMER,
}
"""Section kind → record key → check; a key that ends in ``/``, or is empty, is a prefix."""


def check_record(path: SectionPath, key: str, data: bytes | None) -> None:
    """Check a record's key and, unless it is deleted, its value.

    Raises:
        UntrustedInput: the section has no such key, or the value is not what stands there.
    """
    check = _find_check(path.kind, key)
    if data is not None:
        row = codec.unpack(data, size_max=limits.VALUE_BYTES_MAX)
        check(key, row)
        if key == "sealed" and path.kind is SectionKind.USER:
            check_sealed_key(row[0], name=path.name)
        if path.kind is SectionKind.EXPECTED and expected_path(row[0]) != f"expected/{path.name}":
            raise UntrustedInput("expected: the id is not that of the label")


@lru_cache(maxsize=1024)
def _find_check(kind: SectionKind, key: str) -> Check:
    table = KEYS[kind]
    prefix = key[: key.find("/") + 1]
    check = table.get(prefix if prefix or kind is SectionKind.FACTS else key)
    if check is None or not _TAILS.get(prefix, _is_component)(key[len(prefix) :]):
        raise UntrustedInput(f"{kind.value}: there is no record {key!r}")
    return check


def _is_component(tail: str) -> bool:
    return COMPONENT.match(tail) is not None


def _is_prefix(tail: str) -> bool:
    parts = tail.split("/")
    return len(parts) <= limits.PATH_COMPONENTS_MAX and all(map(_is_component, parts))


def _is_setting_key(tail: str) -> bool:
    try:
        return str(parse_key(tail)) == tail
    except ConfigError:
        return False


def _is_id(tail: str) -> bool:
    return _HEX_ID.match(tail) is not None


_TAILS: Mapping[str, Callable[[str], bool]] = {
    "set/": _is_setting_key,
    "grant/": _is_prefix,
    "member/": _is_id,
    "by/": _is_id,
    "rejected/": _is_id,
    "was/": _is_id,
    "wrap/": lambda tail: _WRAP_PLACE.match(tail) is not None and int(tail) < limits.WRAP_RECORDS_MAX,
    "part/": lambda tail: _WRAP_PLACE.match(tail) is not None and int(tail) < VOID_PARTS_MAX,
}
"""What may stand behind a prefix, where it is not a single component."""
