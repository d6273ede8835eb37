"""Noise XX: the published vector, and everything that must fail closed (A16)."""

import hmac
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_scalarmult_base

from dusk.catchup import noise as room
from dusk.catchup.noise import CipherState, Handshake
from dusk.errors import UntrustedInput
from dusk.keys.signing import SigningKey, x25519_public

INITIATOR_STATIC = bytes.fromhex("e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1")
INITIATOR_EPHEMERAL = bytes.fromhex("893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a")
RESPONDER_STATIC = bytes.fromhex("4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893")
RESPONDER_EPHEMERAL = bytes.fromhex("bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b")
PROLOGUE = bytes.fromhex("4a6f686e2047616c74")
HASH = "6c4c56cf71612f72d05ceb96c0155e6f4ea54a26b504c93de632a2db4a49d200"
HANDSHAKE_MESSAGES = (
    (
        "4c756477696720766f6e204d69736573",
        "ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c79444c756477696720766f6e204d69736573",
    ),
    (
        "4d757272617920526f746862617264",
        (
            "95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f1448088437c365eb362a1c991b0557fe8a7fb187d"
            "99346765d93ec63db6c1b01504ebeec55a2298d2dbff80eff034d20595153f63a196a6cead1e11b2bb13e336fa13616d"
            "d3e8b0a070c882ed3f1a78c7c06c93"
        ),
    ),
    (
        "462e20412e20486179656b",
        (
            "46c3307de83b014258717d97781c1f50936d8b7d50c0722a1739654d10392d415b670c114f79b9a4f80541570f77ce88"
            "802efa4220cff733e7b5668ba38059ec904b4b8eef9448085faf51"
        ),
    ),
)
TRANSPORT_MESSAGES = (
    ("4361726c204d656e676572", "d5e83adfaac5dc324a68f1862df54549e56d209fba707205f328b2"),
    (
        "4a65616e2d426170746973746520536179",
        "d102c9029b1f55c788f561ba7737afbccef9c9f1bf2f238167fd40ba9c1c134867",
    ),
    (
        "457567656e2042f6686d20766f6e2042617765726b",
        "cb1ce80960382c6d5d5e740ffb724d1432f0310b200fb6f8424120f506092744baa415e155",
    ),
)
SMALL_ORDER = tuple(
    bytes.fromhex(text)
    for text in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)


def initiator(prologue: bytes = PROLOGUE) -> Handshake:
    return Handshake(
        initiator=True,
        static_private=INITIATOR_STATIC,
        ephemeral_private=INITIATOR_EPHEMERAL,
        prologue=prologue,
    )


def responder(prologue: bytes = PROLOGUE, ephemeral: bytes = RESPONDER_EPHEMERAL) -> Handshake:
    return Handshake(
        initiator=False, static_private=RESPONDER_STATIC, ephemeral_private=ephemeral, prologue=prologue
    )


def advance(count: int, one: Handshake, other: Handshake) -> tuple[Handshake, Handshake]:
    """Pass ``count`` messages; return who writes the next one and who reads it."""
    for _ in range(count):
        other.read(one.write(b"payload"))
        one, other = other, one
    return one, other


def connected() -> tuple[Handshake, Handshake]:
    one, other = initiator(), responder()
    advance(3, one, other)
    return one, other


def assert_dead(handshake: Handshake) -> None:
    calls: tuple[Callable[[], object], ...] = (
        lambda: handshake.write(b""),
        lambda: handshake.read(bytes(100)),
        lambda: handshake.hash,
        lambda: handshake.remote_static,
        handshake.split,
    )
    assert not handshake.done
    for call in calls:
        with pytest.raises(UntrustedInput):
            call()


def test_every_message_is_that_of_the_published_vector() -> None:
    one, other = initiator(), responder()
    writer, reader = one, other
    for payload, message in HANDSHAKE_MESSAGES:
        assert writer.write(bytes.fromhex(payload)).hex() == message
        assert reader.read(bytes.fromhex(message)).hex() == payload
        writer, reader = reader, writer
    assert one.hash.hex() == other.hash.hex() == HASH
    (one_sends, one_receives), (other_sends, other_receives) = one.split(), other.split()
    streams = [(other_sends, one_receives), (one_sends, other_receives)]
    for place, (payload, message) in enumerate(TRANSPORT_MESSAGES):
        sender, receiver = streams[place % 2]
        assert sender.encrypt(bytes.fromhex(payload)).hex() == message
        assert receiver.decrypt(bytes.fromhex(message)).hex() == payload


