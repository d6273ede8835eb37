"""Attacks on whole clusters of nodes, in virtual time: what any one room refuses is refused everywhere."""

from collections.abc import Sequence

import pytest

from dusk import codec
from dusk.changelog import fold, log
from dusk.changelog.body import Change, Edit
from dusk.changelog.entry import APPLIED, Stamp
from dusk.changelog.sections import device_path
from dusk.changelog.state import DerivedWrite, State, counter_key
from dusk.changelog.verdict import Verdict
from dusk.config.device import managed_config, options_of
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.cycle import messages
from dusk.cycle.datagrams import Opened, without_name
from dusk.cycle.far_messages import Repeat, encode_bundle
from dusk.cycle.messages import Kind
from dusk.cycle.questions import Forward, Refer
from dusk.daemon.inbox import Inbox
from dusk.effects import (
    Address,
    Append,
    Datagram,
    SendDatagram,
    SendMulticast,
    StoreFile,
    Tick,
    WriteFiles,
)
from dusk.keys.signing import SigningKey
from dusk.limits import INBOX_BATCH_MAX, INBOX_DATAGRAMS_MAX, OUTBOX_MAX
from tests.node import site as site_module
from tests.node.site import Box, Site, listening
from tests.world import World

OUTSIDE = Address("192.0.2.66", 3875)
WRITES = (Append, StoreFile)


def _site() -> Site:
    site = Site(3)
    site.run(6.0)
    return site


def _heads(site: Site) -> set[object]:
    return {box.node.log.head for box in site.all}


def _set(site: Site, value: str, **by: SigningKey | Sequence[SigningKey] | int) -> Change:
    edit = site.world.set("wifi", "wireless.a.ssid", value)
    return site.world.change(edit, **by)  # type: ignore[arg-type]  # the keywords are those of World.change


# --- A1: arbitrary content ----------------------------------------------------------------------


def _forbidden(site: Site) -> dict[str, Change]:
    """Return changes that nobody may write: by whom, and what is wrong with them."""
    world, member = site.world, site.all[2].key
    stranger, other = world.key(), device_path(site.all[1].key.key_id)
    good, moved = _set(site, "good"), _set(site, "y", counter=99)
    facts = Edit(f"{other}/facts", "board", codec.pack(["x"]), None)
    return {
        "unsigned": Change(good.body_bytes, (), good.values),
        "by a stranger": _set(site, "x", signers=(stranger,)),
        "by a device": _set(site, "x", signers=(member,), device=member),
        "by a device for another device": world.change(facts, signers=(member,), device=member),
        "by a join key": _set(site, "x", signers=(world.joinkey,), device=member),
        "signed for another change": Change(moved.body_bytes, good.signatures, moved.values),
    }


FORBIDDEN = tuple(_forbidden(_site()))


