"""The cases of `datagrams.json` that are dropped: what does not authenticate, and what is out of shape."""

from collections.abc import Callable
from typing import Any

from dusk import codec
from dusk.cycle import messages
from dusk.cycle.far_messages import decode_bundle, decode_repeat
from dusk.cycle.messages import Kind
from dusk.cycle.questions import decode_forward, decode_hello, decode_refer
from tools.vectors.case import invalid, key
from tools.vectors.cluster import MASTER, SECOND, STRANGER
from tools.vectors.scene import Scene


def unsealed(scene: Scene) -> None:
    """Add what does not authenticate."""
    start = next(case for case in scene.cases if case["name"] == "START")
    respond = next(case for case in scene.cases if case["name"] == "RESPOND")
    group, pair = bytes.fromhex(start["datagram"]), bytes.fromhex(respond["datagram"])

    def changed(data: bytes, place: int) -> bytes:
        return data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]

    bad = scene.refuse
    bad("nothing", "No bytes.", "wrong-size", b"", SECOND)
    shows = "It authenticates, but no byte is sealed."
    nothing = scene.sealed("nothing sealed", Kind.START, b"", MASTER, SECOND)
    bad("nothing sealed for all", shows, "wrong-size", nothing, SECOND)
    nothing = scene.sealed("nothing sealed to one", Kind.RESPOND, b"", SECOND, MASTER)
    bad("nothing sealed for one", shows, "wrong-size", nothing, MASTER)
    bad("1,201 bytes", "At most 1,200.", "wrong-size", group + bytes(1201 - len(group)), SECOND)
    bad("another cluster", "Another tag.", "other-cluster", changed(group, 0), SECOND)
    bad("kind 0", "Kinds begin at 1.", "unknown-kind", group[:8] + b"\0" + group[9:], SECOND)
    bad("kind 15", "Kinds end at 14.", "unknown-kind", group[:8] + b"\x0f" + group[9:], SECOND)
    shows = "A START under it is a reason to catch up."
    bad("an unknown group key", shows, "unknown-key", changed(group, 9), SECOND)
    data = group[:8] + bytes((Kind.DATA,)) + group[9:]
    bad("a START called DATA", "The kind is associated.", "not-authentic", data, SECOND)
    bad("a changed nonce", "It is associated, and used.", "not-authentic", changed(group, 20), SECOND)
    bad("a changed byte", "Of the ciphertext.", "not-authentic", changed(group, 60), SECOND)
    bad("a changed tag", "At the end.", "not-authentic", changed(group, len(group) - 1), SECOND)
    bad("cut by one byte", "At the end.", "not-authentic", group[:-1], SECOND)
    bad("played back to its sender", "A12: the sender's own.", "not-a-member", pair, SECOND)
    shows = "The receiver is associated."
    other = scene.sealed("to another", Kind.RESPOND, b"\x90", SECOND, key("third device"))
    bad("for another device", shows, "not-authentic", other, MASTER)
    data = scene.sealed("from a stranger", Kind.RESPOND, b"\x90", STRANGER, MASTER)
    bad("from a stranger", "Not in the log.", "not-a-member", data, MASTER)
    data = pair[:8] + bytes((Kind.ASK,)) + pair[9:]
    bad("a RESPOND called ASK", "The kind is associated.", "not-authentic", data, MASTER)
    claimed = pair[:9] + MASTER.key_id + pair[25:]
    bad("in another's name", "The sender is associated, and names the key.", "not-a-member", claimed, MASTER)


_DECODERS: dict[Kind, Callable[[bytes], object]] = {
    Kind.START: messages.decode_start,
    Kind.DATA: messages.decode_fragment,
    Kind.HELLO: decode_hello,
    Kind.RESPOND: messages.decode_respond,
    Kind.PONG: messages.decode_pong,
    Kind.SUBMIT: messages.decode_submit,
    Kind.ANSWER: messages.decode_answer,
    Kind.FORWARD: decode_forward,
    Kind.RELAYED: messages.decode_start,
    Kind.REFER: decode_refer,
    Kind.RELAY: messages.decode_start,
    Kind.REPEAT: decode_repeat,
}


