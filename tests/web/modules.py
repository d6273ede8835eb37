"""Functions of the page's shared modules, run where there is no browser."""

import json
import subprocess
from pathlib import Path
from typing import Any

from dusk.web.views import APPLICATION

RESOURCES = APPLICATION / "htdocs/luci-static/resources"
HARNESS = Path(__file__).with_suffix(".mjs")


def run_node(harness: Path, given: object) -> Any:
    """Return what a program for node answers to a document on its standard input."""
    done = subprocess.run(
        ["node", str(harness)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def results(module: str, *calls: tuple[Any, ...]) -> list[Any]:
    """Return what calls give.

    Args:
        module: as views require it, such as ``dusk.secrets``.
        calls: a function's name and its arguments, each.
    """
    found: list[Any] = run_node(HARNESS, {"root": str(RESOURCES), "module": module, "calls": calls})
    return found
