"""Entries and signed heads: exact bytes, exact bounds (A5, A17, A36, R6)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec, limits
from dusk.changelog.entry import (
    APPLIED,
    Absent,
    Entry,
    EntryKind,
    Outcome,
    OutcomeCode,
    SignedHead,
    decode_entry,
    decode_signed_head,
    head_from_row,
    pack_head,
    sign_head,
)
from dusk.errors import UntrustedInput
from dusk.ids import BootId, ChainHash, ChangeId, DeviceId, Head, Seq, labelled_hash
from tests.world import World

WORLD = World()
NUMBERS = st.integers(0, limits.NUMBER_MAX)
HASHES = st.binary(min_size=32, max_size=32)
OUTCOMES = st.builds(
    Outcome, st.sampled_from(OutcomeCode), st.none() | HASHES.map(ChangeId), st.text(max_size=16)
)
ENTRIES = st.builds(
    Entry,
    generation=NUMBERS,
    mandate=NUMBERS,
    epoch=NUMBERS,
    seq=NUMBERS.map(Seq),
    previous=HASHES.map(ChainHash),
    writer=st.binary(min_size=16, max_size=16).map(DeviceId),
    boot=st.binary(min_size=8, max_size=8).map(BootId),
    time_s=NUMBERS,
    clock_trusted=st.booleans(),
    kind=st.sampled_from(EntryKind),
    change=st.none() | HASHES.map(ChangeId),
    signatures=st.none() | HASHES,
    outcome=OUTCOMES,
    sections=st.lists(st.tuples(st.text(max_size=20), HASHES), max_size=4).map(tuple),
    derived=HASHES,
    absent=st.none() | st.builds(Absent, st.binary(min_size=16, max_size=16).map(DeviceId), NUMBERS),
)
HEADS = st.builds(Head, NUMBERS, NUMBERS, NUMBERS, NUMBERS.map(Seq), HASHES.map(ChainHash))
ENTRY = Entry(
    generation=0,
    mandate=0,
    epoch=1,
    seq=Seq(2),
    previous=ChainHash(bytes(32)),
    writer=WORLD.device_id,
    boot=BootId(bytes(8)),
    time_s=0,
    clock_trusted=True,
    kind=EntryKind.CHANGE,
    change=None,
    signatures=None,
    outcome=APPLIED,
    sections=(("policy/a", bytes(32)),),
    derived=bytes(32),
)


@given(ENTRIES)
def test_an_entry_decodes_to_itself(entry: Entry) -> None:
    decoded = decode_entry(entry.encoded)
    assert decoded == entry
    assert decoded.encoded == entry.encoded
    assert decoded._replace().encoded == entry.encoded
    assert (decoded.digest, decoded.head) == (entry.digest, entry.head)


@given(st.binary(max_size=300))
def test_a17_arbitrary_bytes_are_no_entry_and_no_head(data: bytes) -> None:
    for decode in (decode_entry, decode_signed_head):
        with pytest.raises(UntrustedInput):
            decode(data)


@given(ENTRIES, st.data())
def test_a17_an_altered_entry_is_refused_or_another_entry(entry: Entry, data: st.DataObject) -> None:
    altered = bytearray(entry.encoded)
    at = data.draw(st.integers(0, len(altered) - 1))
    altered[at] ^= data.draw(st.integers(1, 255))
    try:
        other = decode_entry(bytes(altered))
    except UntrustedInput:
        return
    assert other != entry
    assert other.encoded == altered
    assert other.digest != entry.digest


def row_with(at: int, value: object) -> bytes:
    row = codec.unpack(ENTRY.encoded, size_max=10_000)
    row[at] = value
    return codec.pack(row)


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0, 2),
        *(
            (at, limit)
            for at in (1, 2, 3, 4, 8)
            for limit in (-1, limits.NUMBER_MAX + 1, 2**63 - 1, 2**64 - 1)
        ),
        (9, 1),
        (10, 0),
        (10, 9),
        (11, bytes(31)),
        (12, bytes(33)),
        (13, [0, None]),
        (13, [3, None, ""]),
        (13, [1, bytes(31), ""]),
        (13, [2, None, "x" * 65]),
        (14, [["policy/a"]]),
        (14, [["x" * 192, bytes(32)]]),
        (14, [["policy/a", bytes(31)]]),
        (15, None),
    ],
)
def test_a5_a17_a_field_out_of_its_bounds_is_refused(at: int, value: object) -> None:
    with pytest.raises(UntrustedInput):
        decode_entry(row_with(at, value))


def test_a36_a_kind_of_a_later_version_stops_the_reader() -> None:
    with pytest.raises(UntrustedInput, match="entry: kind"):
        decode_entry(row_with(10, max(EntryKind) + 1))


def test_the_chain_binds_each_entry_to_all_before_it() -> None:
    expected = labelled_hash(b"dusk.chain", ENTRY.previous, labelled_hash(b"dusk.entry", ENTRY.encoded))
    assert ENTRY.head == Head(0, 0, 1, Seq(2), ChainHash(expected))
    assert ENTRY._replace(previous=ChainHash(b"1" * 32)).head.chain != ENTRY.head.chain


@given(HEADS, HASHES)
def test_a_signed_head_decodes_to_itself_and_verifies(head: Head, rest: bytes) -> None:
    signed = sign_head(WORLD.master, WORLD.cluster, head, rest)
    assert decode_signed_head(signed.encode()) == signed
    assert signed.signed_by(WORLD.master.public, WORLD.cluster)
    assert head_from_row(codec.unpack(pack_head(head), size_max=200)) == head


def test_a11_a_signature_is_for_one_head_one_rest_one_cluster_one_key() -> None:
    signed = sign_head(WORLD.master, WORLD.cluster, ENTRY.head, bytes(32))
    public = WORLD.master.public
    assert not signed.signed_by(WORLD.owner.public, WORLD.cluster)
    assert not signed.signed_by(public, World(2).cluster)
    assert not replace(signed, rest=b"1" * 32).signed_by(public, WORLD.cluster)
    head = ENTRY.head
    others = (
        replace(head, generation=9),
        replace(head, mandate=9),
        replace(head, epoch=9),
        replace(head, seq=Seq(9)),
        replace(head, chain=ChainHash(b"9" * 32)),
    )
    for other in others:
        assert not replace(signed, head=other).signed_by(public, WORLD.cluster)


@pytest.mark.parametrize(
    "row",
    [
        [[0, 0, 0, 0], bytes(32), bytes(64)],
        [[0, 0, 0, 2**63, bytes(32)], bytes(32), bytes(64)],
        [[0, 0, 0, 0, bytes(31)], bytes(32), bytes(64)],
        [[0, 0, 0, 0, bytes(32)], bytes(31), bytes(64)],
        [[0, 0, 0, 0, bytes(32)], bytes(32), bytes(63)],
        [[0, 0, 0, 0, bytes(32)], bytes(32)],
    ],
)
def test_a17_a_malformed_signed_head_is_refused(row: list[object]) -> None:
    with pytest.raises(UntrustedInput):
        decode_signed_head(codec.pack(row))


def test_signed_heads_are_plain_values() -> None:
    assert SignedHead(ENTRY.head, bytes(32), bytes(64)) == SignedHead(ENTRY.head, bytes(32), bytes(64))
