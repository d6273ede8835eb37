"""When a node leads: what keeps it from it, and what it waits for."""

from types import SimpleNamespace

import pytest

from dusk.changelog.sections import device_path
from dusk.cycle.takeover import DEADLINE, State, Told
from dusk.effects import Address, ChangeState, Connect, Disconnected, Effect, Event, SendDatagram
from dusk.errors import Refused
from dusk.ids import ChainHash, Seq
from dusk.node.leading import Leading
from dusk.node.recovery import MUST_HEAR_FILE
from tests.node.site import DELAY_S, Site
from tests.node.test_node_forced_roles import role_for

STEP_S = 0.05


def _settled(site: Site) -> Site:
    site.until(
        lambda: {box.node.settled for box in site.all} == {site.master.node.log.head.seq}, 20.0, STEP_S
    )
    return site


def test_a28_owners_cannot_force_a_device_to_lead_whose_log_is_not_whole() -> None:
    site = Site(2)
    site.run(6.0)
    box = site.all[1]
    site.master.on = False
    box.saved[MUST_HEAR_FILE] = b"1"
    box.restart()
    role = role_for(site, box)
    with pytest.raises(Refused) as refused:
        box.node.force_role(role, site.now)
    assert refused.value.code == "not-whole"
    assert not box.node.leads


def test_a28_a_backup_whose_log_was_cut_never_takes_over_alone() -> None:
    site = _settled(Site(3, holders=2))
    site.master.on = site.all[2].on = False
    backup = site.all[1]
    backup.saved[MUST_HEAR_FILE] = b"1"
    backup.restart()
    site.run(120.0)
    assert not backup.node.leads


def test_a28_what_a_member_showed_and_does_not_hand_over_is_waited_for_shortly() -> None:
    site = _settled(Site(3, holders=2))
    backup, member = site.all[1:]
    count = len(backup.items)
    site.master.commit("the member has it")
    _settled(site)
    site.master.on = False
    backup.on = False
    site.run(1.0)
    site.connect = lambda box, conn, to: site.after(  # type: ignore[method-assign]  # no stream works
        DELAY_S, lambda: box.give(Disconnected(conn, "nobody there"))
    )
    backup.restart(count)
    asked_s = site.until(lambda: backup.node.leads, 60.0, STEP_S)
    assert asked_s > 3 * 5.0 + 2.0, "longer than one that nobody shows more to"
    assert backup.of(Connect)
    assert backup.node.log.head.seq <= member.node.log.head.seq


def test_who_leads_wants_no_other_deadline_and_who_only_watches_the_wait_of_its_place() -> None:
    site = _settled(Site(3, holders=2))
    master, backup, member = (box.node._rooms.leading for box in site.all)
    assert master.deadline is None
    assert backup.deadline is not None
    assert site.now < backup.deadline <= site.now + 1.5 * 5.0
    assert member.deadline is None
    assert [leading.is_first for leading in (master, backup, member)] == [True, False, False]


def test_a_backup_that_was_shown_more_than_it_has_fetches_it_before_it_leads() -> None:
    site = _settled(Site(3, holders=2))
    backup, member = site.all[1:]
    leading, head = backup.node._rooms.leading, backup.node.log.head
    assert leading._act_on(leading._takeover.handle(DEADLINE, site.now), site.now), "it asks"
    leading._act(Told(member.node.device_id, Seq(head.seq + 1), member.address, acknowledges=False), site.now)
    effects: list[Effect] = []
    while leading._takeover.state is State.ASKING:
        effects = leading._act_on(leading._takeover.handle(DEADLINE, site.now), site.now)
    assert leading._takeover.state is State.SYNCING
    assert [effect.to for effect in effects if isinstance(effect, Connect)] == [member.address]
    assert not backup.node.leads


# --- one device's part, step by step -----------------------------------------------------------------

NOBODY = Address("10.9.9.9", 3875)


def _parts(holders: int = 2) -> tuple[Site, Leading, Leading]:
    """Return a cluster, with what its master and its backup know of who leads."""
    site = _settled(Site(2, holders=holders))
    master, backup = (box.node._rooms.leading for box in site.all)
    return site, master, backup


def _state(leading: Leading) -> State:
    return leading._takeover.state


