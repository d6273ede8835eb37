"""Whole nodes on both sides of a cut: one history is left, and every change has its outcome in it (R3-R5)."""

import pytest

from dusk.changelog.body import Change
from dusk.changelog.log import unpack_entry_item
from dusk.cycle.messages import Kind
from dusk.cycle.write_queue import outcome_word
from dusk.effects import ChangeState, Event, ItemKind
from dusk.ids import ChangeId
from tests.node.site import Box, Site

STEP_S = 0.05


def _is_one(site: Site) -> bool:
    """Tell whether all that are on hold one log, and hold all of it for final."""
    return len(site.heads) == 1 and all(
        box.node.settled == box.node.log.head.seq for box in site.all if box.on
    )


def _ready(size: int = 4, holders: int = 2) -> Site:
    """Return a cluster of fast cycles in which all is settled."""
    site = Site(size, holders=holders, cycle_ms=500)
    site.until(lambda: _is_one(site), 5.0, STEP_S)
    return site


def _parted(size: int = 4) -> Site:
    """Return a cluster of two halves, each with a leader and a member of its own."""
    site = _ready(size)
    site.part(site.all[0::2], site.all[1::2])
    site.until(lambda: len(site.leaders) == 2, 5.0, STEP_S)
    return site


def _is(box: Box, change: Change, state: ChangeState) -> bool:
    told = box.told(change.id)
    return bool(told) and told[-1][0] is state


def _order(box: Box) -> list[ChangeId]:
    """Return the changes of a log, in its order."""
    entries = (unpack_entry_item(item.data)[1] for item in box.items if item.kind is ItemKind.ENTRY)
    return [change.id for change in entries if change is not None]


def _outcome(box: Box, change: Change) -> str:
    return outcome_word(box.node.log.outcome_of(change.id)) or "applied"


def _succeed(box: Box, *holders: Box) -> Change:
    """Have the owner say at a device who may lead."""
    world, node = box.site.world, box.node
    world.log = node.log
    edit = world.edit("cluster", "succession", [[holder.key.key_id for holder in holders]])
    change = world.change(edit, device=box.key, counter=node.next_counter(world.owner.key_id))
    box.do(node.submit(change, box.site.now))
    return change


def _offers(site: Site) -> list[bool]:
    return [box.node._rooms.follower.answers.offer is not None for box in site.all if box.on]


# --- a cut that heals -----------------------------------------------------------------------------


def test_r5_both_sides_of_a_cut_write_and_one_history_is_left_with_the_outcome_of_every_change() -> None:
    site = _parted()
    here = [site.all[2].commit(f"here {number}", policy=f"a{number}") for number in range(3)]
    there = [site.all[3].commit(f"there {number}", policy=f"b{number}") for number in range(3)]
    site.until(lambda: all(_is(site.all[2], each, ChangeState.DURABLE) for each in here), 5.0, STEP_S)
    site.until(lambda: all(_is(site.all[3], each, ChangeState.DURABLE) for each in there), 5.0, STEP_S)
    assert len(site.heads) == 2
    site.heal()
    site.until(lambda: _is_one(site), 60.0, STEP_S)
    for change in (*here, *there):
        assert {_outcome(box, change) for box in site.all} == {"applied"}
    assert site.leaders
    assert not any(box.node.alarms for box in site.all)


def test_r3_of_two_changes_to_one_option_the_second_is_shown_as_superseded_by_the_first() -> None:
    site = _parted()
    here, there = site.all[2].commit("here"), site.all[3].commit("there")
    site.run(5.0)
    site.heal()
    site.until(lambda: _is_one(site), 60.0, STEP_S)
    words = sorted(_outcome(site.master, change) for change in (here, there))
    assert words[0] == "applied"
    assert words[1].startswith("superseded")


def test_r3_what_is_stranded_is_written_before_newer_changes_of_its_author() -> None:
    site = _parted()
    losing = site.all[0::2]
    old = [losing[1].commit(f"old {number}", policy=f"a{number}") for number in range(3)]
    site.until(lambda: _is(losing[1], old[-1], ChangeState.DURABLE), 5.0, STEP_S)
    site.heal()
    newer = [box.commit(f"newer {place}", policy=f"n{place}") for place, box in enumerate(losing)]
    site.until(lambda: _is_one(site), 60.0, STEP_S)
    assert any(box.branches for box in losing), "the higher epoch stands"
    order = _order(site.master)
    assert [order.index(change.id) for change in old] == sorted(order.index(change.id) for change in old)
    assert order.index(newer[1].id) > order.index(old[-1].id)
    assert {_outcome(site.master, change) for change in (*old, *newer)} == {"applied"}


