"""Logs that part: fetched whole, judged whole, from members only, within a bound (A6, A9, A41, R3, R5)."""

from collections.abc import Callable, Sequence

import pytest

from dusk.catchup import fetching
from dusk.catchup.messages import (
    Common,
    Fetch,
    GetBranch,
    Items,
    Keys,
    Locate,
    Position,
    Removed,
    Reply,
    Request,
    decode_request,
    encode,
)
from dusk.catchup.server import Server
from dusk.changelog.branches import Stayed, Switched
from dusk.changelog.entry import SignedHead, sign_head
from dusk.changelog.log import Log, unpack_entry_item
from dusk.effects import Append, Connect, Effect, ItemKind, LogItem, SendFrame
from dusk.ids import NO_CHAIN, Head, Seq
from dusk.limits import BACK_OFF_LIAR_S_MIN, BACK_OFF_S_MAX, BACK_OFF_S_MIN
from tests.parted import RADIO, from_fork, parted, side, two_holders
from tests.streams import Member, Wires, at, master, member
from tests.world import NO_REST, World

Answering = Callable[[Request], Reply]


def _sides(more: int = 1) -> tuple[Wires, Member, Member, World]:
    """Return the attic, which wrote on in its epoch, and the barn, which took over and stands."""
    attic, barn, _fork = parted()
    attic.commit(attic.set("wifi", RADIO, "3"))
    for number in range(more):
        barn.commit(barn.set("wifi", "wireless.a.ssid", f"net {number} " + "x" * 900))
    wires = Wires({"attic": master(attic), "barn": master(barn)})
    return wires, _of(wires, "attic"), _of(wires, "barn"), barn


def _of(wires: Wires, name: str) -> Member:
    core = wires.cores[name]
    assert isinstance(core, Member)
    return core


def _lying(monkeypatch: pytest.MonkeyPatch, liar: Member, answering: Answering) -> list[Request]:
    """Have a server answer what it likes; return what it was asked."""
    asked: list[Request] = []
    real = Server._answer_request

    def answer(self: Server, message: bytes, now: float) -> list[Effect]:
        if self._host is not liar:
            return real(self, message, now)
        asked.append(decode_request(message))
        self._wait(self.phase, now)
        frames = self._channel.send(encode(answering(asked[-1])))
        return [SendFrame(self.conn, frame) for frame in frames]

    monkeypatch.setattr(Server, "_answer_request", answer)
    return asked


def _always(reply: Reply) -> Answering:
    return lambda _request: reply


def _elsewhere(seq: int = 99, generation: int = 0) -> bytes:
    """Return a signed head that is in nobody's log."""
    return SignedHead(Head(generation, 0, 9, Seq(seq), NO_CHAIN), bytes(32), bytes(64)).encode()


def _seqs(items: Sequence[LogItem]) -> list[int]:
    return [unpack_entry_item(item.data)[0].seq for item in items if item.kind is ItemKind.ENTRY]


def _fork(one: Member, other: Member) -> Seq:
    """Return the newest position that two logs have in common."""
    both = range(1, min(one.head.seq, other.head.seq) + 1)
    return Seq(max(seq for seq in both if one.chain_at(Seq(seq)) == other.chain_at(Seq(seq))))


def _behind(items: Sequence[LogItem], seq: int) -> tuple[LogItem, ...]:
    """Return the items behind an entry and its signed head."""
    start = next(at for at, item in enumerate(items) if _seqs([item]) == [seq + 1])
    return tuple(items[start:])


# --- a server whose log parts from ours -----------------------------------------------------------


def test_r5_a_log_that_parts_from_ours_and_stands_is_gone_over_to() -> None:
    wires, attic, barn, _world = _sides()
    wires.do("attic", attic.exchanges.catch_up(at("barn"), wires.now))
    assert attic.head == barn.head
    assert [type(judged) for judged in attic.judged] == [Switched]
    assert len(wires.of("attic", Append)) == 1, "one write, whole or not at all"
    again = Log(attic.cluster_id)
    again.extend(attic.items)
    assert again.head == barn.head
    assert attic.taken_rings == [barn.ring]
    assert attic.exchanges.catch_up(at("barn"), wires.now) != [], "nobody is backed off"


