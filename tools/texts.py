"""The texts of the page for translators: ``python -m tools.texts`` writes the file in ``po/templates``.

They are what views say by ``_('…')``, titles of the menu and what rights are called, as LuCI collects them.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

APPLICATION = Path(__file__).resolve().parents[1] / "luci-app/luci-app-dusk"
TEMPLATE = APPLICATION / "po/templates/dusk.pot"
_TEXT = re.compile(r"(?<![\w.])_\((?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")\)")
_CALL = re.compile(r"(?<![\w.])_\(")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_HEAD = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8"\n'


def template(application: Path = APPLICATION) -> str:
    """Return what the template has to be: each text once, in their order, with the files that say it.

    Raises:
        ValueError: a script gives ``_`` something other than one text, which nobody could translate.
    """
    found: dict[str, set[str]] = {}
    for file, text in _texts(application):
        found.setdefault(text, set()).add(file)
    blocks = [
        "".join(f"#: {file}\n" for file in sorted(files)) + f'msgid "{_quoted(text)}"\nmsgstr ""\n'
        for text, files in sorted(found.items())
    ]
    return "\n".join([_HEAD, *blocks])


def _texts(application: Path) -> Iterator[tuple[str, str]]:
    for path in sorted((application / "htdocs").rglob("*.js")):
        name, source = path.relative_to(application).as_posix(), path.read_text()
        for call in _CALL.finditer(source):
            text = _TEXT.match(source, call.start())
            if text is None:
                raise ValueError(
                    f"{name}: `_` is given more than one plain text: {source[call.start() :][:60]}"
                )
            yield name, _ESCAPE.sub(_unescaped, text[1] or text[2])
    for place, field in (("luci/menu.d", "title"), ("rpcd/acl.d", "description")):
        for path in sorted((application / "root/usr/share" / place).glob("*.json")):
            for entry in json.loads(path.read_text()).values():
                yield path.relative_to(application).as_posix(), entry[field]


def _unescaped(match: "re.Match[str]") -> str:
    return chr(int(match[1][1:], 16)) if len(match[1]) > 1 else match[1]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


if __name__ == "__main__":
    TEMPLATE.parent.mkdir(parents=True, exist_ok=True)
    TEMPLATE.write_text(template())
    print(f"wrote {TEMPLATE}")
