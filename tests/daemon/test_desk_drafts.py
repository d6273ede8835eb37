"""Drafts on the disk, whatever their owners are called."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from dusk.changelog.sections import COMPONENT
from dusk.daemon.core import Core
from dusk.daemon.desk import DaemonDesk
from dusk.daemon.sessions import Sessions
from dusk.daemon.smallfiles import SmallFiles
from dusk.daemon.tickets import Tickets


@pytest.mark.parametrize("user", ["ann", ".bob", "-", "_x", ".log.tmp", "a" * 63])
def test_every_name_that_a_user_may_have_has_a_draft(tmp_path: Path, user: str) -> None:
    assert COMPONENT.match(user)
    files = SmallFiles(tmp_path)
    core = cast("Core", SimpleNamespace(storage=SimpleNamespace(files=files)))
    desk = DaemonDesk(core, Sessions(lambda _: None), Tickets(), lambda: (), lambda: ())
    desk.store_draft(user, b"a draft")
    files.remove_leftovers()
    assert (desk.draft(user), desk.draft("other")) == (b"a draft", None)
    assert len(files.names()) == 1
    desk.store_draft(user, None)
    assert files.names() == []
    files.close()
