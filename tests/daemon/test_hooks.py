"""What root's own programs are told: what has changed since the last look, once; nobody waits for them."""

from collections.abc import Collection
from pathlib import Path

import pytest
import trio
import trio.testing

from dusk.changelog import views
from dusk.changelog.sections import device_path
from dusk.daemon.builder import Idle
from dusk.daemon.hooks import AGAIN_S, FOLDER, LOOKS_MIN, WAITING_MAX, Happenings, Hooks, Words
from dusk.daemon.status import words_of
from dusk.errors import Refused
from dusk.ids import ClusterId, DeviceId
from dusk.keys.signing import SigningKey
from tests.managed import manage, managed_site
from tests.node.site import Site

IDLE = Idle(SigningKey.from_seed(bytes(32)), "", "")


def _retire(site: Site, device: DeviceId) -> None:
    site.world.log = site.master.node.log
    change = site.world.change(site.world.edit(device_path(device), "retired", (True,)), counter=500)
    site.master.do(site.master.node.submit(change, site.now))
    site.run(1.0)


def test_members_that_come_and_go_are_told_once_and_those_that_were_here_never() -> None:
    site, happenings = managed_site(), Happenings()
    assert happenings.look(site.master.node, None) == [], "nobody wants to know yet"
    box = site.let_in("c")
    device, name = box.node.device_id, "r-c"
    assert happenings.look(site.master.node, ()) == [("approve", device.hex(), name)]
    assert happenings.look(site.master.node, ()) == []
    assert Happenings().look(site.master.node, ()) == [], "as after a start"
    assert happenings.look(IDLE, ()) == [], "as between two lives of a node"
    _retire(site, device)
    assert happenings.look(site.master.node, ()) == [("remove", device.hex(), name)]
    assert happenings.look(site.master.node, ()) == []


def test_a_version_of_which_no_member_comes_or_goes_and_another_cluster_tell_nothing() -> None:
    site, other, happenings = managed_site(), Site(3), Happenings()
    happenings.look(site.master.node, ())
    manage(site, "y")
    site.run(5.0)
    assert happenings.look(site.master.node, ()) == []
    assert {m.name for m in views.members(other.master.node.log.state)} > {"attic"}
    other.master.node.log.state.cluster = ClusterId(bytes(32))
    assert happenings.look(other.master.node, ()) == []


def test_an_alarm_counts_once_it_stands_or_is_missing_for_a_few_looks() -> None:
    happenings = Happenings()

    def looks(*alarms: str, count: int = 1) -> list[Words]:
        return [words for _ in range(count) for words in happenings.look(IDLE, alarms)]

    assert looks("drift", count=LOOKS_MIN - 1) == looks() == []
    assert looks("drift", count=LOOKS_MIN - 1) == []
    assert looks("drift", "away", count=LOOKS_MIN) == [
        ("alarm", "begin", "drift"),
        ("alarm", "begin", "away"),
    ]
    assert looks("away", count=LOOKS_MIN - 1) == []
    assert looks("away", "drift") == looks("away", count=LOOKS_MIN - 1) == []
    assert looks(count=LOOKS_MIN) == [("alarm", "over", "drift"), ("alarm", "over", "away")]
    assert looks(count=2 * LOOKS_MIN) == []


def test_the_words_of_alarms_are_those_of_the_status_by_their_forms() -> None:
    site = managed_site()

    def words(shell: Collection[str] = ()) -> set[str]:
        return words_of(site.master.node, "", shell, site.now)

    assert words() == set()
    assert words({"hold"}) == {"hold"}
    site.all[1].reload_exit = 1
    manage(site, "y")
    site.run(90)
    assert words() == {"others"}
    assert words_of(site.all[1].node, "", (), site.now) == {"apply"}
    site.master.on = False
    site.run(60)
    assert "stale" in words_of(site.all[1].node, "", (), site.now)
    assert words_of(IDLE, "", (), 0.0) == set()
    assert words_of(IDLE, "the disk failed", {"network"}, 0.0) == {"network", "trouble"}


class _Helper:
    """Says what it was told; is busy, or refuses, as often as wanted."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []
        self.busy, self.refusing = 0, 0

    async def hook(self, *words: str) -> bool:
        await trio.lowlevel.checkpoint()
        if self.busy:
            self.busy -= 1
            return False
        if self.refusing:
            self.refusing -= 1
            raise Refused("hook", "the folder must be root's alone to write")
        self.told.append(words)
        return True


def _looks(hooks: Hooks, *words: str) -> None:
    for _ in range(LOOKS_MIN):
        hooks.look(IDLE, lambda: set(words))


def _folder(root: Path) -> None:
    (root / FOLDER).mkdir(parents=True)


async def test_without_the_folder_nothing_is_compared_and_nobody_is_asked(tmp_path: Path) -> None:
    helper = _Helper()
    hooks = Hooks(tmp_path, helper)

    def never() -> set[str]:
        raise AssertionError("nobody looks")

    hooks.look(IDLE, never)
    _folder(tmp_path)
    _looks(hooks, "drift")
    (tmp_path / FOLDER).rmdir()
    hooks.look(IDLE, never)
    _folder(tmp_path)
    hooks.look(IDLE, set)
    assert helper.told == []


async def test_each_event_waits_until_the_former_ones_programs_have_ended(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, capsys: pytest.CaptureFixture[str]
) -> None:
    _folder(tmp_path)
    helper = _Helper()
    hooks = Hooks(tmp_path, helper)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hooks.run)
        helper.busy = 2
        _looks(hooks, "drift", "away")
        await trio.testing.wait_all_tasks_blocked()
        assert helper.told == []
        await trio.sleep(2 * AGAIN_S)
        await trio.testing.wait_all_tasks_blocked()
        assert helper.told == [("alarm", "begin", "away"), ("alarm", "begin", "drift")]
        helper.refusing = 1
        _looks(hooks)
        await trio.testing.wait_all_tasks_blocked()
        assert helper.told[2:] == [("alarm", "over", "drift")]
        nursery.cancel_scope.cancel()
    assert capsys.readouterr().err == (
        "dusk: hook: alarm over away is told to nobody: the folder must be root's alone to write\n"
    )


async def test_of_too_many_that_wait_the_oldest_are_dropped_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _folder(tmp_path)
    helper = _Helper()
    hooks = Hooks(tmp_path, helper)
    _looks(hooks, *(f"a{number:03}" for number in range(WAITING_MAX + 3)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(hooks.run)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert [word for _, _, word in helper.told] == [f"a{number:03}" for number in range(3, WAITING_MAX + 3)]
    assert capsys.readouterr().err == (
        f"dusk: hook: over {WAITING_MAX} waited to be told: the oldest 3 are dropped\n"
    )
