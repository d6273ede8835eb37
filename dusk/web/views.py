"""The files of the page: views and shared modules of the LuCI application, made ready for our host.

LuCI's loader reads the ``'require …'`` lines of a module and runs the rest as a function. Our policy
forbids to run text as code, so that is done here: each module becomes a script that names itself.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from dusk.errors import ConfigError

APPLICATION = Path(__file__).resolve().parents[2] / "luci-app/luci-app-dusk"
"""Where the application is in a copy of the project."""
RESOURCES = "/luci-static/resources/"
"""Below what the browser asks for them, as under LuCI."""
_REQUIRE = re.compile(r"'require ([a-z][a-z0-9.]*)(?: as ([a-zA-Z_]\w*))?';")
MODULES = frozenset({"baseclass", "view", "rpc", "poll", "ui"})
"""Of LuCI, what our host has (`specs/luci-subset.md`); a view that needs more is shown under LuCI alone."""
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
"""End of a file's name → ``Content-Type``; no other file is given out."""


@dataclass(frozen=True, slots=True)
class File:
    """What a browser gets for an address.

    Attributes:
        kind: the value of ``Content-Type``.
        data: the bytes.
    """

    kind: str
    data: bytes


def page_files(application: Path = APPLICATION) -> dict[str, File]:
    """Return address → file of all views and shared modules; nothing else can be asked for (A34).

    Raises:
        ConfigError: the application is not there.
    """
    root = application / "htdocs/luci-static/resources"
    found = sorted(path for path in root.rglob("*") if path.suffix in TYPES)
    if not found:
        raise ConfigError(f"the page's views are not at {root}: `dusk web` runs from a copy of the project")
    files = {}
    for path in found:
        name = path.relative_to(root).as_posix()
        data = path.read_bytes()
        if path.suffix == ".js":
            data = as_script(name.removesuffix(".js").replace("/", "."), data.decode()).encode()
        files[RESOURCES + name] = File(TYPES[path.suffix], data)
    return files


def requirements(source: str) -> list[tuple[str, str]]:
    """Return (module, local name) of each ``'require …'`` line, in their order."""
    return [(name, local or name.rpartition(".")[2]) for name, local in _REQUIRE.findall(source)]


def as_script(name: str, source: str) -> str:
    """Return a module as a script that gives itself to our host.

    Args:
        name: with dots, as others require it.
        source: its text in LuCI's form (`specs/luci-subset.md`).
    """
    needs = requirements(source)
    names = json.dumps([module for module, _ in needs])
    # on one line before the text, so that lines in the browser's messages are those of the file
    head = (
        f"DuskHost.define({json.dumps(name)}, {names}, function({', '.join(local for _, local in needs)}) {{ "
    )
    return f"{head}{source}\n}});\n"


def menu(application: Path = APPLICATION) -> list[tuple[str, str]]:
    """Return (name, title) of each view in LuCI's menu that our host can show, in its order."""
    path = application / "root/usr/share/luci/menu.d/luci-app-dusk.json"
    entries = json.loads(path.read_text())
    rows = [
        (entry["order"], entry["action"]["path"].removeprefix("dusk/"), entry["title"])
        for entry in entries.values()
        if entry.get("action", {}).get("type") == "view" and _is_ours(application, entry["action"]["path"])
    ]
    return [(name, title) for _, name, title in sorted(rows)]


def _is_ours(application: Path, view: str) -> bool:
    """Tell whether a view needs nothing of LuCI that our host has not."""
    source = (application / f"htdocs/luci-static/resources/view/{view}.js").read_text()
    return all(module in MODULES or module.startswith("dusk.") for module, _ in requirements(source))