def test_the_published_vector_holds_without_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    # OpenWrt may have Python without it, or an OpenSSL without BLAKE2.
    monkeypatch.setattr(hmac, "_hashopenssl", None, raising=False)
    test_every_message_is_that_of_the_published_vector()


@given(payloads=st.lists(st.binary(max_size=200), min_size=3, max_size=3))
def test_two_sides_agree_on_keys_and_know_each_other(payloads: list[bytes]) -> None:
    one, other = initiator(), responder()
    writer, reader = one, other
    for payload in payloads:
        assert not one.done
        assert reader.read(writer.write(payload)) == payload
        writer, reader = reader, writer
    assert one.done
    assert other.done
    assert one.hash == other.hash
    send, _ = one.split()
    _, receive = other.split()
    assert receive.decrypt(send.encrypt(b"data", b"with"), b"with") == b"data"
    assert one.hash == other.hash


def test_the_static_keys_are_those_of_the_devices() -> None:
    keys = [SigningKey.from_seed(bytes([number]) * 32) for number in (1, 2)]
    one, other = (
        Handshake(
            initiator=first, static_private=key.x25519_private(), ephemeral_private=ephemeral, prologue=b""
        )
        for first, key, ephemeral in zip((True, False), keys, (b"3" * 32, b"4" * 32), strict=True)
    )
    advance(3, one, other)
    assert one.remote_static == x25519_public(keys[1].public)
    assert other.remote_static == x25519_public(keys[0].public)


def test_the_initiator_knows_the_responder_before_it_shows_itself() -> None:
    one, other = initiator(), responder()
    with pytest.raises(UntrustedInput, match="not known"):
        _ = one.remote_static
    advance(2, one, other)
    assert len(one.remote_static) == 32
    with pytest.raises(UntrustedInput, match="not known"):
        _ = other.remote_static


@pytest.mark.parametrize("point", SMALL_ORDER)
@pytest.mark.parametrize("count", [0, 1])
def test_a16_an_ephemeral_point_of_small_order_ends_the_handshake(count: int, point: bytes) -> None:
    writer, reader = advance(count, initiator(), responder())
    message = writer.write(b"payload")
    with pytest.raises(UntrustedInput, match="small order"):
        reader.write(reader.read(point + message[32:]))
    assert_dead(reader)


