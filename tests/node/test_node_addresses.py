"""Where members are: told to those that may lead, kept across restarts, used by who leads next."""

from collections.abc import Callable

import pytest

from dusk.catchup.messages import Addresses as Table
from dusk.cycle.messages import Kind
from dusk.cycle.whereabouts import FILE, decode_table, encode_table
from dusk.effects import Address, Connect, Effect, SendDatagram, StoreFile
from dusk.ids import DeviceId
from dusk.keys.signing import x25519_public
from dusk.node.addresses import ELSEWHERE_LOOKS, LOOK_S_MIN, STORE_S
from tests.node.site import Box, Site
from tests.node.test_node_elsewhere import CYCLE_S, all_hear, two_links


def two_sites(size: int = 4) -> Site:
    """Return two links whose masters share the first; those of the other know the first master alone."""
    site = two_links(size, 2, holders=2, asks=lambda number: 0 if number >= 2 else None)
    site.until(lambda: all_hear(site), 3 * CYCLE_S)
    site.run(2 * LOOK_S_MIN)
    return site


def written(box: Box) -> list[StoreFile]:
    return [effect for effect in box.effects if isinstance(effect, StoreFile) and effect.name == FILE]


def follow(site: Site, leader: Box) -> bool:
    """Tell whether all that are on hear a leader."""
    return all(
        box.node.fresh(site.now) and box.node.master == leader.node.device_id for box in site.all if box.on
    )


def test_r2_who_takes_over_finds_those_elsewhere_that_know_the_former_master_alone() -> None:
    site = two_sites()
    master, backup, *there = site.all
    rows = dict(backup.node._rooms.station.whereabouts.table)
    assert {box.node.device_id for box in there} <= set(rows)
    assert rows[there[0].node.device_id] == there[0].address
    master.on = False
    site.until(lambda: backup.node.leads, 4 * CYCLE_S)
    site.until(lambda: follow(site, backup), 8 * CYCLE_S)
    backup.commit("over there too")
    site.until(lambda: len(site.heads) == 1, 2 * CYCLE_S)


def test_r12_what_was_learnt_survives_a_restart_and_is_written_once() -> None:
    site = two_sites()
    master, backup, *there = site.all
    assert all(len(written(box)) == 1 for box in site.all)
    assert decode_table(there[0].saved[FILE]) == ((master.node.device_id, master.address),)
    for box in site.all:
        box.effects.clear()
    site.run(30 * LOOK_S_MIN)
    assert not any(written(box) for box in site.all)
    backup.on = False
    site.run(CYCLE_S)
    backup.restart()
    site.run(CYCLE_S)
    master.on = False
    site.until(lambda: backup.node.leads, 4 * CYCLE_S)
    site.until(lambda: follow(site, backup), 8 * CYCLE_S)


def test_r12_a_device_elsewhere_finds_the_master_behind_a_restart_without_a_configured_address() -> None:
    site = two_sites(3)
    lonely = site.all[2]
    lonely.on = False
    site.run(40 * CYCLE_S)
    lonely.contacts = ()
    lonely.restart()
    site.until(lambda: lonely.node.fresh(site.now), 4 * CYCLE_S)


def test_on_one_link_nothing_of_it_is_sent_or_written() -> None:
    site = Site(4, holders=2)
    site.run(3 * LOOK_S_MIN)
    assert not any(written(box) for box in site.all)
    assert not site.master.of(Connect)


def test_r12_what_changes_often_is_written_once_an_hour_and_at_a_stop() -> None:
    site = two_sites()
    backup = site.all[1]
    whereabouts, addresses = backup.node._rooms.station.whereabouts, backup.node._rooms.addresses
    table = whereabouts.table
    backup.effects.clear()
    for number in range(int(2 * STORE_S / LOOK_S_MIN)):
        whereabouts.told([(device, Address("10.9.9.9", number + 1)) for device, _ in table])
        backup.do(addresses.look(backup.node._rooms.exchanges, site.now + number * LOOK_S_MIN))
    assert 1 <= len(written(backup)) <= 2
    (kept,) = backup.node.stop(site.now)
    assert isinstance(kept, StoreFile)
    assert kept.data == encode_table(whereabouts.table)
    assert backup.node.stop(site.now) == []


