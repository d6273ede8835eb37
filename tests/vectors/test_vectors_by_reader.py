"""The vectors, read by an implementation that was written from the pages of specs/ alone."""

import ast
import json
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.vectors.reader.files import File, hexed
from tests.vectors.reader.packing import Refused
from tests.vectors.reader.readings import READINGS

VECTORS = Path(__file__).parents[2] / "specs" / "vectors"
READER = Path(__file__).parent / "reader"

# File → kind → valid and invalid cases. A case more or less is noticed here.
COUNTS: dict[str, dict[str, tuple[int, int]]] = {
    "catchup": {
        "answer": (18, 33),
        "drift": (1, 6),
        "files": (1, 16),
        "health": (1, 7),
        "hold": (2, 4),
        "locator": (6, 0),
        "order": (1, 6),
        "packages": (2, 11),
        "request": (17, 41),
    },
    "chains": {"broken": (0, 276), "continued": (36, 0), "log": (1, 0)},
    "changes": {"": (5, 37)},
    "control": {"": (195, 105)},
    "datagrams": {
        "ANSWER": (4, 7),
        "ASK": (1, 0),
        "DATA": (8, 9),
        "BUNDLE": (1, 4),
        "FORWARD": (1, 8),
        "HELLO": (2, 10),
        "PONG": (3, 7),
        "REFER": (2, 18),
        "RELAY": (1, 4),
        "RELAYED": (1, 4),
        "REPEAT": (2, 6),
        "RESPOND": (6, 23),
        "START": (4, 22),
        "SUBMIT": (2, 6),
        "batch": (2, 0),
        "datagram": (0, 18),
        "health": (1, 3),
        "ring": (1, 5),
        "setting": (1, 0),
        "status": (3, 10),
    },
    "encoding": {"": (11, 38)},
    "entries": {"certificate": (1, 8), "entry": (8, 28), "item": (2, 6), "signed-head": (2, 7)},
    "forks": {"": (42, 0)},
    "handshakes": {"received": (0, 50), "stream": (1, 0)},
    "hashes": {"file": (2, 0), "labelled": (19, 0), "section": (6, 0)},
    "joining": {"address": (6, 8), "name": (26, 0), "pattern": (19, 0), "request": (2, 1)},
    "keys": {
        "join-line": (3, 39),
        "key": (3, 0),
        "pairwise": (2, 8),
        "phrase": (3, 6),
        "public-key": (1, 25),
        "seal": (2, 5),
        "sealed-user-key": (1, 13),
        "secret": (6, 11),
        "signature": (3, 28),
        "wrap": (1, 5),
        "x25519": (0, 2),
    },
    "merges": {"": (75, 49)},
    "records": {"": (109, 273)},
    "rollouts": {"broken": (0, 98), "continued": (10, 0), "log": (1, 0), "waiting": (36, 0)},
    "settings": {"edit": (60, 0), "expand": (16, 11), "import": (16, 19), "key": (26, 49)},
    "storage": {"": (44, 0)},
    "uci": {"document": (38, 24), "edit": (36, 0)},
}

# Words of the reader that stand for a wider one of the vectors, by file.
ALSO = {
    "catchup": {"encoding": "wrong-shape", "too-large": "wrong-shape", "too-many": "wrong-shape"},
    "datagrams": {"encoding": "wrong-shape", "too-large": "wrong-shape", "too-many": "wrong-shape"},
    "handshakes": {"not-authentic": "other-prologue"},
}


@cache
def file(name: str) -> File:
    return File(json.loads((VECTORS / f"{name}.json").read_text())["cases"])


def all_cases() -> list[Any]:
    names = sorted(path.stem for path in VECTORS.glob("*.json"))
    return [
        pytest.param(name, place, id=f"{name}: {case['name']}")
        for name in names
        for place, case in enumerate(file(name).cases)
    ]


def joined(pieces: list[Any]) -> bytes:
    return b"".join(hexed(piece) for piece, _what in pieces)


@pytest.mark.parametrize(("name", "place"), all_cases())
def test_what_the_pages_say_is_what_the_vectors_say(name: str, place: int) -> None:
    case = file(name).cases[place]
    given, optional, read = READINGS[name, case.get("kind")]
    out: dict[str, Any] = {}
    word = None
    try:
        read(case, file(name), out)
    except Refused as refused:
        word = refused.word
        out |= {"line": refused.line} if refused.line else {}
    wider = ALSO.get(name, {}).get(word or "", word)
    assert case.get("invalid") in {word, wider}, word
    for field, value in case.items():
        if field.startswith("annotated"):
            parts = [joined(one) for one in value] if name == "handshakes" else joined(value)
            assert parts == out[field], field
        elif field in out:
            assert out[field] == value, field
    told = {field for field in out if not field.startswith("annotated")}
    fields = {field for field in case if not field.startswith("annotated")}
    fields -= {"name", "shows", "kind", "invalid"}
    assert set(given.split()) <= fields
    assert fields - set(given.split()) - set(optional.split()) <= told <= fields


def test_no_file_and_no_case_is_left_out() -> None:
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for path in sorted(VECTORS.iterdir()):
        if path.suffix == ".json":
            whole = json.loads(path.read_text())
            assert set(whole) == {"page", "cases"}
            kinds = Counter((case.get("kind", ""), "invalid" in case) for case in whole["cases"])
            found[path.stem] = {kind: (kinds[kind, False], kinds[kind, True]) for kind, _ in kinds}
    assert found == COUNTS
    assert {path.name for path in VECTORS.iterdir()} == {f"{name}.json" for name in COUNTS} | {"README.md"}


def test_the_reader_shares_nothing_with_what_it_is_compared_to() -> None:
    allowed = {"argon2", "mnemonic", "nacl"}
    for path in READER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.split(".")[0]
                own = f"{name}.".startswith("tests.vectors.reader.")
                assert own or top in allowed | set(sys.stdlib_module_names), f"{path.name} imports {name}"
