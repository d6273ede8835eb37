"""`datagrams.json`: what goes by UDP, sealed and open, and the signed status inside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dusk import codec
from dusk.changelog.views import Member
from dusk.cycle import messages
from dusk.cycle.datagrams import Channel, Opened, Unreadable, cluster_tag
from dusk.cycle.fragments import Reassembly, cut_batch
from dusk.cycle.messages import Kind
from dusk.cycle.peers import Peers
from dusk.cycle.status import encode_health
from dusk.effects import Address
from dusk.errors import UntrustedInput
from dusk.ids import BootId, ChainHash, DeviceId, Seq
from dusk.keys.signing import SigningKey
from tools.vectors.case import Case, Source, annotate, invalid, key, valid
from tools.vectors.cluster import MASTER, SECOND, STRANGER, Cluster
from tools.vectors.show import Json, hexed, show_head, show_signed_head
from tools.vectors.statuses import group_keys, rings, sample_status, show_group_key, statuses

SOURCE = Address("192.0.2.1", 3875)
_HEAD = ("head", ["generation", "mandate", "epoch", "seq", "chain hash"])
_OF_MEMBERS = (Kind.RESPOND, Kind.SUBMIT, Kind.ASK, Kind.HELLO, Kind.FORWARD, Kind.RELAYED)


@dataclass
class Scene:
    """Two members of the cluster, and what they say."""

    cluster: Cluster
    cases: list[Case]

    def channel(self, own: SigningKey, name: str) -> Channel:
        """Return a member's seals; its nonces are a stream of their own."""
        peers = Peers(own, self.cluster.id)
        members = [Member(DeviceId(k.key_id), k.public, "", "", (), retired=False) for k in (MASTER, SECOND)]
        members.sort(key=lambda member: member.device_id)
        peers.members_changed(members, [DeviceId(MASTER.key_id)])
        channel = Channel(peers, Source(f"nonces {name}"))
        channel.keys = group_keys()
        return channel

    def say(self, name: str, shows: str, kind: Kind, plaintext: bytes, said: Json, **more: Any) -> bytes:
        """Add a datagram of the master's or the second device's, under the group key or to the other."""
        sender = SECOND if kind in _OF_MEMBERS else MASTER
        reader = MASTER if sender is SECOND else SECOND
        data = self.sealed(name, kind, plaintext, sender, reader)
        opened = self.channel(reader, "none").open(data, SOURCE)
        assert isinstance(opened, Opened)
        assert opened.plaintext == plaintext
        to = {} if kind in (Kind.START, Kind.DATA, Kind.HELLO) else {"to": reader.key_id.hex()}
        self.cases.append(
            valid(
                name,
                shows,
                kind=kind.name,
                sender=sender.key_id.hex(),
                **to,
                datagram=data.hex(),
                plaintext=plaintext.hex(),
                message=said,
                **more,
            )
        )
        return data

    def sealed(
        self, name: str, kind: Kind, plaintext: bytes, sender: SigningKey, reader: SigningKey
    ) -> bytes:
        """Return a datagram."""
        channel = self.channel(sender, name)
        if kind in (Kind.START, Kind.DATA, Kind.HELLO):
            return channel.seal_group(kind, plaintext)
        peers = Peers(sender, self.cluster.id)
        other = Member(DeviceId(reader.key_id), reader.public, "", "", (), retired=False)
        peers.members_changed([other], [])
        peer = peers.get(DeviceId(reader.key_id))
        assert peer is not None
        return channel.seal_to(peer, kind, plaintext)

    def refuse(self, name: str, shows: str, reason: str, data: bytes, reader: SigningKey) -> None:
        """Add a datagram that does not authenticate."""

        def wrong() -> None:
            if isinstance(self.channel(reader, "none").open(data, SOURCE), Unreadable):
                raise UntrustedInput("unknown group key")

        to = reader.key_id.hex()
        self.cases.append(invalid(name, shows, reason, wrong, kind="datagram", to=to, datagram=data.hex()))


def datagrams(cluster: Cluster) -> list[Case]:
    """Return the cases of `datagrams.json`."""
    scene = Scene(cluster, [_setting(cluster)])
    _starts(scene)
    _batches(scene)
    _answers(scene)
    _unsealed(scene)
    _bad_plaintexts(scene)
    return [*scene.cases, *rings(), *statuses(cluster)]


def _setting(cluster: Cluster) -> Case:
    ring = group_keys()
    return valid(
        "who and with which keys",
        "All other cases of this file are about these.",
        kind="setting",
        cluster=cluster.id.hex(),
        tag=cluster_tag(cluster.id).hex(),
        members={k.key_id.hex(): {"seed": k.seed.hex(), "public": k.public.hex()} for k in (MASTER, SECOND)},
        succession=[MASTER.key_id.hex()],
        stranger=STRANGER.seed.hex(),
        group_keys=[show_group_key(one) for one in ring.keys],
    )


