"""The ring of group keys."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.cycle.groupkeys import GroupKey, GroupKeys, decode_group_keys, new_group_key
from dusk.errors import UntrustedInput
from dusk.ids import NO_CHAIN, ChainHash

REMOVAL = ChainHash(b"r" * 32)


def key(seed: int, generation: int = 0, removal: ChainHash = NO_CHAIN) -> GroupKey:
    return new_group_key(random.Random(seed).randbytes, generation, removal)


def test_the_newest_key_seals_and_the_last_four_open() -> None:
    keys = [key(number) for number in range(6)]
    ring = GroupKeys().with_keys(*keys)
    assert ring.newest == keys[5]
    assert [ring.find(each.id) for each in keys] == [None, None, *keys[2:]]


def test_a22_a_key_that_does_not_cover_the_newest_removal_is_dropped() -> None:
    old, new = key(1), key(2, removal=REMOVAL)
    ring = GroupKeys((old,)).covering(0, REMOVAL)
    assert ring.newest is None
    assert ring.with_keys(old, new).keys == (new,)
    assert ring.with_keys(new).covering(1, REMOVAL).newest is None


def test_a_key_that_is_known_keeps_its_place() -> None:
    first, second = key(1), key(2)
    assert GroupKeys((first, second)).with_keys(first).newest == second


def test_a_known_key_is_not_replaced_by_another_of_its_name() -> None:
    real = key(1)
    forged = GroupKey(real.generation, real.removal, real.salt, b"f" * 32)
    ring = GroupKeys((real,)).with_keys(forged)
    assert ring.keys == (real,)
    assert ring.find(real.id) == real


def test_a_key_is_not_shown() -> None:
    assert key(1).key.hex() not in repr(key(1))
    assert repr(key(1).key) not in repr(key(1))


@given(st.lists(st.integers(0, 50), max_size=4, unique=True))
def test_the_file_is_read_as_it_was_written(seeds: list[int]) -> None:
    ring = GroupKeys(tuple(key(seed, 3, REMOVAL) for seed in seeds), 3, REMOVAL)
    read = decode_group_keys(ring.encode())
    assert (read.keys, read.generation, read.removal) == (ring.keys, 3, REMOVAL)


@given(st.binary(max_size=300))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(UntrustedInput):
        decode_group_keys(data)


def test_a2_what_a_holder_teaches_replaces_forged_keys_and_is_newest() -> None:
    real, forged = key(1), [key(number) for number in (2, 3, 4)]
    of_its_name = GroupKey(real.generation, real.removal, real.salt, b"f" * 32)
    ring = GroupKeys((of_its_name, *forged)).taught(real)
    assert ring.keys == (*forged, real)
    assert ring.taught(real).keys == ring.keys


def test_a_holder_teaches_nothing_that_does_not_cover_the_log() -> None:
    ring = GroupKeys((key(1),))
    assert ring.taught(key(2, removal=REMOVAL), key(3, generation=1)).keys == ring.keys
    assert ring.taught().keys == ring.keys
