"""Questions under a group key that others have no more, or not yet (A28)."""

from dataclasses import replace

import pytest

from dusk import codec
from dusk.changelog.body import Edit
from dusk.changelog.entry import sign_head
from dusk.changelog.log import Log
from dusk.cycle.datagrams import HELLO_DATAGRAM_BYTES
from dusk.cycle.messages import Kind, Pong
from dusk.effects import Connect, Datagram, SendDatagram
from tests.node.site import Box, Site


def test_an_unreadable_hello_is_a_reason_to_ask_where_one_leads_or_hears_nobody_or_it_is_by_who_led() -> None:
    site = Site(3)
    site.run(6.0)
    member = site.all[1]
    sealed = site.master.node._rooms.station.channel.seal_group(Kind.HELLO, b"x")

    def asked(of: Box, by: Box) -> int:
        before, dropped = len(of.of(Connect)), of.node.dropped
        of.give(Datagram(sealed[:9] + bytes(8) + sealed[17:], by.address, None))
        found = len(of.of(Connect)) - before
        assert found + of.node.dropped - dropped == 1, "it is asked, or what came is dropped"
        return found

    assert asked(member, site.all[2]) == 0
    assert [asked(site.master, by) for by in (member, member, site.all[2])] == [1, 0, 1]
    assert [asked(member, site.master), asked(member, site.master)] == [1, 0]
    site.lost = lambda *_: True
    site.run(30.0)
    assert asked(member, site.all[2]) == 1


def test_a28_who_asks_and_was_asked_of_late_is_knocked_at_and_asks_by_a_stream() -> None:
    site = Site(2)
    site.run(6.0)
    master, other = site.master, site.all[1]
    sealed = master.node._rooms.station.channel.seal_group(Kind.HELLO, bytes(1_000))
    unreadable = sealed[:9] + bytes(8) + sealed[17:]

    def knocks() -> list[SendDatagram]:
        sent = [e for e in master.of(SendDatagram) if isinstance(e, SendDatagram)]
        return [e for e in sent if e.data[8] == Kind.HELLO]

    for expected in (0, 1):
        master.give(Datagram(unreadable, other.address, None))
        assert len(knocks()) == expected, "it is asked by a stream the first time"
    (knock,) = knocks()
    assert (len(knock.data), knock.to) == (HELLO_DATAGRAM_BYTES, other.address)
    master.give(Datagram(knock.data, other.address, None))
    assert len(knocks()) == 1, "no knock is answered by one"
    site.lost = lambda *_: True
    site.run(30.0)
    asked = len(other.of(Connect))
    other.give(Datagram(knock.data, master.address, None))
    assert len(other.of(Connect)) == asked + 1


def test_a28_a_writer_whose_disk_is_of_before_a_removal_fetches_what_it_lacks_before_it_leads() -> None:
    site = Site(4)
    site.run(6.0)
    before = Log(site.world.cluster)
    before.extend(site.master.items)
    count = len(site.master.items)
    gone = Edit(f"device/{site.all[3].node.device_id.hex()}", "retired", codec.pack((True,)), None)
    removal = site.world.change(gone)
    site.master.do(site.master.node.submit(removal, site.now))
    site.run(6.0)
    newest = site.all[1].node.log.head
    assert site.all[1].node.log.position_of(removal.id) is not None
    site.master.on = False
    site.run(20.0)
    old = Box(site, site.master.name, site.world.master, before, site.master.items[:count])
    site.boxes[old.name] = old
    old.start()
    site.until(lambda: old.node.leads, within_s=30.0)
    assert old.node.log.chain_at(newest.seq) == newest.chain
    assert not old.node.alarms


@pytest.mark.parametrize("stream", ["none", "asks the former run", "fetches from the former run"])
def test_a28_a_writer_hears_whom_it_let_in_behind_the_end_of_its_old_disk(stream: str) -> None:
    site = Site(2)
    site.run(6.0)
    before, count = Log(site.world.cluster), len(site.master.items)
    before.extend(site.master.items)
    joined = site.let_in("10.0.0.7")
    gone = Edit(f"device/{site.all[1].node.device_id.hex()}", "retired", codec.pack((True,)), None)
    site.all[1].on = False
    site.master.do(site.master.node.submit(site.world.change(gone), site.now))
    site.run(12.0)
    newest = joined.node.log.head
    assert site.master.node.log.head == newest
    if stream != "none":
        exchanges = joined.node._rooms.exchanges
        asks = stream == "asks the former run"
        joined.do(
            joined.node.ask_reports(site.now) if asks else exchanges.catch_up(site.master.address, site.now)
        )
        site.run(0.002)
        assert exchanges.busy(site.master.address)
    old = Box(site, site.master.name, site.world.master, before, site.master.items[:count])
    site.boxes[old.name] = old
    site.run(1.0)
    assert joined.node._rooms.exchanges.busy(old.address) == (stream != "none")
    old.start()
    site.until(lambda: old.node.leads, within_s=30.0)
    assert old.node.log.chain_at(newest.seq) == newest.chain
    assert not old.node.alarms


def test_who_is_about_to_lead_asks_back_who_asks_it_once_a_round() -> None:
    site = Site(2)
    site.run(6.0)
    master, member = site.all
    count = len(master.items)
    site.master.on = False
    log = Log(site.world.cluster)
    log.extend(master.items[:count])
    old = Box(site, master.name, site.world.master, log, master.items[:count])
    site.boxes[old.name] = old
    old.start()
    station = member.node._rooms.station
    peer = station.peers.get(master.node.device_id)
    assert peer is not None

    def asks() -> list[bytes]:
        (asked,) = station.ask(peer, old.address, bytes(8))
        assert isinstance(asked, SendDatagram)
        before = len(old.of(SendDatagram))
        old.give(Datagram(asked.data, member.address, None))
        sent = old.of(SendDatagram)[before:]
        return [e.data[8:9] for e in sent if isinstance(e, SendDatagram)]

    assert Kind.ASK in [kind[0] for kind in asks()]
    assert Kind.ASK not in [kind[0] for kind in asks()]
    site.until(lambda: old.node.leads, within_s=30.0)
    assert Kind.ASK not in [kind[0] for kind in asks()]


@pytest.mark.parametrize(
    ("raised", "asked"),
    [((0, 0, 0), 0), ((1, 0, 0), 1), ((0, 1, 0), 1), ((0, 0, 1), 1)],
    ids=["as high", "a recovery", "a forced role", "a later epoch"],
)
def test_who_leads_asks_a_member_whose_head_by_no_holder_may_stand_before_its_own(
    raised: tuple[int, int, int], asked: int
) -> None:
    site = Site(3)
    site.run(6.0)
    master, member, third = site.all
    head, (generation, mandate, epoch) = master.node.log.head, raised
    head = replace(
        head,
        generation=head.generation + generation,
        mandate=head.mandate + mandate,
        epoch=head.epoch + epoch,
    )
    signed = sign_head(third.key, site.world.cluster, head, bytes(32))
    channel, peer = member.node._rooms.station.channel, member.node.peers.get(master.node.device_id)
    assert peer is not None
    pong = channel.seal_to(peer, Kind.PONG, Pong(None, 0, None, signed).encode())
    before, dropped = len(master.of(Connect)), master.node.dropped
    master.give(Datagram(pong, member.address, None))
    assert len(master.of(Connect)) - before == asked
    assert master.node.dropped - dropped == 1 - asked
