"""``--compromised-since`` over a real socket: what is shown, what is asked, what is undone (A23)."""

import time
from typing import TYPE_CHECKING, Any

import pytest

from dusk.changelog.sections import device_path
from dusk.changelog.voiding import voids_in
from dusk.cli import passwords
from dusk.control import methods, voiding
from dusk.errors import Refused
from dusk.ids import DeviceId
from tests.desk import FakeDesk, Person
from tests.stolen import Stolen

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk


@pytest.fixture
def world() -> Stolen:
    """Return a cluster in which Carol set a host name, and a thief with Bob's key another."""
    world = Stolen()
    world.allow_joining()
    world.by(world.carol, world.host("wifi", "good"))
    return world


@pytest.fixture
def desk(world: Stolen) -> FakeDesk:
    return FakeDesk(world)


@pytest.fixture
def since(world: Stolen) -> int:
    """Return the first version that the thief signed."""
    return world.by(world.bob, world.host("wifi", "evil"), world.host("hall", "evil")).seq


def assert_refused(result: Any, part: str) -> None:
    """Check that a command ended with a refusal; lines of what was done before it stand above that."""
    assert (result.code, result.out) == (1, ""), result
    last = result.err.splitlines()[-1]
    assert last.startswith("dusk: "), result
    assert part in last


