"""Verifying ahead on two cores finds what verifying one by one finds, and nothing else (R6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.daemon import verifying
from dusk.daemon.verifying import CLAIMS_MIN, on_two_cores
from dusk.keys.signing import NONE_VERIFIED, SignedBytes, SigningKey, verified_of
from tests.world import NO_REST

KEY, OTHER = SigningKey.from_seed(b"k" * 32), SigningKey.from_seed(b"o" * 32)


def claim(number: int, signer: SigningKey) -> SignedBytes:
    data = number.to_bytes(4, "big")
    return SignedBytes(KEY.public, b"test", NO_REST, data, signer.sign(b"test", NO_REST, data))


@given(st.lists(st.booleans(), min_size=CLAIMS_MIN, max_size=CLAIMS_MIN + 20))
def test_a15_exactly_the_true_claims_are_verified(honest: list[bool]) -> None:
    claims = [claim(number, KEY if is_true else OTHER) for number, is_true in enumerate(honest)]
    true = frozenset(claim for claim, is_true in zip(claims, honest, strict=True) if is_true)
    assert on_two_cores(claims) == verified_of(claims) == true


@pytest.mark.parametrize("false", [0, 1, CLAIMS_MIN - 1])
def test_a15_a_false_claim_in_either_half_is_left_out(false: int) -> None:
    claims = [claim(number, OTHER if number == false else KEY) for number in range(CLAIMS_MIN)]
    assert claims[false] not in on_two_cores(claims)
    assert len(on_two_cores(claims)) == CLAIMS_MIN - 1


def test_a_few_claims_are_left_to_their_turn() -> None:
    assert on_two_cores([claim(1, KEY)] * (CLAIMS_MIN - 1)) == NONE_VERIFIED


def test_one_core_verifies_all_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0})
    assert verifying.verify_ahead_here() is verified_of
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0, 1})
    assert verifying.verify_ahead_here() is on_two_cores
