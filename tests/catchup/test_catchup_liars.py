"""Servers that lie are found out, backed off, and nothing of theirs stays (A9, A6, A2)."""

from collections.abc import Callable, Sequence

import pytest

from dusk.catchup.messages import (
    Answer,
    Common,
    Fetch,
    Items,
    Keys,
    Locate,
    Removed,
    Reply,
    Request,
    Submit,
    decode_request,
    encode,
)
from dusk.catchup.server import Server
from dusk.changelog.log import pack_entry_item, unpack_entry_item
from dusk.effects import Append, Effect, ItemKind, LogItem, SendFrame, Tick
from dusk.ids import Seq
from dusk.limits import BACK_OFF_LIAR_S_MIN, STREAM_IDLE_S_MAX, UNSIGNED_BYTES_MAX
from tests.streams import Member, Wires, at, master, member
from tests.world import World


def _setup(lie: Callable[[Request], Reply], monkeypatch: pytest.MonkeyPatch) -> tuple[Wires, Member, World]:
    """Wire a stale device to a liar (the master's key, so it looks right) and an honest member."""
    world = World()
    world.allow_joining()
    key, honest = world.join(), world.join()
    for number in range(20):
        world.commit(world.set("wifi", "wireless.radio0.channel", str(number)))
    stale = member(world, key, 8)
    wires = Wires({"liar": master(world), "honest": member(world, honest), "stale": stale})
    liar_host: object = wires.cores["liar"]
    real = Server._answer_request

    def answer(self: Server, message: bytes, now: float) -> list[Effect]:
        if self._host is not liar_host:
            return real(self, message, now)
        self._wait(self.phase, now)
        frames = self._channel.send(encode(lie(decode_request(message))))
        return [SendFrame(self.conn, frame) for frame in frames]

    monkeypatch.setattr(Server, "_answer_request", answer)
    return wires, stale, world


def _truth(world: World, request: Request) -> Reply:
    """What an honest server says."""
    match request:
        case Locate(positions):
            newest = world.log.newest
            assert newest is not None
            return Common(positions[0].seq, newest.encode())
        case Fetch(first):
            items, seq = [], 0
            for item in world.items:
                if item.kind is ItemKind.ENTRY:
                    seq = unpack_entry_item(item.data)[0].seq
                if seq >= first:
                    items.append(item)
            return Items(tuple(items), more=False)
        case _:
            return Keys(b"")


def _without_one(items: Sequence[LogItem]) -> list[LogItem]:
    return [*items[:4], *items[6:]]


def _swapped(items: Sequence[LogItem]) -> list[LogItem]:
    return [*items[2:4], *items[:2], *items[4:]]


