"""Where members are said to be: hints, bounded, of members alone."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk import codec, limits
from dusk.cycle.far_messages import HOST_BYTES_MAX
from dusk.cycle.peers import Peers
from dusk.cycle.whereabouts import (
    SEEK_PAUSE_CYCLES,
    SOUGHT_AT_ONCE,
    TRIES_MAX,
    Whereabouts,
    decode_table,
    encode_table,
    table_from_rows,
)
from dusk.effects import Address
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId
from dusk.limits import ADDRESSES_MAX
from tests.cycle.ring import CYCLE_S, quiet_ring

NEAR = Address("fe80::7%lan", 3875)


def at(number: int) -> Address:
    return Address(f"10.0.{number // 250}.{number % 250 + 1}", 3875)


def scene(size: int = 4) -> tuple[Whereabouts, Peers, list[DeviceId]]:
    peers = quiet_ring(size).master.station.peers
    return Whereabouts(peers), peers, sorted(peer.device_id for peer in peers.others)


@given(st.dictionaries(st.binary(min_size=16, max_size=16), st.integers(0, 5_000), max_size=40))
def test_a_table_is_read_as_it_was_written(found: dict[bytes, int]) -> None:
    rows = tuple((DeviceId(device), at(number)) for device, number in sorted(found.items()))
    assert decode_table(encode_table(rows)) == rows


@pytest.mark.parametrize(
    "rows",
    [
        [[b"a" * 16, "10.0.0.1", 0]],
        [[b"a" * 16, "10.0.0.1", 65536]],
        [[b"a" * 15, "10.0.0.1", 1]],
        [[b"a" * 16, "10.0.0.1"]],
        [[b"a" * 16, "fe80::1%lan", 1]],
        [[b"a" * 16, "router", 1]],
        [[b"b" * 16, "10.0.0.1", 1], [b"a" * 16, "10.0.0.2", 1]],
        [[b"a" * 16, "10.0.0.1", 1], [b"a" * 16, "10.0.0.2", 1]],
        [[number.to_bytes(16, "big"), "10.0.0.1", 1] for number in range(ADDRESSES_MAX + 1)],
        b"",
    ],
)
def test_a17_a_table_of_another_form_is_refused(rows: object) -> None:
    with pytest.raises(UntrustedInput):
        decode_table(codec.pack(rows))  # type: ignore[arg-type]  # bytes are none


def test_a_few_are_asked_in_turn_where_they_were_heard_rather_than_where_they_are_said_to_be() -> None:
    whereabouts, _, devices = scene()
    assert whereabouts.some(2, None) == []
    whereabouts.told([(device, at(number)) for number, device in enumerate(devices)])
    whereabouts.heard(devices[0], NEAR)
    whereabouts.heard(DeviceId(b"a stranger's id."), NEAR)
    rows = [row for _ in range(3) for row in whereabouts.some(1, None)]
    assert dict(rows) == {devices[0]: NEAR, devices[1]: at(1), devices[2]: at(2)}
    assert {device for device, _ in whereabouts.some(4, devices[0])} == set(devices[1:])


def test_only_so_many_are_remembered() -> None:
    whereabouts, _, devices = scene()
    whereabouts.heard(devices[0], NEAR)
    for number in range(ADDRESSES_MAX):
        whereabouts.heard(DeviceId(number.to_bytes(16, "big")), NEAR)
    assert whereabouts.some(1, None) == []
    whereabouts.told(
        (DeviceId(number.to_bytes(16, "big")), at(number)) for number in range(2 * ADDRESSES_MAX)
    )
    assert len(whereabouts._table) == ADDRESSES_MAX
    assert whereabouts.table == ()


def test_who_leads_from_elsewhere_is_remembered_and_asked_if_it_may_lead() -> None:
    whereabouts, peers, devices = scene()
    for where in (at(1), NEAR, at(1), at(2)):
        whereabouts.leads_elsewhere(devices[0], where)
    assert whereabouts.table == ((devices[0], at(2)),)
    assert whereabouts.elsewhere() == ()
    peers.succession = (devices[0],)
    assert whereabouts.elsewhere() == (at(2),)


def test_a15_who_leads_seeks_silent_members_a_few_at_once_ever_more_rarely_and_then_not_at_all() -> None:
    whereabouts, peers, devices = scene()
    assert whereabouts.missing(CYCLE_S, 0.0) == []
    whereabouts.leads_anew(CYCLE_S, 0.0)
    assert not whereabouts.deadline
    whereabouts.told([(device, at(number)) for number, device in enumerate(devices[:2])])
    heard, never_heard, silent = peers.get(devices[0]), peers.get(devices[1]), devices[1]
    assert heard is not None
    assert never_heard is not None
    never_heard.heard_at = None
    asked: list[float] = []
    now = 0.0
    while now < 200 * CYCLE_S:
        heard.heard_at = now
        rows = whereabouts.missing(CYCLE_S, now)
        assert {device for device, _ in rows} <= {silent}
        asked += [now] * len(rows)
        now += CYCLE_S / 10
    assert len(asked) == TRIES_MAX
    pauses = [after - before for before, after in pairwise(asked)]
    assert pauses == sorted(pauses)
    whereabouts.leads_anew(CYCLE_S, now)
    assert [len(whereabouts.missing(CYCLE_S, now + step * CYCLE_S)) for step in (1, 1.3, 1.5, 2.4)] == [
        0,
        1,
        0,
        1,
    ]
    heard.heard_at = never_heard.heard_at = now + 5 * CYCLE_S
    assert whereabouts.missing(CYCLE_S, now + 5 * CYCLE_S) == []
    assert whereabouts.deadline == now + (5 + SEEK_PAUSE_CYCLES) * CYCLE_S


def test_a15_no_more_than_so_many_are_sought_at_once() -> None:
    whereabouts, peers, devices = scene(SOUGHT_AT_ONCE + 5)
    whereabouts.told([(device, at(number)) for number, device in enumerate(devices)])
    for peer in peers.others:
        peer.heard_at = None
    whereabouts.leads_anew(CYCLE_S, 0.0)
    found = [whereabouts.missing(CYCLE_S, 2 * CYCLE_S), whereabouts.missing(CYCLE_S, 2.9 * CYCLE_S)]
    assert [len(rows) for rows in found] == [SOUGHT_AT_ONCE, 0]
    assert len(whereabouts.missing(CYCLE_S, 3.01 * CYCLE_S)) == SOUGHT_AT_ONCE


def test_a6_the_host_in_a_table_has_its_bound() -> None:
    with pytest.raises(UntrustedInput, match="host"):
        table_from_rows([[b"a" * 16, "1" * (HOST_BYTES_MAX + 1), 1]])
    with pytest.raises(UntrustedInput, match="not the address of one device"):
        table_from_rows([[b"a" * 16, "1" * HOST_BYTES_MAX, 1]])


def test_of_those_that_were_heard_the_last_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ADDRESSES_MAX", 2)
    whereabouts, _, devices = scene()
    for device in (*devices[:2], devices[0]):
        whereabouts.heard(device, NEAR)
    assert {device for device, _ in whereabouts.some(4, None)} == set(devices[:2])
    whereabouts.heard(devices[2], NEAR)
    assert {device for device, _ in whereabouts.some(4, None)} == {devices[0], devices[2]}


def test_who_leads_elsewhere_takes_no_other_place_than_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ADDRESSES_MAX", 3)
    whereabouts, _, devices = scene()
    rows = [(device, at(number)) for number, device in enumerate(devices)]
    whereabouts.told(rows)
    whereabouts.leads_elsewhere(devices[0], NEAR)
    assert list(whereabouts.table) == rows, "nobody else could reach it there"
    whereabouts.leads_elsewhere(devices[0], at(9))
    assert list(whereabouts.table) == [(devices[0], at(9)), *rows[1:]]


def test_who_leads_seeks_from_the_moment_on_that_it_said_and_not_each_cycle() -> None:
    whereabouts, peers, devices = scene()
    whereabouts.told([(devices[0], at(1))])
    whereabouts.leads_anew(CYCLE_S, 0.0)
    due_at = whereabouts.deadline
    assert due_at is not None
    for peer in peers.others:
        peer.heard_at = due_at - 10 * CYCLE_S
    asked = [len(whereabouts.missing(CYCLE_S, due_at + cycles * CYCLE_S)) for cycles in (0, 1, 2)]
    assert asked == [1, 1, 0]


def test_where_somebody_answered_or_is_said_to_be_is_known_and_nothing_else() -> None:
    whereabouts, _peers, (one, other, _) = scene()
    whereabouts.heard(one, NEAR)
    whereabouts.told([(other, at(1))])
    assert [whereabouts.has(address) for address in (NEAR, at(1), at(2))] == [True, True, False]
    assert not whereabouts.has(Address(NEAR.host, 1))
    whereabouts.heard(one, at(2))
    whereabouts.told([])
    assert [whereabouts.has(address) for address in (NEAR, at(1), at(2))] == [False, False, True]
