"""Drafts on the disk, whatever their owners are called."""

import threading
from pathlib import Path

import pytest

from dusk.changelog.sections import COMPONENT
from dusk.daemon import disk
from dusk.daemon.drafts import Drafts
from dusk.daemon.smallfiles import SmallFiles
from dusk.errors import StorageError


@pytest.mark.parametrize("user", ["ann", ".bob", "-", "_x", ".log.tmp", "a" * 63])
async def test_every_name_that_a_user_may_have_has_a_draft(tmp_path: Path, user: str) -> None:
    assert COMPONENT.match(user)
    files, drafts = SmallFiles(tmp_path), Drafts(tmp_path)
    drafts.store(user, b"a draft")
    await drafts.save()
    files.remove_leftovers()
    assert (drafts.read(user), drafts.read("other")) == (b"a draft", None)
    assert len(files.names()) == 1
    drafts.store(user, None)
    await drafts.save()
    assert files.names() == []
    files.close()


async def test_a_draft_is_written_by_a_thread_and_read_before_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafts, places = Drafts(tmp_path), set[bool]()
    replace = disk.replace

    def noted(directory: int, name: str, data: bytes) -> None:
        places.add(threading.current_thread() is threading.main_thread())
        replace(directory, name, data)

    monkeypatch.setattr(disk, "replace", noted)
    drafts.store("ann", b"a draft")
    assert drafts.read("ann") == b"a draft"
    await drafts.save()
    await drafts.save()  # there is nothing left to do
    assert places == {False}
    assert Drafts(tmp_path).read("ann") == b"a draft"


async def test_a_draft_that_could_not_be_written_is_the_former_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_directory: int, _name: str, _data: bytes) -> None:
        raise OSError(28, "full")

    drafts = Drafts(tmp_path)
    drafts.store("ann", b"one")
    await drafts.save()
    monkeypatch.setattr(disk, "replace", full)
    drafts.store("ann", b"two")
    with pytest.raises(StorageError, match="the disk is full"):
        await drafts.save()
    assert drafts.read("ann") == b"one"
    drafts.store("ann", b"three")
    drafts.forget()
    assert drafts.read("ann") == b"one"
