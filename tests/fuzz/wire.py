"""Bytes from the network and of the log: read as they were written, or refused with one error."""

import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any, Protocol

import pytest

from dusk import codec
from dusk.catchup import messages as streams
from dusk.catchup.channel import Channel as Stream
from dusk.catchup.channel import prologue
from dusk.catchup.noise import Handshake
from dusk.catchup.questions import Ask
from dusk.changelog.body import decode_body, decode_change
from dusk.changelog.entry import decode_entry, decode_signed_head
from dusk.changelog.log import Log, pack_entry_item, unpack_entry_item
from dusk.changelog.newer import later_entry, part, position
from dusk.changelog.views import members
from dusk.cycle import far_messages as far
from dusk.cycle import fragments, messages, questions
from dusk.cycle.datagrams import Channel, Opened
from dusk.cycle.groupkeys import GroupKeys, decode_group_keys, new_group_key
from dusk.cycle.messages import Kind
from dusk.cycle.peers import Peers, roster
from dusk.cycle.status import LABEL, decode_health, encode_health, open_status
from dusk.effects import Address, ItemKind, LogItem, Question, Told
from dusk.errors import UntrustedInput
from dusk.ids import BootId, ChangeId, DeviceId, Seq
from dusk.membership.addresses import parse_address
from tests.fuzzing import Target, mutated, nested, value
from tests.world import World


class Encodes(Protocol):
    def encode(self) -> bytes: ...


def again(decode: Callable[[bytes], Encodes]) -> Callable[[bytes], None]:
    """Accepted bytes are the ones that would have been written (R6)."""

    def feed(data: bytes) -> None:
        assert decode(data).encode() == data

    return feed


WORLD = World(7)
WORLD.allow_joining()
DEVICE = WORLD.join()
CHANGE = WORLD.change(WORLD.set("wifi", "wireless.radio0.channel", "6"), WORLD.set("wifi", "system.a.b", "x"))
WORLD.write(CHANGE)
ENTRIES = [item.data for item in WORLD.items if item.kind is ItemKind.ENTRY and len(item.data) < 1800]
HEADS = [item.data for item in WORLD.items if item.kind is ItemKind.HEAD]
HEAD = decode_signed_head(HEADS[-1])
CHANGES = [CHANGE.encode(), WORLD.request(WORLD.key()).encode()]
RING = GroupKeys((new_group_key(random.Random(1).randbytes, 0, GroupKeys().removal),))
STATUS_ROW = (1, 2, 3, 4, bytes(32), 5, [("system", bytes(16))], "idle", "", ["an alarm"], 3)


def status(payload: bytes) -> bytes:
    return codec.pack((payload, DEVICE.sign(LABEL, WORLD.cluster, payload)))


def _open_status(data: bytes) -> None:
    found = open_status(data, DEVICE.public, WORLD.cluster)
    assert open_status(found.sign(DEVICE, WORLD.cluster), DEVICE.public, WORLD.cluster) == found


def _health(data: bytes) -> None:
    assert encode_health(decode_health(data)) == data


# --- datagrams -------------------------------------------------------------------------------