def test_who_lacks_a_part_of_the_log_was_copied_or_stopped_does_not_even_watch() -> None:
    site, _, backup = _parts()
    assert (_state(backup), backup.is_copied) == (State.WATCHING, False)
    backup._is_copied = True
    backup.placed(None, site.now)
    assert (_state(backup), backup.is_copied) == (State.OUTSIDE, True)
    with pytest.raises(Refused) as refused:
        backup.check_role(role_for(site, site.all[1]), site.now)
    assert refused.value.code == "not-whole"
    backup._is_copied, backup._recovery.must_hear = False, True
    backup.placed(None, site.now)
    assert _state(backup) is State.OUTSIDE
    backup._recovery.must_hear = False
    assert backup.whole_again(site.now) == []
    assert _state(backup) is State.WATCHING
    backup.stop(site.now)
    assert _state(backup) is State.OUTSIDE
    backup.log_moved(site.now)
    assert _state(backup) is State.WATCHING


def test_who_may_not_lead_by_the_log_is_not_the_first_and_does_not_watch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site, master, backup = _parts()
    for leading in (master, backup):
        monkeypatch.setattr(leading._log, "may_lead", lambda _: False)
    assert not master.is_first
    backup.placed(None, site.now)
    assert _state(backup) is State.OUTSIDE
    master.lead(site.now)
    assert site.leaders == []


def test_owners_force_the_lead_upon_who_may_not_lead_by_the_log_and_not_upon_another_than_they_name() -> None:
    site = _settled(Site(2))
    site.master.on = False
    member = site.all[1]
    leading, role = member.node._rooms.leading, role_for(site, member)
    assert not leading._log.may_lead(member.node.device_id)
    with pytest.raises(Refused):
        leading.check_role(role_for(site, site.master), site.now)
    leading.check_role(role, site.now)
    leading.lead(site.now, role=role)
    assert member.node.leads


def test_who_begins_to_watch_knows_what_it_has_and_its_place() -> None:
    site, _, backup = _parts()
    backup._takeover.handle(DEADLINE, site.now)
    assert backup.begin(site.now, is_new=False) == []
    assert _state(backup) is State.WATCHING
    assert backup._takeover._own == site.all[1].node.log.head.seq


def test_the_first_listens_before_it_leads_and_counts_who_answers_unless_it_lacks_a_part_of_the_log() -> None:
    site, _, _ = _parts()
    site.master.restart()
    first = site.master.node._rooms.leading
    assert first._listening.lead_at is not None
    assert first.deadline == first._listening.deadline
    told = SimpleNamespace(sender=first._station.peers.get(site.all[1].node.device_id), source=NOBODY)
    first.told(told, Seq(1), site.now)  # type: ignore[arg-type]  # as much of a datagram as is looked at
    assert first._listening._answered == {site.all[1].node.device_id}
    first._listening.lead_at = None
    first._recovery.must_hear = True
    assert first.begin(site.now, is_new=False) == []
    assert first._listening.lead_at is None


def test_only_word_that_was_not_heard_before_ends_the_question_who_leads() -> None:
    site, _, backup = _parts()
    backup.heard(site.now, site.now)
    backup._takeover.handle(DEADLINE, site.now)
    for fresh_at in (None, site.now):
        backup.heard(fresh_at, site.now)
        assert _state(backup) is State.ASKING
    backup.heard(site.now + 1.0, site.now + 1.0)
    assert _state(backup) is State.WATCHING


def test_a21_who_begins_anew_takes_its_own_former_run_for_no_copy() -> None:
    site, _, _ = _parts()
    site.master.restart()
    again = site.master.node._rooms.leading
    assert not site.master.node.leads
    assert again.deposed(site.now) == []
    assert not again.is_copied
    site.until(lambda: site.master.node.leads, 10.0, STEP_S)
    assert again.deposed(site.now) == []
    assert site.master.node.leads


def test_who_leads_no_more_watches_at_once() -> None:
    site, master, _ = _parts()
    assert _state(master) is State.LEADING
    master._resign(site.now)
    assert _state(master) is State.WATCHING
    assert site.leaders == []
    master.lead(site.now)
    assert _state(master) is State.LEADING


def test_the_first_alone_takes_over_what_another_handed_over_if_it_lacks_nothing() -> None:
    site, first, backup = _parts()
    first._resign(site.now)
    log = first._log
    own, other = (box.node.device_id for box in site.all)
    for leading, leader, handed_over, lacks_some in (
        (first, own, True, False),
        (first, other, False, False),
        (first, other, True, True),
        (backup, own, True, False),
    ):
        leading._recovery.must_hear = lacks_some
        leading._log = SimpleNamespace(  # type: ignore[assignment]  # as much of a log as is looked at
            leader=leader, handed_over=handed_over, head=log.head, may_lead=log.may_lead
        )
        assert leading.log_moved(site.now) == []
    assert site.leaders == []


