"""Whether what comes is signed by who may lead, and fits our log: asked before anything is noted."""

from dusk.changelog.certificate import Certificate, decode_certificate
from dusk.changelog.entry import SignedHead
from dusk.cycle.messages import Start
from dusk.cycle.peers import Peer, Peers
from dusk.cycle.station import LogView
from dusk.errors import UntrustedInput
from dusk.ids import Head


class NoHolder(UntrustedInput):
    """A START, or a head in a PONG, by who may not lead in our log: junk, or the succession has changed."""


def signer_of(start: Start, peers: Peers) -> Peer:
    """Return the other holder of our succession that signed a START.

    Raises:
        NoHolder: its sender is none of them.
        UntrustedInput: that one did not (A11).
    """
    sender = peers.holder(start.rest.sender)
    if sender is None:
        raise NoHolder("START: not by a holder of our succession")
    if not start.signed_head.signed_by(sender.public, peers.cluster):
        raise UntrustedInput("START: not signed by its sender")
    return sender


def is_by_holder(signed: SignedHead, peers: Peers) -> bool:
    """Tell whether a holder, this device among them, signed a head; a member may pass on another's."""
    publics = [peer.public for peer in peers.holders()] + [peers.own.public]
    return any(signed.signed_by(public, peers.cluster) for public in publics)


def is_other_history(head: Head, log: LogView) -> bool:
    """Tell whether a signed head contradicts what we hold: two heads for one position (A13)."""
    known = log.chain_at(head.seq)
    return known is not None and known != head.chain


def certificate_in(start: Start, log: LogView) -> Certificate | None:
    """Return the certificate in a START if it would settle more; the log verifies it.

    Raises:
        UntrustedInput: it is no certificate.
    """
    if start.rest.certificate is None:
        return None
    certificate = decode_certificate(start.rest.certificate)
    return certificate if certificate.head.seq > log.settled else None