def test_a_member_that_answers_from_two_addresses_is_noted_with_one_until_it_has_moved() -> None:
    site = two_sites()
    master, member = site.all[0], site.all[3]
    rooms = master.node._rooms
    peer, leader = master.node.peers.get(member.node.device_id), rooms.writing.leader
    assert peer is not None
    assert leader is not None

    def noted(where: Address | None) -> Address:
        peer.address = where
        rooms.addresses._collect(leader, site.now)
        return dict(rooms.station.whereabouts.table)[member.node.device_id]

    other = Address("10.7.7.7", 3875)
    assert [noted(where) for where in (other, member.address, other, other, None)] == [member.address] * 5
    assert [noted(other) for _ in range(ELSEWHERE_LOOKS)][-1] == other


@pytest.mark.parametrize("who", ["a member", "another holder", "a holder that is not for it"])
def test_a12_a_table_is_taken_by_who_may_lead_from_the_master_alone(who: str) -> None:
    site = two_sites()
    master, backup, member = site.all[:3]
    reader = member if who == "a holder that is not for it" else backup
    asker = member if who == "a member" else backup if who == "another holder" else master
    before = reader.node._rooms.station.whereabouts.table
    host = reader.node._rooms.exchanges._host
    row = (DeviceId(b"x" * 16), Address("198.51.100.66", 3875))
    assert not host.took_addresses((row,), x25519_public(asker.node.peers.own.public))
    assert reader.node._rooms.station.whereabouts.table == before


def test_a15_what_a_lying_master_says_of_addresses_brings_each_a_few_questions_and_nothing_more() -> None:
    site = two_sites()
    master, backup, *there = site.all
    victim = Address("198.51.100.66", 3875)
    rows = tuple(sorted((box.node.device_id, victim) for box in there))
    host = backup.node._rooms.exchanges._host
    assert host.took_addresses(rows, x25519_public(master.node.peers.own.public))
    master.on = False
    for box in there:
        box.on = False
    backup.effects.clear()
    site.run(100 * CYCLE_S)
    sent = [e.data for e in backup.effects if isinstance(e, SendDatagram) and e.to == victim]
    assert sent
    assert {Kind(data[8]) for data in sent} == {Kind.ASK}
    assert len(sent) <= 20


def test_a_table_goes_to_nobody_else_at_the_holders_address_and_comes_again() -> None:
    site = two_sites()
    master, backup, member = site.all[:3]
    rooms = master.node._rooms
    got: list[Table] = []
    table = Table(rooms.station.whereabouts.table)
    for box in (member, backup):
        effects = rooms.exchanges.tell(
            box.address,
            table,
            site.now,
            is_whom=lambda public: public == x25519_public(backup.node.peers.own.public),
            delivered=lambda: got.append(table),
        )
        assert len(effects) == 1
        assert rooms.exchanges.tell(box.address, table, site.now, is_whom=bool, delivered=lambda: None) == []
        master.do(effects)
        site.run(1.0)
    assert got == [table]


def test_a_holder_that_was_heard_through_others_alone_is_told_nothing() -> None:
    site = two_sites()
    addresses = site.master.node._rooms.addresses
    holder = next(p for p in site.master.node.peers.holders() if p.device_id != site.master.node.device_id)
    table = Table(site.master.node._rooms.station.whereabouts.table)
    holder.address = None
    assert addresses._tell(site.master.node._rooms.exchanges, holder, table, site.now) == []


def test_a12_a_table_is_for_the_very_holder_that_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    site = two_sites()
    master, backup, member = site.all[:3]
    rooms, asked = master.node._rooms, list[Callable[[bytes], bool]]()

    def tell(*_: object, is_whom: Callable[[bytes], bool], **__: object) -> list[Effect]:
        asked.append(is_whom)
        return []

    monkeypatch.setattr(rooms.exchanges, "tell", tell)
    holder = master.node.peers.get(backup.node.device_id)
    assert holder is not None
    rooms.addresses._tell(rooms.exchanges, holder, Table(rooms.station.whereabouts.table), site.now)
    (is_whom,) = asked
    found = [is_whom(x25519_public(box.node.peers.own.public)) for box in (backup, member)]
    assert found == [True, False]
