"""Lay out what a package for OpenWrt installs: ``python -m tools.package_tree DEST [PACKAGE]``.

Modules are compiled and their sources left out, as the feed of Python packages does it for all but those that
end in ``-src``. The compiled ones fit the Python that runs this.
"""

import argparse
import compileall
import shutil
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
FEED = PROJECT / "packaging" / "openwrt"
SITE_PACKAGES = f"usr/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"

FILES: dict[str, tuple[str, int]] = {
    "etc/config/dusk": ("dusk.config", 0o600),
    "etc/init.d/dusk": ("dusk.init", 0o755),
    "etc/init.d/dusk-revert": ("dusk-revert.init", 0o755),
    "etc/uci-defaults/90-dusk": ("dusk.defaults", 0o755),
    "lib/upgrade/keep.d/dusk": ("dusk.keep", 0o644),
    "usr/libexec/dusk-reload": ("usr/libexec/dusk-reload", 0o755),
    "usr/libexec/dusk-revert": ("usr/libexec/dusk-revert", 0o755),
}
"""Where a file of package ``dusk`` is installed → its place in ``packaging/openwrt/files``, and its mode."""

PROGRAM = """\
#!/usr/bin/python3
import sys
from dusk.__main__ import main
sys.exit(main())
"""
"""``/usr/bin/dusk``, as installers of Python packages write it."""

EXTRAS = ("demo", "sim", "web")
"""Rooms that no router needs: package ``dusk-extras``."""

PACKAGES = ("dusk", "dusk-src", "dusk-extras", "dusk-extras-src")


def lay_files(root: Path) -> None:
    """Lay out what is no Python: init scripts, the revert, settings as they come.

    Args:
        root: becomes ``/`` of a router.
    """
    for place, (source, mode) in FILES.items():
        target = root / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(FEED / "files" / source, target)
        target.chmod(mode)


def lay_modules(root: Path, *, extras: bool, sources: bool) -> None:
    """Lay out the modules, and what lies between them.

    Args:
        root: becomes ``/`` of a router.
        extras: those of `EXTRAS` alone, else all others.
        sources: as they were written and nothing else, else compiled and without.
    """
    origin, target = PROJECT / "dusk", root / SITE_PACKAGES / "dusk"
    for source in sorted(path for path in origin.rglob("*") if path.is_file()):
        inner = source.relative_to(origin)
        is_python = source.suffix == ".py"
        if "__pycache__" in inner.parts or (inner.parts[0] in EXTRAS) != extras:
            continue
        if is_python or not sources:
            place = target / inner
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place)
            place.chmod(0o644)
    if not sources:
        compileall.compile_dir(target, quiet=1, legacy=True, stripdir=str(root), invalidation_mode=None)
        for path in target.rglob("*.py"):
            path.unlink()


def lay_package(name: str, root: Path) -> None:
    """Lay out one package.

    Args:
        name: one of `PACKAGES`.
        root: becomes ``/`` of a router; may have other packages already.
    """
    sources = name.endswith("-src")
    lay_modules(root, extras=name.startswith("dusk-extras"), sources=sources)
    if name == "dusk":
        lay_files(root)
        program = root / "usr/bin/dusk"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(PROGRAM)
        program.chmod(0o755)


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tools.package_tree", description=__doc__)
    parser.add_argument("dest", type=Path, metavar="DEST", help="a folder that is not there yet, or is empty")
    parser.add_argument("package", nargs="?", choices=PACKAGES, default="dusk", help="which one (dusk)")
    arguments = parser.parse_args()
    if arguments.dest.exists() and (not arguments.dest.is_dir() or any(arguments.dest.iterdir())):
        parser.error(f"{arguments.dest} is there and not empty; give another folder")
    lay_package(arguments.package, arguments.dest)
    size = sum(path.stat().st_size for path in arguments.dest.rglob("*") if path.is_file())
    print(f"{arguments.package}: {size / 1024:.0f} KiB in {arguments.dest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
