"""Who may raise generation and mandate, and what an own branch has of such (R4, A40, A56)."""

from dusk.changelog.forkchoice import Raise
from dusk.changelog.items import unpack_entry_item
from dusk.changelog.raises import Own, own_branch, rights_at
from dusk.effects import ItemKind
from tests.holders import Holders


def test_a_cluster_without_a_recovery_key_is_recovered_by_nobody() -> None:
    world = Holders()
    change = world.recovering(world.recovery, world.kitchen, owner=world.key(), following=world.key())
    rights = rights_at(world.log.state)
    assert rights.hold(change)
    assert not rights._replace(recovery=None).hold(change)


def test_where_nobody_owns_anything_nobody_forces_a_role() -> None:
    world = Holders()
    rights, role = rights_at(world.log.state), world.role(world.kitchen)
    assert rights.hold(role)
    assert not rights._replace(owners={}, quorum=0).hold(role)


def test_a37_only_a_recover_is_the_rival_of_one() -> None:
    world = Holders()
    rights, role = rights_at(world.log.state), world.role(world.kitchen)
    assert rights.judge(role, Own((), {world.owner.key_id})) is Raise.NEW


def test_who_forced_a_role_in_the_own_branch_spent_no_phrase_there() -> None:
    world = Holders()
    world.lead(world.kitchen, world.role(world.kitchen))
    assert own_branch(world.items)[1:] == (set(), None)
    phrase = world.recovery.key_id
    world.recover(world.kitchen)
    change = unpack_entry_item(next(i for i in world.items[::-1] if i.kind is ItemKind.ENTRY).data)[1]
    assert change is not None
    assert own_branch(world.items)[1:] == ({phrase}, change.id)
