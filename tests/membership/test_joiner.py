"""A device with nothing but a join key becomes a member, or says clearly why not."""

from dataclasses import replace

import pytest

from dusk import codec
from dusk.catchup.host import Giver, Standing
from dusk.catchup.messages import APPLIED, Answer
from dusk.catchup.stages import ServerRefused
from dusk.changelog.body import Change
from dusk.changelog.entry import sign_head
from dusk.changelog.log import Log
from dusk.changelog.newer import NewerVersion
from dusk.cycle.datagrams import cluster_tag
from dusk.cycle.groupkeys import decode_group_keys
from dusk.cycle.messages import Kind
from dusk.effects import (
    Accepted,
    Address,
    Append,
    Connect,
    Connected,
    Datagram,
    Disconnect,
    Disconnected,
    Effect,
    Event,
    ItemKind,
    LogItem,
    Received,
    RemoveFile,
    Restart,
    StoreFile,
    Tick,
)
from dusk.errors import UntrustedInput
from dusk.ids import ChainHash, ClusterId, DeviceId, Seq, labelled_hash
from dusk.keys.joinkey import JoinKey
from dusk.keys.signing import SigningKey, x25519_public
from dusk.limits import (
    ANSWER_S_MAX,
    BACK_OFF_S_MAX,
    BACK_OFF_S_MIN,
    EXCHANGE_S_MAX,
    JOIN_CANDIDATES_MAX,
    STREAM_IDLE_S_MAX,
)
from dusk.membership.joiner import Joiner
from tests.streams import Member, Wires, at, master, member
from tests.world import World


def _world(uses: int = 5) -> World:
    world = World()
    world.allow_joining(uses=uses, groups=("aps",), template="ap-{n}")
    for number in range(90):
        world.commit(world.set("wifi", "wireless.default_radio0.ssid", f"net {number} " + "x" * 700))
    return world


def _join_key(world: World, addresses: tuple[str, ...] = ("master",), seq: int = 20) -> JoinKey:
    return JoinKey(world.cluster, world.named(seq), world.joinkey.seed, addresses)


def _joiner(world: World, key: SigningKey, join_key: JoinKey | None = None, log: Log | None = None) -> Joiner:
    return Joiner(
        join_key=_join_key(world) if join_key is None else join_key,
        device=key,
        log=Log(world.cluster) if log is None else log,
        label="02:00:00:00:00:aa",
        wanted="attic",
        random_bytes=world.random.randbytes,
        now=100.0,
    )


def _start(world: World, joiner: Joiner, serving: Member | None = None) -> Wires:
    wires = Wires({"master": master(world) if serving is None else serving, "joiner": joiner})
    wires.do("joiner", joiner.start(wires.now))
    return wires


def _stored(wires: Wires) -> list[LogItem]:
    return [item for e in wires.of("joiner", Append) if isinstance(e, Append) for item in e.items]


def test_a_joiner_ends_with_the_log_the_keys_and_a_restart() -> None:
    world, key = _world(), SigningKey.from_seed(b"j" * 32)
    joiner = _joiner(world, key)
    wires = _start(world, joiner)
    log = Log(world.cluster)
    log.extend(_stored(wires))
    assert log.head == world.log.head
    assert log.state.value(f"device/{key.key_id.hex()}", "name") == ["ap-1"]
    assert log.state.value(f"device/{key.key_id.hex()}", "groups") == [["aps"]]
    *_, stored, removed, joined, restart = [e for who, e in wires.events if who == "joiner"]
    assert isinstance(joined, Event)
    assert joined.text == "this device is a member of the cluster, named ap-1 (it wanted to be 'attic')"
    assert isinstance(stored, StoreFile)
    assert stored.name == "groupkeys"
    assert decode_group_keys(stored.data).newest is not None
    assert removed == RemoveFile("joining")
    assert isinstance(joined, Event)
    assert restart == Restart("joined")
    assert joiner.deadline is None
    assert joiner.handle(Tick(), 1e9) == []


