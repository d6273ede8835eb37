"""A master that tells two sides two histories is found out by whoever sees both, and frozen (A13)."""

from collections.abc import Sequence
from dataclasses import replace

from dusk.changelog.body import Edit
from dusk.changelog.entry import OutcomeCode, SignedHead, Stamp, sign_head
from dusk.changelog.kinds import FROZEN
from dusk.changelog.log import Log, verified_entry
from dusk.changelog.roles import mandate_row
from dusk.changelog.sections import device_path
from dusk.daemon.status import status_of
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused
from dusk.ids import BootId, ChainHash, DeviceId
from dusk.limits import SUCCESSION_MAX
from dusk.node.proofs import Proofs
from tests.holders import Holders
from tests.node.site import Box, Site
from tests.world import NO_REST

STEP_S = 0.05


def _written(site: Site, values: Sequence[str], boot: BootId | None = None) -> list[LogItem]:
    """Return what the master signs when it writes on as if that were all, in its present run or another."""
    world, log = site.world, Log(site.world.cluster)
    log.extend(site.master.items)
    assert log.leader is not None
    assert log.leader_boot is not None
    stamp = Stamp(log.leader, boot or log.leader_boot, 0, clock_trusted=False)
    world.log, items = log, []
    for value in values:
        item, _ = log.write_change(world.change(world.set("wifi", "wireless.a.ssid", value)), stamp)
        items += [item, log.signed(sign_head(site.master.key, world.cluster, log.head, NO_REST))]
    return items


def _told_two_histories(*, other_boot: BootId | None = None, values: Sequence[str] = ("one", "two")) -> Site:
    """Return a cluster whose master told the backup one thing and a member another, and is gone."""
    site = Site(4, holders=2, cycle_ms=500)
    site.until(lambda: all(b.node.settled == b.node.log.head.seq for b in site.all), 10.0, STEP_S)
    backup, member, other = site.all[1:]
    here, there = _written(site, values), _written(site, ["another"], other_boot)
    site.master.on = False
    site.part([backup, other], [member])
    for box in (backup, other):
        box.do(box.node._rooms.took(here, site.now))
    member.do(member.node._rooms.took(there, site.now))
    site.until(lambda: backup.node.leads, 10.0, STEP_S)
    site.heal()
    return site


def test_a13_who_goes_over_and_who_stays_both_have_the_proof() -> None:
    site = Site(4, holders=2, cycle_ms=500)
    site.until(lambda: all(b.node.settled == b.node.log.head.seq for b in site.all), 10.0, STEP_S)
    one, other = site.all[1:3]
    here, there = _written(site, ["one", "two"]), _written(site, ["another"])
    one.do(one.node._rooms.took(here, site.now))
    other.do(other.node._rooms.took(there, site.now))
    heads = (one.node.log.head, other.node.log.head)
    other.do(other.node._rooms.branching.took_branch(here, site.now))
    one.do(one.node._rooms.branching.took_branch(there, site.now))
    assert one.node.log.head == other.node.log.head
    assert one.node.log.head in heads  # which of them stands is a matter of hashes
    for box in (one, other):
        due = box.node._rooms.proofs.due(site.now + 100.0)
        assert due is not None
        assert due[0] == site.master.node.device_id


def _is_frozen(box: Box, culprit: Box) -> bool:
    return box.node.log.state.value(device_path(culprit.node.device_id), FROZEN) is not None


def _freezes(box: Box) -> int:
    kinds = [verified_entry(item).kind.name for item in box.items if item.kind is ItemKind.ENTRY]
    return kinds.count("FREEZE")


def test_a13_who_sees_both_histories_hands_the_proof_in_and_all_show_who_may_not_lead() -> None:
    site = _told_two_histories()
    honest = site.all[1:]
    site.until(lambda: all(_is_frozen(box, site.master) for box in honest), 30.0, STEP_S)
    site.until(lambda: len(site.heads) == 1, 30.0, STEP_S)
    site.run(5.0)
    assert {_freezes(box) for box in honest} == {1}
    assert {box.node.alarms["frozen"] for box in honest} == {"attic signed two histories and may not lead"}
    assert all(box.node.alarms["frozen"] in status_of(box.node, "", (), site.now)["alarms"] for box in honest)
    site.master.restart()
    site.run(60.0)
    assert not site.master.node.leads, "nothing is handed back to it"
    assert site.leaders == [site.all[1]]
    kinds = [verified_entry(item).kind.name for item in site.all[1].items if item.kind is ItemKind.ENTRY]
    assert "HANDOVER" not in kinds
    assert "frozen" in site.master.node.alarms


