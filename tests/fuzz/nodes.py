"""Whole cores under hostile peers that have keys: what authenticates, and is made up inside."""

import random
from collections.abc import Sequence
from dataclasses import replace

from dusk import codec, limits
from dusk.catchup import messages as streams
from dusk.catchup.channel import Channel as Stream
from dusk.catchup.exchanges import Exchanges
from dusk.catchup.messages import Common, Items
from dusk.cycle import far_messages as far
from dusk.cycle import messages
from dusk.cycle.datagrams import Opened
from dusk.cycle.fragments import Reassembly
from dusk.cycle.messages import Kind
from dusk.cycle.status import encode_health, open_status
from dusk.effects import (
    Accepted,
    Address,
    Append,
    Connected,
    Datagram,
    Disconnect,
    Disconnected,
    Effect,
    Event,
    ItemsRead,
    LogItem,
    ReadItems,
    Received,
    SendDatagram,
    SendFrame,
    StoreFile,
)
from dusk.errors import UntrustedInput
from dusk.ids import Seq
from tests.fuzzing import Make, Target, nested
from tests.node.site import Box, Site
from tests.streams import member, read_items
from tests.world import World

RENEW_EVERY = 2000
KINDS = tuple(Kind)


class Hostile:
    """A cluster of three; the last device is a member, and sends what it likes to the other two."""

    def __init__(self) -> None:
        self.site = Site(3)
        self.heard: list[bytes] = []
        self.site.lost = self._listen
        self.site.run(8.0)
        change = self.site.world.change(self.site.world.set("wifi", "wireless.a.ssid", "Home"))
        self.site.master.do(self.site.master.node.submit(change, self.site.now))
        self.site.run(8.0)
        self.site.lost = lambda *_: False
        self.head = self.site.master.node.log.head
        self.liar = self.site.all[2]
        self.liar.on = False
        self.fed = 0
        self.conn = 1001

    def _listen(self, sender: str, to: str, data: bytes) -> bool:
        self.heard.append(data)
        return False

    def plaintexts(self) -> list[bytes]:
        """Return kind and plaintext of what a member can open, and of what it would send itself."""
        channel, source = self.liar.node._rooms.station.channel, self.site.master.address
        found: dict[Kind, bytes] = {}
        for data in self.heard:
            try:
                opened = channel.open(data, source)
            except UntrustedInput:
                continue
            if isinstance(opened, Opened):
                found[opened.kind] = opened.plaintext
        start = messages.decode_start(found[Kind.START])
        own = self.liar.node
        found[Kind.RESPOND] = messages.Respond(
            start.rest.cycle,
            start.rest.nonce,
            self.head,
            Seq(self.head.seq),
            own._rooms.station.boot,
            request=messages.Request(1, ()),
            ack=bytes(64),
        ).encode()
        found[Kind.FORWARD] = messages.Forward(b"f" * 8, self.site.master.node.device_id).encode()
        found[Kind.RELAYED] = found[Kind.RELAY] = found[Kind.START]
        found[Kind.REFER] = far.Refer(b"f" * 8, own.device_id, Address("10.0.0.9", 3875)).encode()
        found[Kind.REPEAT] = far.Repeat(own.device_id, found[Kind.START]).encode()
        found[Kind.BUNDLE] = far.encode_bundle([own.device_id + b"an answer of nobody"])
        hello = messages.Hello(own.device_id, b"h" * 8).encode()
        found[Kind.HELLO] = found[Kind.ASK] = hello
        assert own.log.newest is not None
        found[Kind.PONG] = messages.Pong(None, 0, None, own.log.newest).encode()
        unsigned = self.site.world.change(self.site.world.set("x", "a.b.c", "1"), signers=(self.liar.key,))
        found[Kind.SUBMIT] = messages.encode_submit(unsigned.encode())
        found[Kind.ANSWER] = messages.Answer(unsigned.id, messages.AnswerCode.REFUSED, Seq(0), "why").encode()
        return [bytes((place, kind)) + plain for kind, plain in found.items() for place in (0, 1)]

    def victim(self, data: bytes) -> Box:
        return self.site.all[data[0] % 2 if data else 0]

    def check(self, effects: Sequence[Effect]) -> None:
        """Nothing that a mere member says is written, and no history moves (R1, R12, A11, A54)."""
        assert not [effect for effect in effects if isinstance(effect, Append | StoreFile)]
        assert {box.node.log.head for box in self.site.all} == {self.head}
        assert sum(isinstance(effect, Event) for effect in effects) <= 2


