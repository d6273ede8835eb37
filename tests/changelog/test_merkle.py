"""The set hash: depends on the set, not on its history."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.changelog import merkle

KEYS = st.binary(min_size=1, max_size=3)
RECORDS = st.dictionaries(KEYS, st.binary(min_size=32, max_size=32), max_size=60)


def trie(records: list[tuple[bytes, bytes]]) -> merkle.Node | None:
    root: merkle.Node | None = None
    for key, digest in records:
        root = merkle.put(root, merkle.place_of(key), digest)
    return root


@given(RECORDS, st.randoms(use_true_random=False))
def test_the_order_of_updates_does_not_matter(records: dict[bytes, bytes], random: object) -> None:
    one = list(records.items())
    other = sorted(one, reverse=True)
    assert merkle.root_hash(trie(one)) == merkle.root_hash(trie(other))


@given(RECORDS, KEYS)
def test_any_difference_changes_the_hash(records: dict[bytes, bytes], key: bytes) -> None:
    before = merkle.root_hash(trie(list(records.items())))
    after = dict(records)
    after[key] = bytes(31) + b"\1" if records.get(key) != bytes(31) + b"\1" else bytes(32)
    assert merkle.root_hash(trie(list(after.items()))) != before


@given(RECORDS, st.binary(min_size=32, max_size=32))
def test_overwriting_leaves_no_trace(records: dict[bytes, bytes], digest: bytes) -> None:
    dirty = trie([(key, digest) for key in records] + list(records.items()))
    assert merkle.root_hash(dirty) == merkle.root_hash(trie(list(records.items())))


@given(RECORDS, RECORDS)
def test_taking_out_leaves_no_trace(records: dict[bytes, bytes], more: dict[bytes, bytes]) -> None:
    root = trie([*records.items(), *more.items()])
    for key in more.keys() - records.keys():
        assert root is not None
        root = merkle.without(root, merkle.place_of(key))
    assert root == trie([*records.items(), *((key, more[key]) for key in more.keys() & records.keys())])


def test_the_last_of_places_that_share_a_long_prefix_is_as_if_it_had_been_alone() -> None:
    one, two = bytes(31) + b"\x01", bytes(31) + b"\x02"
    alone = merkle.put(None, one, b"a" * 32)
    assert merkle.without(merkle.put(alone, two, b"b" * 32), two) == alone


def test_an_old_root_stays_as_it_was() -> None:
    old = trie([(b"a", b"1" * 32)])
    before = merkle.root_hash(old)
    merkle.put(old, merkle.place_of(b"b"), b"2" * 32)
    assert merkle.root_hash(old) == before


def test_the_empty_set_hashes_to_zeros() -> None:
    assert merkle.root_hash(None) == bytes(32)


def test_places_that_share_a_long_prefix_are_kept_apart() -> None:
    one, two = bytes(31) + b"\x01", bytes(31) + b"\x02"
    root = merkle.put(merkle.put(None, one, b"a" * 32), two, b"b" * 32)
    assert root.hash == merkle.put(merkle.put(None, two, b"b" * 32), one, b"a" * 32).hash


def test_only_what_was_put_is_taken_out() -> None:
    root = merkle.put(None, bytes(32), b"a" * 32)
    with pytest.raises(AssertionError):
        merkle.without(root, bytes(31) + b"\x01")
