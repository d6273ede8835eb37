"""`changes.json`: changes as bytes."""

from typing import Any

from dusk import codec, limits
from dusk.changelog.body import CHANGE_LABEL, Body, Change, Edit, Operation, build_change, decode_change
from dusk.ids import ChangeId, ClusterId, DeviceId, labelled_hash
from tools.vectors.case import Case, Source, annotate, brief, invalid, key, valid
from tools.vectors.show import show_change

CLUSTER = ClusterId(Source("cluster of changes.json")(32))
BASE = ChangeId(Source("a change before")(32))
_ROW_OF_BODY = ["version", "cluster id", "author", "device", "counter", "message"]


def changes() -> list[Case]:
    """Return the cases of `changes.json`."""
    return [*_good(), *_bad_changes(), *_bad_bodies()]


def _sample(message: str = "wider channel") -> Change:
    edits = (
        Edit("cluster", "name", codec.pack(["home"]), BASE),
        Edit("group/attic", "made", codec.pack([True]), None),
        Edit("policy/wifi", "set/wireless.radio0.channel", None, BASE),
    )
    return _built(edits, message=message)


def _built(edits: tuple[Edit, ...], *, counter: int = 7, message: str = "", signers: int = 2) -> Change:
    return build_change(
        cluster=CLUSTER,
        device=DeviceId(key("device").key_id),
        counter=counter,
        message=message,
        edits=edits,
        signers=[key("owner"), key("second owner"), key("device")][:signers],
        random_bytes=Source(f"salts {message} {counter}"),
    )


def _good() -> list[Case]:
    sample = _sample()
    short = _built((Edit("cluster", "name", codec.pack(["a"]), None),), signers=1)
    unsigned = Change(short.body_bytes, (), short.values)
    edge = _built(
        (Edit("cluster", "var/long", codec.pack(["x" * (limits.VALUE_BYTES_MAX - 4)]), None),),
        counter=2**53 - 1,
        message="€" * 341,
        signers=1,
    )
    any_data = _built((Edit("no/such/section", "no record", b"\xff\0", BASE),), counter=0, signers=1)
    return [
        valid(
            "a change",
            "Three operations, one of them a deletion; two signatures.",
            bytes=sample.encode().hex(),
            body=sample.body_bytes.hex(),
            change=show_change(sample),
            annotated=_annotated(sample),
            annotated_body=_annotated_body(sample.body_bytes),
        ),
        valid("one operation", "The least.", bytes=short.encode().hex(), change=show_change(short)),
        valid(
            "without signatures",
            "Well formed; the log refuses it later.",
            bytes=unsigned.encode().hex(),
            change=show_change(unsigned),
        ),
        valid(
            "the largest value, counter and message",
            "65,536 bytes, 2^53 - 1, 1,023 bytes.",
            bytes=brief(edge.encode()),
            change={**show_change(edge), "values": "left out here"},
        ),
        valid(
            "what no section has",
            "Sections, records and values are judged by the log, not by the form of a change.",
            bytes=any_data.encode().hex(),
            change=show_change(any_data),
        ),
    ]


def _annotated(change: Change) -> list[list[str]]:
    row = codec.unpack(change.encode(), size_max=limits.CHANGE_BYTES_MAX)
    signature = ("a signature", ["key id", "signature"])
    value = ("a value", ["salt", "data"])
    return annotate(
        row,
        (
            "change",
            [
                "body, see annotated_body",
                ("signatures", [signature] * len(row[1])),
                ("values", ["of a deletion" if item is None else value for item in row[2]]),
            ],
        ),
    )


def _annotated_body(body: bytes) -> list[list[str]]:
    row = codec.unpack(body, size_max=limits.CHANGE_BYTES_MAX)
    operation = ("an operation", ["section", "record key", "value hash", "base"])
    return annotate(row, ("body", [*_ROW_OF_BODY, ("operations", [operation] * len(row[6]))]))


def _bad_changes() -> list[Case]:
    sample = codec.unpack(_sample().encode(), size_max=limits.CHANGE_BYTES_MAX)
    body, signatures, values = sample
    name, made, deleted = values
    (first, second) = signatures
    salted = [bytes(16), name[1]]
    cases: list[Case] = []

    def bad(name: str, shows: str, reason: str, row: list[Any], says: str) -> None:
        data = codec.pack(row)
        cases.append(invalid(name, shows, reason, lambda: decode_change(data), says, bytes=brief(data)))

    bad("two parts", "A change has three.", "wrong-shape", [body, signatures], "array of 3")
    bad("a body that is text", "It is a byte string.", "wrong-shape", ["body", signatures, values], "body")
    shows = "Sorted by key id."
    bad("signatures in the wrong order", shows, "order", [body, [second, first], values], "sorted")
    bad("one signature twice", "Each key signs once.", "order", [body, [first, first], values], "one twice")
    rows = [body, [first, [*second, 1]], values]
    bad("a signature of three parts", "It has two.", "wrong-shape", rows, "array of 2")
    rows = [body, [[first[0], first[1][:63]], second], values]
    bad("a signature of 63 bytes", "It has 64.", "wrong-shape", rows, "64 bytes")
    rows = [body, [[first[0][:15], first[1]], second], values]
    bad("a key id of 15 bytes", "It has 16.", "wrong-shape", rows, "16 bytes")
    many = [[number.to_bytes(16, "big"), bytes(64)] for number in range(33)]
    bad("33 signatures", "At most 32.", "too-many", [body, many, values], "at most 32")
    bad(
        "a value is missing",
        "One for each operation.",
        "values",
        [body, signatures, values[:2]],
        "one for each",
    )
    bad("a value too many", "The same.", "values", [body, signatures, [*values, None]], "one for each")
    rows = [body, signatures, [made, name, deleted]]
    bad("values exchanged", "In the order of the operations.", "values", rows, "not the one that was signed")
    rows = [body, signatures, [salted, made, deleted]]
    bad("another salt", "The salt is part of the hash.", "values", rows, "not the one that was signed")
    rows = [body, signatures, [None, made, deleted]]
    bad("no value where one was signed", "It would be a deletion.", "values", rows, "not the one that")
    rows = [body, signatures, [name, made, name]]
    bad("a value for a deletion", "Nothing was signed for it.", "values", rows, "not the one that")
    rows = [body, signatures, [[name[0][:15], name[1]], made, deleted]]
    bad("a salt of 15 bytes", "It has 16.", "wrong-shape", rows, "salt")
    rows = [body, signatures, [[name[0], "text"], made, deleted]]
    bad("data that is text", "It is a byte string.", "wrong-shape", rows, "value")
    big = [bytes(16), bytes(limits.VALUE_BYTES_MAX + 1)]
    bad(
        "a value of 65,537 bytes",
        "At most 65,536.",
        "too-large",
        [body, signatures, [big, made, deleted]],
        "value",
    )
    cut = codec.pack(sample)[:-1]
    cases.append(invalid("cut", "By one byte.", "encoding", lambda: decode_change(cut), bytes=cut.hex()))
    cases.append(_too_large())
    return cases


