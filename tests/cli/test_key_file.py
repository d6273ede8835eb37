"""``--key-file`` and ``dusk key``: a person whose key no router gets, and routers that try (A57)."""

import os
import stat
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dusk import codec
from dusk.changelog.body import Change, decode_change
from dusk.cli.client import Client
from dusk.cli.outside import ROUNDS_MAX
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.control.outside import ToSign
from tests.cli.key_person import Person, without_terminal
from tests.cli.test_commands import assert_refused
from tests.control.test_people_methods import add
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk

Request = dict[str, Any]
SET = ("set", "policy/wifi", "wireless.x.ssid=Home")
COMMIT = ("commit", "-m", "a name")


# --- the file ------------------------------------------------------------------------------------


def test_a_key_is_made_for_its_owner_alone_and_never_over_another(dusk: "Dusk", tmp_path: Path) -> None:
    file = tmp_path / "ann.key"
    made = dusk("key", "create", str(file))
    assert made.out.startswith("dusk-public-1:")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert text.startswith("dusk-key-1:")
    assert text.strip() not in made.out + made.err
    assert_refused(dusk("key", "create", str(file)), "is there already")
    assert_refused(dusk("key", "create", str(tmp_path / "no" / "key")), "cannot write")
    assert file.read_text() == text
    shown = dusk("key", "show", str(file), "--json").json
    assert shown == {"file": str(file), "public": made.out.strip(), "cluster": None}


