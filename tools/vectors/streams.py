"""`catchup.json`: what is said inside a stream."""

from collections.abc import Sequence
from functools import partial

from dusk import codec
from dusk.catchup import messages
from dusk.catchup.chunks import locator_positions
from dusk.catchup.questions import Ask
from dusk.changelog.basis import Plan
from dusk.changelog.removal import check, prove, read
from dusk.changelog.sections import device_path
from dusk.effects import Address, Question, Told
from dusk.ids import ChainHash, ChangeId, DeviceId, Seq
from tools.vectors.case import Case, annotate, brief, invalid, key, valid
from tools.vectors.cluster import SECOND, Cluster
from tools.vectors.secret_values import (
    BAD_SECRET_REPLIES,
    BAD_SECRET_REQUESTS,
    secret_replies,
    secret_requests,
)
from tools.vectors.show import Json, hexed
from tools.vectors.statuses import group_keys, sample_status
from tools.vectors.told import told

DEVICE = DeviceId(SECOND.key_id)
AFTER = ChangeId(bytes(range(32)))

Answer = tuple[str, str, messages.Reply, Json]
"""Name, what it shows, answer, what it says."""


def _where() -> tuple[str, str, messages.Request, Json]:
    rows = (
        (DeviceId(bytes(16)), Address("198.51.100.7", 3875)),
        (DeviceId(b"\1" * 16), Address("2001:db8::7", 40000)),
    )
    said = {"rows": [[device.hex(), at.host, at.port] for device, at in rows]}
    return "ADDRESSES", "Where two members are, by rising id.", messages.Addresses(rows), said


def catchup(cluster: Cluster) -> list[Case]:
    """Return the cases of `catchup.json`."""
    return [
        *_requests(cluster),
        *_replies(cluster),
        *_bad_requests(),
        *_bad_replies(),
        *_locators(),
        *told(cluster.id),
    ]


def _report_requests() -> list[tuple[str, str, messages.Request, Json]]:
    return [
        (
            "GET REPORTS, first page",
            "Behind no device.",
            messages.GetReports(b""),
            {"after": "", "waiting": ""},
        ),
        (
            "GET REPORTS, next page",
            "Behind a device, and behind one that waits.",
            messages.GetReports(DEVICE, bytes(16)),
            {"after": DEVICE.hex(), "waiting": bytes(16).hex()},
        ),
    ]


def _piecemeal_requests(chain: ChainHash) -> list[tuple[str, str, messages.Request, Json]]:
    return [
        (
            "GET BRANCH",
            "From its first item on.",
            messages.GetBranch(chain, 0),
            {"chain": chain.hex(), "first": 0},
        ),
        (
            "GET BRANCH, the rest",
            "Behind 300 items.",
            messages.GetBranch(chain, 300),
            {"chain": chain.hex(), "first": 300},
        ),
        (
            "GET PIECE",
            "The third one of the checkpoint at 256.",
            messages.GetPiece(Seq(256), 2),
            {"seq": 256, "piece": 2},
        ),
        _where(),
        *secret_requests(),
        *_questions(),
    ]


def _questions() -> list[tuple[str, str, messages.Request, Json]]:
    return [
        (
            "ASK",
            "A question with nothing but its word.",
            Ask(Question("health")),
            {"question": "health", "argument": "", "reader": ""},
        ),
        (
            "ASK for a reader",
            "What it brings along, and for whom the answer is to be sealed.",
            Ask(Question("where", bytes(16), b"somebody")),
            {"question": "where", "argument": bytes(16).hex(), "reader": b"somebody".hex()},
        ),
    ]


def _told() -> list[Answer]:
    return [
        (
            "TOLD",
            "An answer.",
            Told(data=b"an answer"),
            {"word": "", "reason": "", "data": b"an answer".hex(), "sealed": False},
        ),
        (
            "TOLD, sealed",
            "An answer that its reader alone can open.",
            Told(data=b"a box", is_sealed=True),
            {"word": "", "reason": "", "data": b"a box".hex(), "sealed": True},
        ),
        (
            "TOLD, no answer",
            "A word, and a line for people.",
            Told("too-often", "ask again later"),
            {"word": "too-often", "reason": "ask again later", "data": "", "sealed": False},
        ),
    ]


