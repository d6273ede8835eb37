"""How an answer that is none is told to people: by whom, and whether it was given at all."""

import pytest

from dusk.catchup.questions import BUSY, NO_ANSWER, NOT_REACHABLE, TOO_OFTEN, TOO_OLD, refusal
from dusk.daemon.askings import refused


@pytest.mark.parametrize("word", [NOT_REACHABLE, TOO_OLD, NO_ANSWER, TOO_OFTEN, BUSY])
def test_who_does_not_answer_is_told_as_that(word: str) -> None:
    told = refused(refusal(word, "it is off"), "attic")
    assert (told.code, told.reason) == (word, "attic does not answer: it is off")


def test_an_order_that_was_refused_was_answered() -> None:
    told = refused(refusal("failed", "this machine is no OpenWrt router"), "attic")
    assert (told.code, told.reason) == ("failed", "attic: this machine is no OpenWrt router")


def test_a33_a_word_of_another_member_does_not_pass_for_one_of_this_device() -> None:
    """A client takes ``no-session`` for the end of its session here, and gives no more orders."""
    told = refused(refusal("no-session", "log in again"), "attic")
    assert (told.code, told.reason) == ("refused-there", "attic: log in again")
