"""Rows of `catchup.json` about what devices are asked: how they are, and what they are ordered."""

from functools import partial
from typing import Any

from dusk import codec
from dusk.changelog.orders import (
    LABEL,
    Order,
    UnverifiedOrder,
    decode_hold,
    decode_order,
    encode_hold,
    sign_order,
)
from dusk.config.drift import Difference
from dusk.config.drift_told import decode_drift, encode_drift
from dusk.config.files_told import FileState, ToldFile, ToldFiles, decode_files, encode_files, file_of
from dusk.errors import UntrustedInput
from dusk.ids import ClusterId, DeviceId, Seq
from dusk.keys.signing import verify
from dusk.limits import HOLD_S_MAX
from dusk.membership.health import Health, Interface, Radio, decode_health, encode_health
from dusk.membership.packages import APK, OPKG, decode_packages, encode_packages, read_list, told_of
from tools.vectors.case import Case, invalid, key, valid

HEALTH = Health(
    uptime_s=90_061,
    load=(12, 130, 5),
    memory_kib=(131_072, 60_000),
    flash_kib=(),
    time_s=1_800_000_000,
    is_trusted=True,
    interfaces=(Interface("br-lan", True, "02:00:00:00:00:01", ("192.0.2.1/24", "fe80::1/64"), 10, 20, 1),),
    radios=(Radio("radio0", "5g", 36, True, 3), Radio("radio1", "2g", 0, False, None)),
)
DRIFT = (
    Difference("wireless.a.ssid", "", "Home", "Caf\udce9", ("wireless.a.ssid",)),
    Difference("wireless.a.maclist", "", None, ("x", "y"), ("wireless.a.maclist",)),
    Difference("wireless.a.key", "", None, None, ("wireless.a.key",), is_secret=True),
    Difference("wireless.dusk_r_radio0.ssid", "", "a", None, ("wireless.each wifi-device as r.ssid",)),
    Difference("wireless.@x[2]", "", None, None, ("wireless.@x[2].y",), trouble="there is no such section"),
)
FILES = ToldFiles(
    Seq(7),
    (
        file_of(
            "wireless",
            b"config wifi-iface 'a'\n\toption ssid 'Caf\xe9'\n\toption key 'x'\n\tlist l 'm'\n\tlist l ''\n"
            b"config wifi-iface\n",
            is_in_effect=True,
        ),
        file_of("dhcp", None),
        file_of("file:/etc/banner", b"-rw-r--r--\nHello\n", is_in_effect=True),
        *(ToldFile(name, state) for name, state in zip("abc", list(FileState)[2:], strict=True)),
    ),
)
LISTS = (
    (
        "apk",
        APK,
        b"C:Q1aa=\nP:musl\nV:1.2.5-r0\nA:x\nF:lib\nR:ld:1.so\n\n\nP:caf\xe9\nV:"
        + b"9" * 129
        + b"\n\nP:base-files\nV:1~2\n",
    ),
    (
        "opkg",
        OPKG,
        (
            b"Package: libc\nVersion: 1.2.5-r4\nStatus: install user installed\nConffiles:\n /etc/a 00\n\n"
            b"Package: gone\nVersion: 1\nStatus: deinstall ok not-installed\n\n"
            b"Package: fresh\nVersion: 2\nStatus: install ok unpacked\n\n"
            b"Package: bare\n\nPackage: kernel\nVersion: 6\nStatus: install hold installed\n"
        ),
    ),
)
SHOWS = "A device takes it for this challenge, once."


def told(cluster: ClusterId) -> list[Case]:
    """Return the cases of what devices are asked: each kind by itself."""
    return [*_health(), *_packages(), *_drift(), *_files(), *_orders(cluster), *_holds()]


def _health() -> list[Case]:
    data = encode_health(HEALTH)
    row = codec.unpack(data, size_max=4096)
    cases = [valid("health", "Flash is not known.", kind="health", bytes=data.hex(), row=row)]
    for name, at, value in (
        ("two figures of load", 1, [1, 2]),
        ("uptime below 0", 0, -1),
        ("trusted as a number", 5, 1),
        ("radios out of order", 7, [*reversed(row[7])]),
        ("a radio twice", 7, [row[7][0], row[7][0]]),
        ("a name of 129 bytes", 7, [["r" * 129, "5g", 36, True, 3]]),
        ("an interface of six fields", 6, [row[6][0][:6]]),
    ):
        bad = codec.pack([*row[:at], value, *row[at + 1 :]])
        wrong = partial(decode_health, bad)
        cases.append(
            invalid(f"health: {name}", "None.", "wrong-shape", wrong, kind="health", bytes=bad.hex())
        )
    return cases