def test_a13_owners_end_it_by_a_role_that_names_the_device_again() -> None:
    site = _told_two_histories()
    backup = site.all[1]
    site.until(lambda: all(_is_frozen(box, site.master) for box in site.all[1:]), 30.0, STEP_S)
    site.until(lambda: len(site.heads) == 1, 30.0, STEP_S)
    site.master.restart()
    site.until(lambda: len(site.heads) == 1, 60.0, STEP_S)
    world = site.world
    world.log = backup.node.log
    section = device_path(site.master.node.device_id)
    role = world.change(
        world.edit("cluster", "succession", [[backup.node.device_id, site.master.node.device_id]]),
        Edit("cluster", "mandate", mandate_row(world.log.head), world.base("cluster", "mandate")),
        Edit(section, FROZEN, None, world.base(section, FROZEN)),
        device=backup.key,
    )
    backup.do(backup.node.force_role(role, site.now))
    site.until(lambda: not any("frozen" in box.node.alarms for box in site.all), 30.0, STEP_S)
    site.run(30.0)
    assert _freezes(backup) == 1, "what was decided is not handed in again"


def test_a13_a_disk_that_was_put_back_wrote_in_another_run_and_is_not_frozen() -> None:
    site = _told_two_histories(other_boot=BootId(b"restored"))
    site.until(lambda: len(site.heads) == 1, 60.0, STEP_S)
    site.run(30.0)
    assert not any(_is_frozen(box, site.master) for box in site.all[1:])


# --- what is found, and when it is handed in --------------------------------------------------------


def _found(cycle_s: float = 1.0) -> tuple[Site, Proofs, Log]:
    site = Site(2)
    site.run(1.0)
    log = Log(site.world.cluster)
    log.extend(site.master.items)
    proofs = Proofs(log, lambda: cycle_s)
    proofs.compare(_written(site, ["a", "b"]), _written(site, ["c", "d"]), 100.0)
    return site, proofs, log


def test_a_proof_waits_for_up_to_three_cycles_for_somebody_else_to_hand_it_in() -> None:
    site, proofs, _ = _found()
    assert proofs.due(102.9) is None
    due = proofs.due(103.0)
    assert due is not None
    culprit, edits = due
    assert culprit == site.master.node.device_id
    assert [(edit.section, edit.key, edit.base) for edit in edits] == [(device_path(culprit), FROZEN, None)]
    assert proofs.due(104.0) == due, "there was no room for it"
    proofs.handed_in(culprit)
    assert proofs.due(105.0) is None


def test_another_proof_of_the_same_device_puts_nothing_off_and_only_so_many_devices_are_kept() -> None:
    site, proofs, log = _found()
    proofs.compare(_written(site, ["e"]), _written(site, ["f"]), 102.0)
    assert proofs.due(103.0) is not None
    (proof,) = proofs._found.values()
    full = Proofs(log, lambda: 0.0)
    full._found = {DeviceId(bytes([number]) * 16): proof for number in range(SUCCESSION_MAX)}
    full.compare(_written(site, ["e"]), _written(site, ["f"]), 102.0)
    assert site.master.node.device_id not in full._found


def test_a_proof_that_the_log_has_is_not_handed_in_again() -> None:
    site, proofs, log = _found(0.0)
    due = proofs.due(100.0)
    assert due is not None
    world = site.world
    world.log = log
    stamp = Stamp(log.leader or due[0], BootId(bytes(8)), 0, clock_trusted=False)
    key = site.all[1].key
    log.write_change(world.change(*due[1], signers=(key,), device=key), stamp)
    assert proofs.due(101.0) is None
    again = Proofs(log, lambda: 0.0)
    again.compare(_written(site, ["a"]), _written(site, ["c"]), 100.0)
    assert again.due(100.0) is None


