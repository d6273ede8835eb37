"""A device stops before what a later version wrote, says so, and goes on once it is updated (R13, A36)."""

import pytest

from dusk import codec
from dusk.changelog import newer
from dusk.changelog.entry import Entry, EntryKind
from dusk.changelog.verdict import Verdict
from dusk.cli.status import healthy
from dusk.daemon.status import status_of
from dusk.effects import Event, ItemKind, LogItem, Tick
from dusk.errors import UntrustedInput
from tests.node.site import Box, Site
from tests.node.test_node_forced_roles import role_for

STEP_S = 0.05


def _is_old(box: Box) -> None:
    """Let a device be of a version that does not know `handover`."""
    judging = box.node.log._judging
    later = judging.later

    def old(entry: Entry, *rest: object) -> Verdict:
        if entry.kind is EntryKind.HANDOVER:
            raise UntrustedInput("entry: an unknown kind")
        return later(entry, *rest)  # type: ignore[arg-type]  # passed on as they are

    judging.later = old  # type: ignore[method-assign, assignment]  # an older version


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    """Return a cluster whose third holder does not know what the others write when the first is back."""
    monkeypatch.setattr(newer, "KNOWN_KINDS", newer.KNOWN_KINDS - {EntryKind.HANDOVER})
    site = Site(3, holders=3, cycle_ms=500)
    site.until(lambda: all(b.node.settled == b.node.log.head.seq for b in site.all), 10.0, STEP_S)
    _is_old(site.all[2])
    site.master.on = False
    site.until(lambda: site.all[1].node.leads, 10.0, STEP_S)
    site.master.restart()
    site.until(lambda: site.master.node.leads, 60.0, STEP_S)
    site.run(2.0)
    return site


def _handover(box: Box) -> int:
    log = box.node.log
    return max(seq for seq in range(1, log.head.seq) if log.writer_at(seq) != log.writer_at(seq + 1))


def test_a36_a_device_stops_before_an_entry_of_a_later_version_and_says_so(site: Site) -> None:
    old = site.all[2]
    seq = _handover(site.master)
    assert old.node.log.head.seq == seq - 1
    site.master.commit("goes on")
    site.run(30.0)
    assert old.node.log.head.seq == seq - 1
    assert site.master.node.log.head == site.all[1].node.log.head
    line = old.node.alarms["version"]
    assert line == f"entry {seq} is of a later version: update this device; until then it stays before"
    status = status_of(old.node, "", (), site.now)
    assert line in status["alarms"]
    assert not healthy(status), "dusk status ends with 3"
    told = [e for e in old.of(Event) if isinstance(e, Event) and e.name == "version"]
    assert len(told) == 1
    assert not any("version" in box.node.alarms for box in site.all[:2])


def test_r13_who_stopped_does_not_lead_though_nobody_else_is_there(site: Site) -> None:
    old = site.all[2]
    site.master.on = site.all[1].on = False
    site.run(60.0)
    assert not old.node.leads


def test_r13_who_stopped_while_it_led_leads_no_more(site: Site) -> None:
    old = site.all[2]
    old.node._rooms.leading._is_stopped = False
    old.do(old.node._rooms.leading.lead(site.now))
    assert old.node.leads
    old.do(old.node._rooms.leading.stop(site.now))
    site.run(60.0)
    assert not old.node.leads


def test_r13_an_update_goes_on_where_it_stopped(site: Site) -> None:
    old = site.all[2]
    change = site.master.commit("meanwhile")
    site.run(5.0)
    old.restart()
    site.until(lambda: old.node.log.head == site.master.node.log.head, 30.0, STEP_S)
    assert old.node.log.position_of(change.id) is not None
    assert "version" not in old.node.alarms
    site.master.on = site.all[1].on = False
    site.until(lambda: old.node.leads, 30.0, STEP_S)


def test_r13_owners_may_force_who_stopped_to_lead(site: Site) -> None:
    old = site.all[2]
    role = role_for(site, old)
    old.do(old.node.force_role(role, site.now))
    assert old.node.leads
    assert "version" not in old.node.alarms
    site.until(lambda: len(site.heads) == 1, 30.0, STEP_S)
    assert site.leaders == [old]


def test_r13_a_branch_that_cannot_be_read_leaves_ours_where_it_is(site: Site) -> None:
    reader, other = site.all[1:]
    seq = _handover(site.master)
    site.part([site.master, reader], [other])
    other.node._rooms.leading._is_stopped = False
    other.node._rooms.leading.placed(None, site.now)
    site.until(lambda: other.node.leads, 30.0, STEP_S)
    change = other.commit("on a branch of its own")
    site.run(2.0)
    entries = [at for at, item in enumerate(site.master.items) if item.kind is ItemKind.ENTRY]
    assert site.master.items[entries[seq - 1] - 1].kind is not ItemKind.ENTRY
    for first in (0, entries[seq - 2], entries[seq - 1] - 1, entries[seq - 1]):
        with pytest.raises(newer.NewerVersion):
            other.node._rooms.branching.took_branch(site.master.items[first:], site.now)
    junk = [item for item in site.master.items[entries[seq - 1] :] if item.kind is ItemKind.ENTRY]
    with pytest.raises(UntrustedInput, match="unknown kind"):
        other.node._rooms.branching.took_branch(junk, site.now)
    other.do(other.node.handle(Tick(), site.now))
    assert other.node.alarms["version"].startswith(f"another history: entry {seq} is of a later version")
    assert other.node.leads
    assert other.node.log.position_of(change.id) is not None


def test_a36_what_nobody_who_leads_has_signed_stops_nobody(site: Site) -> None:
    member = site.all[1]
    head = member.node.log.head
    later = LogItem(ItemKind.ENTRY, codec.pack((codec.pack((2, "later")), None)))
    with pytest.raises(UntrustedInput):
        member.node._rooms.took([later], site.now)
    member.do(member.node.handle(Tick(), site.now))
    assert member.node.log.head == head
    assert "version" not in member.node.alarms