def _rest(**changed: Any) -> messages.Rest:
    draw = Source("a START")
    said: dict[str, Any] = {
        "cycle": 41,
        "nonce": draw(8),
        "echoes": (),
        "time_s": 1_800_000_100,
        "bitmap": bytes((3, 0, 0, 0, 0, 0, 0, 0)),
        "slice_first": 0,
        "slice_count": 2,
        "window_ms": 8,
        "data": False,
        "sender": DeviceId(MASTER.key_id),
    }
    return messages.Rest(**{**said, **changed})


def _show_rest(rest: messages.Rest) -> Json:
    return {
        "cycle": rest.cycle,
        "nonce": rest.nonce.hex(),
        "echoes": [echo.hex() for echo in rest.echoes],
        "time_s": rest.time_s,
        "bitmap": rest.bitmap.hex(),
        "slice_first": rest.slice_first,
        "slice_count": rest.slice_count,
        "window_ms": rest.window_ms,
        "data": rest.data,
        "sender": rest.sender.hex(),
        "certificate": hexed(rest.certificate),
    }


def _starts(scene: Scene) -> None:
    cluster = scene.cluster
    draw = Source("echoes")
    names = [
        "cycle",
        "nonce",
        "echoes",
        "time",
        "bitmap",
        "slice first",
        "slice count",
        "window",
        "data",
        "sender",
        "certificate",
    ]
    for name, shows, rest in (
        ("START", "An idle cycle.", _rest()),
        (
            "START with echoes",
            "Two challenges answered; DATA is on the air.",
            _rest(echoes=(draw(8), draw(8)), data=True),
        ),
        ("START with a wide slice", "Bits of 256 members, eight echoes.", _wide(draw)),
        ("START with a certificate", "A member heard lately lacks it.", _rest(certificate=draw(150))),
    ):
        start = messages.sign_start(MASTER, cluster.id, cluster.log.head, rest)
        said = {
            "head": show_head(start.head),
            "rest": _show_rest(rest),
            "rest_bytes": start.rest_bytes.hex(),
            "rest_hash": start.signed_head.rest.hex(),
            "signature": start.signed_head.signature.hex(),
        }
        plaintext = start.encode()
        assert messages.decode_start(plaintext) == start
        row = codec.unpack(plaintext, size_max=1200)
        notes = ("START", [_HEAD, "rest, see annotated_rest", "signature"])
        more: Json = {"annotated": annotate(row, notes)}
        more["annotated_rest"] = annotate(codec.unpack(start.rest_bytes, size_max=1024), ("rest", names))
        data = scene.say(name, shows, Kind.START, plaintext, said, **more)
        if name == "START":
            sizes = ((8, "tag"), (1, "kind"), (8, "group key id"), (24, "nonce"), (len(data) - 41, "sealed"))
            scene.cases[-1]["annotated_datagram"] = _pieces(data, sizes)


def _wide(draw: Callable[[int], bytes]) -> messages.Rest:
    echoes = tuple(draw(8) for _ in range(8))
    return _rest(
        echoes=echoes, bitmap=b"\xff" * 32, slice_first=256, slice_count=256, window_ms=60_000, time_s=0
    )


def _pieces(data: bytes, sizes: Sequence[tuple[int, str]]) -> list[list[str]]:
    pieces, at = [], 0
    for size, note in sizes:
        pieces.append([data[at : at + size].hex(), note])
        at += size
    assert at == len(data)
    return pieces


def _batches(scene: Scene) -> None:
    cluster = scene.cluster
    for name, shows, count in (
        ("DATA", "One entry in one piece.", 1),
        ("DATA of a batch", "Several pieces; the JSON has each of them.", 6),
    ):
        entries = [step.item for step in cluster.steps[-count:]]
        fragments = cut_batch(entries, cluster.log.head)
        together = Reassembly()
        for place, fragment in enumerate(fragments):
            plaintext = fragment.encode()
            assert messages.decode_fragment(plaintext) == fragment
            together.add(fragment, SOURCE, trusted=True)
            said = {
                "epoch": fragment.epoch,
                "last": fragment.last,
                "chain": fragment.chain.hex(),
                "index": fragment.index,
                "count": fragment.count,
                "chunk": fragment.chunk.hex(),
            }
            scene.say(f"{name}, piece {place}", shows, Kind.DATA, plaintext, said)
        own = Seq(cluster.log.head.seq - count)
        assert together.entries_up_to(cluster.log.head, own) == tuple(entries)
        scene.cases.append(
            valid(
                f"{name}, put together",
                "The pieces joined are the array of the entries' items.",
                kind="batch",
                pieces=[f"{name}, piece {place}" for place in range(len(fragments))],
                bytes=codec.pack([item.data for item in entries]).hex(),
                entry_items=[item.data.hex() for item in entries],
            )
        )


