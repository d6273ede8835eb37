"""What the package definitions say, as make reads them: ``feed/`` stands in for OpenWrt's own makefiles."""

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.package_tree import FEED

TOP = Path(__file__).parent / "feed"
FOLDERS = sorted(path.parent.name for path in FEED.glob("*/Makefile"))
MODULES = {
    "argon2": "python3-argon2-cffi",
    "mnemonic": "python3-mnemonic",
    "msgpack": "python3-msgpack",
    "nacl": "python3-pynacl",
    "netifaces": "python3-netifaces",
    "trio": "python3-trio",
    "h11": "python3-h11",
}
"""Module → the package that has it."""
OF_OTHERS = frozenset(
    [
        *(
            "python3-attrs",
            "python3-cffi",
            "python3-h11",
            "python3-idna",
            "python3-msgpack",
            "python3-outcome",
        ),
        *("python3-pynacl", "python3-sniffio", "python3-sortedcontainers"),
    ]
)
"""What OpenWrt's own feed has, beside the pieces of Python."""


@dataclass(frozen=True, slots=True)
class Defined:
    """One folder of the feed.

    Attributes:
        values: (package, what) → value; of what belongs to no package the first is empty.
    """

    values: dict[tuple[str, str], str]

    @property
    def packages(self) -> list[str]:
        """Names of the packages."""
        return list(dict.fromkeys(name for name, _ in self.values if name))

    def depends(self, package: str) -> set[str]:
        """Return what a package depends on."""
        return {word.removeprefix("+") for word in self.values[package, "DEPENDS"].split()}

    def filespec(self, package: str) -> dict[str, str]:
        """Return which paths below site-packages are taken in (``+``) or left out (``-``)."""
        words = self.values[package, "filespec"].split()
        return {
            path.partition("site-packages")[2]: sign for sign, _, path in (w.partition("|") for w in words)
        }


def make(folder: str, target: str, **variables: object) -> str:
    """Run make in a folder of the feed; return what it printed."""
    words = [f"{name}={value}" for name, value in variables.items()]
    return subprocess.run(
        ["make", "--no-print-directory", "-s", f"TOPDIR={TOP}", target, *words],
        cwd=FEED / folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@cache
def defined(folder: str) -> Defined:
    """Return what a folder of the feed defines."""
    lines = [line.split("|", 2) for line in make(folder, "say").splitlines()]
    return Defined({(package, what): value for package, what, value in lines})
