"""The file of a failed apply reads back as it was written, and nothing else is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec
from dusk.apply.verdict import Verdict, decode_verdict
from dusk.errors import UntrustedInput

IDENT = "ab" * 16


@given(st.integers(1, 16), st.booleans(), st.booleans(), st.text(st.characters(codec="utf-8"), max_size=300))
def test_it_reads_back(failures: int, is_blamed: bool, is_hard: bool, reason: str) -> None:  # noqa: FBT001 - drawn
    verdict = Verdict(IDENT, failures, is_blamed, is_hard, reason)
    found = decode_verdict(verdict.encode())
    assert (found.ident, found.failures, found.is_blamed, found.is_hard) == (
        IDENT,
        failures,
        is_blamed,
        is_hard,
    )
    assert found.encode() == verdict.encode()


def test_what_was_undone_more_often_than_is_counted_reads_back() -> None:
    kept = Verdict(IDENT, 40, is_blamed=False, is_hard=True, reason="power").encode()
    assert decode_verdict(kept).failures == 16


@pytest.mark.parametrize(
    "row",
    [
        (IDENT, 0, True, True, ""),
        (IDENT, 17, True, True, ""),
        (IDENT, 1, 1, True, ""),
        ("x" * 65, 1, True, True, ""),
        (IDENT, 1, True, True, "x" * 201),
        (IDENT, 1, True, True),
    ],
)
def test_anything_else_is_refused(row: tuple[object, ...]) -> None:
    with pytest.raises(UntrustedInput):
        decode_verdict(codec.pack(row))
