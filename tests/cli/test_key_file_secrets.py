"""Secrets with ``--key-file``: sealed and opened where the key is, and routers that try (A57, R15)."""

from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dusk import codec
from dusk.changelog.readers import wraps_in
from dusk.changelog.sealed import sealed_in
from dusk.cli.client import Client
from dusk.config.sealing import Sealed
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.control.drafts import Draft, decode_draft
from dusk.control.outside import ToSign
from dusk.keys.armour import parse_key_line
from dusk.keys.secret import Scope, seal_value, secret_key_id, wrap
from dusk.keys.signing import SigningKey
from tests.checkpoints import above
from tests.cli.conftest import Result
from tests.cli.key_person import Person
from tests.cli.test_commands import assert_refused

KEY = "wireless.lan.key"
SECTION, RECORD = "policy/wifi", f"set/{KEY}"
SECRET = "correct horse battery"
COMMIT = ("commit", "-m", "our key")
PLANTED = b"k" * 32
Request = dict[str, Any]


@pytest.fixture
def ann(ann: Person) -> Person:
    """Return her, as one who has been at this cluster before."""
    ann.run("whoami")
    return ann


def put(ann: Person, value: str = SECRET) -> Result:
    file = ann.file.with_name("psk")
    file.write_text(value)
    result: Result = ann.run("set", SECTION, "wireless.lan=wifi-iface", f"{KEY}=@{file}")
    return result


def committed(ann: Person) -> None:
    assert put(ann).code == 0
    assert ann.run("policy", "assign", "wifi", "--all").code == 0
    assert ann.run(*COMMIT).code == 0


def private(ann: Person) -> SigningKey:
    return parse_key_line(ann.file.read_text())


def readers(ann: Person, section: str = SECTION) -> set[bytes]:
    return {bytes(reader) for _, _, boxes in wraps_in(ann.desk.log.state, section) for reader in boxes}


def entitled(ann: Person) -> set[bytes]:
    state = ann.desk.log.state
    devices = {
        bytes(ann.desk.device_id),
        *(bytes.fromhex(d["id"]) for d in ann.desk.ask("device.list")["devices"]),
    }
    return devices | {bytes(name) for name in state.owners()}


def what_routers_heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    real, heard = Client.call, []

    def call(client: Client, method: str, **params: Any) -> Any:
        heard.append(repr(params))
        return real(client, method, **params)

    monkeypatch.setattr(Client, "call", call)
    return heard


# --- as it should be -----------------------------------------------------------------------------


