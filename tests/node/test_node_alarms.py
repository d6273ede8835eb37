"""What is wrong is shown while it is so, and no longer: withheld changes, copies, other histories."""

import pytest

from dusk.changelog.body import Change
from dusk.changelog.entry import APPLIED
from dusk.changelog.rewinds import LostBranch
from dusk.cycle.messages import Kind
from dusk.cycle.write_queue import stored
from dusk.daemon.status import status_of
from dusk.effects import ChangeState, Effect, Event
from dusk.ids import ChainHash, ChangeId, Seq
from dusk.limits import BRANCHES_MAX
from dusk.node.alarms import QUIET_S_MIN, Alarms, Refusals, undone_by_owners
from dusk.node.forks import JUDGED_S, chains_of
from tests.node.site import Box, Site
from tests.node.test_node_forced_roles import role_for
from tests.parted import parted

STEP_S = 0.05


def _ready(size: int = 3, holders: int = 2) -> Site:
    site = Site(size, holders=holders, cycle_ms=500)
    site.until(lambda: all(b.node.settled == b.node.log.head.seq for b in site.all), 10.0, STEP_S)
    return site


def _lines(box: Box) -> list[str]:
    return list(status_of(box.node, "", (), box.site.now)["alarms"])


# --- a master that withholds ------------------------------------------------------------------------


def test_a27_a_master_that_drops_what_one_device_submits_is_shown_there_and_owners_move_the_lead() -> None:
    site = _ready()
    backup, author = site.all[1:]
    site.lost = lambda sender, to, data: (sender, to, data[8]) == (author.name, site.master.name, Kind.SUBMIT)
    change = author.commit("dropped")
    other = backup.commit("taken", policy="b")
    site.run(50.0)
    assert "withheld" not in author.node.alarms
    site.run(15.0)
    assert (
        "attic is heard, and has not written what was given here for 60 s" in author.node.alarms["withheld"]
    )
    assert author.node.alarms["withheld"] in _lines(author)
    assert author.node.log.position_of(change.id) is None
    assert author.node.log.position_of(other.id) is not None
    assert not any("withheld" in box.node.alarms for box in (site.master, backup))
    site.until(lambda: "withheld" in _status_words(site.master, author), 5.0, STEP_S)
    role = role_for(site, backup)
    backup.do(backup.node.force_role(role, site.now))
    site.until(lambda: author.node.log.position_of(change.id) is not None, 30.0, STEP_S)
    site.until(lambda: "withheld" not in author.node.alarms, 5.0, STEP_S)


def _status_words(box: Box, of: Box) -> tuple[str, ...]:
    """Return the words of the alarms that a device says it has, at another one."""
    peer = box.node.peers.get(of.node.device_id)
    return () if peer is None or peer.status is None else peer.status.alarms


def test_a27_a_master_that_promises_and_does_not_write_is_shown_too() -> None:
    site = _ready()
    author = site.all[2]
    writing = site.master.node._rooms.writing

    def lie(change: Change, sender: bytes, now: float, after: ChangeId | None = None) -> list[Effect]:
        return writing._reply(stored(change.id, Seq(99), APPLIED), now)

    writing.queue = lie  # type: ignore[method-assign]  # it lies
    change = author.commit("never written")
    site.run(70.0)
    assert author.told(change.id)[-1] == (ChangeState.LOCAL, Seq(99))
    assert "withheld" in author.node.alarms


def test_a27_nobody_withholds_where_no_master_is_heard_or_this_device_is_it() -> None:
    site = _ready()
    author = site.all[2]
    site.part([author], site.all[:2])
    author.commit("alone")
    site.master.node._rooms.writing.queue = lambda *_: []  # type: ignore[method-assign]  # it drops all
    site.master.commit("at the writer")
    site.run(120.0)
    assert not any("withheld" in box.node.alarms for box in (author, site.master))


# --- copies and other histories ---------------------------------------------------------------------


def test_a21_the_alarm_of_a_copy_ends_when_the_copy_is_gone() -> None:
    site = Site(3)
    site.run(6.0)
    copy = site.copy_of_the_master()
    site.lost = lambda _, to, data: to == copy.name and data[8] == Kind.PONG
    site.master.commit("here")
    site.until(lambda: copy.node.leads, 15.0)
    copy.commit("there", policy="b")
    site.lost = lambda *_: False
    site.until(lambda: all("clone" in box.node.alarms for box in (site.master, copy)), 60.0, STEP_S)
    site.run(100.0)
    assert "clone" in site.master.node.alarms, "both go on"
    copy.on = False
    site.until(lambda: "clone" not in site.master.node.alarms, 200.0, STEP_S)
    told = [e.text for e in site.master.of(Event) if isinstance(e, Event) and e.name == "clone"]
    assert len(told) == 2
    assert told[1] == f"over: {told[0]}"


