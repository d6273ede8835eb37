"""Which piece of Python's library on OpenWrt carries which module, and what a component loads of it.

The table is that of the packages feed of August 2026 (Python 3.14). What stands in no piece of its
own is in `python3-light`.
"""

import ast
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "specs" / "portability.md"

PIECES: dict[str, tuple[str, ...]] = {
    "asyncio": ("asyncio",),
    "codecs": (
        "_codecs_cn",
        "_codecs_hk",
        "_codecs_iso2022",
        "_codecs_jp",
        "_codecs_kr",
        "_codecs_tw",
        "unicodedata",
    ),
    "ctypes": ("ctypes", "_ctypes"),
    "dbm": ("dbm", "_dbm", "_gdbm"),
    "decimal": ("decimal", "_decimal"),
    "logging": ("logging",),
    "lzma": ("lzma", "_lzma"),
    "multiprocessing": ("multiprocessing", "_multiprocessing"),
    "ncurses": ("curses", "_curses", "_curses_panel"),
    "openssl": ("_hashlib", "_ssl"),
    "pydoc": ("doctest", "pydoc", "pydoc_data"),
    "readline": ("readline",),
    "sqlite3": ("sqlite3", "_sqlite3"),
    "unittest": ("unittest",),
    "urllib": ("email", "urllib"),
    "uuid": ("uuid", "_uuid"),
    "xml": ("xml", "xmlrpc", "_elementtree", "pyexpat"),
    "venv": ("ensurepip", "venv"),
    "(none)": ("idlelib", "tkinter", "turtledemo", "webbrowser"),
}
"""Name behind ``python3-`` → modules; ``(none)`` is left out of every package."""

PIECE_OF = {module: piece for piece, modules in PIECES.items() for module in modules}

COMPONENTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "daemon": (("dusk.daemon",), ()),
    "helper": (("dusk.helper",), ()),
    "command line": (("dusk.cli", "dusk.__main__"), ("dusk.daemon.main", "dusk.cli.demo", "dusk.cli.web")),
}
"""Component → packages or modules it begins with, and those of them that start another component."""

_PROBE = """
import sys
sys.path += sys.argv[3:]
import importlib
hidden, names = set(sys.argv[1].split(",")), sys.argv[2].split(",")
class Hide:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Hide)
for name in names:
    importlib.import_module(name)
print("\\n".join(sys.modules))
"""


def cells(component: str) -> tuple[set[str], set[str]]:
    """Return the pieces and the packages that the page's table lists for a component."""
    row = re.search(rf"^\| {component} \|([^|]*)\|([^|]*)\|$", PAGE.read_text(), re.MULTILINE)
    assert row, f"the page has no row for {component}"
    pieces, packages = (set(re.findall(r"`([a-z0-9-]+)`", cell)) for cell in row.groups())
    return {piece.removeprefix("python3-") for piece in pieces}, packages


def path_of(module: str) -> Path | None:
    """Return the file of a module of Dusk."""
    base = PROJECT / module.replace(".", "/")
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def imported(module: str) -> set[str]:
    """Return what a module of Dusk imports, also inside functions; names that may be modules."""
    path = path_of(module)
    assert path is not None, module
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def modules_of(component: str) -> set[str]:
    """Return the modules of Dusk that a component may load, whenever it does."""
    roots, others = COMPONENTS[component]
    waiting = []
    for root in roots:
        path = path_of(root)
        assert path is not None, root
        files = path.parent.glob("*.py") if path.stem == "__init__" else [path]
        waiting += [
            ".".join(file.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")
            for file in files
        ]
    found: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in found or module in others:
            continue
        found.add(module)
        waiting += [n for n in imported(module) if n.startswith("dusk") and path_of(n) is not None]
    return found


def named_by(component: str) -> set[str]:
    """Return the top names of what a component's own modules import, Dusk itself left out."""
    names = {name.partition(".")[0] for module in modules_of(component) for name in imported(module)}
    return names - {"dusk"}


def loaded_by(component: str, hidden: Iterable[str] = ()) -> set[str] | None:
    """Import all of a component in a new interpreter.

    Args:
        component: of `COMPONENTS`.
        hidden: top names of modules that shall not be found.

    Returns:
        The top names of all that was loaded with it; None if that failed.
    """
    names = ",".join(sorted(modules_of(component)))
    places = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _PROBE, ",".join(hidden), names, str(PROJECT), *places],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        print(ended.stderr[-600:])
        return None
    return {name.partition(".")[0] for name in ended.stdout.split()}
