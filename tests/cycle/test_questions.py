"""Questions of another form are refused where it is read, whatever else would refuse them later (A17)."""

from typing import Any

import pytest

from dusk import codec
from dusk.cycle.far_messages import HOST_BYTES_MAX
from dusk.cycle.questions import (
    HELLO_BYTES,
    HELLO_LONG_BYTES,
    REFER_BYTES,
    Forward,
    Hello,
    _padded,
    decode_forward,
    decode_hello,
    decode_refer,
)
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId

ID, ASKED, HOST = DeviceId(b"i" * 16), b"asked-it", "198.51.100.7"


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ((ID, ASKED, True), "HELLO: not an array of 5"),
        ((ID[1:], ASKED, True, None), "HELLO sender"),
        ((ID, ASKED[1:], True, None), "HELLO challenge"),
        ((ID, ASKED, 1, None), "HELLO may lead"),
        ((ID, ASKED, True, -1), "HELLO first"),
        ((ID, ASKED, True, 2**16), "HELLO first"),
        ((ID, ASKED, True, ""), "HELLO first"),
    ],
)
def test_a17_a_hello_of_another_form_is_refused(row: tuple[Any, ...], text: str) -> None:
    size = HELLO_BYTES if len(row) < 4 or row[3] is None else HELLO_LONG_BYTES
    with pytest.raises(UntrustedInput, match=text):
        decode_hello(_padded(row, size))


@pytest.mark.parametrize("first", [None, 0, 2**16 - 1])
def test_a15_a_hello_is_exactly_as_long_as_its_answers_may_be(first: int | None) -> None:
    hello = Hello(ID, ASKED, first=first)
    size = len(hello.encode())
    assert decode_hello(hello.encode()) == hello
    for other in (size - 1, size + 1, HELLO_BYTES if size > HELLO_BYTES else HELLO_LONG_BYTES):
        with pytest.raises(UntrustedInput, match="HELLO: not padded as it must be"):
            decode_hello(_padded((ID, ASKED, False, first), other))


@pytest.mark.parametrize(
    ("padding", "text"),
    [
        (None, "HELLO padding"),
        (bytes(HELLO_LONG_BYTES + 1), "HELLO padding"),
    ],
)
def test_a17_only_zero_bytes_pad_a_question(padding: bytes | None, text: str) -> None:
    with pytest.raises(UntrustedInput, match=text):
        decode_hello(codec.pack((ID, ASKED, True, None, padding)))
    with pytest.raises(UntrustedInput, match="HELLO: not padded"):
        decode_hello(Hello(ID, ASKED).encode()[:-1] + b"\1")


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ((ASKED, ID, ASKED), "FORWARD: not an array of 4"),
        ((ASKED[1:], ID, ASKED, True), "FORWARD challenge"),
        ((ASKED, ID[1:], ASKED, True), "FORWARD asker"),
        ((ASKED, ID, ASKED[1:], True), "FORWARD nonce"),
        ((ASKED, ID, ASKED, 1), "FORWARD proven"),
    ],
)
def test_a17_a_forward_of_another_form_is_refused(row: tuple[Any, ...], text: str) -> None:
    with pytest.raises(UntrustedInput, match=text):
        decode_forward(codec.pack(row))
    forward = Forward(ASKED, ID, ASKED, is_proven=True)
    assert decode_forward(forward.encode()) == forward


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ((ASKED, ID, HOST, 1), "REFER: not an array of 6"),
        ((ASKED[1:], ID, HOST, 1, ASKED), "REFER challenge"),
        ((ASKED, ID[1:], HOST, 1, ASKED), "REFER asker"),
        ((ASKED, ID, HOST.encode(), 1, ASKED), "REFER host"),
        ((ASKED, ID, "1" * (HOST_BYTES_MAX + 1), 1, ASKED), "REFER host"),
        ((ASKED, ID, "1" * HOST_BYTES_MAX, 1, ASKED), "REFER: not the address"),
        ((ASKED, ID, "fe80::1", 1, ASKED), "REFER: not the address"),
        ((ASKED, ID, HOST, 0, ASKED), "REFER port"),
        ((ASKED, ID, HOST, 65536, ASKED), "REFER port"),
        ((ASKED, ID, HOST, 1, ASKED[1:]), "REFER nonce"),
    ],
)
def test_a17_a_refer_of_another_form_is_refused(row: tuple[Any, ...], text: str) -> None:
    with pytest.raises(UntrustedInput, match=text):
        decode_refer(_padded(row, REFER_BYTES))


def test_a15_a_refer_is_exactly_as_long_as_a_question() -> None:
    row = (ASKED, ID, HOST, 3875, ASKED)
    assert decode_refer(_padded(row, REFER_BYTES)).source.host == HOST
    for size in (REFER_BYTES - 1, REFER_BYTES + 1):
        with pytest.raises(UntrustedInput, match="REFER: not padded as it must be"):
            decode_refer(_padded(row, size))
