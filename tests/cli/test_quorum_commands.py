"""What commands say under a quorum of two: what is only proposed is never told as done."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dusk.keys.joinkey import parse_join_line
from tests.approving import approve_mode
from tests.cli.test_commands import assert_refused
from tests.cli.test_newcomer_commands import ask
from tests.control.test_people_methods import add
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk

Sign = Callable[[str], None]


@pytest.fixture
def two(logged_in: FakeDesk) -> FakeDesk:
    """Return a desk where alice, who is logged in, and bob own the cluster together."""
    logged_in.world.joinkey = logged_in.world.key()
    approve_mode(logged_in.world, uses=9)
    add(logged_in, "bob")
    logged_in.do("owner.add", name="bob")
    logged_in.do("owner.quorum", count=2)
    return logged_in


@pytest.fixture
def sign(two: FakeDesk) -> Sign:
    """Return a function by which bob signs a proposal, too."""

    def signed(name: str) -> None:
        assert "handed in" in two.ask("proposal.sign", token="token-bob", id=name)["text"]

    return signed


def proposed(desk: FakeDesk) -> list[str]:
    return [str(row["id"]) for row in desk.ask("proposal.list")["proposals"]]


# --- newcomers -----------------------------------------------------------------------------------


def test_who_is_approved_by_one_of_two_is_proposed(two: FakeDesk, dusk: "Dusk", sign: Sign) -> None:
    ask(two, "02:aa")
    said = dusk("device", "approve", "--all")
    (name,) = proposed(two)
    assert (said.code, "let in" in said.out) == (0, False), said
    assert said.out.startswith("proposed")
    assert f"`dusk sign {name}`" in said.err
    again = dusk("device", "approve", "--all")
    assert (again.code, proposed(two)) == (1, [name])
    assert f"not let in: it is proposed already as {name}" in again.err
    assert_refused(dusk("device", "approve", "02:aa", "--name", "shed"), f"proposed already as {name}")
    sign(name)
    assert not two.pending()


def test_who_is_proposed_holds_up_nobody_else_and_may_be_proposed_again_when_taken_back(
    two: FakeDesk, dusk: "Dusk"
) -> None:
    ask(two, "02:aa")
    assert dusk("device", "approve", "--all").code == 0
    ask(two, "02:bb")
    said = dusk("device", "approve", "--all")
    assert (said.code, said.out.count("label 02:bb"), said.out.count("label 02:aa")) == (1, 1, 0)
    for name in proposed(two):
        two.do("proposal.withdraw", id=name)
    assert dusk("device", "approve", "02:aa").code == 0
    assert len(proposed(two)) == 1


def test_of_more_than_one_change_holds_the_first_is_proposed_and_the_rest_named(
    two: FakeDesk, dusk: "Dusk", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dusk.control.approving.Approval.is_full", property(lambda own: bool(own.approved)))
    for label in ("02:aa", "02:bb", "02:cc"):
        ask(two, label)
    said = dusk("device", "approve", "--all")
    assert (said.code, said.out.count("label"), len(proposed(two))) == (0, 1, 1), said
    assert "2 routers more wait: say it again when this was signed" in said.err


@pytest.mark.usefixtures("ssh")
def test_a_router_by_hand_joins_once_others_have_signed(two: FakeDesk, dusk: "Dusk", sign: Sign) -> None:
    said = dusk("--via", "ssh://attic", "join", "--by-hand", "--name", "shed", "--timeout", "5s")
    (name,) = proposed(two)
    assert (said.code, "let in" in said.out) == (0, False), said
    assert "the daemon joins once others have signed that" in said.out
    assert f"`dusk sign {name}`" in said.err
    assert [parse_join_line(line).cluster_id for line in two.joined_with] == [two.log.cluster]
    sign(name)
    assert "shed" in two.log.state.device_names()


# --- a commit ------------------------------------------------------------------------------------


def test_nobody_waits_for_routers_to_apply_what_is_only_proposed(two: FakeDesk, dusk: "Dusk") -> None:
    assert dusk("set", "policy/wifi", "wireless.x.ssid=Home").code == 0
    said = dusk("commit", "-m", "name it", "--wait", "applied")
    (name,) = proposed(two)
    assert (said.code, "applied it" in said.err) == (1, False), said
    assert said.out.split()[:2] == ["proposed", name]
    assert f"nothing is applied before others have signed it: `dusk sign {name}`" in said.err


def test_a_commit_that_is_repeated_still_says_that_it_is_proposed(two: FakeDesk, dusk: "Dusk") -> None:
    assert dusk("set", "policy/wifi", "wireless.x.ssid=Home").code == 0
    two.is_cut_off = True
    assert dusk("commit", "-m", "name it").code == 1
    two.is_cut_off = False
    again = dusk("commit", "-m", "name it", "--wait", "applied", "--json")
    assert (again.code, again.json["state"]) == (1, "queued")
    assert again.json["proposal"]


def test_what_is_proposed_already_is_not_proposed_again(two: FakeDesk, dusk: "Dusk") -> None:
    words = ("device", "rename", "hall", "porch")
    assert dusk(*words).code == 0
    (name,) = proposed(two)
    assert_refused(dusk(*words), f"it is proposed already as {name}: others sign it with `dusk sign {name}`")


# --- people --------------------------------------------------------------------------------------


def test_a_leaked_key_counts_until_its_replacement_is_signed(
    two: FakeDesk, dusk: "Dusk", sign: Sign, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("a few other words\n")
    former = two.keys["bob"]
    said = dusk("user", "passwd", "bob", "--new-key", "--password-file", str(file))
    (name,) = proposed(two)
    assert (said.code, "sessions" in said.err) == (0, False), said
    assert said.out.startswith("proposed  user bob has a new key")
    assert f"`dusk sign {name}`" in said.err
    assert "bob's old key and password count until others have signed this" in said.err
    two.keys["bob"] = former
    sign(name)
    assert former.key_id not in two.log.state.owners()


def test_who_waits_to_be_sent_is_told_that_the_old_key_counts(
    logged_in: FakeDesk, dusk: "Dusk", tmp_path: Path
) -> None:
    add(logged_in, "bob")
    file = tmp_path / "password"
    file.write_text("a few other words\n")
    words = ("user", "passwd", "bob", "--new-key", "--password-file", str(file))
    logged_in.is_cut_off = True
    assert "old key and password count until this is sent" in dusk(*words).err
    logged_in.is_cut_off = False
    logged_in.deliver()
    assert "sessions of bob have ended" in dusk(*words).err


def test_who_is_added_by_one_of_two_is_proposed(two: FakeDesk, dusk: "Dusk", tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("a few good words\n")
    said = dusk("user", "add", "carol", "--password-file", str(file))
    (name,) = proposed(two)
    assert said.out.startswith("proposed  user carol added")
    assert f"`dusk sign {name}`" in said.err


def test_ones_own_password_needs_nobody_else(two: FakeDesk, dusk: "Dusk", tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("a few other words\n")
    said = dusk("user", "passwd", "--password-file", str(file))
    assert (said.out.split()[0], proposed(two)) == ("done", [])


def test_acts_that_are_only_proposed_say_so_alike(two: FakeDesk, dusk: "Dusk") -> None:
    two.seen.clear()
    key = two.world.joinkey.key_id.hex()
    revoked = dusk("joinkey", "revoke", key[:8])
    removed = dusk("device", "remove", "hall")
    for said in (revoked, removed):
        assert said.out.startswith("proposed  "), said
        assert said.err.count("proposed as") == 1
    assert removed.err.count("hall is not heard now: it is told when it comes back") == 1


# --- join keys and the lead ------------------------------------------------------------------------


def test_a_join_key_is_kept_in_its_file_and_lets_in_once_others_have_signed(
    two: FakeDesk, dusk: "Dusk", sign: Sign, tmp_path: Path
) -> None:
    file = tmp_path / "office.key"
    said = dusk("joinkey", "create", "--uses", "3", "--file", str(file))
    (name,) = proposed(two)
    assert (said.code, said.out.split()[:2]) == (0, ["proposed", name]), said
    assert f"`dusk sign {name}`" in said.err
    assert f"lets nobody in before others have signed it; keep {file} until then" in said.err
    key = parse_join_line(file.read_text().strip())
    assert key.id not in dusk("joinkey", "list").out
    assert key.line().encode() not in b"".join(item.data for item in two.world.items)
    sign(name)
    assert key.id in dusk("joinkey", "list").out


def test_a_join_key_that_is_proposed_and_printed_is_to_be_kept(two: FakeDesk, dusk: "Dusk") -> None:
    said = dusk("joinkey", "create", "--file", "-")
    assert (said.code, len(said.out.splitlines()), len(proposed(two))) == (0, 1, 1)
    assert "keep the line above until then" in said.err


def test_backups_and_the_lead_are_proposed(two: FakeDesk, dusk: "Dusk", sign: Sign) -> None:
    for words, leads in ((("backup", "hall"), "attic leads, then hall"), (("master", "hall"), "hall leads")):
        said = dusk("role", *words)
        (name,) = proposed(two)
        assert (said.code, f"`dusk sign {name}`" in said.err) == (0, True), said
        assert said.out.startswith(f"proposed  {leads}"), said
        assert "as soon as" not in said.err
        sign(name)
    assert dusk("role", "--json").json["holders"][0]["name"] == "hall"
