"""Devices that wait for a person, in whole nodes: the leader's list, and what members are told of it."""

import pytest

from dusk.catchup.messages import GetReports, Reports, WaitingRow
from dusk.changelog import views
from dusk.changelog.body import Change
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId
from dusk.limits import CHUNK_BYTES_MAX
from dusk.membership.pending import Pending
from dusk.node import reports as room
from tests.approving import approval_edits
from tests.node.site import Box, Site
from tests.world import World

STEP_S = 0.05


def _site() -> Site:
    site = Site(3, _manual_key, holders=2, cycle_ms=500)
    site.until(lambda: len(site.heads) == 1, 10.0, STEP_S)
    site.run(3.0)
    return site


def _manual_key(world: World) -> None:
    world.joinkey = world.key()
    rule: list[object] = [world.joinkey.public, 5, 0, [], "approve", [], "ask", ""]
    world.commit(world.edit(f"joinkey/{world.joinkey.key_id.hex()}", "rule", rule))


def _asks(site: Site, label: str = "02:bb") -> Change:
    """Let a device ask: its request comes by whatever member it found."""
    request = site.world.request(site.world.key(), label=label)
    box = site.all[2]
    box.do(box.node._rooms.writing.on_stream(request, site.now))
    site.until(lambda: any(p.request == request for p in _waiting(site.master)), 10.0, STEP_S)
    return request


def _waiting(box: Box) -> list[Pending]:
    return box.node.pending(box.site.now)


def test_a_request_waits_at_the_leader_and_every_member_is_told_who_asks() -> None:
    site = _site()
    head = site.master.node.log.head
    requests = [_asks(site, label) for label in ("02:bb", "02:cc")]
    assert site.master.node.log.head == head
    member = site.all[1]
    assert _waiting(member) == []
    asked_at = site.now
    member.do(member.node.ask_reports(site.now))
    site.until(lambda: member.node.reports_since(asked_at), 5.0, STEP_S)
    told = _waiting(member)
    assert [p.request for p in told] == sorted(requests, key=lambda r: r.body.device)
    assert {p.label for p in told} == {"02:bb", "02:cc"}
    assert all(0.0 <= site.now - p.seen_at < 10.0 for p in told)


def test_who_is_approved_anywhere_waits_no_more_and_another_leader_begins_anew() -> None:
    site = _site()
    request, other = _asks(site), _asks(site, "02:cc")
    member = site.all[1]
    member.do(member.node.ask_reports(site.now))
    site.run(2.0)
    site.world.log = site.master.node.log
    change = site.world.change(*approval_edits(request), device=member.key, counter=99)
    member.do(member.node.submit(change, site.now))
    site.until(lambda: all(b.node.log.position_of(change.id) is not None for b in site.all), 10.0, STEP_S)
    for box in (site.master, member):
        assert [p.request for p in _waiting(box)] == [other]
    site.master.node._rooms.writing.step_down(site.now)
    assert site.master.node._rooms.waiting_here(site.now) == []


def test_a20_who_shows_the_label_of_a_member_that_is_online_is_an_alarm() -> None:
    site = _site()
    member = site.all[2]
    label = views.member(site.master.node.log.state, member.node.device_id)
    assert label is not None
    request = _asks(site, label.label)
    site.run(1.0)
    line = site.master.node.alarms["same-label"]
    assert request.body.device.hex()[:8] in line
    assert label.name in line
    assert "same-label" not in site.all[1].node.alarms
    site.world.log = site.master.node.log
    joinkey = f"joinkey/{site.world.joinkey.key_id.hex()}"
    rejected = site.world.edit(joinkey, f"rejected/{request.body.device.hex()}", (True,))
    change = site.world.change(rejected, counter=77)
    site.master.do(site.master.node.submit(change, site.now))
    site.run(2.0)
    assert "same-label" not in site.master.node.alarms


def test_many_make_pages_and_nobody_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    site = _site()
    devices = sorted(_asks(site, f"02:{n}").body.device for n in range(4))
    monkeypatch.setattr(room, "CHUNK_BYTES_MAX", 1000)
    assert CHUNK_BYTES_MAX > 1000
    reports, seen, asked, more = site.master.node._rooms.reports, [], GetReports(b""), True
    while more:
        page = reports.page(asked, site.now)
        seen += [row.device for row in page.waiting]
        asked = GetReports(
            page.rows[-1].device if page.rows else asked.after,
            page.waiting[-1].device if page.waiting else asked.after_waiting,
        )
        more = page.more
    assert seen == devices


def test_a17_a_row_with_a_request_of_another_device_is_a_lie() -> None:
    site = _site()
    request = site.world.request(site.world.key())
    row = WaitingRow(DeviceId(bytes(16)), request.encode(), "approval-needed", 0, 0)
    with pytest.raises(UntrustedInput):
        site.all[1].node._rooms.reports.took_reports(Reports((), more=False, waiting=(row,)), site.now)
