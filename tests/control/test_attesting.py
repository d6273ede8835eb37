"""An owner who commits attests what is due, unasked; what was compacted is said in plain words."""

from collections.abc import Mapping

import pytest

from dusk.changelog.attesting import IN_FORCE, due
from dusk.changelog.body import Change
from dusk.control.desk import Json
from dusk.errors import DuskError, Refused, StorageError
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


METHODS: Mapping[str, Json] = {
    "joinkey.create": {"uses": 3},
    "role.master": {"device": "kitchen"},
    "role.backups": {"devices": ["kitchen"]},
    "role.force": {},
}


@pytest.mark.parametrize("method", METHODS)
def test_whatever_an_owner_signs_and_hands_in_attests_what_is_due(world: Holders, method: str) -> None:
    desk = FakeDesk(world)
    commit(world, 20)
    before = world.log.head.seq
    assert desk.do(method, **METHODS[method], timeout_s=1.0)["ticket"] is not None
    assert world.log.head.seq == before + 2
    assert world.log.state.derived(IN_FORCE) > 0
    assert due(world.log.state, world.owner.key_id, world.log.head.seq, world.log.settled) is None


def test_who_decides_a_conflict_attests_what_is_due(world: Holders) -> None:
    desk = FakeDesk(world)
    late = world.change(world.set("office", "system.s.x", "theirs"), counter=50)
    world.commit(world.set("office", "system.s.x", "ours"))
    lost = world.strand(late)
    commit(world, 20)
    assert lost.change is not None
    desk.do("conflict.resolve", id=lost.change.hex(), take="B", timeout_s=1.0)
    assert world.log.checkpoint > 0


def test_a_role_that_was_signed_elsewhere_is_handed_in_without_anybodys_attestation(world: Holders) -> None:
    desk = FakeDesk(world)
    commit(world, 20)
    line = desk.do("role.force", collect=True, timeout_s=1.0)["line"]
    before = world.log.head.seq
    desk.ask("role.submit", line=line, timeout_s=1.0)
    assert (world.log.head.seq, world.log.checkpoint) == (before + 1, 0)


class FullDesk(FakeDesk):
    """Has room for so many changes."""

    room = 1
    why: DuskError = Refused("outbox-full", "changes wait for the master; nothing was kept")

    def submit(self, change: Change, timeout_s: float, answer: Json) -> str:
        if not self.room:
            raise self.why
        self.room -= 1
        return super().submit(change, timeout_s, answer)


@pytest.mark.parametrize("why", [FullDesk.why, StorageError("no room")], ids=["outbox", "disk"])
def test_a_commit_stands_though_nothing_could_be_attested_with_it_and_the_next_one_attests(
    world: Holders, why: DuskError
) -> None:
    desk = FullDesk(world)
    desk.why = why
    commit(world, 20)
    before = world.log.head.seq
    desk.set("policy/office", **{"system.s.x": "a"})
    assert desk.commit()["seq"] == before + 1
    assert (world.log.head.seq, world.log.checkpoint) == (before + 1, 0)
    assert due(world.log.state, world.owner.key_id, before + 1, world.log.settled) is not None
    desk.room = 2
    desk.set("policy/office", **{"system.s.x": "b"})
    desk.commit()
    assert world.log.checkpoint > 0


def test_of_what_decided_a_conflict_only_its_position_is_known_once_it_was_compacted(world: Holders) -> None:
    desk = FakeDesk(world)
    late = world.change(world.set("office", "system.s.x", "theirs"), counter=50)
    decided = world.commit(world.set("office", "system.s.x", "ours")).seq
    commit(world, 20)
    attest(world)
    world.strand(late)
    (row,) = desk.ask("conflict.list")["conflicts"]
    assert row["records"][0]["by"]["author"] == "alice"
    world.items = above(world.items, world.log.checkpoint)
    world.log.give_up(world.log.checkpoint)
    (row,) = desk.ask("conflict.list")["conflicts"]
    (record,) = row["records"]
    nobody = {"time": 0, "time_trusted": False, "author": "", "device": "", "message": ""}
    assert record["by"] == {"seq": decided, **nobody}
    assert (record["a"], record["b"]) == ("'ours'", "'theirs'")


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
