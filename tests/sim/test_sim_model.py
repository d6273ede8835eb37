"""The simulator's own model judges branches: each test shows it one entry, or one switch, that may not be."""

import pytest

from dusk import codec
from dusk.changelog.body import Edit
from dusk.changelog.entry import EntryKind, OutcomeCode, sign_head
from dusk.cycle.messages import Kind
from dusk.effects import ChangeState, ItemKind, LogItem, Progress
from dusk.ids import Seq
from dusk.sim.broken import RuleBroken
from dusk.sim.final import Final
from dusk.sim.holding import whole
from dusk.sim.tree import Logged
from dusk.sim.wire import Said
from tests.plain_branches import ZEROS, Grove, rejected


def breaks(rule: str) -> pytest.RaisesExc[RuleBroken]:
    """Expect that a rule is broken."""
    return pytest.RaisesExc(RuleBroken, match=rf"^{rule}:")


def parted() -> tuple[Grove, Logged, Logged]:
    """Return three devices that may lead, and two branches: d0 goes on, and d1 took over."""
    grove = Grove((0, 1, 2))
    ours = grove.grow(grove.trunk, grove.setting(grove.trunk, 1))
    theirs = grove.grow(grove.trunk, writer=1, on=(2,))
    return grove, ours, theirs


# --- who opens, and who writes (R1) ------------------------------------------------------------


def test_a_holder_may_open_the_next_epoch() -> None:
    grove = Grove((0, 1))
    opened = grove.grow(grove.trunk, writer=1, epoch=7)
    assert (opened.leader, opened.holders) == (grove.id(1), (grove.id(0), grove.id(1)))


def test_an_open_by_who_holds_no_role_is_caught_r1() -> None:
    grove = Grove((0, 1))
    with breaks("R1"):
        grove.grow(grove.trunk, writer=2)


@pytest.mark.parametrize("epoch", [0, 1, 2 + 2**20])
def test_an_epoch_that_does_not_rise_or_leaps_is_caught_r1(epoch: int) -> None:
    grove = Grove((0, 1))
    with breaks("R1"):
        grove.grow(grove.trunk, writer=1, epoch=epoch)


def test_an_entry_within_another_ones_epoch_is_caught_r1() -> None:
    grove = Grove((0, 1))
    with breaks("R1"):
        grove.grow(grove.trunk, grove.setting(grove.trunk, 1), writer=1)


def test_a_mandate_without_the_owners_word_is_caught_r1() -> None:
    grove = Grove((0, 1))
    with breaks("R1"):
        grove.grow(grove.trunk, writer=1, mandate=1)


def test_a_backup_gives_the_role_back_and_then_only_an_open_follows() -> None:
    grove = Grove((0, 1))
    opened = grove.grow(grove.trunk, writer=1, on=(0,))
    given = grove.grow(opened, kind=EntryKind.HANDOVER, on=(0,))
    with breaks("R1"):
        grove.grow(given, grove.setting(given, 1))
    assert grove.grow(given, writer=0).leader == grove.id(0)


def test_a_master_that_gives_the_role_to_itself_is_caught_r1() -> None:
    grove = Grove((0, 1))
    with breaks("R1"):
        grove.grow(grove.trunk, kind=EntryKind.HANDOVER)


def test_an_entry_that_names_other_sections_is_caught_r7() -> None:
    grove = Grove()
    with breaks("R7"):
        grove.grow(grove.trunk, grove.setting(grove.trunk, 1), sections=("policy/other",))


def test_an_entry_behind_what_is_on_no_disk_is_caught_r7() -> None:
    grove = Grove((0, 1))
    unknown = Logged(grove.trunk, grove.trunk.entry, grove.trunk.ruling, grove.id(0), grove.trunk.holders)
    unknown.chain = type(unknown.chain)(ZEROS)
    with breaks("R7"):
        grove.write(1, grove.entry(unknown, writer=1))


def test_a_device_that_holds_an_entry_before_its_writer_is_caught_r8() -> None:
    grove = Grove((0, 1))
    with breaks("R8"):
        grove.write(2, grove.entry(grove.trunk, writer=1))


def test_a_head_by_another_than_who_leads_is_caught_r6() -> None:
    grove = Grove((0, 1))
    item = grove.entry(grove.trunk, writer=1)
    grove.write(1, item)
    with breaks("R6"):
        grove.write(1, grove.head(grove.seen(item), signer=0), quietly=True)


# --- one log each (R2, R5) ---------------------------------------------------------------------


