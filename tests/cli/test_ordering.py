"""``dusk device reboot`` and ``locate``: each router is told of, whatever became of the others."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dusk.cli import ordering
from dusk.cli.client import Client
from dusk.effects import Told
from dusk.ids import DeviceId
from tests.cli.key_person import Person
from tests.cli.test_commands import assert_refused
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk


def reached(desk: FakeDesk, name: str) -> None:
    found = desk.ask("device.show", name=name)["id"]
    desk.answers[DeviceId(bytes.fromhex(found))] = Told(data=bytes(32))


def test_routers_are_ordered_one_by_one_and_who_missed_it_is_named(dusk: "Dusk", logged_in: FakeDesk) -> None:
    logged_in.world.join("hall")
    reached(logged_in, "attic")
    result = dusk("device", "reboot", "attic", "hall", "cellar")
    assert (result.code, result.out) == (1, "attic restarts\n")
    assert "hall: not done: " in result.err
    assert "cellar: not done: " in result.err


def test_routers_are_ordered_at_once_and_a_name_given_twice_once(
    dusk: "Dusk", logged_in: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["attic", *(f"room{number}" for number in range(7))]
    for name in names[1:]:
        logged_in.world.join(name)
    for name in names:
        reached(logged_in, name)
    real, looked = Client.outcome, set[str]()

    def late(self: Client, ticket: str) -> Any:
        looked.add(ticket)
        return real(self, ticket) if len(looked) == len(names) else None

    monkeypatch.setattr(Client, "outcome", late)
    monkeypatch.setattr(ordering, "_ORDER_S_MAX", 5.0)
    result = dusk("device", "reboot", *names, "attic")
    assert (result.code, result.out.splitlines()) == (0, [f"{name} restarts" for name in names]), result.err


def test_an_order_that_is_done_says_so(dusk: "Dusk", logged_in: FakeDesk) -> None:
    reached(logged_in, "attic")
    assert dusk("device", "locate", "attic").out == "attic blinks\n"
    document = json.loads(dusk("--json", "device", "locate", "attic").out)
    assert document == {"order": "locate", "devices": [{"device": "attic", "done": True, "reason": ""}]}


def test_nobody_orders_without_a_session(dusk: "Dusk", server: FakeDesk) -> None:
    del server
    result = dusk("device", "reboot", "attic")
    assert result.code == 1
    assert "nobody is logged in" in result.err


# --- with a key file, and where several must sign ----------------------------------------------------


def test_a58_an_order_is_signed_where_the_key_is_once_it_was_shown(ann: Person) -> None:
    reached(ann.desk, "attic")
    assert ann.run("device", "reboot", "attic").out == "attic restarts\n"
    (asked,) = ann.asked
    attic = ann.desk.ask("device.show", name="attic")["id"]
    assert f"an order: reboot, to the router attic ({attic}), once" in asked
    assert ann.run("hold", "attic", "--for", "1h").code == 0
    assert "hold for 3600 s, to the router" in ann.asked[1]
    assert [question.kind for _, question in ann.desk.asked] == ["challenge", "order"] * 2


def test_a58_for_a_list_of_routers_one_yes_is_asked_which_names_each(ann: Person) -> None:
    for name in ("hall", "shed"):
        ann.desk.world.join(name)
        reached(ann.desk, name)
    result = ann.run("device", "reboot", "hall", "shed", "cellar", "attic")
    assert (result.code, result.out) == (1, "hall restarts\nshed restarts\n")
    assert "cellar: not done: " in result.err
    assert "attic: not done: " in result.err
    (asked,) = ann.asked
    assert "an order: reboot, to each of these 3 routers, once, within a minute of its answer:" in asked
    for name in ("attic", "hall", "shed"):
        assert f"  {name} ({ann.desk.ask('device.show', name=name)['id']})" in asked
    assert "cellar" not in asked
    ann.says = "no"
    before = len(ann.desk.asked)
    assert_refused(ann.run("hold", "--all"), "nothing was signed")
    assert "hold without an end, to each of these" in ann.asked[-1]
    assert len(ann.desk.asked) == before


def test_a58_one_yes_is_worth_one_order_to_each_and_no_other_order(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("hall", "shed"):
        ann.desk.world.join(name)
        reached(ann.desk, name)
    reached(ann.desk, "attic")
    real = Client.call

    def lied(self: Client, method: str, **params: Any) -> Any:
        if method == "order.prepare":
            attic = ann.desk.ask("device.show", name="attic")["id"]
            params = {**params, "name": attic, "order": "reboot" if params["name"] == attic else "locate"}
        return real(self, method, **params)

    monkeypatch.setattr(Client, "call", lied)
    result = ann.run("device", "locate", "hall", "shed")
    assert (result.code, result.out, len(ann.asked)) == (1, "", 1)
    assert result.err.count("wants an order to another") == 2
    assert {question.kind for _, question in ann.desk.asked} == {"challenge"}


def test_a58_who_says_no_orders_nothing(ann: Person) -> None:
    reached(ann.desk, "attic")
    ann.says = "no"
    result = ann.run("device", "reboot", "attic")
    assert (result.code, "attic: not done: nothing was signed" in result.err) == (1, True)
    assert [question.kind for _, question in ann.desk.asked] == ["challenge"]


def test_a58_a_router_that_asks_for_another_order_gets_no_signature(
    ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached(ann.desk, "attic")
    real = Client.call

    def lied(self: Client, method: str, **params: Any) -> Any:
        params = {**params, "order": "reboot"} if method == "order.prepare" else params
        return real(self, method, **params)

    monkeypatch.setattr(Client, "call", lied)
    result = ann.run("--unseen", "device", "locate", "attic")
    assert (result.code, "another order: reboot" in result.err) == (1, True)
    assert [question.kind for _, question in ann.desk.asked] == ["challenge"]


@pytest.mark.parametrize("words", [(), ("--unseen",)])
def test_a58_an_order_to_another_router_than_was_named_gets_no_signature(
    ann: Person, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    ann.desk.world.join("hall")
    reached(ann.desk, "hall")
    real = Client.call

    def lied(self: Client, method: str, **params: Any) -> Any:
        params = {**params, "name": "hall"} if method == "order.prepare" else params
        return real(self, method, **params)

    monkeypatch.setattr(Client, "call", lied)
    result = ann.run(*words, "device", "reboot", "attic")
    assert (result.code, "wants an order to another" in result.err) == (1, True)
    assert ([question.kind for _, question in ann.desk.asked], ann.asked) == (["challenge"], [])


def test_a58_r5_a_router_whose_log_ends_before_what_was_seen_gets_no_order(ann: Person) -> None:
    reached(ann.desk, "attic")
    assert ann.run("device", "locate", "attic").code == 0
    seen, asked = ann.file.with_name("ann.key.seen"), len(ann.desk.asked)
    words = seen.read_text().split()
    seen.write_text(" ".join([*words[:4], str(int(words[4]) + 1), *words[5:]]))
    result = ann.run("--unseen", "device", "reboot", "attic")
    assert (result.code, "there is a later one" in result.err) == (1, True)
    assert (len(ann.desk.asked), len(ann.asked)) == (asked, 1)


def test_a58_who_signs_a_file_at_home_sees_the_name_that_the_log_has(
    ann: Person, dusk: "Dusk", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(tmp_path / "order")
    reached(ann.desk, "attic")
    ann.run("whoami")
    with monkeypatch.context() as alice:
        alice.setenv("DUSK_SESSION", "token-alice")
        assert dusk("device", "reboot", "attic", "--out", file).code == 0
    real = Client.call

    def lied(self: Client, method: str, **params: Any) -> Any:
        told = real(self, method, **params)
        return {**told, "device": "hall", "order": "locate"} if method == "order.read" else told

    monkeypatch.setattr(Client, "call", lied)
    ann.says = "no"
    before = Path(file).read_text()
    assert_refused(ann.run("sign", file), "nothing was signed")
    assert "an order: reboot, to the router attic (" in ann.asked[0]
    assert Path(file).read_text() == before


def test_owners_collect_an_order_in_a_file(
    dusk: "Dusk", ann: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUSK_SESSION", "token-alice")
    desk, file = ann.desk, str(tmp_path / "order")
    reached(desk, "attic")
    desk.world.commit(desk.world.edit("trust", "quorum", (2,)))
    assert_refused_order(dusk("device", "reboot", "attic"), "must sign: --out F")
    assert_refused_order(ann.run("device", "reboot", "attic"), "2 of the owners")
    made = dusk("device", "reboot", "attic", "--out", file)
    assert (made.code, "signed  alice" in made.out) == (0, True), made
    assert "dusk sign" in made.err
    assert_refused_order(dusk("device", "reboot", "attic", "--in", file), "2 of the owners")
    assert_refused_order(dusk("device", "locate", "attic", "--in", file), "another order: reboot")
    signed = ann.run("sign", file)
    assert (signed.code, "signed  alice, ann" in signed.out) == (0, True), signed
    assert f"--in {file}" in signed.err
    assert dusk("device", "reboot", "attic", "--in", file).out == "attic restarts\n"
    assert_refused(dusk("sign", file, "--yes"), "already")


def assert_refused_order(result: Any, why: str) -> None:
    assert (result.code, result.out) == (1, "")
    assert "attic: not done: " in result.err
    assert why in result.err


@pytest.mark.parametrize(
    "words",
    [
        ("device", "reboot", "attic", "hall", "--out", "F"),
        ("device", "reboot", "attic", "--out", "F", "--in", "F"),
        ("hold", "--out", "F"),
        ("unhold", "--in", "F"),
        ("drift", "attic", "--out", "F"),
    ],
)
def test_files_are_for_one_order_to_one_router(
    dusk: "Dusk", logged_in: FakeDesk, words: tuple[str, ...]
) -> None:
    result = dusk(*words)
    assert (result.code, logged_in.asked, Path("F").exists()) == (2, [], False)
    assert "--out" in result.err