REST = messages.Rest(9, b"n" * 8, (b"e" * 8,), 1, b"\x03" + bytes(7), 0, 2, 500, False, WORLD.device_id)
CERTIFYING = replace(REST, certificate=b"acknowledged")
RESPOND = messages.Respond(9, b"n" * 8, HEAD.head, Seq(1), BootId(b"b" * 8))
RESPOND_FULL = messages.Respond(
    9,
    b"n" * 8,
    HEAD.head,
    Seq(1),
    BootId(b"b" * 8),
    challenge=b"c" * 8,
    status=status(codec.pack(STATUS_ROW)),
    health=encode_health({"up": 3}),
    ack=bytes(64),
    offer=messages.Offer(Seq(3), HEAD.head.chain),
    via=far.Via(b"p" * 8, DeviceId(DEVICE.key_id)),
)
ASK = questions.Hello(DeviceId(DEVICE.key_id), b"h" * 8).encode()
PLAIN: dict[Kind, bytes] = {
    Kind.START: messages.sign_start(WORLD.master, WORLD.cluster, HEAD.head, REST).encode(),
    Kind.DATA: messages.Fragment(1, Seq(4), b"c" * 8, 0, 2, b"chunk").encode(),
    Kind.HELLO: ASK,
    Kind.RESPOND: RESPOND_FULL.encode(),
    Kind.PONG: messages.Pong(b"c" * 8, 3, b"n" * 8, HEAD).encode(),
    Kind.ASK: ASK,
    Kind.SUBMIT: messages.encode_submit(CHANGES[0]),
    Kind.ANSWER: messages.Answer(
        ChangeId(bytes(32)), next(iter(messages.AnswerCode)), Seq(3), "why"
    ).encode(),
    Kind.FORWARD: questions.Forward(b"c" * 8, DeviceId(DEVICE.key_id), b"n" * 8).encode(),
    Kind.RELAYED: messages.sign_start(WORLD.master, WORLD.cluster, HEAD.head, CERTIFYING).encode(),
    Kind.REFER: questions.Refer(
        b"c" * 8, DeviceId(DEVICE.key_id), Address("198.51.100.7", 3875), b"n" * 8
    ).encode(),
    Kind.RELAY: messages.sign_start(WORLD.master, WORLD.cluster, HEAD.head, REST).encode(),
    Kind.REPEAT: far.Repeat(DeviceId(DEVICE.key_id), b"a start").encode(),
    Kind.BUNDLE: far.encode_bundle([b"an answer", b"another"]),
}


def _submit(data: bytes) -> None:
    assert messages.encode_submit(*messages.decode_submit(data)) == data


def _bundle(data: bytes) -> None:
    assert far.encode_bundle(far.decode_bundle(data)) == data


READ: dict[Kind, Callable[[bytes], None]] = {
    Kind.START: again(messages.decode_start),
    Kind.DATA: again(messages.decode_fragment),
    Kind.HELLO: again(questions.decode_hello),
    Kind.RESPOND: again(messages.decode_respond),
    Kind.PONG: again(messages.decode_pong),
    Kind.ASK: again(questions.decode_hello),
    Kind.SUBMIT: _submit,
    Kind.ANSWER: again(messages.decode_answer),
    Kind.FORWARD: again(questions.decode_forward),
    Kind.RELAYED: again(messages.decode_start),
    Kind.REFER: again(questions.decode_refer),
    Kind.RELAY: again(messages.decode_start),
    Kind.REPEAT: again(far.decode_repeat),
    Kind.BUNDLE: _bundle,
}


def _channel(own: Any) -> Channel:
    peers = Peers(own, WORLD.cluster)
    peers.take(roster(members(WORLD.log.state), [WORLD.device_id]))
    made = Channel(peers, random.Random(3).randbytes)
    made.keys = RING
    return made


RECEIVER, SENDER = _channel(WORLD.master), _channel(DEVICE)


def _sealed(kind: Kind, plaintext: bytes) -> bytes:
    if kind in {Kind.START, Kind.DATA, Kind.HELLO, Kind.REPEAT}:
        return SENDER.seal_group(kind, plaintext)
    peer = SENDER._peers.get(WORLD.device_id)
    assert peer is not None
    return SENDER.seal_to(peer, kind, plaintext)


def _grown_datagram(rng: random.Random) -> bytes:
    """What only a member can send: authentic, and hostile inside."""
    kind = rng.choice(list(Kind))
    return _sealed(kind, nested(rng, PLAIN[rng.choice((kind, rng.choice(list(Kind))))]))


def _datagram(data: bytes) -> None:
    opened = RECEIVER.open(data, Address("192.0.2.1", 3875))
    if isinstance(opened, Opened):
        READ[opened.kind](opened.plaintext)


def _batch(data: bytes) -> None:
    assert codec.pack([item.data for item in fragments._read(data)]) == data


# --- streams ---------------------------------------------------------------------------------


def _request(data: bytes) -> None:
    assert streams.encode(streams.decode_request(data)) == data


def _reply(data: bytes) -> None:
    assert streams.encode(streams.decode_reply(data)) == data


