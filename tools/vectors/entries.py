"""`entries.json`: entries, heads and log items as bytes, one by one."""

from functools import partial
from typing import Any

from dusk import codec, limits
from dusk.changelog.certificate import decode_certificate, sign_ack
from dusk.changelog.entry import (
    Absent,
    Entry,
    EntryKind,
    Outcome,
    OutcomeCode,
    decode_entry,
    decode_signed_head,
    pack_head,
    sign_head,
)
from dusk.changelog.log import unpack_entry_item
from dusk.errors import UntrustedInput
from dusk.ids import BootId, ChainHash, ChangeId, ClusterId, DeviceId, Seq, labelled_hash
from tools.vectors.case import Case, Source, annotate, brief, invalid, key, valid
from tools.vectors.changes import _sample as sample_change
from tools.vectors.show import show_entry, show_head, show_signed_head

CLUSTER = ClusterId(Source("cluster of entries.json")(32))
_FIELDS = [
    "version",
    "generation",
    "mandate",
    "epoch",
    "seq",
    "previous chain hash",
    "writer",
    "boot id",
    "time in s",
    "clock trusted",
    "kind",
    "change id",
    "signatures hash",
    ("outcome", ["code", "by", "reason"]),
]


def entries() -> list[Case]:
    """Return the cases of `entries.json`."""
    return [*_good(), *_bad_entries(), *_heads(), *_certificates(), *_items()]


def _entry(**changed: Any) -> Entry:
    draw = Source("an entry")
    fields: dict[str, Any] = {
        "generation": 0,
        "mandate": 0,
        "epoch": 3,
        "seq": Seq(12),
        "previous": ChainHash(draw(32)),
        "writer": DeviceId(key("device").key_id),
        "boot": BootId(draw(8)),
        "time_s": 1_800_000_000,
        "clock_trusted": True,
        "kind": EntryKind.CHANGE,
        "change": ChangeId(draw(32)),
        "signatures": draw(32),
        "outcome": Outcome(OutcomeCode.APPLIED),
        "sections": (("cluster", draw(32)), ("policy/wifi", draw(32))),
        "derived": draw(32),
    }
    return Entry(**{**fields, **changed})


def _shown(name: str, shows: str, entry: Entry, **more: Any) -> Case:
    assert decode_entry(entry.encoded) == entry
    return valid(
        name,
        shows,
        kind="entry",
        bytes=entry.encoded.hex(),
        entry=show_entry(entry),
        digest=entry.digest.hex(),
        head=show_head(entry.head),
        **more,
    )


def _good() -> list[Case]:
    entry = _entry()
    row = codec.unpack(entry.encoded, size_max=limits.ENTRY_BYTES_MAX)
    pair = ("a section", ["path", "hash afterwards"])
    notes = ("entry", [*_FIELDS, ("sections", [pair] * 2), "hash of the derived state"])
    by = ChangeId(Source("the other change")(32))
    nothing: dict[str, Any] = {"change": None, "signatures": None, "sections": ()}
    largest = 2**53 - 1
    return [
        _shown("a change applied", "With two sections.", entry, annotated=annotate(row, notes)),
        _shown(
            "a change superseded",
            "By the change that is named; no sections.",
            _entry(outcome=Outcome(OutcomeCode.SUPERSEDED, by), sections=()),
        ),
        _shown(
            "superseded by nobody",
            "The record that the author saw never was.",
            _entry(outcome=Outcome(OutcomeCode.SUPERSEDED), sections=()),
        ),
        _shown("an epoch opened", "Without a change.", _entry(kind=EntryKind.OPEN, **nothing)),
        _shown(
            "largest numbers",
            "2^53 - 1 each; the clock is not trusted.",
            _entry(
                generation=largest,
                mandate=largest,
                epoch=largest,
                seq=largest,
                time_s=largest,
                clock_trusted=False,
            ),
        ),
        _shown(
            "sections in another order",
            "Well formed: the log compares them with its own, the form does not look.",
            _entry(sections=(("policy/wifi", bytes(32)), ("cluster", bytes(32)), ("cluster", bytes(32)))),
        ),
        _shown(
            "a device came back",
            "One item more: who was not heard, and for how many cycles.",
            _entry(absent=Absent(DeviceId(key("second").key_id), 36)),
        ),
        _shown(
            "a reserved kind",
            "Well formed: the log refuses it, the form does not.",
            _entry(kind=EntryKind.FREEZE, outcome=Outcome(OutcomeCode.REJECTED, None, "later"), **nothing),
        ),
    ]