def test_r5_a_log_that_parts_from_ours_and_does_not_stand_changes_nothing() -> None:
    wires, _attic, barn, _world = _sides()
    head = barn.head
    wires.do("barn", barn.exchanges.catch_up(at("attic"), wires.now))
    assert barn.head == head
    assert [type(judged) for judged in barn.judged] == [Stayed]
    assert wires.of("barn", Append) == []
    assert "done" in wires.texts("barn")


def test_r3_who_begins_to_lead_as_it_fetches_takes_nobody_for_a_liar(monkeypatch: pytest.MonkeyPatch) -> None:
    attic, key = two_holders()
    barn = from_fork(attic, attic.log.head.seq, key)
    attic.commit(attic.set("wifi", RADIO, "3"))
    wires = Wires({"attic": master(attic), "barn": master(barn)})
    here, real = _of(wires, "barn"), Server._answer_request

    def answer(self: Server, message: bytes, now: float) -> list[Effect]:
        if isinstance(decode_request(message), Fetch):
            barn.open()
        return real(self, message, now)

    monkeypatch.setattr(Server, "_answer_request", answer)
    wires.do("barn", here.exchanges.catch_up(at("attic"), wires.now))
    assert here.log.newest == barn.log.newest
    assert "the log here has changed since it was compared" in wires.texts("barn")
    assert here.exchanges.catch_up(at("attic"), wires.now) == []
    wires.now += BACK_OFF_S_MIN * 1.25
    wires.do("barn", here.exchanges.catch_up(at("attic"), wires.now))
    assert len(here.judged) == 1


def test_a41_a_branch_of_several_chunks_is_judged_as_a_whole() -> None:
    wires, attic, barn, _world = _sides(150)
    wires.do("attic", attic.exchanges.catch_up(at("barn"), wires.now))
    assert attic.head == barn.head
    assert [type(judged) for judged in attic.judged] == [Switched]
    assert sum(len(item.data) for item in attic.items) > 2 * 60_000


def test_r7_a_branch_that_is_cut_off_at_any_frame_changes_nothing_and_is_fetched_again() -> None:
    wires, attic, _barn, _world = _sides()
    wires.do("attic", attic.exchanges.catch_up(at("barn"), wires.now))
    for cut in range(1, wires.frames + 1):
        wires, attic, barn, _world = _sides()
        before, count = attic.head, 0

        def mangle(_to: str, frame: bytes, cut: int = cut) -> bytes | None:
            nonlocal count
            count += 1
            return None if count == cut else frame

        wires.mangle = mangle
        wires.do("attic", attic.exchanges.catch_up(at("barn"), wires.now))
        assert attic.head in (before, barn.head)
        wires.mangle = lambda _to, frame: frame
        wires.now += BACK_OFF_S_MAX * 2
        wires.do("attic", attic.exchanges.catch_up(at("barn"), wires.now))
        assert attic.head == barn.head


def test_a6_a_log_that_parts_by_more_than_the_bound_is_left_there(monkeypatch: pytest.MonkeyPatch) -> None:
    wires, attic, _barn, _world = _sides()
    monkeypatch.setattr(fetching, "BRANCH_BYTES_MAX", 500)
    head = attic.head
    wires.do("attic", attic.exchanges.catch_up(at("barn"), wires.now))
    assert (attic.head, attic.judged) == (head, [])
    assert "parts from ours by more than 500 bytes" in wires.texts("attic")
    assert attic.exchanges.refused == 0, "it may be true"


def test_a6_a_branch_that_grows_without_end_is_given_up_at_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    wires, attic, barn, world = _sides()
    monkeypatch.setattr(fetching, "BRANCH_BYTES_MAX", 100_000)
    piece = Items(tuple(world.items[-4:]), more=True)
    size_bytes = sum(len(item.data) for item in piece.items)
    asked = _lying(
        monkeypatch, barn, lambda r: Common(Seq(1), _elsewhere()) if isinstance(r, Locate) else piece
    )
    wires.do("attic", attic.exchanges.catch_up(at("barn"), wires.now))
    assert len(asked) <= 100_000 // size_bytes + 2
    assert attic.judged == []
    assert wires.of("attic", Append) == []


def _no_head(items: Sequence[LogItem]) -> tuple[LogItem, ...]:
    return tuple(item for item in items if item.kind is ItemKind.ENTRY)


