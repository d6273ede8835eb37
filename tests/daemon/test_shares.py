"""Who asks other devices leaves places for others (R10)."""

from contextlib import ExitStack

import pytest

from dusk.daemon.shares import READERS, Shares
from dusk.errors import Refused
from dusk.limits import INQUIRIES_MAX, INQUIRIES_OF_ONE_MAX


def test_r10_readers_who_take_all_their_places_leave_those_of_who_is_logged_in() -> None:
    shares = Shares()
    with ExitStack() as readers:
        for _ in range(INQUIRIES_OF_ONE_MAX):
            readers.enter_context(shares.place(READERS))
        with pytest.raises(Refused, match="without a login") as caught:
            readers.enter_context(shares.place(READERS))
        assert caught.value.code == "busy"
        with shares.place("anna"), shares.place("ben"):
            pass
    with shares.place(READERS):
        pass


def test_r10_one_person_leaves_places_for_two_others_and_for_readers() -> None:
    shares = Shares()
    assert INQUIRIES_MAX >= 4 * INQUIRIES_OF_ONE_MAX
    with ExitStack() as opened:
        for _ in range(INQUIRIES_OF_ONE_MAX):
            opened.enter_context(shares.place("anna"))
        with pytest.raises(Refused, match="questions of anna"):
            opened.enter_context(shares.place("anna"))
        with shares.place("ben"), shares.place(READERS):
            pass


def test_r10_a_question_that_failed_gives_its_place_back() -> None:
    shares = Shares()
    for _ in range(2 * INQUIRIES_OF_ONE_MAX):
        with pytest.raises(ZeroDivisionError), shares.place("anna"):
            raise ZeroDivisionError