@pytest.mark.parametrize("long", ["first", "second", "third"])
def test_r3_an_authors_changes_keep_their_order_also_where_a_stream_brings_them(long: str) -> None:
    """By a datagram each names the one before it; what is too long for that says it on its stream."""
    site = _parted()
    author, words = site.all[2], ("first", "second", "third")
    said = {word: word * (1000 if word == long else 1) for word in words}
    changes = [author.commit(said["first"], policy="first")]
    site.until(lambda: _is(author, changes[0], ChangeState.DURABLE), 5.0, STEP_S)
    site.part(site.all[:1], site.all[1:])
    changes += [author.commit(said[word], policy=word) for word in words[1:]]
    site.until(lambda: site.all[1].node.log.position_of(changes[-1].id) is not None, 20.0, STEP_S)
    site.heal()
    site.until(lambda: _is_one(site), 60.0, STEP_S)
    order = [each for each in _order(site.master) if each in {change.id for change in changes}]
    assert order == [change.id for change in changes]
    assert {_outcome(site.master, change) for change in changes} == {"applied"}


def test_r3_a_new_number_is_above_what_is_stranded_though_nothing_of_it_waits() -> None:
    site = _parted()
    author = site.all[2]
    change = author.commit("here")
    site.until(lambda: _is(author, change, ChangeState.DURABLE), 5.0, STEP_S)
    site.part(*([box] for box in site.all))
    author.do(author.node._rooms.outbox._forget(change.id))
    author.do(author.node._rooms.branching.took_branch(site.all[1].items, site.now))
    assert author.node._rooms.forks.stranded()
    assert author.node.next_counter(change.body.author) == change.body.counter + 1


def test_r3_a_change_that_was_durable_on_the_branch_that_lost_is_told_again_with_its_outcome() -> None:
    site = _parted()
    member = site.all[2]
    change = member.commit("here")
    site.until(lambda: _is(member, change, ChangeState.DURABLE), 5.0, STEP_S)
    before = member.told(change.id)
    site.heal()
    site.until(lambda: _is_one(site), 60.0, STEP_S)
    seq = member.node.log.position_of(change.id)
    assert seq is not None
    after = member.told(change.id)[len(before) :]
    assert after, "told again"
    assert after[-1] == (ChangeState.DURABLE, seq)
    assert seq != before[-1][1]
    site.until(lambda: not [name for name in member.saved if name.startswith("outbox/")], 10.0, STEP_S)


def test_r3_a_change_that_was_local_at_a_leader_alone_is_told_again_and_becomes_durable() -> None:
    site = _ready(3)
    old = site.master
    site.part([old], site.all[1:])
    change = old.commit("alone")
    site.run(0.5)
    assert _is(old, change, ChangeState.LOCAL)
    site.until(lambda: site.all[1].node.leads, 5.0, STEP_S)
    site.heal()
    site.until(lambda: _is(old, change, ChangeState.DURABLE), 30.0, STEP_S)
    site.until(lambda: _is_one(site), 60.0, STEP_S)
    assert _outcome(site.all[2], change) == "applied"


def test_r3_a_change_that_stands_further_on_in_the_branch_that_was_taken_is_kept_until_final_there() -> None:
    site = _ready()
    member = site.all[2]
    site.all[1].on = False  # a holder: nothing settles without it
    changes = [member.commit(text, policy=text) for text in ("one", "two")]
    site.until(lambda: all(_is(member, each, ChangeState.DURABLE) for each in changes), 5.0, STEP_S)
    rooms, settled = member.node._rooms, member.node.settled
    assert settled
    rooms.outbox._items[changes[1].id].seq = settled  # where it stood in the branch that was left
    rooms._log_moved([item for item in member.items if item.kind is ItemKind.ENTRY][-2:], site.now)
    assert [change.id in rooms.outbox for change in changes] == [True, True]


def test_what_a_device_left_is_offered_until_all_of_it_is_final_and_then_by_nobody() -> None:
    site = _parted()
    site.all[2].commit("here")
    site.all[3].commit("there", policy="other")
    site.run(5.0)
    site.heal()
    site.until(lambda: any(_offers(site)), 20.0)
    site.until(lambda: _is_one(site), 60.0, STEP_S)
    site.run(1.0)
    assert not any(_offers(site))


def test_r5_a_cut_in_which_only_one_side_writes_heals_to_its_head() -> None:
    site = _ready(4)
    site.part(site.all[:3], site.all[3:])
    change = site.all[2].commit("by most")
    site.run(30.0)
    site.heal()
    site.until(lambda: _is_one(site), 20.0, STEP_S)
    assert not any(box.branches for box in site.all)
    assert _outcome(site.all[3], change) == "applied"


# --- branches of devices that are gone --------------------------------------------------------------


def test_r3_a_member_that_alone_holds_the_branch_of_a_dead_leader_brings_it() -> None:
    site = _parted()
    member = site.all[2]
    change = member.commit("only two had it")
    site.until(lambda: _is(member, change, ChangeState.DURABLE), 5.0, STEP_S)
    site.master.on = False
    for name in [name for name in member.saved if name.startswith("outbox/")]:
        del member.saved[name]  # the branch alone has it
    member.restart()
    assert not member.node.waiting(site.world.owner.key_id)
    site.heal()
    holds = site.all[1::2]
    site.until(lambda: all(box.node.log.position_of(change.id) is not None for box in holds), 60.0, STEP_S)
    site.until(lambda: len(site.heads) == 1, 30.0, STEP_S)
    assert _outcome(site.all[1], change) == "applied"
    assert member.branches


