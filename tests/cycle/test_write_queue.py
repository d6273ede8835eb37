"""The writer's queue."""

import pytest

from dusk import limits
from dusk.changelog.entry import Outcome, OutcomeCode
from dusk.cycle import write_queue
from dusk.cycle.fragments import cut_batch
from dusk.cycle.messages import AnswerCode
from dusk.cycle.outbox import saved_changes
from dusk.cycle.write_queue import WriteQueue, outcome_reason, outcome_word
from dusk.ids import ChangeId, Seq
from tests.world import World


def test_changes_that_wait_are_written_as_one_batch() -> None:
    world = World()
    queue = WriteQueue(world.log)
    first = world.change(world.set("a", "x.y.z", "1"), counter=5)
    second = world.change(world.set("b", "x.y.z", "2"), counter=6)
    assert queue.take(first) is None
    assert queue.take(second) is None
    assert queue.take(first) is None
    assert len(queue) == 2
    written = queue.write(world.stamp())
    assert len(written.items) == 2
    assert [(answer.code, answer.seq) for answer in written.answers] == [
        (AnswerCode.STORED, Seq(2)),
        (AnswerCode.STORED, Seq(3)),
    ]
    again = queue.take(first)
    assert again is not None
    assert (again.code, again.seq) == (AnswerCode.STORED, Seq(2))


def test_a54_what_may_not_be_written_is_answered_and_forgotten() -> None:
    world = World()
    queue = WriteQueue(world.log)
    junk = world.change(world.set("a", "x.y.z", "1"), signers=(world.key(),))
    queue.take(junk)
    written = queue.write(world.stamp())
    assert written.items == ()
    assert [answer.code for answer in written.answers] == [AnswerCode.REFUSED]
    assert [answer.word for answer in written.answers] == ["unknown-key"]
    assert world.log.head.seq == 1


def test_each_of_a_few_batches_stays_within_data_and_the_rest_waits_p3() -> None:
    world = World()
    queue = WriteQueue(world.log)
    for number in range(6):
        queue.take(world.change(world.set(f"p{number}", "x.y.z", "v" * 7000), counter=number + 5))
    written = queue.write(world.stamp())
    assert len(written.batches) == limits.WRITTEN_BATCHES_MAX
    assert all(cut_batch(items, head) for items, head in written.batches)
    assert written.batches[-1][1] == world.log.head
    assert [head.seq for _, head in written.batches] == [3, 5]
    assert len(queue) == 6 - len(written.items) > 0


def test_what_was_written_makes_room_while_others_still_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_queue, "WRITER_QUEUE_BYTES_MAX", 40_000)
    world = World()
    queue = WriteQueue(world.log)
    for number in range(12):
        change = world.change(world.set(f"p{number}", "x.y.z", "v" * 7000), counter=number + 5)
        assert queue.take(change) is None
        if len(queue) == 5:
            queue.write(world.stamp())
            assert len(queue) > 0


def test_a_full_queue_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_queue, "WRITER_QUEUE_MAX", 1)
    world = World()
    queue = WriteQueue(world.log)
    queue.take(world.change(world.set("a", "x.y.z", "1")))
    answer = queue.take(world.change(world.set("b", "x.y.z", "1")))
    assert answer is not None
    assert answer.code is AnswerCode.BUSY
    assert limits.WRITER_QUEUE_MAX > 1


def test_an_outcome_is_said_in_words() -> None:
    assert outcome_reason(Outcome(OutcomeCode.APPLIED)) == ""
    by = ChangeId(b"\xab" * 32)
    assert "abababababab" in outcome_reason(Outcome(OutcomeCode.SUPERSEDED, by))
    assert "earlier" in outcome_reason(Outcome(OutcomeCode.SUPERSEDED))
    assert outcome_reason(Outcome(OutcomeCode.REJECTED, None, "limits")) == "rejected: limits"


def test_the_files_of_the_outbox_are_read_and_damaged_ones_left_alone() -> None:
    world = World()
    change = world.change(world.set("a", "x.y.z", "1"))
    files = {f"outbox/{change.id.hex()}": change.encode(), "outbox/xy": b"junk", "identity": b""}
    assert saved_changes(files) == {change.id: change.encode()}


def test_an_outcome_has_a_word_for_programs() -> None:
    words = [outcome_word(Outcome(code)) for code in OutcomeCode]
    assert words == ["", "superseded", "rejected"]
