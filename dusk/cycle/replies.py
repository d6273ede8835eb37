"""What a device that follows says to those who ask who lives (`specs/cycles.md`, section 6)."""

from dusk.cycle.asking import Him
from dusk.cycle.datagrams import Opened
from dusk.cycle.far_messages import Refer, can_be_routed
from dusk.cycle.messages import Hello, Kind, Pong, decode_hello
from dusk.cycle.peers import Peer
from dusk.cycle.relays import Relays
from dusk.cycle.station import PONG_GAP_S, Station
from dusk.effects import Effect, SendDatagram

HELLO_ANSWERS = 16
"""How many members, on average, answer the HELLO of one that may lead."""
FORWARDERS = 4
"""How many of those, on average, pass it on to the master that they hear."""


class Replies:
    """Answers to HELLO and ASK of a device that does not lead.

    Args:
        station: this device.
        relays: passes a holder's question on to the master.
    """

    def __init__(self, station: Station, relays: Relays) -> None:
        self._station, self._relays = station, relays

    def on_hello(self, opened: Opened, him: Him, now: float, *, is_fresh: bool) -> list[Effect]:
        """Answer an ASK, or a HELLO that came to this device alone, by a PONG that says that we do not lead.

        Such a HELLO is of a device that hears no multicast: every other one is passed on to the
        master, who answers it himself; so nobody gets more than he sent (A15).

        A HELLO to all is for who leads. One by a device that may lead, by our log or its own older one,
        some others answer too: it would else lead, and write what it forgot anew (A28). That one may
        also not hear the master that we hear: then its question is passed on (A44).

        Args:
            opened: the HELLO or ASK.
            him: who was heard to lead lately, and where; None: nobody, or that is not known.
            now: monotonic seconds.
            is_fresh: whether that is beyond doubt.

        Raises:
            UntrustedInput: malformed, or from ourselves or a stranger.
        """
        hello = decode_hello(opened.plaintext)
        peer = self._station.asking(opened, hello)
        newest = self._station.log.newest
        chance = self._chance(opened, hello)
        if newest is None or chance >= HELLO_ANSWERS:
            return []
        effects = self._refer(opened, hello, peer, him, now)
        if not effects:
            effects = self._station.pong(opened, peer, Pong(hello.challenge, 0, None, newest), now)
        if chance >= FORWARDERS or him is None or not is_fresh:
            return effects
        return effects + self._relays.ask(opened, hello, him, now)

    def _chance(self, opened: Opened, hello: Hello) -> float:
        """Draw a number below the count of members: of many only some answer a HELLO to all."""
        if opened.kind is Kind.ASK or not opened.by_multicast:
            return 0.0
        peers = self._station.peers
        may_lead = hello.may_lead or peers.holder(hello.sender) is not None
        return self._station.fraction() * peers.count if may_lead else float("inf")

    def _refer(self, opened: Opened, hello: Hello, peer: Peer, him: Him, now: float) -> list[Effect]:
        """Tell the master of a HELLO that came here alone, if it is one of those that he answers."""
        station = self._station
        if opened.kind is not Kind.HELLO or opened.by_multicast or not hello.challenge[0] & 1:
            return []
        if him is None or him[0] is peer or not can_be_routed(opened.source.host):
            return []
        leader, at = him
        if now - peer.pong_at < PONG_GAP_S:
            return []
        peer.pong_at = now
        refer = Refer(hello.challenge, peer.device_id, opened.source)
        return [SendDatagram(station.channel.seal_to(leader, Kind.REFER, refer.encode()), at)]
