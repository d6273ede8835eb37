"""The shape of the code is kept by these tests; each rule is shown to object to what it forbids."""

from pathlib import Path, PurePosixPath

import pytest

from tests import architecture_rules as rules

PROJECT = Path(__file__).resolve().parent.parent
OURS = ("dusk", "tests", "benchmarks", "tools")


def _sources(*folders: str) -> list[rules.Source]:
    files = [path for folder in folders for path in sorted((PROJECT / folder).rglob("*.py"))]
    return [
        rules.Source(PurePosixPath(path.relative_to(PROJECT).as_posix()), path.read_text()) for path in files
    ]


def _snippet(path: str, text: str) -> rules.Source:
    return rules.Source(PurePosixPath(path), text)


@pytest.mark.parametrize("rule", rules.IN_DUSK, ids=lambda rule: rule.__name__)
def test_every_module_of_dusk_keeps(rule: rules.Rule) -> None:
    assert [finding for source in _sources("dusk") for finding in rule(source)] == []


@pytest.mark.parametrize("rule", rules.EVERYWHERE, ids=lambda rule: rule.__name__)
def test_all_code_keeps(rule: rules.Rule) -> None:
    sources = _sources(*OURS)
    assert [finding for source in sources for finding in rule(source)] == []


def test_no_module_of_dusk_imports_itself_in_a_circle() -> None:
    assert rules.import_cycle(_sources("dusk")) == []


def test_the_helper_stays_small() -> None:
    lines = {
        source.path.name: rules.lines_of_code(source)
        for source in _sources("dusk")
        if source.room == "helper"
    }
    judging = sum(lines.pop(name) for name in rules.HELPER_JUDGES)
    running = sum(lines.pop(name) for name in rules.HELPER_RUNNERS)
    beside = sum(lines.pop(name) for name in rules.HELPER_BESIDE)
    assert sum(lines.values()) < rules.HELPER_LINES_MAX
    assert beside < rules.HELPER_BESIDE_LINES_MAX
    assert judging < rules.HELPER_JUDGES_LINES_MAX
    assert running < rules.HELPER_RUNNERS_LINES_MAX


def test_every_page_that_code_names_is_here() -> None:
    here = {path.name for folder in ("", "docs", "specs") for path in (PROJECT / folder).glob("*.md")}
    named = {(source.path, page) for source in _sources(*OURS) for page in rules.pages(source)}
    assert {(path, page) for path, page in named if page not in here} == set()


def test_network_interfaces_are_looked_up_in_one_module_only() -> None:
    users = [
        source.path
        for source in _sources("dusk")
        if any(name.split(".")[0] == "netifaces" for _, name in rules.imports(source))
    ]
    assert len(users) <= 1, users


def test_every_room_says_what_it_is() -> None:
    rooms = [path for path in (PROJECT / "dusk").iterdir() if path.is_dir() and list(path.glob("*.py"))]
    missing = [path.name for path in rooms if not (path / "__init__.py").is_file()]
    assert missing == []


