"""Every vector, read from its file by Dusk's own code: what it accepts, and what it refuses."""

import json
from collections.abc import Iterator

import pytest

from dusk.apply.computing import compute_files
from dusk.config.names import is_file, parse_key
from dusk.config.result import resulting
from dusk.config.settings import Edit, edit
from dusk.config.text import export_text, import_text
from dusk.config.uci import parse
from dusk.config.variables import Expander
from dusk.control.methods import METHODS
from dusk.control.schema import check_parameters
from dusk.errors import ConfigError, Refused, UntrustedInput
from tests.vectors.dusk_reads import (
    FOLDER,
    Case,
    Read,
    cases,
    chains,
    changes,
    encoding,
    entries,
    forks,
    hashes,
    keys,
    raw,
    records,
    rollouts,
    storage,
)
from tests.vectors.dusk_reads_wire import catchup, datagrams, handshakes, joining
from tools.vectors.__main__ import files
from tools.vectors.merges import managed_of, show_managed
from tools.vectors.settings import setting_of, show_setting
from tools.vectors.uci import edit_case, options_of


def settings(case: Case) -> None:
    match case["kind"]:
        case "key":
            assert str(parse_key(case["key"])) == case["canonical"]
        case "edit":
            before = case["before"] and setting_of(case["before"])
            value = tuple(case["value"]) if isinstance(case["value"], list) else case["value"]
            after = edit(before, Edit(case["edit"]), value, position=case["position"])
            assert (after and show_setting(after)) == case["after"]
        case "import":
            found = import_text(case["text"])
            assert [[key, show_setting(setting)] for key, setting in found] == case["settings"]
            assert export_text(found) == case["export"]
        case _:
            variables = {n: tuple(v) if isinstance(v, list) else v for n, v in case["variables"].items()}
            expander = Expander(variables, case["facts"])
            value = case["value"]
            text = isinstance(value, str)
            result = expander.text(value, "k") if text else list(expander.items(value, "k"))
            assert result == case["result"]


def merges(case: Case) -> None:
    managed = managed_of(case)
    assert show_managed(managed) == case["managed"]
    content = None if case["file"] is None else case["file"].encode()
    if is_file(case["package"]):
        package = case["package"]
        beside = compute_files({package: managed[package]}, {package: content}).get(package, b"")
        changed = [package] if beside != (content or b"") else []
        assert {"file": beside.decode(), "changed": changed} == case["result"]
        return
    made = resulting(content, case["package"], managed.get(case["package"], ()))
    assert {"file": made.content.decode(), "changed": list(made.changed)} == case["result"]


def uci(case: Case) -> None:
    if case["kind"] == "edit":
        assert edit_case("any", case["before"], case["steps"])["after"] == case["after"]
        return
    try:
        document = parse(raw(case["bytes"]), "file")
    except ConfigError as error:
        if not str(error).startswith(f"file:{case.get('line')}: "):
            raise AssertionError(str(error)) from error
        raise
    assert document.render() == raw(case["bytes"])
    found = [[section.type, section.name, options_of(section)] for section in document.sections]
    assert found == [[one["type"], one["name"], one["options"]] for one in case["sections"]]
    for section in case["sections"]:
        if section["generated"]:
            named = document.render() + f"\nconfig {section['type']} {section['generated']}\n".encode()
            assert len(parse(named, "file").sections) == len(document.sections)


READERS: dict[str, Read] = {
    reader.__name__: reader
    for reader in (
        encoding,
        hashes,
        keys,
        changes,
        entries,
        records,
        chains,
        rollouts,
        forks,
        datagrams,
        handshakes,
        catchup,
        joining,
        settings,
        merges,
        uci,
        storage,
    )
}


def each() -> Iterator[tuple[str, int]]:
    for name in READERS:
        yield from ((name, place) for place in range(len(cases(name))))


# --- the tests -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", READERS)
def test_dusk_reads_every_valid_vector_and_refuses_every_invalid_one(name: str) -> None:
    accepted, refused = [], 0
    for case in cases(name):
        if "invalid" not in case:
            READERS[name](case)
            continue
        try:
            READERS[name](case)
        except (UntrustedInput, ConfigError, Refused):
            refused += 1
        except (KeyError, AssertionError) as error:
            accepted.append((case["name"], repr(error)))
        else:
            accepted.append((case["name"], ""))
    assert accepted == []
    assert refused == sum("invalid" in case for case in cases(name))


def test_the_committed_vectors_are_what_the_generator_writes() -> None:
    written = files()
    assert sorted(written) == sorted(path.name for path in FOLDER.glob("*.json"))
    differing = [name for name, text in written.items() if (FOLDER / name).read_text() != text]
    assert differing == [], "run: python -m tools.vectors"


BY_THE_METHOD = {
    "call: a user without a key",
    "call: no such setting",
    "call: some and all",
    "call: signed is no change",
    "call: signed beside a key that is here",
    "call: a void of nobody",
    "call: a device's local settings",
}
"""Calls whose parameters are each what they may be, and do not go together."""


def test_lines_of_the_control_socket_have_the_parameters_that_methods_take() -> None:
    for case in cases("control"):
        if isinstance(case["line"], dict) or case["name"].startswith("line:"):
            continue
        request = json.loads(case["line"])
        method = METHODS.get(request["method"])
        parameters = {} if method is None else method.parameters
        if case.get("invalid") == "bad-params" and case["name"] not in BY_THE_METHOD:
            with pytest.raises(Refused):
                check_parameters(parameters, request["params"])
        else:
            check_parameters(parameters, request["params"])


def test_annotations_are_the_whole_of_their_bytes() -> None:
    for name in (*READERS, "control"):
        for case in cases(name):
            for field, whole in (("annotated", "bytes"), ("annotated_body", "body")):
                if field in case and whole in case:
                    assert b"".join(bytes.fromhex(p) for p, _ in case[field]) == raw(case[whole])


def test_the_page_of_the_vectors_knows_every_reason_and_every_field() -> None:
    page = (FOLDER / "README.md").read_text()
    log = (FOLDER.parent / "log.md").read_text()
    for name in READERS:
        assert f"**{name}.json**" in page
        for case in cases(name):
            reason = case.get("invalid")
            known = reason is None or f"`{reason}`" in page or f"`{reason}`" in log
            assert known, (name, case["name"], reason)
            assert case["shows"], case["name"]