def _bad_entries() -> list[Case]:
    row = codec.unpack(_entry().encoded, size_max=limits.ENTRY_BYTES_MAX)
    cases: list[Case] = []

    def bad(name: str, shows: str, reason: str, place: int, value: object, says: str) -> None:
        data = codec.pack([*row[:place], value, *row[place + 1 :]])
        cases.append(
            invalid(name, shows, reason, lambda: decode_entry(data), says, kind="entry", bytes=brief(data))
        )

    bad("version 0", "There is version 1.", "wrong-shape", 0, 0, "version")
    bad("a negative generation", "From 0.", "wrong-shape", 1, -1, "generation")
    bad("a mandate of 2^53", "To 2^53 - 1.", "wrong-shape", 2, 2**53, "mandate")
    bad("an epoch of 2^53", "The same (A5).", "wrong-shape", 3, 2**53, "epoch")
    bad("a seq that is text", "A number.", "wrong-shape", 4, "1", "seq")
    bad("a previous hash of 31 bytes", "It has 32.", "wrong-shape", 5, bytes(31), "previous")
    bad("a writer of 32 bytes", "A device id has 16.", "wrong-shape", 6, bytes(32), "writer")
    bad("a boot id of 16 bytes", "It has 8.", "wrong-shape", 7, bytes(16), "boot")
    bad("a time before 1970", "From 0.", "wrong-shape", 8, -1, "time")
    bad("a clock flag of 1", "A bool, not a number.", "wrong-shape", 9, 1, "clock")
    bad("kind 0", "Kinds begin at 1.", "unknown-kind", 10, 0, "kind")
    bad("kind 9", "Kinds end at 8.", "unknown-kind", 10, 9, "kind")
    bad("a change id of 16 bytes", "It has 32.", "wrong-shape", 11, bytes(16), "change id")
    bad("a signatures hash of 64 bytes", "It has 32.", "wrong-shape", 12, bytes(64), "signatures")
    bad("outcome 3", "0, 1 or 2.", "wrong-shape", 13, [3, None, ""], "outcome")
    bad("an outcome of two parts", "It has three.", "wrong-shape", 13, [0, None], "array of 3")
    bad("a reason of 65 bytes", "At most 64.", "too-large", 13, [2, None, "a" * 65], "reason")
    bad("a section without a hash", "A pair.", "wrong-shape", 14, [["cluster"]], "array of 2")
    bad(
        "a section hash of 31 bytes",
        "It has 32.",
        "wrong-shape",
        14,
        [["cluster", bytes(31)]],
        "section hash",
    )
    many = [["cluster", bytes(32)]] * 4097
    bad("4,097 sections", "At most 4,096.", "too-many", 14, many, "sections")
    bad("no derived hash", "Always there.", "wrong-shape", 15, None, "derived")
    cases.append(_large_entry(row))
    said = [bytes(16), 36]
    for name, fields in (
        ("15 fields", row[:15]),
        ("18 fields", [*row, said, said]),
        ("17 fields, the last of which is nil", [*row, None]),
        ("a word on a device of 15 bytes", [*row, [bytes(15), 36]]),
        ("a word without cycles", [*row, [bytes(16)]]),
        ("cycles below zero", [*row, [bytes(16), -1]]),
    ):
        data = codec.pack(fields)
        wrong = partial(decode_entry, data)
        cases.append(
            invalid(name, "16, or 17 with a pair.", "wrong-shape", wrong, kind="entry", bytes=brief(data))
        )
    return cases


def _large_entry(row: list[Any]) -> Case:
    """Return an entry with 1,500 sections of the longest path, in pieces: it is over the bound on bytes."""
    section = codec.pack(["a" * limits.SECTION_BYTES_MAX, bytes(32)])
    data = codec.pack([*row[:14], [["a" * limits.SECTION_BYTES_MAX, bytes(32)]] * 1500, row[15]])
    before = data.index(section)
    behind = data[before + 1500 * len(section) :]
    assert data == data[:before] + 1500 * section + behind
    pieces = [[data[:before].hex(), 1], [section.hex(), 1500], [behind.hex(), 1]]
    shows = "At most 262,144 bytes."
    wrong = partial(decode_entry, data)
    return invalid("an entry of 342,000 bytes", shows, "too-large", wrong, kind="entry", bytes=pieces)


def _heads() -> list[Case]:
    signer, head = key("device"), _entry().head
    signed = sign_head(signer, CLUSTER, head, bytes(32))
    started = sign_head(signer, CLUSTER, head, Source("a rest")(32))
    about = {"kind": "signed-head", "cluster": CLUSTER.hex(), "public": signer.public.hex()}
    notes = (
        "signed head",
        [("head", ["generation", "mandate", "epoch", "seq", "chain hash"]), "rest", "signature"],
    )
    row = codec.unpack(signed.encode(), size_max=512)
    covered = labelled_hash(b"dusk.head", pack_head(head))
    cases = [
        valid(
            "a signed head",
            "Rest is 32 zeros: nothing was sent around it.",
            **about,
            bytes=signed.encode().hex(),
            signed_head=show_signed_head(signed),
            signed=(covered + signed.rest).hex(),
            annotated=annotate(row, notes),
        ),
        valid(
            "the signed head of a START",
            "Rest is the hash of what the START says besides.",
            **about,
            bytes=started.encode().hex(),
            signed_head=show_signed_head(started),
            signed=(covered + started.rest).hex(),
        ),
    ]

    def verified(data: bytes, public: bytes = signer.public, cluster: ClusterId = CLUSTER) -> None:
        if not decode_signed_head(data).signed_by(public, cluster):
            raise UntrustedInput("not signed")

    def bad(name: str, reason: str, fields: list[Any], says: str) -> None:
        data = codec.pack(fields)
        cases.append(
            invalid(name, "Refused.", reason, lambda: verified(data), says, **about, bytes=data.hex())
        )

    other = sign_head(key("owner"), CLUSTER, head, bytes(32))
    elsewhere = sign_head(signer, ClusterId(bytes(32)), head, bytes(32))
    bad("signed by another key", "bad-signature", [row[0], row[1], other.signature], "not signed")
    bad("signed for another cluster", "bad-signature", [row[0], row[1], elsewhere.signature], "not signed")
    bad("another rest", "bad-signature", [row[0], bytes(31) + b"\1", row[2]], "not signed")
    bad("another position", "bad-signature", [[0, 0, 3, 13, row[0][4]], row[1], row[2]], "not signed")
    bad("a head of four", "wrong-shape", [row[0][:4], row[1], row[2]], "array of 5")
    bad("a rest of 31 bytes", "wrong-shape", [row[0], bytes(31), row[2]], "rest")
    bad("a signature of 63 bytes", "wrong-shape", [row[0], row[1], row[2][:63]], "signature")
    return cases