def _answers(scene: Scene) -> None:
    draw, head = Source("answers"), scene.cluster.log.head
    respond: dict[str, Any] = {
        "cycle": 41,
        "nonce": draw(8),
        "head": head,
        "settled": head.seq,
        "boot": BootId(draw(8)),
    }
    full: dict[str, Any] = {
        "challenge": draw(8),
        "status": sample_status().sign(SECOND, scene.cluster.id),
        "health": encode_health({"load": 7}),
    }
    holding: dict[str, Any] = {"ack": draw(64), "offer": messages.Offer(Seq(9), ChainHash(draw(32)))}
    held = (messages.Held(draw(8), 0b101), messages.Held(draw(8), 0))
    asked = messages.Request(3, held)
    for name, shows, answer in (
        ("RESPOND", "The least.", messages.Respond(**respond)),
        ("RESPOND with all", "Challenge, status and health.", messages.Respond(**respond, **full)),
        (
            "RESPOND with a request",
            "For DATA, but for the pieces that it holds.",
            messages.Respond(**respond, request=asked),
        ),
        (
            "RESPOND of a holder",
            "It acknowledges its head, and offers a branch that it left.",
            messages.Respond(**respond, **holding),
        ),
    ):
        plaintext = answer.encode()
        assert messages.decode_respond(plaintext) == answer
        scene.say(name, shows, Kind.RESPOND, plaintext, _show_respond(plaintext))
    hello = messages.Hello(DeviceId(SECOND.key_id), draw(8))
    said = {"sender": hello.sender.hex(), "challenge": hello.challenge.hex()}
    scene.say("HELLO", "Padded to 223 bytes.", Kind.HELLO, hello.encode(), said)
    scene.say("ASK", "The same plaintext, to one device.", Kind.ASK, hello.encode(), said)
    forward = messages.Forward(draw(8), DeviceId(STRANGER.key_id))
    assert messages.decode_forward(forward.encode()) == forward
    asked_for = {"challenge": forward.challenge.hex(), "asker": forward.asker.hex()}
    scene.say("FORWARD", "A challenge for the master to echo.", Kind.FORWARD, forward.encode(), asked_for)
    start = next(case for case in scene.cases if case["name"] == "START with echoes")
    shows = "The plaintext of the START that echoes it."
    scene.say("RELAYED", shows, Kind.RELAYED, bytes.fromhex(start["plaintext"]), start["message"])
    signed = scene.cluster.log.newest
    assert signed is not None
    for name, shows, pong in (
        ("PONG", "By who leads, to a challenge.", messages.Pong(draw(8), 41, draw(8), signed)),
        ("PONG of a member", "It does not lead.", messages.Pong(draw(8), 0, None, signed)),
        ("PONG that nobody asked for", "To a START of a lower epoch.", messages.Pong(None, 0, None, signed)),
    ):
        plaintext = pong.encode()
        assert messages.decode_pong(plaintext) == pong
        told = {
            "challenge": hexed(pong.challenge),
            "cycle": pong.cycle,
            "nonce": hexed(pong.nonce),
            "signed_head": show_signed_head(pong.signed_head),
        }
        scene.say(name, shows, Kind.PONG, plaintext, told)
    _submits(scene)


def _show_respond(plaintext: bytes) -> Json:
    answer = messages.decode_respond(plaintext)
    asked = answer.request
    return {
        "cycle": answer.cycle,
        "nonce": answer.nonce.hex(),
        "head": show_head(answer.head),
        "settled": answer.settled,
        "boot": answer.boot.hex(),
        "challenge": hexed(answer.challenge),
        "request": asked
        and {
            "number": asked.number,
            "held": [{"chain": one.chain.hex(), "pieces": _bits(one.pieces)} for one in asked.held],
        },
        "status": hexed(answer.status),
        "health": hexed(answer.health),
        "ack": hexed(answer.ack),
        "offer": answer.offer and {"seq": answer.offer.seq, "chain": answer.offer.chain.hex()},
    }


def _bits(number: int) -> list[int]:
    """Return which bits are set."""
    return [bit for bit in range(16) if number >> bit & 1]


