"""Headers and seals: what authenticates, and what is dropped for little."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.changelog.views import Member
from dusk.cycle.datagrams import Channel, Lack, Opened, Unreadable, cluster_tag, is_call
from dusk.cycle.groupkeys import GroupKeys, new_group_key
from dusk.cycle.messages import Kind
from dusk.cycle.peers import Peers, roster
from dusk.effects import Address
from dusk.errors import UntrustedInput
from dusk.ids import ClusterId, DeviceId
from dusk.keys.signing import SigningKey

CLUSTER = ClusterId(b"c" * 32)
SOURCE = Address("192.0.2.1", 3875)
KEYS = [SigningKey.from_seed(bytes((number,)) * 32) for number in range(4)]
MEMBERS = sorted(
    (Member(DeviceId(key.key_id), key.public, "r", "", (), retired=False) for key in KEYS[:3]),
    key=lambda member: member.device_id,
)
RING = GroupKeys((new_group_key(random.Random(1).randbytes, 0, GroupKeys().removal),))


def channel(number: int, cluster: ClusterId = CLUSTER) -> Channel:
    peers = Peers(KEYS[number], cluster)
    peers.take(roster(MEMBERS, [DeviceId(KEYS[0].key_id)]))
    made = Channel(peers, random.Random(number).randbytes)
    made.keys = RING
    return made


def sealed(sender: int, receiver: int, kind: Kind = Kind.RESPOND, plaintext: bytes = b"hi") -> bytes:
    made = channel(sender)
    peer = made._peers.get(DeviceId(KEYS[receiver].key_id))
    assert peer is not None
    return made.seal_to(peer, kind, plaintext)


def test_what_one_member_seals_the_other_opens() -> None:
    opened = channel(1).open(sealed(0, 1), SOURCE)
    assert isinstance(opened, Opened)
    assert opened.sender is not None
    assert (opened.kind, opened.plaintext) == (Kind.RESPOND, b"hi")
    assert opened.sender.public == KEYS[0].public


def test_what_is_sealed_for_all_any_member_opens() -> None:
    data = channel(0).seal_group(Kind.DATA, b"hi")
    opened = channel(2).open(data, SOURCE)
    assert isinstance(opened, Opened)
    assert (opened.sender, opened.plaintext, opened.size_bytes) == (None, b"hi", len(data))


def test_a12_a_datagram_for_another_device_or_played_back_is_refused() -> None:
    data = sealed(0, 1)
    for reader in (0, 2):
        with pytest.raises(UntrustedInput):
            channel(reader).open(data, SOURCE)


def test_a12_a_member_cannot_put_anothers_name_on_a_datagram() -> None:
    data = sealed(2, 1)
    forged = data[:9] + KEYS[0].key_id + data[25:]
    with pytest.raises(UntrustedInput, match="not authentic"):
        channel(1).open(forged, SOURCE)


def test_a_stranger_or_removed_device_is_not_heard() -> None:
    stranger = Channel(Peers(KEYS[3], CLUSTER), random.Random(1).randbytes)
    stranger._peers.take(roster(MEMBERS, []))
    peer = stranger._peers.get(DeviceId(KEYS[1].key_id))
    assert peer is not None
    with pytest.raises(UntrustedInput, match="not from another member"):
        channel(1).open(stranger.seal_to(peer, Kind.RESPOND, b"hi"), SOURCE)


def test_a_datagram_that_seals_nothing_is_refused_by_its_size() -> None:
    for data in (channel(0).seal_group(Kind.DATA, b""), sealed(0, 1, plaintext=b"")):
        with pytest.raises(UntrustedInput, match="wrong size"):
            channel(1).open(data, SOURCE)


@pytest.mark.parametrize("kind", [Kind.START, Kind.RESPOND])
def test_a_kind_cannot_be_turned_into_another(kind: Kind) -> None:
    data = channel(0).seal_group(kind, b"hi") if kind is Kind.START else sealed(0, 1, kind)
    other = Kind.DATA if kind is Kind.START else Kind.PONG
    with pytest.raises(UntrustedInput, match="not authentic"):
        channel(1).open(data[:8] + bytes((other,)) + data[9:], SOURCE)


def test_a8_bytes_of_another_cluster_are_refused() -> None:
    with pytest.raises(UntrustedInput, match="another cluster"):
        channel(1, ClusterId(b"d" * 32)).open(sealed(0, 1), SOURCE)


def test_a_start_or_a_hello_under_an_unknown_key_is_a_reason_to_ask_and_other_kinds_are_not() -> None:
    reader = channel(1)
    reader.keys = GroupKeys()
    start, hello, data = (channel(0).seal_group(kind, b"hi") for kind in (Kind.START, Kind.HELLO, Kind.DATA))
    assert reader.open(start, SOURCE) == Unreadable(SOURCE, Lack.KEY)
    assert reader.open(hello, SOURCE) == Unreadable(SOURCE, Lack.QUESTION)
    with pytest.raises(UntrustedInput, match="unknown group key"):
        reader.open(data, SOURCE)


def test_a_joiner_knows_by_their_tag_datagrams_that_are_for_all() -> None:
    tag = cluster_tag(CLUSTER)
    for kind in (Kind.START, Kind.REPEAT, Kind.HELLO):
        assert is_call(channel(0).seal_group(kind, b"hi"), tag)
        assert not is_call(channel(0).seal_group(kind, b"hi"), bytes(8))
    assert not is_call(channel(0).seal_group(Kind.DATA, b"hi"), tag)
    assert not is_call(b"", tag)


@pytest.mark.parametrize("kind", [0, 15, 255])
def test_an_unknown_kind_is_refused(kind: int) -> None:
    with pytest.raises(UntrustedInput, match="unknown kind"):
        channel(1).open(cluster_tag(CLUSTER) + bytes((kind,)) + bytes(100), SOURCE)


@given(st.binary(max_size=1300))
def test_any_other_bytes_are_refused_with_one_error(data: bytes) -> None:
    with pytest.raises(UntrustedInput):
        channel(1).open(data, SOURCE)


@given(st.integers(1, 8), st.binary(max_size=1300))
def test_any_bytes_behind_our_tag_are_refused_with_one_error(kind: int, data: bytes) -> None:
    reader = channel(1)
    try:
        opened = reader.open(cluster_tag(CLUSTER) + bytes((kind,)) + data, SOURCE)
    except UntrustedInput:
        return
    assert isinstance(opened, Unreadable)


def test_a_peer_is_kept_while_it_is_a_member_and_its_key_is_computed_once() -> None:
    peers = channel(0)._peers
    peer = peers.get(DeviceId(KEYS[1].key_id))
    assert peer is not None
    shared = peers.key_with(peer)
    peers.take(roster(MEMBERS, [DeviceId(KEYS[1].key_id)]))
    assert peers.get(peer.device_id) is peer
    assert peers.key_with(peer) is shared
    assert peers.holders() == [peer]
    assert peers.own_place is None
    peers.take(roster([m for m in MEMBERS if m.device_id != peer.device_id], []))
    assert peers.get(peer.device_id) is None
