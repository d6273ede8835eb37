"""Whole nodes on two links with a routed way between them: found, served and heard by unicast."""

from collections.abc import Callable

from dusk.cycle.far_messages import Repeat
from dusk.cycle.messages import Kind
from dusk.effects import Address, Connect, Datagram, Effect, SendDatagram
from tests.node.site import LAN, Site

CYCLE_S = 5.0


def two_links(size: int, here: int, *, holders: int = 1, asks: Callable[[int], int | None]) -> Site:
    """Return devices of which the first few share a link, and the others another.

    Args:
        size: how many in all.
        here: how many on the first link, the master's.
        holders: see `Site`.
        asks: number of a device → number of the one that its settings name, or None.
    """
    site = Site(size, holders=holders)
    side = {box.name: number < here for number, box in enumerate(site.all)}
    site.share_a_link = lambda one, other: side[one] == side[other]
    for number, box in enumerate(site.all):
        whom = asks(number)
        box.contacts = () if whom is None else (Address(f"10.0.0.{whom}", 3875),)
        box.restart()
    return site


def all_hear(site: Site) -> bool:
    return all(box.node.fresh(site.now) and box.node.master == site.master.node.device_id for box in site.all)


def test_a_device_elsewhere_finds_the_master_at_its_configured_address_and_follows() -> None:
    site = two_links(3, 2, asks=lambda number: 0 if number == 2 else None)
    site.until(lambda: all_hear(site), 3 * CYCLE_S)
    site.master.commit("one")
    site.until(lambda: len(site.heads) == 1, CYCLE_S)
    site.run(10 * CYCLE_S)
    assert all_hear(site)


def test_a_device_elsewhere_finds_the_master_through_any_member() -> None:
    site = two_links(3, 2, asks=lambda number: 1 if number == 2 else None)
    site.until(lambda: all_hear(site), 3 * CYCLE_S)


def test_a_device_that_was_off_catches_up_over_the_routed_way() -> None:
    site = two_links(3, 2, asks=lambda number: 1 if number == 2 else None)
    site.all[2].on = False
    site.run(3 * CYCLE_S)
    for number in range(5):
        site.master.commit(str(number))
        site.run(1.0)
    site.all[2].restart()
    site.until(lambda: len(site.heads) == 1, 3 * CYCLE_S)


def test_a_backup_elsewhere_takes_over_and_hears_the_master_again_when_the_way_is_there_again() -> None:
    site = two_links(4, 2, holders=3, asks={2: 0, 3: 1}.get)
    here, there = site.all[:2], site.all[2:]
    site.until(lambda: all_hear(site), 3 * CYCLE_S)
    site.part(here, there)
    site.until(lambda: there[0].node.leads, 10 * CYCLE_S)
    there[0].commit("there")
    here[0].commit("here")
    site.run(CYCLE_S)
    site.heal()
    site.until(lambda: len(site.leaders) == 1 and len(site.heads) == 1, 40 * CYCLE_S)


def test_a44_who_opens_an_epoch_asks_where_it_heard_somebody_lately() -> None:
    site = two_links(2, 1, holders=2, asks={0: 1, 1: 0}.get)
    site.until(lambda: all_hear(site), 3 * CYCLE_S)
    asked: list[str] = []

    def listen(sender: str, to: str, data: bytes) -> bool:
        if Kind(data[8]) is Kind.HELLO and site.all[1].node.leads:
            asked.append(to)
        return False

    site.lost = listen
    site.all[0].on = False
    site.until(lambda: site.all[1].node.leads, 4 * CYCLE_S)
    site.run(0.1)
    assert asked == [site.all[0].name]


def test_who_leads_fetches_the_branch_of_another_leader_that_only_a_repeat_tells_of() -> None:
    site = Site(3, holders=3)
    site.run(2 * CYCLE_S)
    alone, other, member = site.all
    site.part([alone], [other, member])
    site.until(lambda: other.node.leads and other.node.log.head == member.node.log.head, 10 * CYCLE_S)
    for value in "abc":
        other.commit(value)
        site.run(CYCLE_S)
    alone.commit("alone")
    site.lost = lambda sender, to, _: alone.name in (sender, to)
    site.heal()
    leader = other.node._rooms.writing.leader
    assert leader is not None
    start = leader._sign(other.node.log.head, site.now)
    repeat = Repeat(member.node.device_id, start.encode()).encode()
    data = member.node._rooms.station.channel.seal_group(Kind.REPEAT, repeat)
    alone.effects.clear()
    alone.give(Datagram(data, member.address, LAN[0]))
    assert [effect.to for effect in alone.effects if isinstance(effect, Connect)] == [member.address]
    assert alone.node._rooms.follower._intake.behind_at is None, "its PONGs count"
    site.lost = lambda *_: False
    site.until(lambda: len(site.heads) == 1, 4 * CYCLE_S)