def _packages() -> list[Case]:
    """Return what is told of lists, and what nobody tells."""
    cases, row = [], []
    for name, form, content in LISTS:
        data = encode_packages(told_of(read_list(content.splitlines(), form)))
        row = codec.unpack(data, size_max=4096)
        says = "A list, and what is told of it."
        given = {"kind": "packages", "list": content.hex(), "form": name, "bytes": data.hex()}
        cases.append(valid(f"packages: {name}", says, **given, row=row))
    one, other = row[2][:2]
    for name, bad in (
        ("more rows than are counted", [1, *row[1:]]),
        ("65,537 packages", [65_537, *row[1:]]),
        ("4,097 rows", [4097, 0, [[f"{at:04}", "1"] for at in range(4097)]]),
        ("another hash than theirs", [row[0], row[1] ^ 1, row[2]]),
        ("a hash of 49 bits", [row[0] + 1, 2**48, row[2]]),
        ("out of order", [9, 0, [other, one]]),
        ("a package twice", [9, 0, [one, one]]),
        ("a package without a name", [9, 0, [["", "1"]]]),
        ("a version of 129 bytes", [9, 0, [["a", "1" * 129]]]),
        ("a name in bytes", [9, 0, [[b"a", "1"]]]),
        ("a row of one", [9, 0, [["a"]]]),
    ):
        packed = codec.pack(bad)
        wrong = partial(decode_packages, packed)
        cases.append(
            invalid(f"packages: {name}", "None.", "wrong-shape", wrong, kind="packages", bytes=packed.hex())
        )
    return cases


def _drift() -> list[Case]:
    data = encode_drift(DRIFT)
    row = codec.unpack(data, size_max=4096)
    shown = [row[0], [[*one[:2], _hexed(one[2]), one[3]] for one in row[1]]]
    says = "A value that is no UTF-8, a list, a secret, a section that an `each` made, one that is not there."
    cases = [valid("drift", says, kind="drift", bytes=data.hex(), row=shown)]
    for name, count, rows in (
        ("more rows than are counted", 0, row[1]),
        ("201 rows", 201, [row[1][0]] * 201),
        ("a row of three fields", 1, [row[1][0][:3]]),
        ("a value as text", 1, [["wireless.a.ssid", "wireless.a.ssid", "Home", False]]),
        ("a key of 1,025 bytes", 1, [["k" * 1025, "", None, True]]),
        ("trouble in words", 1, [["wireless.a", "", None, "line 3"]]),
    ):
        bad = codec.pack([count, rows])
        wrong = partial(decode_drift, bad)
        cases.append(invalid(f"drift: {name}", "None.", "wrong-shape", wrong, kind="drift", bytes=bad.hex()))
    return cases


def _files() -> list[Case]:
    data = encode_files(FILES)
    row = codec.unpack(data, size_max=4096)
    shown = [row[0], [[*one[:3], [_section(section) for section in one[3]]] for one in row[1]]]
    says = "In effect, with a secret, a list and what is no UTF-8; one beside UCI; four that are not told."
    cases = [valid("files", says, kind="files", bytes=data.hex(), row=shown)]
    good = ["t", "n", [["o", b"1"]]]
    for name, files in (
        ("a file twice", [["a", 0, False, []], ["a", 1, False, []]]),
        ("17 files", [[f"p{i}", 0, False, []] for i in range(17)]),
        ("a package with a dot", [["a.b", 0, False, []]]),
        ("a state of 5", [["a", 5, False, []]]),
        ("in effect, and not there", [["a", 0, True, []]]),
        ("sections of a file that is not told", [["a", 2, False, [good]]]),
        ("sections of a file beside UCI", [["file:/a", 1, False, [good]]]),
        ("a path that is none", [["file:/a/../b", 1, False, []]]),
        ("in effect as a number", [["a", 1, 1, [good]]]),
        ("two sections of one name", [["a", 1, False, [good, good]]]),
        ("an option twice", [["a", 1, False, [["t", "n", [*good[2], *good[2]]]]]]),
        ("a type with a blank", [["a", 1, False, [["t t", "n", []]]]]),
        ("a name with a hyphen", [["a", 1, False, [["t", "n-n", []]]]]),
        ("a value as text", [["a", 1, False, [["t", "n", [["o", "1"]]]]]]),
        ("an empty text", [["a", 1, False, [["t", "n", [["o", b""]]]]]]),
        ("an empty list", [["a", 1, False, [["t", "n", [["o", []]]]]]]),
    ):
        bad = codec.pack([1, files])
        wrong = partial(decode_files, bad)
        cases.append(invalid(f"files: {name}", "None.", "wrong-shape", wrong, kind="files", bytes=bad.hex()))
    return cases