def _refused_by_all(site: Site, change: Change) -> None:
    for box in site.all:
        assert box.node.log.position_of(change.id) is None
        assert box.node.log.state.record("policy/wifi", "set/wireless.a.ssid") is None
    assert len(_heads(site)) == 1


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a1_what_nobody_may_write_is_refused_by_datagram_and_by_stream_at_master_and_member(
    what: str,
) -> None:
    site = _site()
    change = _forbidden(site)[what]
    liar = site.all[2]
    for victim in site.all[:2]:
        peer = liar.node.peers.get(victim.node.device_id)
        assert peer is not None
        submit = liar.node._rooms.station.channel.seal_to(
            peer, Kind.SUBMIT, messages.encode_submit(change.encode())
        )
        victim.give(Datagram(submit, liar.address, None))
        victim.do(victim.node._rooms.writing.on_stream(change, site.now))
        site.run(3.0)
    _refused_by_all(site, change)


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a1_what_a_hijacked_master_writes_is_refused_live_and_in_catch_up(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = _site()
    change = _forbidden(site)[what]
    (before,) = _heads(site)
    with monkeypatch.context() as hijacked:
        hijacked.setattr(log.Log._make, "__defaults__", (_anything,))
        site.master.do(site.master.node._rooms.writing.queue(change, b"", site.now))
        site.master.do(site.master.node._rooms.writing.tick(site.now))
    site.run(60.0)
    assert site.master.node.log.position_of(change.id) is not None
    assert {box.node.log.head for box in site.all[1:]} == {before}
    assert all(box.node.dropped or box.node._rooms.exchanges.refused for box in site.all[1:])


def _anything(_state: State, change: Change, _stamp: Stamp, _verified: object) -> Verdict:
    """Judge as somebody who wants it written."""
    counter = DerivedWrite(counter_key(change.body.author, change.body.device), change.body.counter)
    return Verdict(APPLIED, fold.writes_of(change), (counter,))


# --- A4: mix and match --------------------------------------------------------------------------


def _pair(world: World, value: str) -> Change:
    """Return a change that says one value in two policies."""
    return world.change(*(world.set(policy, f"wireless.a.{policy}", value) for policy in ("one", "two")))


def _assign_both(world: World) -> None:
    world.commit(world.set("one", "wireless.a.one", "0"), world.set("two", "wireless.a.two", "0"))
    world.commit(*(world.edit(f"assignment/{policy}", "to", ("all", [], 1)) for policy in ("one", "two")))


def test_a4_what_one_change_says_in_two_sections_is_applied_together_or_not_at_all() -> None:
    site = Site(3, _assign_both)
    site.lost = lambda _from, _to, _data: site.world.random.random() < 0.2
    for box in site.all:
        box.files["wireless"] = b"config wifi-iface a\n"
    for value in "123":
        change = _pair(site.world, value)
        site.master.do(site.master.node.submit(change, site.now))
        site.run(40.0)
    for box in site.all:
        written = [e.files["wireless"][1].decode() for e in box.of(WriteFiles) if isinstance(e, WriteFiles)]
        assert written
        for text in written:
            values = [line.split()[-1] for line in text.splitlines() if "option" in line]
            assert len(values) == 2
            assert len(set(values)) == 1, text


# --- A8: wrong target ---------------------------------------------------------------------------


def test_a8_the_config_of_one_device_is_that_of_no_other() -> None:
    site = _site()
    first, second = site.all[1:]
    section = f"{device_path(first.key.key_id)}/config"
    value = encode_setting(Setting(Verb.SET, ("mine",), 0))
    change = site.world.change(Edit(section, "set/wireless.a.ssid", value, None))
    site.master.do(site.master.node.submit(change, site.now))
    site.run(10.0)
    state = site.master.node.log.state
    assert options_of(managed_config(state, first.node.device_id))
    assert not options_of(managed_config(state, second.node.device_id))


def test_a8_datagrams_of_another_cluster_reach_nothing() -> None:
    here, there = _site(), _site_of_another_cluster()
    victim = here.all[1]
    heard: list[bytes] = []
    there.lost = listening(heard)
    there.run(11.0)
    assert heard
    victim.effects.clear()
    for data in heard:
        victim.give(Datagram(data, OUTSIDE, None))
    assert victim.effects == []


def _site_of_another_cluster() -> Site:
    with pytest.MonkeyPatch.context() as other:
        other.setattr(site_module, "World", lambda: World(2))
        return Site(2)


# --- A15: amplification -------------------------------------------------------------------------


def _spoken(box: Box, data: bytes, source: Address, now: float) -> list[bytes]:
    effects = box.core.handle(Datagram(data, source, None), now)
    return [effect.data for effect in effects if isinstance(effect, SendDatagram | SendMulticast)]


def _recorded(site: Site) -> dict[int, bytes]:
    """Return a datagram of each kind, as it went over the wire."""
    found: dict[int, bytes] = {}
    starts: list[bytes] = []

    def listen(_from: str, _to: str, data: bytes) -> bool:
        found.setdefault(data[8], data)
        starts.extend([data] if data[8] == Kind.START else [])
        return False

    site.lost = listen
    site.run(6.0)
    change = _set(site, "Home", device=site.all[1].key)
    site.all[1].do(site.all[1].node.submit(change, site.now))
    for victim in site.all[:2]:
        (hello,) = site.all[2].node._rooms.station.hello(b"h" * 8)
        assert isinstance(hello, SendMulticast)
        found.setdefault(hello.data[8], hello.data)
        peer = site.all[2].node.peers.get(victim.node.device_id)
        assert peer is not None
        (ask,) = site.all[2].node._rooms.station.ask(peer, victim.address, b"c" * 8)
        assert isinstance(ask, SendDatagram)
        found.setdefault(ask.data[8], ask.data)
        victim.give(Datagram(ask.data, site.all[2].address, None))
    site.run(6.0)
    site.lost = lambda *_: False
    return found | _between_networks(site, starts[-1], found[Kind.RESPOND])


def _between_networks(site: Site, start: bytes, respond: bytes) -> dict[int, bytes]:
    """Return a datagram of each kind that only other networks need, sealed as they would be.

    Args:
        site: of a master, who relays, and a member.
        start: the newest.
        respond: a member's answer.
    """
    master, relay, member = site.all
    opened = member.node._rooms.station.channel.open(start, master.address)
    assert isinstance(opened, Opened)
    asker, opened_nonce = relay.node.device_id, messages.decode_start(opened.plaintext).rest.nonce
    to_master = {
        Kind.FORWARD: Forward(b"c" * 8, asker, opened_nonce).encode(),
        Kind.RELAYED: bytes(200),
        Kind.REFER: Refer(b"c" * 8, asker, relay.address, opened_nonce).encode(),
        Kind.BUNDLE: encode_bundle([without_name(respond)]),
    }
    sealed = {int(kind): _sealed(member, master, kind, plaintext) for kind, plaintext in to_master.items()}
    repeat = Repeat(asker, opened.plaintext).encode()
    sealed[Kind.RELAY] = _sealed(master, relay, Kind.RELAY, opened.plaintext)
    sealed[Kind.REPEAT] = relay.node._rooms.station.channel.seal_group(Kind.REPEAT, repeat)
    return sealed


def _sealed(box: Box, to: Box, kind: Kind, plaintext: bytes) -> bytes:
    peer = box.node.peers.get(to.node.device_id)
    assert peer is not None
    return box.node._rooms.station.channel.seal_to(peer, kind, plaintext)


def test_a15_what_does_not_authenticate_is_never_answered_by_udp_whatever_kind_it_says_it_is() -> None:
    site = _site()
    recorded = _recorded(site)
    assert set(recorded) == {int(kind) for kind in Kind}
    for data in recorded.values():
        for place in (*range(9, len(data), 7), len(data) - 1):
            changed = data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]
            for box in site.all:
                assert _spoken(box, changed, OUTSIDE, site.now) == []
        for box in site.all:
            assert _spoken(box, data[:-1], OUTSIDE, site.now) == []