def _certificates() -> list[Case]:
    head = _entry().head
    signers = sorted((key("device"), key("second")), key=lambda one: one.key_id)
    acks: list[list[bytes]] = [[one.key_id, sign_ack(one, CLUSTER, head)] for one in signers]
    row: list[list[Any]] = [[head.generation, head.mandate, head.epoch, head.seq, head.chain], acks]
    notes = (
        "certificate",
        [
            ("head", ["generation", "mandate", "epoch", "seq", "chain hash"]),
            ("acknowledgements", [(f"acknowledgement {at}", ["device", "signature"]) for at in (1, 2)]),
        ],
    )
    cases = [
        valid(
            "a certificate",
            "Sorted by device id; here nothing is verified.",
            kind="certificate",
            bytes=codec.pack(row).hex(),
            head=show_head(head),
            acks=[[device.hex(), ack.hex()] for device, ack in acks],
            annotated=annotate(row, notes),
        )
    ]
    many = [[bytes([number]) * 16, bytes(64)] for number in range(33)]
    bad: tuple[tuple[str, str, str, list[Any], str], ...] = (
        ("no acknowledgement", "1 to 32.", "wrong-shape", [row[0], []], "1 to 32"),
        ("33 acknowledgements", "1 to 32.", "too-many", [row[0], many], "1 to 32"),
        ("one device twice", "None twice.", "order", [row[0], [acks[0], acks[0]]], "twice"),
        ("a certificate not sorted", "By device id.", "order", [row[0], acks[::-1]], "sorted"),
        ("a certificate of three", "Two items.", "wrong-shape", [*row, b""], "array of 2"),
        ("a device of 15 bytes", "16.", "wrong-shape", [row[0], [[bytes(15), bytes(64)]]], "16"),
        ("an acknowledgement of 63 bytes", "64.", "wrong-shape", [row[0], [[bytes(16), bytes(63)]]], "64"),
        ("a certificate for a head of four", "Five items.", "wrong-shape", [row[0][:4], acks], "array of 5"),
    )
    for name, shows, reason, fields, says in bad:
        data = codec.pack(fields)
        wrong = partial(decode_certificate, data)
        cases.append(invalid(name, shows, reason, wrong, says, kind="certificate", bytes=data.hex()))
    return cases


def _items() -> list[Case]:
    change = sample_change()
    entry = _entry(change=change.id, signatures=change.signatures_hash)
    opened = _entry(kind=EntryKind.OPEN, change=None, signatures=None, sections=())
    other = sample_change("another message")
    rows: tuple[tuple[str, str, list[Any]], ...] = (
        ("an entry with its change", "As on the disk and on the wire.", [entry.encoded, change.encode()]),
        ("an entry without a change", "nil stands there.", [opened.encoded, None]),
    )
    cases = [
        valid(
            name,
            shows,
            kind="item",
            bytes=codec.pack(row).hex(),
            entry=row[0].hex(),
            change=row[1] and row[1].hex(),
        )
        for name, shows, row in rows
    ]
    bad = (
        ("the change is missing", "entry-without-change", [entry.encoded, None], "missing"),
        ("another change", "other-change", [entry.encoded, other.encode()], "another change"),
        ("a change that nobody named", "other-change", [opened.encoded, change.encode()], "another change"),
        (
            "other signatures",
            "other-change",
            [_entry(change=change.id).encoded, change.encode()],
            "another change",
        ),
        ("an entry alone", "wrong-shape", [entry.encoded], "array of 2"),
        ("an array inside", "wrong-shape", [codec.unpack(opened.encoded, size_max=1000), None], "entry"),
    )
    for name, reason, fields, says in bad:
        data = codec.pack(fields)
        wrong = partial(unpack_entry_item, data)
        cases.append(invalid(name, "Refused.", reason, wrong, says, kind="item", bytes=data.hex()))
    return cases