# --- several devices elsewhere: one of them repeats STARTs, and carries the answers ----------------


def served_by_a_relay() -> tuple[Site, list[tuple[str, str, Kind]]]:
    """Return two links that have found their places, and what is sent from then on: from, to, kind."""
    site = two_links(6, 2, asks=lambda number: 0 if number >= 2 else None)
    site.run(12 * CYCLE_S)
    sent: list[tuple[str, str, Kind]] = []

    def listen(sender: str, to: str, data: bytes) -> bool:
        sent.append((sender, to, Kind(data[8])))
        return False

    site.lost = listen
    return site, sent


def test_several_devices_elsewhere_are_served_by_one_of_them_and_their_answers_come_in_bundles() -> None:
    site, sent = served_by_a_relay()
    here, there = site.all[:2], site.all[2:]
    site.run(5 * CYCLE_S)
    relay = min(there, key=lambda box: box.node.device_id)
    names = {box.name for box in there}
    assert {to for _, to, kind in sent if kind is Kind.RELAY} == {relay.name}
    assert {sender for sender, _, kind in sent if kind is Kind.REPEAT} == {relay.name}
    assert {sender for sender, to, kind in sent if to == site.master.name and sender in names} == {relay.name}
    assert all_hear(site)
    site.all[3].commit("there")
    site.until(lambda: len(site.heads) == 1, CYCLE_S)
    heard = [peer.heard_at for peer in site.master.node.peers.others]
    assert all(at is not None and site.now - at <= 2 * CYCLE_S for at in heard)
    assert len(heard) == len(here) + len(there) - 1


def test_a44_an_answer_that_its_carrier_spoilt_is_dropped_and_those_beside_it_stand() -> None:
    site, _ = served_by_a_relay()
    relay, victim, *others = sorted(site.all[2:], key=lambda box: box.node.device_id)
    repeater = relay.node._rooms.follower.repeater
    flush = repeater._flush

    def hostile() -> list[Effect]:
        answers, device = repeater._answers, victim.node.device_id
        if device in answers:
            answers[device] = answers[device][:-1] + bytes((answers[device][-1] ^ 1,))
        return flush()

    repeater._flush = hostile  # type: ignore[method-assign]  # the hostile device
    before, began = site.master.node.dropped, site.now
    site.run(2 * CYCLE_S)
    assert site.master.node.dropped > before
    for box in (relay, *others):
        peer = site.master.node.peers.get(box.node.device_id)
        assert peer is not None
        assert peer.heard_at is not None
        assert peer.heard_at > began


def test_addresses_that_the_settings_name_anew_are_asked_at_once_and_others_no_more() -> None:
    site = two_links(3, 2, asks=lambda _: None)
    site.run(10 * CYCLE_S)
    lonely = site.all[2]
    assert not lonely.node.fresh(site.now)
    lonely.do(lonely.node.set_contacts((site.master.address,), site.now))
    site.until(lambda: all_hear(site), CYCLE_S)
    lonely.effects.clear()
    lonely.do(lonely.node.set_contacts((), site.now))
    lonely.do(lonely.node.set_contacts((), site.now))
    assert lonely.node._rooms.station.contacts.addresses == ()
    assert not lonely.of(SendDatagram)


def test_who_leads_finds_a_device_elsewhere_at_an_address_that_its_own_settings_name_anew() -> None:
    site = two_links(3, 2, asks=lambda _: None)
    site.run(10 * CYCLE_S)
    master, lonely = site.all[0], site.all[2]
    master.do(master.node.set_contacts((lonely.address,), site.now))
    site.until(lambda: all_hear(site), 3 * CYCLE_S)