def test_the_log_is_stored_chunk_by_chunk_before_the_keys() -> None:
    world = _world()
    wires = _start(world, _joiner(world, world.key()))
    kinds = [type(e) for who, e in wires.events if who == "joiner" and not isinstance(e, Event)]
    assert kinds[:2] == [Append, Append]
    assert kinds[-3:] == [StoreFile, RemoveFile, Restart]
    assert (
        max(sum(len(i.data) for i in e.items) for e in wires.of("joiner", Append) if isinstance(e, Append))
        < 70_000
    )


def test_r7_a_join_cut_at_any_frame_is_gone_on_with_after_a_restart() -> None:
    world = _world()
    frames = _start(world, _joiner(world, world.key())).frames
    for cut in range(1, frames + 1):
        world = _world()
        key = world.key()
        count = 0

        def mangle(_to: str, frame: bytes, cut: int = cut) -> bytes | None:
            nonlocal count
            count += 1
            return None if count == cut else frame

        first = Wires({"master": master(world), "joiner": _joiner(world, key)}, mangle=mangle)
        joiner = first.cores["joiner"]
        assert isinstance(joiner, Joiner)
        first.do("joiner", joiner.start(first.now))
        log = Log(world.cluster)
        log.extend(_stored(first))
        second = _start(world, _joiner(world, key, log=log))
        if first.of("joiner", Restart) == []:
            assert second.of("joiner", Restart) == [Restart("joined")]
        assert [i for i in _stored(second) if i in _stored(first)] == []
        assert log.head == world.log.head


def test_a_member_is_found_by_the_tag_of_its_start() -> None:
    world = _world()
    joiner = _joiner(world, world.key(), _join_key(world, addresses=()))
    wires = Wires({"master": master(world), "joiner": joiner})
    assert joiner.start(wires.now) == []
    tag = cluster_tag(world.cluster)
    for noise in (b"", tag, tag + b"\2rest", bytes(8) + b"\1", b"\1" + tag):
        assert joiner.handle(Datagram(noise, at("master"), None), wires.now) == []
    wires.give("joiner", Datagram(tag + b"\1rest", at("master"), None))
    assert wires.of("joiner", Restart) == [Restart("joined")]


def test_addresses_that_are_configured_while_it_looks_are_asked_at_once() -> None:
    world = _world()
    joiner = _joiner(world, world.key(), _join_key(world, addresses=()))
    assert joiner.start(100.0) == []
    there = Address("10.0.0.7", 3875)
    assert joiner.set_contacts((there,), 101.0) == [Connect(2, there)]
    assert joiner.set_contacts((there, Address("10.0.0.8", 3875)), 102.0) == []


def test_where_nobody_leads_a_joiner_asks_a_member_that_looks_for_who_does() -> None:
    """It may be the one that is to lead: the only one of the succession, with an old disk."""
    world = _world()
    joiner = _joiner(world, world.key(), _join_key(world, addresses=()))
    there = Address("10.0.0.7", 3875)
    hello = cluster_tag(world.cluster) + bytes((Kind.HELLO,))
    assert joiner.handle(Datagram(hello, there, None), 100.0) == [Connect(2, there)]


def test_a6_heard_candidates_are_bounded_and_tried_one_at_a_time() -> None:
    world = _world()
    joiner = _joiner(world, world.key(), _join_key(world, addresses=()))
    start = cluster_tag(world.cluster) + b"\1"
    connects = []
    for number in range(100):
        connects += joiner.handle(Datagram(start, Address(f"10.0.0.{number}", 1), None), 100.0)
    assert connects == [Connect(2, Address("10.0.0.0", 1))]
    assert len(joiner._heard) == JOIN_CANDIDATES_MAX


def test_a6_a_flood_of_starts_does_not_keep_a_joiner_from_the_address_in_its_key() -> None:
    world = _world()
    joiner = _joiner(world, world.key())
    wires = Wires({"joiner": joiner})
    wires.do("joiner", joiner.start(wires.now))  # the address is tried once, in vain
    start, asked = cluster_tag(world.cluster) + b"\1", []
    for number in range(400):
        now = wires.now + number
        flood = joiner.handle(Datagram(start, Address(f"10.0.0.{number % 200}", number + 1), None), now)
        effects = [*flood, *joiner.handle(Tick(), now)]
        for effect in effects:
            if isinstance(effect, Connect):
                asked.append(effect.to)
                joiner.handle(Disconnected(effect.conn, "nobody there"), now)
    assert asked.count(Address("master", 3875)) >= 4
    assert len(joiner._heard) <= JOIN_CANDIDATES_MAX


