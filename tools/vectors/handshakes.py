"""`handshakes.json`: streams with given ephemeral keys, byte by byte, and what ends them."""

from collections.abc import Sequence
from typing import Any

from dusk.catchup.channel import Channel, prologue
from dusk.catchup.noise import Handshake
from dusk.errors import UntrustedInput
from dusk.ids import ClusterId
from dusk.keys.signing import SigningKey, x25519_public
from dusk.limits import ANSWER_BYTES_MAX, FRAGMENT_BYTES
from tools.vectors.case import Case, Source, brief, invalid, valid
from tools.vectors.cluster import MASTER, SECOND, Cluster
from tools.vectors.curve import P

EPHEMERAL_OF_INITIATOR, EPHEMERAL_OF_RESPONDER = Source("ephemeral 1")(32), Source("ephemeral 2")(32)
LOW_ORDER = (
    ("zero", bytes(32)),
    ("one", (1).to_bytes(32, "little")),
    ("p - 1", (P - 1).to_bytes(32, "little")),
    ("p", P.to_bytes(32, "little")),
    ("p + 1", (P + 1).to_bytes(32, "little")),
    ("of order 8", bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")),
    ("another of order 8", bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")),
)
"""Points with which every X25519 result is all zeros."""


def handshakes(cluster: Cluster) -> list[Case]:
    """Return the cases of `handshakes.json`."""
    stream = _Stream(cluster.id)
    return [*_whole(stream), *_bad(stream)]


def _side(cluster: ClusterId, *, initiator: bool) -> Channel:
    return Channel(
        initiator=initiator,
        static_private=(MASTER if initiator else SECOND).x25519_private(),
        ephemeral_private=EPHEMERAL_OF_INITIATOR if initiator else EPHEMERAL_OF_RESPONDER,
        cluster_id=cluster,
        message_bytes_max=ANSWER_BYTES_MAX,
    )


class _Stream:
    """A handshake and the messages after it, as both sides have sent them."""

    def __init__(self, cluster: ClusterId) -> None:
        self.cluster = cluster
        one, two = _side(cluster, initiator=True), _side(cluster, initiator=False)
        first = one.open()
        (second,) = two.receive(first).frames
        (third,) = one.receive(second).frames
        assert two.receive(third).frames == ()
        self.messages = (first, second, third)
        self.hash = one.hash
        assert one.hash == two.hash
        said = (
            (True, b"\x91\x03"),
            (False, b"\x92\x13\xc4\0"),
            (True, b"a" * 8188),
            (True, b"b" * 8189),
            (False, b"c" * 20_000),
        )
        self.said: list[tuple[bool, bytes, tuple[bytes, ...]]] = []
        for is_initiator, message in said:
            frames = (one if is_initiator else two).send(message)
            heard = [(two if is_initiator else one).receive(frame).message for frame in frames]
            assert heard == [None] * (len(frames) - 1) + [message]
            self.said.append((is_initiator, message, frames))

    def to_responder(self) -> list[bytes]:
        """Return all frames that the responder gets, in order."""
        later = [frame for is_initiator, _, frames in self.said if is_initiator for frame in frames]
        return [self.messages[0], self.messages[2], *later]


def _keys(own: SigningKey, ephemeral: bytes) -> dict[str, str]:
    return {
        "seed": own.seed.hex(),
        "static_private": own.x25519_private().hex(),
        "static_public": x25519_public(own.public).hex(),
        "ephemeral_private": ephemeral.hex(),
    }


def _whole(stream: _Stream) -> list[Case]:
    first, second, third = stream.messages
    annotated = [
        [[first.hex(), "message 1: ephemeral key of the initiator"]],
        [
            [second[:32].hex(), "message 2: ephemeral key of the responder"],
            [second[32:80].hex(), "sealed static key of the responder"],
            [second[80:].hex(), "sealed payload: empty"],
        ],
        [
            [third[:48].hex(), "message 3: sealed static key of the initiator"],
            [third[48:].hex(), "sealed payload: empty"],
        ],
    ]
    return [
        valid(
            "a stream",
            "Three messages, then messages cut into frames, here without the length before each on TCP.",
            kind="stream",
            cluster=stream.cluster.hex(),
            prologue=prologue(stream.cluster).hex(),
            initiator=_keys(MASTER, EPHEMERAL_OF_INITIATOR),
            responder=_keys(SECOND, EPHEMERAL_OF_RESPONDER),
            handshake=[message.hex() for message in stream.messages],
            handshake_hash=stream.hash.hex(),
            messages=[
                {
                    "from": "initiator" if is_initiator else "responder",
                    "message": brief(message),
                    "frames": [frame.hex() for frame in frames],
                }
                for is_initiator, message, frames in stream.said
            ],
            on_tcp=(len(first).to_bytes(2, "big") + first).hex(),
            annotated=annotated,
        )
    ]


class _Refusals:
    """Collects what one side of a stream gets, the last of which it refuses, and goes on with nothing."""

    def __init__(self, stream: _Stream) -> None:
        self._cluster = stream.cluster
        self.cases: list[Case] = []

    def add(
        self,
        name: str,
        shows: str,
        reason: str,
        frames: Sequence[bytes],
        cluster: ClusterId | None = None,
        *,
        initiator: bool = False,
    ) -> None:
        """Add a case, of the stream's cluster if no other is named."""
        cluster = cluster or self._cluster
        side = _side(cluster, initiator=initiator)
        if initiator:
            side.open()
        for frame in frames[:-1]:
            side.receive(frame)
        self.cases.append(
            invalid(
                name,
                shows,
                reason,
                lambda: side.receive(frames[-1]),
                kind="received",
                by="initiator" if initiator else "responder",
                cluster=cluster.hex(),
                frames=[frame.hex() for frame in frames],
            )
        )
        try:
            side.receive(frames[0])
        except UntrustedInput:
            return
        raise AssertionError(f"{name}: went on afterwards")


def _bad(stream: _Stream) -> list[Case]:
    bad = _Refusals(stream)
    _bad_messages(stream, bad)
    _bad_frames(stream, bad)
    return [*bad.cases, *_bad_fragments(stream)]


def _bad_messages(stream: _Stream, bad: _Refusals) -> None:
    first, second, third = stream.messages
    elsewhere = ClusterId(bytes(32))
    shows = "The second message does not open."
    bad.add("another cluster", shows, "other-prologue", [second], elsewhere, initiator=True)
    bad.add("message 1 cut", "32 bytes.", "wrong-size", [first[:31]])
    bad.add("no message 1", "Empty.", "wrong-size", [b""])
    bad.add("message 1 with a payload", "It would be in the clear.", "payload", [first + b"hello"])
    bad.add("message 1 again", "It is the initiator's turn, with message 3.", "wrong-size", [first, first])
    bad.add("message 2 cut", "96 bytes.", "wrong-size", [second[:79]], initiator=True)
    bad.add("message 2 cut in its payload", "96 bytes.", "wrong-size", [second[:-1]], initiator=True)
    longer, said = second + b"\0", _with_payloads(stream)
    shows = "What follows the static key is a sealed payload; this one does not open."
    bad.add("message 2 one byte longer", shows, "not-authentic", [longer], initiator=True)
    bad.add("message 3 one byte longer", shows, "not-authentic", [first, third + b"\0"])
    shows = "It opens, and a handshake carries none."
    bad.add("message 2 with a payload", shows, "payload", [said[0]], initiator=True)
    bad.add("message 3 with a payload", shows, "payload", [first, said[1]])
    shows = "The static key's seal."
    bad.add("message 2 changed", shows, "not-authentic", [_flip(second, 40)], initiator=True)
    bad.add("message 2, another ephemeral key", shows, "not-authentic", [_flip(second, 0)], initiator=True)
    bad.add("message 2 of nothing but zeros", "A zero point.", "small-order", [bytes(96)], initiator=True)
    bad.add("message 3 for message 2", "Out of order.", "wrong-size", [third], initiator=True)
    bad.add("message 3 cut", "64 bytes.", "wrong-size", [first, third[:47]])
    bad.add("message 3 changed", "The static key's seal.", "not-authentic", [first, _flip(third, 3)])
    bad.add("message 3 changed in its payload", "Its seal.", "not-authentic", [first, _flip(third, 63)])
    bad.add("message 3 of another handshake", "Recorded.", "not-authentic", [first, _other(stream)[2]])
    for name, point in LOW_ORDER:
        shows = "The X25519 result is all zeros (A16)."
        bad.add(f"message 1 with the point {name}", shows, "small-order", [point])
        bad.add(
            f"message 2 with the point {name}", shows, "small-order", [point + second[32:]], initiator=True
        )
    for name, point in LOW_ORDER[:2]:
        frames = [first, _small_static(stream, point)]
        bad.add(f"message 3 with the static key {name}", "A zero result in se.", "small-order", frames)


def _bad_frames(stream: _Stream, bad: _Refusals) -> None:
    forth = stream.to_responder()
    bad.add("a frame twice", "The counter has moved on.", "not-authentic", [*forth[:3], forth[2]])
    bad.add("a frame left out", "The next one does not open.", "not-authentic", [*forth[:2], forth[3]])
    bad.add("a frame changed", "Its tag.", "not-authentic", [*forth[:2], _flip(forth[2], 0)])
    bad.add("a frame of 15 bytes", "Less than a tag.", "wrong-size", [*forth[:2], bytes(15)])
    bad.add(
        "a frame of its own side",
        "Each direction has its key.",
        "not-authentic",
        [*forth[:2], stream.said[1][2][0]],
    )


def _flip(data: bytes, place: int) -> bytes:
    return data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]


def _other(stream: _Stream) -> tuple[bytes, bytes, bytes]:
    """Return another handshake of the same two."""
    made = [
        Handshake(
            initiator=initiator,
            static_private=own.x25519_private(),
            ephemeral_private=Source(f"other {initiator}")(32),
            prologue=prologue(stream.cluster),
        )
        for initiator, own in ((True, MASTER), (False, SECOND))
    ]
    first = made[0].write(b"")
    made[1].read(first)
    second = made[1].write(b"")
    made[0].read(second)
    return first, second, made[0].write(b"")


def _with_payloads(stream: _Stream) -> tuple[bytes, bytes]:
    """Return a second and a third message of this stream that carry something."""
    ephemerals = {True: EPHEMERAL_OF_INITIATOR, False: EPHEMERAL_OF_RESPONDER}
    one, two = (
        Handshake(
            initiator=initiator,
            static_private=(MASTER if initiator else SECOND).x25519_private(),
            ephemeral_private=ephemerals[initiator],
            prologue=prologue(stream.cluster),
        )
        for initiator in (True, False)
    )
    two.read(one.write(b""))
    one.read(stream.messages[1])
    return two.write(b"hello"), one.write(b"hello")


def _small_static(stream: _Stream, point: bytes) -> bytes:
    """Return a third message whose sealed static key is a point of small order."""
    side = Handshake(
        initiator=True,
        static_private=MASTER.x25519_private(),
        ephemeral_private=EPHEMERAL_OF_INITIATOR,
        prologue=prologue(stream.cluster),
    )
    side.write(b"")
    side.read(stream.messages[1])
    sealed = side._symmetric.seal(point)  # noqa: SLF001 - no honest side does this
    return sealed + bytes(16)


def _bad_fragments(stream: _Stream) -> list[Case]:
    """Return frames that open, and are no piece of a message as it must be cut."""
    cases = []
    rows: tuple[tuple[str, str, list[bytes]], ...] = (
        ("a message of no bytes", "At least one.", [bytes(4)]),
        (
            "a length of 655,361",
            "Refused with its first fragment.",
            [(655_361).to_bytes(4, "big") + bytes(8188)],
        ),
        (
            "a fragment that ends before its message",
            "The size follows from the length.",
            [(10).to_bytes(4, "big") + bytes(9)],
        ),
        ("a fragment that goes on behind its message", "The same.", [(10).to_bytes(4, "big") + bytes(11)]),
        ("three bytes of length", "The first fragment has all four.", [bytes(3)]),
        ("an empty frame", "No fragment is empty.", [b""]),
        ("a short first fragment", "8,192 but for the last.", [(9000).to_bytes(4, "big") + bytes(100)]),
        (
            "a second fragment too short",
            "What is missing.",
            [(8200).to_bytes(4, "big") + bytes(8188), bytes(11)],
        ),
        ("a second fragment too long", "The same.", [(8200).to_bytes(4, "big") + bytes(8188), bytes(13)]),
        ("a fragment of 8,193", "At most 8,192.", [(20_000).to_bytes(4, "big") + bytes(FRAGMENT_BYTES - 3)]),
    )
    for name, shows, fragments in rows:
        one, two = _side(stream.cluster, initiator=True), _side(stream.cluster, initiator=False)
        two.receive(one.open())
        one.receive(stream.messages[1])
        two.receive(stream.messages[2])
        cipher = one._ciphers  # noqa: SLF001 - an honest side cuts its messages otherwise
        assert cipher is not None
        frames = [cipher[0].encrypt(fragment) for fragment in fragments]
        for frame in frames[:-1]:
            two.receive(frame)
        parts: dict[str, Any] = {
            "kind": "received",
            "by": "responder",
            "cluster": stream.cluster.hex(),
            "frames": [frame.hex() for frame in (stream.messages[0], stream.messages[2], *frames)],
        }
        wrong = lambda t=two, f=frames: t.receive(f[-1])  # noqa: E731 - said once
        cases.append(invalid(name, shows, "wrong-fragment", wrong, **parts))
    return cases
