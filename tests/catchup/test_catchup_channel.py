"""Streams fail closed, and a message's size is known before anything of it is kept."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.catchup.channel import Channel
from dusk.errors import UntrustedInput
from dusk.ids import ClusterId
from dusk.limits import FRAGMENT_BYTES

CLUSTER = ClusterId(b"c" * 32)
MAX = 100_000


def _channel(*, initiator: bool, cluster: ClusterId = CLUSTER, ephemeral: bytes = b"e" * 32) -> Channel:
    static = (b"i" if initiator else b"r") * 32
    return Channel(
        initiator=initiator,
        static_private=static,
        ephemeral_private=ephemeral,
        cluster_id=cluster,
        message_bytes_max=MAX,
    )


def _pair() -> tuple[Channel, Channel]:
    left, right = _channel(initiator=True), _channel(initiator=False, ephemeral=b"f" * 32)
    (second,) = right.receive(left.open()).frames
    (third,) = left.receive(second).frames
    assert right.receive(third).frames == ()
    return left, right


@given(st.binary(min_size=1, max_size=3 * FRAGMENT_BYTES), st.booleans())
def test_messages_arrive_whole_in_both_directions(message: bytes, forth: bool) -> None:  # noqa: FBT001  drawn
    left, right = _pair()
    sender, receiver = (left, right) if forth else (right, left)
    for _ in range(2):
        *parts, last = sender.send(message)
        assert all(receiver.receive(part).message is None for part in parts)
        assert receiver.receive(last).message == message


def test_both_sides_name_the_stream_and_each_other_alike() -> None:
    left, right = _pair()
    assert left.hash == right.hash
    assert left.remote_static != right.remote_static
    assert left.established
    assert right.established


def test_nothing_is_sent_before_the_handshake_is_done() -> None:
    with pytest.raises(UntrustedInput):
        _channel(initiator=True).send(b"x")


def _dead(channel: Channel, frame: bytes) -> None:
    with pytest.raises(UntrustedInput):
        channel.receive(frame)
    assert not channel.established
    with pytest.raises(UntrustedInput):
        channel.receive(frame)
    with pytest.raises(UntrustedInput):
        channel.send(b"x")


@pytest.mark.parametrize("wrong_length", [0, MAX + 1])
def test_a6_a_stream_whose_message_had_a_wrong_length_takes_not_even_a_good_one(wrong_length: int) -> None:
    left, right = _pair()
    assert left._ciphers is not None
    with pytest.raises(UntrustedInput):
        right.receive(left._ciphers[0].encrypt(wrong_length.to_bytes(4, "big")))
    (due,) = left.send(b"due")
    with pytest.raises(UntrustedInput, match="stream: failed earlier"):
        right.receive(due)


FIRST: dict[str, Callable[[bytes], bytes]] = {
    "all-zero point": lambda f: bytes(len(f)),
    "truncated": lambda f: f[:-1],
    "empty": lambda f: b"",
    "with a payload": lambda f: f + b"hello",
    "oversized": lambda f: f + bytes(70_000),
}


@pytest.mark.parametrize("name", FIRST)
def test_a16_a_bad_first_message_fails_closed(name: str) -> None:
    _dead(_channel(initiator=False), FIRST[name](_channel(initiator=True).open()))


@given(st.integers(0, 200), st.integers(1, 255))
def test_a16_a_changed_handshake_message_fails_closed(at: int, flip: int) -> None:
    left, right = _channel(initiator=True), _channel(initiator=False, ephemeral=b"f" * 32)
    (second,) = right.receive(left.open()).frames
    at %= len(second)
    _dead(left, second[:at] + bytes([second[at] ^ flip]) + second[at + 1 :])


def test_a16_another_prologue_fails_closed() -> None:
    left = _channel(initiator=True)
    right = _channel(initiator=False, cluster=ClusterId(b"d" * 32), ephemeral=b"f" * 32)
    (second,) = right.receive(left.open()).frames
    _dead(left, second)


def test_a16_a_replayed_first_message_gives_no_stream() -> None:
    left = _channel(initiator=True)
    first = left.open()
    right = _channel(initiator=False, ephemeral=b"f" * 32)
    (second,) = right.receive(first).frames
    (third,) = left.receive(second).frames
    again = _channel(initiator=False, ephemeral=b"g" * 32)
    again.receive(first)
    _dead(again, third)


def test_a16_messages_out_of_order_fail_closed() -> None:
    right = _channel(initiator=False)
    first = _channel(initiator=True).open()
    right.receive(first)
    _dead(right, first)
    left = _channel(initiator=True)
    _dead(left, first)


@pytest.mark.parametrize("trick", ["repeated", "left out", "changed", "cut"])
def test_a16_frames_of_an_open_stream_come_once_whole_and_in_order(trick: str) -> None:
    left, right = _pair()
    one, two = (left.send(m)[0] for m in (b"one", b"two"))
    if trick == "repeated":
        right.receive(one)
    _dead(right, {"repeated": one, "left out": two, "changed": one[:-1] + b"?", "cut": one[:-1]}[trick])


def _raw(length: int, *sizes: int) -> tuple[Channel, list[bytes]]:
    """Return a receiver, and fragments of the given sizes under a message's length."""
    left, right = _pair()
    cipher = left._ciphers
    assert cipher is not None
    parts = [length.to_bytes(4, "big") + bytes(sizes[0]), *(bytes(size) for size in sizes[1:])]
    return right, [cipher[0].encrypt(part) for part in parts]


@pytest.mark.parametrize(
    ("length", "sizes"),
    [
        (0, (0,)),
        (MAX + 1, (FRAGMENT_BYTES - 4,)),
        (2**32 - 1, (FRAGMENT_BYTES - 4,)),
        (10, (9,)),
        (10, (11,)),
        (10, (0,)),
    ],
)
def test_a6_a_message_of_wrong_length_is_cut_off_with_its_first_fragment(
    length: int, sizes: tuple[int, ...]
) -> None:
    right, frames = _raw(length, *sizes)
    _dead(right, frames[0])


@pytest.mark.parametrize("second", [0, 1, FRAGMENT_BYTES - 1])
def test_a6_a_trickle_of_small_fragments_is_cut_off(second: int) -> None:
    right, frames = _raw(3 * FRAGMENT_BYTES, FRAGMENT_BYTES - 4, second)
    assert right.receive(frames[0]).message is None
    _dead(right, frames[1])
