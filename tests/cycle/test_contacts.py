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
    contacts = Contacts((HERE, THERE))
    contacts.silent(CYCLE_S, 100.0)
    assert contacts.unanswered == ()
    contacts.heard(HERE, 101.0 + PAUSE_S / 2)
    contacts.silent(CYCLE_S, 101.0 + PAUSE_S)
    assert contacts.unanswered == (THERE,)
    contacts.silent(CYCLE_S, 101.0 + 2 * PAUSE_S)
    assert contacts.unanswered == (THERE,), "the other was not asked the last time"
    contacts.leads_anew()
    assert contacts.unanswered == ()


def test_who_opens_an_epoch_asks_all_whatever_was_heard_before() -> None:
    contacts = Contacts((HERE, THERE))
    contacts.heard(HERE, 99.0)
    contacts.silent(CYCLE_S, 100.0)
    contacts.leads_anew()
    assert contacts.silent(CYCLE_S, 100.1) == (HERE, THERE)
    assert contacts.silent(CYCLE_S, 100.2) == ()
