"""What a node keeps of branches that did not stand: its own, and those that others offer."""

import pytest

from dusk.changelog.body import Change
from dusk.changelog.entry import Entry, sign_head
from dusk.changelog.items import unpack_entry_item
from dusk.changelog.log import Log
from dusk.changelog.rewinds import LostBranch
from dusk.cycle.messages import Offer
from dusk.ids import ChainHash
from dusk.node.forks import JUDGED_S, Forks, head_of
from tests.world import NO_REST, World


def _lost(world: World, value: str) -> tuple[LostBranch, Change]:
    """Return a branch behind the head of a world, which that does not have, and the change in it."""
    other, change = world.replica(), world.change(world.set("wifi", "wireless.a.ssid", value))
    fork = other.head.seq
    item, _ = other.write_change(change, world.stamp())
    head = other.signed(sign_head(world.master, world.cluster, other.head, NO_REST))
    return LostBranch(fork, (item, head)), change


def _offer(branch: LostBranch) -> Offer:
    head = head_of(branch)
    return Offer(head.seq, head.chain)


def _offers_nothing(forks: Forks) -> bool:
    return forks.offer is None and forks.epoch == 0


def test_who_left_nothing_offers_nothing() -> None:
    forks = Forks(World().log, ())
    forks.log_moved()
    assert (forks.offer, forks.stranded(), forks.epoch) == (None, [], 0)
    assert forks.chunk(ChainHash(bytes(32)), 0) == ((), False)


def test_a_branch_is_offered_until_its_changes_stand_in_the_log_for_good() -> None:
    world = World()
    lost, change = _lost(world, "left")
    world.commit(world.set("base", "system.a.b", "stands"))
    forks = Forks(world.log, ())
    forks.left(lost)
    forks.log_moved()
    assert forks.offer == _offer(lost)
    assert (forks.stranded(), forks.epoch) == ([change], head_of(lost).epoch)
    world.strand(change)
    forks.log_moved()
    assert not forks.stranded()
    assert _offers_nothing(forks)


def test_r3_a_branch_that_forks_from_another_that_is_left_too_is_offered_with_what_it_stands_on() -> None:
    world = World()
    common, count = world.replica(), len(world.items)
    world.commit(world.set("base", "system.a.b", "below"))
    upper, change = _lost(world, "upper")
    world.commit(world.set("base", "system.a.b", "instead of it"))
    below = LostBranch(common.head.seq, tuple(world.items[count:]))
    forks = Forks(common, ())
    forks.left(upper)
    assert list(forks.all) == [upper]
    forks.left(below)
    assert forks.all == Forks(common, [upper, below]).all
    whole = forks.all[0]
    assert (whole.seq, head_of(whole)) == (below.seq, head_of(upper))
    assert list(forks.all) == [whole, below]
    other = Log(world.cluster)
    other.extend(world.items[:count])
    other.extend(whole.items)
    assert other.position_of(change.id) == upper.seq + 1
    forks.left(_lost(world, "above all")[0])
    assert forks.all[:2] == (whole, below), "what was left before stands on nothing that is left later"


def test_a_branch_is_handed_over_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    lost, _ = _lost(world, "left")
    forks = Forks(world.log, [lost])
    chain = head_of(lost).chain
    assert forks.chunk(chain, 0) == (lost.items, False)
    monkeypatch.setattr("dusk.node.forks.CHUNK_BYTES_MAX", 1)
    assert forks.chunk(chain, 0) == (lost.items[:1], True)
    assert forks.chunk(chain, 1) == (lost.items[1:], False)
    assert forks.chunk(chain, 2) == ((), False)


def test_a_chunk_is_of_the_branch_that_was_asked_for_and_of_so_many_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    (one, _), (other, _) = _lost(world, "left"), _lost(world, "other")
    forks = Forks(world.log, [one, other])
    assert forks.chunk(head_of(other).chain, 0) == (other.items, False)
    assert forks.chunk(ChainHash(bytes(32)), 0) == ((), False)
    size_bytes = sum(len(item.data) for item in one.items)
    for room_bytes, count in ((size_bytes, 2), (size_bytes - 1, 1)):
        monkeypatch.setattr("dusk.node.forks.CHUNK_BYTES_MAX", room_bytes)
        assert forks.chunk(head_of(one).chain, 0)[0] == one.items[:count]