def test_a_disk_that_is_full_leaves_no_half_of_a_key(
    dusk: "Dusk", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert_refused(dusk("key", "create", str(tmp_path / "ann.key")), "cannot write")
    assert not (tmp_path / "ann.key").exists()


def test_a_key_that_others_can_read_or_that_is_none_is_not_used(ann: Person, tmp_path: Path) -> None:
    ann.file.chmod(0o640)
    assert_refused(ann.run("whoami"), "chmod 600")
    ann.file.chmod(0o600)
    for text in ("x" * 1000, "dusk-key-1:é", "dusk-public-1:x"):
        ann.file.write_text(text)
        assert ann.run("whoami").code == 1
    ann.file.unlink()
    assert_refused(ann.run("whoami"), "cannot read")


@pytest.mark.parametrize(
    "words",
    [
        ("--unseen", "status"),
        ("--key-file", "F", "login", "ann"),
        ("--key-file", "F", "daemon"),
        ("--key-file", "F", "key", "show", "F"),
        ("--key-file=", "status"),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(dusk: "Dusk", words: tuple[str, ...]) -> None:
    assert dusk(*words).code == 2


# --- as it should be -----------------------------------------------------------------------------


def test_a_draft_is_signed_here_after_its_bytes_were_shown(ann: Person) -> None:
    assert ann.run(*SET).code == 0
    assert ann.asked == []
    done = ann.run(*COMMIT, "--json")
    assert (done.code, done.json["state"]) == (0, "durable")
    (text,) = ann.asked
    assert "set/wireless.x.ssid: 'Home'" in text
    assert "message: 'a name'" in text
    assert ann.desk.world.cluster.hex() in text
    assert ann.run("whoami").out == "ann\n"
    assert ann.dusk("log", "--json").json[0]["author"] == "ann"


def test_no_session_and_no_token_is_left(ann: Person, root: Path) -> None:
    ann.run(*SET)
    ann.run(*COMMIT)
    assert set(ann.desk.people) == {"token-alice"}
    assert not any((root.parent / "runtime").rglob("session-*"))


def test_a_session_that_cannot_be_ended_is_no_failure(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeDesk, "logout", lambda *_: (_ for _ in ()).throw(ToSign({})))
    assert ann.run("whoami").code == 0


def test_who_says_no_has_signed_nothing(ann: Person) -> None:
    ann.run(*SET)
    ann.says = "no"
    refused = ann.run(*COMMIT)
    assert (refused.code, refused.err.splitlines()[-1]) == (1, "dusk: nothing was signed")
    assert not ann.desk.log.state.records("policy/wifi")


def test_without_a_terminal_nothing_is_signed_unless_unseen(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("DUSK_ROOT", str(ann.file.parent / "root"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(ann.file.parent / "runtime"))
    monkeypatch.setattr("dusk.cli.passwords.os.open", without_terminal(os.open))
    assert ann.run(*SET).code == 0
    assert_refused(ann.run(*COMMIT), "--unseen")
    assert ann.run("--unseen", *COMMIT).code == 0


def test_a_proposal_is_shown_and_then_what_keeps_it(ann: Person) -> None:
    ann.desk.do("owner.quorum", count=2)
    ann.run(*SET)
    assert ann.run(*COMMIT).code == 0
    first, second = ann.asked
    assert "others may sign it, too" in first
    assert "keeps what you have just signed" in second
    assert "'Home'" in second
    assert ann.dusk("proposals", "--json").json[0]["signed"] == ["ann"]


def test_what_others_made_is_shown_from_its_own_bytes_once(ann: Person, tmp_path: Path) -> None:
    ann.desk.do("owner.quorum", count=2)
    ann.desk.do("draft.edit", target="policy/lan", verb="set", edits=[{"key": "a.b.c", "values": ["theirs"]}])
    proposal = ann.desk.commit()["proposal"]
    assert ann.run("sign", proposal).code == 0
    (text,) = ann.asked
    assert "'theirs'" in text
    assert ann.desk.log.state.records("policy/lan")
    file = tmp_path / "role"
    file.write_text(ann.desk.do("role.force", collect=True)["line"])
    assert ann.run("sign", str(file)).code == 0
    assert "succession" in ann.asked[1]


def test_a_key_is_made_for_routers_and_passwords_are_for_others(ann: Person, tmp_path: Path) -> None:
    assert ann.run("joinkey", "create", "--file", str(tmp_path / "image.key")).code == 0
    assert len(ann.asked) == 1
    assert "uses 1" in ann.asked[0]
    assert_refused(ann.run("user", "add", "bob"), "--public-key")


def test_what_this_key_s_owner_is_not_known_by_is_said(ann: Person, tmp_path: Path) -> None:
    file = tmp_path / "other.key"
    ann.dusk("key", "create", str(file))
    assert_refused(ann.dusk("--key-file", str(file), "whoami"), "nobody's in this cluster")


# --- routers that try ----------------------------------------------------------------------------


def hostile(monkeypatch: pytest.MonkeyPatch, alter: Callable[[Request, int], Request]) -> list[list[str]]:
    """Let the router ask for something else than it should; returns what it was sent signed."""
    real, sent, count = Client.call, [], 0

    def call(client: Client, method: str, **params: Any) -> Any:
        nonlocal count
        sent.append(params.get("signed", []))
        try:
            return real(client, method, **params)
        except ToSign as wanted:
            count += 1
            raise ToSign(alter(wanted.request, count)) from None

    monkeypatch.setattr(Client, "call", call)
    return sent


def other_value(request: Request) -> Request:
    evil = b64encode(encode_setting(Setting(Verb.SET, ("Evil",)))).decode()
    return {**request, "edits": [{**edit, "data": evil} for edit in request["edits"]]}


def test_a57_a_router_that_shows_one_diff_and_asks_for_other_bytes_shows_them_too(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann.run(*SET)
    assert "'Home'" in ann.run("draft").out
    ann.says = "no"
    sent = hostile(monkeypatch, lambda request, _: other_value(request))
    assert ann.run(*COMMIT).code == 1
    assert "Evil" in ann.asked[0]
    assert "Home" not in ann.asked[0]
    assert not any(sent)


def test_a57_a_router_that_changes_an_edit_in_the_second_call_is_shown_to_ask_again(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann.run(*SET)
    sent = hostile(monkeypatch, lambda request, n: request if n == 1 else other_value(request))
    replies = iter(("yes", "no"))

    def answer(prompt: str, _instead: str) -> str:
        ann.asked.append(prompt)
        ann.desk.set("policy/lan", a__b__c="what makes the first too late")
        row = {"key": "wireless.x.ssid", "values": ["Moved"]}
        token = next(token for token in ann.desk.people if token.startswith("outside"))
        ann.desk.ask("draft.edit", token=token, target="policy/wifi", verb="set", edits=[row])
        return next(replies)

    monkeypatch.setattr("dusk.cli.passwords.ask_line", answer)
    assert ann.run(*COMMIT).code == 1
    assert "ANOTHER SIGNATURE" in ann.asked[1]
    assert "Evil" in ann.asked[1]
    assert max(map(len, sent)) == 1
    assert not ann.desk.log.state.records("policy/wifi")


def always(monkeypatch: pytest.MonkeyPatch, requests: list[Request]) -> list[list[str]]:
    """Let the router ask for another signature whatever it gets."""
    real, sent = Client.call, []

    def call(client: Client, method: str, **params: Any) -> Any:
        if method != "draft.commit":
            return real(client, method, **params)
        sent.append(params.get("signed", []))
        try:
            real(client, method, **{**params, "signed": []})
        except ToSign as wanted:
            requests.append(wanted.request)
            raise ToSign({**wanted.request, "message": f"number {len(requests)}"}) from None

    monkeypatch.setattr(Client, "call", call)
    return sent


def test_a57_a_router_that_asks_without_end_gets_a_few_that_were_each_shown(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann.run(*SET)
    sent = always(monkeypatch, [])
    assert_refused(ann.run(*COMMIT), "it gets no more")
    assert [len(lines) for lines in sent] == list(range(ROUNDS_MAX + 1))
    assert len(ann.asked) == ROUNDS_MAX
    assert all("ANOTHER SIGNATURE" in text for text in ann.asked[1:])


def test_a57_unseen_a_router_gets_one_signature_and_none_that_does_not_follow_from_it(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann.run(*SET)
    sent = always(monkeypatch, [])
    assert_refused(ann.run("--unseen", *COMMIT), "another signature")
    assert max(map(len, sent)) == 1
    assert ann.asked == []


def test_a57_unseen_a_proposal_is_kept_by_a_second_signature_and_by_nothing_else(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann.desk.do("owner.quorum", count=2)
    ann.run(*SET)
    assert ann.run("--unseen", *COMMIT).code == 0
    for spoil in (_other_place, _other_signature, _other_change, _removed):
        monkeypatch.undo()
        monkeypatch.setenv("DUSK_ROOT", str(ann.file.parent / "root"))
        ann.run("set", "policy/wifi", f"wireless.x.ssid={spoil.__name__}")
        hostile(monkeypatch, lambda request, n, spoil=spoil: request if n == 1 else spoil(request))  # type: ignore[misc]  # bound now
        assert_refused(ann.run("--unseen", *COMMIT), "another signature")


def _first(request: Request, **changed: Any) -> Request:
    return {**request, "edits": [{**request["edits"][0], **changed}, *request["edits"][1:]]}


def _other_place(request: Request) -> Request:
    return _first(request, section="proposal/" + "00" * 16)


def _other_signature(request: Request) -> Request:
    data = b64encode(codec.pack([bytes(64)])).decode()
    return {**request, "edits": [request["edits"][0], {**request["edits"][1], "data": data}]}


def _other_change(request: Request) -> Request:
    row = codec.unpack(b64decode(request["edits"][0]["data"]), size_max=100_000)
    change = decode_change(row[0])
    body = change.body._replace(message="another").encode()
    data = codec.pack([Change(body, (), change.values).encode(), row[1]])
    return _first(request, data=b64encode(data).decode())


def _removed(request: Request) -> Request:
    return _first(request, data=None)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"cluster": "00" * 32}, "another cluster"),
        ({"author": "00" * 16}, "somebody else"),
        ({"author": None}, "something bad"),
        ({"device": "0"}, "something bad"),
        ({"device": "00" * 16}, "another device"),
        ({"counter": -1}, "something bad"),
        ({"edits": []}, "something bad"),
        ({"edits": "all"}, "something bad"),
        ({"kind": "signature"}, "something bad"),
        ({"kind": "signature", "change": "AAAA"}, "something bad"),
        (
            {"edits": [{"section": "checkpoint", "key": "by/" + "00" * 16, "data": None, "base": None}]},
            "attests",
        ),
    ],
)
@pytest.mark.parametrize("options", [(), ("--unseen",)])
def test_a57_what_nobody_should_sign_is_not_even_shown(
    ann: Person,
    monkeypatch: pytest.MonkeyPatch,
    changed: Request,
    why: str,
    options: tuple[str, ...],
) -> None:
    ann.run(*SET)
    sent = hostile(monkeypatch, lambda request, _: {**request, **changed})
    assert_refused(ann.run(*options, *COMMIT), why)
    assert not any(sent)
    assert ann.asked == []


def test_a57_a_change_of_others_whose_values_are_not_those_that_are_signed_is_not_shown(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann.desk.do("owner.quorum", count=2)
    ann.desk.set("policy/lan", a__b__c="theirs")
    proposal = ann.desk.commit()["proposal"]

    def alter(request: Request, _: int) -> Request:
        change = decode_change(b64decode(request["change"]))
        assert change.values[0] is not None
        harmless = change.values[0]._replace(data=encode_setting(Setting(Verb.SET, ("harmless",))))
        shown = change._replace(values=(harmless, *change.values[1:])).encode()
        return {**request, "change": b64encode(shown).decode()}

    ann.run("whoami")
    sent = hostile(monkeypatch, alter)
    assert_refused(ann.run("sign", proposal), "something bad")
    assert not any(sent)


def test_a57_a_router_of_another_cluster_gets_nothing_not_even_a_login(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ann.run("whoami")
    assert f"signs for the cluster {ann.desk.world.cluster.hex()}" in first.err
    pin = ann.file.with_name("ann.key.cluster")
    assert stat.S_IMODE(pin.stat().st_mode) == 0o600
    assert ann.dusk("key", "show", str(ann.file), "--json").json["cluster"] == ann.desk.world.cluster.hex()
    real, asked = FakeDesk.challenge, []

    def other(desk: FakeDesk, user: str) -> dict[str, Any]:
        return {**real(desk, user), "cluster": "11" * 32}

    monkeypatch.setattr(FakeDesk, "challenge", other)
    monkeypatch.setattr(FakeDesk, "open_session", lambda *words: asked.append(words))
    assert_refused(ann.run("whoami"), "for another cluster make another key")
    assert asked == []
    pin.write_text("what")
    assert_refused(ann.run("whoami"), "does not name the cluster")


@pytest.mark.parametrize("name", ["challenge", "device", "cluster"])
def test_a57_a_challenge_of_another_form_is_not_signed(
    ann: Person, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    real = FakeDesk.challenge
    monkeypatch.setattr(FakeDesk, "challenge", lambda desk, user: {**real(desk, user), name: "00"})
    assert_refused(ann.run("whoami"), "challenge")


def test_a33_what_a_router_asks_for_moves_no_cursor(ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    ann.run(*SET)
    ann.says = "no"
    hostile(monkeypatch, lambda request, _: {**request, "message": "\x1b[2J\u202e"})
    ann.run(*COMMIT)
    assert all(c.isprintable() or c == "\n" for c in ann.asked[0])


def test_a_session_of_a_key_outside_says_what_to_do_without_the_file(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(ann.desk, "bob")
    ann.run(*SET)
    monkeypatch.setattr(FakeDesk, "logout", lambda *_: None)
    ann.run("whoami")
    token = next(token for token in ann.desk.people if token.startswith("outside"))
    monkeypatch.setenv("DUSK_SESSION", token)
    assert_refused(ann.dusk(*COMMIT), "dusk --key-file F")
