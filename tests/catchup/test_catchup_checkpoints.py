"""Catching up past a checkpoint, from a server that has compacted and from servers that lie (R5, A42)."""

import pytest

from dusk.catchup.gathering import Gathering
from dusk.catchup.messages import Compacted, GetPiece, Piece, decode_reply, decode_request, encode
from dusk.changelog.adopting import adopt
from dusk.changelog.basis import Plan, plan_of
from dusk.changelog.foundation import piece_hash, pieces
from dusk.changelog.history import ForkFound
from dusk.changelog.log import Log
from dusk.codec import pack
from dusk.effects import ItemKind
from dusk.errors import UntrustedInput
from dusk.ids import Seq
from dusk.keys.signing import SigningKey
from tests.checkpoints import above, attest, commit, compacted, foundation, grown
from tests.streams import Member, Wires, at
from tests.world import World

pytestmark = pytest.mark.usefixtures("small_steps")


def cluster() -> tuple[World, Member, tuple[SigningKey, int]]:
    """Return a cluster, its compacted master, and how many items there were when a device had joined."""
    world = World()
    world.allow_joining()
    key = world.join()
    early = len(world.items)
    commit(world, 30)
    attest(world)
    server = Member(world.master, compacted(world), above(world.items, world.log.checkpoint), world)
    serve(server, world)
    return world, server, (key, early)


def serve(server: Member, world: World) -> None:
    """Let a server's log stand on the newest checkpoint."""
    server.foundation = foundation(world)
    server.plan = plan_of(world.log.checkpoint, pieces(server.foundation))


def away(world: World, early: tuple[SigningKey, int]) -> Member:
    """Return the device that was away, with what it had then."""
    key, count = early
    log = Log(world.cluster)
    log.extend(world.items[:count])
    return Member(key, log, world.items[:count], world)


def meet(server: Member, stale: Member) -> Wires:
    wires = Wires({"master": server, "stale": stale})
    wires.do("stale", stale.exchanges.catch_up(at("master"), wires.now))
    return wires


@pytest.mark.parametrize("known", ["all that was then", "nothing"])
def test_a_device_that_was_away_for_long_goes_on_from_a_checkpoint(known: str) -> None:
    world, server, early = cluster()
    stale = away(world, early if known == "all that was then" else (early[0], 0))
    meet(server, stale)
    assert stale.head == world.log.head
    assert stale.log.state.derived_hash == world.log.state.derived_hash
    assert len(stale.adopted) == 1
    assert stale.taken_rings == [server.ring]


def test_a_checkpoint_in_many_pieces_is_gone_on_with_where_the_stream_was_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dusk.limits.PIECE_BYTES_MAX", 500)
    world, server, early = cluster()
    assert server.plan is not None
    assert len(server.plan.hashes) > 10
    stale = away(world, early)
    frames = 0

    def cut(_to: str, frame: bytes) -> bytes | None:
        nonlocal frames
        frames += 1
        return frame if frames != 24 else None

    wires = Wires({"master": server, "stale": stale}, mangle=cut)
    wires.do("stale", stale.exchanges.catch_up(at("master"), wires.now))
    assert not stale.adopted
    kept = stale.gatherings.of(server.plan).missing
    assert kept
    wires.tick(100)
    wires.do("stale", stale.exchanges.catch_up(at("master"), wires.now))
    assert stale.head == world.log.head


def test_a_server_that_compacts_meanwhile_tells_of_the_new_checkpoint() -> None:
    world, server, early = cluster()
    stale = away(world, early)
    old = server.plan
    assert old is not None

    asked: list[int] = []
    original = stale.gatherings.of

    def of(plan: Plan) -> Gathering:
        asked.append(plan.seq)
        if len(asked) == 1:
            commit(world, 9)
            attest(world)
            server.log = compacted(world)
            server.items = above(world.items, world.log.checkpoint)
            serve(server, world)
        return original(plan)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stale.gatherings, "of", of)  # the server moves on within the exchange
        meet(server, stale)
    assert asked == [old.seq, world.log.checkpoint]
    assert stale.head == world.log.head


# --- liars ------------------------------------------------------------------------------------------


def test_a42_a_server_whose_checkpoint_nobody_attested_is_left_alone() -> None:
    world, server, early = cluster()
    stale = away(world, early)
    before = stale.head
    other = grown(30, seed=5)
    server.foundation = foundation(other)
    server.plan = plan_of(world.log.checkpoint, pieces(server.foundation))
    wires = meet(server, stale)
    assert stale.head == before
    assert stale.exchanges.refused == 1
    assert wires.connected_to == {}


def test_a42_a_piece_that_the_plan_does_not_name_ends_the_exchange() -> None:
    world, server, early = cluster()
    stale = away(world, early)
    server.foundation = bytes(len(server.foundation))
    meet(server, stale)
    assert (stale.adopted, stale.exchanges.refused) == ([], 1)


def test_a9_a_plan_for_what_was_not_asked_for_is_a_lie() -> None:
    world, server, early = cluster()
    stale = away(world, early)
    frames = 0

    def lie(to: str, frame: bytes) -> bytes:
        nonlocal frames
        frames += to == "stale"
        if to == "stale" and frames == 2 and server.plan is not None:
            server.plan = Plan(Seq(10_000), server.plan.hashes)
            stale.log.extend(world.items[:-4])
            stale.items = list(world.items[:-4])
        return frame

    wires = Wires({"master": server, "stale": stale}, mangle=lie)
    wires.do("stale", stale.exchanges.catch_up(at("master"), wires.now))
    assert stale.adopted == []


def test_r5_a_checkpoint_above_what_a_device_has_alone_is_taken_only_where_that_was_not_final() -> None:
    world, _, _ = cluster()
    mine = World(1)
    mine.allow_joining()
    mine.join()
    commit(mine, 3)
    assert mine.cluster == world.cluster
    items = above(world.items, world.log.checkpoint)
    assert mine.log.settled == mine.log.head.seq
    # the same cluster by the same seed: both logs are the same as far as they go
    adopted = adopt(mine.log, foundation(world), items)
    assert adopted is not None
    assert adopted.lost is None
    mine.write(mine.change(mine.set("other", "system.@system[0].hostname", "alone")))
    with pytest.raises(ForkFound, match="undo what is final"):
        adopt(mine.log, foundation(world), items)


def test_a_log_that_came_to_the_checkpoint_by_itself_stays() -> None:
    world = grown()
    assert adopt(world.log, foundation(world), above(world.items, world.log.checkpoint)) is None


def test_a_checkpoint_without_a_signed_head_behind_it_is_refused() -> None:
    world, server, early = cluster()
    stale = away(world, early)
    entries = [item for item in server.items if item.kind is ItemKind.ENTRY]
    with pytest.raises(UntrustedInput, match="signed head"):
        adopt(stale.log, server.foundation, entries)


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