def _changed(items: Sequence[LogItem]) -> list[LogItem]:
    data = bytearray(items[4].data)
    data[len(data) // 2] ^= 1
    return [*items[:4], LogItem(items[4].kind, bytes(data)), *items[5:]]


def _other_hash(items: Sequence[LogItem]) -> list[LogItem]:
    entry, change = unpack_entry_item(items[4].data)
    return [*items[:4], pack_entry_item(entry._replace(derived=bytes(32)), change), *items[5:]]


def _no_head_at_the_end(items: Sequence[LogItem]) -> list[LogItem]:
    return list(items[:-1])


def _no_heads(items: Sequence[LogItem]) -> list[LogItem]:
    return [item for item in items if item.kind is ItemKind.ENTRY]


def _other_head(items: Sequence[LogItem]) -> list[LogItem]:
    return [*items[:-1], LogItem(ItemKind.HEAD, items[-1].data[:-1] + b"?")]


TRICKS = [_without_one, _swapped, _changed, _other_hash, _no_head_at_the_end, _no_heads, _other_head]


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.__name__)
def test_a9_a_lying_server_is_found_out_and_another_serves(
    trick: Callable[[Sequence[LogItem]], list[LogItem]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lie(request: Request) -> Reply:
        reply = _truth(world, request)
        return Items(tuple(trick(reply.items)), more=False) if isinstance(reply, Items) else reply

    wires, stale, world = _setup(lie, monkeypatch)
    before = stale.head.seq
    wires.do("stale", stale.exchanges.catch_up(at("liar"), wires.now))
    assert stale.head.seq == before or stale.log.newest is not None
    assert stale.exchanges.refused == 1
    assert stale.exchanges.catch_up(at("liar"), wires.now + BACK_OFF_LIAR_S_MIN - 1) == []
    assert stale.exchanges.catch_up_anew(at("liar"), wires.now + BACK_OFF_LIAR_S_MIN - 1) == []
    wires.do("stale", stale.exchanges.catch_up(at("honest"), wires.now))
    assert stale.head == world.log.head
    stored = member(world, stale.key, 0).log
    stored.extend(stale.items)
    assert stored.head == world.log.head


def _bad_reply(request: Request, wanted: type[Request], bad: Reply, world: World) -> Reply:
    return bad if isinstance(request, wanted) else _truth(world, request)


BAD: list[tuple[str, type[Request], Reply]] = [
    ("an answer to another question", Locate, Keys(b"")),
    ("a common position that was not asked for", Locate, Common(Seq(77), None)),
    ("encoding: ", Locate, Common(Seq(0), b"\x93")),
    ("a chunk without an entry", Fetch, Items((), more=True)),
    ("was removed", Fetch, Removed()),
]


@pytest.mark.parametrize(("reason", "wanted", "bad"), BAD)
def test_a9_an_answer_that_makes_no_sense_ends_the_stream(
    reason: str, wanted: type[Request], bad: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    wires, stale, world = _setup(lambda request: _bad_reply(request, wanted, bad, world), monkeypatch)
    wires.do("stale", stale.exchanges.catch_up(at("liar"), wires.now))
    assert reason in wires.texts("stale")
    assert wires.of("stale", Append) == []


def test_a6_endless_repetition_is_no_progress_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def lie(request: Request) -> Reply:
        nonlocal asked
        asked += 1
        if isinstance(request, Fetch):
            return Items(tuple(world.items[:4]), more=True)
        return _truth(world, request)

    wires, stale, world = _setup(lie, monkeypatch)
    wires.do("stale", stale.exchanges.catch_up(at("liar"), wires.now))
    assert asked == 2
    assert "not asked for" in wires.texts("stale")


def test_a6_endless_entries_without_a_head_end_at_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    junk = LogItem(ItemKind.ENTRY, bytes(200_000))
    asked = 0

    def lie(request: Request) -> Reply:
        nonlocal asked
        asked += 1
        return Items((junk,), more=True) if isinstance(request, Fetch) else _truth(world, request)

    wires, stale, world = _setup(lie, monkeypatch)
    wires.do("stale", stale.exchanges.catch_up(at("liar"), wires.now))
    assert asked <= UNSIGNED_BYTES_MAX // len(junk.data) + 3
    assert "too much without a signed head" in wires.texts("stale")


def test_a_batch_larger_than_a_chunk_is_taken_once_its_head_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: Request) -> Reply:
        reply = _truth(world, request)
        if not isinstance(reply, Items):
            return reply
        entries = [i for i in reply.items if i.kind is ItemKind.ENTRY]
        more = len(entries) > 3
        return Items(tuple(entries[:3]) + (() if more else reply.items[-1:]), more=more)

    wires, stale, world = _setup(answer, monkeypatch)
    wires.do("stale", stale.exchanges.catch_up(at("liar"), wires.now))
    assert stale.head == world.log.head
    assert len(wires.of("stale", Append)) == 1


def test_a6_a_server_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    wires, stale, world = _setup(lambda request: _truth(world, request), monkeypatch)
    wires._effects("stale", stale.exchanges.catch_up(at("liar"), wires.now))
    for _ in range(4):
        name, event = wires._inputs.popleft()
        wires._effects(name, wires.cores[name].handle(event, wires.now))
    wires._inputs.clear()
    wires.do("stale", stale.handle(Tick(), wires.now + STREAM_IDLE_S_MAX))
    assert stale.deadline is None
    assert "no answer in time" in wires.texts("stale")


def test_an_answer_to_a_submission_is_believed_for_that_change_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: Request) -> Reply:
        return Answer("refused", Seq(0), "no") if isinstance(request, Submit) else _truth(world, request)

    wires, stale, world = _setup(answer, monkeypatch)
    change = world.change(world.set("wifi", "wireless.radio0.channel", "6"))
    wires.do("stale", stale.exchanges.submit(at("liar"), change, wires.now))
    assert stale.answers == [(change.id, Answer("refused", Seq(0), "no"))]


def test_a9_a_liar_is_known_by_its_key_at_another_address_too(monkeypatch: pytest.MonkeyPatch) -> None:
    wires, stale, world = _setup(
        lambda request: Items((), more=True) if isinstance(request, Fetch) else _truth(world, request),
        monkeypatch,
    )
    wires.do("stale", stale.exchanges.catch_up(at("liar"), wires.now))
    wires.cores["alias"] = wires.cores["liar"]
    wires.do("stale", stale.exchanges.catch_up(at("alias"), wires.now))
    assert "left alone" in wires.texts("stale")