STANDS_FOR = {int(Kind.RELAY): int(Kind.REPEAT)}
"""A kind whose answer may be a little longer: for a whole link."""


@pytest.mark.parametrize("times", [1, 50])
def test_a15_replayed_datagrams_bring_a_spoofed_address_less_than_they_cost(times: int) -> None:
    site = _site()
    recorded = _recorded(site)
    for kind, data in recorded.items():
        for box in site.all:
            said = [one for _ in range(times) for one in _spoken(box, data, OUTSIDE, site.now)]
            spent = max(times * len(data), len(recorded.get(STANDS_FOR.get(kind, 0), b"")))
            assert sum(map(len, said)) <= spent, f"kind {kind} at {box.name}"


@pytest.mark.parametrize("times", [1, 20])
def test_a15_the_newest_start_replayed_brings_a_spoofed_address_less_from_each_member_than_it_cost(
    times: int,
) -> None:
    site = _site()
    heard: list[bytes] = []
    site.lost = listening(heard)
    site.run(5.0)
    start = [data for data in heard if data[8] == Kind.START][-1]
    for box in site.all:
        box.effects.clear()
    for _ in range(times):
        for box in site.all:
            box.give(Datagram(start, OUTSIDE, None))
        site.run(0.1)
    site.run(15.0)
    for box in site.all:
        said = [e.data for e in box.of(SendDatagram) if isinstance(e, SendDatagram) and e.to == OUTSIDE]
        assert sum(map(len, said)) <= times * len(start)
        assert len(said) <= 4


