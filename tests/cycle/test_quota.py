"""What those may fill of the log who were granted nothing (R12, A54)."""

import pytest

from dusk.changelog.body import Change, Edit, build_change
from dusk.changelog.proposals import CHANGE, proposal_path, proposal_row
from dusk.changelog.sections import device_path
from dusk.codec import pack
from dusk.cycle import quota
from dusk.cycle.quota import Quota, is_counted
from dusk.cycle.write_queue import WriteQueue
from dusk.errors import Refused
from dusk.ids import DeviceId, Seq
from dusk.keys.signing import SigningKey
from tests.world import World, sealed_key

OWN = b"own"


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have little room."""
    monkeypatch.setattr(quota, "QUOTA_CHANGES", 4)
    monkeypatch.setattr(quota, "QUOTA_BYTES", 16 * 1024)


def user(world: World, name: str = "bob") -> SigningKey:
    key = world.key()
    world.commit(world.edit(f"user/{name}", "key", (key.public,)))
    return key


def facts(world: World, device: SigningKey, text: str = "x") -> Change:
    edit = world.edit(f"{device_path(device.key_id)}/facts", "board", (text,))
    return world.change(edit, signers=(device,), device=device)


def router(world: World) -> SigningKey:
    world.allow_joining()
    return world.join("ap")


def word_of(world: World, queue: WriteQueue, change: Change) -> str:
    """Hand a change in and return the word of its answer, empty for one that counts."""
    before = world.log.head.seq
    assert queue.take(change, b"sender") is None
    (answer,) = queue.write(world.stamp()).answers
    assert (world.log.head.seq == before) == (answer.word == "quota-used"), answer
    return answer.word


def proposal(world: World, author: SigningKey, size: int = 10) -> Change:
    joint = build_change(
        cluster=world.log.state.cluster,
        device=DeviceId(world.master.key_id),
        counter=0,
        message="",
        edits=[world.set("x", "system.a.b", world.random.randbytes(size).hex())],
        signers=(author,),
        random_bytes=world.random.randbytes,
    )
    section = proposal_path(joint.id)
    by = Edit(section, f"by/{author.key_id.hex()}", pack([joint.signatures[0].signature]), None)
    return world.change(Edit(section, CHANGE, proposal_row(joint, 0), None), by, signers=(author,))


def test_r12_who_was_granted_nothing_fills_no_more_than_his_part_of_the_log() -> None:
    """He proposes and takes back, so that never more than one proposal is open."""
    world = World()
    bob, queue = user(world), WriteQueue(world.log, OWN)
    said = []
    for _ in range(3):
        made = proposal(world, bob)
        said.append(word_of(world, queue, made))
        section = made.body.operations[0].section
        if not said[-1]:
            back = Edit(section, CHANGE, None, world.base(section, CHANGE))
            said.append(word_of(world, queue, world.change(back, signers=(bob,))))
    assert said == ["", "", "", "", "quota-used"]
    world.commit(world.set("wifi", "wireless.a.b", "1"))


def test_r12_an_access_points_key_fills_no_more_than_its_part_of_the_log() -> None:
    world = World()
    ap, queue = router(world), WriteQueue(world.log, OWN)
    said = [word_of(world, queue, facts(world, ap, str(number) * 200)) for number in range(6)]
    assert said == ["", "", "", "", "quota-used", "quota-used"]
    other = world.join("roof")
    assert word_of(world, queue, facts(world, other)) == ""


def test_r12_bytes_count_too() -> None:
    world = World()
    bob, queue = user(world), WriteQueue(world.log, OWN)
    said = [word_of(world, queue, proposal(world, bob, 6000)) for _ in range(3)]
    assert said == ["", "", "quota-used"]


def test_r12_passwords_without_end_count() -> None:
    world = World()
    bob, queue = user(world), WriteQueue(world.log, OWN)
    said = []
    for _ in range(5):
        again = world.edit("user/bob", "sealed", (sealed_key(bob, "bob"),))
        said.append(word_of(world, queue, world.change(again, signers=(bob,))))
    assert said == ["", "", "", "", "quota-used"]


@pytest.mark.parametrize("how", ["owner", "granted", "passed on"])
def test_people_with_rights_propose_as_much_as_they_like(how: str) -> None:
    world = World()
    who, carol = user(world), user(world, "carol")
    if how == "owner":
        who = world.owner
    elif how == "passed on":
        world.commit(world.edit("trust", "grant/policy", [[carol.key_id], 1, None, None, None]))
        row = [[who.key_id], 1, None, None, None, "policy", [carol.key_id]]
        world.write(world.change(world.edit("passed", "grant/policy/wifi", row), signers=(carol,)))
    else:
        world.commit(world.edit("trust", "grant/policy/wifi", [[who.key_id], 1, None, None, None]))
    queue = WriteQueue(world.log, OWN)
    assert {word_of(world, queue, proposal(world, who)) for _ in range(6)} == {""}


def test_who_is_granted_nothing_any_more_is_counted() -> None:
    world = World()
    bob, carol = user(world), user(world, "carol")
    world.commit(world.edit("trust", "grant/policy", [[carol.key_id], 1, None, None, None]))
    row = [[bob.key_id], 1, None, None, None, "policy", [carol.key_id]]
    world.write(world.change(world.edit("passed", "grant/policy/wifi", row), signers=(carol,)))
    assert not is_counted(world.log.state, proposal(world, bob))
    world.commit(world.edit("trust", "grant/policy", None))
    assert is_counted(world.log.state, proposal(world, bob))
    assert is_counted(world.log.state, proposal(world, carol))


def test_what_else_is_signed_is_not_counted() -> None:
    world = World()
    ap = router(world)
    leaves = world.edit(device_path(ap.key_id), "retired", (True,))
    assert not is_counted(world.log.state, world.change(leaves, signers=(ap,), device=ap))
    assert not is_counted(world.log.state, world.request(world.key()))


def test_another_checkpoint_makes_room() -> None:
    world = World()
    ap, counted = router(world), Quota(world.log)
    change = facts(world, ap)
    for _ in range(4):
        counted.wrote(change, 100)
    with pytest.raises(Refused) as caught:
        counted.check(change)
    assert caught.value.code == "quota-used"
    world.log.give_up(Seq(2))
    counted.check(change)


def test_who_has_written_nothing_for_longest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "QUOTA_KEYS_MAX", 2)
    world = World()
    world.allow_joining(uses=3)
    routers, counted = [world.join(name) for name in ("a", "b", "c")], Quota(world.log)
    changes = [facts(world, key) for key in routers]
    for change in (changes[0], changes[1], changes[0], changes[2]):
        for _ in range(4):
            counted.wrote(change, 100)
    counted.check(changes[1])
    for change in (changes[0], changes[2]):
        with pytest.raises(Refused):
            counted.check(change)
