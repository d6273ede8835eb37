"""Catching up past a checkpoint, from a server that has compacted and from servers that lie (R5, A42)."""

from collections.abc import Callable, Sequence

import pytest

from dusk import limits
from dusk.catchup.chunks import locator_positions
from dusk.catchup.gathering import Gathering
from dusk.catchup.messages import (
    Compacted,
    Fetch,
    GetPiece,
    Items,
    Piece,
    Reply,
    Request,
    decode_request,
    encode,
)
from dusk.catchup.server import Server
from dusk.changelog.adopting import adopt
from dusk.changelog.basis import Plan, plan_of
from dusk.changelog.branches import Switched
from dusk.changelog.foundation import pieces
from dusk.changelog.history import ForkFound
from dusk.changelog.log import Log
from dusk.effects import Effect, ItemKind, LogItem, Rebase, SendFrame
from dusk.ids import Seq
from dusk.keys.signing import SigningKey
from tests.checkpoints import above, attest, attestation, commit, compacted, foundation, grown, quorum_of_two
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


def side(shared: int, alone: int, *, stands: bool = False) -> tuple[World, SigningKey]:
    """Return a cluster that shares so many changes with its twin, and wrote others alone; and its member."""
    world = World()
    world.allow_joining()
    key = world.join()
    commit(world, shared)
    attest(world)
    fork = world.log.head.seq
    if stands:
        world.open()
    commit(world, alone)
    world.log._settling.settled = fork  # as where the succession has more holders
    return world, key


def sides(shared: int, *, ours: int, theirs: int) -> tuple[Member, Member]:
    """Return two members whose logs part behind a checkpoint: the second wrote what stands, and compacted."""
    (one, key), (other, _) = (side(shared, ours), side(shared, theirs, stands=True))
    here = Member(key, one.log, one.items, other)
    there = Member(other.master, other.log, above(other.items, other.log.checkpoint), other)
    serve(there, other)
    return here, there


@pytest.mark.parametrize("chunk_bytes", [3000, 10**6])
def test_r2_logs_that_part_above_a_checkpoint_are_judged_though_the_position_in_common_is_below_it(
    monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
) -> None:
    monkeypatch.setattr("dusk.catchup.server.CHUNK_BYTES_MAX", chunk_bytes)
    here, there = sides(28, ours=18, theirs=30)
    assert there.plan is not None
    asked = locator_positions(here.head.seq)
    common = max(seq for seq in asked if there.log.chain_at(seq) == here.log.chain_at(seq))
    assert common < there.plan.seq
    assert there.log.chain_at(there.plan.seq) == here.log.chain_at(there.plan.seq)
    wires = meet(there, here)
    assert [type(judged) for judged in here.judged] == [Switched], wires.texts("stale")
    assert here.head == there.head
    assert here.exchanges.refused == 0
    assert "done" in wires.texts("stale")


def test_who_came_to_the_end_by_another_way_meanwhile_blames_nobody() -> None:
    world, server, early = cluster()
    stale = away(world, early)

    def overtaken(data: bytes, items: Sequence[LogItem], now: float) -> list[Effect]:
        stale.log.extend(world.items)
        return []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stale, "took_checkpoint", overtaken)
        meet(server, stale)
    assert (stale.judged, stale.exchanges.refused) == ([], 0)
    assert stale.taken_rings == [server.ring]


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


def lying(monkeypatch: pytest.MonkeyPatch, server: Member, lie: Callable[[Request], Reply | None]) -> None:
    """Have a server answer what it likes; where that is None, the truth."""
    real = Server._answer_request

    def answer(self: Server, message: bytes, now: float) -> list[Effect]:
        reply = lie(decode_request(message))
        if reply is None or self._host is not server:
            return real(self, message, now)
        self._wait(self.phase, now)
        return [SendFrame(self.conn, frame) for frame in self._channel.send(encode(reply))]

    monkeypatch.setattr(Server, "_answer_request", answer)


def test_a9_a_piece_that_nobody_asked_for_is_a_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    world, server, early = cluster()
    stale = away(world, early)
    lying(monkeypatch, server, lambda asked: Piece(b"a piece") if isinstance(asked, Fetch) else None)
    wires = meet(server, stale)
    assert "an answer to another question" in wires.texts("stale")
    assert (stale.adopted, stale.exchanges.refused) == ([], 1)


def test_a9_a_checkpoint_below_what_was_asked_for_is_a_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    world, server, early = cluster()
    stale = away(world, early)
    below = Plan(Seq(1), (bytes(32),))
    lying(monkeypatch, server, lambda asked: Compacted(below) if isinstance(asked, Fetch) else None)
    wires = meet(server, stale)
    assert "takes the place of nothing that was asked for" in wires.texts("stale")
    assert (stale.adopted, stale.exchanges.refused) == ([], 1)


def test_a6_a_server_that_names_one_checkpoint_after_the_other_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, server, early = cluster()
    stale = away(world, early)
    named: list[Plan] = []

    def lie(asked: Request) -> Reply | None:
        if not isinstance(asked, Fetch | GetPiece):
            return None
        named.append(Plan(Seq(1000 + len(named)), (bytes(32),)))
        return Compacted(named[-1])

    lying(monkeypatch, server, lie)
    meet(server, stale)
    assert len(named) == 5
    assert (stale.adopted, stale.exchanges.refused) == ([], 1)


@pytest.mark.parametrize("more", [True, False])
def test_a9_a_checkpoint_with_nothing_signed_above_it_is_a_lie(
    monkeypatch: pytest.MonkeyPatch, *, more: bool
) -> None:
    world, server, early = cluster()
    stale = away(world, early)

    def lie(asked: Request) -> Reply | None:
        above_it = isinstance(asked, Fetch) and asked.first > world.log.checkpoint
        return Items((), more) if above_it else None

    lying(monkeypatch, server, lie)
    wires = meet(server, stale)
    assert "a checkpoint without a signed head behind it" in wires.texts("stale")
    assert (stale.adopted, stale.exchanges.refused) == ([], 1)