def test_who_does_not_answer_is_left_alone_and_another_asked() -> None:
    world = _world()
    joiner = _joiner(world, world.key(), _join_key(world, addresses=("nobody", "master")))
    wires = _start(world, joiner)
    assert wires.of("joiner", Restart) == []
    assert "no stream to a member" in joiner.reason
    wires.do("joiner", joiner.handle(Tick(), wires.now))
    assert wires.of("joiner", Restart) == [Restart("joined")]


def test_a_silent_server_is_given_up_in_time() -> None:
    world = _world()
    joiner = _joiner(world, world.key())
    assert joiner.start(100.0) == [Connect(2, at("master"))]
    assert joiner.handle(Tick(), 101.0) == []
    assert joiner.deadline == 100.0 + STREAM_IDLE_S_MAX
    effects = joiner.handle(Tick(), joiner.deadline)
    assert Disconnect(2) in effects
    assert joiner.status(0.0)["reason"] == "a member did not answer in time"
    assert joiner.handle(Tick(), joiner.deadline) == []


def _revoke(world: World) -> None:
    world.commit(world.edit(f"joinkey/{world.joinkey.key_id.hex()}", "revoked", (True,)))


def _use_up(world: World) -> None:
    for _ in range(5):
        world.join()


def _unknown(world: World) -> None:
    world.joinkey = world.key()


@pytest.mark.parametrize(
    ("act", "code"),
    [(_revoke, "joinkey-revoked"), (_unknown, "unknown-joinkey")],
)
def test_a19_a_refusal_is_said_clearly_and_leaves_nothing(act: object, code: str) -> None:
    world = _world()
    assert callable(act)
    act(world)
    joiner = _joiner(world, world.key())
    wires = _start(world, joiner)
    assert code in joiner.reason
    assert joiner.refusal
    assert joiner.refusal in joiner.reason
    assert joiner.status(0.0)["role"] == "joining"
    assert _stored(wires) == []
    assert wires.connected_to == {}
    head = world.log.head
    wires.do("joiner", joiner.handle(Tick(), wires.now + BACK_OFF_S_MAX))
    assert [e.loud for e in wires.of("joiner", Event) if isinstance(e, Event)] == [True]
    assert world.log.head == head


def test_a19_a_key_that_needs_approval_leaves_the_device_pending() -> None:
    world = World()
    rule: tuple[object, ...] = (world.joinkey.public, 5, 0, (), "approve", [], "ask", "")
    world.commit(world.edit(f"joinkey/{world.joinkey.key_id.hex()}", "rule", rule))
    joiner = _joiner(world, world.key(), _join_key(world, seq=1))
    _start(world, joiner)
    assert joiner.status(0.0)["role"] == "pending"


def test_a2_a_log_without_the_entry_of_the_join_key_is_not_fetched() -> None:
    world, old = _world(), _world()
    old.log = Log(world.cluster)
    old.items = world.items[: 2 * 10]
    old.log.extend(old.items)
    joiner = _joiner(world, world.key())
    wires = _start(world, joiner, master(old))
    assert "lacks the entry" in joiner.reason
    assert _stored(wires) == []


def test_another_cluster_at_the_address_is_no_member() -> None:
    world, foreign = _world(), World(seed=7)
    joiner = _joiner(world, world.key())
    wires = _start(world, joiner, master(foreign))
    assert joiner.reason.startswith("no stream to a member of this cluster: noise:")
    assert wires.of("joiner", Restart) == []


def test_a_member_without_group_keys_is_asked_again_later() -> None:
    world = _world()
    serving = master(world)
    ring, serving.ring = serving.ring, b""
    joiner = _joiner(world, world.key())
    wires = _start(world, joiner, serving)
    assert joiner.reason == "the member has no group key yet"
    serving.ring = ring
    wires.do("joiner", joiner.handle(Tick(), wires.now + BACK_OFF_S_MAX))
    assert wires.of("joiner", Restart) == [Restart("joined")]


