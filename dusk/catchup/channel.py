"""One encrypted stream: Noise handshake, then whole messages cut into frames (`specs/catchup.md`).

A message is its length (four bytes, big-endian) and its bytes, cut into fragments of exactly
``FRAGMENT_BYTES``, the last one shorter or equal; each fragment is one Noise message. So the
length is checked before anything is kept (R10), and a sender that must deliver a frame in
time delivers a known number of bytes in that time: nobody holds a stream by trickling (A6).
"""

from dusk.catchup.noise import CipherState, Handshake
from dusk.errors import UntrustedInput
from dusk.ids import ClusterId
from dusk.lazy import dataclass
from dusk.limits import ANSWER_BYTES_MAX, FRAGMENT_BYTES

_LENGTH_BYTES = 4
_PROLOGUE = b"dusk.stream\0\x01"
"""Protocol and version; the cluster id follows."""


def prologue(cluster_id: ClusterId) -> bytes:
    """Return what both sides of a stream must agree on before any key is used."""
    return _PROLOGUE + cluster_id


@dataclass(frozen=True, slots=True)
class Step:
    """What one frame led to: frames to send, and a message if this frame was its last."""

    frames: tuple[bytes, ...] = ()
    message: bytes | None = None


class Channel:
    """One side of one stream; after any error it is dead (A16).

    Args:
        initiator: whether this side connected.
        static_private: 32 bytes, X25519 form of this device's key.
        ephemeral_private: 32 fresh random bytes.
        cluster_id: 32 bytes.
        message_bytes_max: largest message to take in; may be set again at any time.
    """

    def __init__(
        self,
        *,
        initiator: bool,
        static_private: bytes,
        ephemeral_private: bytes,
        cluster_id: ClusterId,
        message_bytes_max: int,
    ) -> None:
        self._initiator = initiator
        self._handshake = Handshake(
            initiator=initiator,
            static_private=static_private,
            ephemeral_private=ephemeral_private,
            prologue=prologue(cluster_id),
        )
        self._ciphers: tuple[CipherState, CipherState] | None = None
        self._dead = False
        self._buffer = bytearray()
        self._missing_bytes = 0
        self.message_bytes_max = message_bytes_max

    @property
    def established(self) -> bool:
        """Whether the handshake is done and nothing went wrong since."""
        return self._ciphers is not None and not self._dead

    @property
    def remote_static(self) -> bytes:
        """The other side's proven X25519 key; raises `UntrustedInput` before there is one."""
        return self._handshake.remote_static

    @property
    def hash(self) -> bytes:
        """Names this very stream, 32 bytes; raises `UntrustedInput` before it is established."""
        return self._handshake.hash

    def open(self) -> bytes:
        """Return the initiator's first frame; once."""
        return self._handshake.write(b"")

    def send(self, message: bytes) -> tuple[bytes, ...]:
        """Return the frames of a message.

        Raises:
            UntrustedInput: not established, or dead.
        """
        if self._ciphers is None or self._dead:
            raise UntrustedInput("stream: not open")
        stream = len(message).to_bytes(_LENGTH_BYTES, "big") + message
        cipher = self._ciphers[0]
        return tuple(
            cipher.encrypt(stream[at : at + FRAGMENT_BYTES]) for at in range(0, len(stream), FRAGMENT_BYTES)
        )

    def receive(self, frame: bytes) -> Step:
        """Take one frame.

        Raises:
            UntrustedInput: anything that is not the next frame of an honest peer.
        """
        if self._dead:
            raise UntrustedInput("stream: failed earlier")
        self._dead = True
        step = self._shake(frame) if self._ciphers is None else self._take(self._ciphers[1].decrypt(frame))
        self._dead = False
        return step

    def _shake(self, frame: bytes) -> Step:
        """Take a handshake message, and write ours if it is our turn."""
        if self._handshake.read(frame):
            raise UntrustedInput("stream: a handshake carries nothing")
        frames = () if self._handshake.done else (self._handshake.write(b""),)
        if self._handshake.done:
            self._ciphers = self._handshake.split()
        return Step(frames)

    def _take(self, fragment: bytes) -> Step:
        """Take a fragment; its size must be the one that the message's length asks for."""
        if not self._missing_bytes:
            fragment = self._begin(fragment)
        elif len(fragment) != min(self._missing_bytes, FRAGMENT_BYTES):
            raise UntrustedInput("stream: fragment of wrong size")
        self._buffer += fragment
        self._missing_bytes -= len(fragment)
        if self._missing_bytes:
            return Step()
        message = bytes(self._buffer)
        self._buffer.clear()
        return Step(message=message)

    def _begin(self, fragment: bytes) -> bytes:
        """Read the length off a message's first fragment and bound it."""
        length = int.from_bytes(fragment[:_LENGTH_BYTES], "big")
        if not 0 < length <= self.message_bytes_max:
            raise UntrustedInput(f"stream: message of {length} bytes, at most {self.message_bytes_max}")
        if len(fragment) != min(_LENGTH_BYTES + length, FRAGMENT_BYTES):
            raise UntrustedInput("stream: fragment of wrong size")
        self._missing_bytes = length
        return fragment[_LENGTH_BYTES:]


def client_channel(static_private: bytes, ephemeral_private: bytes, cluster_id: ClusterId) -> Channel:
    """Return a fresh channel for a client."""
    return Channel(
        initiator=True,
        static_private=static_private,
        ephemeral_private=ephemeral_private,
        cluster_id=cluster_id,
        message_bytes_max=ANSWER_BYTES_MAX,
    )
