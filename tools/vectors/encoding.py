"""`encoding.json` and `hashes.json`: what everything else stands on."""

from collections.abc import Sequence
from functools import partial
from hashlib import blake2b
from typing import Any

from dusk import codec
from dusk.apply.hashes import keyed_hash
from dusk.changelog import merkle
from dusk.ids import labelled_hash
from tools.vectors.case import Case, Source, annotate, invalid, plain, valid

SIZE_MAX = 65_536


def encoding() -> list[Case]:
    """Return the cases of `encoding.json`."""
    return [*_accepted(), *_refused()]


def _accepted() -> list[Case]:
    edges = (0, 127, 128, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**53 - 1, 2**63, 2**64 - 1)
    below = (-1, -32, -33, -128, -129, -32_768, -32_769, -(2**31), -(2**31) - 1, -(2**63))
    rows: tuple[tuple[str, str, list[Any]], ...] = (
        ("empty array", "The smallest message.", []),
        ("not negative integers", "Each at the edge between two forms.", list(edges)),
        ("negative integers", "Each at the edge between two forms.", list(below)),
        ("constants", "nil, false, true.", [None, False, True]),
        ("text", "Empty, of two, three and four bytes a character, with NUL.", ["", "é", "€", "𝄞", "a\0b"]),
        ("text of 31 and 32 bytes", "The edge of the short form.", ["a" * 31, "b" * 32]),
        ("text of 255 and 256 bytes", "The edge of the next form.", ["a" * 255, "b" * 256]),
        ("byte strings", "They are no text, and have no short form.", [b"", b"\xff", b"a" * 255, b"b" * 256]),
        ("sixteen items", "The edge of an array's short form.", list(range(16))),
        ("eight arrays deep", "As deep as it may be.", [[[[[[[["x"]]]]]]]]),
    )
    assert max(len(codec.pack(row)) for _, _, row in rows) < SIZE_MAX
    cases = []
    for name, shows, row in rows:
        data = codec.pack(row)
        assert codec.unpack(data, size_max=SIZE_MAX) == row
        cases.append(valid(name, shows, bytes=data.hex(), value=plain(row)))
    row = [1, -1, "dusk", b"\0\1", [None, True]]
    notes = ("all", ["the integer 1", "the integer -1", "text", "a byte string", ("inner", ["nil", "true"])])
    example = valid("annotated", "Every piece by itself.", bytes=codec.pack(row).hex(), value=plain(row))
    return [{**example, "annotated": annotate(row, notes)}, *cases]


def _refused() -> list[Case]:
    deep = b"\x91" * 8 + b"\x90"
    rows = (
        ("nothing", "No bytes are no message.", "cut-short", ""),
        ("cut in a length", "An array's length is missing.", "cut-short", "dc00"),
        ("cut in an integer", "A byte of the number is missing.", "cut-short", "91cd01"),
        ("cut in a text", "Two of three bytes are there.", "cut-short", "91a36161"),
        ("fewer items than said", "Two are announced.", "cut-short", "9201"),
        ("four thousand million items", "Refused before room is made for them.", "cut-short", "ddffffffff"),
        ("four thousand million bytes", "The same for a byte string.", "cut-short", "91c6ffffffff"),
        ("a byte behind", "Nothing stands behind the array.", "trailing-bytes", "9000"),
        ("two arrays", "One message, one array.", "trailing-bytes", "9090"),
        ("an integer alone", "The outermost value is an array.", "not-an-array", "01"),
        ("a text alone", "The same.", "not-an-array", "a161"),
        ("nil alone", "The same.", "not-an-array", "c0"),
        ("1 in two bytes", "0xcc begins at 128.", "not-shortest", "91cc01"),
        ("255 in three bytes", "0xcd begins at 256.", "not-shortest", "91cd00ff"),
        ("1 in nine bytes", "0xcf begins at 2^32.", "not-shortest", "91cf0000000000000001"),
        ("-1 in two bytes", "0xd0 begins at -33.", "not-shortest", "91d0ff"),
        ("1 as a signed byte", "What is not negative has the unsigned forms.", "not-shortest", "91d001"),
        ("200 as a signed number", "The same.", "not-shortest", "91d100c8"),
        ("a short text in the long form", "0xd9 begins at 32 bytes.", "not-shortest", "91d90161"),
        ("a short byte string in the long form", "0xc5 begins at 256.", "not-shortest", "91c5000161"),
        ("a short array in the long form", "0xdc begins at 16 items.", "not-shortest", "91dc0000"),
        ("the outer array in the long form", "The same, outside.", "not-shortest", "dc000101"),
        ("an empty map", "There are no maps.", "forbidden-kind", "9180"),
        ("a map", "With a key and a value.", "forbidden-kind", "9181a16101"),
        ("a long map", "In its two-byte form.", "forbidden-kind", "91de0001a16101"),
        ("a float of four bytes", "There are no floats.", "forbidden-kind", "91ca3f800000"),
        ("a float of eight bytes", "The same.", "forbidden-kind", "91cb3ff0000000000000"),
        ("an extension", "There are no extensions.", "forbidden-kind", "91d40100"),
        ("a timestamp", "Nor this one.", "forbidden-kind", "91d6ff00000000"),
        ("an extension with a length", "In its longer form.", "forbidden-kind", "91c7010000"),
        ("the byte 0xc1", "It means nothing in msgpack.", "forbidden-kind", "91c1"),
        ("nine arrays deep", "One more than may be.", "too-deep", deep.hex()),
        ("a byte that is no UTF-8", "0xff never occurs.", "not-utf8", "91a1ff"),
        ("an overlong form", "A slash in two bytes.", "not-utf8", "91a2c0af"),
        ("a surrogate", "U+D800 in three bytes.", "not-utf8", "91a3eda080"),
        ("above U+10FFFF", "There is no such character.", "not-utf8", "91a4f4908080"),
        ("a character cut", "Two of its three bytes.", "not-utf8", "91a2e282"),
    )
    cases = []
    for name, shows, reason, text in rows:
        data = bytes.fromhex(text)
        cases.append(invalid(name, shows, reason, partial(_unpack, data), bytes=text))
    large = codec.pack([b"a" * 27])
    assert len(large) == 30
    cases.append(
        invalid(
            "one byte too large",
            "The bound of each kind of message counts before anything is read; here it is 29 bytes.",
            "too-large",
            lambda: codec.unpack(large, size_max=29),
            "at most 29",
            bytes=large.hex(),
            size_max=29,
        )
    )
    return cases


