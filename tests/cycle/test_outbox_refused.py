"""What a writer refuses that a former one called local: kept, and in nobody's way."""

from dusk.cycle.messages import Answer, AnswerCode
from dusk.cycle.outbox import Outbox, Writer
from dusk.effects import Effect
from dusk.ids import ChangeId, Seq
from tests.cycle.test_outbox import ANNA, NOW, in_lines, in_log, submitted


def refused(box: Outbox, change: ChangeId) -> list[Effect]:
    return box.on_answer(Answer(change, AnswerCode.REFUSED, Seq(0), "no", "other-state"))


def test_what_a_former_writer_alone_has_and_the_one_of_now_refuses_keeps_nothing_waiting_there_r3() -> None:
    """It was said to be local, so it is kept; its branch may come, or be lost with that one disk."""
    ring, box, ids = in_lines({b"first": ANNA, b"second": ANNA})
    peer = ring.nodes[1].station.peers.get(ring.master.station.peers.own_id)
    assert peer is not None
    box.on_answer(Answer(ids[b"first"], AnswerCode.STORED, Seq(5), ""))
    box.writer_changed(Writer(peer, ring.master.address, 2, is_fresh=True), NOW + 1)
    assert submitted(ring, box, NOW + 1) == [(b"first", None), (b"second", ids[b"first"])]
    assert refused(box, ids[b"first"]) == []
    assert (b"second", None) in submitted(ring, box, NOW + 2)
    assert ids[b"first"] in box
    box.writer_changed(Writer(peer, ring.master.address, 3, is_fresh=True), NOW + 3)
    assert submitted(ring, box, NOW + 3) == [(b"first", None), (b"second", ids[b"first"])]
    assert refused(box, ids[b"first"]) == []
    box.on_logged(in_log(ids[b"first"], Seq(6), "applied"), durable=True)
    assert submitted(ring, box, NOW + 60) == [(b"second", ids[b"first"])]
    box.on_unlogged([ids[b"first"]], NOW + 60)
    assert set(submitted(ring, box, NOW + 99)) == {(b"first", None), (b"second", ids[b"first"])}
