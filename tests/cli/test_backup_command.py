"""``dusk backup``: what this router keeps in one file, and nothing that must not come back."""

import io
import os
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dusk.daemon.frames import MAGIC
from tests.cli.logs import log_file, long_world, store

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk
    from tests.world import World

KEPT = {
    "etc/config/dusk": b"config dusk 'main'\n",
    "etc/dusk/allow": b"network\n",
    "etc/dusk/node/drafts/_anna": b"a draft",
    "etc/dusk/node/identity": b"the key",
}
LEFT_OUT = ("etc/dusk/journal/state", "etc/dusk/node/log.damaged", "etc/dusk/node/.identity.tmp")


@pytest.fixture
def world(root: Path) -> "World":
    """Fill a router's disk."""
    world = long_world()
    store(root, world.items)
    for name, data in {**KEPT, **dict.fromkeys(LEFT_OUT, b"of today")}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o600)
    return world


def members(data: bytes) -> dict[str, bytes | None]:
    """Return what an archive has: path → content, None for a folder."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        rows = [(one.name, archive.extractfile(one)) for one in archive.getmembers()]
        return {name: None if file is None else file.read() for name, file in rows}


def test_a_copy_has_all_that_a_router_keeps_and_nothing_of_an_apply_under_way(
    dusk: "Dusk", root: Path, world: "World", tmp_path: Path
) -> None:
    file = tmp_path / "copy.tar.gz"
    said = dusk("backup", str(file), "--json")
    assert said.json["head"] == {"seq": 301, "hash": world.log.head.chain.hex()}
    assert said.json["bytes"] == file.stat().st_size
    assert file.stat().st_mode & 0o777 == 0o600
    found = members(file.read_bytes())
    assert {name: data for name, data in found.items() if data is not None} == {
        **KEPT,
        "etc/dusk/node/log": (root / "etc/dusk/node/log").read_bytes(),
    }
    assert [name for name, data in found.items() if data is None] == [
        *("etc/dusk", "etc/dusk/node", "etc/dusk/node/drafts"),
    ]
    assert list(found)[-1] == "etc/dusk/node/log", "nothing else says what it lacks"


def test_what_is_put_back_verifies(
    dusk: "Dusk", world: "World", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "keep it like a password" in dusk("backup", str(tmp_path / "copy")).err
    (tmp_path / "elsewhere").mkdir()
    subprocess.run(["tar", "-xzf", tmp_path / "copy", "-C", tmp_path / "elsewhere"], check=True)
    monkeypatch.setenv("DUSK_ROOT", str(tmp_path / "elsewhere"))
    assert dusk("verify", "--json").json["head"]["hash"] == world.log.head.chain.hex()


@pytest.mark.usefixtures("world")
def test_nothing_is_written_over_and_a_terminal_gets_no_archive(
    dusk: "Dusk", root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "copy").write_text("another router's")
    assert "has something in it" in dusk("backup", str(tmp_path / "copy")).err
    assert (tmp_path / "copy").read_text() == "another router's"
    assert "cannot write" in dusk("backup", str(tmp_path / "nowhere/copy")).err
    assert "give a file" in dusk("backup", "-", "--json").err
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert "no text for a terminal" in dusk("backup", "-").err
    assert "run it on the router itself" in dusk("--via", "ssh://root@attic", "backup", "f").err
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["copy"]


def test_a_log_that_is_not_sound_is_not_copied(dusk: "Dusk", root: Path, tmp_path: Path) -> None:
    file = tmp_path / "copy"
    assert "in no cluster" in dusk("backup", str(file)).err
    data = bytearray(log_file(long_world().items))
    data[len(data) // 2] ^= 1
    (root / "etc/dusk/node").mkdir(parents=True)
    (root / "etc/dusk/node/log").write_bytes(data)
    said = dusk("backup", str(file))
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "there is no copy: the log is not sound" in said.err
    (root / "etc/dusk/node/log").write_bytes(MAGIC)
    assert "there is no entry" in dusk("backup", str(file)).err
    assert not file.exists()


@pytest.mark.usefixtures("world")
def test_a_link_is_left_out_and_said(dusk: "Dusk", root: Path, tmp_path: Path) -> None:
    (root / "etc/dusk/passwords").symlink_to("/etc/passwd")
    os.mkfifo(root / "etc/dusk/node/waits")
    said = dusk("backup", str(tmp_path / "copy"))
    assert said.code == 0
    for name in ("dusk/passwords", "dusk/node/waits"):
        assert f"neither file nor folder: {root}/etc/{name}" in " ".join(said.err.split())
    assert not {"etc/dusk/passwords", "etc/dusk/node/waits"} & set(members((tmp_path / "copy").read_bytes()))


@pytest.mark.usefixtures("world")
def test_a_folder_that_becomes_a_link_meanwhile_leads_nowhere(
    dusk: "Dusk", root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, drafts, elsewhere = os.open, root / "etc/dusk/node/drafts", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "shadow").write_text("of root's")

    def moved(path: str | Path, flags: int, *rest: int, **more: int) -> int:
        if path == "drafts":
            drafts.rename(root / "etc/dusk/node/moved")
            drafts.symlink_to(elsewhere)
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", moved)
    said = dusk("backup", str(tmp_path / "copy"))
    assert "etc/dusk/node/drafts" in said.err
    assert not any("shadow" in name for name in members((tmp_path / "copy").read_bytes()))


def test_a_router_without_settings_of_its_own_is_copied(dusk: "Dusk", root: Path, tmp_path: Path) -> None:
    store(root, long_world().items)
    assert dusk("backup", str(tmp_path / "copy")).code == 0
    assert list(members((tmp_path / "copy").read_bytes())) == [
        *("etc/dusk", "etc/dusk/node", "etc/dusk/node/log"),
    ]


@pytest.mark.usefixtures("world")
def test_what_goes_meanwhile_is_not_missed_and_what_fails_leaves_nothing(
    dusk: "Dusk", root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, draft, file = os.open, root / "etc/dusk/node/drafts/_anna", tmp_path / "copy"

    def discarded(path: str | Path, flags: int, *rest: int, **more: int) -> int:
        if path == draft.name:
            draft.unlink()
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", discarded)
    assert dusk("backup", str(file)).code == 0
    assert "etc/dusk/node/drafts/_anna" not in members(file.read_bytes())
    file.unlink()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tarfile.TarFile, "addfile", full)
    assert "there is no copy: the disk is full" in dusk("backup", str(file)).err
    assert not list(tmp_path.glob("*copy*"))