def bad_plaintexts(scene: Scene) -> None:
    """Add what authenticates and is out of shape."""
    rows = {
        case["kind"]: codec.unpack(bytes.fromhex(case["plaintext"]), size_max=1200, depth_max=2)
        for case in reversed(scene.cases)
        if "plaintext" in case
    }

    def bad(kind: Kind, what: str, place: int, value: object) -> None:
        row = rows[kind.name]
        wrong(kind, what, codec.pack([*row[:place], value, *row[place + 1 :]]))

    def wrong(kind: Kind, what: str, plaintext: bytes) -> None:
        scene.cases.append(
            invalid(
                f"{kind.name}: {what}",
                "It authenticates, and is dropped all the same.",
                "wrong-shape",
                lambda: (_DECODERS | {Kind.BUNDLE: decode_bundle})[kind](plaintext),
                kind=kind.name,
                plaintext=plaintext.hex(),
            )
        )

    for kind in _DECODERS:
        row = rows[kind.name]
        wrong(kind, "a field too many", codec.pack([*row, None]))
        wrong(kind, "a field too few", codec.pack(row[:-1]))
        wrong(kind, "no array", b"\xc0")
        wrong(kind, "a byte behind", codec.pack(row) + b"\0")
    _bad_rests(wrong, rows["START"])
    bad(Kind.START, "a head of four", 0, rows["START"][0][:4])
    bad(Kind.START, "a signature of 63 bytes", 2, bytes(63))
    bad(Kind.DATA, "position 0", 1, 0)
    bad(Kind.DATA, "a chain of 32 bytes", 2, bytes(32))
    bad(Kind.DATA, "an index that is the count", 3, rows["DATA"][4])
    bad(Kind.DATA, "16 pieces", 4, 16)
    bad(Kind.DATA, "a chunk of 1,101 bytes", 5, bytes(1101))
    for what, place, value in (
        ("a padding that is short", 4, bytes(100)),
        ("a padding that says something", 4, b"\1" * len(rows["HELLO"][4])),
        ("a challenge of 16 bytes", 1, bytes(16)),
        ("a number for whether it may lead", 2, 1),
        ("who is to answer, and short", 3, 3),
        ("place 65,536", 3, 2**16),
    ):
        bad(Kind.HELLO, what, place, value)
    _bad_answers(bad, wrong, rows["RESPOND"])
    _bad_far(bad, wrong)
    bad(Kind.PONG, "a cycle without a nonce", 2, None)
    bad(Kind.PONG, "a nonce without a cycle", 1, 0)
    bad(Kind.PONG, "a rest of 31 bytes", 4, bytes(31))
    bad(Kind.SUBMIT, "a change before of 16 bytes", 1, bytes(16))
    bad(Kind.SUBMIT, "a change that is text", 0, "change")
    bad(Kind.ANSWER, "code 4", 1, 4)
    bad(Kind.ANSWER, "a word of 64 bytes", 3, "a" * 64)
    bad(Kind.ANSWER, "a reason of 201 bytes", 4, "a" * 201)


def _bad_answers(
    bad: Callable[[Kind, str, int, object], None], wrong: Callable[[Kind, str, bytes], None], row: Any
) -> None:
    bad(Kind.RESPOND, "cycle 0", 0, 0)
    bad(Kind.RESPOND, "a boot id of 7 bytes", 4, bytes(7))
    bad(Kind.RESPOND, "a challenge of 9 bytes", 5, bytes(9))
    bad(Kind.RESPOND, "a status of 769 bytes", 7, bytes(769))
    bad(Kind.RESPOND, "a health of 129 bytes", 8, bytes(129))
    both = codec.pack([*row[:6], [1, bytes(10)], bytes(9), None, None, None, None])
    wrong(Kind.RESPOND, "a status beside a request", both)
    bad(Kind.RESPOND, "a request without a number", 6, [])
    bad(Kind.RESPOND, "request 0", 6, [0])
    bad(Kind.RESPOND, "request 9", 6, [9])
    bad(Kind.RESPOND, "nine batches held", 6, [1, *([bytes(10)] * 9)])
    bad(Kind.RESPOND, "a batch of 9 bytes", 6, [1, bytes(9)])
    bad(Kind.RESPOND, "piece 15 of a batch", 6, [1, bytes(8) + b"\x80\0"])
    bad(Kind.RESPOND, "an acknowledgement of 63 bytes", 9, bytes(63))
    bad(Kind.RESPOND, "an offer without a chain", 10, [9])
    bad(Kind.RESPOND, "an offer of position 0", 10, [0, bytes(32)])
    bad(Kind.RESPOND, "an offer with a chain of 8 bytes", 10, [9, bytes(8)])