REQUESTS = [
    streams.encode(request)
    for request in (
        streams.Locate((streams.Position(Seq(3), HEAD.head.chain),)),
        streams.Fetch(Seq(1)),
        streams.GetKeys(),
        streams.Join(CHANGES[1]),
        streams.Submit(CHANGES[0]),
        streams.GetBranch(HEAD.head.chain, 7),
        streams.Addresses(((DeviceId(DEVICE.key_id), Address("198.51.100.7", 3875)),)),
        streams.GetSecrets((streams.SecretName("policy/wifi", bytes(16)),)),
        Ask(Question("where", bytes(16), b"somebody")),
    )
]
REPLIES = [
    streams.encode(reply)
    for reply in (
        streams.Common(Seq(3), HEADS[-1]),
        streams.Items((LogItem(ItemKind.ENTRY, b"entry"), LogItem(ItemKind.HEAD, b"head")), True),
        streams.Keys(RING.encode()),
        streams.Answer("refused", Seq(3), "why"),
        streams.Removed(),
        Told(data=b"an answer"),
        Told("busy", "ask again soon"),
        streams.Secrets(
            ((streams.SecretName("policy/wifi", bytes(16)), bytes(60)),), (Address("192.0.2.1", 3875),)
        ),
    )
]


def _side(*, initiator: bool) -> Handshake:
    key, other = (DEVICE, b"i" * 32) if initiator else (WORLD.master, b"r" * 32)
    return Handshake(
        initiator=initiator,
        static_private=key.x25519_private(),
        ephemeral_private=other,
        prologue=prologue(WORLD.cluster),
    )


def _handshake_at(message: int) -> tuple[Handshake, bytes]:
    """Return who reads message 1, 2 or 3 next, and the honest message."""
    sides = (_side(initiator=True), _side(initiator=False))
    for number in range(message):
        writer, reader = sides[number % 2], sides[1 - number % 2]
        data = writer.write(b"")
        if number + 1 == message:
            return reader, data
        reader.read(data)
    raise AssertionError("messages count from 1")


def _handshake(data: bytes) -> None:
    """The first byte says which message it is; only an honest one is taken, and an error is the end (A16)."""
    message = 1 + data[0] % 3 if data else 1
    reader, honest = _handshake_at(message)
    try:
        reader.read(data[1:])
    except UntrustedInput:
        with pytest.raises(UntrustedInput):
            reader.read(honest)
        raise
    assert message == 1 or data[1:] == honest, "only the first message is not authenticated yet"


@cache
def _shaken() -> tuple[Stream, Stream]:
    ends = [
        Stream(
            initiator=initiator,
            static_private=key.x25519_private(),
            ephemeral_private=bytes((number,)) * 32,
            cluster_id=WORLD.cluster,
            message_bytes_max=4096,
        )
        for number, (initiator, key) in enumerate(((True, DEVICE), (False, WORLD.master)), 1)
    ]
    frame = ends[0].open()
    answer = ends[1].receive(frame).frames[0]
    ends[1].receive(ends[0].receive(answer).frames[0])
    return ends[0], ends[1]


def _streams() -> tuple[Stream, Stream]:
    """Return two ends after their handshake."""
    return deepcopy(_shaken())


def _frames(data: bytes) -> None:
    """A peer with keys frames at will: a whole message of announced size, or the stream is dead."""
    ours, theirs = _streams()
    assert theirs._ciphers is not None
    cut = 1 + (data[0] if data else 0) * 8
    try:
        taken = [
            ours.receive(theirs._ciphers[0].encrypt(data[at : at + cut])) for at in range(1, len(data), cut)
        ]
    except UntrustedInput:
        assert not ours.established
        raise
    found = [step.message for step in taken if step.message is not None]
    framed = b"".join(len(message).to_bytes(4, "big") + message for message in found)
    assert data[1:].startswith(framed)