class Members(Hostile):
    """Datagrams."""

    def feed(self, data: bytes) -> None:
        """The whole is taken, or counted as dropped; an answer by UDP is no larger than its question."""
        self.fed += 1
        if self.fed % RENEW_EVERY == 0:
            self.__init__()  # type: ignore[misc]  # the same cluster as at the start
        victim, channel = self.victim(data), self.liar.node._rooms.station.channel
        kind = KINDS[(data[1] if len(data) > 1 else 0) % len(KINDS) - 1]
        if kind in {Kind.START, Kind.DATA, Kind.HELLO, Kind.REPEAT}:
            sealed = channel.seal_group(kind, data[2:] or b"\0")
        else:
            peer = self.liar.node.peers.get(victim.node.device_id)
            assert peer is not None
            sealed = channel.seal_to(peer, kind, data[2:] or b"\0")
        dropped = victim.node.dropped
        self.site.now += 0.001
        effects = victim.node.handle(Datagram(sealed, self.liar.address, None), self.site.now)
        self.check(effects)
        spoken = [effect for effect in effects if isinstance(effect, SendDatagram)]
        if kind is not Kind.START:  # which everybody answers, once
            assert sum(len(effect.data) for effect in spoken if effect.to == self.liar.address) <= len(sealed)
        if victim.node.dropped > dropped:
            raise UntrustedInput("dropped")


class Servers(Hostile):
    """Streams to a member that serves."""

    def __init__(self) -> None:
        super().__init__()
        self.streams: dict[str, tuple[int, Stream]] = {}

    def _stream(self, victim: Box) -> tuple[int, Stream]:
        """Return a stream that has shaken hands."""
        if victim.name not in self.streams:
            self.conn += 2
            stream = Stream(
                initiator=True,
                static_private=self.liar.key.x25519_private(),
                ephemeral_private=self.site.world.random.randbytes(32),
                cluster_id=self.site.world.cluster,
                message_bytes_max=2**20,
            )
            victim.node.handle(Accepted(self.conn, self.liar.address), self.site.now)
            (answer,) = _frames(self._give(victim, self.conn, stream.open()))
            self._give(victim, self.conn, stream.receive(answer).frames[0])
            self.streams[victim.name] = self.conn, stream
        return self.streams[victim.name]

    def _give(self, victim: Box, conn: int, frame: bytes) -> list[Effect]:
        """Give a frame, and what the disk has if that is asked for."""
        effects = victim.node.handle(Received(conn, frame), self.site.now)
        for effect in tuple(effects):
            if isinstance(effect, ReadItems):
                items = read_items(victim.items, effect.first, effect.bytes_max)
                effects += victim.node.handle(ItemsRead(conn, effect.first, items), self.site.now)
        return effects

    def feed(self, data: bytes) -> None:
        """A request has an answer or the stream ends; nothing of it is written (A54)."""
        victim = self.victim(data)
        self.site.now += 0.001
        conn, stream = self._stream(victim)
        effects = [e for frame in stream.send(data[1:] or b"\0") for e in self._give(victim, conn, frame)]
        self.check(effects)
        for frame in _frames(effects):
            stream.receive(frame)
        if any(isinstance(effect, Disconnect) for effect in effects):
            del self.streams[victim.name]
            raise UntrustedInput("the stream was ended")
        if not _frames(effects):  # its answer comes later: nobody waits for it
            victim.node.handle(Disconnected(conn, "gone"), self.site.now)
            del self.streams[victim.name]


def _frames(effects: Sequence[Effect]) -> list[bytes]:
    return [effect.frame for effect in effects if isinstance(effect, SendFrame)]


# --- pieces of DATA, and reports -----------------------------------------------------------------


