"""Asking without a group key: a HELLO that nobody can read, and that is a reason to ask its sender (A28)."""

from dusk.cycle.datagrams import HELLO_DATAGRAM_BYTES, Lack, Unreadable
from dusk.cycle.groupkeys import GroupKeys
from dusk.effects import SendDatagram, SendMulticast
from tests.cycle.ring import LAN, Ring


def test_a28_who_may_lead_and_has_no_group_key_knocks_where_it_would_have_asked() -> None:
    ring = Ring(3)
    first, other = ring.nodes[0], ring.nodes[1]
    for node in (first, other):
        node.station.channel.keys = GroupKeys()
        node.station.contacts.configure((node.address, node.address))
    knock, again = first.station.hello(bytes(8))
    assert isinstance(knock, SendMulticast)
    assert isinstance(again, SendDatagram)
    assert (knock.link, again.to, knock.data) == (LAN[0], first.address, again.data)
    assert len(knock.data) == HELLO_DATAGRAM_BYTES
    assert other.station.hello(bytes(8)) == []


def test_a_knock_can_be_read_by_nobody() -> None:
    ring = Ring(2)
    first, other = ring.nodes
    knock = first.station.channel.knock()
    opened = other.station.channel.open(knock, first.address, by_multicast=True)
    assert opened == Unreadable(first.address, Lack.QUESTION)
    assert knock[9:] != first.station.channel.knock()[9:]
