"""Keys of secrets over streams: who is asked, and what an answer is worth."""

import pytest

from dusk.catchup.messages import SecretName, Secrets
from dusk.effects import Effect
from dusk.keys.signing import x25519_public
from tests.streams import Member, Wires, at, master, member
from tests.world import World

NAME = SecretName("policy/wifi", bytes(16))


class Seeker:
    """What a device lacks."""

    sought = (NAME,)

    def __init__(self) -> None:
        self.found: list[Secrets] = []

    def took_secrets(self, found: Secrets, now: float) -> list[Effect]:
        self.found.append(found)
        return []


@pytest.fixture
def pair() -> tuple[Wires, Member, Member]:
    world = World()
    world.allow_joining()
    key = world.join()
    first, second = master(world), member(world, key)
    first.has_secrets = Secrets(((NAME, b"a wrap"),), (at("master"),))
    return Wires({"master": first, "asker": second}), first, second


def test_a_member_is_answered_once_by_who_it_proved_to_be(pair: tuple[Wires, Member, Member]) -> None:
    wires, server, asking = pair
    seeker = Seeker()
    wires.do("asker", asking.exchanges.secrets(at("master"), seeker, wires.now))
    assert seeker.found == [server.has_secrets]
    assert server.sought == [(x25519_public(asking.key.public), (NAME,))]
    assert wires.connected_to == {}


def test_who_is_no_member_is_not_asked(pair: tuple[Wires, Member, Member]) -> None:
    wires, server, asking = pair
    server.key = server.world.key()
    stranger = Member(server.key, server.log, server.items, server.world)
    wires.cores["master"] = stranger
    seeker = Seeker()
    wires.do("asker", asking.exchanges.secrets(at("master"), seeker, wires.now))
    assert "no member" in wires.texts("asker")
    assert (seeker.found, stranger.sought) == ([], [])


def test_a22_who_was_removed_is_told_that_and_no_key(pair: tuple[Wires, Member, Member]) -> None:
    wires, server, asking = pair
    world = server.world
    world.commit(world.edit(f"device/{asking.key.key_id.hex()}", "retired", (True,)))
    seeker = Seeker()
    wires.do("asker", asking.exchanges.secrets(at("master"), seeker, wires.now))
    assert (seeker.found, server.sought) == ([], [])
