"""No more goes to an address than came from it, until who is there has answered (A15)."""

from dusk.cycle.paths import CREDIT_BYTES_MAX, PATHS_MAX, Path
from dusk.effects import Address

HERE, THERE = Address("198.51.100.7", 3875), Address("198.51.100.8", 3875)


def heard(source: Address = HERE, size_bytes: int = 100) -> Path:
    path = Path()
    path.heard(source, size_bytes)
    return path


def proven(path: Path) -> bool:
    return path.is_proven


def test_a15_as_many_bytes_go_to_an_address_as_came_from_it() -> None:
    path = heard()
    path.heard(HERE, 50)
    assert not path.spend(151)
    assert path.spend(150)
    assert not path.spend(1)


def test_a15_what_came_counts_up_to_a_bound() -> None:
    path = heard(size_bytes=10 * CREDIT_BYTES_MAX)
    assert not path.spend(CREDIT_BYTES_MAX + 1)
    assert path.spend(CREDIT_BYTES_MAX)


def test_nothing_goes_to_who_was_not_heard() -> None:
    assert not Path().spend(0)
    assert not Path().is_proven


def test_a15_an_address_is_proven_by_an_answer_to_what_was_sent_there_that_comes_from_there() -> None:
    path = heard()
    path.sent(b"one")
    path.answered(None, HERE)
    path.answered(b"other", HERE)
    path.answered(b"one", THERE)
    assert not proven(path)
    path.answered(b"one", HERE)
    assert proven(path)
    assert path.spend(10**6)


def test_a15_another_address_is_proven_anew_and_not_by_what_was_sent_to_the_former_one() -> None:
    path = heard(size_bytes=1000)
    path.sent(b"one")
    path.answered(b"one", HERE)
    path.heard(THERE, 100)
    assert (path.address, path.is_proven) == (THERE, False)
    assert not path.spend(101)
    path.answered(b"one", THERE)
    assert not proven(path)


def test_only_the_newest_datagrams_may_be_answered() -> None:
    path = heard()
    for number in range(PATHS_MAX + 1):
        path.sent(bytes([number]))
    path.answered(bytes([0]), HERE)
    assert not proven(path)
    path.answered(bytes([1]), HERE)
    assert proven(path)
