"""Every parser of outside bytes: accepted or the one documented error, in bounded time and memory."""

import pytest

from tests.fuzz.targets import TARGETS
from tests.fuzzing import INPUTS, Target, run

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(0)]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_q3_a_parser_takes_what_was_written_and_refuses_the_rest_with_one_error(target: Target) -> None:
    tally = run(target, count=int(INPUTS * target.share))
    print(
        f"{target.name}: {tally.accepted} of {tally.inputs} accepted,"
        f" {tally.inputs / tally.took_s:.0f} a second, {tally.memory_bytes} bytes"
    )
    assert tally.accepted, "an input that is always refused reaches nothing behind its first check"
