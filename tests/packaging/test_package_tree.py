"""The tree that the package installs: Dusk runs from it with nothing else than what it depends on."""

import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.test_service import free_port, until, write_settings
from tests.daemons import answers
from tests.packaging.defined import MODULES, defined
from tests.portability.pieces import PIECES
from tools import package_tree
from tools.package_tree import EXTRAS, SITE_PACKAGES, lay_package

BROUGHT = {
    "python3-argon2-cffi": ("argon2", "_argon2_cffi_bindings", "_cffi_backend", "cffi"),
    "python3-pynacl": ("nacl", "_cffi_backend", "cffi"),
    "python3-trio": ("trio", "attr", "attrs", "idna", "outcome", "sniffio", "sortedcontainers"),
}
"""Package → modules that come with it and with what it depends on itself."""
STARTED_S_MAX = 60.0
RUN = """
import sys
program, tree, hidden, places = sys.argv[1], sys.argv[2], set(sys.argv[3].split(",")), sys.argv[4].split(",")
sys.path[:0] = [tree]
sys.path += places
class Hide:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hide)
sys.argv = [program, *sys.argv[5:]]
exec(compile(open(program).read(), program, "exec"))
"""
pytestmark = [pytest.mark.needs("system_user")] if os.geteuid() == 0 else []


def hidden() -> list[str]:
    """Return what a router would not have: pieces and packages that `dusk` does not depend on."""
    depends = defined("dusk").depends("dusk")
    pieces = [name for piece, names in PIECES.items() for name in names if f"python3-{piece}" not in depends]
    brought = {name for package in depends for name in BROUGHT.get(package, ())}
    brought |= {module for module, package in MODULES.items() if package in depends}
    here = {path.name.split(".")[0] for path in Path(sysconfig.get_path("purelib")).iterdir()}
    return [*pieces, *(here - brought - {"dusk"})]


@pytest.fixture(scope="module")
def tree() -> Iterator[Path]:
    """The packages `dusk` and, beside it, `dusk-extras`, where the daemon's user can read them."""
    with tempfile.TemporaryDirectory(prefix="dusk-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        lay_package("dusk", folder / "dusk")
        yield folder


def command(tree: Path, *words: str) -> list[str]:
    places = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    return [
        *(sys.executable, "-I", "-S", "-B", "-c", RUN),
        *(str(tree / "dusk/usr/bin/dusk"), str(tree / "dusk" / SITE_PACKAGES)),
        *(",".join(hidden()), ",".join(places), *words),
    ]


def run(tree: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(tree, *words), cwd="/", capture_output=True, text=True, check=False)


def test_it_has_compiled_modules_alone_and_no_room_that_no_router_needs(tree: Path) -> None:
    modules = tree / "dusk" / SITE_PACKAGES / "dusk"
    names = {path.name for path in modules.iterdir()}
    assert {"__main__.pyc", "daemon", "helper", "cli"} <= names
    assert not names & set(EXTRAS)
    assert not [path for path in modules.rglob("*") if path.suffix == ".py" or path.name == "__pycache__"]
    assert str(tree).encode() not in (modules / "__main__.pyc").read_bytes()
    assert (modules / "helper/dusk-revert").is_file()


def test_sources_are_a_package_of_their_own(tree: Path) -> None:
    lay_package("dusk-src", tree / "src")
    sources, compiled = (tree / kind / SITE_PACKAGES for kind in ("src", "dusk"))
    files = {path.relative_to(sources).with_suffix("") for path in sources.rglob("*") if path.is_file()}
    assert files == {path.relative_to(compiled).with_suffix("") for path in compiled.rglob("*.pyc")}
    assert not list((tree / "src").glob("etc"))


def test_each_command_is_there_and_says_what_it_is_for(tree: Path) -> None:
    shown = run(tree, "--version")
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, "dusk 0.1.0\n", "")
    helped = run(tree, "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert run(tree, "daemon", "--help").returncode == 0


@pytest.mark.parametrize("words", [("demo",), ("web",), ("simulate", "--nodes", "3")])
def test_what_is_in_the_extras_is_refused_in_one_line(tree: Path, words: tuple[str, ...]) -> None:
    shown = run(tree, *words)
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr.count("\n") == 1
    assert "not part of this installation" in shown.stderr


def test_the_daemon_runs_from_it_with_a_cluster_that_was_made_there(tree: Path) -> None:
    root = tree / "root"
    (root / "etc/config").mkdir(parents=True)
    write_settings(root, free_port())
    (tree / "password").write_text("a password of nobody\n")
    files = ("--password-file", str(tree / "password"), "--phrase-file", str(tree / "phrase"))
    made = run(tree, "--root", str(root), "init", "--cluster", "test", "--user", "anna", *files)
    assert made.returncode == 0, made.stderr
    with subprocess.Popen(command(tree, "--root", str(root), "daemon"), stderr=subprocess.PIPE) as process:
        try:
            until(lambda: process.poll() is not None or answers(root))
        finally:
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=STARTED_S_MAX)
    assert process.returncode == 0, said.decode()
    assert b"stopping" in said


def test_with_the_extras_beside_it_simulates(tree: Path) -> None:
    lay_package("dusk-extras", tree / "extras")
    extras = tree / "extras" / SITE_PACKAGES / "dusk"
    assert {path.name for path in extras.iterdir()} == set(EXTRAS)
    for room in EXTRAS:
        (extras / room).rename(tree / "dusk" / SITE_PACKAGES / "dusk" / room)
    shown = run(tree, "simulate", "--nodes", "3", "--minutes", "1", "--changes", "1")
    assert (shown.returncode, shown.stderr) == (0, "")


def test_a_folder_with_something_in_it_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("")
    monkeypatch.setattr(sys, "argv", ["package_tree", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        package_tree.main()
    assert ended.value.code == 2
    assert "not empty" in capsys.readouterr().err