def _requests(cluster: Cluster) -> list[Case]:
    change = cluster.steps[10].change
    assert change is not None
    status = sample_status().sign(SECOND, cluster.id)
    positions = tuple(
        messages.Position(Seq(seq), cluster.steps[seq - 1].entry.head.chain)
        for seq in locator_positions(Seq(26))
    )
    rows: tuple[tuple[str, str, messages.Request, Json], ...] = (
        (
            "LOCATE",
            "The locator of a log with 26 entries.",
            messages.Locate(positions),
            {"positions": [[p.seq, p.chain.hex()] for p in positions]},
        ),
        ("LOCATE of an empty log", "No positions.", messages.Locate(()), {"positions": []}),
        ("FETCH", "From position 7 on.", messages.Fetch(Seq(7)), {"first": 7}),
        ("KEYS asked for", "No fields.", messages.GetKeys(), {}),
        ("JOIN", "A request to be made.", messages.Join(change.encode()), {"change": change.encode().hex()}),
        (
            "SUBMIT",
            "A change that follows none.",
            messages.Submit(change.encode()),
            {"change": change.encode().hex(), "after": None},
        ),
        (
            "SUBMIT of one that follows another",
            "A change, and the one that goes before it.",
            messages.Submit(change.encode(), AFTER),
            {"change": change.encode().hex(), "after": AFTER.hex()},
        ),
        *_report_requests(),
        (
            "REPORT",
            "A signed status.",
            messages.Report(DEVICE, status),
            {"device": DEVICE.hex(), "status": status.hex()},
        ),
        *_piecemeal_requests(positions[0].chain),
    )
    cases = []
    for name, shows, request, said in rows:
        data = messages.encode(request)
        assert messages.decode_request(data) == request
        cases.append(valid(name, shows, kind="request", bytes=data.hex(), message=said))
    row = codec.unpack(messages.encode(messages.Locate(positions)), size_max=4096)
    position = ("a position", ["seq", "chain hash"])
    notes = ("request", ["LOCATE", ("positions", [position] * len(positions))])
    cases[0]["annotated"] = annotate(row, notes)
    return cases


def _replies(cluster: Cluster) -> list[Case]:
    cases = []
    for name, shows, reply, said in (*_of_logs(cluster), *_of_others(cluster)):
        data = messages.encode(reply)
        assert messages.decode_reply(data) == reply
        cases.append(valid(name, shows, kind="answer", bytes=data.hex(), message=said))
    items = [("an item", ["1: an entry", "with its change"]), ("an item", ["2: a signed head", "its bytes"])]
    row = codec.unpack(bytes.fromhex(cases[2]["bytes"]), size_max=65536)
    cases[2]["annotated"] = annotate(row, ("answer", ["ITEMS", ("items", items), "more"]))
    return cases


def _proven(cluster: Cluster) -> Answer:
    """Return what a device is told that was off when owners removed it."""
    world, gone = cluster.branch(cluster.marks["approvals"]), DeviceId(key("reset device").key_id)
    section, owners = device_path(gone), (key("owner"), key("carol anew"))
    edits = (world.edit(section, "retired", [True]), world.edit(section, "wipe", [True]))
    world.write("removed", "", world.change(*edits, signers=owners))
    world.write("another", "", world.change(world.edit("cluster", "name", ["x"]), signers=owners))
    first, second = world.steps[-2:]
    proof = prove((first.item, second.item, second.head), gone)
    assert proof is not None
    removal = read(proof)
    check(cluster.log.state, cluster.replica(cluster.marks["approvals"]).head, gone, removal)
    said = {
        "seq": removal.entry.seq,
        "names_its_change": True,
        "removes": sorted([[section, "retired"], [section, "wipe"]]),
        "signers": [signature.key_id.hex() for signature in removal.change.signatures],
        "head_is_behind": True,
    }
    shows = "With a proof: the entry, its change without values, a digest, and a signed head."
    return "REMOVED with a proof", shows, messages.Removed(proof), {"proof": said}


def _of_logs(cluster: Cluster) -> tuple[Answer, ...]:
    step = cluster.steps[5]
    items = (step.item, step.head)
    return (
        (
            "COMMON",
            "A common position and the newest signed head.",
            messages.Common(Seq(7), step.head.data),
            {"seq": 7, "newest": step.head.data.hex()},
        ),
        (
            "COMMON of an empty log",
            "Nothing in common, no head.",
            messages.Common(Seq(0), None),
            {"seq": 0, "newest": None},
        ),
        (
            "ITEMS",
            "An entry and a signed head, and there is more.",
            messages.Items(items, more=True),
            {"items": [[int(i.kind), i.data.hex()] for i in items], "more": True},
        ),
        ("ITEMS, none", "The reader has all.", messages.Items((), more=False), {"items": [], "more": False}),
    )