def _bad_far(
    bad: Callable[[Kind, str, int, object], None], wrong: Callable[[Kind, str, bytes], None]
) -> None:
    bad(Kind.RESPOND, "a path of 7 bytes", 11, [bytes(7), bytes(16)])
    bad(Kind.RESPOND, "nobody who repeats", 11, [bytes(8), None])
    bad(Kind.RESPOND, "a way of three", 11, [bytes(8), bytes(16), None])
    bad(Kind.FORWARD, "a challenge of 7 bytes", 0, bytes(7))
    bad(Kind.FORWARD, "an asker of 32 bytes", 1, bytes(32))
    bad(Kind.FORWARD, "a nonce of 7 bytes", 2, bytes(7))
    bad(Kind.FORWARD, "a number for whether it is proven", 3, 1)
    bad(Kind.REFER, "a challenge of 9 bytes", 0, bytes(9))
    bad(Kind.REFER, "an asker of 15 bytes", 1, bytes(15))
    for host in (
        "router",
        "fe80::7",
        "fe80::7%lan",
        "239.255.38.75",
        "::",
        "255.255.255.255",
        "2001:DB8::7",
    ):
        bad(Kind.REFER, f"to {host}", 2, host)
    bad(Kind.REFER, "port 0", 3, 0)
    bad(Kind.REFER, "port 65536", 3, 65536)
    bad(Kind.REFER, "a nonce of 9 bytes", 4, bytes(9))
    bad(Kind.REFER, "a padding that is short", 5, bytes(100))
    bad(Kind.REFER, "a padding that says something", 5, b"\1" * 150)
    bad(Kind.REPEAT, "a sender of 8 bytes", 0, bytes(8))
    bad(Kind.REPEAT, "a START that is text", 1, "start")
    for what, plaintext in (
        ("no answer", codec.pack(())),
        ("17 answers", codec.pack((b"a",) * 17)),
        ("an answer that is text", codec.pack(("answer",))),
        ("no array", b"\xc0"),
    ):
        wrong(Kind.BUNDLE, what, plaintext)


def _bad_rests(wrong: Callable[[Kind, str, bytes], None], start: list[Any]) -> None:
    rest = codec.unpack(start[1], size_max=1024)
    rows: tuple[tuple[str, int, object], ...] = (
        ("cycle 0", 0, 0),
        ("a nonce of 7 bytes", 1, bytes(7)),
        ("an echo of 7 bytes", 2, bytes(7)),
        ("nine echoes", 2, bytes(72)),
        ("a time before 1970", 3, -1),
        ("a bitmap of 33 bytes", 4, bytes(33)),
        ("a bitmap of 7 bytes", 4, bytes(7)),
        ("a slice that begins at 10,001", 5, 10_001),
        ("a slice of 257", 6, 257),
        ("a window of 0", 7, 0),
        ("a window of 60,001", 7, 60_001),
        ("data of 1", 8, 1),
        ("a sender of 32 bytes", 9, bytes(32)),
        ("a certificate of 841 bytes", 10, bytes(841)),
        ("a certificate that is text", 10, "certificate"),
    )
    for what, place, value in rows:
        bent = codec.pack([*rest[:place], value, *rest[place + 1 :]])
        wrong(Kind.START, what, codec.pack([start[0], bent, start[2]]))
    wrong(Kind.START, "a rest that is an array", codec.pack([start[0], rest, start[2]]))
