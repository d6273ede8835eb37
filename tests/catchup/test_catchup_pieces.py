"""Who is asked for pieces of a checkpoint gives them to members, and how both are said (A6, A9)."""

import pytest

from dusk.catchup.gathering import Gathering
from dusk.catchup.messages import Compacted, GetPiece, Piece, decode_reply, decode_request, encode
from dusk.changelog.basis import Plan, plan_of
from dusk.changelog.foundation import piece_hash, pieces
from dusk.codec import pack
from dusk.effects import PieceRead, ReadPiece
from dusk.errors import UntrustedInput
from dusk.ids import Seq
from dusk.keys.signing import SigningKey
from tests.checkpoints import above, attest, commit, compacted, foundation, later_item
from tests.streams import Asker, Member
from tests.world import World

pytestmark = pytest.mark.usefixtures("small_steps")


def cluster() -> tuple[World, Member, SigningKey]:
    """Return a cluster, its compacted master, and a member."""
    world = World()
    world.allow_joining()
    key = world.join()
    commit(world, 30)
    attest(world)
    server = Member(world.master, compacted(world), above(world.items, world.log.checkpoint), world)
    server.foundation = foundation(world)
    server.plan = plan_of(world.log.checkpoint, pieces(server.foundation))
    return world, server, key


def asker(server: Member, key: SigningKey) -> Asker:
    """Return a member that has shaken hands."""
    made = Asker(server, key, 1)
    made.shake()
    return made


def test_a_piece_is_read_from_the_disk_and_a_late_or_foreign_one_is_ignored() -> None:
    _, server, key = cluster()
    assert server.plan is not None
    one = asker(server, key)
    assert server.handle(PieceRead(1, 0, b"early"), 0.0) == []
    assert one.ask(GetPiece(server.plan.seq, 0)) == [ReadPiece(1, server.plan.seq, 0)]
    assert server.handle(PieceRead(1, 1, b"another"), 0.0) == []
    assert one.replies(server.handle(PieceRead(1, 0, b"data"), 0.0)) == [Piece(b"data")]


def test_who_asks_for_a_piece_of_a_former_checkpoint_is_told_of_the_one_of_now() -> None:
    _, server, key = cluster()
    assert server.plan is not None
    one = asker(server, key)
    assert one.replies(one.ask(GetPiece(Seq(8), 0))) == [Compacted(server.plan)]
    one.ask(GetPiece(server.plan.seq, 0))
    assert one.replies(server.handle(PieceRead(1, 0, None), 0.0)) == [Compacted(server.plan)]


def test_a9_who_asks_for_a_piece_of_no_checkpoint_is_cut_off() -> None:
    _, server, key = cluster()
    plan = server.plan
    assert plan is not None
    one = asker(server, key)
    assert one.ended(one.ask(GetPiece(plan.seq, len(plan.hashes))))
    server.plan = None
    one = asker(server, key)
    assert one.ended(one.ask(GetPiece(plan.seq, 0)))


def test_a_device_that_is_removed_meanwhile_gets_no_piece() -> None:
    world, server, key = cluster()
    assert server.plan is not None
    one = asker(server, key)
    one.ask(GetPiece(server.plan.seq, 0))
    before = len(world.items)
    world.commit(world.edit(f"device/{key.key_id.hex()}", "retired", (True,)))
    server.log.extend(world.items[before:])
    assert one.ended(server.handle(PieceRead(1, 0, b"data"), 0.0))


def test_messages_about_checkpoints_come_back_as_they_were() -> None:
    plan = Plan(Seq(256), (piece_hash(b"a"), piece_hash(b"b")))
    for reply in (Compacted(plan), Piece(b"data")):
        assert decode_reply(encode(reply)) == reply
    request = GetPiece(Seq(256), 1)
    assert decode_request(encode(request)) == request
    for wrong in ([23, 0, [bytes(32)]], [23, 1, []], [23, 1, [b""]], [24], [24, bytes(60_001)]):
        with pytest.raises(UntrustedInput):
            decode_reply(pack(wrong))
    for wrong in ([9, 0, 0], [9, 1, -1], [9, 1]):
        with pytest.raises(UntrustedInput):
            decode_request(pack(wrong))


def test_what_cannot_be_read_here_is_judged_at_once_and_another_stream_begins_anew() -> None:
    world, server, _ = cluster()
    assert server.plan is not None
    gathering = Gathering(server.plan)
    plain, later = server.items[:2], later_item(world)
    assert gathering.add(plain)
    assert gathering.to_judge(more=True) == ()
    assert gathering.add(later)
    assert gathering.to_judge(more=True) == (*plain, *later)
    gathering.begin()
    assert gathering.above == []
    assert gathering.to_judge(more=False) == ()
    assert gathering.add(plain)
    assert gathering.to_judge(more=False) == tuple(plain)
