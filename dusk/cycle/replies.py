"""What a device that follows says to those who ask who lives (`specs/cycles.md`, section 6)."""

from dusk.cycle.datagrams import Opened
from dusk.cycle.far_messages import can_be_routed
from dusk.cycle.messages import Kind, Pong
from dusk.cycle.peers import Peer
from dusk.cycle.questions import Hello, Refer, decode_hello
from dusk.cycle.relays import Master, Relays
from dusk.cycle.station import HELLO_ANSWERS, PONG_GAP_S, Station
from dusk.effects import Effect, SendDatagram


class Replies:
    """Answers to HELLO and ASK of a device that does not lead.

    Args:
        station: this device.
        relays: passes a holder's question on to the master.
    """

    def __init__(self, station: Station, relays: Relays) -> None:
        self._station, self._relays = station, relays

    def on_hello(self, opened: Opened, master: Master | None, now: float, *, is_fresh: bool) -> list[Effect]:
        """Answer an ASK, or a HELLO that came to this device alone; of a HELLO to all, if it is our turn.

        The answer is a PONG that says that we do not lead. A HELLO that came alone is of a device
        that hears no multicast: every other one is passed on to the master, who answers it himself.

        A HELLO to all is for who leads. One by a device that may lead, by our log or its own older one,
        some others answer too: it would else lead, and write what it forgot anew (A28). That one may
        also not hear the master that we hear: then its question is passed on (A44), and comes back
        with his START. Of what came alone that is the answer: nobody gets more than he sent (A15).

        Args:
            opened: the HELLO or ASK.
            master: whose STARTs were heard lately; None: nobody's, or it is not known where he is.
            now: monotonic seconds.
            is_fresh: whether that is beyond doubt.

        Raises:
            UntrustedInput: malformed, or from ourselves or a stranger.
        """
        hello = decode_hello(opened.plaintext)
        peer = self._station.asking(opened, hello)
        newest = self._station.log.newest
        hears_one = is_fresh or master is not None
        if newest is None or not self._is_our_turn(opened, hello, hears_one=hears_one):
            return []
        referred = self._refer(opened, hello, peer, master, now)
        if referred:
            return referred
        passed_on = [] if master is None or not is_fresh else self._relays.ask(opened, hello, master, now)
        if passed_on and hello.first is None:
            return passed_on
        pong = self._station.pong(opened, peer, Pong(hello.challenge, 0, None, newest), now)
        return [*pong, *passed_on]

    def _is_our_turn(self, opened: Opened, hello: Hello, *, hears_one: bool) -> bool:
        """Tell whether we answer: of a HELLO to all only the few that it names do.

        One that names nobody is of a device that may not lead by its own log. If it may by ours, and
        nobody is heard to lead, one of us answers, which its challenge draws.
        """
        if opened.kind is Kind.ASK or not opened.by_multicast:
            return hello.first is None
        peers = self._station.peers
        if peers.own_index is None:
            return False
        if hello.first is not None:
            return (peers.own_index - hello.first) % peers.count < HELLO_ANSWERS
        drawn = int.from_bytes(hello.challenge[-2:], "big") % peers.count
        return not hears_one and drawn == peers.own_index and peers.holder(hello.sender) is not None

    def _refer(
        self, opened: Opened, hello: Hello, peer: Peer, master: Master | None, now: float
    ) -> list[Effect]:
        """Tell the master of a HELLO that came here alone, if it is one of those that he answers."""
        if opened.kind is not Kind.HELLO or opened.by_multicast or not hello.challenge[0] & 1:
            return []
        if master is None or master.peer is peer or not can_be_routed(opened.source.host):
            return []
        if now - peer.pong_at < PONG_GAP_S:
            return []
        peer.pong_at = now
        refer = Refer(hello.challenge, peer.device_id, opened.source, master.nonce).encode()
        return [SendDatagram(self._station.channel.seal_to(master.peer, Kind.REFER, refer), master.at)]