def _grown_frames(rng: random.Random) -> bytes:
    bodies = [rng.randbytes(rng.choice((1, 2, 50, 500))) for _ in range(rng.randrange(1, 4))]
    size = max(1, (len(bodies[0]) + 3) // 8 + rng.choice((0, 0, 1)))
    return bytes((min(255, size),)) + b"".join(
        (len(body) + rng.choice((0, 0, 0, 1))).to_bytes(4, "big") + body for body in bodies
    )


# --- the log ---------------------------------------------------------------------------------


def _item(data: bytes) -> None:
    assert pack_entry_item(*unpack_entry_item(data)).data == data


def _entry(data: bytes) -> None:
    assert decode_entry(data).encoded == data


def _without_last() -> Log:
    log = Log(WORLD.cluster)
    log.extend(WORLD.items[:-2])
    return log


class Growing:
    """A log that lacks its last entry."""

    def __init__(self) -> None:
        self.log = _without_last()

    def feed(self, data: bytes) -> None:
        """Whole or nothing: only what the master wrote is taken; a refusal leaves no trace (R1, R6, R7)."""
        items = [LogItem(ItemKind.ENTRY, data), WORLD.items[-1]]
        before = self.log.head, dict(self.log.state.records("policy/wifi"))
        try:
            self.log.extend(items)
        except UntrustedInput:
            assert (self.log.head, dict(self.log.state.records("policy/wifi"))) == before
            self.ask_for_later(items)
            raise
        assert data == ENTRIES[-1], "nobody makes another entry under the master's signature"
        self.log = _without_last()

    def ask_for_later(self, items: list[LogItem]) -> None:
        """Nobody makes one of a later version under the master's signature either (R13)."""
        parted = part(items)
        assert parted is None or (*parted.before, *parted.rest) == tuple(items)
        assert later_entry(self.log, self.log.head, self.log.leader, items) is None
        assert position(items[0]) >= 0


def _group_keys(data: bytes) -> None:
    """What no longer covers the newest removal is dropped; the rest is kept as it was."""
    ring = decode_group_keys(data)
    assert decode_group_keys(ring.encode()).encode() == ring.encode()
    assert len(ring.encode()) <= len(data)


def _address(data: bytes) -> None:
    address = parse_address(data.decode("utf-8", "surrogateescape"))
    assert parse_address(f"[{address.host}]:{address.port}") == address


def _any_row(data: bytes) -> None:
    assert codec.pack(codec.unpack(data, size_max=1024)) == data


def _grown_status(rng: random.Random) -> bytes:
    return status(nested(rng, codec.pack(STATUS_ROW)))


def _grown_handshake(rng: random.Random) -> bytes:
    message = rng.randrange(3)
    honest = _handshake_at(message + 1)[1]
    return bytes((message,)) + (mutated(rng, honest) if rng.random() < 0.8 else bytes(len(honest)))


def _grown_row(rng: random.Random) -> bytes:
    return codec.pack([value(rng) for _ in range(rng.randrange(8))])


DATAGRAMS = [_sealed(kind, plain) for kind, plain in PLAIN.items()]
TARGETS = [
    Target("datagram", _datagram, UntrustedInput, DATAGRAMS, _grown_datagram),
    *(
        Target(f"{kind.name}", READ[kind], UntrustedInput, [PLAIN[kind]])
        for kind in Kind
        if kind is not Kind.ASK
    ),
    Target("RESPOND, small", READ[Kind.RESPOND], UntrustedInput, [RESPOND.encode()]),
    Target("START's rest", again(messages.decode_rest), UntrustedInput, [REST.encode()]),
    Target("batch", _batch, UntrustedInput, [codec.pack([b"one", b"two"]), codec.pack(ENTRIES[-1:])]),
    Target("status", _open_status, UntrustedInput, [status(codec.pack(STATUS_ROW))], _grown_status),
    Target("health", _health, UntrustedInput, [encode_health({"up": 3, "load": 7, "clients": 0})]),
    Target("request", _request, UntrustedInput, REQUESTS),
    Target("reply", _reply, UntrustedInput, REPLIES),
    Target("handshake", _handshake, UntrustedInput, [b"\0" + bytes(32)], _grown_handshake),
    Target("frames", _frames, UntrustedInput, [b"\x40\0\0\0\x03abc"], _grown_frames),
    Target("log item", _item, UntrustedInput, ENTRIES),
    Target("entry", _entry, UntrustedInput, [codec.unpack(data, size_max=2**20)[0] for data in ENTRIES]),
    Target("change", again(decode_change), UntrustedInput, CHANGES),
    Target("body", again(decode_body), UntrustedInput, [CHANGE.body_bytes]),
    Target("signed head", again(decode_signed_head), UntrustedInput, HEADS),
    Target("log", Growing().feed, UntrustedInput, ENTRIES[-1:]),
    Target("group keys", _group_keys, UntrustedInput, [RING.encode(), GroupKeys().encode()]),
    Target("address", _address, UntrustedInput, [b"192.0.2.1:3875", b"[fe80::1%eth0]:1", b"::1", b"host"]),
    Target("row", _any_row, UntrustedInput, [codec.pack([1, [b"x", "y", None]])], _grown_row),
]