def disable(dusk: "Dusk", since: object, *more: str, name: str = "bob") -> Any:
    return dusk("user", "disable", name, "--compromised-since", str(since), *more)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is asked; the last of it is what to answer."""
    told = ["yes"]

    def answer(prompt: str, instead: str) -> str:
        told.insert(0, f"{prompt} {instead}")
        return told[-1]

    monkeypatch.setattr(passwords, "ask_line", answer)
    monkeypatch.setattr(passwords, "check_terminal", lambda _instead: None)
    return told


@pytest.mark.usefixtures("logged_in")
def test_a23_what_is_void_is_shown_before_it_is_asked_and_undone(
    dusk: "Dusk", world: Stolen, since: int, asked: list[str]
) -> None:
    later = world.by(world.carol, world.host("hall", "honest")).seq
    done = disable(dusk, since)
    assert done.code == 0, done.err
    assert len(asked) == 2
    assert "--yes" in asked[0]
    shown = done.err.splitlines()
    assert f"void: version {since} by bob: a change" in shown
    assert "put back, 1 record:" in shown
    assert f"stays: policy/hall system.@system[0].hostname, which version {later} changed since" in shown
    assert f"void since version {since}" in done.out
    assert (world.says("wifi"), world.says("hall")) == ("good", "honest")
    assert f"disabled, void since {since}" in dusk("user", "list").out


@pytest.mark.usefixtures("logged_in")
def test_a23_what_is_known_to_be_wrong_is_refused_before_anybody_is_shut_out_for_good(
    dusk: "Dusk", world: Stolen, since: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(instead: str) -> None:
        raise Refused("no-terminal", f"there is no terminal to ask on; use {instead}")

    monkeypatch.setattr(passwords, "check_terminal", nobody)
    world.join("porch")
    head = world.log.head
    assert_refused(disable(dusk, head.seq + 1, "--yes"), f"the newest here is {head.seq}. Nothing was done")
    assert_refused(disable(dusk, "2500-01-01", "--yes"), "still to come. Nothing was done")
    assert_refused(disable(dusk, since), "--yes, which undoes without asking")
    assert_refused(dusk("device", "remove", "porch", "--compromised-since", "1"), "--yes, which undoes")
    with monkeypatch.context() as patch:
        patch.setattr(FakeDesk, "status", lambda _desk: {"head": {"seq": head.seq}, "checkpoint": since})
        assert_refused(disable(dusk, since, "--yes"), f"say --compromised-since {since + 1}")
    assert world.log.head == head


@pytest.mark.usefixtures("logged_in")
@pytest.mark.parametrize("word", ["no", "", "y e s"])
def test_a23_who_says_no_has_ended_the_key_and_undone_nothing(
    dusk: "Dusk", world: Stolen, since: int, asked: list[str], word: str
) -> None:
    asked[-1] = word
    assert_refused(disable(dusk, since), "nothing was undone; the key has ended all the same")
    assert world.says("wifi") == "evil"
    assert world.log.state.value("user/bob", "disabled") == [True]
    assert not voids_in(world.log.state)
    asked[-1] = "Y"
    assert disable(dusk, since).code == 0
    assert world.says("wifi") == "good"


@pytest.mark.usefixtures("logged_in")
def test_a23_a_program_says_yes_and_reads_what_was_undone(
    dusk: "Dusk", world: Stolen, since: int, asked: list[str]
) -> None:
    done = disable(dusk, since, "--yes", "--json").json
    assert asked == ["yes"]
    assert (done["seq"], done["since"], done["voided_count"], done["edits"]) == (
        world.log.head.seq,
        since,
        1,
        2,
    )
    assert [(one["seq"], one["author"]) for one in done["voided"]] == [(since, "bob")]
    assert (done["kept"], done["left"]) == ([], [])
    again = disable(dusk, since, "--yes", "--json").json
    assert (again["seq"], again["state"], again["voided_count"]) == (0, "unchanged", 0)
    assert "nothing is void" in disable(dusk, since, "--yes").out
    assert len(voids_in(world.log.state)) == 1


@pytest.mark.usefixtures("logged_in")
@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%dT%H:%M"])
def test_a23_a_time_is_taken_as_this_machine_has_it(dusk: "Dusk", world: Stolen, form: str) -> None:
    world.by(world.bob, world.host("hall", "his own"))
    day = time.strftime(form, time.localtime(world.time_s + 2 * 86400))
    world.time_s += 4 * 86400
    since = world.by(world.bob, world.host("wifi", "evil")).seq
    done = disable(dusk, day, "--yes", "--json")
    assert done.code == 0, done.err
    assert done.json["since"] == since
    assert (world.says("wifi"), world.says("hall")) == ("good", "his own")
    assert_refused(disable(dusk, "2500-01-01", "--yes"), "no version of then or later")


@pytest.mark.parametrize(
    "text", ["0", "x", "-1", "2026-02-30", "2026-5-1", "2026-05-31T24:61", "٣", "1" * 16]
)
def test_what_is_neither_a_version_nor_a_time_is_wrong_usage(dusk: "Dusk", text: str) -> None:
    wrong = dusk("user", "disable", "bob", f"--compromised-since={text}")
    assert (wrong.code, "neither a version nor a time" in wrong.err) == (2, True)


@pytest.mark.usefixtures("logged_in")
def test_a23_more_than_a_change_holds_is_asked_once_and_undone_by_several(
    dusk: "Dusk", world: Stolen, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    since = world.by(world.bob, *(world.host(f"p{n}", "evil") for n in range(7))).seq
    monkeypatch.setattr(voiding, "_ROOM_BYTES", 700)
    done = disable(dusk, since, "--json")
    assert done.code == 0, done.err
    assert (len(asked), done.json["voided_count"], done.json["edits"]) == (2, 1, 7)
    assert done.json["seq"] == world.log.head.seq
    assert len(voids_in(world.log.state)) > 1
    assert [world.says(f"p{n}") for n in range(7)] == [None] * 7


@pytest.mark.usefixtures("logged_in")
def test_a23_only_so_many_rounds_are_signed_at_once(
    dusk: "Dusk", world: Stolen, since: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dusk.cli.voiding._ROUNDS_MAX", 1)
    monkeypatch.setattr(voiding, "_ROOM_BYTES", 1)
    assert_refused(disable(dusk, since, "--yes"), "say the same again")
    assert disable(dusk, since, "--yes").code == 0
    assert (world.says("wifi"), world.says("hall")) == ("good", None)


@pytest.mark.usefixtures("logged_in")
def test_a23_more_than_is_shown_is_counted(
    dusk: "Dusk", world: Stolen, since: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.by(world.bob, world.host("wifi", "evil again"))
    monkeypatch.setattr(voiding, "SHOWN_MAX", 1)
    assert "void: 1 more" in disable(dusk, since, "--yes").err.splitlines()


@pytest.mark.usefixtures("logged_in")
def test_a23_what_no_void_puts_back_is_told(dusk: "Dusk", world: Stolen) -> None:
    porch = world.join("porch")
    world.grant("device", world.bob)
    section = device_path(porch.key_id)
    since = world.by(world.bob, world.edit(section, "retired", [True])).seq
    done = disable(dusk, since, "--yes")
    assert done.code == 0, done.err
    assert "not undone: device/porch" in done.err


def test_a23_nothing_is_undone_while_the_key_may_go_on(
    dusk: "Dusk", logged_in: FakeDesk, world: Stolen, since: int
) -> None:
    logged_in.is_cut_off = True
    assert_refused(disable(dusk, since, "--yes"), "has not ended yet, so nothing is undone")
    logged_in.is_cut_off = False
    logged_in.deliver()
    assert world.says("wifi") == "evil"
    assert disable(dusk, since, "--yes").code == 0
    assert world.says("wifi") == "good"


def test_a23_who_is_no_owner_is_refused(dusk: "Dusk", logged_in: FakeDesk, world: Stolen, since: int) -> None:
    world.disable("bob")
    logged_in.people["token-alice"] = Person("carol", world.carol)
    assert_refused(disable(dusk, since, "--yes"), "only owners say")


@pytest.mark.usefixtures("logged_in")
def test_a23_an_owner_who_was_compromised_owns_the_cluster_no_more(dusk: "Dusk", world: Stolen) -> None:
    world.commit(world.edit("trust", "owner/bob", [world.bob.public]))
    since = world.by(world.bob, world.edit("cluster", "name", ["stolen"])).seq
    assert disable(dusk, since, "--yes").code == 0
    assert list(world.log.state.owners().values()) == ["alice"]
    assert world.log.state.value("cluster", "name") == ["home"]


@pytest.mark.usefixtures("logged_in")
def test_a23_what_an_old_key_did_is_undone_and_its_person_goes_on(
    dusk: "Dusk", world: Stolen, since: int
) -> None:
    old = world.bob.key_id.hex()
    assert_refused(disable(dusk, since, "--old-key", old, "--yes"), "bob may still sign")
    new = world.replace("bob")
    world.grant("policy", new, world.carol)
    assert old in dusk("log").out
    done = disable(dusk, since, "--old-key", old.upper(), "--yes")
    assert done.code == 0, done.err
    assert f"void: version {since} by {old}: a change" in done.err.splitlines()
    assert (world.says("wifi"), world.says("hall")) == ("good", None)
    assert world.log.state.value("user/bob", "disabled") is None
    world.by(new, world.host("wifi", "his own"))


@pytest.mark.usefixtures("logged_in")
def test_a23_a_key_that_the_stolen_one_put_in_its_place_ends_first(
    dusk: "Dusk", world: Stolen, since: int
) -> None:
    world.commit(world.edit("trust", "owner/bob", [world.bob.public]))
    world.replace("bob", world.bob)
    done = disable(dusk, since, "--old-key", world.bob.key_id.hex(), "--yes")
    assert_refused(done, "is void with it")
    assert not voids_in(world.log.state)


@pytest.mark.parametrize("words", [["--old-key", "0" * 32], ["--old-key", "bob", "--compromised-since", "3"]])
def test_an_old_key_is_an_id_and_was_stolen_since_some_version(dusk: "Dusk", words: list[str]) -> None:
    wrong = dusk("user", "disable", "bob", *words)
    assert (wrong.code, wrong.out) == (2, "")


@pytest.mark.usefixtures("logged_in")
def test_a23_a_stolen_router_is_removed_unless_it_was_and_its_changes_undone(
    dusk: "Dusk", world: Stolen
) -> None:
    porch, hall = world.join("porch"), world.join("hall")
    name = DeviceId(porch.key_id)
    since = world.log.head.seq
    words = ("device", "remove", "porch", "--compromised-since", str(since), "--yes")
    for _ in range(2):
        done = dusk(*words)
        assert done.code == 0, done.err
        assert world.log.state.value(device_path(name), "retired") == [True]
    both = dusk("device", "remove", "porch", "hall", "--compromised-since", "3")
    assert (both.code, "for one router" in both.err) == (2, True)
    assert world.log.state.value(device_path(hall.key_id), "retired") is None


@pytest.mark.usefixtures("logged_in")
def test_a23_what_others_undid_meanwhile_is_not_undone_again_and_notes_are_told(
    dusk: "Dusk", world: Stolen, since: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def more(desk: Any, arguments: Any) -> Any:
        return {**voiding.void_submit(desk, arguments), "left_edits": 1, "notes": ["a draft waits"]}

    _answers(monkeypatch, "void.submit", more)
    done = disable(dusk, since, "--yes", "--json")
    assert done.code == 0, done.err
    assert done.json["seq"] == world.log.head.seq
    assert "a draft waits" in done.err.splitlines()
    assert len(voids_in(world.log.state)) == 1


@pytest.mark.usefixtures("logged_in")
def test_a23_a_router_that_cannot_read_its_log_says_so(
    dusk: "Dusk", since: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(_desk: Any, _arguments: Any) -> Any:
        raise Refused("failed", "the log on this device cannot be read again")

    _answers(monkeypatch, "void.plan", damaged)
    assert_refused(disable(dusk, since, "--yes"), "cannot be read again")


def _answers(monkeypatch: pytest.MonkeyPatch, name: str, run: Any) -> None:
    table: Any = methods.METHODS
    monkeypatch.setitem(table, name, methods.Method(run, methods.METHODS[name].parameters))