BAD = (
    (rules.pure_rooms_import_nothing_from_outside, "dusk/cycle/a.py", "import trio\n"),
    (rules.pure_rooms_import_nothing_from_outside, "dusk/cycle/a.py", "from os import path\n"),
    (rules.pure_rooms_import_nothing_from_outside, "dusk/node.py", "def f():\n    import time\n"),
    (rules.pure_rooms_import_nothing_from_outside, "dusk/keys/a.py", "from nacl.utils import random\n"),
    (rules.pure_rooms_import_nothing_from_outside, "dusk/keys/a.py", "from nacl import utils\n"),
    (rules.pure_rooms_import_nothing_from_outside, "dusk/config/a.py", "import msgpack\n"),
    (rules.pure_rooms_import_nothing_from_outside, "dusk/config/a.py", "from ..daemon import files\n"),
    (rules.pure_rooms_import_nothing_from_outside, "dusk/sim/disk.py", "import pathlib\n"),
    (rules.pure_rooms_call_nothing_from_outside, "dusk/config/a.py", "open('x')\n"),
    (rules.pure_rooms_call_nothing_from_outside, "dusk/keys/a.py", "SigningKey.generate()\n"),
    (rules.rooms_import_downwards, "dusk/changelog/a.py", "from dusk.cycle import messages\n"),
    (rules.rooms_import_downwards, "dusk/changelog/a.py", "from ..cycle import messages\n"),
    (rules.rooms_import_downwards, "dusk/changelog/a.py", "from dusk.membership import joiner\n"),
    (rules.rooms_import_downwards, "dusk/daemon/a.py", "import dusk.cli.main\n"),
    (rules.rooms_import_downwards, "dusk/novelty/a.py", "import json\n"),
    (rules.the_helper_needs_the_standard_library_only, "dusk/helper/a.py", "import nacl\n"),
    (rules.the_helper_needs_the_standard_library_only, "dusk/helper/a.py", "from dusk import codec\n"),
    (rules.modules_say_what_they_are, "dusk/keys/__init__.py", "import hashlib\n"),
    (rules.modules_are_short, "dusk/keys/a.py", "x = 1\n" * 500),
    (rules.functions_fit_on_a_screen, "dusk/keys/a.py", "def f():\n" + "    x = 1\n" * 70),
    (rules.functions_fit_on_a_screen, "dusk/keys/a.py", "async def f():\n" + "    x = 1\n" * 70),
    (rules.a_name_stands_for_one_thing, "dusk/limits.py", "A = 1\nB = 2\nA: int = 3\n"),
    (rules.nothing_is_left_for_later, "dusk/keys/a.py", "x = 1  # TO" + "DO: later\n"),
    (rules.what_is_ignored_has_a_reason, "dusk/keys/a.py", "x = f()  # no" + "qa: S101, B009\n"),
    (rules.what_is_ignored_has_a_reason, "dusk/keys/a.py", "x = f()  # type: " + "ignore[misc, index]\n"),
    (rules.no_test_is_left_out, "tests/test_a.py", "@pytest.mark.skipif(True)\ndef test(): ...\n"),
    (rules.no_test_is_left_out, "tests/test_a.py", "def test():\n    pytest.skip('no')\n"),
    (rules.no_error_is_swallowed, "dusk/keys/a.py", "try:\n    f()\nexcept:\n    pass\n"),
    (rules.no_error_is_swallowed, "dusk/cli/a.py", "try:\n    f()\nexcept (OSError, Exception):\n    pass\n"),
)


@pytest.mark.parametrize(("rule", "path", "text"), BAD)
def test_a_rule_objects_to_what_it_forbids(rule: rules.Rule, path: str, text: str) -> None:
    assert len(list(rule(_snippet(path, text)))) == 1


GOOD = (
    ("dusk/keys/a.py", '"""Keys."""\nfrom nacl.bindings import crypto_sign\nimport argon2\n'),
    ("dusk/codec.py", '"""Codec."""\nimport msgpack\nfrom dusk.errors import UntrustedInput\n'),
    ("dusk/daemon/a.py", '"""Shell."""\nimport time\nimport trio\nfrom dusk.node import Node\nopen("x")\n'),
    ("dusk/sim/runner.py", '"""Runs."""\nimport time\n'),
    ("dusk/sim/world.py", '"""World."""\nimport random\nfrom dusk import node\n'),
    ("dusk/helper/a.py", '"""Root."""\nimport os\nfrom dusk.helper import journal\nimport dusk.errors\n'),
    ("dusk/daemon/b.py", '"""Ends."""\ntry:\n    f()\nexcept BaseException:\n    close()\n    raise\n'),
    ("dusk/changelog/b.py", '"""Names."""\nfrom dusk.membership.names import decide_name\n'),
    ("dusk/keys/b.py", '"""Box."""\nbox.open(b"x")\n'),
    ("dusk/keys/c.py", '"""Key."""\nx = f()  # type: ' + "ignore[misc]  # the library has no types\n"),
)


@pytest.mark.parametrize(("path", "text"), GOOD)
def test_no_rule_objects_to_what_is_allowed(path: str, text: str) -> None:
    source = _snippet(path, text)
    assert [finding for rule in (*rules.IN_DUSK, *rules.EVERYWHERE) for finding in rule(source)] == []


def test_lines_of_code_are_those_that_do_something() -> None:
    text = '"""Room."""\n\n# why\nx = (\n    1,\n)\n\n\ndef f():\n    """Say."""\n    return x\n'
    assert rules.lines_of_code(_snippet("dusk/helper/a.py", text)) == 5


def test_pages_are_found_by_their_names() -> None:
    assert list(rules.pages(_snippet("dusk/keys/a.py", '"""Keys (`specs/keys.md`, log.md, 2)."""\n'))) == [
        "keys.md",
        "log.md",
    ]


def test_a_circle_of_imports_is_found() -> None:
    sources = [
        _snippet("dusk/a.py", "from dusk import b\n"),
        _snippet("dusk/b.py", "from dusk.c import thing\n"),
        _snippet("dusk/c.py", "def f():\n    import dusk.a\n"),
    ]
    assert rules.import_cycle(sources) == ["dusk.a", "dusk.b", "dusk.c", "dusk.a"]
