"""STARTs rise, and what no log bears out gives way to who leads by the log."""

from dataclasses import dataclass

import pytest

from dusk.cycle.marks import Marks
from dusk.cycle.messages import Rest, sign_start
from dusk.cycle.station import Behind, Step
from dusk.effects import Address
from dusk.errors import UntrustedInput
from dusk.ids import EMPTY_HEAD, ClusterId, DeviceId, Head, Seq
from dusk.keys.signing import SigningKey
from dusk.limits import SUCCESSION_MAX

ONE, TWO, THREE = (DeviceId(bytes([number]) * 16) for number in (1, 2, 3))

SOURCE = Address("10.0.0.9", 3875)
IN_FIVE = Head(0, 0, 5, Seq(9), EMPTY_HEAD.chain)


@dataclass
class _Log:
    """As much of a log as marks ask: the device ONE leads epoch 5."""

    leader: DeviceId | None = ONE
    head: Head = IN_FIVE


def _marks(log: _Log | None = None) -> Marks:
    return Marks(log or _Log())  # type: ignore[arg-type]  # marks read no more of a log


def test_a2_a_mark_counts_once_and_then_only_what_is_above_it() -> None:
    marks = _marks()
    assert marks.rises(ONE, (5, 1))
    marks.note(ONE, (5, 3))
    assert [marks.rises(ONE, (5, cycle)) for cycle in (2, 3, 4)] == [False, False, True]
    assert [marks.rises(ONE, (5, cycle), again=True) for cycle in (2, 3, 4)] == [False, True, True]
    assert not marks.rises(TWO, (5, 3))


def test_a5_who_leads_by_the_log_is_heard_below_what_another_only_says() -> None:
    marks = _marks()
    marks.note(ONE, (5, 3))
    marks.note(TWO, (2**20, 7))
    assert not marks.rises(THREE, (5, 9)), "that one says no more than the other"
    assert not marks.rises(ONE, (6, 1)), "not in an epoch that the log does not show"
    assert not marks.rises(ONE, (5, 3)), "nor by a replay of its own"
    assert marks.rises(ONE, (5, 3), again=True)
    assert marks.rises(ONE, (5, 4))
    marks.note(ONE, (5, 4))
    assert (marks.who, marks.newest) == (ONE, (5, 4))


def test_a5_the_same_word_of_another_counts_once_however_often_it_gave_way() -> None:
    marks = _marks()
    marks.note(TWO, (6, 7))
    marks.note(ONE, (5, 4))
    assert not marks.rises(TWO, (6, 7))
    assert marks.rises(TWO, (6, 8))


def test_a_word_that_the_log_bears_out_meanwhile_gives_way_no_more() -> None:
    log = _Log()
    marks = _marks(log)
    marks.note(TWO, (6, 1))
    log.leader, log.head = TWO, Head(0, 0, 6, Seq(10), EMPTY_HEAD.chain)
    assert not marks.rises(ONE, (5, 99))
    assert not marks.rises(ONE, (6, 1))


def test_a_mark_named_before_its_start_is_not_lowered() -> None:
    marks = _marks()
    marks.note(ONE, (5, 3))
    marks.note(ONE, (5, 2))
    assert marks.newest == (5, 3)


def test_r10_no_more_senders_are_remembered_than_may_lead() -> None:
    marks = _marks()
    for number in range(2 * SUCCESSION_MAX):
        marks.note(DeviceId(number.to_bytes(16, "big")), (5, number))
    assert len(marks._by_sender) == SUCCESSION_MAX


@pytest.mark.parametrize("leader", [None, TWO])
def test_of_no_known_leader_the_higher_mark_counts(leader: DeviceId | None) -> None:
    marks = _marks(_Log(leader))
    marks.note(ONE, (6, 1))
    assert not marks.rises(THREE, (5, 9))
    assert marks.rises(THREE, (6, 2))


@pytest.mark.parametrize(("sender", "seq", "is_asked"), [(TWO, 10, False), (ONE, 9, False), (ONE, 10, True)])
def test_a55_who_shows_more_than_is_here_is_asked_though_its_mark_is_too_low(
    sender: DeviceId, seq: int, *, is_asked: bool
) -> None:
    marks = _marks()
    marks.note(TWO, (2**20, 7))
    rest = Rest(1, bytes(8), (), 0, bytes(8), 0, 4, 5, data=False, sender=sender)
    head = Head(0, 0, 6, Seq(seq), EMPTY_HEAD.chain)
    start = sign_start(SigningKey.from_seed(bytes(32)), ClusterId(bytes(32)), head, rest)
    if is_asked:
        assert marks.older(start, SOURCE) == Step(outcome=Behind(SOURCE, head))
        return
    with pytest.raises(UntrustedInput, match="older than one"):
        marks.older(start, SOURCE)
