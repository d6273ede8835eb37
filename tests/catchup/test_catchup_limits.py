"""Floods, half-open streams and strangers do not hinder others (A1, A6, A7, A16, A19)."""

import pytest

from dusk.catchup.backoff import BackOff
from dusk.catchup.channel import Channel
from dusk.catchup.messages import (
    DEVICE_EXISTS,
    Answer,
    Fetch,
    GetBranch,
    GetKeys,
    Join,
    Locate,
    Request,
    Submit,
    decode_reply,
)
from dusk.changelog.body import Change
from dusk.effects import Connect, Disconnect, ItemsRead, SendFrame, Tick
from dusk.ids import NO_CHAIN, ClusterId, DeviceId, Seq
from dusk.keys.joinkey import JoinKey
from dusk.keys.signing import SigningKey
from dusk.limits import (
    BACK_OFFS_MAX,
    HANDSHAKE_S_MAX,
    HANDSHAKES_MAX,
    HANDSHAKES_PER_ADDRESS_MAX,
    JOIN_BYTES_MAX,
    SERVED_MAX,
    STREAM_IDLE_S_MAX,
)
from dusk.membership.request import build_request
from tests.streams import Asker, Member, Wires, at, master, member
from tests.world import World


@pytest.fixture
def world() -> World:
    made = World()
    made.allow_joining()
    return made


def _join_key(world: World) -> JoinKey:
    return JoinKey(world.cluster, world.named(), world.joinkey.seed, ())


def _request(world: World, asker: Asker, key: SigningKey, stream: bytes | None = None) -> Change:
    return build_request(
        _join_key(world),
        key,
        label="02:aa",
        wanted="new",
        stream_hash=asker.channel.hash if stream is None else stream,
        random_bytes=world.random.randbytes,
    )


def test_a7_half_open_streams_from_one_address_push_out_each_other_only(world: World) -> None:
    server = master(world)
    other = Asker(server, world.join(), 1, "other")
    flood = [Asker(server, world.key(), 3 + 2 * n, "flood") for n in range(20)]
    assert [f.accepted for f in flood[:HANDSHAKES_PER_ADDRESS_MAX]] == [[]] * HANDSHAKES_PER_ADDRESS_MAX
    assert [f.accepted for f in flood[HANDSHAKES_PER_ADDRESS_MAX:]] == [
        [Disconnect(f.conn)] for f in flood[: 20 - HANDSHAKES_PER_ADDRESS_MAX]
    ]
    assert not other.ended(other.shake())


def test_a7_a_thousand_half_open_streams_do_not_hinder_a_member(world: World) -> None:
    server = master(world)
    served = Asker(server, world.join(), 1, "member")
    served.shake()
    for n in range(1000):
        Asker(server, world.key(), 3 + 2 * n, f"host-{n}")
    assert len(server.exchanges._servers) == HANDSHAKES_MAX + 1
    late = Asker(server, world.join(), 9001, "late")
    assert not late.ended(late.shake())
    for asker in (served, late):
        assert not asker.ended(asker.ask(GetKeys()))


def test_a7_a_handshake_has_a_time_in_all(world: World) -> None:
    server = master(world)
    asker = Asker(server, world.key(), 1)
    asker.give(asker.channel.open(), HANDSHAKE_S_MAX - 1)
    assert server.deadline == HANDSHAKE_S_MAX
    assert server.handle(Tick(), HANDSHAKE_S_MAX) == [Disconnect(1)]
    assert server.deadline is None


def test_a7_a_silent_member_is_let_go(world: World) -> None:
    server = master(world)
    asker = Asker(server, world.join(), 1)
    asker.shake(1.0)
    assert server.handle(Tick(), STREAM_IDLE_S_MAX) == []
    assert server.handle(Tick(), 1.0 + STREAM_IDLE_S_MAX) == [Disconnect(1)]


def test_one_member_has_one_stream_and_the_newest_counts(world: World) -> None:
    server, key = master(world), world.join()
    first, second = Asker(server, key, 1), Asker(server, key, 3)
    first.shake()
    assert first.ended(second.shake())
    assert not second.ended(second.ask(GetKeys()))


def test_members_served_at_once_are_bounded(world: World) -> None:
    server = master(world)
    for n in range(SERVED_MAX):
        asker = Asker(server, world.join(), 1 + 2 * n)
        assert not asker.ended(asker.shake())
    last = Asker(server, world.join(), 999)
    assert last.ended(last.shake())


@pytest.mark.parametrize(
    "request_", [Locate(()), Fetch(Seq(1)), GetKeys(), Submit(b""), GetBranch(NO_CHAIN, 0)]
)
def test_a1_a_stranger_gets_nothing_but_the_end(world: World, request_: Request) -> None:
    server = master(world)
    asker = Asker(server, world.key(), 1)
    asker.shake()
    assert asker.ask(request_) == [Disconnect(1)]
    assert server.exchanges.refused == 1


def test_a16_another_cluster_is_cut_off_in_the_handshake(world: World) -> None:
    server = master(world)
    asker = Asker(server, world.join(), 1)
    asker.channel = Channel(
        initiator=True,
        static_private=bytes(32),
        ephemeral_private=b"e" * 32,
        cluster_id=ClusterId(b"f" * 32),
        message_bytes_max=100,
    )
    asker.give(asker.channel.open())
    assert asker.give(bytes(64)) == [Disconnect(1)]


