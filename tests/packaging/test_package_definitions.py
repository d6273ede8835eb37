"""The package definitions: their form is the feed's, and what they depend on is what is imported."""

import ast
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import dusk
from tests.packaging.defined import FOLDERS, MODULES, OF_OTHERS, defined, make
from tests.portability.pieces import COMPONENTS, PIECE_OF, PIECES, PROJECT, cells
from tools.package_tree import EXTRAS, FEED, FILES, lay_files

PIECE_PACKAGES = {f"python3-{piece}" for piece in (*PIECES, "light")}
CARRIED = {
    "python-argon2-cffi": "argon2",
    "python-argon2-cffi-bindings": "_argon2_cffi_bindings",
    "python-mnemonic": "mnemonic",
}
"""Folders whose packages are installed here in the same version → their modules."""
NEEDED = {"_argon2_cffi_bindings": "python3-argon2-cffi-bindings"}


def folder_of(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def imports(files: list[Path]) -> set[str]:
    """Return the top names of all that these files import, wherever they do."""
    found: set[str] = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add((node.module or "").partition(".")[0])
    return found


def modes(root: Path) -> dict[str, tuple[int, bytes]]:
    """Return each file below a folder with its mode and content."""
    files = (path for path in root.rglob("*") if path.is_file())
    return {
        str(path.relative_to(root)): (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) for path in files
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_definition_has_the_form_of_the_feed(folder: str) -> None:
    text, found = (FEED / folder / "Makefile").read_text(), defined(folder)
    assert text.startswith("# SPDX-License-Identifier: Apache-2.0\n\ninclude $(TOPDIR)/rules.mk\n")
    assert found.values["", "PKG_NAME"] == folder
    assert all(found.values["", name] for name in ("PKG_VERSION", "PKG_RELEASE", "PKG_LICENSE"))
    assert found.values["", "PYPI_NAME"] == "" or re.fullmatch("[0-9a-f]{64}", found.values["", "PKG_HASH"])
    for package in (name for name in found.packages if not name.endswith("-src")):
        assert f"{package}-src" in found.packages
        assert 0 < len(found.values[package, "TITLE"]) <= 60
        assert found.values[package, "description"]
        for name in ("DEPENDS", "PKG_BUILD_DEPENDS"):
            assert re.search(rf"{name}:= \\\n(\t\+?\S+ \\\n)*\t\+?\S+(  #.*)?\n", text), "one of them a line"


@pytest.mark.parametrize("folder", FOLDERS)
def test_all_that_is_depended_on_is_in_this_feed_or_in_openwrts(folder: str) -> None:
    ours = {package for each in FOLDERS for package in defined(each).packages}
    for package in defined(folder).packages:
        assert defined(folder).depends(package) <= ours | OF_OTHERS | PIECE_PACKAGES


def test_dusk_depends_on_what_its_components_import_and_on_nothing_else() -> None:
    wanted: set[str] = set()
    for component in COMPONENTS:
        pieces, modules = cells(component)
        wanted |= {f"python3-{piece}" for piece in pieces} | {MODULES[name] for name in modules}
    assert defined("dusk").depends("dusk") == wanted


def test_the_extras_depend_on_what_they_import_beyond_that() -> None:
    files = [path for room in EXTRAS for path in (PROJECT / "dusk" / room).rglob("*.py")]
    names = imports(files) - {"dusk"}
    pieces = {f"python3-{PIECE_OF[name]}" for name in names if name in PIECE_OF}
    packages = {MODULES[name] for name in names - sys.stdlib_module_names}
    found = defined("dusk").depends("dusk-extras")
    assert "dusk" in found
    assert found - {"dusk"} == (pieces | packages) - defined("dusk").depends("dusk")


@pytest.mark.parametrize("folder", CARRIED)
def test_a_package_that_is_carried_depends_on_what_it_imports(folder: str) -> None:
    top = folder_of(CARRIED[folder])
    names = imports(sorted(top.rglob("*.py")))
    (package,) = (name for name in defined(folder).packages if not name.endswith("-src"))
    wanted = {f"python3-{PIECE_OF[name]}" for name in names if name in PIECE_OF} | {"python3-light"}
    wanted |= {NEEDED[name] for name in names - sys.stdlib_module_names}
    if any(b"_cffi_backend" in path.read_bytes() for path in top.glob("*.so")):
        wanted.add("python3-cffi")
    assert defined(folder).depends(package) == wanted


def test_of_the_lists_of_words_the_english_one_alone_is_installed() -> None:
    filespec = defined("python-mnemonic").filespec("python3-mnemonic")
    lists = {path.name for path in (folder_of("mnemonic") / "wordlist").glob("*.txt")}
    left_out = {Path(path).name for path, sign in filespec.items() if sign == "-"}
    assert lists - left_out == {"english.txt"}


def test_the_version_is_that_of_the_code() -> None:
    assert defined("dusk").values["", "PKG_VERSION"] == dusk.__version__


def test_the_first_start_makes_the_user_that_the_package_asks_for() -> None:
    number = re.search(r"^ID=(\d+)", (FEED / "files/dusk.defaults").read_text(), re.MULTILINE)
    assert number is not None
    assert defined("dusk").values["dusk", "USERID"] == f"dusk={number[1]}:dusk={number[1]}"


def test_a_change_of_the_settings_outlives_a_new_version() -> None:
    assert defined("dusk").values["dusk", "conffiles"] == "/etc/config/dusk"


def test_the_recipe_installs_what_the_tree_has(tmp_path: Path) -> None:
    built, made, laid = (tmp_path / name for name in ("built", "made", "laid"))
    (built / "usr/bin").mkdir(parents=True)
    (built / "usr/bin/dusk").write_text("")
    umask = os.umask(0o022)
    try:
        make("dusk", "install", PACKAGE="dusk", DEST=made, PKG_INSTALL_DIR=built)
        lay_files(laid)
    finally:
        os.umask(umask)
    found = modes(made)
    assert found.pop("usr/bin/dusk") == (0o755, b"")
    assert found == modes(laid)
    assert set(found) == set(FILES)


def test_what_is_for_no_router_is_in_a_package_of_its_own() -> None:
    rooms = {f"/dusk/{room}" for room in EXTRAS}
    assert defined("dusk").filespec("dusk") == {"": "+", **dict.fromkeys(rooms, "-")}
    assert defined("dusk").filespec("dusk-extras") == dict.fromkeys(rooms, "+")
    assert all((PROJECT / "dusk" / room).is_dir() for room in EXTRAS)


def test_what_is_built_is_the_checkout_around_the_feed(tmp_path: Path) -> None:
    build = tmp_path / "build"
    make("dusk", "prepare", PKG_BUILD_DIR=build)
    assert {path.name for path in build.iterdir()} == {"LICENSE", "README.md", "dusk", "pyproject.toml"}
    assert (build / "dusk/helper/reviewed").is_file()


@pytest.mark.parametrize(
    "folder",
    [pytest.param(f, marks=[pytest.mark.needs("system_user")] if f == "dusk" else []) for f in FOLDERS],
)
def test_what_the_feed_tests_a_package_with_does_real_work_and_nothing_for_another(
    folder: str, tmp_path: Path
) -> None:
    place = tmp_path / "bin"
    place.mkdir()
    (place / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (place / "dusk").write_text(f'#!/bin/sh\nexec {sys.executable} -m dusk "$@"\n')
    for program in place.iterdir():
        program.chmod(0o755)
    script = FEED / folder / "test.sh"
    environment = {"PATH": f"{place}:/usr/bin:/bin", "PYTHONPATH": str(PROJECT), "TMPDIR": str(tmp_path)}
    package = next(name for name in defined(folder).packages if not name.endswith("-src"))

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["/bin/sh", str(script), *words], env=environment, capture_output=True, text=True, check=False
        )

    for words in ((package, defined(folder).values["", "PKG_VERSION"]), ("other", "1")):
        ended = run(*words)
        assert ended.returncode == 0, ended.stderr
    shutil.rmtree(place)
    environment["PATH"] = str(place)
    assert run("other").returncode == 0
    assert run(package).returncode != 0, "without what it is about it has to fail"
