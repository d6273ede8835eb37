"""Who else changes files is waited for: LuCI's rollback, and edits that somebody staged (A50)."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dusk.helper.journal import digest
from dusk.helper.process import Helper

OLD, NEW = b"config rule\n", b"# new\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc/config").mkdir(parents=True)
    (tmp_path / "etc/config/firewall").write_bytes(OLD)
    return tmp_path


@pytest.fixture
def helper(root: Path) -> Iterator[Helper]:
    helper = Helper(str(root))
    yield helper
    helper.lock.close()


def apply(helper: Helper, *options: bytes) -> list[bytes]:
    return helper.answer(b"apply", b"ab", b"firewall", digest(OLD).encode(), NEW, *options)


def put(root: Path, path: str, text: str) -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_a50_while_rpcd_may_roll_back_nothing_is_written(helper: Helper, root: Path) -> None:
    snapshot = put(root, "var/run/rpcd/snapshot-files/network", "")
    assert apply(helper) == [b"refused", b"luci", b"waiting for a LuCI confirm"]
    assert (root / "etc/config/firewall").read_bytes() == OLD
    snapshot.unlink()
    assert apply(helper) == [b"ok", b"firewall"]


@pytest.mark.parametrize("place", ["tmp/.uci", "var/run/rpcd/uci-0123456789abcdef"])
@pytest.mark.parametrize(
    "staged",
    [
        "firewall.cfg0192bd.target='DROP'\n",
        "-firewall.cfg0192bd\n",
        "|firewall.cfg0192bd.proto='tcp'\n",
        "firewall.lan.x='1'\n^firewall.cfg0192bd='3'\n",
    ],
)
def test_a50_an_edit_that_somebody_staged_in_a_section_without_a_name_is_waited_for(
    helper: Helper, root: Path, place: str, staged: str
) -> None:
    put(root, f"{place}/firewall", staged)
    assert apply(helper, b"90") == [
        b"refused", b"staged", b"waiting for edits that somebody staged in firewall"
    ]  # fmt: skip
    assert apply(helper, b"90", b"insist") == [b"ok", b"firewall"]


@pytest.mark.parametrize(
    ("path", "staged"),
    [
        ("tmp/.uci/firewall", "firewall.lan.target='DROP'\n"),
        ("tmp/.uci/firewall", "+firewall.cfg0392bd='rule'\nfirewall.cfg0392bd.target='DROP'\n"),
        ("tmp/.uci/firewall", ""),
        ("tmp/.uci/firewall", "cfg0192bd\n.\n\n=\n"),
        ("tmp/.uci/network", "network.cfg0192bd.proto='dhcp'\n"),
        ("var/run/rpcd/other/firewall", "firewall.cfg0192bd.target='DROP'\n"),
    ],
)
def test_what_ours_would_not_undo_is_not_waited_for(
    helper: Helper, root: Path, path: str, staged: str
) -> None:
    put(root, path, staged)
    (root / "var/run/rpcd/snapshot-files").mkdir(parents=True, exist_ok=True)
    assert apply(helper) == [b"ok", b"firewall"]


def test_only_what_is_a_file_of_ours_makes_wait(helper: Helper, root: Path) -> None:
    file = put(root, "tmp/.uci/firewall", "firewall.cfg0192bd.target='DROP'\n")
    file.rename(file.with_name("moved"))
    file.symlink_to("moved")
    assert apply(helper)[0] == b"ok"
    assert helper.answer(b"rollback")[0] == b"ok"
    file.unlink()
    os.mkfifo(file)
    assert apply(helper)[0] == b"ok"


@pytest.mark.parametrize("target", [".uci", "elsewhere"])
def test_a50_a_link_that_somebody_made_where_uci_stages_makes_nobody_wait(
    helper: Helper, root: Path, target: str
) -> None:
    put(root, "tmp/elsewhere/firewall", "firewall.cfg0192bd.target='DROP'\n")
    (root / "tmp/.uci").symlink_to(target)
    assert apply(helper) == [b"ok", b"firewall"]


@pytest.mark.parametrize("options", [(b"90", b"insists"), (b"insist",), (b"x", b"insist")])
def test_a46_only_who_says_so_insists(helper: Helper, root: Path, options: tuple[bytes, ...]) -> None:
    put(root, "tmp/.uci/firewall", "firewall.lan.x='1'\n")
    assert apply(helper, *options)[:2] == [b"refused", b"bad-request"]
    assert (root / "etc/config/firewall").read_bytes() == OLD