def test_a6_a_member_that_asks_again_before_the_answer_is_cut_off(world: World) -> None:
    server = master(world)
    asker = Asker(server, world.join(), 1)
    asker.shake()
    asker.ask(Fetch(Seq(1)))
    assert asker.ask(Fetch(Seq(1))) == [Disconnect(1)]


def test_a_fetch_behind_the_head_brings_nothing_and_no_reading(world: World) -> None:
    server = master(world)
    asker = Asker(server, world.join(), 1)
    asker.shake()
    (effect,) = asker.ask(Fetch(Seq(server.head.seq + 1)))
    assert isinstance(effect, SendFrame)


def test_a19_a_stranger_may_join_and_goes_on_on_the_same_stream(world: World) -> None:
    server, key = master(world), world.key()
    asker = Asker(server, key, 1)
    asker.shake()
    assert not asker.ended(asker.ask(Join(_request(world, asker, key).encode())))
    assert world.log.device_key(DeviceId(key.key_id)) == key.public
    assert not asker.ended(asker.ask(GetKeys()))


def test_a19_a_request_made_for_another_stream_is_not_passed_on(world: World) -> None:
    server, key = master(world), world.key()
    before = world.log.head
    for stream in (bytes(32), b"x"):
        asker = Asker(server, key, 1)
        asker.shake()
        assert asker.ask(Join(_request(world, asker, key, stream).encode())) == [Disconnect(1)]
    assert world.log.head == before


def test_a19_a_change_that_is_no_request_to_join_is_not_passed_on(world: World) -> None:
    server, key = master(world), world.key()
    before = world.log.head
    asker = Asker(server, key, 1)
    asker.shake()
    change = world.change(world.set("wifi", "wireless.radio0.channel", "6"))
    assert asker.ask(Join(change.encode())) == [Disconnect(1)]
    assert world.log.head == before


def test_a6_a_stranger_may_send_little(world: World) -> None:
    server, key = master(world), world.key()
    asker = Asker(server, key, 1)
    asker.shake()
    assert asker.ask(Join(bytes(JOIN_BYTES_MAX))) == [Disconnect(1)]


def test_a_member_serves_only_who_is_a_member_at_its_own_head(world: World) -> None:
    key = world.join()
    behind = member(world, key, 2)
    newcomer = world.join()
    wires = Wires({"behind": behind, "new": member(world, newcomer)})
    core = wires.cores["new"]
    assert isinstance(core, Member)
    wires.do("new", core.exchanges.catch_up(at("behind"), wires.now))
    assert "failed" in wires.texts("new")


def test_back_offs_are_bounded_and_forgotten_by_success() -> None:
    back_off = BackOff(bytes)
    for n in range(BACK_OFFS_MAX + 1):
        back_off.failed(n, 0.0, lied=False)
    assert back_off.ready(0, 0.0)
    assert not back_off.ready(1, 0.0)
    back_off.succeeded(1)
    assert back_off.ready(1, 0.0)


def test_back_off_doubles_up_to_a_bound() -> None:
    back_off = BackOff(bytes)
    pauses = [back_off.failed("x", 0.0, lied=False) for _ in range(12)]
    assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 600.0, 600.0, 600.0]
    assert back_off.failed("y", 0.0, lied=True) == 60.0
    assert [back_off.ready("y", now) for now in (59.9, 60.0)] == [False, True]


def test_items_that_were_read_for_another_position_are_ignored(world: World) -> None:
    server = master(world)
    asker = Asker(server, world.join(), 1)
    asker.shake()
    assert server.handle(ItemsRead(1, Seq(1), ()), 0.0) == []
    asker.ask(Fetch(Seq(2)))
    assert server.handle(ItemsRead(1, Seq(1), ()), 0.0) == []
    assert len(server.handle(ItemsRead(1, Seq(2), ()), 0.0)) == 1


def test_devices_with_facts_are_told_apart_from_strangers(world: World) -> None:
    key = world.join()
    facts = world.edit(f"device/{key.key_id.hex()}/facts", "board", ("a router",))
    world.write(world.change(facts, signers=(key,), device=key))
    server = master(world)
    asker = Asker(server, key, 1)
    asker.shake()
    assert not asker.ended(asker.ask(GetKeys()))


def test_streams_to_two_peers_carry_their_own_changes(world: World) -> None:
    device = member(world, world.join())
    change = world.change(world.set("wifi", "wireless.radio0.channel", "6"))
    assert device.exchanges.submit(at("a"), change, 0.0) == [Connect(2, at("a"))]
    assert device.exchanges.submit(at("b"), change, 0.0) == [Connect(4, at("b"))]
    assert device.exchanges.submit(at("b"), change, 0.0) == []


def test_a_member_that_asks_to_join_again_is_told_so_at_once(world: World) -> None:
    key = world.join()
    server = master(world)
    server.silent = True
    asker = Asker(server, key, 1)
    asker.shake()
    (effect,) = asker.ask(Join(_request(world, asker, key).encode()))
    assert isinstance(effect, SendFrame)
    message = asker.channel.receive(effect.frame).message
    assert message is not None
    answer = decode_reply(message)
    assert isinstance(answer, Answer)
    assert answer.code == DEVICE_EXISTS
