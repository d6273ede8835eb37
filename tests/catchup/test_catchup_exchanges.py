"""Two real cores back to back: what a stale device gets, from whom, and what cuts do."""

import pytest

from dusk.catchup.messages import APPLIED, NO_ANSWER
from dusk.catchup.stages import Ground
from dusk.effects import Accepted, Append, Connect, Disconnect, Disconnected, Effect, Event, ItemsRead, Tick
from dusk.ids import ChangeId, Seq
from dusk.keys.signing import SigningKey
from dusk.limits import ANSWER_S_MAX, BACK_OFF_S_MAX, CATCH_UPS_MAX, EXCHANGE_S_MAX, USELESS_S_MAX
from tests.streams import Member, Wires, at, master, member
from tests.world import World


def _world(changes: int) -> tuple[World, SigningKey]:
    """Return a cluster with a second device, and changes behind its joining."""
    world = World()
    world.allow_joining()
    key = world.join()
    for number in range(changes):
        if number % 7 == 3:
            world.open()
        world.commit(world.set("wifi", "wireless.default_radio0.ssid", f"net {number} " + "x" * 900))
    return world, key


def _pair(changes: int = 12, known: int = 6) -> tuple[Wires, Member, Member]:
    world, key = _world(changes)
    wires = Wires({"master": master(world), "stale": member(world, key, known)})
    first, second = wires.cores["master"], wires.cores["stale"]
    assert isinstance(first, Member)
    assert isinstance(second, Member)
    return wires, first, second


def _catch_up(wires: Wires, stale: Member) -> None:
    wires.do("stale", stale.exchanges.catch_up(at("master"), wires.now))


def test_a_stale_device_reaches_the_head_and_gets_the_group_keys() -> None:
    wires, server, stale = _pair(changes=150)
    _catch_up(wires, stale)
    assert stale.head == server.head
    assert stale.taken_rings == [server.ring]
    assert len(wires.of("stale", Append)) > 2
    assert wires.connected_to == {}
    assert stale.deadline is None


def test_what_was_stored_verifies_again_and_has_fewer_heads() -> None:
    wires, server, stale = _pair(changes=30)
    _catch_up(wires, stale)
    again = member(server.world, stale.key, 0)
    again.log.extend(stale.items)
    assert again.head == server.head
    assert len(stale.items) < len(server.items)


def test_a_device_at_the_head_fetches_nothing_and_asks_for_the_keys() -> None:
    wires, server, stale = _pair(known=10_000)
    _catch_up(wires, stale)
    assert wires.of("stale", Append) == []
    assert stale.taken_rings == [server.ring]


def test_a_server_that_is_behind_is_no_liar_and_costs_nothing() -> None:
    world, key = _world(9)
    other = world.log.state.holder(key.key_id)
    assert other is not None
    ahead, behind = master(world), member(world, key, 8)
    wires = Wires({"master": ahead, "stale": behind})
    wires.do("master", ahead.exchanges.catch_up(at("stale"), wires.now))
    assert wires.of("master", Append) == []
    assert "done" in wires.texts("master")


def test_any_member_serves() -> None:
    world, key = _world(5)
    third = world.join()
    wires = Wires({"second": member(world, key), "third": member(world, third, 0)})
    core = wires.cores["third"]
    assert isinstance(core, Member)
    wires.do("third", core.exchanges.catch_up(at("second"), wires.now))
    assert core.head == world.log.head


def test_r7_an_exchange_cut_at_any_frame_is_gone_on_with() -> None:
    frames = _frames_of_a_whole_exchange()
    for cut in range(1, frames + 1):
        wires, server, stale = _pair(changes=90)
        count = 0

        def mangle(_to: str, frame: bytes, cut: int = cut) -> bytes | None:
            nonlocal count
            count += 1
            return None if count == cut else frame

        wires.mangle = mangle
        _catch_up(wires, stale)
        kept = stale.head.seq
        wires.mangle = lambda _to, frame: frame
        wires.now += BACK_OFF_S_MAX * 2
        _catch_up(wires, stale)
        assert stale.head == server.head
        assert server.head.seq >= kept
        stored = member(server.world, stale.key, 0).log
        stored.extend(stale.items)
        assert stored.head == server.head


def _frames_of_a_whole_exchange() -> int:
    wires, _server, stale = _pair(changes=90)
    _catch_up(wires, stale)
    return wires.frames


