"""What who leads says to those who ask whether it lives (`specs/cycles.md`, section 5).

A PONG goes to where the question came from. A question that another member passed on for a device
which may not hear us has none: the next START echoes its challenge (A44).
"""

from collections.abc import Sequence
from dataclasses import replace

from dusk.cycle.datagrams import HELLO_DATAGRAM_BYTES, Opened
from dusk.cycle.echoes import Echoes
from dusk.cycle.messages import Pong, Start
from dusk.cycle.peers import Peer
from dusk.cycle.questions import decode_forward, decode_hello, decode_refer
from dusk.cycle.sent import Sent
from dusk.cycle.station import Station
from dusk.effects import Effect
from dusk.errors import UntrustedInput


class Pongs:
    """Answers of the device that leads to HELLO, ASK, REFER and FORWARD, and to challenges.

    Args:
        station: this device.
        sent: the newest STARTs, oldest first; they are the leader's.
        echoes: what the next START echoes.
    """

    def __init__(self, station: Station, sent: Sequence[Sent], echoes: Echoes) -> None:
        self._station, self._sent, self._echoes = station, sent, echoes

    def on_hello(self, opened: Opened, now: float) -> list[Effect]:
        """Answer a HELLO or ASK with a PONG.

        Raises:
            UntrustedInput: malformed, or from ourselves or a stranger.
        """
        hello = decode_hello(opened.plaintext)
        peer = self._station.asking(opened, hello)
        return self._asked(opened, peer, hello.challenge, now)

    def _asked(self, opened: Opened, peer: Peer, challenge: bytes, now: float) -> list[Effect]:
        if self._sent and peer.device_id not in self._sent[-1].answered:
            self._sent[-1].told.add(peer.device_id)
        if not peer.path.is_proven:
            peer.path.heard(opened.source, 0)  # what it answers shows that it is there
        return self._pong(opened, peer, challenge, now, proven=False)

    def _pong(
        self, opened: Opened, peer: Peer, challenge: bytes, now: float, *, proven: bool
    ) -> list[Effect]:
        newest = self._station.log.newest
        if newest is None or not self._sent:
            return []
        rest = self._sent[-1].start.rest
        pong = Pong(challenge, rest.cycle, rest.nonce, newest)
        return self._station.pong(opened, peer, pong, now, proven=proven)

    def answer_challenges(self, start: Start, now: float) -> list[Effect]:
        """Forget the challenges that this START echoes; the others get a PONG."""
        effects: list[Effect] = []
        for challenge, opened in self._echoes.sent(start.rest.echoes):
            assert opened.sender is not None, "a RESPOND is sealed pairwise"
            effects += self._pong(opened, opened.sender, challenge, now, proven=True)
        return effects

    def on_refer(self, opened: Opened, now: float) -> list[Effect]:
        """Answer a HELLO that another member was sent alone, where it came from: with no more bytes (A15).

        Raises:
            UntrustedInput: malformed, a recording, or the asker is no other member.
        """
        refer = decode_refer(opened.plaintext)
        asker = self._station.peers.get(refer.asker)
        if asker is None:
            raise UntrustedInput("REFER: for no other member")
        self._names_a_start(refer.nonce, "REFER")
        question = replace(opened, source=refer.source, size_bytes=HELLO_DATAGRAM_BYTES)
        return self._asked(question, asker, refer.challenge, now)

    def on_forward(self, opened: Opened) -> None:
        """Take the question of a holder that may not hear us, from a member that does (A44).

        Raises:
            UntrustedInput: malformed, a recording, or the asker is no other holder.
        """
        forward = decode_forward(opened.plaintext)
        assert opened.sender is not None, "a FORWARD is sealed pairwise"
        if self._station.peers.holder(forward.asker) is None:
            raise UntrustedInput("FORWARD: for no other holder of our succession")
        self._names_a_start(forward.nonce, "FORWARD")
        self._echoes.forwarded(opened.sender.device_id, forward)

    def _names_a_start(self, nonce: bytes, what: str) -> None:
        """Check that what a member passes on is no recording: it heard one of our newest STARTs."""
        if not any(sent.start.rest.nonce == nonce for sent in self._sent):
            raise UntrustedInput(f"{what}: names no START of ours, or an old one")