def _unpack(data: bytes) -> list[Any]:
    return codec.unpack(data, size_max=SIZE_MAX)


LABELS = (
    ("dusk.key", "A public key; its first 16 bytes are the key id."),
    ("dusk.pairwise", "Cluster id, shared secret, lower and higher public key."),
    ("dusk.sealed-key", "The name, packed, and the inner part of a sealed user key."),
    ("dusk.join-line", "The body of a join line; its first 8 bytes are the checksum."),
    ("dusk.change", "A change's body."),
    ("dusk.value", "Salt and data of a value."),
    ("dusk.signatures", "The packed signatures of a change."),
    ("dusk.entry", "An entry."),
    ("dusk.chain", "The chain hash before, and the entry's digest."),
    ("dusk.head", "A packed head."),
    ("dusk.rest", "What a START says besides its head."),
    ("dusk.tag", "A cluster id; its first 8 bytes begin every datagram."),
    ("dusk.group-key", "Generation, removal and salt; its first 8 bytes are the id."),
    ("dusk.place", "A record's key."),
    ("dusk.record", "A value hash and a base."),
    ("dusk.derived", "A number in 8 bytes."),
    ("dusk.leaf", "Place and digest."),
    ("dusk.branch", "Sixteen hashes."),
)


def hashes() -> list[Case]:
    """Return the cases of `hashes.json`."""
    draw = Source("hashes")
    cases = [
        valid(
            label,
            shows,
            kind="labelled",
            label=label,
            data=(data := draw(20 + place)).hex(),
            hash=labelled_hash(label.encode(), data).hex(),
        )
        for place, (label, shows) in enumerate(LABELS)
    ]
    cases.append(
        valid("no data", "A label alone.", kind="labelled", label="dusk.x", data="", hash=_nothing().hex())
    )
    names = [f"set/network.lan.option{number}" for number in range(40)]
    cases += [_trie(f"{count} records", names[:count]) for count in (0, 1, 2, 3, 17, 40)]
    return [*cases, *_keyed()]


def _nothing() -> bytes:
    data = blake2b(b"dusk.x\0", digest_size=32).digest()
    assert data == labelled_hash(b"dusk.x")
    return data


def _trie(name: str, keys: Sequence[str]) -> Case:
    """Return the hash of a section with these records, deleted ones among them."""
    draw = Source(f"trie {len(keys)}")
    root: merkle.Node | None = None
    records = []
    for place, key in enumerate(keys):
        value_hash, base = None if place % 5 == 3 else draw(32), draw(32)
        digest = labelled_hash(b"dusk.record", value_hash or bytes(32), base)
        root = merkle.put(root, merkle.place_of(key.encode()), digest)
        records.append({"key": key, "value_hash": value_hash and value_hash.hex(), "base": base.hex()})
    return valid(
        f"a section of {name}",
        "The hash depends on the set alone, not on the order.",
        kind="section",
        records=records,
        hash=merkle.root_hash(root).hex(),
    )


def _keyed() -> list[Case]:
    draw = Source("keyed hashes")
    rows = (("network", b"config interface 'lan'\n"), ("dhcp", b""))
    return [
        valid(
            f"the file of {package} in a status",
            "BLAKE2b with 16 bytes, key and person string.",
            kind="file",
            key=(secret := draw(32)).hex(),
            package=package,
            content=content.hex(),
            hash=keyed_hash(secret, package, content).hex(),
        )
        for package, content in rows
    ]
