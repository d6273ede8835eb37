"""Acknowledgements and certificates: their form, and what they prove by themselves."""

from dataclasses import replace

import pytest

from dusk import codec, limits
from dusk.changelog.certificate import ACK_LABEL, Certificate, decode_certificate, sign_ack, verify_ack
from dusk.changelog.entry import pack_head
from dusk.effects import ItemKind
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, ClusterId, DeviceId, Head, Seq, labelled_hash
from dusk.keys.signing import SigningKey, verify

KEY = SigningKey.from_seed(b"k" * 32)
CLUSTER = ClusterId(b"c" * 32)
HEAD = Head(0, 1, 3, Seq(9), ChainHash(b"h" * 32))
ACK = sign_ack(KEY, CLUSTER, HEAD)
ROW = [0, 1, 3, 9, b"h" * 32]


def test_an_acknowledgement_is_over_the_head_under_its_own_label() -> None:
    data = labelled_hash(b"dusk.ack", pack_head(HEAD))
    assert verify(KEY.public, ACK_LABEL, CLUSTER, data, ACK)
    assert verify_ack(KEY.public, CLUSTER, HEAD, ACK)


@pytest.mark.parametrize(
    "head",
    [
        replace(HEAD, generation=1),
        replace(HEAD, mandate=0),
        replace(HEAD, epoch=4),
        replace(HEAD, seq=Seq(10)),
        replace(HEAD, chain=ChainHash(bytes(32))),
    ],
)
def test_a41_an_acknowledgement_is_for_one_head_alone(head: Head) -> None:
    assert not verify_ack(KEY.public, CLUSTER, head, ACK)


def test_a8_an_acknowledgement_is_for_one_cluster_alone() -> None:
    assert not verify_ack(KEY.public, ClusterId(bytes(32)), HEAD, ACK)


def test_a_certificate_is_read_as_it_was_made() -> None:
    devices = {DeviceId(bytes([number]) * 16): bytes([number]) * 64 for number in (9, 3, 7)}
    certificate = Certificate.of(HEAD, devices)
    assert [device[0] for device, _ in certificate.acks] == [3, 7, 9]
    item = certificate.item()
    assert (item.kind, item.data) == (ItemKind.CERTIFICATE, certificate.encode())
    assert decode_certificate(item.data) == certificate


def test_the_largest_certificate_is_within_its_bound() -> None:
    top = 2**53 - 1
    devices = {DeviceId(bytes([number]) * 16): bytes(64) for number in range(limits.CERTIFICATE_ACKS_MAX)}
    largest = Certificate.of(Head(top, top, top, Seq(top), HEAD.chain), devices)
    assert decode_certificate(largest.encode()) == largest


@pytest.mark.parametrize(
    ("acks", "says"),
    [
        ([], "1 to"),
        ([[bytes([n]) * 16, bytes(64)] for n in range(limits.CERTIFICATE_ACKS_MAX + 1)], "1 to"),
        ([[b"b" * 16, bytes(64)], [b"a" * 16, bytes(64)]], "sorted"),
        ([[b"a" * 16, bytes(64)], [b"a" * 16, bytes(64)]], "sorted"),
        ([[b"a" * 15, bytes(64)]], "not of 16"),
        ([[b"a" * 16, bytes(63)]], "not of 64"),
        ([[b"a" * 16]], "not an array of 2"),
    ],
)
def test_a17_acknowledgements_are_sorted_and_bounded(acks: list[object], says: str) -> None:
    with pytest.raises(UntrustedInput, match=says):
        decode_certificate(codec.pack([ROW, acks]))


def test_a17_the_head_of_a_certificate_is_a_head() -> None:
    with pytest.raises(UntrustedInput):
        decode_certificate(codec.pack([ROW[:4], [[b"a" * 16, bytes(64)]]]))
    with pytest.raises(UntrustedInput):
        decode_certificate(b"\x92")
