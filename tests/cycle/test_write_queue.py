"""The writer's queue."""

from collections.abc import Iterable
from itertools import takewhile

import pytest

from dusk import limits
from dusk.changelog.body import Change
from dusk.changelog.entry import Absent, Outcome, OutcomeCode
from dusk.changelog.items import verified_entry
from dusk.changelog.sections import device_path
from dusk.cycle import write_queue
from dusk.cycle.fragments import cut_batch
from dusk.cycle.messages import AnswerCode
from dusk.cycle.outbox import saved_changes
from dusk.cycle.write_queue import WriteQueue, nobody_is_silent, outcome_reason, outcome_word
from dusk.ids import ChangeId, DeviceId, Seq
from tests.world import World

OWN, OTHER, LIAR = b"own", b"other", b"liar"


def test_changes_that_wait_are_written_as_one_batch() -> None:
    world = World()
    queue = WriteQueue(world.log, OWN)
    first = world.change(world.set("a", "x.y.z", "1"), counter=5)
    second = world.change(world.set("b", "x.y.z", "2"), counter=6)
    assert queue.take(first, OTHER) is None
    assert queue.take(second, OTHER) is None
    assert queue.take(first, OTHER) is None
    assert len(queue) == 2
    written = queue.write(world.stamp())
    assert len(written.items) == 2
    assert [(answer.code, answer.seq) for answer in written.answers] == [
        (AnswerCode.STORED, Seq(2)),
        (AnswerCode.STORED, Seq(3)),
    ]
    again = queue.take(first, OTHER)
    assert again is not None
    assert (again.code, again.seq) == (AnswerCode.STORED, Seq(2))


def test_a54_what_may_not_be_written_is_answered_and_forgotten() -> None:
    world = World()
    queue = WriteQueue(world.log, OWN)
    junk = world.change(world.set("a", "x.y.z", "1"), signers=(world.key(),))
    queue.take(junk, OTHER)
    written = queue.write(world.stamp())
    assert written.items == ()
    assert [answer.code for answer in written.answers] == [AnswerCode.REFUSED]
    assert [answer.word for answer in written.answers] == ["unknown-key"]
    assert world.log.head.seq == 1


def test_each_of_a_few_batches_stays_within_data_and_the_rest_waits_p3() -> None:
    world = World()
    queue = WriteQueue(world.log, OWN)
    for number in range(6):
        queue.take(world.change(world.set(f"p{number}", "x.y.z", "v" * 7000), counter=number + 5), OTHER)
    written = queue.write(world.stamp())
    assert len(written.batches) == limits.WRITTEN_BATCHES_MAX
    assert all(cut_batch(items, head) for items, head in written.batches)
    assert written.batches[-1][1] == world.log.head
    assert [head.seq for _, head in written.batches] == [3, 5]
    assert len(queue) == 6 - len(written.items) > 0


def test_what_was_written_makes_room_while_others_still_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_queue, "WRITER_QUEUE_BYTES_MAX", 80_000)
    world = World()
    queue = WriteQueue(world.log, OWN)
    for number in range(12):
        change = world.change(world.set(f"p{number}", "x.y.z", "v" * 7000), counter=number + 5)
        assert queue.take(change, OTHER) is None
        if len(queue) == 5:
            queue.write(world.stamp())
            assert len(queue) > 0


def test_a_full_queue_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_queue, "WRITER_QUEUE_MAX", 1)
    world = World()
    queue = WriteQueue(world.log, OWN)
    queue.take(world.change(world.set("a", "x.y.z", "1")), OTHER)
    answer = queue.take(world.change(world.set("b", "x.y.z", "1")), OTHER)
    assert answer is not None
    assert answer.code is AnswerCode.BUSY
    assert limits.WRITER_QUEUE_MAX > 1


def _twisted(change: Change) -> Change:
    """The same change with one bit of each signature changed."""
    signatures = tuple(
        each._replace(signature=bytes((each.signature[0] ^ 1, *each.signature[1:])))
        for each in change.signatures
    )
    return Change(change.body_bytes, signatures, change.values)


def _numbered(world: World, count: int, first: int = 5) -> list[Change]:
    edits = [world.set(f"p{number}", "x.y.z", "1") for number in range(count)]
    return [world.change(edit, counter=first + place) for place, edit in enumerate(edits)]


def _fill(queue: WriteQueue, changes: Iterable[Change], sender: bytes) -> int:
    """Hand changes in until one is told to come again; how many were taken."""
    return sum(1 for _ in takewhile(lambda change: queue.take(change, sender) is None, changes))