def test_a9_a_ring_of_junk_is_a_lie() -> None:
    world = _world()
    serving = master(world)
    serving.ring = b"junk"
    joiner = _joiner(world, world.key())
    wires = _start(world, joiner, serving)
    assert "encoding" in joiner.reason
    assert wires.of("joiner", StoreFile) == []


def test_a_server_that_is_no_member_gives_no_keys() -> None:
    world = _world()
    ghost = member(world, world.key())
    joiner = _joiner(world, world.key())
    wires = _start(world, joiner, ghost)
    assert "no member" in joiner.reason
    assert wires.of("joiner", StoreFile) == []


def test_a_member_that_gets_no_answer_from_the_leader_says_so_in_time() -> None:
    world = _world()
    serving = master(world)
    serving.silent = True
    joiner = _joiner(world, world.key())
    wires = _start(world, joiner, serving)
    wires.now += ANSWER_S_MAX
    wires.give("master", Tick())
    assert "no-answer" in joiner.reason


def test_inputs_that_mean_nothing_to_a_joiner_do_nothing() -> None:
    world = _world()
    joiner = _joiner(world, world.key())
    assert joiner.handle(Accepted(1, at("x")), 100.0) == [Disconnect(1)]
    assert joiner.handle(Received(1, b""), 100.0) == []
    assert joiner.handle(Disconnected(2, ""), 100.0) == []


def test_what_happens_to_another_stream_is_nothing_to_the_one_in_use() -> None:
    joiner = _joiner(_world(), SigningKey.from_seed(b"j" * 32))
    joiner.start(100.0)
    client = joiner._client
    assert client is not None
    for event in (
        Connected(client.conn + 2),
        Received(client.conn + 2, b"x"),
        Disconnected(client.conn + 2, ""),
    ):
        assert joiner.handle(event, 100.0) == []
    assert joiner._client is client


def test_a6_a_host_is_one_candidate_however_many_ports_it_sends_from() -> None:
    world = _world()
    joiner = _joiner(world, world.key(), _join_key(world, addresses=()))
    start = cluster_tag(world.cluster) + b"\1"
    for host, port in (("10.0.0.1", 1), ("10.0.0.2", 1), ("10.0.0.2", 2), ("10.0.0.3", 1)):
        joiner.handle(Datagram(start, Address(host, port), None), 100.0)
    assert list(joiner._heard) == [Address("10.0.0.2", 1), Address("10.0.0.3", 1)]


def test_the_entry_of_the_join_key_is_looked_for_once_the_log_reaches_it() -> None:
    world = _world()
    joiner = _joiner(world, world.key(), _join_key(world, seq=20))
    before, after = world.items[: 2 * 10], world.items[2 * 10 :]
    assert joiner.took(before, 100.0) == [Append(tuple(before))]
    assert joiner.took(after, 100.0) == [Append(tuple(after))]


@pytest.mark.parametrize("missing", [0, 1])
def test_a2_keys_end_a_join_only_when_the_log_reaches_the_join_key(missing: int) -> None:
    world = World()
    world.allow_joining()
    device, head = world.join(), world.log.head
    join_key = JoinKey(
        world.cluster,
        world.named(head.seq)._replace(seq=Seq(head.seq + missing)),
        world.joinkey.seed,
        ("master",),
    )
    joiner = _joiner(world, device, join_key, log=world.replica())
    joiner.start(100.0)
    ring, giver = master(world).ring, Giver(world.master.x25519_private(), head.seq)
    if missing:
        with pytest.raises(ServerRefused, match="does not have this device yet"):
            joiner.took_keys(ring, giver, 100.0)
    else:
        assert Restart("joined") in joiner.took_keys(ring, giver, 100.0)


def test_a_stream_that_breaks_later_is_said_to_have_broken() -> None:
    world = _world()
    serving = master(world)
    serving.silent = True
    joiner = _joiner(world, world.key())
    wires = _start(world, joiner, serving)
    wires.give("joiner", Disconnected(2, "reset"))
    assert joiner.reason == "the stream to the member broke: reset"


