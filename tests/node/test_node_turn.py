"""The leader applies last, the backup before it, and a cluster that does not answer stops neither."""

from dusk.apply.windows import WINDOWS
from dusk.effects import ReadFiles, WriteFiles
from dusk.ids import DeviceId, Seq
from dusk.node.turn import Turn
from tests.node.site import HELPER_S, Box, Site
from tests.world import World

A, B = DeviceId(b"a" * 16), DeviceId(b"b" * 16)
WIRELESS = b"config wifi-iface 'default_radio0'\n\toption ssid 'old'\n"
RADAR = (
    b"config wifi-device 'radio1'\n\toption band '5g'\n\toption channel '100'\n"
    b"config wifi-iface 'link'\n\toption device 'radio1'\n\toption mode 'mesh'\n"
)


def test_a_turn_comes_when_all_that_were_there_are_done() -> None:
    turn, done = Turn(lambda: 90.0), {A}
    assert not turn.has_come(Seq(5), lambda: {A, B}, done.__contains__, 0.0)
    assert turn.deadline == 90.0
    done.add(B)
    assert turn.has_come(Seq(5), lambda: {A, B}, done.__contains__, 1.0)
    assert turn.deadline is None


def test_who_comes_later_is_not_waited_for_but_a_newer_position_asks_again() -> None:
    turn = Turn(lambda: 90.0)
    assert not turn.has_come(Seq(5), lambda: {A}, lambda _: False, 0.0)
    assert turn.has_come(Seq(5), lambda: {A, B}, {A}.__contains__, 1.0)
    assert not turn.has_come(Seq(5), lambda: {A}, lambda _: False, 2.0)
    assert not turn.has_come(Seq(6), lambda: {B}, {A}.__contains__, 3.0)
    assert turn.has_come(Seq(6), lambda: {A}, {B}.__contains__, 4.0)


def test_when_patience_is_over_it_comes_in_any_case_however_often_the_log_moves() -> None:
    turn = Turn(lambda: 90.0)
    for second in range(90):
        assert not turn.has_come(Seq(5 + second), lambda: {A}, lambda _: False, float(second))
    assert turn.has_come(Seq(200), lambda: {A}, lambda _: False, 90.0)


# --- in nodes ------------------------------------------------------------------------------------


def _manage(world: World) -> None:
    world.commit(
        world.set("wifi", "wireless.default_radio0.ssid", "first"),
        world.edit("assignment/wifi", "to", ("all", [], 100)),
    )


def _site(size: int, **settings: float) -> Site:
    site = Site(size, _manage, **settings)  # type: ignore[arg-type]  # only numbers are given
    for box in site.all:
        box.files["wireless"] = WIRELESS
    site.run(20.0)
    assert all(_has(box, "first") for box in site.all)
    for box in site.all:
        box.written_at.clear()
    return site


def _has(box: Box, ssid: str) -> bool:
    return f"'{ssid}'".encode() in (box.files["wireless"] or b"")


def _change(site: Site, ssid: str) -> None:
    change = site.world.change(site.world.set("wifi", "wireless.default_radio0.ssid", ssid))
    site.master.do(site.master.node.submit(change, site.now))


def test_the_leader_applies_right_after_the_others_reported_and_not_before() -> None:
    site = _site(4)
    site.all[2].helper_s = 0.8
    _change(site, "second")
    took_s = site.until(lambda: all(_has(box, "second") for box in site.all), 10.0)
    assert 0.8 < took_s < 1.5
    assert min(box.written_at[0] for box in site.all[1:]) < site.master.written_at[0]
    assert site.master.written_at[0] > site.all[2].written_at[0] + 0.8


def test_a_device_that_failed_is_not_waited_for() -> None:
    site = _site(3)
    site.all[1].reload_exit = 1
    _change(site, "second")
    site.until(lambda: _has(site.master, "second"), 3.0)
    assert _has(site.all[2], "second")


def test_a_device_that_went_off_before_the_change_costs_no_more_than_a_cycle() -> None:
    site = _site(3)
    site.all[1].on = False
    _change(site, "second")
    assert site.until(lambda: _has(site.master, "second"), 30.0) < 6.0


