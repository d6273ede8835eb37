"""What junk may make a device do: now and then, for few hosts, and not in a member's way (A6, A15, R10)."""

from collections.abc import Iterator

import pytest

from dusk.cycle.seldom import BEYOND_ONE_IN, BEYOND_S, SELDOM_HOSTS_MAX, SELDOM_S, Seldom
from dusk.effects import Address

MEMBERS = tuple(Address(f"10.0.0.{number}", 3875) for number in range(SELDOM_HOSTS_MAX + 2))
UNLUCKY, LUCKY = 1 / BEYOND_ONE_IN, 0.999 / BEYOND_ONE_IN


def junk(number: int) -> Address:
    return Address(f"10.66.{number >> 8}.{number & 255}", 3875)


def seldom(*fractions: float) -> Seldom:
    drawn: Iterator[float] = iter(fractions)
    return Seldom(MEMBERS.__contains__, lambda: next(drawn))


def does(one: Seldom, source: Address, now: float) -> bool:
    if not one.may(source, now):
        return False
    one.did(source, now)
    return True


def test_a6_where_a_member_was_heard_is_asked_however_many_others_send_junk() -> None:
    one = seldom()
    assert all(does(one, junk(number), 100.0) for number in range(SELDOM_HOSTS_MAX))
    assert not does(one, junk(SELDOM_HOSTS_MAX), 100.0)
    assert does(one, MEMBERS[0], 100.1)
    assert not does(one, MEMBERS[0], 100.1 + SELDOM_S - 0.01)
    assert does(one, MEMBERS[0], 100.1 + SELDOM_S)


def test_a6_junk_in_a_members_name_from_another_port_takes_no_turn_of_it() -> None:
    one = seldom()
    assert does(one, Address(MEMBERS[0].host, 1), 100.0)
    assert does(one, MEMBERS[0], 100.0)
    assert not does(one, Address(MEMBERS[0].host, 2), 100.0)


def test_a15_of_members_too_a_few_are_asked_at_once() -> None:
    one = seldom()
    assert [does(one, member, 100.0) for member in MEMBERS].count(True) == SELDOM_HOSTS_MAX


@pytest.mark.parametrize(("fraction", "asked"), [(LUCKY, 1), (UNLUCKY, 0)])
def test_beyond_a_few_hosts_one_in_some_is_asked_by_chance_each_second(fraction: float, asked: int) -> None:
    one = seldom(fraction, LUCKY)
    for number in range(SELDOM_HOSTS_MAX):
        does(one, junk(number), 100.0)
    assert not does(one, junk(100), 100.0 + BEYOND_S - 0.01), "nothing is drawn"
    assert does(one, junk(101), 100.0 + BEYOND_S) == bool(asked)
    assert does(one, junk(102), 100.0 + 2 * BEYOND_S)
