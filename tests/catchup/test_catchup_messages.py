"""Requests and answers have one encoding; anything else is refused with one error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec
from dusk.catchup import messages
from dusk.catchup.messages import (
    Answer,
    Common,
    Fetch,
    GetBranch,
    GetKeys,
    GetSecrets,
    Items,
    Join,
    Keys,
    Locate,
    Position,
    Removed,
    Reply,
    Request,
    SecretName,
    Secrets,
    Submit,
)
from dusk.changelog.rewinds import Rewind
from dusk.effects import Address, ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, ChangeId, Seq
from dusk.limits import LOCATOR_MAX, NUMBER_MAX

SEQ = st.integers(1, NUMBER_MAX).map(Seq)
POSITION = st.builds(Position, SEQ, st.binary(min_size=32, max_size=32).map(ChainHash))
BYTES = st.binary(max_size=50)
SENT_KINDS = [ItemKind.ENTRY, ItemKind.HEAD, ItemKind.CERTIFICATE]
ITEM = st.builds(LogItem, st.sampled_from(SENT_KINDS), BYTES)
SECRET = st.builds(SecretName, st.text(max_size=20), st.binary(min_size=16, max_size=16))
ADDRESS = st.builds(Address, st.text(max_size=20), st.integers(1, 65_535))
REQUESTS = st.one_of(
    st.builds(GetSecrets, st.lists(SECRET, max_size=3).map(tuple)),
    st.builds(Locate, st.lists(POSITION, max_size=5).map(tuple)),
    st.builds(Fetch, SEQ),
    st.builds(GetKeys),
    st.builds(GetBranch, st.binary(min_size=32, max_size=32).map(ChainHash), st.integers(0, NUMBER_MAX)),
    st.builds(Join, BYTES),
    st.builds(Submit, BYTES, st.none() | st.binary(min_size=32, max_size=32).map(ChangeId)),
)
REPLIES = st.one_of(
    st.builds(
        Secrets,
        st.lists(st.tuples(SECRET, BYTES), max_size=3).map(tuple),
        st.lists(ADDRESS, max_size=4).map(tuple),
    ),
    st.builds(Common, SEQ, st.none() | BYTES),
    st.builds(Items, st.lists(ITEM, max_size=5).map(tuple), st.booleans()),
    st.builds(Keys, BYTES),
    st.builds(Answer, st.text(max_size=10), SEQ, st.text(max_size=50)),
    st.builds(Removed, st.none() | st.binary(max_size=50)),
)


@given(REQUESTS)
def test_a_request_comes_back_as_it_was(request: Request) -> None:
    assert messages.decode_request(messages.encode(request)) == request


@given(REPLIES)
def test_an_answer_comes_back_as_it_was(reply: Reply) -> None:
    assert messages.decode_reply(messages.encode(reply)) == reply


def test_a9_a_rewind_is_neither_sent_nor_taken() -> None:
    rewind = Rewind(Seq(1), 1).item()
    with pytest.raises(AssertionError):
        messages.encode(Items((rewind,), more=False))
    with pytest.raises(UntrustedInput):
        messages.decode_reply(codec.pack([18, [[int(rewind.kind), rewind.data]], False]))


@given(st.binary(max_size=200))
def test_a17_bytes_that_are_no_message_are_refused_with_one_error(data: bytes) -> None:
    for decode in (messages.decode_request, messages.decode_reply):
        try:
            decoded = decode(data)
        except UntrustedInput:
            continue
        assert messages.encode(decoded) == data


def test_a_long_reason_is_cut_and_does_not_make_the_answer_unreadable() -> None:
    answer = Answer("missing-signatures", Seq(0), "ö" * 400)
    read = messages.decode_reply(messages.encode(answer))
    assert isinstance(read, Answer)
    assert read.reason == "ö" * 254 + "…"


ROWS = [
    [],
    [0],
    [99],
    ["1"],
    [True],
    [2, 0],
    [2, 2**53],
    [2, 1, 1],
    [3, 1],
    [8, bytes(31), 0],
    [8, bytes(32), -1],
    [8, bytes(32), NUMBER_MAX + 1],
    [8, bytes(32)],
    [9, bytes(32), 0],
    [4, "text"],
    [5, b""],
    [5, b"", bytes(31)],
    [1, [[1, b"short"]]],
    [1, [[1, bytes(32)]] * (LOCATOR_MAX + 1)],
    [17, -1, None],
    [17, 0, bytes(513)],
    [18, [[4, b""]], True],
    [18, [[5, b""]], True],
    [18, [], 1],
    [19, bytes(1025)],
    [20, "x" * 64, 0, ""],
    [20, "x", 0, "y" * 513],
    [21, None],
]


@pytest.mark.parametrize("row", ROWS)
def test_a6_messages_out_of_bounds_are_refused(row: list[object]) -> None:
    data = codec.pack(row)
    with pytest.raises(UntrustedInput):
        messages.decode_request(data)
    with pytest.raises(UntrustedInput):
        messages.decode_reply(data)