def test_a_joiner_leaves_out_addresses_that_it_cannot_read() -> None:
    world = _world()
    joiner = _joiner(world, world.key(), _join_key(world, addresses=("a:b:c]", "a:0", "master")))
    assert Address("master", 3875) in joiner._addresses
    assert len(joiner._addresses) == 2
    assert joiner.status(0.0)["cluster"] == ClusterId(world.cluster).hex()
    assert joiner.status(0.0)["head"]["seq"] == 0
    assert world.log.device_key(DeviceId(bytes(16))) is None


def test_a9_a_server_that_claims_to_have_made_the_device_is_not_believed() -> None:
    world = _world()
    serving = master(world)

    def claim(change: Change, now: float) -> list[Effect]:
        return serving.exchanges.answered(change.id, Answer(APPLIED, Seq(1), ""), now)

    serving.join_requested = claim  # type: ignore[method-assign]  # it lies
    serving.standing = lambda static_public: Standing.MEMBER  # type: ignore[method-assign]  # and lets it in
    joiner = _joiner(world, world.key())
    wires = _start(world, joiner, serving)
    assert joiner.reason == "the log there does not have this device yet"
    assert wires.of("joiner", StoreFile) == []


def test_a_joiner_takes_a_head_for_vouched_only_by_the_leader_of_its_log() -> None:
    world = _world()
    newest = world.log.newest
    assert newest is not None
    assert not _joiner(world, world.key()).vouched(newest)
    assert _joiner(world, world.key(), log=world.replica()).vouched(newest)
    assert not _joiner(world, world.key()).recovers(world.items), "it is in nothing yet"


def test_a6_a_server_that_trickles_does_not_hold_up_a_joiner() -> None:
    world = _world()
    joiner = _joiner(world, world.key())
    joiner.start(100.0)
    client = joiner._client
    assert client is not None
    joiner.handle(Connected(client.conn), 100.0)
    client.receive = lambda frame, now: setattr(client, "deadline", now + STREAM_IDLE_S_MAX)  # type: ignore[method-assign]  # content is no matter here
    now = 100.0
    while joiner._client is client and now < 100.0 + EXCHANGE_S_MAX:
        now += STREAM_IDLE_S_MAX - 1
        joiner.handle(Received(client.conn, bytes(50)), now)
        joiner.handle(Tick(), now)
    assert now < 100.0 + 2 * (ANSWER_S_MAX + STREAM_IDLE_S_MAX)


def test_a_joiner_hands_nothing_to_a_member_even_if_that_leads() -> None:
    """It heard no START: nothing shows it who leads, and a log that names one may be old."""
    world = _world()
    joiner = _joiner(world, world.key(), log=world.replica())
    leads = x25519_public(world.master.public)
    assert joiner.standing(leads) is Standing.MEMBER
    assert not joiner.is_master(leads)


def test_a36_a_joiner_of_an_older_version_says_so_and_blames_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = _world()
    joiner = _joiner(world, world.key(), log=world.replica())
    data = codec.pack((2, "of a later version"))
    digest = labelled_hash(b"dusk.entry", data)
    chain = ChainHash(labelled_hash(b"dusk.chain", world.log.head.chain, digest))
    head = replace(world.log.head, seq=Seq(world.log.head.seq + 1), chain=chain)
    signed = LogItem(ItemKind.HEAD, sign_head(world.master, world.cluster, head, bytes(32)).encode())
    later = [LogItem(ItemKind.ENTRY, codec.pack((data, None))), signed]
    with pytest.raises(NewerVersion, match=f"entry {head.seq} is of a later version"):
        joiner.took(later, 100.0)
    with pytest.raises(UntrustedInput):
        joiner.took(later[:1] * 2, 100.0)
    took = joiner.took
    joiner = _joiner(world, world.key())
    monkeypatch.setattr(joiner, "took", lambda _, now: took(later, now))  # what it meets
    _start(world, joiner, master(world))
    assert joiner.reason.endswith("is of a later version: update this device; until then it stays before")
    assert joiner._back_off._failures[Address("master", 3875)].pause_s == BACK_OFF_S_MIN