def test_two_entries_of_one_device_for_one_position_are_caught_r2() -> None:
    grove = Grove()
    grove.grow(grove.trunk, grove.setting(grove.trunk, 1))
    with breaks("R2"):
        grove.history.see(grove.entry(grove.trunk, grove.setting(grove.trunk, 2)))


def test_an_epoch_that_a_device_opens_twice_is_caught_r5() -> None:
    grove, _, theirs = parted()
    grove.switch(0, theirs)
    again = grove.grow(theirs, writer=0, epoch=5, on=(1,))
    with breaks("R5"):
        grove.history.see(grove.entry(theirs, writer=1, epoch=theirs.entry.epoch))
    assert again.entry.epoch == 5


def test_a_device_goes_over_to_the_branch_with_the_higher_epoch() -> None:
    grove, _, theirs = parted()
    grove.switch(0, theirs)
    assert grove.checks.head_of(grove.devices[0]) is theirs


def test_a_switch_to_a_lower_branch_is_caught_r5() -> None:
    grove, ours, _ = parted()
    with breaks("R5"):
        grove.switch(2, ours)


def test_of_two_that_open_the_same_epoch_the_one_that_stands_first_wins() -> None:
    grove = Grove((0, 1, 2))
    later = grove.grow(grove.trunk, writer=2)
    first = grove.grow(grove.trunk, writer=1)
    grove.switch(2, first)
    grove.switch(3, later)  # from the trunk: no branch is left
    grove.switch(3, first)
    with breaks("R5"):
        grove.switch(1, later)


def test_length_does_not_count_r5() -> None:
    grove, ours, _ = parted()
    longer = grove.grow(ours, grove.setting(ours, 2))
    with breaks("R5"):
        grove.switch(2, longer)


def test_a_disk_that_comes_back_with_its_former_branch_is_caught_r5() -> None:
    grove, _, theirs = parted()
    device = grove.devices[0]
    before = device.disk.copy()
    grove.switch(0, theirs)
    device.disk = before
    with breaks("R5"):
        grove.checks.reread(device)


def test_a_switch_that_was_cut_short_leaves_the_old_branch_r7() -> None:
    _, ours, _ = parted()
    items = [LogItem(ItemKind.ENTRY, ours.chain), LogItem(ItemKind.REWIND, codec.pack((0, 2))), *[]]
    assert whole([*items, LogItem(ItemKind.ENTRY, b"")]) == items[:1]
    assert len(whole([*items, *items[:1] * 2])) == 4


def test_a_rewind_to_what_is_not_there_is_caught_r7() -> None:
    grove, _, theirs = parted()
    rewind = LogItem(ItemKind.REWIND, codec.pack((99, 1)))
    with breaks("R7"):
        grove.write(0, rewind, grove.item(theirs))


# --- what is final (R4) ------------------------------------------------------------------------


def test_the_head_of_who_leads_alone_makes_final_what_it_covers() -> None:
    grove = Grove()
    entry = grove.grow(grove.trunk, grove.setting(grove.trunk, 1))
    assert entry.settled
    assert grove.checks.holding_of(grove.devices[0]).proven == entry.seq


def test_with_two_holders_it_takes_both() -> None:
    grove = Grove((0, 1))
    entry = grove.grow(grove.trunk, grove.setting(grove.trunk, 1), on=(1,))
    before = [entry.settled, grove.trunk.settled]  # who is to lead as well has a say in that itself
    grove.write(1, grove.certificate(entry, 0, 1), quietly=True)
    assert (before, [entry.settled, grove.trunk.settled]) == ([False, False], [True, True])


def test_a41_a_certificate_that_a_holder_did_not_sign_is_caught_r4() -> None:
    grove = Grove((0, 1, 2))
    with breaks("R4"):
        grove.write(1, grove.certificate(grove.trunk, 0, 1, 3), quietly=True)


def test_a41_a_certificate_with_a_forged_signature_is_caught_r4() -> None:
    grove = Grove((0, 1))
    with breaks("R4"):
        grove.write(1, grove.certificate(grove.trunk, 0, forged={1: bytes(64)}), quietly=True)


def test_a_certificate_for_what_is_on_no_disk_is_caught_r4() -> None:
    grove = Grove((0, 1))
    grove.trunk.chain = type(grove.trunk.chain)(ZEROS)
    unknown = Logged(grove.trunk, grove.trunk.entry, grove.trunk.ruling, grove.id(0), ())
    item = grove.entry(unknown, writer=1)
    entry = grove.history.decode(item)[0]
    unseen = Logged(unknown, entry, grove.trunk.ruling, grove.id(1), ())
    with breaks("R4"):
        grove.checks.shelf.certificate(grove.certificate(unseen, 0, 1).data)


