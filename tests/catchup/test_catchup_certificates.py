"""Who goes on where it stopped gets the certificates that were made meanwhile for what it has (R4)."""

import pytest

from dusk.catchup.messages import Fetch, Items
from dusk.changelog.certificate import decode_certificate
from dusk.effects import ItemKind, ItemsRead
from dusk.ids import Seq
from dusk.limits import CERTIFICATE_BYTES_MAX
from tests.holders import Holders
from tests.streams import Asker, Member, Wires, at, master, member, read_items

RADIO = "wireless.radio0.channel"


def world_of_three_successions() -> tuple[Holders, Seq, int]:
    """Return a log whose successions were all settled, where the last began, and the items up to there."""
    world = Holders()
    world.succeed(world.master, world.kitchen)
    world.settle(world.master, world.kitchen)
    world.succeed(world.master, world.garage)
    last, count = world.log.head.seq, len(world.items)
    world.settle(world.master, world.kitchen, world.garage)
    for channel in "123":
        world.commit(world.set("wifi", RADIO, channel))
    world.settle(world.master, world.garage)
    return world, last, count


def test_who_stopped_at_another_succession_before_it_was_settled_goes_on_behind_it() -> None:
    world, last, count = world_of_three_successions()
    stale = member(world, world.garage, count)
    assert (stale.head.seq, stale.log.settled) == (last, last - 1)
    wires = Wires({"master": master(world), "stale": stale})
    wires.do("stale", stale.exchanges.catch_up(at("master"), wires.now))
    assert (stale.head, stale.log.settled) == (world.log.head, world.log.settled)
    assert "done" in wires.texts("stale")


def fetched(server: Member, asker: Asker, first: int) -> list[int]:
    """Return the positions of the certificates before the first entry of a chunk."""
    asker.ask(Fetch(Seq(first)))
    items = read_items(server.items, Seq(first), 1)
    (reply,) = asker.replies(server.handle(ItemsRead(asker.conn, Seq(first), items), 0.0))
    assert isinstance(reply, Items)
    kinds = [item.kind for item in reply.items]
    before = reply.items[: kinds.index(ItemKind.ENTRY)]
    return [decode_certificate(item.data).head.seq for item in before]


@pytest.fixture
def served() -> tuple[Member, Asker, Seq]:
    world, last, _ = world_of_three_successions()
    server = master(world)
    asker = Asker(server, world.kitchen, 1)
    asker.shake()
    return server, asker, last


def test_only_a_chunk_that_follows_no_other_begins_with_them(served: tuple[Member, Asker, Seq]) -> None:
    server, asker, last = served
    assert fetched(server, asker, 1) == []
    assert fetched(server, asker, 2) == []
    assert fetched(server, asker, last) == [last - 1]
    assert fetched(server, asker, last + 1) == []
    assert fetched(server, asker, last + 1) == [last - 1, last]


def test_r10_they_have_a_bound_and_the_newest_are_sent(
    served: tuple[Member, Asker, Seq], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, asker, last = served
    size_bytes = len(server.log.certificates_before(last + 1)[-1].encode())
    assert size_bytes < CERTIFICATE_BYTES_MAX
    monkeypatch.setattr("dusk.catchup.server.CHUNK_BYTES_MAX", size_bytes)
    assert fetched(server, asker, last + 1) == [last]


def test_those_below_a_checkpoint_are_sent_too_as_the_asker_may_stand_on_an_older_one(
    served: tuple[Member, Asker, Seq],
) -> None:
    server, asker, last = served
    server.log.give_up(last)
    assert fetched(server, asker, last + 2) == [last - 1, last]
