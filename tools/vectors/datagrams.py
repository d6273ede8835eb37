"""`datagrams.json`: what goes by UDP, sealed and open, and the signed status inside."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from dusk import codec
from dusk.cycle import messages
from dusk.cycle.datagrams import cluster_tag
from dusk.cycle.far_messages import Repeat, Via, decode_bundle, decode_repeat, encode_bundle
from dusk.cycle.fragments import Reassembly, cut_batch
from dusk.cycle.messages import Kind
from dusk.cycle.questions import Forward, Hello, Refer, decode_forward, decode_hello, decode_refer
from dusk.cycle.status import encode_health
from dusk.effects import Address
from dusk.ids import BootId, ChainHash, DeviceId, Seq
from tools.vectors.bad_datagrams import bad_plaintexts, unsealed
from tools.vectors.case import Case, Source, annotate, valid
from tools.vectors.cluster import MASTER, SECOND, STRANGER, Cluster
from tools.vectors.scene import SOURCE, Scene
from tools.vectors.show import Json, hexed, show_head, show_signed_head
from tools.vectors.statuses import group_keys, healths, rings, sample_status, show_group_key, statuses

_HEAD = ("head", ["generation", "mandate", "epoch", "seq", "chain hash"])


def datagrams(cluster: Cluster) -> list[Case]:
    """Return the cases of `datagrams.json`."""
    scene = Scene(cluster, [_setting(cluster)])
    _starts(scene)
    _batches(scene)
    _answers(scene)
    unsealed(scene)
    bad_plaintexts(scene)
    return [*scene.cases, *rings(), *statuses(cluster), *healths()]


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
        (
            "RESPOND to a copy",
            "It names the copy, and which device of its link repeats.",
            messages.Respond(**respond, via=Via(draw(8), DeviceId(SECOND.key_id))),
        ),
        (
            "RESPOND to what was repeated",
            "No copy came to it alone.",
            messages.Respond(**respond, via=Via(None, DeviceId(STRANGER.key_id))),
        ),
    ):
        plaintext = answer.encode()
        assert messages.decode_respond(plaintext) == answer
        scene.say(name, shows, Kind.RESPOND, plaintext, _show_respond(plaintext))
    _questions(scene, draw)


def _questions(scene: Scene, draw: Source) -> None:
    hello = Hello(DeviceId(SECOND.key_id), draw(8))
    said: Json = {"sender": hello.sender.hex(), "challenge": hello.challenge.hex(), "may_lead": False}
    said["first"] = None
    scene.say("HELLO", "Padded to 223 bytes.", Kind.HELLO, hello.encode(), said)
    scene.say("ASK", "The same plaintext, to one device.", Kind.ASK, hello.encode(), said)
    shows = "By its own log the sender may lead: two members answer who do not. Padded to 1,143 bytes."
    leads = replace(hello, may_lead=True, first=3)
    assert [decode_hello(one.encode()) for one in (hello, leads)] == [hello, leads]
    scene.say(
        "HELLO of who may lead", shows, Kind.HELLO, leads.encode(), {**said, "may_lead": True, "first": 3}
    )
    forward = Forward(draw(8), DeviceId(STRANGER.key_id), draw(8), is_proven=True)
    assert decode_forward(forward.encode()) == forward
    asked_for: Json = {"challenge": forward.challenge.hex(), "asker": forward.asker.hex()}
    asked_for |= {"nonce": forward.nonce.hex(), "is_proven": True}
    scene.say("FORWARD", "A challenge for the master to echo.", Kind.FORWARD, forward.encode(), asked_for)
    start = next(case for case in scene.cases if case["name"] == "START with echoes")
    shows = "The plaintext of the START that echoes it."
    scene.say("RELAYED", shows, Kind.RELAYED, bytes.fromhex(start["plaintext"]), start["message"])
    shows = "The plaintext of a START, for a device that repeats it on its link."
    scene.say("RELAY", shows, Kind.RELAY, bytes.fromhex(start["plaintext"]), start["message"])
    _far(scene, draw, bytes.fromhex(start["plaintext"]))
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


def _far(scene: Scene, draw: Source, start: bytes) -> None:
    """Add what brings members of other networks together."""
    for name, shows, host in (
        ("REFER", "Where a HELLO came from, for the master to answer there.", "198.51.100.7"),
        ("REFER to IPv6", "In its usual form.", "2001:db8::7"),
    ):
        refer = Refer(draw(8), DeviceId(STRANGER.key_id), Address(host, 3875), draw(8))
        assert decode_refer(refer.encode()) == refer
        asked: Json = {
            "challenge": refer.challenge.hex(),
            "asker": refer.asker.hex(),
            "host": host,
            "port": 3875,
        }
        asked["nonce"] = refer.nonce.hex()
        scene.say(name, shows, Kind.REFER, refer.encode(), asked)
    for name, shows, inside in (
        ("REPEAT", "A START that reached the sender alone.", start),
        ("REPEAT of nothing", "The sender would repeat.", None),
    ):
        repeat = Repeat(DeviceId(SECOND.key_id), inside)
        assert decode_repeat(repeat.encode()) == repeat
        repeated = {"sender": repeat.sender.hex(), "start": hexed(inside)}
        scene.say(name, shows, Kind.REPEAT, repeat.encode(), repeated)
    respond = next(case for case in scene.cases if case["name"] == "RESPOND to what was repeated")
    answers = [bytes.fromhex(respond["datagram"])[9:], draw(40)]
    assert decode_bundle(encode_bundle(answers)) == tuple(answers)
    shows = "A RESPOND without tag and kind, and what is none: the master opens each by itself."
    carried = {"answers": [one.hex() for one in answers]}
    scene.say("BUNDLE", shows, Kind.BUNDLE, encode_bundle(answers), carried)


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
        "via": answer.via and {"path": hexed(answer.via.path), "repeater": answer.via.repeater.hex()},
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
