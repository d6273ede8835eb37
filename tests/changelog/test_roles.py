"""Roles that owners force, and handing over: who leads, and who has a say no longer."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from dusk import codec
from dusk.changelog.body import Change, Edit
from dusk.changelog.entry import EntryKind, sign_head
from dusk.changelog.log import Log, pack_entry_item, unpack_entry_item
from dusk.changelog.roles import mandate_row, read_role
from dusk.changelog.sections import device_path
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ChainHash, Seq
from dusk.keys.signing import SigningKey
from tests.holders import Holders, id_of
from tests.world import NO_REST


def refused(world: Holders, key: SigningKey, role: Change) -> str:
    """Return why no `open` of a device may carry a role; the log stays what it is."""
    before = (world.log.head, world.log.state.derived_hash, world.log.leader)
    with pytest.raises(Refused) as refusal:
        world.lead(key, role)
    assert (world.log.head, world.log.state.derived_hash, world.log.leader) == before
    return refusal.value.code


def test_owners_force_a_role_and_it_leads_under_a_new_mandate() -> None:
    world = Holders()
    before = world.log.head
    opened = world.lead(world.garage, world.role(world.garage, world.kitchen))
    assert (opened.kind, opened.mandate, opened.epoch) == (EntryKind.OPEN, 1, before.epoch + 1)
    assert world.log.leader == id_of(world.garage)
    assert not world.log.may_lead(world.device_id)
    world.commit(world.set("a", "system.s.x", "1"))
    assert world.log.head.mandate == 1
    again = world.lead(world.kitchen, world.role(world.kitchen))
    assert (again.mandate, again.epoch) == (2, before.epoch + 2)
    replica = world.replica()
    assert (replica.head, replica.settled) == (world.log.head, world.log.settled)


def test_a55_an_absent_holder_stops_settling_until_owners_force_a_role_without_it() -> None:
    world = Holders()
    world.succeed(world.master, world.kitchen, world.garage)
    gone = device_path(world.garage.key_id)
    world.settle(world.master, world.kitchen, world.garage)
    settled = world.log.settled
    world.commit(world.set("a", "system.s.x", "1"))
    with pytest.raises(UntrustedInput, match="1 holders have not"):
        world.settle(world.master, world.kitchen)
    assert world.log.settled == settled
    role = world.role(world.master, world.kitchen, more=[world.edit(gone, "retired", [True])])
    world.lead(world.master, role)
    assert world.log.required_at(world.log.head.seq) == {id_of(world.master), id_of(world.kitchen)}
    assert world.settle(world.master, world.kitchen)
    assert world.log.settled == world.log.head.seq


def test_a55_a_removed_holder_opens_nothing_below_or_behind_its_removal() -> None:
    world = Holders()
    world.succeed(world.master, world.garage)
    before = len(world.items)
    world.lead(world.master, world.role(world.master))
    replica = world.replica()
    thief = Log(world.cluster)
    thief.extend(world.items[:before])
    item = thief.write_open(world.stamp()._replace(writer=id_of(world.garage)))
    head = thief.signed(sign_head(world.garage, world.cluster, thief.head, NO_REST))
    with pytest.raises(UntrustedInput, match="differs"):
        replica.extend([item, head])
    with pytest.raises(AssertionError):
        replica.write_open(world.stamp()._replace(writer=id_of(world.garage)))
    assert replica.head == world.log.head


def test_a56_a_role_on_an_older_prefix_than_it_was_signed_on_is_refused() -> None:
    world = Holders()
    short = len(world.items)
    world.commit(world.set("a", "system.s.x", "1"))
    role = world.role(world.garage)
    older = Log(world.cluster)
    older.extend(world.items[:short])
    with pytest.raises(Refused) as refusal:
        older.write_open(world.stamp()._replace(writer=id_of(world.garage)), role)
    assert refusal.value.code == "not-ancestor"
    world.lead(world.garage, role)
    assert world.log.head.mandate == 1


def test_a56_a_role_is_used_once() -> None:
    world = Holders()
    short = len(world.items)
    role = world.role(world.garage)
    world.lead(world.garage, role)
    assert refused(world, world.garage, role) == "known"
    other = world.role(world.kitchen)
    world.lead(world.kitchen, other)
    older = Log(world.cluster)
    older.extend(world.items[:short])
    with pytest.raises(Refused):
        older.write_open(world.stamp()._replace(writer=id_of(world.kitchen)), other)


def test_a56_replicas_refuse_a_role_that_was_used() -> None:
    world = Holders()
    world.lead(world.garage, role := world.role(world.garage))
    last = unpack_entry_item(world.items[-2].data)[0]
    again = last._replace(
        seq=Seq(last.seq + 1), previous=world.log.head.chain, mandate=2, epoch=last.epoch + 1
    )
    head = sign_head(world.garage, world.cluster, again.head, NO_REST)
    with pytest.raises(UntrustedInput, match="stands in the log already"):
        world.replica().extend([pack_entry_item(again, role), LogItem(ItemKind.HEAD, head.encode())])


@pytest.mark.parametrize(
    ("bend", "code"),
    [
        (lambda head: replace(head, mandate=head.mandate + 1), "superseded"),
        (lambda head: replace(head, chain=ChainHash(b"?" * 32)), "not-ancestor"),
        (lambda head: replace(head, seq=Seq(head.seq + 1)), "not-ancestor"),
    ],
)
def test_a56_a_role_names_the_next_mandate_and_an_ancestor(bend: Callable[..., object], code: str) -> None:
    world = Holders()
    role = world.role(world.garage, head=bend(world.log.head))  # type: ignore[arg-type]  # a head, bent
    assert refused(world, world.garage, role) == code


def test_a_role_may_be_signed_some_entries_before_it_is_used() -> None:
    world = Holders()
    role = world.role(world.garage, counter=50)
    world.commit(world.set("a", "system.s.x", "1"))
    assert world.lead(world.garage, role).mandate == 1


def test_a_role_is_superseded_by_a_change_of_the_succession() -> None:
    world = Holders()
    role = world.role(world.garage, counter=50)
    world.succeed(world.master, world.kitchen)
    assert refused(world, world.garage, role) == "superseded"


def test_a_role_takes_the_owners_quorum() -> None:
    world = Holders()
    world.commit(world.edit("user/bob", "key", [(bob := world.key()).public]))
    assert refused(world, world.garage, world.role(world.garage, signers=(bob,))) == "missing-signatures"
    carol = world.key()
    world.commit(world.edit("trust", "owner/carol", [carol.public]), world.edit("trust", "quorum", [2]))
    assert refused(world, world.garage, world.role(world.garage)) == "missing-signatures"
    world.lead(world.garage, world.role(world.garage, signers=(world.owner, carol)))


def test_the_device_that_a_role_names_first_opens_with_it() -> None:
    world = Holders()
    role = world.role(world.garage, world.kitchen)
    assert refused(world, world.kitchen, role) == "not-leader"
    retired = [world.edit(device_path(world.garage.key_id), "retired", [True])]
    assert refused(world, world.garage, world.role(world.garage, more=retired)) == "no-succession"


def test_a_role_does_nothing_beside() -> None:
    world = Holders()
    kitchen = device_path(world.kitchen.key_id)
    for more in (
        world.edit("cluster", "name", ["x"]),
        world.edit(kitchen, "name", ["x"]),
        world.set("a", "system.s.x", "1"),
    ):
        assert refused(world, world.garage, world.role(world.garage, more=[more])) == "bad-role"
    for more in (
        Edit("user/bob", "retired", codec.pack([True]), None),
        Edit("user/bob", "frozen", None, None),
    ):
        with pytest.raises(Refused, match="not for a forced role"):
            read_role(world.role(world.garage, more=[more]))
    mandate = Edit("cluster", "mandate", mandate_row(world.log.head), None)
    deleted = Edit("cluster", "mandate", None, None)
    succession = world.edit("cluster", "succession", [[world.garage.key_id]])
    frozen = Edit(kitchen, "frozen", None, None)
    ordinary = world.set("a", "system.s.x", "1")
    for edits in ([mandate], [mandate, ordinary], [succession], [ordinary], [deleted, succession]):
        assert refused(world, world.garage, world.change(*edits)) == "bad-role"
    assert world.lead(world.garage, world.change(mandate, succession, frozen)).mandate == 1


def test_no_other_entry_carries_a_role() -> None:
    world = Holders()
    role = world.role(world.garage)
    for write in (world.log.write_change, world.log.write_stranded):
        with pytest.raises(Refused) as refusal:
            write(role, world.stamp())
        assert refusal.value.code == "wrong-kind"


@pytest.mark.parametrize("row", [[0, 1, bytes(32)], [1, 0, bytes(32)], [1, 1, bytes(31)], [1, 1]])
def test_a17_a_mandate_is_a_number_a_position_and_a_chain_hash(row: list[object]) -> None:
    world = Holders()
    edits = [
        world.edit("cluster", "succession", [[world.garage.key_id]]),
        Edit("cluster", "mandate", codec.pack(row), None),
    ]
    assert refused(world, world.garage, world.change(*edits)) == "bad-value"


# --- handing over --------------------------------------------------------------------------------


def test_after_a_handover_only_an_open_follows() -> None:
    world = Holders()
    world.succeed(world.kitchen, world.master)
    before = world.log.handed_over
    world.hand_over()
    assert (before, world.log.handed_over) == (False, True)
    entry = unpack_entry_item(world.items[-2].data)[0]
    assert (entry.kind, entry.change, entry.sections) == (EntryKind.HANDOVER, None, ())
    for write in (world.hand_over, lambda: world.commit(world.set("a", "system.s.x", "1"))):
        with pytest.raises(Refused, match="handed over"):
            write()
    replica = world.replica()
    assert replica.handed_over
    late = entry._replace(seq=Seq(entry.seq + 1), previous=world.log.head.chain)
    head = sign_head(world.master, world.cluster, late.head, NO_REST)
    with pytest.raises(UntrustedInput, match="not by the writer"):
        replica.extend([pack_entry_item(late, None), LogItem(ItemKind.HEAD, head.encode())])
    assert replica.handed_over
    world.lead(world.kitchen)
    replica = world.replica()
    assert replica.head == world.log.head
    assert not replica.handed_over


def test_r7_a_handover_that_no_head_covers_is_taken_back() -> None:
    world = Holders()
    replica = world.replica()
    world.hand_over()
    assert replica.extend(world.items[-2:-1]) == ()
    assert not replica.handed_over
    replica.extend(world.items[-2:])
    assert replica.handed_over


def test_a25_a_retired_leader_hands_nothing_over() -> None:
    world = Holders()
    world.succeed(world.kitchen)
    world.commit(world.edit(device_path(world.device_id), "retired", [True]))
    with pytest.raises(Refused, match="retired"):
        world.hand_over()
    with pytest.raises(AssertionError):
        world.log.write_handover(world.stamp()._replace(writer=id_of(world.kitchen)))


def test_an_epoch_that_was_heard_of_is_not_opened_again() -> None:
    world = Holders()
    world.log.write_open(world.stamp(), epoch_above=9)
    assert world.log.head.epoch == 10
    world.log.write_open(world.stamp(), epoch_above=3)
    assert world.log.head.epoch == 11
    world.log.write_open(world.stamp(), epoch_above=2**50)
    assert world.log.head.epoch == 11 + 2**20


def test_whether_a_role_can_be_carried_is_known_without_writing_it() -> None:
    world = Holders()
    stamp = world.stamp()._replace(writer=id_of(world.garage))
    role = world.role(world.garage, world.kitchen)
    before = (world.log.head, world.log.state.derived_hash)
    world.log.check_role(role, stamp)
    assert (world.log.head, world.log.state.derived_hash) == before
    world.lead(world.garage, role)
    with pytest.raises(Refused) as refused:
        world.log.check_role(role, stamp)
    assert refused.value.code == "known"