def _too_large() -> Case:
    """Return a change that is over the bound by its values alone, given by its length."""
    value = codec.pack([b"x" * 65_520])
    edits = tuple(Edit("cluster", f"var/n{number}", value, None) for number in range(4))
    salts = [bytes(16)] * 4
    operations = tuple(
        Operation(e.section, e.key, labelled_hash(b"dusk.value", salt, value), None)
        for e, salt in zip(edits, salts, strict=True)
    )
    who = key("owner").key_id
    body = Body(CLUSTER, who, DeviceId(key("device").key_id), 1, "", operations).encode()
    data = codec.pack([body, [], [[salt, value] for salt in salts]])
    assert len(data) > limits.CHANGE_BYTES_MAX
    return invalid(
        "over 262,144 bytes",
        "Each value is small enough; the change is not.",
        "too-large",
        lambda: decode_change(data),
        "at most",
        bytes=brief(data),
    )


def _bad_bodies() -> list[Case]:
    sample = _sample()
    row = codec.unpack(sample.body_bytes, size_max=limits.CHANGE_BYTES_MAX)
    first, second, third = row[6]
    values = [[v.salt, v.data] if v else None for v in sample.values]
    cases: list[Case] = []

    def bad(
        name: str, shows: str, reason: str, body: list[Any], says: str, given: list[Any] = values
    ) -> None:
        packed = codec.pack(body)
        signers = sorted((key("owner"), key("second owner")), key=lambda k: k.key_id)
        signed = [[k.key_id, k.sign(CHANGE_LABEL, CLUSTER, packed)] for k in signers]
        data = codec.pack([packed, signed, given])
        cases.append(invalid(name, shows, reason, lambda: decode_change(data), says, bytes=brief(data)))

    def put(place: int, value: object) -> list[Any]:
        return [*row[:place], value, *row[place + 1 :]]

    def operation(place: int, value: object) -> list[Any]:
        return put(6, [[*first[:place], value, *first[place + 1 :]], second, third])

    bad("version 2", "There is one version.", "wrong-shape", put(0, 2), "version")
    bad("version true", "A bool is no number.", "wrong-shape", put(0, value=True), "version")
    bad("a cluster id of 31 bytes", "It has 32.", "wrong-shape", put(1, CLUSTER[:31]), "cluster")
    bad("an author of 32 bytes", "A key id has 16.", "wrong-shape", put(2, bytes(32)), "author")
    bad("no device", "There is always one.", "wrong-shape", put(3, None), "device")
    bad("a counter of -1", "From 0.", "wrong-shape", put(4, -1), "counter")
    bad("a counter of 2^53", "To 2^53 - 1.", "wrong-shape", put(4, 2**53), "counter")
    bad("a message of 1,025 bytes", "At most 1,024.", "too-large", put(5, "a" * 1025), "message")
    bad("a message of bytes", "It is text.", "wrong-shape", put(5, b"hello"), "message")
    bad("six fields", "There are seven.", "wrong-shape", row[:6], "array of 7")
    bad("no operations", "At least one.", "wrong-shape", put(6, []), "no operations", [])
    twice = put(6, [first, second, [*first[:2], None, None]])
    bad("a record twice", "Set and deleted in one change.", "record-twice", twice, "stands twice")
    bad(
        "an operation of three parts",
        "It has four.",
        "wrong-shape",
        put(6, [first[:3], second, third]),
        "array",
    )
    bad("a value hash of 31 bytes", "It has 32.", "wrong-shape", operation(2, bytes(31)), "value hash")
    bad("a base of 33 bytes", "It has 32.", "wrong-shape", operation(3, bytes(33)), "base")
    bad("a section of 192 bytes", "At most 191.", "too-large", operation(0, "a" * 192), "section")
    bad("a record key of 513 bytes", "At most 512.", "too-large", operation(1, "a" * 513), "record key")
    many = [["cluster", "name", None, None]] * 4097
    bad("4,097 operations", "At most 4,096.", "too-many", put(6, many), "at most 4096", [None] * 4097)
    return cases
