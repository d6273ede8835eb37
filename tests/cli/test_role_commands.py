"""``dusk role``, ``sign``, ``conflicts`` and ``resolve`` over a real socket."""

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dusk.changelog import views
from dusk.control.desk import Peer
from dusk.ids import Seq
from dusk.limits import ROLE_LINE_CHARACTERS_MAX
from tests.cli.key_person import without_terminal
from tests.cli.test_commands import assert_refused
from tests.control.test_role_methods import freeze
from tests.desk import FakeDesk, Person
from tests.holders import Holders, id_of

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk


@pytest.fixture
def desk() -> FakeDesk:
    """Return a desk over a world with three devices that may lead, and two owners."""
    world = Holders()
    world.bob = world.key()  # type: ignore[attr-defined]  # for the tests below
    world.commit(world.edit("trust", "owner/bob", [world.bob.public]))  # type: ignore[attr-defined]  # as above
    desk = FakeDesk(world)
    desk.people["token-bob"] = Person("bob", world.bob)  # type: ignore[attr-defined]  # as above
    return desk


@pytest.fixture
def world(logged_in: FakeDesk) -> Holders:
    assert isinstance(logged_in.world, Holders)
    return logged_in.world


def as_bob(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUSK_SESSION", "token-bob")


def test_the_succession_is_shown_and_changed(dusk: "Dusk", logged_in: FakeDesk, world: Holders) -> None:
    shown = dusk("role")
    assert shown.code == 0
    assert shown.out.splitlines()[1].split()[:3] == ["1", "attic", "master"]
    assert "dusk role backup DEVICE" in shown.err
    made = dusk("role", "backup", "kitchen", "garage")
    assert made.code == 0
    assert "attic leads, then kitchen, garage" in made.out
    again = dusk("role", "backup", "kitchen", "garage", "--json")
    assert (again.json["seq"], again.json["state"]) == (0, "unchanged")
    assert "nothing to change" in dusk("role", "backup", "kitchen", "garage").out
    moved = dusk("role", "master", "garage")
    assert (moved.code, "20 cycles" in moved.err) == (0, True)
    back = dusk("role", "master", "--here", "--json").json
    assert (back["state"], back["text"]) == ("durable", "attic leads, then garage, kitchen")
    assert dusk("role", "backup", "--none").code == 0
    assert views.succession(world.log.state) == (id_of(world.master),)
    assert dusk("role", "--json").json["leader"] == "attic"


def test_the_state_of_each_holder_is_said_in_words(dusk: "Dusk", logged_in: FakeDesk, world: Holders) -> None:
    world.succeed(world.master, world.kitchen, world.garage)
    head = world.log.head.seq
    peer = Peer(
        online=True,
        head_seq=head,
        applied_seq=head,
        apply_state="idle",
        reason="",
        alarms=(),
        seen_s_ago=1.0,
    )
    logged_in.seen[id_of(world.master)] = peer
    logged_in.seen[id_of(world.kitchen)] = replace(peer, online=False, seen_s_ago=40.0)
    out = dusk("role").out
    assert "acknowledging" in out
    assert "not heard for 40 s" in out
    assert f"version {head}, final up to {world.log.settled}" in out
    logged_in.seen[id_of(world.kitchen)] = replace(peer, head_seq=Seq(head - 2))
    logged_in.seen[id_of(world.garage)] = replace(peer, head_seq=Seq(0))
    lines = [line.split(maxsplit=4) for line in dusk("role").out.splitlines()]
    assert lines[1][2:4] == ["master", str(head)]
    assert lines[2][1:] == ["kitchen", "backupMaster", str(head - 2), "2 behind"]
    assert lines[3][1:] == ["garage", "backup", "-", "heard, and has not told its version"]
    world.settle(world.master, world.kitchen, world.garage)
    logged_in.seen[id_of(world.kitchen)] = replace(peer, head_seq=world.log.head.seq)
    assert "up to date" in dusk("role").out
    freeze(world, world.kitchen)
    assert "frozen: it signed two histories" in dusk("role").out


def test_a_former_holder_has_no_place(dusk: "Dusk", logged_in: FakeDesk, world: Holders) -> None:
    world.succeed(world.master, world.kitchen)
    world.settle(world.master, world.kitchen)
    world.succeed(world.master)
    assert dusk("role").out.splitlines()[2].split()[:3] == ["-", "kitchen", "former"]


def test_an_owner_alone_forces_a_role_at_once(dusk: "Dusk", logged_in: FakeDesk, world: Holders) -> None:
    made = dusk("role", "master", "--here", "--force", "--backup", "kitchen")
    assert (made.code, "attic leads, then kitchen" in made.out) == (0, True)
    assert world.log.head.mandate == 1
    left = dusk("role", "master", "--here", "--force")
    assert "kitchen may lead no longer" in left.err


def test_two_owners_collect_a_role_in_a_file(
    dusk: "Dusk", logged_in: FakeDesk, world: Holders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.commit(world.edit("trust", "quorum", [2]))
    assert_refused(dusk("role", "master", "--here", "--force"), "--out F")
    file = tmp_path / "role.txt"
    made = dusk("role", "master", "--here", "--force", "--out", str(file))
    assert (made.code, stat.S_IMODE(file.stat().st_mode)) == (0, 0o600)
    assert f"dusk sign {file}" in made.err
    assert_refused(dusk("role", "master", "--here", "--force", "--out", str(file)), "has something in it")
    assert_refused(dusk("role", "master", "--here", "--force", "--in", str(file)), "1 more")
    as_bob(monkeypatch)
    monkeypatch.setattr("dusk.cli.passwords.os.open", without_terminal(os.open))
    assert_refused(dusk("sign", str(file)), "there is no terminal to ask on; use --yes")
    signed = dusk("sign", str(file), "--yes")
    assert signed.code == 0
    assert "alice, bob" in signed.out
    assert f"on attic: dusk role master --here --force --in {file}" in signed.err
    assert dusk("role", "master", "--here", "--force", "--in", str(file)).code == 0
    assert world.log.head.mandate == 1


def test_on_a_terminal_it_is_shown_and_asked_before_a_role_is_signed(
    dusk: "Dusk", logged_in: FakeDesk, world: Holders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "role.txt"
    assert dusk("role", "master", "--here", "--force", "--out", str(file)).code == 0
    before = file.read_text()
    as_bob(monkeypatch)
    asked: list[str] = []
    answers = iter(["no", "yes"])

    def answer(prompt: str, _instead: str) -> str:
        asked.append(prompt)
        return next(answers)

    monkeypatch.setattr("dusk.cli.passwords.ask_line", answer)
    assert_refused(dusk("sign", str(file)), "nothing was signed")
    assert file.read_text() == before
    assert "forced: attic leads, and nobody takes over; signed by alice" in asked[0]
    assert "alice, bob" in dusk("sign", str(file)).out
    assert_refused(dusk("sign", "--yes", str(file)), "has signed this already")


def test_a_file_that_holds_no_role_is_refused(dusk: "Dusk", logged_in: FakeDesk, tmp_path: Path) -> None:
    file = tmp_path / "role.txt"
    assert_refused(dusk("sign", str(file)), "cannot read", str(file))
    for data in (b"x" * (ROLE_LINE_CHARACTERS_MAX + 1), "é".encode(), b"hello\n"):
        file.write_bytes(data)
        assert_refused(dusk("sign", str(file)), "no role")


@pytest.mark.parametrize(
    "words",
    [
        ("role", "master"),
        ("role", "master", "hall", "--here"),
        ("role", "master", "hall", "--force"),
        ("role", "master", "--force"),
        ("role", "master", "hall", "--out", "f"),
        ("role", "master", "hall", "--backup", "x"),
        ("role", "master", "--here", "--force", "--in", "f", "--backup", "x"),
        ("role", "master", "--here", "--force", "--in", "f", "--out", "g"),
        ("role", "backup"),
        ("role", "backup", "hall", "--none"),
        ("role", "nonsense"),
        ("resolve", "12345678"),
        ("resolve", "12345678", "--take", "C"),
        ("sign",),
    ],
)
def test_wrong_usage_is_told_and_exit_2(dusk: "Dusk", words: tuple[str, ...]) -> None:
    assert_refused(dusk(*words), code=2)


def test_a_conflict_is_shown_with_both_sides_and_decided(
    dusk: "Dusk", logged_in: FakeDesk, world: Holders
) -> None:
    assert "nothing to decide" in dusk("conflicts").err
    late = world.change(
        world.set("wifi", "system.s.x", "theirs"), world.set("lan", "system.s.x", "2"), message="", counter=50
    )
    world.commit(world.set("wifi", "system.s.x", "ours"))
    world.strand(late)
    ident = late.id.hex()[:12]
    out = dusk("conflicts").out
    assert out.startswith(f"{ident}  version {world.log.head.seq}, superseded by")
    assert "    A: 'ours'  (version" in out
    assert "  B is by alice on attic\n  it came into this log at " in out
    assert "it may have been made before A" in out  # the time is the writer's, behind a cut as well
    assert "    B: 'theirs'" in out
    assert "    A: nothing  (nobody has written it)" in out
    assert dusk("conflicts", "--json").json[0]["id"] == late.id.hex()
    logged_in.counter = 100
    decided = dusk("resolve", ident, "--take", "B")
    assert (decided.code, "counts after all" in decided.out) == (0, True)
    assert dusk("conflicts").out == ""
    assert_refused(dusk("resolve", ident, "--take", "A"), "no conflict")


def test_of_a_conflict_with_what_was_compacted_the_version_is_shown_and_no_made_up_time(
    dusk: "Dusk", logged_in: FakeDesk, world: Holders
) -> None:
    late = world.change(world.set("wifi", "system.s.x", "theirs"), counter=50)
    seq = world.commit(world.set("wifi", "system.s.x", "ours")).seq
    written = len(world.items)
    world.strand(late)
    world.items = world.items[written:]
    assert f"    A: 'ours'  (version {seq}, which was compacted)" in dusk("conflicts").out