def test_a_certificate_that_nobody_can_read_is_caught_r4() -> None:
    with breaks("R4"):
        Grove().checks.shelf.certificate(b"junk")


def test_until_a_change_of_the_succession_is_final_old_and_new_must_sign() -> None:
    grove = Grove((0, 1))
    changed = grove.grow(grove.trunk, grove.succeed(grove.trunk, 0, 2), on=(1, 2))
    with breaks("R4"):
        grove.write(2, grove.certificate(changed, 0, 2), quietly=True)
    grove.write(2, grove.certificate(changed, 0, 1, 2), quietly=True)
    after = grove.grow(changed, grove.setting(changed, 1), on=(2,))
    grove.write(2, grove.certificate(after, 0, 2), quietly=True)
    assert after.settled


def test_a_certificate_lets_the_newest_head_settle_what_is_its_leaders_alone() -> None:
    grove = Grove((0, 1))
    alone = grove.grow(grove.trunk, grove.succeed(grove.trunk, 0), on=(1,))
    after = grove.grow(alone, grove.setting(alone, 1))
    settled = [after.settled]
    grove.write(0, grove.certificate(alone, 0, 1), quietly=True)
    assert [*settled, after.settled] == [False, True]
    assert grove.checks.holding_of(grove.devices[0]).proven == after.seq


def test_a_device_that_gives_up_what_it_knows_to_be_final_is_caught_r4() -> None:
    grove = Grove((0, 1, 2))
    final = grove.grow(grove.trunk, grove.setting(grove.trunk, 1), on=(1, 2))
    grove.write(2, grove.certificate(final, 0, 1, 2), quietly=True)
    other = grove.history.see(grove.entry(grove.trunk, writer=1, epoch=9))
    grove.checks.holding_of(grove.devices[1]).all.add(other)
    with breaks("R4"):
        grove.history.check_switch("d2", grove.checks.holding_of(grove.devices[2]).side, other)


def test_owners_may_force_a_role_below_what_is_final() -> None:
    grove = Grove((0, 1, 2))
    final = grove.grow(grove.trunk, grove.setting(grove.trunk, 1), on=(1,))
    grove.write(1, grove.certificate(final, 0, 1, 2), quietly=True)
    role = grove.role(grove.trunk, 3)
    forced = grove.grow(grove.trunk, role, kind=EntryKind.OPEN, writer=3, mandate=1)
    assert forced.settled  # from there on only who is named must sign
    grove.switch(1, forced)
    grove.history.check_outcome(forced)


def test_two_certificates_for_one_position_are_caught_r4() -> None:
    grove, ours, theirs = parted()
    grove.checks.shelf.certificate(grove.certificate(ours, 0, 1, 2).data)
    with breaks("R4"):
        grove.checks.shelf.certificate(grove.certificate(theirs, 0, 1, 2).data)


def test_an_end_without_what_was_final_is_caught_r4() -> None:
    grove, ours, theirs = parted()
    grove.checks.shelf.certificate(grove.certificate(ours, 0, 1, 2).data)
    grove.history.check_outcome(ours)
    with breaks("R4"):
        grove.history.check_outcome(theirs)


def test_a_certificate_decides_against_a_higher_epoch() -> None:
    grove, ours, _ = parted()
    grove.checks.shelf.certificate(grove.certificate(ours, 0, 1, 2).data)
    grove.switch(2, ours)
    assert grove.checks.head_of(grove.devices[2]) is ours


def test_a41_a_device_that_calls_final_what_is_not_is_caught_r4() -> None:
    grove = Grove((0, 1))
    entry = grove.grow(grove.trunk, grove.setting(grove.trunk, 1), on=(1,))
    device, before = grove.devices[1], Seq(grove.trunk.seq - 1)
    grove.checks.check_promise(device, Said(Kind.RESPOND, entry.seq, entry.chain, settled=before))
    with breaks("R4"):
        grove.checks.check_promise(device, Said(Kind.RESPOND, entry.seq, entry.chain, settled=entry.seq))


def test_a41_a_master_that_shows_a_false_certificate_is_caught_r4() -> None:
    grove = Grove((0, 1))
    device, shown = grove.devices[0], grove.certificate(grove.trunk, 0).data
    said = Said(Kind.START, grove.trunk.seq, grove.trunk.chain, certificate=shown)
    with breaks("R4"):
        grove.checks.check_promise(device, said)