def _section(section: list[Any]) -> list[object]:
    return [*section[:2], [[name, _hexed(value)] for name, value in section[2]]]


def _hexed(found: object) -> object:
    if isinstance(found, list):
        return [item.hex() for item in found]
    return found.hex() if isinstance(found, bytes) else None


def _orders(cluster: ClusterId) -> list[Case]:
    owner = key("owner")
    order = Order(DeviceId(bytes(range(16))), bytes(range(32)), "hold", b"argument")
    data = sign_order((owner,), cluster, order)
    body, rows = codec.unpack(data, size_max=4096)
    said = {
        "device": order.device.hex(),
        "challenge": order.challenge.hex(),
        "order": order.kind,
        "argument": order.argument.hex(),
        "keys": [owner.key_id.hex()],
    }
    parts = {"kind": "order", "cluster": cluster.hex(), "public": owner.public.hex()}
    cases = [valid("order", SHOWS, **parts, bytes=data.hex(), message=said)]
    other = Order(DeviceId(bytes(16)), order.challenge, order.kind, order.argument).encode()
    for name, reason, bad in (
        ("for another device", "bad-signature", codec.pack((other, rows))),
        ("with a signature twice", "wrong-shape", codec.pack((body, [rows[0], rows[0]]))),
        ("of version 2", "wrong-shape", codec.pack((codec.pack((2, *_rest(body))), rows))),
        ("with a challenge of 31 bytes", "wrong-shape", _with(body, rows, 2, bytes(31))),
        ("with 513 bytes", "wrong-shape", _with(body, rows, 4, bytes(513))),
        ("of a word of 64 bytes", "wrong-shape", _with(body, rows, 3, "a" * 64)),
    ):
        wrong = partial(_read, bad, owner.public, cluster)
        cases.append(invalid(f"order: {name}", "Nothing is done.", reason, wrong, **parts, bytes=bad.hex()))
    return cases


def _holds() -> list[Case]:
    """Return what *hold* is ordered with."""
    cases = [
        valid(f"hold: {shows}", "The argument.", kind="hold", bytes=encode_hold(for_s).hex(), for_s=for_s)
        for shows, for_s in (("for two hours", 7200), ("without an end", 0))
    ]
    for name, row in (
        ("over a year", [HOLD_S_MAX + 1]),
        ("below 0", [-1]),
        ("two lengths", [1, 2]),
        ("a length as text", ["2h"]),
    ):
        bad = codec.pack(row)
        wrong = partial(decode_hold, bad)
        cases.append(
            invalid(f"hold: {name}", "Nothing is done.", "wrong-shape", wrong, kind="hold", bytes=bad.hex())
        )
    return cases


def _rest(body: bytes) -> list[object]:
    return codec.unpack(body, size_max=4096)[1:]


def _with(body: bytes, rows: object, at: int, value: object) -> bytes:
    row = codec.unpack(body, size_max=4096)
    row[at] = value
    return codec.pack((codec.pack(row), rows))


def _read(data: bytes, public: bytes, cluster: ClusterId) -> UnverifiedOrder:
    """Read an order by one key.

    Raises:
        UntrustedInput: it is none, or not by that key.
    """
    found = decode_order(data)
    if not all(verify(public, LABEL, cluster, found.body, signature) for _, signature in found.signatures):
        raise UntrustedInput("order: not signed by its key")
    return found
