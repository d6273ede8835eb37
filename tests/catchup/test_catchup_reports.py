"""Statuses over streams: pages, lies, and what goes on behind them."""

import pytest

from dusk.catchup.messages import Report, ReportRow, Reports
from dusk.effects import Effect
from dusk.ids import DeviceId, Seq
from tests.streams import Member, Wires, at, master, member
from tests.world import World


def _row(number: int) -> ReportRow:
    return ReportRow(DeviceId(bytes([number]) * 16), None, None, Seq(1), 0)


class Asker:
    """What a device wants of the server."""

    def __init__(self, own: Report | None = None, *, wants_all: bool = True) -> None:
        self.own, self.wants_all = own, wants_all
        self.rows: list[ReportRow] = []
        self.got: list[Report] = []

    def own_report(self) -> Report | None:
        return self.own

    def delivered(self, report: Report) -> None:
        self.got.append(report)

    def took_reports(self, reports: Reports, now: float) -> list[Effect]:
        self.rows += reports.rows
        self.wants_all = reports.more
        return []


def _pair(known: int = 10_000) -> tuple[Wires, Member, Member]:
    world = World()
    world.allow_joining()
    key = world.join()
    world.commit(world.set("wifi", "wireless.a.ssid", "x"))
    first, second = master(world), member(world, key, known)
    first.report_rows = [_row(number) for number in range(1, 6)]
    return Wires({"master": first, "asker": second}), first, second


def _go(wires: Wires, asking: Member, errand: Asker) -> None:
    wires.do("asker", asking.exchanges.reports(at("master"), errand, wires.now))


def test_all_pages_come_one_after_the_other() -> None:
    wires, server, asking = _pair()
    errand = Asker()
    _go(wires, asking, errand)
    assert errand.rows == server.report_rows
    assert wires.connected_to == {}


def test_an_own_status_is_handed_over_first_and_alone_where_no_more_is_wanted() -> None:
    wires, server, asking = _pair()
    own = Report(DeviceId(asking.key.key_id), b"status")
    errand = Asker(own, wants_all=False)
    _go(wires, asking, errand)
    assert (server.taken_reports, errand.got, errand.rows) == ([own], [own], [])


def test_an_own_status_is_handed_to_the_master_alone_whoever_is_at_its_address() -> None:
    world = World()
    world.allow_joining()
    other, asking = member(world, world.join()), member(world, world.join())
    other.log, asking.log = world.log, world.log
    other.report_rows = [_row(1)]
    wires = Wires({"master": other, "asker": asking})
    errand = Asker(Report(DeviceId(asking.key.key_id), b"status"))
    _go(wires, asking, errand)
    assert (other.taken_reports, errand.got, errand.rows) == ([], [], other.report_rows)


def test_a_status_that_its_device_did_not_sign_ends_the_stream() -> None:
    wires, server, asking = _pair()
    errand = Asker(Report(DeviceId(bytes(16)), b"junk"))
    _go(wires, asking, errand)
    assert (errand.got, errand.rows, server.taken_reports) == ([], [], [])
    _go(wires, asking, errand)
    assert "failed" in wires.texts("asker")
    assert asking.exchanges.catch_up(at("master"), wires.now), "no reason to leave the peer alone"


@pytest.mark.parametrize("rows", [[_row(2), _row(1)], [_row(1), _row(1)]], ids=["falling", "twice"])
def test_pages_that_do_not_rise_are_a_lie(rows: list[ReportRow]) -> None:
    wires, server, asking = _pair()
    server.report_rows = rows
    _go(wires, asking, Asker())
    assert "out of order" in wires.texts("asker")
    assert asking.exchanges.reports(at("master"), Asker(), wires.now) == []


def test_an_empty_page_with_more_behind_it_is_a_lie() -> None:
    wires, server, asking = _pair()
    server.page_size = 0
    _go(wires, asking, Asker())
    assert "out of order" in wires.texts("asker")


def test_nothing_is_shown_to_a_server_that_is_no_member() -> None:
    wires, server, asking = _pair()
    server.key = server.world.key()
    stranger = Member(server.key, server.log, server.items, server.world)
    stranger.report_rows = [_row(1)]
    wires.cores["master"] = stranger
    errand = Asker(Report(DeviceId(bytes(16)), b"status"))
    _go(wires, asking, errand)
    assert "no member" in wires.texts("asker")
    assert stranger.taken_reports == []


def test_who_falls_behind_meanwhile_catches_up_on_the_same_stream() -> None:
    wires, server, asking = _pair(known=4)
    effects = asking.exchanges.reports(at("master"), Asker(), wires.now)
    assert asking.exchanges.catch_up(at("master"), wires.now) == []
    assert asking.exchanges.catch_up(at("elsewhere"), wires.now)
    wires.do("asker", effects)
    assert asking.head == server.head