def test_a21_who_gave_way_to_its_copy_says_so_for_the_rest_of_its_run() -> None:
    site = _ready()
    site.all[2].node._rooms.leading._is_copied = True
    site.run(100.0)
    assert site.all[2].node.alarms["clone"].endswith("this one leads no more until it is started again")
    site.all[2].restart()
    site.run(100.0)
    assert not site.all[2].node.alarms


def _with_another_history() -> tuple[Site, Box]:
    """Return a cluster with one writer whose member has more of the log than the writer's old disk."""
    site = Site(2)
    site.run(6.0)
    count = len(site.master.items)
    site.master.commit("settled")
    site.run(6.0)
    site.master.on = False
    site.lost = lambda *_: True
    site.master.restart(count)
    site.until(lambda: site.master.node.leads, 30.0)
    site.lost = lambda *_: False
    return site, site.all[1]


def test_the_alarm_of_another_history_stays_while_it_is_shown_and_ends_when_all_are_at_one_head() -> None:
    site, member = _with_another_history()
    site.run(20.0)
    assert "conflict" in member.node.alarms
    site.run(300.0)
    assert "conflict" in member.node.alarms, "it is shown all the time"
    site.master.on = False
    role = role_for(site, member)
    member.do(member.node.force_role(role, site.now))
    site.run(1.0)
    site.master.restart()
    site.until(lambda: len(site.heads) == 1, 60.0, STEP_S)
    site.until(lambda: "conflict" not in member.node.alarms, 200.0, STEP_S)
    assert all("conflict" not in line and "another history" not in line for line in _lines(member))


# --- branches that are refused ----------------------------------------------------------------------


def _refusals() -> tuple[dict[str, str], Refusals, LostBranch]:
    lines: dict[str, str] = {}
    _, barn, fork = parted()
    items = [item for item in barn.items if item not in barn.items[: 2 * fork]]
    return lines, Alarms(lines, lambda: 1.0).refusals, LostBranch(fork, tuple(items))


def test_a40_who_stands_on_a_refused_branch_and_gives_way_is_not_shown() -> None:
    lines, refusals, lost = _refusals()
    assert refusals.refused(lost, 0.0, is_yielding=True) == []
    assert refusals.refused(lost, QUIET_S_MIN - 1, is_yielding=True) == []
    assert lines == {}


def test_a40_who_forks_below_a_certificate_and_does_not_give_way_is_shown() -> None:
    lines, refusals, lost = _refusals()
    last = chains_of(lost)[-1]
    for second in range(0, int(QUIET_S_MIN), 10):
        assert refusals.refused(lost, float(second), is_yielding=True) == []
    (event,) = refusals.shown(last, QUIET_S_MIN)
    assert isinstance(event, Event)
    assert event.loud
    assert lines["conflict"].endswith("it is refused, and who holds it does not give way")


def test_a40_one_that_is_back_for_a_moment_again_and_again_is_another_case_each_time() -> None:
    lines, refusals, lost = _refusals()
    for time in range(5):
        assert refusals.refused(lost, 100.0 * time, is_yielding=True) == []
    assert lines == {}


def test_a40_one_that_was_not_seen_for_long_enough_is_another_case() -> None:
    lines, refusals, lost = _refusals()
    for time in range(4):
        assert refusals.refused(lost, QUIET_S_MIN * time, is_yielding=True) == []
    assert lines == {}


def test_a40_one_that_will_not_give_way_by_the_rules_is_shown_at_once() -> None:
    lines, refusals, lost = _refusals()
    assert len(refusals.refused(lost, 0.0, is_yielding=False)) == 1
    assert refusals.refused(lost, 1.0, is_yielding=False) == []
    assert lines["conflict"].endswith("it is refused")


