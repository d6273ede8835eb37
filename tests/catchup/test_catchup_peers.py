"""Whose static key that is, by the state that is asked about."""

from dusk.catchup.host import Standing
from dusk.catchup.peers import Peers
from dusk.changelog.state import State
from dusk.keys.signing import x25519_public
from tests.world import World


def test_an_index_over_one_state_says_nothing_about_another() -> None:
    world = World()
    peers, public = Peers(), x25519_public(world.master.public)
    assert peers.standing(world.log.state, public) is Standing.MEMBER
    empty = State()
    empty.members_version = world.log.state.members_version
    assert peers.standing(empty, public) is Standing.STRANGER
