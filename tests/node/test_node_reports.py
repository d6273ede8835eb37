"""Everybody's status at any member: asked of the master, verified, and never forged by it."""

from dataclasses import replace

import pytest

from dusk.catchup.messages import (
    GetReports,
    Report,
    ReportRow,
    Reports,
    WaitingRow,
    decode_reply,
    decode_request,
    encode,
)
from dusk.cycle.peers import Peer
from dusk.cycle.status import Status, encode_health
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId, Seq
from dusk.limits import CHUNK_BYTES_MAX
from dusk.node import reports as room
from dusk.node.reports import NodeReports
from tests.node.site import Box, Site

STATUS_SEQ = Seq(3)


def _site(size: int = 4) -> Site:
    site = Site(size)
    site.run(12.0)
    return site


def _peer(at: Box, of: Box) -> Peer:
    peer = at.node.peers.get(of.node.device_id)
    assert peer is not None
    return peer


def _ask(site: Site, box: Box) -> bool:
    since = site.now
    box.do(box.node.ask_reports(site.now))
    site.run(1.0)
    return box.node.reports_since(since)


def test_every_member_knows_who_is_online() -> None:
    site = _site()
    everybody = {box.node.device_id for box in site.all}
    assert all(box.node.online(site.now) == everybody for box in site.all)
    site.all[3].on = False
    site.run(30.0)
    expected = everybody - {site.all[3].node.device_id}
    assert all(box.node.online(site.now) == expected for box in site.all[:3])
    site.master.on = False
    site.run(30.0)
    assert site.all[1].node.online(site.now) == {site.all[1].node.device_id}


def test_a_member_gets_the_status_of_all_when_somebody_looks() -> None:
    site = _site()
    member, other = site.all[1:3]
    assert _peer(member, other).status is None
    assert _ask(site, member)
    for box in site.all:
        if box is not member:
            status, hearsay = _peer(member, box).status, _peer(member, box).hearsay
            assert status is not None
            assert hearsay is not None
            assert (status.state, status.seq) == (box.node.applied.state, box.node.applied.head.seq)
            assert hearsay.heard_at is not None
            assert site.now - hearsay.heard_at < 6.0
            assert _peer(member, box).holds == site.master.node.log.head.seq
    assert site.master.node.reports_since(site.now)
    assert site.master.node.ask_reports(site.now) == []


def test_however_many_look_the_master_is_asked_every_half_second() -> None:
    site = _site()
    member = site.all[1]
    assert member.node.ask_reports(site.now)
    assert member.node.ask_reports(site.now + 0.4) == []
    site.master.on = False
    site.run(30.0)
    assert member.node.ask_reports(site.now) == []


def test_a_status_too_large_for_a_datagram_goes_by_a_stream_also_to_a_master_that_starts_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "STATUS_IN_RESPOND_BYTES_MAX", 10)
    monkeypatch.setattr("dusk.cycle.answers.STATUS_IN_RESPOND_BYTES_MAX", 10)
    site = _site(3)
    assert all(_peer(site.master, box).status is not None for box in site.all[1:])
    connects = [str(e) for box in site.all[1:] for e in box.effects if type(e).__name__ == "Connect"]
    site.run(30.0)
    again = [str(e) for box in site.all[1:] for e in box.effects if type(e).__name__ == "Connect"]
    assert again == connects, "what has arrived is not sent again"


# --- what is believed ------------------------------------------------------------------------------


def _signed(box: Box, *, cycle: int, state: str = "committed") -> bytes:
    head = box.node.log.head
    status = Status(head.epoch, cycle, 0, head.seq, head.chain, head.seq, (), state, "", ())
    return status.sign(box.key, box.site.world.cluster)


def _reports(box: Box) -> NodeReports:
    return box.node._rooms.reports


def _page(*rows: ReportRow, more: bool = False) -> Reports:
    return Reports(rows, more)


def _row(box: Box, signed: bytes | None, health: bytes | None = None) -> ReportRow:
    return ReportRow(box.node.device_id, signed, health, STATUS_SEQ, 500)


def test_a_hostile_master_cannot_forge_a_status_nor_bring_an_old_one_back() -> None:
    site = Site(3)
    member, other = site.all[1:]
    forged = _signed(site.master, cycle=99)
    with pytest.raises(UntrustedInput, match="not signed by its device"):
        _reports(member).took_reports(_page(_row(other, forged)), site.now)
    new, old = _signed(other, cycle=9), _signed(other, cycle=8, state="failed")
    _reports(member).took_reports(_page(_row(other, new)), site.now)
    _reports(member).took_reports(_page(_row(other, old)), site.now)
    _reports(member).took_reports(_page(_row(other, None)), site.now)
    assert _peer(member, other).status_bytes == new
    with pytest.raises(UntrustedInput):
        _reports(member).took_reports(_page(_row(other, None, b"junk")), site.now)


def test_rows_of_ourselves_and_of_devices_that_we_do_not_know_are_dropped() -> None:
    site = Site(2)
    member = site.all[1]
    stranger = replace(_row(member, b"junk"), device=DeviceId(bytes(16)))
    assert _reports(member).took_reports(_page(_row(member, b"junk"), stranger), site.now) == []
    assert _reports(member).took_report(Report(DeviceId(bytes(16)), b"junk"), site.now) == []
    health = encode_health({"uptime": 7})
    _reports(member).took_reports(_page(replace(_row(site.master, None, health), age_ms=None)), site.now)
    hearsay = _peer(member, site.master).hearsay
    assert hearsay is not None
    assert (hearsay.health, hearsay.heard_at) == (health, None)


def test_all_is_known_only_once_the_last_page_came() -> None:
    site = Site(2)
    reports = _reports(site.all[1])
    reports.wants_all = True
    assert reports.took_reports(_page(more=True), site.now) == []
    assert reports.wants_all
    assert reports.complete_at < site.now
    assert reports.took_reports(_page(), site.now) == []
    assert (reports.wants_all, reports.complete_at) == (False, site.now)


def test_large_statuses_make_many_pages_that_rise_and_leave_nobody_out() -> None:
    site = Site(4)
    for box in site.all[1:]:
        _peer(site.master, box).status_bytes = bytes(CHUNK_BYTES_MAX)
    seen: list[DeviceId] = []
    more = True
    while more:
        page = _reports(site.master).page(GetReports(seen[-1] if seen else b""), site.now)
        seen += [row.device for row in page.rows]
        more = page.more
    assert seen == sorted(box.node.device_id for box in site.all)


def test_requests_and_pages_are_read_as_they_were_written() -> None:
    row = ReportRow(DeviceId(bytes(16)), b"status", None, Seq(4), None)
    waiting = WaitingRow(DeviceId(bytes(16)), b"request", "approval-needed", 5, 4)
    for reply in (
        _page(),
        Reports((row,), more=False, waiting=(waiting,)),
        _page(row, replace(row, status=None, health=b"h", age_ms=5), more=True),
    ):
        assert decode_reply(encode(reply)) == reply
    for request in (GetReports(b""), GetReports(bytes(16), bytes(16)), Report(DeviceId(bytes(16)), b"s")):
        assert decode_request(encode(request)) == request