def test_a_change_is_submitted_over_a_stream_and_answered() -> None:
    wires, server, stale = _pair(known=10_000)
    change = server.world.change(server.world.set("wifi", "wireless.radio0.channel", "6" * 2000))
    before = ChangeId(bytes(32))
    wires.do("stale", stale.exchanges.submit(at("master"), change, wires.now, before))
    assert [(c, a.code) for c, a in stale.answers] == [(change.id, APPLIED)]
    assert server.handed_in_after == [before]
    assert server.head == server.world.log.head


def test_a_change_is_submitted_to_the_master_alone_whoever_is_at_its_address() -> None:
    wires, server, stale = _pair(known=10_000)
    change = server.world.change(server.world.set("wifi", "wireless.radio0.channel", "6"))
    other = wires.cores["master"] = member(server.world, server.world.join())
    stale.log = server.world.log
    wires.do("stale", stale.exchanges.submit(at("master"), change, wires.now))
    assert stale.answers == []
    assert "not the master" in wires.texts("stale")
    assert other.head == server.world.log.head
    assert stale.exchanges.submit(at("master"), change, wires.now) == [], "it is left alone for a while"


def test_changes_added_while_a_stream_is_open_go_over_it_once() -> None:
    wires, server, stale = _pair(known=10_000)
    world = server.world
    first = world.change(world.set("a", "wireless.radio0.channel", "1"), counter=100)
    second = world.change(world.set("b", "wireless.radio0.channel", "2"), counter=101)
    opened = stale.exchanges.catch_up(at("master"), wires.now)
    for change in (first, second, first):
        assert stale.exchanges.submit(at("master"), change, wires.now) == []
    wires.do("stale", opened)
    assert [(c, a.code) for c, a in stale.answers] == [(first.id, APPLIED), (second.id, APPLIED)]


def test_without_a_leader_the_submitter_is_told_so_in_time() -> None:
    wires, server, stale = _pair(known=10_000)
    server.silent = True
    change = server.world.change(server.world.set("wifi", "wireless.radio0.channel", "6"))
    wires.do("stale", stale.exchanges.submit(at("master"), change, wires.now))
    assert stale.answers == []
    assert server.deadline == wires.now + ANSWER_S_MAX
    wires.give("master", Tick())
    assert stale.answers == []
    wires.tick(ANSWER_S_MAX)
    assert [(c, a.code) for c, a in stale.answers] == [(change.id, NO_ANSWER)]


def test_a22_a_removed_device_learns_that_and_nothing_else() -> None:
    wires, server, stale = _pair(known=6)
    world = server.world
    world.commit(world.edit(f"device/{stale.key.key_id.hex()}", "retired", (True,)))
    _catch_up(wires, stale)
    assert "was removed" in wires.texts("stale")
    assert wires.of("stale", Append) == []
    assert stale.taken_rings == []


def test_a22_a_device_removed_while_its_chunk_is_read_gets_no_chunk() -> None:
    wires, server, stale = _pair(known=6)
    world = server.world
    section = f"device/{stale.key.key_id.hex()}"
    handle = server.exchanges.handle

    def removing(event: object, now: float) -> list[object]:
        if isinstance(event, ItemsRead):
            world.commit(world.edit(section, "retired", (True,)))
        return handle(event, now)  # type: ignore[arg-type,return-value]  # a shim around the real one

    server.handle = removing  # type: ignore[method-assign,assignment]  # the wires call it
    _catch_up(wires, stale)
    assert wires.of("stale", Append) == []
    assert server.exchanges.refused == 1


def test_group_keys_are_not_taken_from_who_is_no_member_at_our_head() -> None:
    wires, server, stale = _pair(known=10_000)
    world = server.world
    ghost = member(world, world.key())
    wires.cores["ghost"] = ghost
    wires.do("stale", stale.exchanges.catch_up(at("ghost"), wires.now))
    assert stale.taken_rings == []
    change = world.change(world.set("wifi", "wireless.radio0.channel", "6"))
    wires.do("stale", stale.exchanges.submit(at("ghost"), change, wires.now))
    assert ghost.world.log.position_of(change.id) is None
    assert "not for it" in wires.texts("stale")


def test_one_exchange_with_a_peer_and_two_in_all_fetch() -> None:
    wires, _server, stale = _pair()
    assert stale.exchanges.catch_up(at("a"), wires.now) != []
    assert stale.exchanges.catch_up(at("a"), wires.now) == []
    assert stale.exchanges.catch_up(at("b"), wires.now) != []
    assert CATCH_UPS_MAX == 2
    assert stale.exchanges.catch_up(at("c"), wires.now) == []


