"""Addresses from the settings: asked while they are silent, and not more often."""

from dusk.cycle.contacts import SILENT_CYCLES, Contacts
from dusk.effects import Address

HERE, THERE = Address("198.51.100.1", 3875), Address("198.51.100.2", 3875)
CYCLE_S = 5.0
PAUSE_S = SILENT_CYCLES * CYCLE_S


def test_without_addresses_nobody_is_ever_asked() -> None:
    contacts = Contacts()
    assert contacts.deadline(CYCLE_S) is None
    assert contacts.silent(CYCLE_S, 100.0) == ()


def test_addresses_are_asked_at_once_and_again_after_a_pause_while_they_are_silent() -> None:
    contacts = Contacts((HERE, THERE))
    contacts.heard(HERE, 99.0)
    contacts.heard(Address("198.51.100.3", 3875), 99.0)
    assert contacts.silent(CYCLE_S, 100.0) == (THERE,)
    assert contacts.deadline(CYCLE_S) == 100.0 + PAUSE_S
    assert contacts.silent(CYCLE_S, 99.0 + PAUSE_S) == ()
    assert contacts.silent(CYCLE_S, 100.0 + PAUSE_S) == (HERE, THERE)


def test_who_does_not_answer_twice_is_told_apart_for_a_stream() -> None:
    contacts, told = Contacts((HERE, THERE)), list[tuple[Address, ...]]()
    for heard_at, asked_at in (
        (None, 100.0),
        (101.0 + PAUSE_S / 2, 101.0 + PAUSE_S),
        (None, 101.0 + 2 * PAUSE_S),
    ):
        if heard_at is not None:
            contacts.heard(HERE, heard_at)
        contacts.silent(CYCLE_S, asked_at)
        told.append(contacts.unanswered)
    assert told == [(), (THERE,), (THERE,)], "the other was not asked the last time"
    contacts.leads_anew()
    assert contacts.unanswered == ()


def test_who_opens_an_epoch_asks_all_whatever_was_heard_before() -> None:
    contacts = Contacts((HERE, THERE))
    contacts.heard(HERE, 99.0)
    contacts.silent(CYCLE_S, 100.0)
    contacts.leads_anew()
    assert contacts.silent(CYCLE_S, 100.1) == (HERE, THERE)
    assert contacts.silent(CYCLE_S, 100.2) == ()


def test_an_address_is_silent_from_which_nothing_came_for_the_whole_pause() -> None:
    contacts = Contacts((HERE, THERE))
    contacts.heard(HERE, 100.0)
    contacts.heard(THERE, 100.1)
    assert contacts.silent(CYCLE_S, 100.0 + PAUSE_S) == (HERE,)


def test_others_in_their_place_are_asked_at_once_and_what_was_heard_of_those_that_stay_counts() -> None:
    contacts = Contacts((HERE,))
    contacts.heard(HERE, 99.0)
    assert contacts.silent(CYCLE_S, 100.0) == ()
    contacts.configure((HERE, THERE))
    assert contacts.silent(CYCLE_S, 101.0) == (THERE,)
    contacts.configure((THERE,))
    contacts.configure((HERE, THERE))
    assert contacts.silent(CYCLE_S, 102.0) == (HERE, THERE)


def test_a44_who_opens_an_epoch_asks_those_that_stay_silent_twice_again_soon() -> None:
    contacts = Contacts((HERE, THERE))
    contacts.leads_anew()
    asked: list[tuple[float, tuple[Address, ...]]] = []
    for step in range(int(2 * PAUSE_S)):
        now = 100.0 + step
        if step == CYCLE_S + 1:
            contacts.heard(THERE, now)
        silent = contacts.silent(CYCLE_S, now)
        asked += [(now, silent)] if silent else []
    soon = [100.0 + number * CYCLE_S for number in range(3)]
    assert asked[:3] == [(soon[0], (HERE, THERE)), (soon[1], (HERE, THERE)), (soon[2], (HERE,))]
    assert [at for at, _ in asked[3:]] == [soon[2] + PAUSE_S]
