"""What translators get: all texts of the page, and none that is gone."""

from pathlib import Path

import pytest

from tools.texts import TEMPLATE, template


def test_the_template_has_the_texts_of_now() -> None:
    assert TEMPLATE.read_text() == template(), "python -m tools.texts writes it anew"


def _application(folder: Path, script: str) -> Path:
    (folder / "htdocs").mkdir()
    (folder / "htdocs/a.js").write_text(script)
    for place, field in (("luci/menu.d", "title"), ("rpcd/acl.d", "description")):
        (folder / "root/usr/share" / place).mkdir(parents=True)
        (folder / "root/usr/share" / place / "x.json").write_text(f'{{"x": {{"{field}": "B"}}}}')
    return folder


def test_a_text_stands_once_with_its_quotes_and_the_files_that_say_it(tmp_path: Path) -> None:
    said = template(_application(tmp_path, r"""_('it\'s "so"'); _("it's \"so\""); x._('no'); _('\u2192');"""))
    assert said.count("msgid") == 4
    assert '#: htdocs/a.js\nmsgid "it\'s \\"so\\""\nmsgstr ""' in said
    assert 'msgid "\u2192"' in said
    assert '#: root/usr/share/luci/menu.d/x.json\n#: root/usr/share/rpcd/acl.d/x.json\nmsgid "B"' in said


def test_what_nobody_could_translate_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="more than one plain text"):
        template(_application(tmp_path, "_('a' + b)"))
