"""What goes from the disk of a router that left its cluster: all of it, also through a power cut."""

from pathlib import Path

import pytest

from dusk.daemon.builder import LEAVING_FILE, Builder
from dusk.daemon.leaving import BEGUN, LEFT, forget_if_left
from dusk.daemon.service import own_key
from dusk.daemon.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a node's folder with a key, a log and files of all kinds."""
    own_key(tmp_path)
    (tmp_path / "outbox").mkdir()
    for name in ("log", "log.damaged", "groupkeys", "secret-keys", "outbox/1f", ".groupkeys.tmp"):
        (tmp_path / name).write_bytes(b"of the cluster")
    return tmp_path


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _builder(folder: Path) -> Builder:
    return Builder(own_key(folder), Settings(), {}, "02:aa", "router", "a join key of the image")


@pytest.mark.parametrize("said", [None, BEGUN])
def test_nothing_goes_before_the_router_is_out(folder: Path, said: bytes | None) -> None:
    builder = _builder(folder)
    if said is not None:
        (folder / LEAVING_FILE).write_bytes(said)
    names, key = _names(folder), builder.key
    assert not forget_if_left(folder, builder, own_key)
    assert (_names(folder), builder.key) == (names, key)
    assert builder.join_line is not None


def test_a22_all_goes_the_key_too_and_another_is_made(folder: Path) -> None:
    builder = _builder(folder)
    former = builder.key
    (folder / LEAVING_FILE).write_bytes(LEFT)
    assert forget_if_left(folder, builder, own_key)
    assert _names(folder) == ["identity"]
    assert builder.key.key_id == own_key(folder).key_id != former.key_id
    assert (builder.join_line, builder.is_leaving) == (None, False)
    assert not forget_if_left(folder, builder, own_key)


def test_a10_a_power_cut_on_the_way_is_gone_on_from_at_the_next_start(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder, removed = _builder(folder), list[Path]()
    (folder / LEAVING_FILE).write_bytes(LEFT)
    unlink = Path.unlink

    def cut(path: Path) -> None:
        if len(removed) == 3:
            raise KeyboardInterrupt
        removed.append(path)
        unlink(path)

    monkeypatch.setattr(Path, "unlink", cut)
    with pytest.raises(KeyboardInterrupt):
        forget_if_left(folder, builder, own_key)
    monkeypatch.undo()
    assert (folder / LEAVING_FILE).read_bytes() == LEFT
    after = _builder(folder)
    assert forget_if_left(folder, after, own_key)
    assert _names(folder) == ["identity"]