def _of_others(cluster: Cluster) -> tuple[Answer, ...]:
    ring = group_keys().encode()
    row = messages.ReportRow(DEVICE, sample_status().sign(SECOND, cluster.id), b"\x90", Seq(26), 1500)
    reports = (messages.ReportRow(DeviceId(bytes(16)), None, None, Seq(0), None), row)
    return (
        ("KEYS", "The ring of group keys.", messages.Keys(ring), {"ring": ring.hex()}),
        ("KEYS, none", "Empty.", messages.Keys(b""), {"ring": ""}),
        (
            "ANSWER applied",
            "At its position.",
            messages.Answer("applied", Seq(12), ""),
            {"code": "applied", "seq": 12, "reason": ""},
        ),
        (
            "ANSWER refused",
            "A word, no position, a line.",
            messages.Answer("outside-grant", Seq(0), "no"),
            {"code": "outside-grant", "seq": 0, "reason": "no"},
        ),
        ("REMOVED", "And the end.", messages.Removed(), {}),
        _proven(cluster),
        (
            "REPORTS",
            "Sorted by device.",
            messages.Reports(reports, more=False),
            {"rows": [_said(report) for report in reports], "waiting": [], "more": False},
        ),
        (
            "REPORTS of who waits",
            "Behind the devices.",
            messages.Reports((), True, (messages.WaitingRow(DEVICE, b"asked", "approval-needed", 9, 5),)),
            {
                "rows": [],
                "waiting": [
                    {
                        "device": DEVICE.hex(),
                        "request": b"asked".hex(),
                        "why": "approval-needed",
                        "asked": 9,
                        "seen": 5,
                    }
                ],
                "more": True,
            },
        ),
        (
            "COMPACTED",
            "A checkpoint in two pieces.",
            messages.Compacted(Plan(Seq(256), (bytes(range(32)), bytes(32)))),
            {"seq": 256, "hashes": [bytes(range(32)).hex(), bytes(32).hex()]},
        ),
        ("PIECE", "Its bytes.", messages.Piece(b"a piece"), {"piece": b"a piece".hex()}),
        *secret_replies(),
        *_told(),
    )


def _said(row: messages.ReportRow) -> Json:
    return {
        "device": row.device.hex(),
        "status": hexed(row.status),
        "health": hexed(row.health),
        "seq": row.stored,
        "age_ms": row.age_ms,
    }


def _bad(kind: str, rows: Sequence[tuple[str, object]]) -> list[Case]:
    read = messages.decode_request if kind == "request" else messages.decode_reply
    cases = []
    for name, row in rows:
        data = row if isinstance(row, bytes) else codec.pack(row)  # type: ignore[arg-type]  # arrays of any kind
        wrong = partial(read, data)
        cases.append(
            invalid(
                f"{kind}: {name}", "It ends the stream.", "wrong-shape", wrong, kind=kind, bytes=brief(data)
            )
        )
    return cases