def _pieces(data: bytes) -> None:
    """Pieces by anybody, in any order, are put together in bounded memory; what they say the log judges."""
    together = Reassembly()
    head = replace(MEMBERS.head, seq=Seq(9))
    for row in codec.items(codec.unpack(data, size_max=2**12), 64, "pieces"):
        place, piece = codec.fields(row, 2, "piece")
        fragment = messages.decode_fragment(codec.blob(piece, 2**11, "piece"))
        trusted = codec.integer(place, 0, 3, "place") == 0
        together.add(fragment, Address(str(place), 1), trusted=trusted)
        assert len(together._batches) <= limits.BATCHES_MAX
        assert all(len(batch.chunks) < limits.FRAGMENTS_MAX for batch in together._batches.values())
    assert len(together.held(Seq(0))) <= limits.BATCHES_MAX
    found = together.entries_up_to(head, Seq(7))
    if found is None:
        raise UntrustedInput("pieces are missing")
    assert sum(len(item.data) for item in found) <= limits.FRAGMENT_BYTES_MAX * limits.FRAGMENTS_MAX


BATCHES = [codec.pack([b"one" * size, b"two"]) for size in (1, 500, 900)]


def _cut(batch: bytes) -> list[bytes]:
    size = limits.FRAGMENT_BYTES_MAX
    chunks = [batch[at : at + size] for at in range(0, len(batch), size)]
    chain = MEMBERS.head.chain[: messages.CHAIN_PREFIX_BYTES]
    return [
        messages.Fragment(1, Seq(9), chain, index, len(chunks), chunk).encode()
        for index, chunk in enumerate(chunks)
    ]


def _grown_pieces(rng: random.Random) -> bytes:
    rows = [[0, piece] for piece in _cut(rng.choice(BATCHES[:2]))]
    for _ in range(rng.randrange(3)):
        piece = rng.choice(_cut(rng.choice(BATCHES)))
        rows.append([rng.randrange(4), nested(rng, piece) if rng.random() < 0.5 else piece])
    rng.shuffle(rows)
    return codec.pack(rows)


def _reports(data: bytes) -> None:
    """What the master says of others counts as far as they signed it (A12)."""
    reply = streams.decode_reply(data)
    if not isinstance(reply, streams.Reports):
        raise UntrustedInput("no page of reports")
    node = SERVERS.site.all[1].node
    node._rooms.reports.took_reports(reply, SERVERS.site.now)
    for peer in node.peers.others:
        if peer.status_bytes:
            assert open_status(peer.status_bytes, peer.public, SERVERS.site.world.cluster) == peer.status


# --- a device that fetches what it lacks from a liar --------------------------------------------

KNOWN = 8


class Fetching:
    """A stale member, and a peer with the master's key that answers what it likes (A9)."""

    def __init__(self) -> None:
        self.world = World(13)
        self.world.allow_joining()
        self.key = self.world.join()
        for number in range(4):
            self.world.commit(self.world.set("wifi", "wireless.radio0.channel", str(number)))
        self.heads = {self.world.log.chain_at(Seq(seq)) for seq in range(1, self.world.log.head.seq + 1)}
        self.now = 100.0
        self.renew()

    def renew(self) -> None:
        self.victim = member(self.world, self.key, KNOWN)
        self.before = self.victim.log.head

    def truth(self) -> tuple[bytes, ...]:
        """Return the three answers of an honest server."""
        newest = self.world.log.newest
        assert newest is not None
        items = Items(tuple(self.world.items[KNOWN:]), more=False)
        common = Common(self.before.seq, newest.encode())
        return tuple(streams.encode(reply) for reply in (common, items, streams.Keys(b"")))

    def feed(self, data: bytes) -> None:
        """After 0, 1 or 2 honest answers comes this one: what is taken is the master's own, or nothing is."""
        self.now += 1.0
        victim = self.victim
        exchanges = Exchanges(self.key.x25519_private(), victim, self.world.random.randbytes)
        exchanges.catch_up(Address("liar", 1), self.now)
        server = Stream(
            initiator=False,
            static_private=self.world.master.x25519_private(),
            ephemeral_private=self.world.random.randbytes(32),
            cluster_id=self.world.cluster,
            message_bytes_max=2**20,
        )
        effects = exchanges.handle(Connected(2), self.now)
        for frame in _frames(effects):
            (answer,) = server.receive(frame).frames
            effects = exchanges.handle(Received(2, answer), self.now)
        for frame in _frames(effects):
            server.receive(frame)
        stage = data[0] % 3 if data else 0
        for reply in (*self.truth()[:stage], data[1:] or b"\0"):
            effects = [e for f in server.send(reply) for e in exchanges.handle(Received(2, f), self.now)]
        self._check(effects)

    def _check(self, effects: Sequence[Effect]) -> None:
        head = self.victim.log.head
        assert head.chain in self.heads
        if head != self.before:
            self.renew()
        if any(isinstance(effect, Event) and effect.name == "exchange-failed" for effect in effects):
            raise UntrustedInput("a lie")


