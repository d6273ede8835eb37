"""Changes on their way to the log."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest

from dusk import limits
from dusk.cycle.datagrams import Opened
from dusk.cycle.messages import Answer, AnswerCode, Kind, decode_submit
from dusk.cycle.outbox import RETRY_S_MAX, Outbox, Writer, file_name
from dusk.cycle.outlook import Outlook
from dusk.effects import ChangeState, Effect, Progress, RemoveFile, SendDatagram, StoreFile
from dusk.errors import Refused
from dusk.ids import ChangeId, DeviceId, KeyId, Seq
from tests.cycle.ring import Ring

A, B = ChangeId(b"a" * 32), ChangeId(b"b" * 32)
NOW = 100.0


def outbox() -> Outbox:
    return Outbox({}, random.Random(1).randbytes)


def submitter(size: int = 20) -> tuple[Ring, Outbox]:
    """A member with one change and a writer."""
    ring = Ring(2)
    box = outbox()
    box.add(A, bytes(size), NOW)
    peer = ring.nodes[1].station.peers.others[0]
    box.writer_changed(Writer(peer, ring.master.address, 1, is_fresh=True), NOW)
    return ring, box


def test_a_change_is_on_disk_before_it_is_said_to_be_queued_r8() -> None:
    effects = outbox().add(A, b"change", NOW)
    assert effects == [StoreFile(file_name(A), b"change"), Progress(A, ChangeState.QUEUED, Seq(0), "")]


def test_a_repeated_commit_resumes_the_same_item() -> None:
    box = outbox()
    box.add(A, b"change", NOW)
    assert box.add(A, b"change", NOW) == [Progress(A, ChangeState.QUEUED, Seq(0), "")]
    assert len(box) == 1


def test_nothing_is_due_without_a_writer() -> None:
    box = outbox()
    box.add(A, b"change", NOW)
    assert box.deadline is None
    ring = Ring(2)
    assert box.tick(ring.master.station.channel, NOW).effects == ()


def test_a_change_is_submitted_until_it_is_in_our_log() -> None:
    ring, box = submitter()
    channel = ring.nodes[1].station.channel
    times: list[float] = []
    now = NOW
    while len(times) < 8:
        assert box.deadline is not None
        now = max(now, box.deadline)
        (effect,) = box.tick(channel, now).effects
        assert isinstance(effect, SendDatagram)
        opened = ring.master.station.channel.open(effect.data, ring.nodes[1].address)
        assert isinstance(opened, Opened)
        assert (opened.kind, decode_submit(opened.plaintext)) == (Kind.SUBMIT, (bytes(20), None))
        times.append(now)
        assert box.tick(channel, now).effects == ()
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[0] < 0.4 < gaps[-1] < 13
    box.on_logged(in_log(A, Seq(5), "applied"), durable=True)
    assert box.deadline is None
    assert box.tick(channel, now + 100).effects == ()


def test_a_long_change_is_for_a_stream() -> None:
    ring, box = submitter(size=5000)
    submission = box.tick(ring.nodes[1].station.channel, NOW)
    assert (submission.effects, submission.by_stream) == ((), ((A, None),))
    assert box.encoded(A) == bytes(5000)


def test_a_new_writer_is_asked_at_once_and_the_same_one_is_not() -> None:
    ring, box = submitter()
    box.tick(ring.nodes[1].station.channel, NOW)
    peer = ring.nodes[1].station.peers.others[0]
    box.writer_changed(Writer(peer, ring.master.address, 1, is_fresh=True), NOW + 0.01)
    assert box.deadline is not None
    assert box.deadline > NOW + 0.01
    box.writer_changed(None, NOW + 0.02)
    box.writer_changed(Writer(peer, ring.master.address, 1, is_fresh=True), NOW + 0.03)
    assert box.deadline == NOW + 0.03


def test_a_writer_that_is_back_is_asked_at_once_however_long_it_was_off() -> None:
    ring, box = submitter()
    channel, peer = ring.nodes[1].station.channel, ring.nodes[1].station.peers.others[0]
    silent = Writer(peer, ring.master.address, 1, is_fresh=False)
    box.writer_changed(silent, NOW)
    now = NOW
    for _ in range(8):
        assert box.deadline is not None
        now = box.deadline
        assert len(box.tick(channel, now).effects) == 1
    for back in (Writer(peer, ring.master.address, 1, is_fresh=True), replace(silent, epoch=2)):
        box.writer_changed(back, now + 0.01)
        assert box.deadline == now + 0.01
        box.tick(channel, now + 0.01)


def in_log(change: ChangeId, seq: Seq, reason: str) -> Answer:
    return Answer(change, AnswerCode.STORED, seq, reason)


def test_an_answer_makes_it_local_and_our_own_log_durable_and_settled_forgets_it() -> None:
    box = outbox()
    box.add(A, b"change", NOW)
    assert box.waiting() == (A,)
    local = box.on_answer(Answer(A, AnswerCode.STORED, Seq(7), "applied"))
    assert local == [Progress(A, ChangeState.LOCAL, Seq(7), "applied")]
    assert box.waiting() == ()
    durable = box.on_logged(in_log(A, Seq(7), "applied"), durable=True)
    assert durable == [Progress(A, ChangeState.DURABLE, Seq(7), "applied")]
    assert box.progress(A) == durable[0]
    assert box.on_settled(Seq(6)) == []
    assert box.on_settled(Seq(7)) == [RemoveFile(file_name(A))]
    assert A not in box
    assert box.progress(A) is None


def test_what_we_wrote_ourselves_is_durable_when_another_holds_it() -> None:
    box = outbox()
    box.add(A, b"change", NOW)
    assert box.on_logged(in_log(A, Seq(7), "applied"), durable=False)[0] == Progress(
        A, ChangeState.LOCAL, Seq(7), "applied"
    )
    assert box.on_durable(Seq(6)) == []
    assert box.on_settled(Seq(9)) == []
    assert box.on_durable(Seq(7)) == [Progress(A, ChangeState.DURABLE, Seq(7), "applied")]
    assert box.on_durable(Seq(8)) == []


def test_a_refused_change_is_forgotten_with_its_reason() -> None:
    box = outbox()
    box.add(A, b"change", NOW)
    effects = box.on_answer(Answer(A, AnswerCode.REFUSED, Seq(0), "no grant", "outside-grant"))
    told = Progress(A, ChangeState.REFUSED, Seq(0), "no grant", "outside-grant")
    assert effects == [told, RemoveFile(file_name(A))]
    assert len(box) == 0


def test_a_change_that_is_on_a_disk_cannot_be_refused_any_more() -> None:
    box = outbox()
    box.add(A, b"change", NOW)
    box.on_answer(Answer(A, AnswerCode.STORED, Seq(7), ""))
    assert box.on_answer(Answer(A, AnswerCode.REFUSED, Seq(0), "no")) == []
    assert A in box


@pytest.mark.parametrize("code", [AnswerCode.BUSY, AnswerCode.NOT_WRITER])
def test_other_answers_change_nothing(code: AnswerCode) -> None:
    box = outbox()
    box.add(A, b"change", NOW)
    assert box.on_answer(Answer(A, code, Seq(0), "")) == []
    assert box.on_answer(Answer(B, AnswerCode.STORED, Seq(1), "")) == []
    assert box.on_logged(in_log(B, Seq(1), ""), durable=True) == []
    assert box.waiting() == (A,)


def test_after_a_restart_the_files_are_the_outbox() -> None:
    box = Outbox({A: b"change"}, random.Random(1).randbytes)
    assert box.waiting() == (A,)


def test_a_full_outbox_says_so() -> None:
    box = outbox()
    for number in range(limits.OUTBOX_MAX):
        box.add(ChangeId(number.to_bytes(32, "big")), b"", NOW)
    with pytest.raises(Refused, match="wait for the master"):
        box.add(A, b"", NOW)


def test_a_change_that_another_hands_in_too_stays_as_it_is() -> None:
    box = outbox()
    box.add(A, b"ours", NOW)
    box.relay(A, b"theirs", NOW)
    assert (box.encoded(A), len(box)) == (b"ours", 1)
    assert box.waiting() == (A,)


def test_a54_what_no_writer_answers_makes_room_once_nobody_waits_for_it() -> None:
    box = outbox()
    for number in range(limits.RELAYED_MAX):
        assert box.relay(ChangeId(number.to_bytes(32, "big")), b"", NOW + number, B) is None
    with pytest.raises(Refused, match="of others wait"):
        box.relay(A, b"", NOW + limits.ANSWER_S_MAX - 1)
    oldest = ChangeId(bytes(32))
    assert box.relay(A, b"", NOW + limits.ANSWER_S_MAX) == oldest
    assert oldest not in box
    assert box.relay(A, b"", NOW + limits.ANSWER_S_MAX) is None
    assert len(box) == limits.RELAYED_MAX


def submitted(ring: Ring, box: Outbox, now: float) -> list[tuple[bytes, ChangeId | None]]:
    """Let a box hand over what is due, and return what the datagrams say."""
    node, found = ring.nodes[1], []
    for effect in box.tick(node.station.channel, now).effects:
        assert isinstance(effect, SendDatagram)
        opened = ring.master.station.channel.open(effect.data, node.address)
        assert isinstance(opened, Opened)
        found.append(decode_submit(opened.plaintext))
    return found


def in_lines(
    changes: dict[bytes, KeyId | None], outlook: Outlook | None = None
) -> tuple[Ring, Outbox, dict[bytes, ChangeId]]:
    """A member with changes of several authors, and a writer."""
    ring, ids = Ring(3), {data: ChangeId(bytes([number]) * 32) for number, data in enumerate(changes)}
    box = Outbox({}, random.Random(1).randbytes, changes.__getitem__, outlook)
    for data in changes:
        box.add(ids[data], data, NOW)
    peer = ring.nodes[1].station.peers.get(ring.master.station.peers.own_id)
    assert peer is not None
    box.writer_changed(Writer(peer, ring.master.address, 1, is_fresh=True), NOW)
    return ring, box, ids


ANNA, BEN = KeyId(b"1" * 16), KeyId(b"2" * 16)


def test_an_authors_changes_name_the_one_before_until_that_was_answered_r3() -> None:
    """Numbers rise: if the second were written first, the first would be refused for ever."""
    ring, box, ids = in_lines({b"first": ANNA, b"second": ANNA, b"third": BEN, b"creation": None})
    expected = {(b"first", None), (b"second", ids[b"first"]), (b"third", None), (b"creation", None)}
    assert set(submitted(ring, box, NOW)) == expected
    assert box.deadline is not None
    assert box.deadline > NOW
    box.on_answer(Answer(ids[b"first"], AnswerCode.REFUSED, Seq(0), "no", "outside-grant"))
    again = submitted(ring, box, NOW + 1.0)
    assert (b"second", None) in again
    assert b"first" not in [data for data, _ in again]


def test_what_a_former_writer_answered_for_and_nobody_brought_stands_in_line_for_the_next_one_r3() -> None:
    """The next one may not have it: if it wrote what comes behind, it would refuse this for ever."""
    ring, box, ids = in_lines({b"first": ANNA, b"second": ANNA})
    box.on_answer(Answer(ids[b"first"], AnswerCode.STORED, Seq(5), ""))
    again = (b"second", ids[b"first"])
    assert again in submitted(ring, box, NOW)
    peers = ring.nodes[1].station.peers
    peer = peers.get(ring.master.station.peers.own_id)
    another = peers.get(ring.nodes[2].station.peers.own_id)
    assert peer is not None
    assert another is not None
    box.writer_changed(None, NOW + 1)
    box.writer_changed(Writer(peer, ring.master.address, 1, is_fresh=True), NOW + 2)
    assert again in submitted(ring, box, NOW + 2)
    box.writer_changed(Writer(peer, ring.master.address, 2, is_fresh=True), NOW + 3)
    assert submitted(ring, box, NOW + 3) == [(b"first", None), (b"second", ids[b"first"])]
    box.on_answer(Answer(ids[b"first"], AnswerCode.STORED, Seq(6), ""))
    box.writer_changed(None, NOW + 4)
    box.writer_changed(Writer(peer, ring.master.address, 2, is_fresh=True), NOW + 5)
    assert again in submitted(ring, box, NOW + 5)
    box.writer_changed(Writer(another, ring.nodes[2].address, 2, is_fresh=True), NOW + 6)
    channel, lines = ring.nodes[1].station.channel, []
    for effect in box.tick(channel, NOW + 6).effects:
        assert isinstance(effect, SendDatagram)
        opened = ring.nodes[2].station.channel.open(effect.data, ring.nodes[1].address)
        assert isinstance(opened, Opened)
        lines.append(decode_submit(opened.plaintext))
    assert lines == [(b"first", None), (b"second", ids[b"first"])]


def test_what_stands_in_our_log_comes_before_what_follows_it_at_a_writer_of_another_branch_r3() -> None:
    """Whoever took over may lack it: with the second in its log it would have to reject the first."""
    ring, box, ids = in_lines({b"first": ANNA, b"other": BEN, b"second": ANNA, b"third": ANNA})
    box.on_logged(in_log(ids[b"first"], Seq(5), "applied"), durable=True)
    peer = ring.nodes[1].station.peers.get(ring.master.station.peers.own_id)
    assert peer is not None
    box.writer_changed(Writer(peer, ring.master.address, 2, is_fresh=True), NOW)
    expected = {(b"other", None), (b"second", ids[b"first"]), (b"third", ids[b"second"])}
    assert set(submitted(ring, box, NOW)) == expected
    box.on_settled(Seq(5))
    box.writer_changed(Writer(peer, ring.master.address, 3, is_fresh=True), NOW + 1)
    assert (b"second", None) in submitted(ring, box, NOW + 1)


def test_only_so_many_of_an_authors_changes_are_on_their_way_at_once() -> None:
    many = {number.to_bytes(2, "big"): ANNA for number in range(limits.SUBMITS_MAX + 20)}
    ring, box, ids = in_lines(dict(many))
    assert [data for data, _ in submitted(ring, box, NOW)] == list(many)[: limits.SUBMITS_MAX]
    for data in list(many)[:5]:
        box.on_answer(Answer(ids[data], AnswerCode.STORED, Seq(5), ""))
    assert box.deadline == NOW
    assert len(submitted(ring, box, NOW)) == 5


def test_nothing_of_a_line_overtakes_what_goes_by_a_stream() -> None:
    first, long, last = b"first", bytes(5000), b"last"
    ring, box, ids = in_lines({first: ANNA, long: ANNA, last: ANNA})
    assert [data for data, _ in submitted(ring, box, NOW)] == [first]
    box.on_answer(Answer(ids[first], AnswerCode.STORED, Seq(5), ""))
    submission = box.tick(ring.nodes[1].station.channel, NOW)
    assert (submission.effects, submission.by_stream) == ((), ((ids[long], ids[first]),))
    box.on_answer(Answer(ids[long], AnswerCode.STORED, Seq(6), ""))
    assert submitted(ring, box, NOW) == [(last, ids[long])]


def test_a_change_that_is_answered_and_not_yet_in_our_log_is_still_to_be_counted() -> None:
    box = outbox()
    box.add(A, b"change", NOW)
    box.on_answer(Answer(A, AnswerCode.STORED, Seq(5), ""))
    assert box.waiting() == ()
    assert box.not_logged() == (A,)


def _refused(box: Outbox, change: ChangeId) -> list[Effect]:
    return box.on_answer(Answer(change, AnswerCode.REFUSED, Seq(0), "no", "inactive-key"))


def _refused_for_long(ring: Ring, box: Outbox, change: ChangeId) -> list[Effect]:
    """Let a writer refuse a change until that is its last word."""
    now, effects = NOW, list[Effect]()
    for _ in range(8):
        now += RETRY_S_MAX * 2
        box.tick(ring.nodes[1].station.channel, now)
        effects += _refused(box, change)
    return effects


def test_a_change_adrift_that_the_writer_refuses_is_kept_until_its_outcome_is_in_the_log_r3() -> None:
    """It was said to be durable: its branch is offered, and gets it an outcome, be it a rejection."""
    ring, box, ids = in_lines({b"first": ANNA, b"second": ANNA})
    box.on_logged(in_log(ids[b"first"], Seq(7), "applied"), durable=True)
    box.on_unlogged([ids[b"first"]], NOW)
    assert _refused(box, ids[b"first"]) == []
    both = {(b"first", None), (b"second", ids[b"first"])}
    assert set(submitted(ring, box, NOW + 60)) == both, "the second waits for it"
    assert _refused_for_long(ring, box, ids[b"first"]) == []
    assert ids[b"first"] in box
    assert set(submitted(ring, box, NOW + 1000)) == {(b"first", None), (b"second", None)}, "and no longer"
    told = box.on_logged(in_log(ids[b"first"], Seq(9), "rejected: inactive-key"), durable=True)
    assert told == [Progress(ids[b"first"], ChangeState.DURABLE, Seq(9), "rejected: inactive-key")]


class Leaving:
    """An outlook of somebody who left a branch."""

    def __init__(self) -> None:
        self.stranded: ChangeId | None = B
        self.seen: ChangeId | None = A

    def newest(self) -> ChangeId | None:
        return self.seen

    def left_before(self, _data: bytes) -> ChangeId | None:
        return self.stranded

    def left_number(self, _author: KeyId, _device: DeviceId) -> int:
        return 0

    def is_offering(self) -> bool:
        return self.stranded is not None


def test_no_refusal_is_the_last_word_while_what_the_change_builds_on_is_stranded_r3() -> None:
    """It may name a device that joined on the branch that lost: the writer has not taken that up yet."""
    outlook = Leaving()
    ring, box, ids = in_lines({b"first": ANNA, b"second": ANNA}, outlook)
    assert _refused(box, ids[b"first"]) == []
    assert box.waiting() == tuple(ids.values())
    outlook.stranded = None
    effects = _refused(box, ids[b"first"])
    assert effects[-1] == RemoveFile(file_name(ids[b"first"]))
    assert box.deadline == float("-inf"), "what comes behind it waits no more"
    assert (b"second", A) in submitted(ring, box, NOW)


def test_who_left_no_branch_has_nothing_stranded() -> None:
    outlook = outbox().outlook
    assert (outlook.newest(), outlook.left_before(b""), outlook.is_offering()) == (None, None, False)
    assert outlook.left_number(ANNA, DeviceId(bytes(16))) == 0


def test_a_refusal_that_is_repeated_for_long_is_the_last_word() -> None:
    ring, box, ids = in_lines({b"first": ANNA}, Leaving())
    told = [effect for effect in _refused_for_long(ring, box, ids[b"first"]) if isinstance(effect, Progress)]
    assert [each.state for each in told] == [ChangeState.REFUSED]


def test_what_an_author_makes_follows_what_he_saw_r3() -> None:
    """A writer on another branch lacks that: what is made in its view would mean nothing there."""
    outlook = Leaving()
    ring, box, ids = in_lines({b"first": ANNA, b"second": ANNA, b"third": BEN}, outlook)
    assert set(submitted(ring, box, NOW)) == {(b"first", B), (b"second", ids[b"first"]), (b"third", B)}
    outlook.stranded = None
    box.on_logged(in_log(ids[b"first"], Seq(5), "applied"), durable=True)
    assert set(submitted(ring, box, NOW + 60)) == {(b"second", ids[b"first"]), (b"third", A)}, (
        "his own goes first: what others made may stand on both branches"
    )
    outlook.seen = None
    assert set(submitted(ring, box, NOW + 120)) == {(b"second", ids[b"first"]), (b"third", None)}


def test_a6_what_goes_before_a_change_is_looked_for_only_when_the_change_is_due() -> None:
    """A tick follows each datagram: who left much in another branch would do nothing else."""

    class Noting(Leaving):
        asked = 0

        def left_before(self, _data: bytes) -> ChangeId | None:
            self.asked += 1
            return super().left_before(_data)

    outlook = Noting()
    ring, box, _ = in_lines({b"first": ANNA, b"second": ANNA, b"third": BEN}, outlook)
    assert len(submitted(ring, box, NOW)) == 3
    assert outlook.asked == 2
    for _ in range(20):
        assert submitted(ring, box, NOW + 0.01) == []
    assert outlook.asked == 2
    assert len(submitted(ring, box, NOW + 60)) == 3
    assert outlook.asked == 4


def test_what_is_passed_on_for_another_keeps_what_goes_before_it_r3() -> None:
    ring, box, _ = in_lines({}, Leaving())
    box.relay(B, b"theirs", NOW, A)
    assert submitted(ring, box, NOW) == [(b"theirs", A)]
    assert box.unwritten() == ((B, A),)
    assert _refused(box, B) == [Progress(B, ChangeState.REFUSED, Seq(0), "no", "inactive-key")]


def test_another_outcome_is_told_when_two_disks_have_it_r3() -> None:
    """It was durable: its new outcome stands on one disk first, that of who took it up."""
    box = outbox()
    box.add(A, b"change", NOW)
    box.on_logged(in_log(A, Seq(7), ""), durable=True)
    box.on_unlogged([A], NOW + 1)
    assert box.on_logged(in_log(A, Seq(9), "superseded"), durable=False) == []
    assert box.on_durable(Seq(8)) == []
    assert box.on_durable(Seq(9)) == [Progress(A, ChangeState.DURABLE, Seq(9), "superseded")]
    assert box.on_durable(Seq(9)) == []


def test_of_a_change_that_stands_on_both_branches_another_outcome_is_told_and_the_same_is_not_r3() -> None:
    box = outbox()
    box.add(A, b"change", NOW)
    box.on_logged(in_log(A, Seq(7), ""), durable=True)
    assert box.on_logged(in_log(A, Seq(9), ""), durable=True) == []
    told = box.on_logged(in_log(A, Seq(8), "superseded"), durable=True)
    assert told == [Progress(A, ChangeState.DURABLE, Seq(8), "superseded")]


def test_a_change_adrift_that_this_device_itself_refuses_is_forgotten_and_what_was_said_of_it_stays() -> None:
    """It was said to be durable: a refusal later cannot unsay that, but there is no more to hand over."""
    box = outbox()
    box.add(A, b"change", NOW)
    box.on_logged(in_log(A, Seq(7), "applied"), durable=True)
    box.on_unlogged([A, B], NOW + 1)
    assert box.not_logged() == (A,)
    effects = box.on_answer(Answer(A, AnswerCode.REFUSED, Seq(0), "no grant", "outside-grant"))
    assert effects == [RemoveFile(file_name(A))]
    assert A not in box


def test_what_was_passed_on_stood_in_a_branch_that_was_left_and_is_refused_is_forgotten_r3() -> None:
    """It is its branch that gets it an outcome; here nobody waits for it, and it stands nowhere."""
    _, box, _ = in_lines({})
    box.relay(A, b"theirs", NOW)
    box.on_logged(in_log(A, Seq(7), ""), durable=True)
    box.on_unlogged([A], NOW + 1)
    assert box.on_answer(Answer(A, AnswerCode.REFUSED, Seq(0), "joined otherwise", "device-exists")) == []
    assert A not in box


def test_what_lapsed_with_its_branch_is_forgotten_and_holds_nothing_up_r3() -> None:
    """An attestation is never written anew: neither is it durable by its former place, nor waited for."""
    ring, box, ids = in_lines({b"first": ANNA, b"second": ANNA})
    box.on_logged(in_log(ids[b"first"], Seq(7), ""), durable=False)
    assert submitted(ring, box, NOW) == [(b"second", ids[b"first"])]
    assert box.on_lapsed([ids[b"first"], B]) == [RemoveFile(file_name(ids[b"first"]))]
    assert box.on_durable(Seq(7)) == []
    assert submitted(ring, box, NOW + 60) == [(b"second", None)]
