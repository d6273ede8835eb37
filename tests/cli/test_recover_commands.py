"""``dusk recover`` over a real socket: a new owner, the next phrase, and what it says of a wrong one."""

import stat
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dusk import codec
from dusk.changelog import views
from dusk.changelog.body import Edit
from dusk.cli import passwords
from dusk.control import methods, recovering
from dusk.control.desk import Peer
from dusk.errors import Refused
from dusk.ids import Seq
from dusk.keys.phrase import phrase_from_entropy, recovery_key
from dusk.keys.sealed import open_user_key
from tests.cli.test_commands import assert_refused
from tests.desk import FakeDesk
from tests.holders import Holders, id_of

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk, Result

PHRASE = phrase_from_entropy(bytes(32))
PASSWORD = "a long password"


@pytest.fixture
def desk() -> FakeDesk:
    """Return the desk of the kitchen, of a cluster whose phrase is known; the attic, which led, is gone."""
    world = Holders()
    world.commit(world.edit("trust", "recovery", [recovery_key(PHRASE).public, 0]))
    world.recovery = recovery_key(PHRASE)
    world.succeed(world.master, world.garage)
    world.device_id = id_of(world.kitchen)
    world.leading = world.kitchen
    desk = FakeDesk(world)
    peer = Peer(
        online=True,
        head_seq=world.log.head.seq,
        applied_seq=Seq(0),
        apply_state="idle",
        reason="",
        alarms=(),
        seen_s_ago=1.0,
    )
    desk.seen = {id_of(world.garage): peer}
    return desk


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Return the files that a recovery reads, and the new one that it writes."""
    (tmp_path / "phrase").write_text(PHRASE.upper() + "\n")
    (tmp_path / "password").write_text(PASSWORD + "\n")
    return {name: str(tmp_path / name) for name in ("phrase", "password", "next")}


def recover(dusk: "Dusk", files: dict[str, str], *more: str, user: str = "carol") -> Any:
    words = [
        "recover",
        "--user",
        user,
        "--phrase-file",
        files["phrase"],
        "--password-file",
        files["password"],
    ]
    return dusk(*words, "--new-phrase-file", files["next"], *more)


def refused_late(result: "Result", reason: str) -> None:
    """Check that it was refused behind the word of how new the log is."""
    *told, refused = result.err.splitlines()
    assert told
    assert all("Compare it with `dusk status` there" in line for line in told)
    assert_refused(replace(result, err=refused + "\n"), reason)


def test_a_new_owner_leads_from_here_and_the_next_phrase_is_in_its_file(
    dusk: "Dusk", server: FakeDesk, files: dict[str, str]
) -> None:
    world = server.world
    made = recover(dusk, files)
    assert made.code == 0, made.err
    assert "carol" in made.out
    assert "spent: destroy it" in made.err
    state = world.log.state
    assert list(state.owners().values()) == ["carol"]
    assert views.succession(state)[0] == world.device_id
    following = Path(files["next"])
    assert stat.S_IMODE(following.stat().st_mode) == 0o600
    assert views.recovery_key(state) == recovery_key(following.read_text()).public
    sealed = state.value("user/carol", "sealed")
    assert sealed is not None
    key = open_user_key(sealed[0], PASSWORD.encode(), name="carol")
    assert key.key_id in state.owners()
    assert state.value("user/alice", "disabled") == [True]
    for file in (files["phrase"], files["next"]):
        for text in (made.out, made.err):
            assert not set(Path(file).read_text().lower().split()) <= set(text.lower().split())
    spent = recover(dusk, {**files, "next": files["next"] + "2"}, user="dave")
    assert_refused(spent, "not the one in force")
    assert not Path(files["next"] + "2").exists()
    assert dusk("recover", "--check", "--phrase-file", files["next"]).code == 0


def test_who_recovers_where_nobody_may_log_in_is_told_that_people_may_from_now_on(
    dusk: "Dusk", server: FakeDesk, files: dict[str, str]
) -> None:
    world = server.world
    assert isinstance(world, Holders)
    world.leading = world.master
    world.commit(world.edit("cluster", "logins", [[id_of(world.garage)]]))
    world.leading = world.kitchen
    made = recover(dusk, files)
    assert made.code == 0, made.err
    assert "this one is of them from now on" in made.err


def test_whether_a_phrase_is_the_one_in_force_is_told_and_nothing_changes(
    dusk: "Dusk", server: FakeDesk, files: dict[str, str]
) -> None:
    before = server.world.log.head
    found = dusk("recover", "--check", "--phrase-file", files["phrase"])
    assert (found.code, "recovers the cluster home" in found.out) == (0, True)
    shown = dusk("recover", "--check", "--phrase-file", files["phrase"], "--json").json
    assert shown == {"in_force": True, "cluster": "home", "generation": 0}
    Path(files["phrase"]).write_text(" ".join(f"{n} {word}" for n, word in enumerate(PHRASE.split(), 1)))
    assert dusk("recover", "--check", "--phrase-file", files["phrase"]).code == 0
    Path(files["phrase"]).write_text(phrase_from_entropy(b"x" * 32))
    assert_refused(dusk("recover", "--check", "--phrase-file", files["phrase"]), "not the one in force")
    assert server.world.log.head == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PHRASE.replace("art", "arrt"), ("word 24, 'arrt'", "arrow", "art")),
        (PHRASE.replace("abandon", "abondon", 1), ("word 1, 'abondon'", "abandon")),
        (PHRASE.replace("abandon", "zzz", 1), ("word 1, 'zzz'", "zoo")),
        (PHRASE.replace("abandon", "a", 1), ("word 1, 'a'", "abandon")),
        (" ".join(PHRASE.split()[:-1]), ("has 23 words",)),
        (PHRASE.replace("art", "zoo"), ("checksum",)),
        ("\xe4" * 9, ("holds no recovery phrase",)),
        ("abandon " * 200, ("holds no recovery phrase",)),
    ],
)
def test_a_mistyped_word_is_named_with_its_place_and_its_neighbours(
    dusk: "Dusk", server: FakeDesk, files: dict[str, str], text: str, words: tuple[str, ...]
) -> None:
    Path(files["phrase"]).write_text(text)
    for more in (("--check",), ("--user", "carol")):
        said = dusk("recover", "--phrase-file", files["phrase"], *more)
        assert_refused(said, words[0])
        assert all(word in said.err for word in words)


def test_what_is_missing_or_taken_is_said_before_there_is_a_next_phrase(
    dusk: "Dusk", server: FakeDesk, files: dict[str, str]
) -> None:
    assert dusk("recover", "--phrase-file", files["phrase"]).code == 2
    assert_refused(dusk("recover", "--check", "--phrase-file", files["next"]), "cannot read")
    assert_refused(recover(dusk, files, user="alice"), "a name of its own")
    assert_refused(recover(dusk, files, user="../x"), "no name for a user")
    assert_refused(recover(dusk, files, "--revoke", "kitchen"), "recover on another one")
    assert_refused(recover(dusk, files, "--revoke", "nobody"), "no device")
    assert_refused(recover(dusk, files, "--revoke", "user/nobody"), "no user")
    assert not Path(files["next"]).exists()
    Path(files["next"]).write_text("something")
    refused_late(recover(dusk, files), "not overwritten")
    assert Path(files["next"]).read_text() == "something"
    assert server.world.log.head.generation == 0


def test_stolen_routers_and_people_are_shut_out_in_the_same_entry(
    dusk: "Dusk", server: FakeDesk, files: dict[str, str]
) -> None:
    world = server.world
    assert isinstance(world, Holders)
    made = recover(dusk, files, "--revoke", "attic", "--revoke", "device/garage", "--revoke", "user/alice")
    assert made.code == 0, made.err
    state = world.log.state
    for key in (world.master, world.garage):
        assert state.value(f"device/{key.key_id.hex()}", "retired") == [True]
    assert views.succession(state) == (id_of(world.kitchen),)
    assert "attic, garage" in made.out


def test_a_cluster_without_a_phrase_says_so(dusk: "Dusk", server: FakeDesk, files: dict[str, str]) -> None:
    server.world.leading = server.world.master
    server.world.commit(server.world.edit("trust", "recovery", None))
    assert_refused(recover(dusk, files), "took its recovery phrase away")


def test_the_phrase_and_the_next_one_go_over_the_terminal_where_no_file_is_named(
    dusk: "Dusk", server: FakeDesk, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answer(prompt: str, instead: str) -> str:
        asked.append(prompt)
        if "again" not in prompt:
            return PHRASE
        shown = asked[1].split("\n\n")[1]
        words = [word for word in shown.split() if not word.isdigit()]
        return " ".join(words) if len(asked) > 2 else "no"

    monkeypatch.setattr(passwords, "ask_line", answer)
    made = dusk("recover", "--user", "carol", "--password-file", files["password"])
    assert made.code == 0, made.err
    assert "That is not the phrase" in asked[2]
    assert server.world.log.head.generation == 1


@pytest.mark.parametrize(
    "extra",
    [
        Edit("trust", "owner/mallory", codec.pack((Holders(7).key().public,)), None),
        Edit("trust", "quorum", codec.pack((2,)), None),
        Edit("trust", "grant/policy", None, None),
        Edit("user/mallory", "key", codec.pack((Holders(7).key().public,)), None),
        Edit("user/bob", "disabled", codec.pack((True,)), None),
        Edit("device/" + "0" * 32, "retired", codec.pack((True,)), None),
        Edit("policy/x", "set/system.s", None, None),
    ],
)
def test_a57_a_hostile_router_has_nothing_else_signed(
    dusk: "Dusk",
    server: FakeDesk,
    files: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    extra: Edit,
) -> None:
    ask_for_more(monkeypatch, "recovery.prepare", recovering.recovery_prepare, extra)
    state = server.world.log.state
    before = state.record(extra.section, extra.key)
    assert recover(dusk, files).code == 0
    assert list(state.owners().values()) == ["carol"]
    after = state.record(extra.section, extra.key)
    assert after == before or (after is not None and after.data != extra.data)


def test_a57_an_owner_whom_the_router_hides_is_shut_out_all_the_same(
    dusk: "Dusk", server: FakeDesk, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def hiding(desk: Any, arguments: Any) -> Any:
        found = honest(desk, arguments)
        return {**found, "edits": [row for row in found["edits"] if row["key"] != "owner/alice"]}

    honest = recovering.recovery_prepare
    hostile_method(monkeypatch, "recovery.prepare", hiding)
    assert recover(dusk, files).code == 0
    assert list(server.world.log.state.owners().values()) == ["carol"]
    assert any(user.name == "alice" and user.disabled for user in views.users(server.world.log.state))


def test_a57_a_router_chooses_neither_who_is_thrown_out_nor_who_follows(
    dusk: "Dusk", server: FakeDesk, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = server.world
    assert isinstance(world, Holders)
    attic, garage = id_of(world.master), id_of(world.garage)

    def swapping(desk: Any, arguments: Any) -> Any:
        found = honest(desk, {**arguments, "revoke": ["garage"]})
        rows = [row for row in found["edits"] if row["key"] != "succession"]
        follows = Edit("cluster", "succession", codec.pack(([desk.device_id, attic],)), None)
        return {**found, "edits": [*rows, recovering.edit_row(follows)]}

    honest = recovering.recovery_prepare
    hostile_method(monkeypatch, "recovery.prepare", swapping)
    head = world.log.head
    made = recover(dusk, files, "--revoke", "attic")
    assert made.code == 0, made.err
    assert f"version {head.seq}, hash {head.chain.hex()[:12]}" in made.err
    state = world.log.state
    assert views.succession(state) == (id_of(world.kitchen),)
    members = {member.device_id for member in views.members(state)}
    assert (attic in members, garage in members) == (False, True)


@pytest.mark.parametrize("times", [1, 2])
def test_a_recovery_upon_records_that_changed_meanwhile_is_prepared_and_signed_anew(
    dusk: "Dusk", server: FakeDesk, files: dict[str, str], monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    world, taken, submit = server.world, [], recovering.recovery_submit
    assert isinstance(world, Holders)

    def meanwhile(desk: Any, arguments: Any) -> Any:
        taken.append(arguments["line"])
        if len(taken) <= times:
            name = f"bob-{len(taken)}"
            key, world.leading = world.key(), world.master
            world.commit(world.edit("trust", f"owner/{name}", [key.public]))
            world.leading = world.kitchen
        return submit(desk, arguments)

    hostile_method(monkeypatch, "recovery.submit", meanwhile)
    made = recover(dusk, files)
    assert made.code == 0, made.err
    assert len(taken) == times + 1
    assert list(world.log.state.owners().values()) == ["carol"]
    assert views.recovery_key(world.log.state) == recovery_key(Path(files["next"]).read_text()).public


def test_a_phrase_that_was_spent_meanwhile_signs_nothing_more(
    dusk: "Dusk", server: FakeDesk, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []

    def meanwhile(_desk: Any, arguments: Any) -> Any:
        taken.append(arguments["line"])
        server.world.leading = server.world.master
        server.world.commit(server.world.edit("trust", "recovery", None))
        raise Refused("superseded", "what it changes was changed")

    hostile_method(monkeypatch, "recovery.submit", meanwhile)
    refused_late(recover(dusk, files), "what it changes was changed")
    assert len(taken) == 1


def give_way(dusk: "Dusk", files: dict[str, str], head: str, *more: str) -> Any:
    words = ("recover", "--join", head, "--phrase-file", files["phrase"], "--new-phrase-file", files["next"])
    return dusk(*words, *more)


HEAD = "5A" * 32


def test_a37_a_side_is_given_up_with_its_own_phrase_and_its_owners_stay(
    dusk: "Dusk", server: FakeDesk, files: dict[str, str]
) -> None:
    world = server.world
    owners = dict(world.log.state.owners())
    made = give_way(dusk, files, HEAD)
    assert made.code == 0, made.err
    assert HEAD.lower() in made.out
    assert "goes over as soon as it meets that history" in made.err
    state = world.log.state
    assert state.value("trust", "joins") == [bytes.fromhex(HEAD)]
    assert dict(state.owners()) == owners
    assert (world.log.head.generation, views.succession(state)[0]) == (1, world.device_id)
    following = Path(files["next"])
    assert views.recovery_key(state) == recovery_key(following.read_text()).public
    Path(files["phrase"]).write_text(following.read_text())
    back = recover(dusk, {**files, "next": files["next"] + "2"})
    assert back.code == 0, back.err
    assert world.log.state.value("trust", "joins") is None, "who makes a new owner wants to stay"


def test_what_cannot_be_joined_is_said_before_there_is_a_next_phrase(
    dusk: "Dusk", server: FakeDesk, files: dict[str, str]
) -> None:
    own = server.world.log.head
    assert_refused(give_way(dusk, files, own.chain.hex()), "its own history")
    for head in ("5a", "x" * 64):
        assert_refused(give_way(dusk, files, head), "64 hexadecimal digits")
    assert give_way(dusk, files, HEAD, "--user", "carol").code == 2
    assert not Path(files["next"]).exists()
    assert server.world.log.head == own


@pytest.mark.parametrize(
    "extra",
    [
        Edit("trust", "joins", codec.pack((bytes(32),)), None),
        Edit("trust", "recovery", codec.pack((Holders(7).key().public, 1)), None),
        Edit("trust", "owner/mallory", codec.pack((Holders(7).key().public,)), None),
        Edit("trust", "owner/alice", None, None),
        Edit("user/alice", "disabled", codec.pack((True,)), None),
        Edit("device/" + "0" * 32, "retired", codec.pack((True,)), None),
        Edit("cluster", "succession", codec.pack(([bytes(16)],)), None),
    ],
)
def test_a57_a_hostile_router_has_nothing_else_signed_than_to_give_way(
    dusk: "Dusk",
    server: FakeDesk,
    files: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    extra: Edit,
) -> None:
    ask_for_more(monkeypatch, "recovery.join", recovering.recovery_join, extra)
    before = server.world.log.state.record(extra.section, extra.key)
    assert give_way(dusk, files, HEAD).code == 0
    after = server.world.log.state.record(extra.section, extra.key)
    assert after == before or (after is not None and after.data != extra.data)


def hostile_method(monkeypatch: pytest.MonkeyPatch, name: str, run: Any) -> None:
    known = methods.METHODS[name]
    table: Any = methods.METHODS
    monkeypatch.setitem(table, name, methods.Method(run, known.parameters))


def ask_for_more(monkeypatch: pytest.MonkeyPatch, method: str, honest: Any, extra: Edit) -> None:
    """Let the router ask for one record more, or with another value, to be signed."""

    def hostile(desk: Any, arguments: Any) -> Any:
        found = honest(desk, arguments)
        rows = [row for row in found["edits"] if (row["section"], row["key"]) != (extra.section, extra.key)]
        return {**found, "edits": [*rows, recovering.edit_row(extra)]}

    hostile_method(monkeypatch, method, hostile)


def test_the_next_phrase_is_kept_where_nobody_knows_whether_it_is_in_force(
    dusk: "Dusk", server: FakeDesk, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(_desk: Any, _arguments: Any) -> Any:
        raise Refused(code, "lost")

    hostile_method(monkeypatch, "recovery.submit", lost)
    for code in ("no-answer", "superseded", "busy", "failed"):
        refused = recover(dusk, {**files, "next": files["next"] + code})
        refused_late(
            refused, f"lost. Keep your phrase and {files['next']}{code} until `dusk recover --check`"
        )
        assert len(Path(files["next"] + code).read_text().split()) == 24


def test_a57_a_router_that_takes_a_recovery_and_says_it_did_not_costs_nobody_the_phrase(
    dusk: "Dusk", server: FakeDesk, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lying(desk: Any, arguments: Any) -> Any:
        honest(desk, arguments)
        raise Refused("busy", "too much is under way")

    honest = recovering.recovery_submit
    hostile_method(monkeypatch, "recovery.submit", lying)
    refused_late(recover(dusk, files), "too much is under way")
    assert list(server.world.log.state.owners().values()) == ["carol"]
    assert dusk("recover", "--check", "--phrase-file", files["next"]).code == 0


def test_a_line_that_is_no_recovery_is_refused(server: FakeDesk) -> None:
    world = server.world
    role = world.change(world.set("a", "system.s.x", "1"))
    line = recovering.ARMOUR + b64encode(role.encode()).decode()
    for bad in (line, line[:-4], "junk", line + "\n\nx"):
        with pytest.raises(Refused) as refused:
            server.ask("recovery.submit", line=bad)
        assert refused.value.code == "bad-recovery"
