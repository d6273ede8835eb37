"""The way by hand that `docs/by-hand.md` shows, run exactly as it stands there."""

import contextlib
import filecmp
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "by-hand.md"
NAMESPACES = ("dusk-a", "dusk-b")
SCRIPT_TIMEOUT_S = 100.0
MANAGED_LINE = r"""	option ssid 'Bob "Café" $(id) \ #'""".encode()
OWN_NAMESPACE = "mount -t tmpfs tmpfs /run && exec bash -eu"
"""Without root: `ip netns` keeps its names in /run, which is ours in a mount namespace of our own."""


def script() -> str:
    found = re.findall(r"^```bash\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(found) == 1, "the page has one script"
    return str(found[0])


def namespaces() -> list[str]:
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    return [line.split()[0] for line in listed.splitlines() if line.split()[0] in NAMESPACES]


def processes(folder: Path) -> list[int]:
    """Return the processes that have a path below the folder in their command line."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if str(folder).encode() in file.read_bytes():
                found.append(int(file.parent.name))
    return found


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for temporary files that a daemon without root can pass; nothing of ours outlives it."""
    with tempfile.TemporaryDirectory(prefix="dusk-by-hand-") as name:
        path = Path(name)
        path.chmod(0o711)
        yield path
        for pid in processes(path):
            os.kill(pid, signal.SIGKILL)
        if os.geteuid() == 0:
            for namespace in namespaces():
                subprocess.run(["ip", "netns", "del", namespace], check=True)


def run(folder: Path) -> str:
    """Run the script; return all that it printed."""
    file = folder / "script"
    file.write_text(script())
    shell = ["bash", "-eu"]
    if os.geteuid() != 0:
        shell = ["unshare", "-Urnmpf", "--mount-proc", "--kill-child", "sh", "-c", f'{OWN_NAMESPACE} "$0"']
    output = folder / "output"  # no pipe: after a failure the daemons would hold it open
    with output.open("wb") as stream:
        done = subprocess.run(
            [*shell, str(file)],
            cwd=PROJECT,
            env={**os.environ, "TMPDIR": str(folder), "XDG_RUNTIME_DIR": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            timeout=SCRIPT_TIMEOUT_S,
            check=False,
        )
    said = output.read_text()
    assert done.returncode == 0, said
    return said


def test_the_way_by_hand_ends_with_the_value_in_the_other_routers_file(folder: Path) -> None:
    assert os.geteuid() != 0 or namespaces() == [], "somebody is trying it by hand at this moment"
    said = run(folder)
    (made,) = folder.glob("tmp.*")
    before, after = made / "b.before", made / "b/etc/config"

    old = (before / "wireless").read_bytes().split(b"\n")
    new = (after / "wireless").read_bytes().split(b"\n")
    (number,) = [n for n, line in enumerate(old) if b"option ssid" in line]
    assert new[number].startswith(MANAGED_LINE)
    assert re.fullmatch(rb"\s*# managed soon", new[number].removeprefix(MANAGED_LINE)), "its comment stays"
    assert [*old[:number], *old[number + 1 :]] == [*new[:number], *new[number + 1 :]]

    names = sorted(file.name for file in before.iterdir())
    assert sorted(file.name for file in after.iterdir()) == names == ["dusk", "system", "wireless"]
    same, _, _ = filecmp.cmpfiles(before, after, names, shallow=False)
    assert sorted(same) == ["dusk", "system"]

    assert said.count("log      sound") == 2, "dusk verify on both"
    assert (made / "a/etc/config/wireless").read_bytes() == (after / "wireless").read_bytes()
    assert "Traceback" not in (made / "a.log").read_text() + (made / "b.log").read_text()
    assert processes(folder) == []
    assert os.geteuid() != 0 or namespaces() == []
