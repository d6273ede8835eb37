"""What tells the node that somebody wrote a UCI file."""

import os
from pathlib import Path

import pytest
import trio
import trio.testing

from dusk.daemon.filewatch import place, signature, watch_files
from dusk.daemon.inbox import Inbox
from dusk.effects import FilesTouched
from tests.managed import managed_site

LOOK_S = 5.0


def write(path: Path, text: str) -> None:
    """Write a file as `uci commit` does."""
    temporary = path.with_name("temporary")
    temporary.write_text(text)
    temporary.rename(path)


def test_a_file_that_is_written_again_is_another_though_size_and_time_are_the_same(tmp_path: Path) -> None:
    file = tmp_path / "system"
    assert signature(file) is None
    write(file, "one")
    first = signature(file)
    assert signature(file) == first
    os.utime(file, ns=(1, 1))
    write(file, "two")
    os.utime(file, ns=(1, 1))
    assert signature(file) != first


@pytest.mark.parametrize("cycle_ms", [5000, 3_600_000])
async def test_a_node_is_told_once_and_soon_of_a_managed_file_being_written(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch, cycle_ms: int
) -> None:
    monkeypatch.setattr("dusk.changelog.views.cycle_ms", lambda _: cycle_ms)
    folder, inbox, site = tmp_path / "etc/config", Inbox(), managed_site()
    folder.mkdir(parents=True)
    resident: list[object] = [None]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch_files, tmp_path, lambda: resident[0], inbox)

        async def told() -> int:
            await trio.sleep(LOOK_S)
            return inbox.take().count(FilesTouched())

        await trio.sleep(LOOK_S / 2)
        assert await told() == 0
        resident[0] = site.all[1].node
        assert (await told(), await told()) == (1, 0)
        write(folder / "network", "not managed")
        assert (await told(), await told()) == (0, 0)
        write(folder / "system", "config system\n")
        assert (await told(), await told()) == (1, 0)
        resident[0] = site.master.node
        assert (await told(), await told()) == (1, 0)
        nursery.cancel_scope.cancel()


def test_a_file_beside_uci_is_where_its_path_says_below_the_root(tmp_path: Path) -> None:
    assert place(tmp_path, "system") == tmp_path / "etc/config/system"
    assert place(tmp_path, "file:/etc/banner") == tmp_path / "etc/banner"