def test_who_leads_asks_at_a_configured_address_twice_more_soon_and_then_every_ten_cycles() -> None:
    site, master, _ = _parts()
    master._station.contacts.addresses = (NOBODY,)
    asked_at, ask = list[float](), master._ask

    def counted(now: float) -> list[Effect]:
        asked_at.append(now)
        return ask(now)

    master._ask = counted

    def asks(now: float) -> bool:
        return any(isinstance(e, SendDatagram) and e.to == NOBODY for e in master.tick(now))

    due = [site.now]
    assert asks(site.now)
    for wait_s in (5.0, 5.0, 50.0):
        at = master.deadline
        assert at == due[-1] + wait_s
        assert [asks(now) for now in (at - 0.01, at, at + 1.0)] == [False, True, False]
        due.append(at)
    master.lead(due[-1] + 2.0)
    assert asks(due[-1] + 2.0), "at once in each epoch"
    assert asked_at == [*due, due[-1] + 2.0]


def test_in_each_epoch_it_is_asked_anew_for_what_others_left_and_what_this_device_left_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site, master, _ = _parts()
    written: list[object] = []
    monkeypatch.setattr(master._forks, "stranded", lambda: ["left"])
    monkeypatch.setattr(master._writing, "strand", lambda changes, now: written.append((changes, now)))
    master._forks._dealt_with[ChainHash(bytes(32))] = None
    master.lead(site.now)
    assert not master._forks._dealt_with
    assert written == [(["left"], site.now)]


BACK: list[Effect] = [Event("handed", "back")]
AGAIN: list[Effect] = [Event("leads", "again")]


class _Writing:
    """As much of a writing leader as handing back asks."""

    def __init__(self, *, may: bool = True, waiting: int = 0) -> None:
        self.leader = SimpleNamespace(may_hand_back=lambda _: may)
        self.waiting = waiting

    def __len__(self) -> int:
        return self.waiting

    def hand_back(self, now: float) -> list[Effect]:
        return BACK


@pytest.mark.parametrize(
    ("writing", "is_first", "is_frozen", "is_handed"),
    [
        (_Writing(), False, False, True),
        (_Writing(), True, False, False),
        (_Writing(), False, True, False),
        (_Writing(may=False), False, False, False),
        (_Writing(waiting=1), False, False, False),
    ],
)
def test_who_stands_in_hands_back_to_a_first_that_may_lead_once_nothing_waits(
    writing: _Writing, monkeypatch: pytest.MonkeyPatch, *, is_first: bool, is_frozen: bool, is_handed: bool
) -> None:
    site, master, backup = _parts()
    leading = master if is_first else backup
    leading._writing = writing  # type: ignore[assignment]  # a stand-in
    if is_frozen:
        monkeypatch.setattr(leading._log, "may_lead", lambda _: False)
    assert leading.tick(site.now) == (BACK if is_handed else [])
    assert leading.deadline == (site.now + 15.0 if is_handed else None)
    if is_handed:
        monkeypatch.setattr(leading, "lead", lambda _: AGAIN)
        assert [leading.tick(site.now + s) for s in (0.0, 14.99, 15.0)] == [[], [], AGAIN]


@pytest.mark.parametrize("is_heard", [True, False])
def test_a25_a_leader_that_is_retired_writes_no_more_and_refuses_nobody(*, is_heard: bool) -> None:
    site = _settled(Site(3, holders=2))
    master, heir, member = site.all
    heir.on = is_heard
    owner, path = site.world, device_path(master.node.device_id)
    for edit in (
        owner.edit("cluster", "succession", [[heir.node.device_id]]),
        owner.edit(path, "retired", [True]),
    ):
        master.do(master.node.submit(owner.change(edit), site.now))
        site.run(0.2)
    assert master.node.log.has_ended
    change = member.commit("waits for who leads next")
    site.run(20.0)
    assert master.node.leads == (not is_heard), "who takes over needs what it wrote"
    heir.on = True
    both = (heir.node.log, member.node.log)
    site.until(lambda: None not in {log.position_of(change.id) for log in both}, 120.0, STEP_S)
    assert heir.node.leads
    assert heir.node.log.head == member.node.log.head
    assert ChangeState.REFUSED not in {state for state, *_ in member.told(change.id)}