def test_what_nobody_refused_is_nothing_and_few_branches_are_remembered() -> None:
    lines, refusals, lost = _refusals()
    assert refusals.shown(ChainHash(bytes(32)), 0.0) == []
    for count in range(1, BRANCHES_MAX + 2):
        world = parted()[1]
        for number in range(count):
            world.commit(world.set(f"p{number}", "system.a.b", str(count)))
        items = tuple(world.items[2 * lost.seq :])
        refusals.refused(LostBranch(lost.seq, items), 0.0, is_yielding=True)
    assert len(refusals._first_of) == BRANCHES_MAX
    world = parted()[1]
    for number in range(BRANCHES_MAX + 1):
        world.commit(world.set(f"p{number}", "system.a.b", "1"))
        refusals.refused(LostBranch(lost.seq, tuple(world.items[-2:])), 0.0, is_yielding=True)
    assert len(refusals._branches) == BRANCHES_MAX
    assert lines == {}


# --- the alarms themselves --------------------------------------------------------------------------


def test_an_alarm_is_told_once_and_its_end_too() -> None:
    lines: dict[str, str] = {}
    alarms = Alarms(lines, lambda: 1.0)
    assert alarms.tell("word", "") == []
    assert alarms.tell("word", "wrong") == [Event("word", "wrong", loud=True)]
    assert alarms.tell("word", "wrong") == []
    assert alarms.tell("word", "worse") == [Event("word", "worse", loud=True)]
    assert alarms.tell("word", "") == [Event("word", "over: worse", loud=True)]
    assert alarms.end("word") == []
    assert lines == {}


@pytest.mark.parametrize("cycle_s", [0.5, 5.0])
def test_what_was_seen_is_over_when_it_was_not_seen_for_20_cycles_or_30_seconds(cycle_s: float) -> None:
    lines: dict[str, str] = {}
    alarms = Alarms(lines, lambda: cycle_s)
    quiet_s = max(30.0, 20 * cycle_s)
    assert alarms.saw("word", "first", 0.0)
    assert alarms.saw("word", "again", 10.0) == []
    assert alarms.step(10.0 + quiet_s - 0.01) == []
    assert lines == {"word": "first"}
    assert alarms.step(10.0 + quiet_s) == [Event("word", "over: first", loud=True)]
    assert lines == {}


def test_a40_a_holder_that_forks_below_what_is_final_and_does_not_give_way_is_shown_to_people() -> None:
    site = _ready(4)
    rogue, count = site.all[1], len(site.all[1].items)
    fetched = f"catch-up with {rogue.address.host} done"
    change = site.master.commit("final")
    site.until(lambda: site.master.node.log.position_of(change.id) is not None, 5.0, STEP_S)
    site.until(lambda: all(b.node.settled == b.node.log.head.seq for b in site.all), 10.0, STEP_S)
    site.lost = lambda *_: True
    rogue.restart(count)
    rogue.do(rogue.node._rooms.leading.lead(site.now, epoch_above=rogue.node.log.head.epoch + 5))
    branching = rogue.node._rooms.branching
    branching.took = branching.took_branch = lambda *_: []  # type: ignore[method-assign]  # it does as it likes
    rogue.commit("its own", policy="own")
    site.lost = lambda *_: False
    site.run(15.0)
    honest = [box for box in site.all if box is not rogue]
    assert not any("conflict" in box.node.alarms for box in honest), "an honest one would give way by now"
    for _ in range(9):  # it opens above whoever opened above it
        rogue.do(rogue.node._rooms.leading.lead(site.now, epoch_above=site.master.node.log.head.epoch + 5))
        site.run(5.0)
    assert site.master.node.alarms["conflict"].endswith("and who holds it does not give way")
    assert {box.node.log.position_of(change.id) is not None for box in honest} == {True}
    assert site.master.node.leads
    judged = [event for box in honest for event in box.effects if event == Event("exchange", fetched)]
    assert len(judged) <= len(honest) * 60 / JUDGED_S, "saying it again is cheap, judging it again is not"
    rogue.on = False
    site.until(lambda: not any("conflict" in box.node.alarms for box in honest), 60.0, STEP_S)


def test_what_ended_and_is_told_anew_is_not_over_because_it_was_seen_before() -> None:
    alarms = Alarms({}, lambda: 1.0)
    alarms.saw("conflict", "seen", 0.0)
    alarms.end("conflict")
    alarms.tell("conflict", "told")
    assert alarms.step(1000.0) == []
    assert alarms.is_on("conflict")


def test_r4_people_are_told_of_what_owners_undid_only_where_it_was_final_behind_the_fork() -> None:
    assert undone_by_owners(5, 5) == []
    assert [type(effect) for effect in undone_by_owners(5, 6)] == [Event]
