"""Roles that owners force: made at once, or collected in a line that several sign."""

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from dusk.changelog import views
from dusk.changelog.body import Change
from dusk.control.forced import ARMOUR, COUNTERS_SKIPPED, line_of, read_line
from dusk.errors import Refused
from dusk.keys.signing import SigningKey
from tests.control.test_role_methods import all_seen, freeze, seen
from tests.desk import FakeDesk, Person
from tests.holders import Holders, id_of


class Three(Holders):
    """A cluster with three who may lead; its desk is the kitchen's, and the attic is gone."""

    def __init__(self, *, quorum: int = 1) -> None:
        super().__init__()
        self.bob = self.key()
        self.succeed(self.master, self.kitchen, self.garage)
        self.commit(self.edit("trust", "owner/bob", [self.bob.public]))
        if quorum > 1:
            self.commit(self.edit("trust", "quorum", [quorum]))
        self.device_id = id_of(self.kitchen)
        self.leading = self.kitchen


@pytest.fixture
def world() -> Three:
    return Three()


@pytest.fixture
def desk(world: Three) -> FakeDesk:
    return desk_of(world)


def desk_of(world: Three) -> FakeDesk:
    desk = FakeDesk(world)
    desk.people["token-bob"] = Person("bob", world.bob)
    desk.people["token-eve"] = Person("eve", world.garage)
    all_seen(desk, world)
    seen(desk, world.master, head=3, online=False)
    return desk


def refusal(desk: FakeDesk, method: str, **params: Any) -> str:
    with pytest.raises(Refused) as caught:
        desk.ask(method, **params)
    return caught.value.code


def holders(world: Three) -> tuple[SigningKey, ...]:
    keys = {id_of(k): k for k in (world.master, world.kitchen, world.garage)}
    return tuple(keys[d] for d in views.succession(world.log.state))


def test_an_owner_forces_a_role_and_who_is_not_heard_drops_out(desk: FakeDesk, world: Three) -> None:
    started = desk.do("role.force")
    assert started["text"] == "kitchen leads, then garage"
    (note,) = started["notes"]
    assert note.startswith("attic may lead no longer and is not waited for; when it comes back it follows")
    assert (world.log.leader, world.log.head.mandate) == (id_of(world.kitchen), 1)
    assert holders(world) == (world.kitchen, world.garage)
    assert desk.do("role.force")["notes"] == []
    assert world.log.head.mandate == 2


def test_an_owner_says_who_follows_in_a_forced_succession(desk: FakeDesk, world: Three) -> None:
    assert desk.do("role.force", backups=["attic"])["text"] == "kitchen leads, then attic"
    assert desk.do("role.force", backups=[])["text"] == "kitchen leads, and nobody takes over"
    desk.do("role.force", backups=["attic", "garage"])
    (note,) = desk.do("role.force", backups=[])["notes"]
    assert note.startswith(
        "attic, garage may lead no longer and are not waited for; when they come back they"
    )
    for backups, code in ((["kitchen"], "bad-succession"), (["cellar"], "no-device")):
        assert refusal(desk, "role.force", token="token-alice", backups=backups) == code
    assert refusal(desk, "role.force", token="token-eve") == "missing-signatures"


def test_a_forced_role_takes_the_mark_from_frozen_devices_that_it_names(desk: FakeDesk, world: Three) -> None:
    world.leading = world.master
    freeze(world, world.kitchen)
    freeze(world, world.garage)
    world.leading = world.kitchen
    desk.do("role.force")
    assert holders(world) == (world.kitchen,)
    assert world.log.may_lead(id_of(world.kitchen))
    desk.do("role.force", backups=["garage"])
    assert world.log.may_lead(id_of(world.garage))


def test_two_owners_sign_a_role_one_after_the_other_and_then_it_counts() -> None:
    world = Three(quorum=2)
    desk = desk_of(world)
    assert refusal(desk, "role.force", token="token-alice") == "more-signatures"
    made = desk.do("role.force", collect=True)
    assert (made["signed"], made["missing"], made["leads"]) == (["alice"], 1, "kitchen")
    assert made["succession"] == ["kitchen", "garage"]
    assert "succession" in made["diff"]
    head = world.log.head
    assert refusal(desk, "role.submit", line=made["line"]) == "more-signatures"
    assert refusal(desk, "role.sign", token="token-alice", line=made["line"]) == "signed-already"
    assert refusal(desk, "role.sign", token="token-eve", line=made["line"]) == "missing-signatures"
    assert desk.ask("role.read", line=made["line"]) == made
    assert world.log.head == head
    world.leading = world.master
    world.write(world.change(world.set("a", "system.s.x", "1"), signers=(world.owner, world.bob)))
    world.leading = world.kitchen
    signed = desk.ask("role.sign", token="token-bob", line=f"{made['line']}\n")
    assert (signed["signed"], signed["missing"], signed["hash"]) == (["alice", "bob"], 0, made["hash"])
    started = desk.ask("role.submit", line=signed["line"])
    assert desk.poll(started["ticket"])["result"]["seq"] == world.log.head.seq
    assert (holders(world), world.log.head.mandate) == ((world.kitchen, world.garage), 1)


