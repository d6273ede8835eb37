"""What runs around a reload: root's hooks and nobody else's, checks, and procd told of what changed."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dusk.helper import running
from dusk.helper.journal import digest
from dusk.helper.process import Helper
from dusk.helper.running import BESIDE, reload_command

OLD, NEW = b"config system\n", b"# new\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc/config").mkdir(parents=True)
    (tmp_path / "etc/config/system").write_bytes(OLD)
    say = f"echo reload $@ >>{tmp_path}/said"
    (tmp_path / "etc/config/dusk").write_text(f"config dusk 'main'\n\toption reload '{say}'\n")
    return tmp_path


@pytest.fixture
def helper(root: Path, watched: None) -> Iterator[Helper]:
    helper = Helper(str(root))
    yield helper
    helper.answer(b"rollback")
    helper.lock.close()


def hook(root: Path, kind: str, text: str, name: str = "10-ours") -> Path:
    path = root / "etc/dusk/hooks.d" / kind / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def said(root: Path) -> list[str]:
    return (root / "said").read_text().splitlines() if (root / "said").exists() else []


def apply(helper: Helper, *options: bytes) -> list[bytes]:
    return helper.answer(b"apply", b"ab", b"system", digest(OLD).encode(), NEW, *options)


def test_hooks_run_in_their_order_around_the_reload_and_are_told_the_packages(
    helper: Helper, root: Path
) -> None:
    for kind in ("pre-apply", "post-apply", "test-apply"):
        hook(root, kind, f'echo {kind} "$@" >>{root}/said')
    assert apply(helper) == [b"ok", b"system"]
    assert helper.answer(b"reload") == [b"ok", b"0", b""]
    assert said(root) == ["pre-apply system", "reload system", "post-apply system", "test-apply system"]


def test_a_hook_before_may_refuse_and_nothing_is_written(helper: Helper, root: Path) -> None:
    hook(root, "pre-apply", "exit 3")
    assert apply(helper) == [b"refused", b"hook", b"pre-apply/10-ours ended with 3"]
    assert (root / "etc/config/system").read_bytes() == OLD
    assert not (root / "etc/dusk/journal/manifest").exists()


@pytest.mark.parametrize("kind", ["post-apply", "test-apply"])
def test_a_hook_behind_the_reload_that_fails_fails_it(helper: Helper, root: Path, kind: str) -> None:
    hook(root, kind, "echo why >&2; exit 4")
    apply(helper)
    assert helper.answer(b"reload") == [b"ok", b"1", f"{kind}/10-ours ended with 4".encode()]


def test_no_hook_keeps_anything_from_going_back(helper: Helper, root: Path) -> None:
    apply(helper)
    for kind in ("pre-apply", "post-apply", "test-apply"):
        hook(root, kind, "exit 1")
    assert helper.answer(b"rollback")[-2:] == [b"0", b""]
    assert said(root) == ["reload system"]


def _link(path: Path) -> None:
    path.rename(path.with_name(".moved"))
    path.symlink_to(".moved")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.chmod(0o777),
        lambda path: path.chmod(0o644),
        _link,
        lambda path: path.parent.chmod(0o775),
        lambda path: path.parent.parent.chmod(0o777),
        lambda path: (path.unlink(), path.mkdir()),
    ],
)
def test_a51_only_programs_that_are_roots_alone_are_run(
    helper: Helper, root: Path, spoil: Callable[[Path], object]
) -> None:
    spoil(hook(root, "pre-apply", f"echo run >>{root}/said"))
    assert apply(helper)[:2] == [b"refused", b"hook"]
    assert said(root) == []


def test_a_hook_is_bounded_in_time_and_in_what_it_says(
    helper: Helper, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "BEFORE_S_MAX", 0.3)
    path = hook(root, "pre-apply", "sleep 60 & sleep 60")
    refused = apply(helper)
    assert refused[:2] == [b"refused", b"hook"]
    assert refused[2] == b"killed after 0 s"
    path.unlink()
    hook(root, "pre-apply", f"head -c 1000000 /dev/zero >&2; echo {'x' * 5000} >&2")
    monkeypatch.setattr(running, "BEFORE_S_MAX", 20)
    assert apply(helper) == [b"ok", b"system"]


@pytest.mark.parametrize("options", [(b"x",), (b"",), (b"90", b"90")])
def test_a46_an_option_that_makes_no_sense_is_refused(
    helper: Helper, root: Path, options: tuple[bytes, ...]
) -> None:
    assert apply(helper, *options)[:2] == [b"refused", b"bad-request"]
    assert (root / "etc/config/system").read_bytes() == OLD


def test_on_openwrt_procd_is_told_without_a_command_of_roots(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = os.open(root / "etc/config", os.O_RDONLY)
    try:
        monkeypatch.setattr(running, "OPENWRT", str(root / "release"))
        assert b"echo reload" in reload_command(config, "/")
        (root / "etc/config/dusk").write_text("config dusk 'main'\n")
        assert reload_command(config, "/") == b""
        (root / "release").touch()
        assert b"config.change" in reload_command(config, "/")
        assert reload_command(config, str(root)) == b""
    finally:
        os.close(config)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (["system"], ["system"]),
        (["dhcp", "system"], ["dhcp", "system"]),
        (["wireless"], ["network", "wireless", "firewall"]),
        (["dhcp", "firewall", "network"], ["network", "wireless", "firewall", "dhcp"]),
    ],
)
def test_only_what_changed_is_told_and_the_network_is_one(
    tmp_path: Path, changed: list[str], told: list[str]
) -> None:
    for name, text in {"ubus": 'echo "$@" >>"$SAID"', "sleep": ":"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": str(tmp_path), "SAID": str(tmp_path / "said")}
    text = Path(BESIDE, "dusk-reload").read_text()
    subprocess.run(["/bin/sh", "-c", text, "dusk-reload", *changed], env=environment, check=True)
    events = (tmp_path / "said").read_text().splitlines()
    assert events == [
        'call service event {"type":"config.change","data":{"package":"NAME"}}'.replace("NAME", name)
        for name in told
    ]


def test_where_procd_cannot_be_told_the_reload_fails(tmp_path: Path) -> None:
    (tmp_path / "ubus").write_text("#!/bin/sh\nexit 4\n")
    (tmp_path / "ubus").chmod(0o755)
    text = Path(BESIDE, "dusk-reload").read_text()
    ended = subprocess.run(["/bin/sh", "-c", text, "x", "system"], env={"PATH": str(tmp_path)}, check=False)
    assert ended.returncode == 4