def test_a54_one_members_junk_leaves_the_others_their_turn() -> None:
    world = World()
    queue = WriteQueue(world.log, OWN)
    junk = [_twisted(change) for change in _numbered(world, 1100)]
    honest = _numbered(world, 64)
    own = world.change(world.set("own", "x.y.z", "1"), device=world.master, counter=4)
    taken = _fill(queue, junk, LIAR)
    assert taken == limits.WRITER_QUEUE_MAX // 2
    assert queue.take(own, OWN) is None
    assert _fill(queue, honest, OTHER) == 64
    answers = [answer for _ in range(2) for answer in queue.write(world.stamp()).answers]
    stored_now = [answer.change for answer in answers if answer.code is AnswerCode.STORED]
    assert [ident for ident in stored_now if ident != own.id] == [change.id for change in honest]
    assert own.id in stored_now
    assert len(queue) > taken - 4 * limits.REFUSED_PER_SENDER_MAX


def test_a54_however_many_members_send_junk_there_is_room_for_one_more() -> None:
    world = World()
    queue = WriteQueue(world.log, OWN)
    junk = [_twisted(change) for change in _numbered(world, 600)]
    for liar in (b"1", b"2", b"3"):
        _fill(queue, junk, liar)
    honest = _numbered(world, 64)
    assert _fill(queue, honest, OTHER) == 64


def test_a54_a_turn_of_the_writer_verifies_no_more_than_its_bound_of_refused_changes() -> None:
    world = World()
    queue = WriteQueue(world.log, OWN)
    junk = [_twisted(change) for change in _numbered(world, 20)]
    liars = [bytes((number,)) for number in range(20)]
    for liar in liars:
        assert _fill(queue, junk, liar) == 20
    before = len(queue)
    queue.write(world.stamp())
    assert before - len(queue) == limits.REFUSED_PER_TURN_MAX
    while len(queue):
        before = len(queue)
        assert queue.write(world.stamp()).items == ()
        assert 0 < before - len(queue) <= limits.REFUSED_PER_TURN_MAX


def test_a54_a_turn_verifies_few_refused_changes_of_one_sender_and_many_signatures_count_as_many() -> None:
    world = World()
    queue = WriteQueue(world.log, OWN)
    junk = [_twisted(change) for change in _numbered(world, 20)]
    _fill(queue, junk, LIAR)
    assert len(queue.write(world.stamp()).answers) == limits.REFUSED_PER_SENDER_MAX
    signers = (world.owner, *(world.key() for _ in range(limits.REFUSED_PER_SENDER_MAX - 1)))
    other = WriteQueue(world.log, OWN)
    for number in range(3):
        other.take(world.change(world.set("a", "x.y.z", "1"), counter=90 + number, signers=signers), LIAR)
    other.take(Change(junk[0].body_bytes, (), junk[0].values), OTHER)
    assert len(other.write(world.stamp()).answers) == 2


def test_a54_a_copy_with_other_signatures_does_not_take_the_place_of_the_true_change() -> None:
    world = World()
    queue = WriteQueue(world.log, OWN)
    first, second = _numbered(world, 2)
    for change in (first, second):
        assert queue.take(_twisted(change), LIAR) is None
        assert queue.take(change, OTHER) is None
    written = queue.write(world.stamp())
    assert [(a.change, a.code) for a in written.answers] == [
        (first.id, AnswerCode.STORED),
        (second.id, AnswerCode.STORED),
    ]


def test_a54_a_true_copy_from_another_sender_does_not_change_an_authors_order() -> None:
    world = World()
    queue = WriteQueue(world.log, OWN)
    first, second = _numbered(world, 2)
    _fill(queue, [_twisted(change) for change in _numbered(world, 3, first=50)], LIAR)
    queue.take(first, LIAR)
    for change in (first, second):
        queue.take(change, OTHER)
    assert queue.has(second.id, OTHER)
    assert not queue.has(second.id, LIAR)
    assert not queue.has(second.id, OWN)
    answers = queue.write(world.stamp()).answers
    stored_now = [answer.change for answer in answers if answer.code is AnswerCode.STORED]
    assert stored_now == [first.id, second.id, first.id]


def test_this_devices_own_changes_find_room_in_a_full_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_queue, "WRITER_QUEUE_MAX", 2)
    world = World()
    queue = WriteQueue(world.log, OWN)
    changes = _numbered(world, 8)
    assert _fill(queue, changes, LIAR) == 1
    assert _fill(queue, changes[3:], OTHER) == 1
    assert _fill(queue, changes[4:], b"third") == 0
    assert _fill(queue, changes[4:], OWN) == 4


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


