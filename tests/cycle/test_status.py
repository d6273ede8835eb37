"""Signed statuses and unsigned health."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec
from dusk.cycle.status import Status, decode_health, encode_health, open_status
from dusk.errors import UntrustedInput
from dusk.ids import NO_CLUSTER, ChainHash, ClusterId, Seq
from dusk.keys.signing import SigningKey

KEY = SigningKey.from_seed(bytes(32))
FILES = (("network", b"n" * 16), ("wireless", b"w" * 16))
STATUS = Status(1, 7, 0, Seq(3), ChainHash(bytes(32)), Seq(3), FILES, "applied", "", ("clone",))


def test_a_status_is_read_as_it_was_signed() -> None:
    assert open_status(STATUS.sign(KEY, NO_CLUSTER), KEY.public, NO_CLUSTER) == STATUS
    assert STATUS.version == (1, 7, 0)


def test_a12_a_status_by_another_device_or_for_another_cluster_is_refused() -> None:
    signed = STATUS.sign(KEY, NO_CLUSTER)
    other = SigningKey.from_seed(b"x" * 32)
    for public, cluster in ((other.public, NO_CLUSTER), (KEY.public, ClusterId(b"c" * 32))):
        with pytest.raises(UntrustedInput, match="not signed"):
            open_status(signed, public, cluster)


def test_unsorted_files_are_refused() -> None:
    status = Status(1, 7, 0, Seq(3), ChainHash(bytes(32)), Seq(3), FILES[::-1], "applied", "", ())
    with pytest.raises(UntrustedInput, match="sorted"):
        open_status(status.sign(KEY, NO_CLUSTER), KEY.public, NO_CLUSTER)


@given(st.binary(max_size=200))
def test_other_bytes_are_no_status(data: bytes) -> None:
    with pytest.raises(UntrustedInput):
        open_status(data, KEY.public, NO_CLUSTER)


@pytest.mark.parametrize(
    ("state", "seq", "judged", "done"),
    [
        ("committed", 5, 5, True),
        ("staged", 4, 4, False),
        ("applied", 4, 5, False),
        ("failed", 4, 5, True),
        ("failed", 4, 4, False),
        ("held", 0, 0, True),
        ("off", 0, 0, True),
    ],
)
def test_nothing_is_waited_for_where_a_position_is_in_effect_failed_or_not_applied(
    state: str, seq: int, judged: int, *, done: bool
) -> None:
    status = replace(STATUS, state=state, seq=Seq(seq), judged=Seq(judged))
    assert status.is_done(Seq(5)) is done


@given(st.dictionaries(st.text(max_size=4), st.integers(0, 2**53 - 1), max_size=5))
def test_health_is_read_as_it_was_written(figures: dict[str, int]) -> None:
    assert decode_health(encode_health(figures)) == figures


def test_unsorted_health_is_refused() -> None:
    with pytest.raises(UntrustedInput, match="sorted"):
        decode_health(codec.pack([["b", 1], ["a", 1]]))