def test_a_disk_that_forgets_what_is_final_is_caught_r4() -> None:
    grove = Grove((0, 1))
    grove.write(1, grove.certificate(grove.trunk, 0, 1), quietly=True)
    device = grove.devices[1]
    grove.checks.reread(device)
    device.disk = type(device.disk)([i for i in device.disk.items if i.kind is not ItemKind.CERTIFICATE])
    with breaks("R4"):
        grove.checks.reread(device)


# --- roles by force, frozen devices (R1) -------------------------------------------------------


def test_a56_a_role_by_force_with_another_number_is_caught_r1() -> None:
    grove = Grove((0, 1))
    role = grove.role(grove.trunk, 1, number=2)
    with breaks("R1"):
        grove.grow(grove.trunk, role, kind=EntryKind.OPEN, writer=1, mandate=1)


def test_a56_a_role_by_force_that_names_a_head_of_another_branch_is_caught_r1() -> None:
    grove, ours, theirs = parted()
    role = grove.role(theirs, 2, named=ours)
    with breaks("R1"):
        grove.grow(theirs, role, kind=EntryKind.OPEN, writer=2, mandate=1)


def test_a_role_by_force_that_another_takes_is_caught_r1() -> None:
    grove = Grove((0, 1))
    with breaks("R1"):
        grove.grow(grove.trunk, grove.role(grove.trunk, 2), kind=EntryKind.OPEN, writer=1, mandate=1)


def test_a_role_by_force_that_does_more_is_caught_r1() -> None:
    grove = Grove((0, 1))
    more = [grove.edit(grove.trunk, "policy/site", "set/a", [1])]
    role = grove.role(grove.trunk, 1, more=more)
    with breaks("R1"):
        grove.grow(grove.trunk, role, kind=EntryKind.OPEN, writer=1, mandate=1)


def test_a_role_by_force_upon_an_old_view_is_caught_r1() -> None:
    grove = Grove((0, 1))
    after = grove.grow(grove.trunk, grove.succeed(grove.trunk, 0, 1, 2))
    with breaks("R1"):
        grove.grow(after, grove.role(grove.trunk, 0), kind=EntryKind.OPEN, writer=0, mandate=1)


def test_a_device_that_was_retired_by_force_leads_no_more() -> None:
    grove = Grove((0, 1))
    retired = [grove.edit(grove.trunk, grove.section(0), "retired", [True])]
    role = grove.role(grove.trunk, 1, more=retired)
    forced = grove.grow(grove.trunk, role, kind=EntryKind.OPEN, writer=1, mandate=1)
    with breaks("R1"):
        grove.history.see(grove.entry(forced, writer=0))


def frozen(grove: Grove, *signers: int) -> Edit:
    """Return the edit that freezes d0, with one head of each signer for one position."""
    head = grove.trunk.entry.head
    others = [head, type(head)(0, 0, head.epoch, head.seq, grove.nothing().chain)]
    proof = [
        sign_head(grove.devices[i].key, grove.history.cluster, h, ZEROS).encode()
        for i, h in zip(signers, others, strict=True)
    ]
    return grove.edit(grove.trunk, grove.section(0), "frozen", proof)


def test_a13_a_device_that_wrote_two_logs_opens_no_more_until_owners_say_so() -> None:
    grove = Grove((0, 1))
    opened = grove.grow(grove.trunk, writer=1)
    proof = grove.change([frozen(grove, 0, 0)], 1, by=grove.devices[1].key)
    freeze = grove.grow(opened, proof, kind=EntryKind.FREEZE)
    with breaks("R1"):
        grove.history.see(grove.entry(freeze, writer=0))
    named = grove.role(freeze, 0)
    with breaks("R1"):
        grove.history.see(grove.entry(freeze, named, kind=EntryKind.OPEN, writer=0, mandate=1))
    lifted = grove.role(freeze, 0, more=[grove.edit(freeze, grove.section(0), "frozen", None)])
    again = grove.entry(freeze, lifted, kind=EntryKind.OPEN, writer=0, mandate=1, epoch=9)
    assert grove.history.see(again).leader == grove.id(0)


def test_a_device_that_is_frozen_without_proof_is_caught_r1() -> None:
    grove = Grove((0, 1))
    proof = grove.change([frozen(grove, 0, 1)], 1, by=grove.devices[1].key)
    with breaks("R1"):
        grove.grow(grove.trunk, proof, kind=EntryKind.FREEZE)


# --- what becomes of changes (R1, R3) ----------------------------------------------------------