def test_r15_a_secret_is_sealed_where_the_key_is_and_read_by_those_whom_the_log_names(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = what_routers_heard(monkeypatch)
    committed(ann)
    shown = ann.run("effective", "hall", KEY, "--reveal")
    assert SECRET in shown.out
    assert readers(ann) == entitled(ann)
    assert heard
    assert not any(SECRET in text for text in heard)
    assert not any(SECRET.encode() in item.data for item in ann.desk.world.items)
    assert ann.desk.noted == [f"ann, whose key is elsewhere, looks there at secrets of hall: {KEY}"]
    assert SECRET not in ann.run("effective", "hall", KEY).out
    assert all(SECRET not in file.read_text() for file in ann.file.parent.glob("ann.key*"))


def test_what_is_sealed_twice_says_that_nothing_changed_and_something_else_that_it_did(ann: Person) -> None:
    assert "2 changed" in put(ann).out
    assert "nothing changed" in put(ann).out
    assert "1 changed" in put(ann, "another").out
    assert "(secret)" in ann.run("draft").out
    ann.run("policy", "assign", "wifi", "--all")
    assert ann.run(*COMMIT).code == 0
    assert "nothing changed" in put(ann, "another").out
    assert "another" in ann.run("effective", "hall", "--reveal").out


def test_variables_and_texts_are_sealed_there_too(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = what_routers_heard(monkeypatch)
    assert (
        ann.dusk("--key-file", str(ann.file), "var", "set", "cluster", "--secret", "wpa=-", stdin=SECRET).code
        == 0
    )
    text = ann.file.with_name("text")
    text.write_text(f"set wireless.lan=wifi-iface\nset {KEY}='{SECRET} two'\n")
    assert ann.run("import", SECTION, str(text)).code == 0
    ann.run("policy", "assign", "wifi", "--all")
    assert ann.run(*COMMIT).code == 0
    assert f"{SECRET} two" in ann.run("effective", "hall", KEY, "--reveal").out
    assert readers(ann, "cluster") == entitled(ann)
    assert not any(SECRET in text for text in heard)


def test_what_was_signed_and_not_taken_is_signed_again_and_what_is_set_then_has_a_key_of_its_own(
    ann: Person,
) -> None:
    put(ann)
    ann.says = "no"
    assert ann.run(*COMMIT).code == 1
    made = ann.file.with_name("ann.key.made")
    assert " signed " in made.read_text()
    assert put(ann, "another").code == 0
    assert len(made.read_text().splitlines()) == 2
    ann.says = "yes"
    assert ann.run(*COMMIT).code == 0
    ann.run("policy", "assign", "wifi", "--all")
    assert ann.run(*COMMIT).code == 0
    assert "another" in ann.run("effective", "hall", "--reveal").out


def test_a_proposal_with_a_secret_is_kept_for_others(ann: Person) -> None:
    ann.desk.do("owner.quorum", count=2)
    put(ann)
    assert ann.run("--unseen", *COMMIT).code == 0
    (proposal,) = ann.dusk("proposals", "--json").json
    ann.desk.do("proposal.sign", id=proposal["id"])
    assert readers(ann) == {bytes(name) for name in ann.desk.log.state.owners()}


# --- routers that try ----------------------------------------------------------------------------


def hostile(monkeypatch: pytest.MonkeyPatch, alter: Callable[[Request], Request]) -> list[list[str]]:
    """Let the router ask for something else than it should; returns what it was sent signed."""
    real, sent = Client.call, []

    def call(client: Client, method: str, **params: Any) -> Any:
        sent.append(params.get("signed", []))
        try:
            return real(client, method, **params)
        except ToSign as wanted:
            raise ToSign(alter(wanted.request)) from None

    monkeypatch.setattr(Client, "call", call)
    return sent


def row(key: str, data: bytes, section: str = SECTION) -> Request:
    return {"section": section, "key": key, "data": b64encode(data).decode(), "base": None, "salt": None}


def intruder(ann: Person) -> SigningKey:
    return ann.desk.world.key()


def test_a57_a_router_that_names_a_reader_of_its_own_is_not_believed(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(ann)
    ann.run("policy", "assign", "wifi", "--all")
    foreign = intruder(ann)
    ours = private(ann).key_id

    def alter(request: Request) -> Request:
        edits = []
        for edit in request["edits"]:
            if edit["key"].startswith("wrap/"):
                name, boxes = codec.unpack(b64decode(edit["data"]), size_max=65536)
                assert [reader for reader, _ in boxes] == [ours]
                both = sorted([*map(tuple, boxes), (bytes(foreign.key_id), bytes(80))])
                edits += [edit, row("wrap/255", codec.pack([name, both]))]
            else:
                edits.append(edit)
        return {**request, "edits": edits}

    hostile(monkeypatch, alter)
    assert ann.run(*COMMIT).code == 0
    assert foreign.key_id.hex() not in ann.asked[-1]
    assert readers(ann) == entitled(ann)


def planted(ann: Person, section: str = SECTION, to: str = SECTION) -> list[Request]:
    """A secret of the router's choice, under a K that it knows, wrapped to Ann as her draft has it."""
    scope = Scope(ann.desk.world.cluster, section)
    name, own = secret_key_id(PLANTED), private(ann)
    data = seal_value(PLANTED, bytes(24), scope, RECORD, "what the router knows")
    box = wrap(PLANTED, scope, own.public, bytes(32))
    setting = Setting(Verb.SEALED, sealed=Sealed(name, data))
    return [
        row(RECORD, encode_setting(setting), to),
        row("wrap/9", codec.pack([name, [(own.key_id, box)]]), to),
    ]


@pytest.mark.parametrize("options", [(), ("--unseen",)])
def test_a57_a_secret_under_a_key_that_the_router_made_is_not_signed(
    ann: Person, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    put(ann)
    sent = hostile(monkeypatch, lambda request: {**request, "edits": planted(ann)})
    assert_refused(ann.run(*options, *COMMIT), "was not sealed by this key")
    assert not any(sent)
    assert ann.asked == []


def test_a57_a_draft_in_which_the_router_planted_a_key_seals_nothing_under_it(ann: Person) -> None:
    put(ann)
    draft = decode_draft(ann.desk.drafts["ann"])
    wraps = [edit for edit in draft.edits if edit.key.startswith("wrap/")]
    (theirs,) = [edit for edit in planted(ann) if edit["key"] == "wrap/9"]
    edits = [edit for edit in draft.edits if edit not in wraps and edit.key != RECORD]
    edits.append(replace(wraps[0], key="wrap/9", data=b64decode(theirs["data"])))
    ann.desk.drafts["ann"] = Draft(tuple(edits)).encode()
    assert put(ann).code == 0
    (found,) = [e for e in decode_draft(ann.desk.drafts["ann"]).edits if e.key == RECORD]
    sealed = sealed_in(SECTION, RECORD, found.data)
    assert sealed is not None
    assert sealed.key_id != secret_key_id(PLANTED)


@pytest.mark.parametrize(
    "moved",
    [
        lambda edit: {**edit, "section": "policy/open"},
        lambda edit: {**edit, "key": "set/wireless.guest.key"} if edit["key"] == RECORD else edit,
    ],
)
def test_a57_a_secret_that_the_router_moves_elsewhere_is_not_signed(
    ann: Person, monkeypatch: pytest.MonkeyPatch, moved: Callable[[Request], Request]
) -> None:
    put(ann)
    sent = hostile(monkeypatch, lambda r: {**r, "edits": [moved(edit) for edit in r["edits"]]})
    assert ann.run(*COMMIT).code == 1
    assert not any(sent)
    assert ann.asked == []


def test_a57_a_router_that_keeps_a_draft_s_key_back_gets_nothing_signed(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(ann)

    def without(request: Request) -> Request:
        return {**request, "edits": [e for e in request["edits"] if not e["key"].startswith("wrap/")]}

    sent = hostile(monkeypatch, without)
    assert_refused(ann.run(*COMMIT), "set it again")
    assert not any(sent)


@pytest.mark.parametrize("data", [b"\xc1", b"\x94\x06\x00\x90\x90"])
def test_a57_what_is_no_record_is_not_looked_into(
    ann: Person, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    put(ann)
    hostile(monkeypatch, lambda request: {**request, "edits": [row(RECORD, data)]})
    assert_refused(ann.run(*COMMIT), "something bad")


def answering(monkeypatch: pytest.MonkeyPatch, method: str, answer: Callable[[Any], Any]) -> None:
    real = Client.call

    def call(client: Client, name: str, **params: Any) -> Any:
        result = real(client, name, **params)
        return answer(result) if name == method else result

    monkeypatch.setattr(Client, "call", call)


def test_a57_a_log_with_another_reader_s_key_in_it_is_no_log(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    hall = next(d for d in ann.desk.ask("device.list")["devices"] if d["name"] == "hall")
    state = ann.desk.log.state
    key = state.value(f"device/{hall['id']}", "key")
    assert key is not None
    theirs = intruder(ann).public

    def altered(result: Any) -> Any:
        rows = [[k, b64encode(b64decode(d).replace(key[0], theirs)).decode()] for k, d in result["items"]]
        return {**result, "items": rows}

    answering(monkeypatch, "log.copy", altered)
    assert_refused(put(ann), "not that of this cluster")
    assert "ann" not in ann.desk.drafts


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: {},
        lambda _: {"floor": 0, "items": [], "more": 0},
        lambda _: {"floor": -1, "items": []},
        lambda r: {**r, "items": [[99, ""]]},
        lambda r: {**r, "items": [[4, ""]]},
        lambda r: {**r, "items": [[1, "?"]]},
        lambda r: {**r, "items": r["items"][:1]},
    ],
)
def test_a57_what_is_no_log_seals_nothing(
    ann: Person, monkeypatch: pytest.MonkeyPatch, answer: Callable[[Any], Any]
) -> None:
    answering(monkeypatch, "log.copy", answer)
    assert_refused(put(ann), "not that of this cluster")


def test_r5_a_log_that_ends_before_what_was_seen_is_refused(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(ann)
    seen = ann.file.with_name("ann.key.seen")
    assert seen.read_text().split()[4] == str(ann.desk.log.head.seq)
    last = above(ann.desk.world.items, ann.desk.log.head.seq - 1)
    lines = [b64encode(item.data).decode() for item in last]
    answering(
        monkeypatch,
        "log.copy",
        lambda r: {**r, "items": [each for each in r["items"] if each[1] not in lines]},
    )
    assert_refused(put(ann, "another"), "there is a later one")


def test_a_draft_that_cannot_be_read_or_was_edited_meanwhile_is_left(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, "draft.load", lambda r: {**r, "mark": "00" * 32})
    assert_refused(put(ann), "edited elsewhere meanwhile")
    answering(monkeypatch, "draft.load", lambda r: {**r, "draft": b64encode(b"what").decode()})
    assert_refused(put(ann), "cannot be read")
    answering(monkeypatch, "draft.load", lambda r: {**r, "draft": "?"})
    assert_refused(put(ann), "cannot be read")


@pytest.mark.parametrize(("name", "text"), [("made", "what"), ("seen", "1 2 3"), ("seen", "é")])
def test_files_beside_the_key_that_are_damaged_are_named(ann: Person, name: str, text: str) -> None:
    file = ann.file.with_name(f"ann.key.{name}")
    file.write_text(text)
    assert_refused(put(ann), f"ann.key.{name} is damaged")


def test_a_disk_that_takes_no_file_beside_the_key_ends_it(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: Path, _to: str) -> Path:
        raise OSError(28, "No space left on device")

    ann.run("whoami")
    monkeypatch.setattr(Path, "replace", full)
    assert_refused(put(ann), "cannot write")
