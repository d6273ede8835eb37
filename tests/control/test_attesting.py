"""An owner who commits attests what is due, unasked; what was compacted is said in plain words."""

import pytest

from dusk.errors import Refused
from tests.checkpoints import above, attest, commit
from tests.desk import FakeDesk
from tests.holders import Holders

pytestmark = pytest.mark.usefixtures("small_steps")


@pytest.fixture
def world() -> Holders:
    return Holders()


def test_an_owners_commit_attests_what_is_due_and_nothing_twice(world: Holders) -> None:
    desk = FakeDesk(world)
    commit(world, 20)
    before = world.log.head.seq
    desk.set("policy/office", **{"system.s.x": "a"})
    desk.commit()
    assert world.log.head.seq == before + 2
    assert world.log.checkpoint > 0
    desk.set("policy/office", **{"system.s.x": "b"})
    desk.commit()
    assert world.log.head.seq == before + 3


def test_where_nothing_is_due_a_commit_is_one_entry(world: Holders) -> None:
    desk = FakeDesk(world)
    before = world.log.head.seq
    desk.set("policy/office", **{"system.s.x": "a"})
    desk.commit()
    assert world.log.head.seq == before + 1


def test_what_was_compacted_is_said_and_what_is_kept_is_shown(world: Holders) -> None:
    desk = FakeDesk(world)
    commit(world, 20)
    attest(world)
    seq = world.log.checkpoint
    world.items = above(world.items, seq)
    world.log.give_up(seq)
    assert desk.ask("log.list", count=100)["compacted"] == seq
    with pytest.raises(Refused, match="were compacted") as refused:
        desk.ask("log.show", seq=3)
    assert refused.value.code == "compacted"
    shown = desk.ask("log.show", seq=int(seq) + 1)
    assert shown["compacted"] == seq
    assert desk.ask("log.show", seq=int(seq) + 1)["diff"]
