"""`docs/troubleshooting.md` quotes the program: whoever searches the page for a message finds it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dusk.apply.driver import WAITING
from dusk.apply.machine import State
from tests.pages import PROJECT

PAGE = PROJECT / "docs/troubleshooting.md"
_QUOTED = re.compile(r"(?<![*\w])\*([^*]+)\*(?![*\w])")
_PAGE_TEXT = re.compile(r"_\('((?:[^'\\]|\\.)*)'\)")
_GAP = "…"
"""Stands for whatever a message has in a place, in the page as in the texts of the program."""


def _sources() -> list[ast.Module]:
    return [ast.parse(path.read_text()) for path in sorted((PROJECT / "dusk").rglob("*.py"))]


SOURCES = _sources()


def _text(node: ast.AST) -> str:
    """Return a string of the program, with a gap for each value that is put into it."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else _GAP


def _texts() -> Iterator[str]:
    """Yield the strings of the program, of its shell scripts all lines, and of the page what people read."""
    for tree in SOURCES:
        yield from (_text(node) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.Constant))
    yield from (path.read_text() for path in sorted((PROJECT / "dusk/helper").glob("dusk-*")))
    for path in sorted((PROJECT / "luci-app/luci-app-dusk/htdocs").rglob("*.js")):
        yield from (text.replace("%s", _GAP) for text in _PAGE_TEXT.findall(path.read_text()))


TEXTS = "\n".join(_texts())


def quoted(page: str) -> list[str]:
    """Return the messages that the first cells of the tables of a page quote."""
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    return [one for row in rows for one in _QUOTED.findall(row.split(" | ")[0])]


def is_said(message: str) -> bool:
    """Tell whether some string of the program has a message, whatever stands in its gaps."""
    parts = (re.escape(part) for part in message.split(_GAP))
    return re.search(".*?".join(parts), TEXTS) is not None


def alarms() -> Iterator[str]:
    """Yield the words of the alarms that a node raises."""
    for path in sorted((PROJECT / "dusk/node").glob("*.py")):
        yield from _alarms_of(path)


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the names of a module's strings, with these."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, _text(value)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                yield from (
                    (n.id, _text(v)) for n, v in zip(names, values, strict=True) if isinstance(n, ast.Name)
                )


def _alarms_of(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    named = dict(_constants(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="tell" | "saw" | "_tell"), args=[word, _, *_]):
                pass
            case ast.Subscript(value=ast.Name(id="alarms"), slice=word, ctx=ast.Store()):
                pass
            case _:
                continue
        yield named.get(word.id, _GAP) if isinstance(word, ast.Name) else _text(word)


@pytest.mark.parametrize("message", quoted(PAGE.read_text()))
def test_each_message_that_the_page_explains_is_one_of_the_program(message: str) -> None:
    assert is_said(message)


def test_a_message_that_nobody_says_is_found_out() -> None:
    (message,) = quoted("| *the moon is not … heard* (`moon`) | *what it means* | |")
    assert not is_said(message)


def test_the_page_explains_each_alarm_and_each_state_of_an_apply() -> None:
    words = {*alarms(), *(state.value for state in State), WAITING} - {_GAP}
    assert {"conflict", "cut-log", "compaction", "drift-fight"} <= words
    page = PAGE.read_text()
    assert [word for word in sorted(words) if f"`{word}`" not in page] == []
