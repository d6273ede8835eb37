"""The sources fit every supported version of Python, as far as one interpreter can tell."""

import ast
import tomllib
from pathlib import Path

import pytest

from tests.portability.pieces import PROJECT

SOURCES = sorted((PROJECT / "dusk").rglob("*.py"))

REMOVED = {
    "3.12": {"asynchat", "asyncore", "distutils", "imp", "smtpd"},
    "3.13": {"aifc", "audioop", "cgi", "cgitb", "chunk", "crypt", "imghdr", "lib2to3", "mailcap", "msilib"}
    | {"nis", "nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"},
}
"""Version → modules that it took out of the standard library; 3.14 took none."""

NEWER = {"annotationlib", "compression", "concurrent.interpreters", "pathlib.types", "string.templatelib"}
"""Modules that 3.12 to 3.14 brought."""


def foreign(text: str) -> set[str]:
    """Return what is imported that not every supported version has."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    removed = set().union(*REMOVED.values())
    return {name for name in found if name.partition(".")[0] in removed or name in NEWER}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_a_module_imports_nothing_that_some_version_lacks(path: Path) -> None:
    assert not foreign(path.read_text())


def test_the_rule_sees_what_it_must_refuse() -> None:
    assert foreign("import crypt") == {"crypt"}
    assert foreign("from distutils.util import strtobool")
    assert foreign("from concurrent import interpreters")
    assert not foreign("import ast")


def test_every_source_parses_as_the_oldest_version_and_without_a_warning() -> None:
    for path in SOURCES:
        ast.parse(path.read_text(), feature_version=(3, 11))
        compile(path.read_text(), str(path), "exec", dont_inherit=True)  # warnings are errors in our tests


def test_the_tools_are_told_the_oldest_version() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    assert settings["project"]["requires-python"] == ">=3.11"
    assert settings["tool"]["ruff"]["target-version"] == "py311"
    assert settings["tool"]["mypy"]["python_version"] == "3.11"


def test_the_oldest_packages_that_are_tested_are_the_oldest_that_are_allowed() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    allowed = {line.replace(">=", "==") for line in settings["project"]["dependencies"]}
    lines = (PROJECT / "tests" / "portability" / "oldest.txt").read_text().splitlines()
    assert {line for line in lines if line and not line.startswith("#")} == allowed
