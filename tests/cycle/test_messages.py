"""Plaintexts: what is written is read, and nothing else is."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec
from dusk.changelog.entry import SignedHead
from dusk.cycle import messages
from dusk.cycle.messages import (
    Answer,
    AnswerCode,
    Fragment,
    Held,
    Offer,
    Pong,
    Request,
    Respond,
    Rest,
    decode_answer,
    decode_fragment,
    decode_pong,
    decode_respond,
    decode_start,
    decode_submit,
    encode_submit,
    sign_start,
)
from dusk.cycle.questions import HELLO_BYTES, HELLO_LONG_BYTES, Forward, Hello, decode_forward, decode_hello
from dusk.errors import UntrustedInput
from dusk.ids import NO_CLUSTER, BootId, ChainHash, ChangeId, DeviceId, Head, Seq
from dusk.keys.signing import SigningKey

numbers = st.integers(0, 2**53 - 1)
positive = st.integers(1, 2**53 - 1)
eight = st.binary(min_size=8, max_size=8)
sixteen = st.binary(min_size=16, max_size=16)
thirty_two = st.binary(min_size=32, max_size=32)
heads = st.builds(Head, numbers, numbers, numbers, numbers.map(Seq), thirty_two.map(ChainHash))
rests = st.builds(
    Rest,
    cycle=positive,
    nonce=eight,
    echoes=st.lists(eight, max_size=8).map(tuple),
    time_s=numbers,
    bitmap=st.binary(min_size=8, max_size=32),
    slice_first=st.integers(0, 10_000),
    slice_count=st.integers(0, 256),
    window_ms=st.integers(1, 60_000),
    data=st.booleans(),
    sender=sixteen.map(DeviceId),
    certificate=st.none() | st.binary(max_size=99),
)
signed_heads = st.builds(SignedHead, heads, thirty_two, st.binary(min_size=64, max_size=64))
fragments = st.integers(1, 15).flatmap(
    lambda count: st.builds(
        Fragment,
        numbers,
        positive.map(Seq),
        eight,
        st.integers(0, count - 1),
        st.just(count),
        st.binary(max_size=60),
    )
)
responds = st.builds(
    Respond,
    positive,
    eight,
    heads,
    numbers.map(Seq),
    eight.map(BootId),
    st.none() | eight,
    st.none(),
    st.none() | st.binary(max_size=99),
    st.none() | st.binary(max_size=99),
    st.none() | st.binary(min_size=64, max_size=64),
    st.none() | st.builds(Offer, positive.map(Seq), thirty_two.map(ChainHash)),
)
requests = st.builds(
    Request,
    st.integers(1, 8),
    st.lists(st.builds(Held, eight, st.integers(0, 2**15 - 1)), max_size=8).map(tuple),
)
pongs = st.one_of(
    st.builds(Pong, st.none() | eight, st.just(0), st.none(), signed_heads),
    st.builds(Pong, st.none() | eight, positive, eight, signed_heads),
)
answers = st.builds(
    Answer,
    thirty_two.map(ChangeId),
    st.sampled_from(AnswerCode),
    numbers.map(Seq),
    st.text(max_size=50),
    st.sampled_from(["", "outside-grant"]),
)
KEY = SigningKey.from_seed(bytes(32))
DECODERS: tuple[Callable[[bytes], Any], ...] = (
    decode_start,
    messages.decode_rest,
    decode_fragment,
    decode_respond,
    decode_pong,
    decode_submit,
    decode_answer,
)


@given(heads, rests)
def test_a_start_is_read_as_it_was_signed(head: Head, rest: Rest) -> None:
    start = sign_start(KEY, NO_CLUSTER, head, rest)
    read = decode_start(start.encode())
    assert read == start
    assert read.signed_head.signed_by(KEY.public, NO_CLUSTER)


@given(fragments)
def test_data_is_read_as_it_was_written(fragment: Fragment) -> None:
    assert decode_fragment(fragment.encode()) == fragment


@given(responds, st.none() | requests)
def test_a_respond_is_read_as_it_was_written(respond: Respond, request: Request | None) -> None:
    asking = replace(respond, request=request, status=None if request else respond.status)
    assert decode_respond(asking.encode()) == asking


@given(responds, requests, st.binary(max_size=99))
def test_a_status_beside_a_request_is_refused(respond: Respond, request: Request, status: bytes) -> None:
    with pytest.raises(UntrustedInput, match="beside a request"):
        decode_respond(replace(respond, request=request, status=status).encode())


@given(heads, rests, st.binary(max_size=7))
def test_a_bitmap_is_never_shorter_than_eight_bytes(head: Head, rest: Rest, bitmap: bytes) -> None:
    start = sign_start(KEY, NO_CLUSTER, head, replace(rest, bitmap=bitmap))
    with pytest.raises(UntrustedInput, match="bitmap"):
        decode_start(start.encode())


@pytest.mark.parametrize(
    "asked",
    [[], [0], [9], [1, bytes(9)], [1, bytes(11)], [1, bytes(8) + b"\x80\0"], [1, 7], [1, *[bytes(10)] * 9]],
)
def test_a_request_has_its_number_and_only_pieces_that_a_batch_may_have(asked: list[object]) -> None:
    def respond(request: list[object]) -> bytes:
        head = (0, 0, 1, 1, bytes(32))
        return codec.pack((1, bytes(8), head, 0, bytes(8), None, request, None, None, None, None, None))

    assert decode_respond(respond([1, bytes(8) + b"\x7f\xff"])).request == Request(
        1, (Held(bytes(8), 2**15 - 1),)
    )
    with pytest.raises(UntrustedInput):
        decode_respond(respond(asked))


@given(eight, sixteen)
def test_a_forward_is_read_as_it_was_written(challenge: bytes, asker: bytes) -> None:
    forward = Forward(challenge, DeviceId(asker), bytes(8), is_proven=bool(asker[0] & 1))
    assert decode_forward(forward.encode()) == forward


@given(pongs)
def test_a_pong_is_read_as_it_was_written(pong: Pong) -> None:
    assert decode_pong(pong.encode()) == pong


@given(st.builds(Hello, sixteen.map(DeviceId), eight, st.booleans(), st.none() | st.integers(0, 65_535)))
def test_a_hello_is_always_as_long_as_any_pong_a15(hello: Hello) -> None:
    assert decode_hello(hello.encode()) == hello
    assert len(hello.encode()) == (HELLO_BYTES if hello.first is None else HELLO_LONG_BYTES)


@given(pongs)
def test_no_pong_of_a_real_cluster_is_longer_than_a_hello_a15(pong: Pong) -> None:
    head = Head(1, 1, 2**16 - 1, Seq(2**32 - 1), pong.signed_head.head.chain)
    signed = SignedHead(head, pong.signed_head.rest, pong.signed_head.signature)
    real = Pong(pong.challenge, min(pong.cycle, 2**32 - 1), pong.nonce, signed)
    pairwise, group = 65, 57
    assert len(real.encode()) + pairwise <= HELLO_BYTES + group


@given(st.binary(max_size=300), st.none() | st.binary(min_size=32, max_size=32).map(ChangeId))
def test_a_submit_is_read_as_it_was_written(change: bytes, after: ChangeId | None) -> None:
    assert decode_submit(encode_submit(change, after)) == (change, after)


@given(answers)
def test_an_answer_is_read_as_it_was_written(answer: Answer) -> None:
    assert decode_answer(answer.encode()) == answer


@pytest.mark.parametrize("decode", DECODERS)
@given(data=st.binary(max_size=200))
def test_any_other_bytes_are_refused_with_one_error(decode: Callable[[bytes], Any], data: bytes) -> None:
    try:
        read = decode(data)
    except UntrustedInput:
        return
    assert (read if isinstance(read, bytes) else read.encode()) in data


def test_a_hello_with_other_padding_is_refused() -> None:
    good = Hello(DeviceId(bytes(16)), bytes(8)).encode()
    with pytest.raises(UntrustedInput, match="padded"):
        decode_hello(good[:-1] + b"x")
    with pytest.raises(UntrustedInput, match="padded"):
        decode_hello(codec.pack([bytes(16), bytes(8), False, None, b""]))


def test_a_pong_that_leads_and_does_not_is_refused() -> None:
    head = SignedHead(Head(0, 0, 1, Seq(1), ChainHash(bytes(32))), bytes(32), bytes(64))
    with pytest.raises(UntrustedInput, match="leads"):
        decode_pong(Pong(None, 0, bytes(8), head).encode())


def test_echoes_that_are_cut_are_refused() -> None:
    rest = Rest(1, bytes(8), (bytes(7),), 0, bytes(8), 0, 1, 1, False, DeviceId(bytes(16)))
    with pytest.raises(UntrustedInput, match="echoes"):
        messages.decode_rest(rest.encode())


def test_a_reason_is_cut_when_it_is_sent_so_that_it_arrives() -> None:
    sent = Answer(ChangeId(bytes(32)), AnswerCode.REFUSED, Seq(0), "ä" * 150, "bad-config")
    read = decode_answer(sent.encode())
    assert read.reason == "ä" * 98 + "…"
    assert read.word == "bad-config"