def test_what_others_offer_is_fetched_once_in_an_epoch_and_not_if_our_log_has_it() -> None:
    world = World()
    lost, _ = _lost(world, "left")
    forks = Forks(world.log, ())
    assert forks.is_new(_offer(lost))
    forks.dealt_with(lost)
    assert not forks.is_new(_offer(lost))
    assert forks.has_dealt_with(head_of(lost))
    forks.leads_anew()
    assert forks.is_new(_offer(lost))
    own = world.log.head
    assert not forks.is_new(Offer(own.seq, own.chain))


def test_a_branch_that_was_asked_for_is_known_by_that_once() -> None:
    world = World()
    lost, _ = _lost(world, "left")
    forks = Forks(world.log, ())
    assert not forks.is_left(lost)
    forks.asks_for(_offer(lost))
    assert [forks.is_left(lost), forks.is_left(lost)] == [True, False]


def test_a9_a_branch_that_our_log_stood_against_is_left_alone_until_that_moves_or_for_a_moment() -> None:
    world = World()
    lost, change = _lost(world, "left")
    forks, head = Forks(world.log, ()), head_of(lost)
    assert not forks.was_just_judged(head, 7.0)
    forks.judged(lost, 7.0)
    assert forks.was_just_judged(head, 7.0 + JUDGED_S - 0.01)
    assert not forks.was_just_judged(head, 7.0 + JUDGED_S), "it may have become final there"
    forks.judged(lost, 10.0)
    world.strand(change)
    assert not forks.was_just_judged(head, 10.0), "ours is another log now"


def test_a6_branches_without_end_take_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dusk.node.forks.BRANCHES_MAX", 1)
    world = World()
    forks = Forks(world.log, ())
    first, second = (_lost(world, value)[0] for value in ("one", "two"))
    for lost in (first, second):
        forks.dealt_with(lost)
        forks.asks_for(_offer(lost))
    assert [forks.has_dealt_with(head_of(lost)) for lost in (first, second)] == [False, True]
    assert [forks.is_left(lost) for lost in (first, second)] == [False, True]


def test_who_left_a_branch_knows_which_of_an_authors_changes_are_stranded_there_r3() -> None:
    world = World()
    lost, change = _lost(world, "left")
    author, device, number = change.body.author, change.body.device, change.body.counter
    later = world.change(world.set("wifi", "wireless.a.ssid", "later"), counter=number + 1)
    forks = Forks(world.log, ())
    assert forks.left_before(later.encode()) is None
    assert (forks.left_number(author, device), forks.is_offering()) == (0, False)
    forks.left(lost)
    assert forks.left_before(later.encode()) == change.id
    assert forks.left_before(change.encode()) is None
    assert (forks.left_number(author, device), forks.is_offering()) == (number, True)
    other = world.change(world.set("a", "x.y.z", "1"), device=world.key(), counter=number + 1)
    assert forks.left_before(other.encode()) is None
    world.strand(change)
    assert forks.left_before(later.encode()) is None
    assert (forks.left_number(author, device), forks.is_offering()) == (0, False)


def test_a6_what_was_left_is_read_once_however_often_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device with work of an hour in a branch asks with each datagram what to hand in first."""
    world = World()
    lost, change = _lost(world, "left")
    later = world.change(world.set("wifi", "wireless.a.ssid", "later"), counter=change.body.counter + 1)
    forks, read = Forks(world.log, ()), list[bytes]()

    def noted(data: bytes) -> tuple[Entry, Change | None]:
        read.append(data)
        return unpack_entry_item(data)

    monkeypatch.setattr("dusk.changelog.branches.unpack_entry_item", noted)
    forks.left(lost)
    assert len(read) == 1
    for number in range(20):
        world.commit(world.set("base", "system.a.b", str(number)))
        forks.log_moved()
        assert forks.left_before(later.encode()) == change.id
        assert forks.is_offering()
        assert forks.stranded() == [change]
    assert len(read) == 1


def test_what_was_seen_last_is_the_newest_change_that_is_not_final() -> None:
    world = World()
    forks = Forks(world.log, ())
    assert forks.newest() is None
    change = world.change(world.set("wifi", "wireless.a.ssid", "new"))
    world.log.write_change(change, world.stamp())
    assert forks.newest() == change.id
    world.log.signed(sign_head(world.master, world.cluster, world.log.head, NO_REST))
    assert forks.newest() is None, "one holder alone settles it"
    assert Forks(Log(None), ()).newest() is None
