"""What brings members of other networks together, in bytes."""

import pytest

from dusk import codec
from dusk.cycle.far_messages import (
    Repeat,
    Via,
    can_be_routed,
    decode_bundle,
    decode_repeat,
    decode_via,
    encode_bundle,
)
from dusk.cycle.questions import REFER_BYTES, Refer, decode_refer
from dusk.effects import Address
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId

ASKER = DeviceId(b"a" * 16)
REFER = Refer(b"c" * 8, ASKER, Address("198.51.100.7", 3875), b"nonce-it")


@pytest.mark.parametrize("host", ["198.51.100.7", "10.1.2.3", "2001:db8::1", "fd00::1", "127.0.0.2"])
def test_an_address_that_can_be_routed_is_read_as_it_was_written(host: str) -> None:
    refer = Refer(b"c" * 8, ASKER, Address(host, 65535), b"nonce-it")
    assert can_be_routed(host)
    assert decode_refer(refer.encode()) == refer


@pytest.mark.parametrize(
    "host",
    [
        "fe80::1%lan",
        "fe80::1",
        "2001:db8::1%lan",
        "169.254.1.1",
        "239.255.38.75",
        "ff12::3875",
        "0.0.0.0",
        "::",
        "255.255.255.255",
        "router",
        "2001:DB8::1",
        "2001:db8:0::1",
        "",
    ],
)
def test_a15_what_is_no_device_beyond_the_link_is_no_address_to_answer_at(host: str) -> None:
    assert not can_be_routed(host)
    with pytest.raises(UntrustedInput):
        decode_refer(Refer(b"c" * 8, ASKER, Address(host, 3875), b"nonce-it").encode())


@pytest.mark.parametrize(
    "row",
    [
        (b"c" * 7, ASKER, "10.0.0.1", 1, bytes(8)),
        (b"c" * 8, ASKER[1:], "10.0.0.1", 1, bytes(8)),
        (b"c" * 8, ASKER, b"10.0.0.1", 1, bytes(8)),
        (b"c" * 8, ASKER, "10.0.0.1", 0, bytes(8)),
        (b"c" * 8, ASKER, "10.0.0.1", 65536, bytes(8)),
        (b"c" * 8, ASKER, "10.0.0.1", 1, bytes(9)),
        (b"c" * 8, ASKER, "10.0.0.1", 1),
    ],
)
def test_a17_a_refer_of_another_form_is_refused(row: tuple[object, ...]) -> None:
    padding = REFER_BYTES - len(codec.pack(row)) - 2
    with pytest.raises(UntrustedInput):
        decode_refer(codec.pack((*row, bytes(padding))))


@pytest.mark.parametrize("padding", [b"", bytes(150), b"\x01" * 155])
def test_a15_a_refer_that_is_not_as_long_as_a_hello_is_refused(padding: bytes) -> None:
    row = (b"c" * 8, ASKER, "198.51.100.7", 3875, bytes(8))
    with pytest.raises(UntrustedInput, match="padded"):
        decode_refer(codec.pack((*row, padding)))
    assert len(REFER.encode()) == REFER_BYTES


def test_repeats_ways_and_bundles_are_read_as_they_were_written() -> None:
    for repeat in (Repeat(ASKER, b"start"), Repeat(ASKER, None)):
        assert decode_repeat(repeat.encode()) == repeat
    for via in (Via(b"p" * 8, ASKER), Via(None, ASKER)):
        assert decode_via(codec.unpack(codec.pack((via.row(),)), size_max=99)[0]) == via
    answers = (b"one", b"other")
    assert decode_bundle(encode_bundle(answers)) == answers


@pytest.mark.parametrize("answers", [[], [b"a"] * 17, ["text"]])
def test_a17_a_bundle_of_another_form_is_refused(answers: list[object]) -> None:
    with pytest.raises(UntrustedInput):
        decode_bundle(codec.pack(answers))
