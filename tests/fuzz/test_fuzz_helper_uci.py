"""The helper reads files as root, so what it reads and refuses is an attack's test of its own."""

import pytest

from tests.fuzz import helper
from tests.fuzzing import INPUTS, run

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(0)]


def test_a51_q3_the_helper_reads_any_file_as_the_daemon_does_and_lets_in_only_what_was_reviewed() -> None:
    tally = run(helper.TARGET, count=INPUTS)
    assert tally.accepted, "an input that is always refused reaches nothing behind its first check"
