"""``dusk leave``: of this router alone, and what is told."""

import os
from typing import TYPE_CHECKING

import pytest

from dusk.ids import DeviceId
from tests.cli.key_person import without_terminal
from tests.cli.test_commands import assert_refused
from tests.desk import FakeDesk

if TYPE_CHECKING:
    from tests.cli.conftest import Dusk


@pytest.fixture
def member(server: FakeDesk) -> FakeDesk:
    """Return the served desk of a router that may not lead; nobody is logged in."""
    shed = server.world.join("shed")
    server.stands_at = DeviceId(shed.key_id)
    return server


@pytest.mark.usefixtures("member")
def test_a_router_leaves_and_is_told_that_its_secrets_stay_in_its_files(dusk: "Dusk") -> None:
    done = dusk("leave", "--yes")
    assert (done.code, done.out.count("left the cluster")) == (0, 1)
    assert "secrets too" in done.err
    assert dusk("leave", "--yes", "--keep-config", "--json").json == {
        "left": True,
        "missing": "",
        "device": "shed",
    }


def test_one_that_is_cut_off_goes_later(dusk: "Dusk", member: FakeDesk) -> None:
    member.left = {"left": False, "missing": "nobody was heard"}
    late = dusk("leave", "--yes", "--timeout", "1s")
    assert (late.code, late.out) == (1, "shed has not left yet: nobody was heard\n")


def test_it_says_who_leaves_what_and_asks(
    dusk: "Dusk", member: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    answers = iter(["no", "yes"])

    def answer(prompt: str, _instead: str) -> str:
        asked.append(prompt)
        return next(answers)

    monkeypatch.setattr(FakeDesk, "status", lambda _: {"name": "shed", "cluster": "home"})
    monkeypatch.setattr("dusk.cli.passwords.ask_line", answer)
    assert_refused(dusk("leave"), "shed stays in the cluster home")
    assert asked == ["shed leaves the cluster home for good. Leave? (yes/no) "]
    assert "leave" not in member.results
    assert dusk("leave").code == 0
    assert "leave" in member.results


def test_where_nobody_can_be_asked_it_stays(
    dusk: "Dusk", member: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeDesk, "status", lambda _: {"name": "shed", "cluster": "home"})
    monkeypatch.setattr("dusk.cli.passwords.os.open", without_terminal(os.open))
    assert_refused(dusk("leave"), "there is no terminal to ask on; use --yes")
    assert "leave" not in member.results


@pytest.mark.usefixtures("member")
def test_of_another_router_it_says_what_to_type(dusk: "Dusk") -> None:
    assert_refused(dusk("leave", "attic", "--yes"), "dusk device remove attic", code=2)


@pytest.mark.usefixtures("server")
def test_who_may_lead_stays(dusk: "Dusk") -> None:
    assert_refused(dusk("leave", "--yes"), "may lead the cluster")


def test_it_is_not_done_from_afar(dusk: "Dusk") -> None:
    assert_refused(dusk("--via", "ssh://root@attic", "leave"), "run it there")
