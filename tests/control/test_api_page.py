"""The page of the control socket names every reason that a method may give."""

import ast
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
MODULES = (
    *(PROJECT / "dusk/control").glob("*.py"),
    *(PROJECT / "dusk/daemon" / name for name in ("desk.py", "sessions.py", "tickets.py", "control.py")),
    PROJECT / "dusk/cycle/outbox.py",
)


def codes(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refused":
            first = node.args[0]
            if isinstance(first, ast.Constant):
                yield str(first.value)


def test_every_refusal_of_a_method_stands_on_the_page() -> None:
    page = (PROJECT / "specs/control-api.md").read_text()
    found = {code for module in MODULES for code in codes(module)}
    assert len(found) > 20
    assert sorted(code for code in found if f"`{code}`" not in page) == []