def _parting_by_word_alone(monkeypatch: pytest.MonkeyPatch, liar: Member, items: Sequence[LogItem]) -> None:
    """Have a server say that its log parts from the asker's behind the first entry, and send these items."""
    parts, sent = Common(Seq(1), _elsewhere()), Items(tuple(items), more=False)
    _lying(monkeypatch, liar, lambda request: parts if isinstance(request, Locate) else sent)


def _nothing(_items: Sequence[LogItem]) -> tuple[LogItem, ...]:
    return ()


def test_who_went_over_to_our_log_between_two_answers_is_no_liar_and_is_asked_again_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wires, attic, barn, _world = _sides()
    own = tuple(_behind(attic.items, 1))
    _parting_by_word_alone(monkeypatch, barn, own)
    head, waited_s = attic.head, []
    for _ in range(4):
        wires.do("attic", attic.exchanges.catch_up(at("barn"), wires.now))
        began = wires.now
        while not attic.exchanges._back_off.ready(at("barn"), wires.now):
            wires.now += 0.5
        waited_s.append(wires.now - began)
    assert "said to part from ours, and does not any more" in wires.texts("attic")
    assert (attic.head, attic.judged, attic.exchanges.refused) == (head, [], 0)
    assert waited_s[0] < BACK_OFF_LIAR_S_MIN / 10
    assert waited_s == sorted(waited_s)
    assert waited_s[3] > 3 * waited_s[0], "a second time costs it as much as any failure (A9)"


