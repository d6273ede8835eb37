"""The application's files: as our host gets them, and that they hold to what both hosts have."""

import json
import re
from pathlib import Path

import pytest

from dusk.control.methods import METHODS
from dusk.control.roles import no_backup
from dusk.errors import ConfigError
from dusk.web.relaying import methods
from dusk.web.views import APPLICATION, MODULES, RESOURCES, as_script, menu, page_files, requirements
from tests.desk import desk_of_two

SUBSET = {
    "baseclass": {"extend"},
    "view": {"extend"},
    "rpc": {"declare"},
    "poll": {"add", "remove"},
    "ui": {"showModal", "hideModal", "addNotification", "createHandlerFn"},
}
"""As `specs/luci-subset.md` has it."""
LUCI_ALONE = {
    "form": {"Map", "NamedSection", "Flag", "Value", "DynamicList"},
    "uci": {"get", "set", "unset"},
}
"""What a view has besides that is shown under LuCI alone."""
FORBIDDEN = {
    r"\binnerHTML\b": "markup from text (A33)",
    r"\bouterHTML\b|\binsertAdjacentHTML\b|\bdocument\.write\b": "markup from text (A33)",
    r"\beval\b|\bnew Function\b|\bsetTimeout\(\s*['\"]": "code from text (A33)",
    r"\bstyle\s*:|['\"]style['\"]\s*:": "our policy lets no style attribute pass",
    r"\bL\.": "of LuCI beyond the subset",
    r"\.format\(": "of LuCI beyond the subset",
    r"https?://(?!www\.w3\.org/2000/svg')": "something from outside; the name of SVG is no address",
    r"'require dusk\.\w+';": "LuCI names it otherwise: say `as`",
    r"showModal\((?!\[ )": "a title outside a list is markup there (A33)",
    r"addNotification\((?!null, E\()": "a text outside a list is markup there (A33)",
}
VIEWS = "htdocs/luci-static/resources/view/dusk"
RESOURCES_OF_OURS = APPLICATION / "htdocs/luci-static/resources/dusk"
SCRIPTS = sorted((APPLICATION / "htdocs").rglob("*.js"))


def _code(path: Path) -> str:
    """Return a script's text without its comments."""
    return re.sub(r"/\*.*?\*/|(?<!:)//[^\n]*", "", path.read_text(), flags=re.DOTALL)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_view_uses_nothing_that_one_of_the_hosts_lacks(path: Path) -> None:
    code = _code(path)
    for pattern, why in FORBIDDEN.items():
        assert not re.search(pattern, code), f"{path.name}: {pattern}: {why}"
    if re.search(r"(?<![.\w])E\(", code) and path.name != "nodes.js":
        assert "const E = nodes.make;" in code, f"{path.name}: to LuCI's own E a text is markup (A33)"
    for module, local in requirements(path.read_text()):
        if module.startswith("dusk."):
            assert (APPLICATION / "htdocs/luci-static/resources" / f"{module.replace('.', '/')}.js").is_file()
            continue
        used = set(re.findall(rf"(?<![.\w]){local}\.(\w+)", code))
        assert used, f"{path.name} requires {module} and does not use it"
        assert used <= {**SUBSET, **LUCI_ALONE}[module], (
            f"{path.name}: {module} has no {used - SUBSET[module]}"
        )


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_view_calls_what_the_modules_of_ours_have(path: Path) -> None:
    code = _code(path)
    for module, local in requirements(path.read_text()):
        if not module.startswith("dusk."):
            continue
        offered = _code(APPLICATION / "htdocs/luci-static/resources" / f"{module.replace('.', '/')}.js")
        _, opened, offered = offered.partition("return baseclass.extend({\n")
        assert opened, f"{module} offers nothing"
        members = set(re.findall(r"^\t(\w+):", offered, flags=re.MULTILINE))
        used = set(re.findall(rf"(?<![.\w]){local}\.(\w+)", code))
        assert used <= members, f"{path.name}: {module} has no {used - members}"


def _declared() -> dict[str, list[str]]:
    """Return method → parameters, as the views declare them."""
    code = _code(APPLICATION / "htdocs/luci-static/resources/dusk/api.js")
    table = re.search(r"const METHODS = \{(.*?)\n\};", code, flags=re.DOTALL)
    assert table is not None
    rows = re.findall(r"(\w+): \[([^\]]*)\]", table[1])
    return {name: re.findall(r"'(\w+)'", parameters) for name, parameters in rows}