def test_what_stands_above_a_checkpoint_is_gathered_up_to_a_signed_head(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, server, early = cluster()
    stale = away(world, early)
    newest = server.items[-1]
    server.items = [*(item for item in server.items if item.kind is ItemKind.ENTRY), newest]
    asked: list[Seq] = []

    def by_three(request: Request) -> Reply | None:
        """Answer as a device may whose disk reads no further: entries, and at last the head behind."""
        if not isinstance(request, Fetch):
            return None
        asked.append(request.first)
        if request.first <= world.log.checkpoint:
            return None
        left = above(server.items, Seq(request.first - 1))
        return Items(tuple(left[:3]), more=len(left) > 3)

    lying(monkeypatch, server, by_three)
    meet(server, stale)
    assert len([first for first in asked if first > world.log.checkpoint]) > 2
    assert asked == sorted(asked)
    assert stale.head == world.log.head
    assert len(stale.adopted) == 1


def counted(stale: Member, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return where it is noted how many items each judgement of a checkpoint was given."""
    judged: list[int] = []
    real = stale.took_checkpoint

    def took(data: bytes, items: Sequence[LogItem], now: float) -> list[Effect]:
        judged.append(len(items))
        return real(data, items, now)

    monkeypatch.setattr(stale, "took_checkpoint", took)
    return judged


def test_a_checkpoint_is_judged_once_the_owners_word_for_it_is_there_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, server, early = cluster()
    commit(world, 20)
    server.items = above(world.items, world.log.checkpoint)
    server.log = compacted(world)
    stale = away(world, early)
    judged = counted(stale, monkeypatch)
    monkeypatch.setattr("dusk.catchup.server.CHUNK_BYTES_MAX", 1500)  # as 256 entries are more than one chunk
    meet(server, stale)
    assert len(judged) == 1
    assert stale.head == world.log.head


def test_one_owner_of_two_puts_no_checkpoint_in_force_and_more_is_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, bob = quorum_of_two()
    world.write(world.change(world.edit("cluster", "name", ["x"]), signers=(world.owner, bob)))
    both = (world.owner, bob)
    name = world.joinkey.key_id.hex()
    rule: tuple[object, ...] = (world.joinkey.public, 100, 0, [], "auto", [], "ask", "")
    world.write(world.change(world.edit(f"joinkey/{name}", "rule", rule), signers=both))
    key, count = world.join(), len(world.items)
    commit(world, 24, both)
    attest(world, bob)
    seq = max(world.log.state.milestones)
    commit(world, 7, both)
    assert world.log.checkpoint == 0
    world.write(attestation(world, seq, world.owner))
    assert world.log.checkpoint == seq
    commit(world, 3, both)
    server = Member(world.master, compacted(world), above(world.items, seq), world)
    serve(server, world)
    stale = away(world, (key, count))
    judged = counted(stale, monkeypatch)
    monkeypatch.setattr("dusk.catchup.server.CHUNK_BYTES_MAX", 1500)
    meet(server, stale)
    assert len(judged) == 2
    assert (stale.head, stale.exchanges.refused) == (world.log.head, 0)


def test_a42_a_server_that_ends_before_the_owners_word_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    world, server, early = cluster()
    stale = away(world, early)
    short = server.items[:-2]

    def lie(asked: Request) -> Reply | None:
        above_it = isinstance(asked, Fetch) and asked.first > world.log.checkpoint
        return Items(tuple(short), more=False) if above_it else None

    lying(monkeypatch, server, lie)
    wires = meet(server, stale)
    assert "does not put in force" in wires.texts("stale")
    assert (stale.adopted, stale.exchanges.refused) == ([], 1)


def test_a6_what_is_gathered_above_a_checkpoint_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    world, server, early = cluster()
    stale = away(world, early)
    entry = server.items[0]
    asked: list[Request] = []

    def lie(request: Request) -> Reply | None:
        if not isinstance(request, Fetch) or request.first <= world.log.checkpoint:
            return None
        asked.append(request)
        return Items((entry,) * 50, more=True)

    lying(monkeypatch, server, lie)
    monkeypatch.setattr(limits, "FOUNDATION_BYTES_MAX", 100_000)
    wires = meet(server, stale)
    assert "too much stands between" in wires.texts("stale")
    assert len(asked) < 10
    assert stale.adopted == []


def test_a_checkpoint_whose_pieces_are_all_here_is_not_fetched_again() -> None:
    world, server, early = cluster()
    stale = away(world, early)
    assert server.plan is not None
    gathering = stale.gatherings.of(server.plan)
    for place, piece in enumerate(pieces(server.foundation)):
        gathering.put(place, piece)
    server.foundation = b"gone"
    meet(server, stale)
    assert stale.head == world.log.head


def test_a_device_that_starts_again_from_a_checkpoint_asks_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, server, early = cluster()
    stale = away(world, early)
    before = stale.head

    def later(data: bytes, items: Sequence[LogItem], now: float) -> list[Effect]:
        adopted = adopt(stale.log, data, items)
        assert adopted is not None
        return [Rebase(adopted.seq, data, adopted.items, ())]

    monkeypatch.setattr(stale, "took_checkpoint", later)  # as a node does: another life goes on from there
    wires = meet(server, stale)
    assert (stale.head, stale.taken_rings) == (before, [])
    assert len(wires.of("stale", Rebase)) == 1
    assert wires.connected_to == {}