def test_what_a_lost_branch_held_is_queued_once_and_not_if_it_stands_in_the_log() -> None:
    world = World()
    queue = WriteQueue(world.log, OWN)
    logged, first, second = _numbered(world, 3)
    queue.take(logged, OTHER)
    queue.write(world.stamp())
    queue.strand([logged, first])
    queue.strand([first, second])
    assert len(queue) == 2
    assert queue.waiting() == []
    written = queue.write(world.stamp())
    assert [answer.change for answer in written.answers] == [first.id, second.id]
    assert len(queue) == 0


def test_what_comes_behind_a_refused_change_is_not_written_until_its_author_knows_r3() -> None:
    """Refused on one branch, a change may be good on another: its author's next must not overtake it."""
    world = World()
    queue = WriteQueue(world.log, OWN)
    first, second, third = _numbered(world, 3)
    assert queue.take(_twisted(first), OTHER) is None
    assert queue.take(second, OTHER, first.id) is None
    assert queue.take(third, OTHER, second.id) is None
    written = queue.write(world.stamp())
    assert written.items == ()
    assert [each.code for each in written.answers] == [
        AnswerCode.REFUSED,
        AnswerCode.BUSY,
        AnswerCode.BUSY,
    ]
    early = queue.take(second, OTHER, first.id)
    assert early is not None
    assert early.code is AnswerCode.BUSY
    for change, after in ((first, None), (second, first.id)):
        assert queue.take(change, OTHER, after) is None
    assert len(queue.write(world.stamp()).items) == 2


def test_a54_changes_that_name_themselves_each_other_or_nobodys_take_no_room() -> None:
    world = World()
    queue = WriteQueue(world.log, OWN)
    first, second, third = _numbered(world, 3)
    circles = ((first, first.id), (first, second.id), (second, first.id), (third, ChangeId(bytes(32))))
    for change, after in circles * 50:
        answer = queue.take(change, LIAR, after)
        assert answer is not None
        assert answer.code is AnswerCode.BUSY
    assert len(queue) == 0
    assert queue.take(first, OTHER) is None
    assert queue.take(second, LIAR, first.id) is not None, "what another handed in is no reason to wait"
    assert len(queue.write(world.stamp()).items) == 1


def test_a20_the_writer_says_who_is_absent_where_a_device_comes_back_by_that_and_nowhere_else() -> None:
    world = World()
    world.joinkey = world.key()
    rule = [world.joinkey.public, 5, 0, [], "auto", ["02:*"], "auto", ""]
    world.commit(world.edit(f"joinkey/{world.joinkey.key_id.hex()}", "rule", rule))
    for key in (old := world.key(), world.key()):
        world.write(world.request(key, label=f"02:{key.key_id.hex()}"))
    queue, device = WriteQueue(world.log, OWN), DeviceId(old.key_id)
    first, second = (world.request(world.key(), label=f"02:{old.key_id.hex()}") for _ in range(2))
    for silence, pending in ((nobody_is_silent, 1), (lambda _: limits.ABSENT_CYCLES_MIN - 1, 1)):
        queue.take(first, OTHER)
        written = queue.write(world.stamp(), silence)
        assert (written.items, len(written.pending)) == ((), pending)
    queue.take(first, OTHER)
    queue.take(world.change(world.set("a", "x.y.z", "1"), counter=9), OTHER)
    items = queue.write(world.stamp(), lambda _: limits.ABSENT_CYCLES_MIN).items
    assert [verified_entry(item).absent for item in items] == [Absent(device, limits.ABSENT_CYCLES_MIN), None]
    queue.strand([second])
    (item,) = queue.write(world.stamp(), lambda _: 99).items
    assert verified_entry(item).absent == Absent(DeviceId(first.body.device), 99)


def test_what_waits_behind_the_entry_that_retires_the_writer_is_refused_to_nobody() -> None:
    world = World()
    world.allow_joining()
    heir = world.join()
    queue, retired = WriteQueue(world.log, OWN), world.edit(device_path(world.device_id), "retired", [True])
    changes = [
        world.change(world.edit("cluster", "succession", [[heir.key_id]]), counter=10),
        world.change(retired, counter=11),
        world.change(world.set("a", "x.y.z", "1"), counter=12),
    ]
    for change in changes:
        queue.take(change, OTHER)
    written = queue.write(world.stamp())
    assert [(answer.change, answer.code) for answer in written.answers] == [
        (change.id, AnswerCode.STORED) for change in changes[:2]
    ]
    assert [waiting.change for waiting in queue.waiting()] == [changes[2]]
    assert queue.write(world.stamp()).answers == ()