def test_r3_what_goes_before_a_change_may_become_known_until_that_is_sent() -> None:
    wires, server, stale = _pair()
    world = server.world
    change, before = world.change(world.set("wifi", "wireless.radio0.channel", "6")), ChangeId(bytes(32))
    opened = stale.exchanges.submit(at("master"), change, wires.now)
    for after in (before, None):
        assert stale.exchanges.submit(at("master"), change, wires.now, after) == []
    wires.do("stale", opened)
    assert server.handed_in_after == [before]


def test_a28_who_is_there_again_is_asked_though_it_gave_no_answer_before() -> None:
    wires, _server, stale = _pair()
    for ask in (stale.exchanges.catch_up, stale.exchanges.catch_up_anew):
        (opened,) = ask(at("a"), wires.now)
        assert isinstance(opened, Connect)
        stale.exchanges.handle(Disconnected(opened.conn, "timed out"), wires.now)
        assert stale.exchanges.catch_up(at("a"), wires.now) == []


def test_a6_of_two_that_bring_nothing_one_makes_room_for_who_may() -> None:
    """Who trickles, honest or not, held both places for ten minutes, from two addresses."""
    wires, server, stale = _pair()
    began = wires.now
    first, _ = stale.exchanges.catch_up(at("a"), began), stale.exchanges.catch_up(at("b"), began + 1)
    (opened,) = first
    assert isinstance(opened, Connect)
    assert stale.exchanges.catch_up(at("master"), began + USELESS_S_MAX - 1) == []
    assert stale.exchanges.catch_up(at("b"), began + USELESS_S_MAX) == [], "it has a place"
    effects = stale.exchanges.catch_up(at("master"), began + USELESS_S_MAX)
    assert effects[0] == Disconnect(opened.conn)
    wires.do("stale", effects)
    assert stale.head == server.world.log.head
    for host in ("a", "d"):
        stale.exchanges.catch_up(at(host), began + USELESS_S_MAX)
    assert stale.exchanges.catch_up(at("a"), began + USELESS_S_MAX + 1) == [], "it is left alone for a while"


def test_two_exchanges_at_once_do_not_take_each_other_for_liars() -> None:
    world, key = _world(60)
    third = world.join()
    stale = member(world, third, 0)
    wires = Wires({"master": master(world), "second": member(world, key), "stale": stale})
    both = [
        *stale.exchanges.catch_up(at("master"), wires.now),
        *stale.exchanges.catch_up(at("second"), wires.now),
    ]
    wires.do("stale", both)
    assert stale.head == world.log.head
    assert stale.exchanges.refused == 0
    assert "failed" not in wires.texts("stale")


def test_who_does_not_answer_is_left_alone_for_longer_and_longer() -> None:
    wires, _server, stale = _pair()
    for _ in range(12):
        wires.do("stale", stale.exchanges.catch_up(at("nobody"), wires.now))
        assert stale.exchanges.catch_up(at("nobody"), wires.now + 1) == []
        wires.now += BACK_OFF_S_MAX * 2
    assert stale.exchanges.catch_up(at("nobody"), wires.now) == [Connect(26, at("nobody"))]


def test_a_connection_that_never_comes_is_given_up() -> None:
    _wires, _server, stale = _pair()
    (connect,) = stale.exchanges.catch_up(at("far"), 0.0)
    assert isinstance(connect, Connect)
    assert stale.deadline == 10.0
    effects = stale.handle(Tick(), 10.0)
    assert Disconnect(connect.conn) in effects
    assert stale.handle(Accepted(3, at("x")), 11.0) == []


def test_r5_a_log_that_a_leader_of_ours_signed_below_our_head_is_refused_with_an_alarm() -> None:
    world, key = _world(6)
    stale = member(world, key)
    fork = member(world, world.master, len(world.items) - 4)
    forked = World()
    forked.log, forked.items, forked.random = fork.log, fork.items, world.random
    forked.master, forked.device_id = world.master, world.device_id
    forked.owner = world.owner
    for value in "abcd":
        forked.commit(forked.set("other", "wireless.radio0.channel", value))
    wires = Wires({"fork": master(forked), "stale": stale})
    head, stale.reaches = stale.head, False
    wires.do("stale", stale.exchanges.catch_up(at("fork"), wires.now))
    assert stale.head == head
    assert [e.loud for e in wires.of("stale", Event) if isinstance(e, Event) and e.name == "fork"] == [True]
    assert stale.told_of_ours == [at("fork")], "the other side may be able to go back to where they part"