def test_its_author_signs_other_changes_while_signatures_are_collected(desk: FakeDesk, world: Three) -> None:
    line = desk.do("role.force", collect=True)["line"]
    world.leading = world.master
    for number in range(3):
        desk.set("policy/a", system__s__x=str(number))
        desk.commit()
    world.leading = world.kitchen
    assert read_line(line).body.counter > COUNTERS_SKIPPED
    assert desk.ask("role.submit", line=line)["ticket"]


def test_a56_a_role_counts_once_and_on_the_log_on_which_it_was_signed(desk: FakeDesk, world: Three) -> None:
    line = desk.do("role.force", collect=True)["line"]
    foreign = world.role(world.kitchen, head=replace(world.log.head, chain=world.log.chain_at(1)))  # type: ignore[arg-type]  # it is there
    for method, token in (("role.submit", {}), ("role.sign", {"token": "token-bob"})):
        assert refusal(desk, method, line=line_of(foreign), **token) == "not-ancestor"
    desk.ask("role.submit", line=line)
    assert refusal(desk, "role.submit", line=line) == "superseded"
    assert refusal(desk, "role.sign", token="token-bob", line=line) == "superseded"


def test_a_role_is_submitted_where_it_says_that_somebody_leads(desk: FakeDesk, world: Three) -> None:
    line = line_of(world.role(world.garage))
    assert refusal(desk, "role.submit", line=line) == "not-here"
    assert desk.ask("role.read", line=line)["leads"] == "garage"


def armoured(data: bytes) -> str:
    return ARMOUR + b64encode(data).decode()


@pytest.mark.parametrize(
    "line", ["", "hello", ARMOUR, armoured(b"\xc0"), armoured(bytes(64)), "é", ARMOUR + "%%"]
)
def test_a_line_that_is_no_role_is_refused(desk: FakeDesk, line: str) -> None:
    assert refusal(desk, "role.read", line=line) == "bad-role"


def test_a17_a_line_that_does_not_encode_to_itself_is_refused(desk: FakeDesk) -> None:
    line = desk.do("role.force", collect=True)["line"]
    assert refusal(desk, "role.read", line=line.removeprefix(ARMOUR)) == "bad-role"
    assert refusal(desk, "role.read", line=line[:-4]) == "bad-role"


def test_what_no_open_carries_is_refused_by_who_reads_it(desk: FakeDesk, world: Three) -> None:
    ordinary = world.change(world.set("a", "system.s.x", "1"))
    assert refusal(desk, "role.read", line=line_of(ordinary)) == "bad-role"
    more = world.role(world.kitchen, more=[world.set("a", "system.s.x", "1")])
    assert refusal(desk, "role.read", line=line_of(more)) == "bad-role"
    nonsense = world.edit("cluster", "mandate", ["many"])
    assert refusal(desk, "role.read", line=line_of(world.change(nonsense))) == "bad-role"
    foreign = world.role(world.kitchen, cluster=bytes(32))
    assert refusal(desk, "role.read", line=line_of(foreign)) == "foreign-cluster"


def with_signature(change: Change, number: int, signature: bytes) -> Change:
    signatures = list(change.signatures)
    signatures[number] = signatures[number]._replace(signature=signature)
    return change._replace(signatures=tuple(signatures))


def test_a44_signatures_on_a_role_that_are_no_owners_or_do_not_verify_are_refused(
    desk: FakeDesk, world: Three
) -> None:
    by_device = world.role(world.kitchen, signers=(world.owner, world.kitchen))
    forged = with_signature(world.role(world.kitchen), 0, bytes(64))
    unsigned = world.role(world.kitchen)._replace(signatures=())
    for change in (by_device, forged, unsigned):
        assert refusal(desk, "role.read", line=line_of(change)) == "bad-signature"