def test_a_device_that_took_the_change_and_fell_silent_is_waited_for_until_it_must_be_back() -> None:
    site = _site(3, window_s=30.0)
    site.all[1].helper_s = 1e6
    _change(site, "second")
    site.run(1.0)
    site.all[1].on = False
    patience_s = WINDOWS.patience()
    took_s = site.until(lambda: _has(site.master, "second"), patience_s + 60.0, 0.5)
    assert patience_s - 5.0 < took_s < patience_s + 1.0


def test_r9_the_leader_changes_nothing_before_who_was_cut_off_by_the_change_is_back() -> None:
    site = _site(3)
    cut_off = site.all[1]
    cut_off.files["wireless"] = RADAR + (cut_off.files["wireless"] or b"")
    site.lost = lambda sender, to, _data: cut_off.name in (sender, to) and _has(cut_off, "second")
    _change(site, "second")
    site.run(715.0)
    assert _has(cut_off, "second"), "its window is the longest that there is"
    assert not _has(site.master, "second")
    site.until(lambda: not _has(cut_off, "second"), 10.0, 0.1)
    assert not _has(site.master, "second")
    site.until(lambda: _has(site.master, "second"), 20.0, 0.1)
    assert cut_off.node.applied.state == "failed"


def test_a_removed_device_is_not_waited_for() -> None:
    site = _site(3)
    gone = site.all[1]
    gone.helper_s = 1e6
    _change(site, "second")
    site.run(1.0)
    assert not _has(site.master, "second")
    edit = site.world.edit(f"device/{gone.node.device_id.hex()}", "retired", (True,))
    site.master.do(site.master.node.submit(site.world.change(edit), site.now))
    site.until(lambda: _has(site.master, "second"), 10.0)


def _two_holders(world: World) -> None:
    _manage(world)
    members = sorted(
        bytes.fromhex(path.split("/")[1])
        for path in world.log.state.sections("device/")
        if path.count("/") == 1
    )
    backup = next(device for device in members if device != world.device_id)
    world.commit(world.edit("cluster", "succession", ([world.device_id, backup],)))


def test_the_backup_goes_between_the_others_and_the_leader() -> None:
    site = Site(4, _two_holders)
    for box in site.all:
        box.files["wireless"] = WIRELESS
    site.run(20.0)
    place = site.master.node.peers.succession[1]
    backup = next(box for box in site.all if box.node.device_id == place)
    others = [box for box in site.all if box not in (backup, site.master)]
    others[0].helper_s = 0.8
    for box in site.all:
        box.written_at.clear()
    _change(site, "second")
    site.until(lambda: all(_has(box, "second") for box in site.all), 10.0)
    assert others[0].written_at[0] + 0.8 < backup.written_at[0] < site.master.written_at[0]


def test_a48_nobody_waits_for_who_leads_by_now_though_another_did_when_the_change_came() -> None:
    site = Site(4, _manage, holders=2)
    first, second, *others = site.all
    for box in site.all:
        box.files["wireless"] = WIRELESS
    site.run(20.0)
    first.on = False
    site.until(lambda: second.node.leads, 30.0, 0.5)
    first.restart()
    site.run(10.0)
    assert second.node.leads
    for box in others:
        box.helper_s = 1e6
    change = site.world.change(site.world.set("wifi", "wireless.default_radio0.ssid", "second"))
    second.do(second.node.submit(change, site.now))
    site.until(lambda: first.node.leads, 200.0, 0.5)
    first.restart()
    site.until(lambda: first.node.leads and not second.node.leads, 10.0)
    assert not any(_has(box, "second") for box in (first, second)), "the others are not done"
    for box in others:
        box.helper_s = HELPER_S
        box.restart()
    site.until(lambda: _has(first, "second") and _has(second, "second"), 60.0, 0.1)


def test_what_does_not_concern_a_device_costs_it_nothing_and_its_status_follows() -> None:
    site = _site(3)
    member = site.all[1]
    reads = len(member.effects)
    change = site.world.change(site.world.edit("user/bob", "key", (site.world.key().public,)))
    site.master.do(site.master.node.submit(change, site.now))
    site.run(1.0)
    head = site.master.node.log.head.seq
    assert member.node.applied.head.seq == head
    peer = site.master.node.peers.get(member.node.device_id)
    assert peer is not None
    assert peer.status is not None
    assert peer.status.seq == head
    assert not [e for e in member.effects[reads:] if isinstance(e, ReadFiles | WriteFiles)]
    assert member.written_at == []