@pytest.mark.parametrize("trick", [_no_head, _nothing], ids=lambda trick: trick.__name__)
def test_a9_a_log_that_was_said_to_part_from_ours_and_has_no_signed_head_is_a_lie(
    trick: Callable[[Sequence[LogItem]], tuple[LogItem, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    wires, attic, barn, _world = _sides()
    own = trick(_behind(attic.items, 1))
    _parting_by_word_alone(monkeypatch, barn, own)
    wires.do("attic", attic.exchanges.catch_up(at("barn"), wires.now))
    assert "said to part from ours, and has no signed head" in wires.texts("attic")
    assert attic.exchanges.refused == 1
    assert attic.exchanges.catch_up(at("barn"), wires.now + BACK_OFF_LIAR_S_MIN - 1) == []


def _swapped(items: Sequence[LogItem]) -> tuple[LogItem, ...]:
    return (*items[2:4], *items[:2], *items[4:])


def _with_a_hole(items: Sequence[LogItem]) -> tuple[LogItem, ...]:
    return (*items[:2], *items[4:])


def _changed(items: Sequence[LogItem]) -> tuple[LogItem, ...]:
    data = bytearray(items[2].data)
    data[len(data) // 2] ^= 1
    return (*items[:2], LogItem(items[2].kind, bytes(data)), *items[3:])


def _from_later_on(items: Sequence[LogItem]) -> tuple[LogItem, ...]:
    return tuple(items[2:])


@pytest.mark.parametrize(
    "trick", [_swapped, _with_a_hole, _changed, _from_later_on], ids=lambda trick: trick.__name__
)
def test_a9_a_branch_with_anything_wrong_in_it_is_a_lie_and_changes_nothing(
    trick: Callable[[Sequence[LogItem]], tuple[LogItem, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    wires, attic, barn, _world = _sides()
    fork = _fork(attic, barn)
    bent = trick(_behind(barn.items, fork))
    newest = barn.newest
    assert newest is not None
    _lying(
        monkeypatch,
        barn,
        lambda r: Common(Seq(fork), newest.encode()) if isinstance(r, Locate) else Items(bent, more=False),
    )
    head = attic.head
    wires.do("attic", attic.exchanges.catch_up(at("barn"), wires.now))
    assert (attic.head, attic.judged) == (head, [])
    assert attic.exchanges.refused == 1
    assert wires.of("attic", Append) == []


def test_a9_a_stranger_with_a_log_that_no_leader_of_ours_signed_is_asked_for_none_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wires, attic, _barn, world = _sides()
    ghost = member(world, world.key())
    wires.cores["ghost"] = ghost
    asked = _lying(monkeypatch, ghost, lambda _request: Common(Seq(1), _elsewhere()))
    wires.do("attic", attic.exchanges.catch_up(at("ghost"), wires.now))
    assert [type(request) for request in asked] == [Locate]
    assert "of no member, that no leader signed" in wires.texts("attic")
    assert (attic.judged, attic.taken_rings) == ([], [])


@pytest.mark.parametrize("is_recovered", [False, True])
def test_a43_a_stranger_of_a_later_generation_is_heard_on_if_the_first_chunk_shows_a_recovery_that_counts(
    is_recovered: bool,  # noqa: FBT001 - a case of the test
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wires, attic, barn, world = _sides()
    ghost = member(world, world.key())
    wires.cores["ghost"], attic.is_recovered = ghost, is_recovered
    behind, common = _behind(barn.items, Seq(1)), Common(Seq(1), _elsewhere(generation=1))

    def lie(request: Request) -> Reply:
        return (
            common if isinstance(request, Locate) else Items(behind[: len(behind) // 2], more=len(asked) < 3)
        )

    asked = _lying(monkeypatch, ghost, lie)
    wires.do("attic", attic.exchanges.catch_up(at("ghost"), wires.now))
    assert [type(request) for request in asked[:3]] == [Locate, *[Fetch] * (2 if is_recovered else 1)]
    assert ("of no member, that no leader signed" in wires.texts("attic")) is not is_recovered


def test_a_stranger_with_a_branch_that_our_leader_signed_is_heard_for_content_proves_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, barn = two_holders()
    ours, theirs = side(world, world.master), side(world, world.master, 9)
    ours.commit(ours.set("wifi", RADIO, "1"))
    theirs.commit(theirs.set("wifi", RADIO, "2"))
    attic, ghost = master(ours), member(theirs, world.key())
    newest, fork = ghost.newest, world.log.head.seq
    assert newest is not None
    wires = Wires({"attic": attic, "ghost": ghost})
    branch = Items(_behind(ghost.items, fork), more=False)
    asked = _lying(
        monkeypatch, ghost, lambda r: Common(fork, newest.encode()) if isinstance(r, Locate) else branch
    )
    wires.do("attic", attic.exchanges.catch_up(at("ghost"), wires.now))
    assert [type(request) for request in asked] == [Locate, Fetch], "its keys are not asked for"
    assert len(attic.judged) == 1
    assert attic.taken_rings == []
    assert barn.key_id != ghost.key.key_id


# --- a branch that a member left --------------------------------------------------------------------


def _left_one() -> tuple[Wires, Member, Member, Position]:
    """Return the barn, which leads, and the attic, which keeps a branch."""
    wires, attic, barn, _world = _sides()
    head = attic.head
    attic.left = list(_behind(attic.items, _fork(attic, barn)))
    return wires, attic, barn, Position(head.seq, head.chain)


def test_r3_a_branch_that_a_member_left_is_fetched_piece_by_piece_and_judged_as_a_whole() -> None:
    wires, attic, barn, left = _left_one()
    wires.do("barn", barn.exchanges.branch(at("attic"), left, wires.now))
    (judged,) = barn.judged
    assert isinstance(judged, Stayed)
    assert list(judged.lost.items) == attic.left
    assert len(attic.left) > attic.page_size
    assert "branch with attic done" in wires.texts("barn")


def test_a_change_handed_in_meanwhile_goes_over_the_same_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    wires, attic, barn, left = _left_one()
    monkeypatch.setattr(barn, "is_master", lambda _: True)
    world = attic.world
    change = world.change(world.set("b", RADIO, "5"), counter=100)
    opened = barn.exchanges.branch(at("attic"), left, wires.now)
    assert barn.exchanges.branch(at("attic"), left, wires.now) == []
    assert barn.exchanges.submit(at("attic"), change, wires.now) == []
    wires.do("barn", opened)
    assert len(barn.judged) == 1
    assert [answered for answered, _answer in barn.answers] == [change.id]


def test_a_branch_that_is_needed_no_more_is_no_lie() -> None:
    wires, attic, barn, left = _left_one()
    attic.left = []
    wires.do("barn", barn.exchanges.branch(at("attic"), left, wires.now))
    assert "needed no more" in wires.texts("barn")
    assert (barn.judged, barn.exchanges.refused) == ([], 0)


def test_a6_a_left_branch_without_end_or_progress_is_a_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    junk = LogItem(ItemKind.ENTRY, bytes(20_000))
    nothing = LogItem(ItemKind.HEAD, b"")
    pieces = {(): 1, (junk,): 6, (nothing,) * 100: 8}
    for items, count in pieces.items():
        wires, attic, barn, left = _left_one()
        monkeypatch.setattr(fetching, "BRANCH_BYTES_MAX", 100_000)
        asked = _lying(monkeypatch, attic, _always(Items(items, more=True)))
        wires.do("barn", barn.exchanges.branch(at("attic"), left, wires.now))
        assert len(asked) == count
        assert "too long, or does not end" in wires.texts("barn")
        assert (barn.judged, barn.exchanges.refused) == ([], 1)


@pytest.mark.parametrize(
    "trick", [_swapped, _with_a_hole, _changed, _from_later_on], ids=lambda trick: trick.__name__
)
def test_a9_a_left_branch_with_anything_wrong_in_it_is_a_lie(
    trick: Callable[[Sequence[LogItem]], tuple[LogItem, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    wires, attic, barn, left = _left_one()
    head = barn.head
    bent = trick(attic.left)
    _lying(monkeypatch, attic, _always(Items(bent, more=False)))
    wires.do("barn", barn.exchanges.branch(at("attic"), left, wires.now))
    assert (barn.head, barn.judged, barn.exchanges.refused) == (head, [], 1)


@pytest.mark.parametrize("what", ["another chain", "another position", "no entry"])
def test_a6_what_is_another_branch_than_was_offered_is_judged_by_nobody(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who offers ever new ones had its own log judged for each, and was left alone for none."""
    wires, attic, barn, left = _left_one()
    offered = Position(left.seq, NO_CHAIN) if what == "another chain" else left
    offered = Position(Seq(left.seq + 1), left.chain) if what == "another position" else offered
    heads = tuple(item for item in attic.left if item.kind is ItemKind.HEAD)
    served = heads if what == "no entry" else tuple(attic.left)
    _lying(monkeypatch, attic, _always(Items(served, more=False)))
    wires.do("barn", barn.exchanges.branch(at("attic"), offered, wires.now))
    assert (barn.judged, barn.exchanges.refused) == ([], 1)
    assert barn.exchanges.branch(at("attic"), offered, wires.now + BACK_OFF_LIAR_S_MIN - 1) == []


def test_a9_an_answer_to_another_question_is_no_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    for bad, reason in ((Keys(b""), "another question"), (Removed(), "was removed")):
        wires, attic, barn, left = _left_one()
        _lying(monkeypatch, attic, _always(bad))
        wires.do("barn", barn.exchanges.branch(at("attic"), left, wires.now))
        assert reason in wires.texts("barn")
        assert barn.judged == []


def test_a9_who_is_no_member_is_not_asked_for_a_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    wires, attic, barn, left = _left_one()
    ghost = member(attic.world, attic.world.key())
    ghost.left = attic.left
    wires.cores["ghost"] = ghost
    asked = _lying(monkeypatch, ghost, lambda _request: Items((), more=False))
    wires.do("barn", barn.exchanges.branch(at("ghost"), left, wires.now))
    assert "cannot have left a branch" in wires.texts("barn")
    assert (asked, barn.judged) == ([], [])


def test_a_peer_that_is_backed_off_is_not_asked_for_a_branch() -> None:
    wires, attic, barn, left = _left_one()
    attic.left = []
    wires.do("barn", barn.exchanges.branch(at("attic"), left, wires.now))
    assert barn.exchanges.branch(at("attic"), left, wires.now) == []
    (connect,) = barn.exchanges.branch(at("attic"), left, wires.now + BACK_OFF_S_MAX)
    assert isinstance(connect, Connect)


def test_a_chunk_behind_the_end_of_a_left_branch_is_empty() -> None:
    _wires, attic, _barn, left = _left_one()
    assert attic.left_branch(left.chain, len(attic.left)) == ((), False)
    request = GetBranch(left.chain, 3)
    assert decode_request(encode(request)) == request


def test_a2_a_head_of_ours_signed_again_is_no_other_log(monkeypatch: pytest.MonkeyPatch) -> None:
    wires, attic, barn, world = _sides()
    resigned = sign_head(world.master, world.cluster, attic.head, NO_REST)
    asked = _lying(
        monkeypatch,
        barn,
        lambda r: Common(Seq(1), resigned.encode()) if isinstance(r, Locate) else Keys(b""),
    )
    wires.do("attic", attic.exchanges.catch_up(at("barn"), wires.now))
    assert Fetch not in map(type, asked)
    assert attic.judged == []