def test_r3_what_a_device_left_is_still_offered_after_a_restart() -> None:
    site = _parted()
    member = site.all[2]
    change = member.commit("left behind")
    site.until(lambda: _is(member, change, ChangeState.DURABLE), 5.0, STEP_S)
    site.master.on = False
    site.all[1].node._rooms.writing.strand = lambda *_: None  # type: ignore[method-assign]  # it writes nothing anew
    member.saved = {name: data for name, data in member.saved.items() if not name.startswith("outbox/")}
    member.restart()
    site.heal()
    site.until(lambda: bool(member.branches), 60.0, STEP_S)
    site.all[1].on = False
    member.restart()
    assert member.node._rooms.forks.offer is not None
    site.all[1].restart()
    site.until(lambda: member.node.log.position_of(change.id) is not None, 60.0, STEP_S)
    site.until(lambda: len(site.heads) == 1, 30.0, STEP_S)


# --- sides that meet -------------------------------------------------------------------------------


def test_r5_two_leaders_that_meet_again_and_again_end_with_one_that_leads() -> None:
    site = _ready(5, holders=3)
    for number in range(3):
        site.part(site.all[:1], site.all[1:2], site.all[2:])
        site.until(lambda: len(site.leaders) == 3, 20.0, STEP_S)
        changes = [
            box.commit(f"{box.name} {number}", policy=f"p{place}") for place, box in enumerate(site.all)
        ]
        site.run(3.0)
        site.heal()
        site.until(lambda: _is_one(site), 60.0, STEP_S)
        for change in changes:
            assert len({_outcome(box, change) for box in site.all}) == 1
        assert len(site.leaders) == 1


def test_r5_whoever_wins_though_its_epoch_is_no_higher_opens_one_above() -> None:
    site = _ready(4)
    site.part(site.all[0::2], site.all[1::2])
    site.until(lambda: site.all[1].node.leads, 5.0, STEP_S)
    site.master.on = False
    site.run(1.0)
    site.master.restart()  # alone with a member, it opens the same epoch as the backup has
    site.until(lambda: site.master.node.leads, 10.0, STEP_S)
    epochs = [box.node.log.head.epoch for box in site.all[:2]]
    assert epochs[0] == epochs[1]
    here, there = site.all[2].commit("here"), site.all[3].commit("there", policy="other")
    site.run(3.0)
    site.heal()
    site.until(lambda: _is_one(site), 60.0, STEP_S)
    assert site.leaders == [site.master], "the earlier place in the succession stands"
    assert site.master.node.log.head.epoch > epochs[0]
    assert not site.master.branches
    assert {_outcome(site.all[3], change) for change in (here, there)} == {"applied"}


def test_a41_each_holder_alone_settles_nothing_and_both_heal_to_one_head() -> None:
    site = _parted()
    before = site.master.node.settled
    site.all[2].commit("here")
    site.all[3].commit("there", policy="other")
    site.run(60.0)
    assert {box.node.settled for box in site.all} == {before}
    site.heal()
    site.until(lambda: _is_one(site), 60.0, STEP_S)
    assert site.master.node.settled > before


def test_people_are_told_once_where_a_device_went_over_to_another_history() -> None:
    site = _parted()
    site.all[2].commit("here")
    site.all[3].commit("there", policy="other")
    site.run(5.0)
    site.heal()
    site.until(lambda: _is_one(site), 60.0, STEP_S)
    for box in site.all:
        told = [e.text for e in box.of(Event) if isinstance(e, Event) and e.name == "switched"]
        assert len(told) == len(box.branches)
        assert all(text.startswith("another history stands behind entry ") for text in told)


def test_r5_who_may_lead_on_neither_branch_any_more_brings_the_higher_epoch_that_it_opened() -> None:
    site = _parted()
    master, backup = site.all[:2]
    here = _succeed(master, master, site.all[2])
    there = _succeed(backup, master)
    site.until(lambda: _is(master, here, ChangeState.DURABLE), 5.0, STEP_S)
    backup.restart()
    site.run(5.0)
    assert not backup.node.leads
    assert backup.node.log.head.epoch > master.node.log.head.epoch
    site.heal()
    site.until(lambda: _is_one(site), 30.0, STEP_S)
    assert {(_outcome(box, there), _outcome(box, here)) for box in site.all} == {("applied", "superseded")}
    assert site.leaders == [master]


def test_a11_a_start_of_a_member_that_may_not_lead_makes_nobody_leave_its_branch() -> None:
    site = _ready(4)
    head = site.master.node.log.head
    liar = site.all[3]
    liar.node.log._judging.may_lead = lambda _: True  # type: ignore[assignment, method-assign]  # it does as it likes
    liar.do(liar.node._rooms.leading.lead(site.now))
    site.run(10.0)
    assert {box.node.log.head.epoch for box in site.all[:3]} == {head.epoch}
    assert not any(box.branches for box in site.all[:3])
    assert Kind.START in {
        effect.data[8] for effect in liar.effects if hasattr(effect, "data") and len(effect.data) > 8
    }