def test_a_change_of_the_losing_branch_gets_its_outcome_on_the_other() -> None:
    grove, ours, theirs = parted()
    assert ours.change is not None
    change = grove.checks.keyring.changes[ours.change]
    grove.switch(0, theirs)
    again = grove.grow(theirs, change, on=(0,))
    assert grove.fate(change.id, again) is OutcomeCode.APPLIED
    assert len(grove.history.entries_of(change.id)) == 2


def test_a_second_outcome_on_one_branch_is_caught_r3() -> None:
    grove = Grove()
    change = grove.setting(grove.trunk, 1)
    entry = grove.grow(grove.trunk, change)
    with breaks("R3"):
        grove.grow(entry, change)


def test_records_are_those_of_each_branch() -> None:
    grove, ours, theirs = parted()
    other = grove.grow(theirs, grove.setting(theirs, 2, 1))
    place = ("policy/site", "set/a")
    for head, value in ((ours, 1), (other, 2)):
        assert grove.history.records_at(head)[place].data == codec.pack([value])
    assert place not in grove.history.records_at(theirs)


def test_a_conflict_of_two_branches_is_superseded_and_not_applied_twice() -> None:
    grove, ours, theirs = parted()
    assert ours.change is not None
    change = grove.checks.keyring.changes[ours.change]
    other = grove.grow(theirs, grove.setting(theirs, 2, 1))
    with breaks("R1"):
        grove.grow(other, change)


def test_a_stranded_change_that_is_refused_is_rejected_with_that_word() -> None:
    grove, ours, theirs = parted()
    assert ours.change is not None
    change = grove.checks.keyring.changes[ours.change]
    newer = grove.change([grove.edit(theirs, "cluster", "name", ["x"])], number=99)
    after = grove.grow(theirs, newer)
    with breaks("R1"):
        grove.history.see(grove.entry(after, change, outcome=rejected("no-succession")))
    with breaks("R1"):
        grove.history.see(grove.entry(after, change))
    entry = grove.history.see(grove.entry(after, change, outcome=rejected("counter-used")))
    assert entry.ruling.code is OutcomeCode.REJECTED


def test_a_change_that_stood_nowhere_is_not_rejected_but_refused_r1() -> None:
    grove = Grove()
    first = grove.setting(grove.trunk, 1)
    after = grove.grow(grove.trunk, grove.change([grove.edit(grove.trunk, "cluster", "name", ["x"])]))
    with breaks("R1"):
        grove.history.see(grove.entry(after, first, outcome=rejected("counter-used")))


def test_a_durable_change_that_is_lost_is_caught_r3() -> None:
    grove = Grove((0, 1, 2))
    change = grove.setting(grove.trunk, 1)
    ours = grove.grow(grove.trunk, change, on=(3,))
    grove.checks.sending(grove.devices[0], Progress(change.id, ChangeState.DURABLE, ours.seq, ""))
    theirs = grove.grow(grove.trunk, writer=1, on=(2,))
    grove.switch(0, theirs)
    grove.switch(3, theirs)
    with breaks("R3"):
        Final(grove.checks).check_promised(grove.devices, theirs)


def test_it_is_lost_by_right_once_all_disks_with_it_are() -> None:
    grove = Grove((0, 1, 2))
    change = grove.setting(grove.trunk, 1)
    ours = grove.grow(grove.trunk, change, on=(3,))
    grove.checks.sending(grove.devices[0], Progress(change.id, ChangeState.DURABLE, ours.seq, ""))
    theirs = grove.grow(grove.trunk, writer=1, on=(2,))
    for index in (0, 3):
        grove.checks.holding_of(grove.devices[index]).lose(grove.devices[index].device_id)
    Final(grove.checks).check_promised(grove.devices, theirs)


def test_a_change_on_one_disk_is_not_durable_on_whichever_branch_r3() -> None:
    grove, ours, _ = parted()
    assert ours.change is not None
    with breaks("R3"):
        grove.checks.sending(grove.devices[0], Progress(ours.change, ChangeState.DURABLE, ours.seq, ""))


def test_who_gave_the_role_to_others_has_its_newest_entry_alone_until_one_of_them_has_it() -> None:
    grove = Grove()
    d0, d1, given = grove.devices[0], grove.devices[1], grove.succeed(grove.trunk, 2)
    grove.grow(grove.trunk, given)
    assert [grove.checks.has_alone(device) for device in (d0, d1)] == [True, False]
    grove.write(2, *d0.disk.items[-2:])
    assert not grove.checks.has_alone(d0)