def _granted() -> list[str]:
    rights = json.loads((APPLICATION / "root/usr/share/rpcd/acl.d/luci-app-dusk.json").read_text())
    return [
        method
        for group in rights.values()
        for access in ("read", "write")
        for method in group.get(access, {}).get("ubus", {}).get("luci.dusk", [])
    ]


def test_what_a_view_declares_has_a_right_a_line_of_the_backend_and_a_method_of_the_daemon() -> None:
    declared, listed, granted = _declared(), methods(), _granted()
    assert declared
    assert declared.keys() == listed.keys()
    assert sorted(granted) == sorted(listed), "each exactly once: no `*`, and nothing that no view asks for"
    for name, method in listed.items():
        control = METHODS[method.control]
        assert declared[name] == list(method.args), name
        known = control.parameters.keys() | ({"token", "signed"} if control.is_signing else set())
        assert method.args.keys() <= known, name


def test_views_ask_for_what_is_declared_and_nothing_is_declared_that_none_asks_for() -> None:
    declared, asked, named = _declared(), set[str](), set[str]()
    for path in SCRIPTS:
        if path.name != "api.js":
            asked |= set(re.findall(r"\b(?:api|session)\.(?:call|act|quietly)\('(\w+)'", _code(path)))
            named |= set(re.findall(r"'(\w+)'", _code(path)))
    own = set(re.findall(r"this\.call\('(\w+)'", _code(RESOURCES_OF_OURS / "api.js")))
    assert asked
    assert asked <= declared.keys()
    assert declared.keys() <= named | own


def test_what_the_page_says_with_a_button_is_what_the_daemon_says_with_a_command() -> None:
    said = re.search(r"NO_BACKUP = '(.+)'", _code(APPLICATION / f"{VIEWS}/overview.js"))
    assert said is not None
    (line,) = no_backup(desk_of_two().log)
    assert line.startswith(said[1])


def test_the_menu_leads_to_views_that_are_there_and_asks_for_rights_that_are() -> None:
    entries = json.loads((APPLICATION / "root/usr/share/luci/menu.d/luci-app-dusk.json").read_text())
    rights = json.loads((APPLICATION / "root/usr/share/rpcd/acl.d/luci-app-dusk.json").read_text())
    files = page_files()
    assert all(f"{RESOURCES}view/dusk/{name}.js" in files for name, _ in menu())
    wanted = {right for entry in entries.values() for right in entry.get("depends", {}).get("acl", [])}
    assert wanted
    assert wanted <= rights.keys()
    targets = {entry["action"]["path"] for entry in entries.values() if entry["action"]["type"] == "view"}
    assert targets == {f"dusk/{path.stem}" for path in (APPLICATION / VIEWS).glob("*.js")}, (
        "each view has its place, and each place its view"
    )


def test_a_right_to_the_command_that_root_runs_says_so() -> None:
    rights = json.loads((APPLICATION / "root/usr/share/rpcd/acl.d/luci-app-dusk.json").read_text())
    writing = {name for name, right in rights.items() if "dusk" in right.get("write", {}).get("uci", [])}
    assert writing == {"luci-app-dusk-settings"}
    assert all("a command that root runs" in rights[name]["description"] for name in writing)


def test_a_view_that_needs_more_of_luci_is_not_offered_where_there_is_none() -> None:
    assert SUBSET.keys() == MODULES
    assert "settings" not in dict(menu())
    assert "overview" in dict(menu())


def test_a_module_becomes_a_script_that_names_itself_and_what_it_needs() -> None:
    source = "'use strict';\n'require view';\n'require dusk.api as asked';\n\nreturn view.extend({});\n"
    script = as_script("view.dusk.x", source)
    assert script.startswith(
        'DuskHost.define("view.dusk.x", ["view", "dusk.api"], function(view, asked) { \'use'
    )
    assert script.endswith("return view.extend({});\n\n});\n")
    assert requirements(source) == [("view", "view"), ("dusk.api", "asked")]


def test_where_the_application_is_not_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="dusk web"):
        page_files(tmp_path)
