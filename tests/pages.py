"""README and the pages of `docs/` as their readers use them: blocks to be pasted, commands in the text."""

import re
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[1]
PAGES = (PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md")))
SHELL = frozenset({"sh", "bash"})
_BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<why>[^>]+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Args:
        page: where it stands.
        language: what stands behind its fence.
        why_not: why no test runs it; empty if one does.
        text: its lines.
    """

    page: Path
    language: str
    why_not: str
    text: str


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    found = _BLOCK.finditer(page.read_text())
    return [Block(page, one["language"], one["why"] or "", one["text"]) for one in found]


def inline(page: Path) -> list[str]:
    """Return what stands between single backticks in a page, its blocks left out."""
    return _CODE.findall(_BLOCK.sub("", page.read_text()))