def _bad_requests() -> list[Case]:
    chain = bytes(32)
    return _bad(
        "request",
        (
            ("empty", []),
            ("kind 0", [0]),
            ("kind 13", [13]),
            ("ASK of a word of 64 bytes", [12, "a" * 64, b"", b""]),
            ("ASK with 4,097 bytes", [12, "health", bytes(4097), b""]),
            ("ASK for a reader of 257 bytes", [12, "health", b"", bytes(257)]),
            ("ASK for no reader", [12, "health", b""]),
            ("ADDRESSES of a name", [10, [[bytes(16), "router", 3875]]]),
            ("ADDRESSES of one link", [10, [[bytes(16), "fe80::1%lan", 3875]]]),
            ("ADDRESSES, port 0", [10, [[bytes(16), "198.51.100.7", 0]]]),
            (
                "ADDRESSES, one member twice",
                [10, [[bytes(16), "198.51.100.7", 1], [bytes(16), "198.51.100.8", 1]]],
            ),
            ("ADDRESSES of 257", [10, [[n.to_bytes(16, "big"), "198.51.100.7", 1] for n in range(257)]]),
            *BAD_SECRET_REQUESTS,
            ("GET PIECE at 0", [9, 0, 0]),
            ("GET PIECE of a hash", [9, chain, 0]),
            ("GET PIECE 140", [9, 256, 140]),
            ("GET PIECE without a number", [9, 256]),
            ("an answer", [21]),
            ("kind as text", ["1", []]),
            ("LOCATE without positions", [1]),
            ("LOCATE of position 0", [1, [[0, chain]]]),
            ("LOCATE of a short hash", [1, [[1, chain[:31]]]]),
            ("LOCATE of 65 positions", [1, [[n, chain] for n in range(1, 66)]]),
            ("FETCH from 0", [2, 0]),
            ("FETCH from 2^53", [2, 2**53]),
            ("KEYS with a field", [3, None]),
            ("JOIN with text", [4, "change"]),
            ("SUBMIT without what goes before it", [5, b""]),
            ("SUBMIT behind 31 bytes", [5, b"", bytes(31)]),
            ("GET REPORTS behind 17 bytes", [6, bytes(17), b""]),
            ("GET REPORTS behind nobody who waits", [6, b""]),
            ("REPORT of a device of 15 bytes", [7, bytes(15), b""]),
            ("REPORT of 16,385 bytes", [7, bytes(16), bytes(16_385)]),
            ("GET BRANCH without a place", [8, chain]),
            ("GET BRANCH of a hash of 31 bytes", [8, chain[:31], 0]),
            ("GET BRANCH of a place below 0", [8, chain, -1]),
            ("GET BRANCH of 2^53", [8, chain, 2**53]),
            ("GET BRANCH of nil", [8, None, 0]),
            ("a byte behind", b"\x91\x03\0"),
            ("a change of 262,145 bytes", [5, bytes(262_145)]),
        ),
    )


def _bad_replies() -> list[Case]:
    return _bad(
        "answer",
        (
            ("empty", []),
            ("kind 16", [16]),
            ("kind 27", [27]),
            ("TOLD with a word of 64 bytes", [26, "a" * 64, "", b"", False]),
            ("TOLD with a reason of 513 bytes", [26, "busy", "a" * 513, b"", False]),
            ("TOLD with 557,057 bytes", [26, "", "", bytes(557_057), False]),
            ("TOLD, sealed as a number", [26, "", "", b"", 1]),
            ("TOLD without a word on seals", [26, "", "", b""]),
            *BAD_SECRET_REPLIES,
            ("COMPACTED at 0", [23, 0, [bytes(32)]]),
            ("COMPACTED without pieces", [23, 256, []]),
            ("COMPACTED of 561 pieces", [23, 256, [bytes(32)] * 561]),
            ("COMPACTED of a short hash", [23, 256, [bytes(31)]]),
            ("PIECE of 60,001 bytes", [24, bytes(60_001)]),
            ("PIECE of nil", [24, None]),
            ("a request", [3]),
            ("COMMON below 0", [17, -1, None]),
            ("COMMON with a head of 513 bytes", [17, 1, bytes(513)]),
            ("ITEMS of kind 0", [18, [[0, b""]], False]),
            ("ITEMS of kind 4", [18, [[4, b""]], False]),
            ("ITEMS without more", [18, []]),
            ("ITEMS with more as a number", [18, [], 1]),
            ("KEYS of 1,025 bytes", [19, bytes(1025)]),
            ("ANSWER with a code of 64 bytes", [20, "a" * 64, 0, ""]),
            ("ANSWER with a reason of 513 bytes", [20, "a", 0, "a" * 513]),
            ("REMOVED with a field", [21, 1]),
            ("REPORTS with an age below 0", [22, [[bytes(16), None, None, 0, -1]], [], False]),
            ("REPORTS with a health of 129 bytes", [22, [[bytes(16), None, bytes(129), 0, None]], [], False]),
            ("REPORTS with a row of four", [22, [[bytes(16), None, None, 0]], [], False]),
            ("REPORTS with a request of 4,097 bytes", [22, [], [[bytes(16), bytes(4097), "", 0, 0]], False]),
            ("REPORTS without who waits", [22, [], False]),
        ),
    )


def _locators() -> list[Case]:
    return [
        valid(
            f"the locator of {head} entries",
            "The head, minus 1, 2, 4, …, and position 1.",
            kind="locator",
            head=head,
            positions=list(locator_positions(Seq(head))),
        )
        for head in (0, 1, 2, 3, 10, 1000)
    ]