# --- inputs -------------------------------------------------------------------------------------

MEMBERS, SERVERS, FETCHING = Members(), Servers(), Fetching()
SAID = MEMBERS.plaintexts()
UNSIGNED = MEMBERS.site.world.change(
    MEMBERS.site.world.set("x", "a.b.c", "1"), signers=(MEMBERS.liar.key,), device=MEMBERS.liar.key
)
STATUS = MEMBERS.liar.node._rooms.report.signed() or b""
REPORTS = [
    streams.encode(
        streams.Reports(
            (
                streams.ReportRow(MEMBERS.liar.node.device_id, STATUS, encode_health({"up": 3}), Seq(2), 50),
                streams.ReportRow(MEMBERS.site.master.node.device_id, None, None, Seq(0), None),
            ),
            more=more,
        )
    )
    for more in (True, False)
]
ASKED = [
    bytes((place,)) + streams.encode(request)
    for place in (0, 1)
    for request in (
        streams.Locate((streams.Position(MEMBERS.head.seq, MEMBERS.head.chain),)),
        streams.Fetch(Seq(1)),
        streams.Fetch(Seq(99)),
        streams.GetBranch(MEMBERS.head.chain, 0),
        streams.GetKeys(),
        streams.GetReports(b""),
        streams.Submit(UNSIGNED.encode()),
        streams.Report(MEMBERS.liar.node.device_id, STATUS),
        streams.Join(UNSIGNED.encode()),
    )
]
TRUTH = [bytes((stage,)) + reply for stage, reply in enumerate(FETCHING.truth())]


def _grown(samples: Sequence[bytes], head_bytes: int) -> Make:
    """Samples changed inside their encoding, and as a whole where nothing of another kind is meant."""

    def grow(rng: random.Random) -> bytes:
        sample = rng.choice(samples)
        return sample[:head_bytes] + nested(rng, sample[head_bytes:])

    return grow


def _grown_reply(rng: random.Random) -> bytes:
    """The log with entries dropped, swapped, doubled and changed, in answers of the right form."""
    items = list(FETCHING.world.items[rng.choice((0, 2, KNOWN, KNOWN, KNOWN)) :])
    for _ in range(rng.randrange(3)):
        at_, to = rng.randrange(len(items)), rng.randrange(len(items))
        match rng.randrange(4):
            case 0 if len(items) > 1:
                del items[at_]
            case 1:
                items[at_], items[to] = items[to], items[at_]
            case 2:
                items.insert(to, items[at_])
            case _:
                items[at_] = LogItem(items[at_].kind, nested(rng, items[at_].data))
    if rng.random() < 0.3:
        return _grown(TRUTH, 1)(rng)
    return b"\x01" + streams.encode(Items(tuple(items), more=rng.random() < 0.3))


PIECES = [codec.pack([[0, piece] for piece in _cut(batch)]) for batch in BATCHES[:2]]
TARGETS = [
    Target("pieces of DATA", _pieces, UntrustedInput, PIECES, _grown_pieces),
    Target("reports", _reports, UntrustedInput, REPORTS),
    Target("member's datagrams", MEMBERS.feed, UntrustedInput, SAID, _grown(SAID, 2), share=0.2),
    Target("member's requests", SERVERS.feed, UntrustedInput, ASKED, _grown(ASKED, 1), share=0.2),
    Target("server's answers", FETCHING.feed, UntrustedInput, TRUTH, _grown_reply, share=0.2),
]
