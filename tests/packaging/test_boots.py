"""Starts of a router in all states that a power cut, a new image or an installation can leave."""

import itertools
from pathlib import Path

import pytest

from dusk.helper.journal import digest
from dusk.helper.process import Helper
from dusk.helper.running import Watch
from tests.packaging.standing_in import PASSWD, Router
from tests.power.cuts import close_below

BEFORE = {"system": b"config system\n", "firewall": b"config defaults\n"}
AFTER = {"system": b"config system 'a'\n", "firewall": b""}
SCRIPT = "etc/uci-defaults/90-dusk"
OFF = "config dusk 'main'\n\toption enabled '0'\n"
STATES = list(itertools.product((False, True), ("first", "later", "upgraded"), ("on", "off", "none")))
"""An unfinished apply; the first start, another, or that of a new image with old users; settings."""
EVENT = 'ubus call service event {"type":"config.change","data":{"package":"%s"}}'


def apply(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave an apply that nobody confirmed, as after a power cut."""
    monkeypatch.setattr(Watch, "begin", lambda _self, _title: None)
    for name, content in BEFORE.items():
        (root / "etc/config" / name).write_bytes(content)
    helper = Helper(str(root))
    fields = [
        field for name in BEFORE for field in (name.encode(), digest(BEFORE[name]).encode(), AFTER[name])
    ]
    assert helper.answer(b"apply", b"ab12", *fields)[0] == b"ok"
    helper.lock.close()
    close_below(root)


def found(root: Path) -> dict[str, bytes]:
    return {name: (root / "etc/config" / name).read_bytes() for name in BEFORE}


@pytest.mark.parametrize(("is_applied", "start", "settings"), STATES)
def test_r9_any_start_puts_back_first_and_starts_the_daemon_last(
    router: Router,
    monkeypatch: pytest.MonkeyPatch,
    is_applied: bool,  # noqa: FBT001 - a column of the table
    start: str,
    settings: str,
) -> None:
    router.enable()
    script = router.read(SCRIPT)
    if start != "first":
        router.defaults()
    if start == "upgraded":
        router.write("etc/passwd", PASSWD)
        router.write(SCRIPT, script)
    if settings == "off":
        router.write("etc/config/dusk", OFF)
    elif settings == "none":
        (router.root / "etc/config/dusk").unlink()
    if is_applied:
        apply(router.root, monkeypatch)
        assert found(router.root) == AFTER
    calls = router.boot()
    assert ("instance" in calls) == (settings == "on")
    assert router.read("etc/passwd").count("\ndusk:") == 1
    if is_applied:
        assert found(router.root) == BEFORE
        assert calls.index(EVENT % "system") < calls.index("set dusk")
        assert any(call.startswith("logger -t dusk-revert") for call in calls)
    else:
        assert not any(call.startswith("ubus") for call in calls)
    assert calls[-1].startswith("trigger ")
