"""Who made each setting what it is."""

import pytest

from dusk.errors import Refused
from tests.control.test_people_methods import add
from tests.desk import FakeDesk


def test_each_record_names_its_version_and_all_who_signed(desk: FakeDesk) -> None:
    add(desk, "bob")
    desk.do("grant.set", prefix="policy/wifi", users=["bob", "alice"], threshold=2)
    row = {"key": "wireless.x.ssid", "values": ["Home"]}
    desk.ask("draft.edit", token="token-bob", target="policy/wifi", verb="set", edits=[row])
    desk.ask("draft.commit", token="token-bob", message="name it")
    proposal = desk.ask("proposal.list")["proposals"][0]["id"]
    desk.do("proposal.sign", id=proposal)
    desk.do("policy.assign", name="wifi", to="all")
    desk.commit("to all")
    first, second = desk.ask("log.blame", target="policy/wifi")["records"]
    assert (first["item"], first["says"], first["signed"]) == ("wireless.x.ssid", "'Home'", ["alice", "bob"])
    assert (first["author"], first["message"]) == ("bob", "name it")
    assert (second["where"], second["signed"]) == ("assignment/wifi", ["alice"])


@pytest.mark.parametrize("target", ["cluster", "trust", "user/alice", "device/hall"])
def test_other_targets_have_records_too(desk: FakeDesk, target: str) -> None:
    found = desk.ask("log.blame", target=target)
    assert found["records"]
    assert not found["more"]


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("policy/none", "no-section"),
        ("policy", "bad-target"),
        ("rollout/x", "bad-target"),
        ("device/nowhere", "no-device"),
        ("group/No", "bad-name"),
    ],
)
def test_what_is_no_target_is_refused(desk: FakeDesk, target: str, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        desk.ask("log.blame", target=target)
    assert refusal.value.code == code


def test_a_long_answer_says_that_there_is_more(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dusk.control.history.BLAMED_MAX", 1)
    found = desk.ask("log.blame", target="cluster")
    assert (len(found["records"]), found["more"]) == (1, True)