def test_a_log_that_grew_by_another_exchange_while_this_one_asked_is_no_fork() -> None:
    world, key = _world(6)
    stale = member(world, key, len(world.items) - 8)
    wires = Wires({"master": master(world), "stale": stale})
    frames = 0

    def grow(to: str, frame: bytes) -> bytes:
        nonlocal frames
        frames += to == "stale"
        if (to, frames) == ("stale", 2):  # the first is the handshake's, this one tells where our logs part
            stale.items += stale.log.extend(world.items[len(stale.items) : -4])
        return frame

    wires.mangle = grow
    wires.do("stale", stale.exchanges.catch_up(at("master"), wires.now))
    assert "fork" not in wires.texts("stale")
    assert stale.head == world.log.head


@pytest.mark.parametrize("first", [0, 7])
def test_items_read_for_nobody_are_ignored(first: int) -> None:
    wires, server, _stale = _pair()
    assert server.handle(ItemsRead(9, Seq(first), ()), wires.now) == []


def test_a_stream_ends_after_ten_minutes_whatever_happens() -> None:
    wires, server, stale = _pair(known=10_000)
    server.silent = True
    change = server.world.change(server.world.set("wifi", "wireless.radio0.channel", "6"))
    wires.do("stale", stale.exchanges.submit(at("master"), change, wires.now))
    effects = server.handle(Tick(), wires.now + EXCHANGE_S_MAX)
    assert any(isinstance(effect, Disconnect) for effect in effects)
    assert server.deadline is None


def test_a6_a7_a9_silent_hosts_of_hints_give_their_places_to_who_shows_a_head() -> None:
    """Two that take connections and say nothing, at new addresses each time, kept a member behind."""
    wires, server, stale = _pair()
    ask, now = stale.exchanges.catch_up, wires.now
    first, second = (_conn(ask(at(host), now, ground=Ground.HINT)) for host in ("junk", "more-junk"))
    ended, *_, begun = effects = ask(at("master"), now)
    assert (ended, begun) == (Disconnect(first), Connect(second + 2, at("master")))
    ended, *_, begun = ask(at("other"), now)
    assert (ended, begun) == (Disconnect(second), Connect(second + 4, at("other")))
    assert ask(at("fourth-junk"), now, ground=Ground.HINT) == []
    assert ask(at("too"), now) == [], "who showed a head has its time"
    wires.do("stale", effects)
    assert stale.head == server.world.log.head


def test_who_was_a_hint_and_shows_a_head_too_keeps_its_place() -> None:
    wires, _server, stale = _pair()
    ask, now = stale.exchanges.catch_up, wires.now
    _conn(ask(at("a"), now, ground=Ground.HINT))
    assert ask(at("a"), now) == []
    hint = _conn(ask(at("b"), now, ground=Ground.HINT))
    assert ask(at("c"), now)[0] == Disconnect(hint)
    assert ask(at("d"), now) == []


def _conn(effects: list[Effect]) -> int:
    """Return the stream that is opened."""
    (opened,) = effects
    assert isinstance(opened, Connect)
    return opened.conn


def test_a6_a7_hints_give_way_to_places_and_these_to_heads() -> None:
    _wires, _server, stale = _pair()
    ask, now = stale.exchanges.catch_up, 100.0
    junk = [_conn(ask(at(host), now, ground=Ground.HINT)) for host in ("junk", "more-junk")]
    for conn, host in zip(junk, ("place", "other-place"), strict=True):
        assert ask(at(host), now, ground=Ground.PLACE)[0] == Disconnect(conn)
    assert ask(at("third-junk"), now + USELESS_S_MAX - 1, ground=Ground.HINT) == []
    assert ask(at("third-place"), now, ground=Ground.PLACE) == []
    assert ask(at("master"), now)[0] == Disconnect(junk[1] + 2)


def test_a6_a7_of_hints_the_silent_one_makes_room_and_a_new_one_by_chance() -> None:
    """Who had both places just before a START came, which he could tell, kept its sender out."""
    given_way = 0
    for seed in range(32):
        world, key = _world(1)
        world.random.seed(seed)
        ask = member(world, key, 0).exchanges.catch_up
        junk = [_conn(ask(at(host), 100.0, ground=Ground.HINT)) for host in ("junk", "more-junk")]
        if not ask(at("master"), 100.5, ground=Ground.HINT):
            effects = ask(at("master"), 101.0, ground=Ground.HINT)
            assert effects[0] == Disconnect(junk[0])
            assert effects[-1] == Connect(junk[1] + 2, at("master"))
            continue
        given_way += 1
    assert 8 <= given_way <= 24
