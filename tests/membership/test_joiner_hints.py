"""Whom a joiner asks of those that call: anybody can."""

import pytest

from dusk.cycle.datagrams import cluster_tag
from dusk.effects import Address, Connect, Datagram, Disconnected, Effect, Tick
from dusk.limits import JOIN_CANDIDATES_MAX
from tests.membership.test_joiner import _join_key, _joiner, _world


@pytest.mark.parametrize(("hosts", "new_a_second"), [(JOIN_CANDIDATES_MAX, 0), (1000, 1)])
def test_a6_a7_hosts_that_take_all_places_do_not_keep_a_joiner_from_a_member_that_calls_each_cycle(
    hosts: int, new_a_second: int
) -> None:
    """Eight that came again as often as they were asked kept it out for good."""
    world = _world()
    joiner = _joiner(world, world.key(), _join_key(world, addresses=()))
    start, member = cluster_tag(world.cluster) + b"\1", Address("10.0.0.1", 3875)
    now, called = 100.0, 0

    def call(host: str) -> list[Effect]:
        return joiner.handle(Datagram(start, Address(host, 3875), None), now)

    def asked(effects: list[Effect]) -> list[Connect]:
        return [effect for effect in effects if isinstance(effect, Connect)]

    effects = [effect for number in range(JOIN_CANDIDATES_MAX) for effect in call(f"10.66.0.{number}")]
    while member not in [connect.to for connect in asked(effects)]:
        assert now < 100.0 + 600.0, "it is never asked"
        again = [effect for connect in asked(effects) for effect in call(connect.to.host)]
        ended = [joiner.handle(Disconnected(connect.conn, "refused"), now) for connect in asked(effects)]
        effects = [*again, *(effect for each in ended for effect in each)]
        now += 1.0
        for _ in range(new_a_second):
            called += 1
            effects += call(f"10.67.0.{called % hosts}")
        effects += call(member.host) if now % 5 == 0 else []
        effects += joiner.handle(Tick(), now)
    assert len(joiner._heard) <= JOIN_CANDIDATES_MAX