@pytest.mark.parametrize("count", [1, 2])
def test_a16_a_static_point_of_small_order_ends_the_handshake(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = advance(count, initiator(), responder())
    statics = (INITIATOR_STATIC, RESPONDER_STATIC)
    monkeypatch.setattr(
        room,
        "crypto_scalarmult_base",
        lambda private: bytes(32) if private in statics else crypto_scalarmult_base(private),
    )
    with pytest.raises(UntrustedInput, match="small order"):
        reader.read(writer.write(b""))
    assert_dead(reader)


@given(count=st.integers(0, 2), data=st.data())
def test_a16_a_truncated_message_ends_the_handshake(count: int, data: st.DataObject) -> None:
    writer, reader = advance(count, initiator(), responder())
    message = writer.write(b"")
    with pytest.raises(UntrustedInput):
        reader.read(message[: data.draw(st.integers(0, len(message) - 1))])
    assert_dead(reader)


@given(count=st.integers(1, 2), data=st.data())
def test_a16_a_changed_message_ends_the_handshake(count: int, data: st.DataObject) -> None:
    writer, reader = advance(count, initiator(), responder())
    message = bytearray(writer.write(b"payload"))
    message[data.draw(st.integers(0, len(message) - 1))] ^= 1 << data.draw(st.integers(0, 6))
    with pytest.raises(UntrustedInput):
        reader.read(bytes(message))
    assert_dead(reader)


@given(place=st.integers(0, 38), bit=st.integers(0, 7))
def test_a16_a_changed_first_message_is_found_out_by_the_second(place: int, bit: int) -> None:
    one, other = initiator(), responder()
    message = bytearray(one.write(b"payload"))
    message[place] ^= 1 << bit
    try:
        other.read(bytes(message))
        answer = other.write(b"")
    except UntrustedInput:
        assert_dead(other)
        return
    with pytest.raises(UntrustedInput):
        one.read(answer)
    assert_dead(one)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a16_an_oversized_message_ends_the_handshake(count: int) -> None:
    writer, reader = advance(count, initiator(), responder())
    with pytest.raises(UntrustedInput, match="too long"):
        reader.read(bytes(65_536))
    assert_dead(reader)
    with pytest.raises(UntrustedInput, match="too long"):
        writer.write(bytes(65_536))
    assert_dead(writer)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a16_a_message_out_of_order_ends_the_handshake(count: int) -> None:
    for wrong in (lambda next_, _: next_.read(bytes(64)), lambda _, waiting: waiting.write(b"")):
        writer, reader = advance(count, initiator(), responder())
        with pytest.raises(UntrustedInput, match=r"out of order|over or failed"):
            wrong(writer, reader)
        assert_dead(writer if writer._stage is room._Stage.DEAD else reader)


def test_a16_a_first_message_replayed_into_a_handshake_ends_it() -> None:
    one, other = initiator(), responder()
    first = one.write(b"")
    other.read(first)
    other.write(b"")
    with pytest.raises(UntrustedInput):
        other.read(first)
    assert_dead(other)


def test_a16_a_replayed_recording_reaches_no_keys() -> None:
    one, other = initiator(), responder()
    first = one.write(b"")
    other.read(first)
    one.read(other.write(b""))
    third = one.write(b"")
    later = responder(ephemeral=b"\5" * 32)
    later.read(first)
    later.write(b"")
    with pytest.raises(UntrustedInput, match="not authentic"):
        later.read(third)
    assert_dead(later)


def test_a16_another_prologue_ends_the_handshake() -> None:
    one, other = initiator(), responder(prologue=b"another cluster")
    other.read(one.write(b""))
    with pytest.raises(UntrustedInput, match="not authentic"):
        one.read(other.write(b""))
    assert_dead(one)


@given(count=st.integers(0, 2), junk=st.binary(max_size=300))
def test_a16_junk_raises_one_type_only(count: int, junk: bytes) -> None:
    _, reader = advance(count, initiator(), responder())
    try:
        reader.read(junk)
    except UntrustedInput:
        assert_dead(reader)
    else:
        assert count == 0


def test_a16_keys_are_handed_out_once_and_only_at_the_end() -> None:
    early = initiator()
    with pytest.raises(UntrustedInput, match="no keys"):
        early.split()
    assert_dead(early)
    one, _ = connected()
    one.split()
    with pytest.raises(UntrustedInput, match="no keys"):
        one.split()
    assert_dead(one)


def test_private_keys_of_wrong_size_are_our_own_mistake() -> None:
    with pytest.raises(AssertionError):
        Handshake(initiator=True, static_private=bytes(31), ephemeral_private=bytes(32), prologue=b"")


@given(messages=st.lists(st.binary(max_size=100), max_size=8))
def test_a_stream_gives_back_what_went_in(messages: list[bytes]) -> None:
    send, receive = CipherState(bytes(32)), CipherState(bytes(32))
    for message in messages:
        assert receive.decrypt(send.encrypt(message)) == message


def test_the_largest_message_fits_and_no_larger_one() -> None:
    send, receive = CipherState(bytes(32)), CipherState(bytes(32))
    assert receive.decrypt(send.encrypt(bytes(65_519))) == bytes(65_519)
    with pytest.raises(UntrustedInput, match="too long"):
        send.encrypt(bytes(65_520))
    for size in (15, 65_536):
        with pytest.raises(UntrustedInput, match="wrong size"):
            CipherState(bytes(32)).decrypt(bytes(size))


@pytest.mark.parametrize("order", [(1,), (0, 0), (0, 2)])
def test_a9_a_repeated_missing_or_reordered_message_ends_the_stream(order: tuple[int, ...]) -> None:
    send, receive = CipherState(bytes(32)), CipherState(bytes(32))
    messages = [send.encrypt(bytes([number])) for number in range(3)]
    for place in order[:-1]:
        receive.decrypt(messages[place])
    with pytest.raises(UntrustedInput, match="not authentic"):
        receive.decrypt(messages[order[-1]])
    with pytest.raises(UntrustedInput, match="failed earlier"):
        receive.decrypt(messages[len(order) - 1])


def test_a_used_up_counter_ends_the_stream() -> None:
    send, receive = CipherState(bytes(32), 2**64 - 2), CipherState(bytes(32), 2**64 - 2)
    last = send.encrypt(b"last")
    assert receive.decrypt(last) == b"last"
    calls: tuple[Callable[[], bytes], ...] = (lambda: send.encrypt(b"more"), lambda: receive.decrypt(last))
    for call in calls:
        with pytest.raises(UntrustedInput, match="used up"):
            call()
        with pytest.raises(UntrustedInput, match="failed earlier"):
            call()