def _submits(scene: Scene) -> None:
    change = scene.cluster.steps[1].change or scene.cluster.steps[12].change
    assert change is not None
    for name, shows, after in (
        ("SUBMIT", "A change, as the log has it.", None),
        ("SUBMIT behind another", "The writer must have that one first.", change.id),
    ):
        plaintext = messages.encode_submit(change.encode(), after)
        assert messages.decode_submit(plaintext) == (change.encode(), after)
        handed = {"change": change.encode().hex(), "after": hexed(after)}
        scene.say(name, shows, Kind.SUBMIT, plaintext, handed)
    for name, shows, answer in (
        ("ANSWER stored", "Its outcome is on the writer's disk.", (0, 13, "", "")),
        (
            "ANSWER refused",
            "With a word for programs and a line for people.",
            (1, 0, "outside-grant", "no “x”"),
        ),
        ("ANSWER of another", "It does not write.", (2, 0, "", "")),
        ("ANSWER busy", "Ask again.", (3, 0, "", "")),
    ):
        code, seq, word, reason = answer
        made = messages.Answer(change.id, messages.AnswerCode(code), Seq(seq), reason, word)
        plaintext = made.encode()
        assert messages.decode_answer(plaintext) == made
        told = {"change": change.id.hex(), "code": code, "seq": seq, "word": word, "reason": reason}
        scene.say(name, shows, Kind.ANSWER, plaintext, told)


def _unsealed(scene: Scene) -> None:
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
    bad("kind 11", "Kinds end at 10.", "unknown-kind", group[:8] + b"\x0b" + group[9:], SECOND)
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
    Kind.HELLO: messages.decode_hello,
    Kind.RESPOND: messages.decode_respond,
    Kind.PONG: messages.decode_pong,
    Kind.SUBMIT: messages.decode_submit,
    Kind.ANSWER: messages.decode_answer,
    Kind.FORWARD: messages.decode_forward,
    Kind.RELAYED: messages.decode_start,
}


def _bad_plaintexts(scene: Scene) -> None:
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
                lambda: _DECODERS[kind](plaintext),
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
    bad(Kind.HELLO, "a padding that is short", 2, bytes(100))
    bad(Kind.HELLO, "a padding that says something", 2, b"\1" * len(rows["HELLO"][2]))
    bad(Kind.HELLO, "a challenge of 16 bytes", 1, bytes(16))
    bad(Kind.RESPOND, "cycle 0", 0, 0)
    bad(Kind.RESPOND, "a boot id of 7 bytes", 4, bytes(7))
    bad(Kind.RESPOND, "a challenge of 9 bytes", 5, bytes(9))
    bad(Kind.RESPOND, "a status of 769 bytes", 7, bytes(769))
    bad(Kind.RESPOND, "a health of 129 bytes", 8, bytes(129))
    held = bytes(10)
    both = [*rows["RESPOND"][:6], [1, held], bytes(9), None, None, None]
    wrong(Kind.RESPOND, "a status beside a request", codec.pack(both))
    bad(Kind.RESPOND, "a request without a number", 6, [])
    bad(Kind.RESPOND, "request 0", 6, [0])
    bad(Kind.RESPOND, "request 9", 6, [9])
    bad(Kind.RESPOND, "nine batches held", 6, [1, *([held] * 9)])
    bad(Kind.RESPOND, "a batch of 9 bytes", 6, [1, bytes(9)])
    bad(Kind.RESPOND, "piece 15 of a batch", 6, [1, bytes(8) + b"\x80\0"])
    bad(Kind.RESPOND, "an acknowledgement of 63 bytes", 9, bytes(63))
    bad(Kind.RESPOND, "an offer without a chain", 10, [9])
    bad(Kind.RESPOND, "an offer of position 0", 10, [0, bytes(32)])
    bad(Kind.RESPOND, "an offer with a chain of 8 bytes", 10, [9, bytes(8)])
    bad(Kind.FORWARD, "a challenge of 7 bytes", 0, bytes(7))
    bad(Kind.FORWARD, "an asker of 32 bytes", 1, bytes(32))
    bad(Kind.PONG, "a cycle without a nonce", 2, None)
    bad(Kind.PONG, "a nonce without a cycle", 1, 0)
    bad(Kind.PONG, "a rest of 31 bytes", 4, bytes(31))
    bad(Kind.SUBMIT, "a change before of 16 bytes", 1, bytes(16))
    bad(Kind.SUBMIT, "a change that is text", 0, "change")
    bad(Kind.ANSWER, "code 4", 1, 4)
    bad(Kind.ANSWER, "a word of 64 bytes", 3, "a" * 64)
    bad(Kind.ANSWER, "a reason of 201 bytes", 4, "a" * 201)


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
