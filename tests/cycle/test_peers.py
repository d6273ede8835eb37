"""The members as the log has them, and what is kept of each."""

from dusk.changelog import views
from dusk.cycle.peers import Peers, roster_of
from tests.world import World


def _world() -> World:
    world = World()
    world.allow_joining(uses=5)
    for name in ("a", "b", "c"):
        world.join(name)
    return world


def test_a_states_roster_is_worked_out_once_and_a_member_more_makes_another() -> None:
    world = _world()
    before = roster_of(world.log.state)
    assert before.members == tuple(views.members(world.log.state))
    assert roster_of(world.log.state) is before
    world.join("d")
    after = roster_of(world.log.state)
    assert len(after.members) == len(before.members) + 1
    assert after.members == tuple(views.members(world.log.state))


def test_members_at_some_places_are_those_of_the_log_this_device_included() -> None:
    world = _world()
    peers = Peers(world.master, world.cluster)
    peers.take(roster_of(world.log.state))
    ids = [member.device_id for member in views.members(world.log.state)]
    assert peers.between(range(1, 3)) == set(ids[1:3])
    assert peers.between(range(4)) == set(ids)
    assert peers.own_id in peers.between(range(4))
    assert peers.between(range(3, 9)) == set(ids[3:])
    assert peers.between(range(0)) == set()