# --- A38: bursts --------------------------------------------------------------------------------


async def test_a38_a_burst_of_datagrams_fills_its_own_lane_and_no_other() -> None:
    inbox = Inbox()
    for number in range(INBOX_DATAGRAMS_MAX + 500):
        inbox.offer(Datagram(number.to_bytes(2, "big"), OUTSIDE, None))
    inbox.put(Tick())
    assert inbox.dropped == 500
    taken = inbox.take()
    assert taken[0] == Tick()
    assert len(taken) == 1 + INBOX_BATCH_MAX


def test_a38_a_cluster_converges_behind_a_burst_of_its_own_traffic() -> None:
    site = _site()
    heard: list[bytes] = []
    site.lost = listening(heard)
    change = _set(site, "Home")
    site.master.do(site.master.node.submit(change, site.now))
    site.run(6.0)
    for data in heard * 5:
        for box in site.all:
            box.give(Datagram(data, OUTSIDE, None))
    site.run(12.0)
    assert len(_heads(site)) == 1
    assert all(box.node.log.position_of(change.id) for box in site.all)


# --- A43: two devices of one user ---------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("policies", [("wifi", "other"), ("wifi", "wifi")])
def test_a43_two_devices_of_one_user_commit_at_once_and_both_get_their_outcome(
    order: tuple[int, int], policies: tuple[str, str]
) -> None:
    site = _site()
    places = site.all[1:]
    owner = site.world.owner
    changes = []
    for policy, box in zip(policies, places, strict=True):
        edit = site.world.set(policy, "wireless.a.ssid", box.name)
        counter = box.node.next_counter(owner.key_id)
        changes.append(site.world.change(edit, device=box.key, counter=counter))
    late = places[order[1]]
    site.lost = lambda sender, _to, _data: sender == late.name
    for number in order:
        places[number].do(places[number].node.submit(changes[number], site.now))
    site.until(lambda: site.master.node.log.position_of(changes[order[0]].id) is not None, 60.0)
    site.lost = lambda *_: False
    site.until(lambda: all(site.master.node.log.position_of(c.id) is not None for c in changes), 120.0)
    site.run(12.0)
    first, second = (site.master.node.log.outcome_of(changes[number].id) for number in order)
    assert first == APPLIED
    assert (second == APPLIED) == (policies[0] != policies[1])
    assert len(_heads(site)) == 1
    for number, box in enumerate(places):
        assert box.node.progress(changes[number].id) is not None
        assert box.node.waiting_changes() == ()


# --- A54: junk ----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1])
def test_a54_junk_without_end_is_written_nowhere_at_the_master_or_at_a_member(place: int) -> None:
    site = _site()
    victim, liar = site.all[place], site.all[2]
    peer = liar.node.peers.get(victim.node.device_id)
    assert peer is not None
    changes = list(_forbidden(site).values())
    for box in site.all:
        box.effects.clear()
    before = _heads(site)
    for number in range(3 * OUTBOX_MAX):
        change = changes[number % len(changes)]
        junk = _set(site, str(number), counter=1000 + number, signers=(liar.key,), device=liar.key)
        for one in (change, junk):
            submit = liar.node._rooms.station.channel.seal_to(
                peer, Kind.SUBMIT, messages.encode_submit(one.encode())
            )
            victim.give(Datagram(submit, liar.address, None))
            victim.do(victim.node._rooms.writing.on_stream(one, site.now))
        site.run(0.02)
    site.run(12.0)
    assert not [effect for box in site.all for effect in box.effects if isinstance(effect, WRITES)]
    assert _heads(site) == before