def test_nothing_is_proved_by_one_history_by_heads_apart_or_by_who_is_unknown() -> None:
    site, _, log = _found()
    proofs = Proofs(log, lambda: 0.0)
    one, other = _written(site, ["a", "b"]), _written(site, ["c", "d"])
    proofs.compare(one, one, 0.0)
    proofs.compare([one[0], *one[2:]], other[:2], 0.0)
    proofs.compare(one, [other[1]], 0.0)
    proofs.compare([one[1]], other, 0.0)
    empty = Proofs(Log(None), lambda: 0.0)
    empty.compare(one, other, 0.0)
    assert (proofs.due(1.0), empty.due(1.0)) == (None, None)


def _signed_twice(world: Holders) -> tuple[SignedHead, SignedHead]:
    """Have the first master sign two heads where the log ends."""
    head = world.log.head
    bent = replace(head, chain=ChainHash(b"x" * 32))
    one, other = (sign_head(world.master, world.cluster, signed, NO_REST) for signed in (head, bent))
    return one, other


def _proofs_of(world: Holders, entry: LogItem, one: SignedHead, other: SignedHead) -> Proofs:
    """Return what a device knows that saw both heads over one entry."""
    proofs = Proofs(world.log, lambda: 0.0)
    ours, theirs = ([entry, LogItem(ItemKind.HEAD, signed.encode())] for signed in (one, other))
    proofs.compare(ours, theirs, 0.0)
    return proofs


def _newest(world: Holders) -> LogItem:
    return next(item for item in reversed(world.items) if item.kind is ItemKind.ENTRY)


def _applied(world: Holders, proofs: Proofs) -> bool:
    """Tell whether the log freezes the first master by what is handed in."""
    due = proofs.due(0.0)
    assert due is not None
    culprit, edits = due
    assert culprit == world.device_id
    entry = world.write(world.change(*edits, signers=(world.garage,), device=world.garage))
    return entry.outcome.code is OutcomeCode.APPLIED and not world.log.may_lead(culprit)


def _forgiven(world: Holders) -> None:
    """Freeze the first master for what it signed; then owners let it lead again."""
    proof = _signed_twice(world)
    world.lead(world.kitchen)
    world.write(world.freeze(world.master, *proof, by=world.garage))
    free = world.edit(device_path(world.device_id), FROZEN, None)
    world.lead(world.kitchen, world.role(world.kitchen, world.master, more=[free]))
    world.lead(world.master)


def test_a13_a_role_that_owners_forced_meanwhile_forgives_nobody_who_was_not_frozen() -> None:
    world = Holders()
    world.succeed(world.kitchen, world.master)
    proofs = _proofs_of(world, _newest(world), *_signed_twice(world))
    world.lead(world.kitchen, world.role(world.kitchen, world.garage))
    assert _applied(world, proofs)
    assert proofs.due(0.0) is None


def test_a13_what_owners_have_forgiven_is_not_handed_in_again() -> None:
    world = Holders()
    world.succeed(world.kitchen, world.master)
    proofs = _proofs_of(world, _newest(world), *_signed_twice(world))
    _forgiven(world)
    assert proofs.due(0.0) is None
    assert proofs._found == {}


def test_a13_who_signs_twice_again_after_owners_forgave_it_is_frozen_again() -> None:
    world = Holders()
    world.succeed(world.kitchen, world.master)
    _forgiven(world)
    proofs = _proofs_of(world, _newest(world), *_signed_twice(world))
    world.lead(world.kitchen)
    assert _applied(world, proofs)


def test_a_full_outbox_keeps_a_proof_until_there_is_room() -> None:
    site = _told_two_histories(values=["one"])
    member = site.all[2]
    submit = member.node._rooms.changes.submit

    def full(*_: object) -> None:
        raise Refused("outbox-full", "no room")

    member.node._rooms.changes.submit = full  # type: ignore[assignment, method-assign]  # no room for it
    for box in site.all:  # it alone sees both, whichever of the two histories wins
        box.node._rooms.proofs.handed_in(site.master.node.device_id)
        box.node._rooms.proofs.compare = lambda *_: None  # type: ignore[method-assign]  # told below
    Proofs.compare(member.node._rooms.proofs, _written(site, ["one"]), _written(site, ["another"]), site.now)
    site.run(20.0)
    assert not _is_frozen(member, site.master)
    member.node._rooms.changes.submit = submit  # type: ignore[method-assign]  # as it was
    site.until(lambda: _is_frozen(site.all[1], site.master), 10.0, STEP_S)
