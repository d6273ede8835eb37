"""Changes that several must sign: a commit becomes a proposal, the last signature hands it in."""

import pytest

from dusk.config.settings import decode_setting
from dusk.control.desk import WallTime
from dusk.errors import Refused
from tests.control.test_people_methods import add, refused
from tests.desk import FakeDesk


@pytest.fixture
def people(desk: FakeDesk) -> FakeDesk:
    """Return a desk where Bob and Carol must sign policies together."""
    for name in ("bob", "carol", "dave"):
        add(desk, name)
    desk.do("grant.set", prefix="policy/wifi", users=["bob", "carol"], threshold=2)
    return desk


def edit(desk: FakeDesk, who: str, policy: str = "wifi", value: str = "Home") -> None:
    row = {"key": "wireless.x.ssid", "values": [value]}
    desk.ask("draft.edit", token=f"token-{who}", target=f"policy/{policy}", verb="set", edits=[row])


def commit(desk: FakeDesk, who: str) -> dict[str, object]:
    started = desk.ask("draft.commit", token=f"token-{who}", message="name the network")
    result: dict[str, object] = desk.poll(started["ticket"])["result"]
    return {**result, "notes": started["notes"]}


def propose(desk: FakeDesk) -> str:
    edit(desk, "bob")
    name = commit(desk, "bob")["proposal"]
    assert isinstance(name, str)
    return name


def said(desk: FakeDesk) -> tuple[str, ...]:
    record = desk.log.state.record("policy/wifi", "set/wireless.x.ssid")
    assert record is not None
    assert record.data is not None
    return decode_setting(record.data).values


def test_a_commit_that_others_must_sign_is_proposed_and_shown(people: FakeDesk) -> None:
    edit(people, "bob")
    result = commit(people, "bob")
    assert result["state"] == "durable"
    assert any("dusk sign" in str(note) for note in result["notes"])  # type: ignore[attr-defined]  # a list by its method
    (proposal,) = people.ask("proposal.list")["proposals"]
    assert (proposal["id"], proposal["author"], proposal["signed"]) == (result["proposal"], "bob", ["bob"])
    assert "2 of bob, carol" in proposal["state"]
    assert proposal["expires"] == (people.clock.time_s // 86_400 + 31) * 86_400
    shown = people.ask("proposal.show", id=proposal["id"])
    assert "wireless.x.ssid: 'Home'" in shown["diff"]
    assert people.ask("draft.show", token="token-bob")["edits"] == 0
    assert not people.log.state.records("policy/wifi")


def test_the_last_signature_hands_the_change_in(people: FakeDesk) -> None:
    name = propose(people)
    signed = people.ask("proposal.sign", token="token-carol", id=name)
    assert "handed in" in signed["text"]
    assert people.poll(signed["ticket"])["result"]["state"] == "durable"
    assert people.log.state.records("policy/wifi")
    assert people.ask("proposal.list") == {"proposals": []}
    refused(people, "proposal.sign", "no-proposal", id=name)


def test_an_owner_alone_is_enough(people: FakeDesk) -> None:
    people.do("proposal.sign", id=propose(people))
    assert people.log.state.records("policy/wifi")


def test_a_signature_that_is_not_enough_is_kept_and_one_more_of_the_same_is_none(people: FakeDesk) -> None:
    name = propose(people)
    refused(people, "proposal.sign", "signed-already", token="token-bob", id=name)
    assert "not enough" in people.ask("proposal.sign", token="token-dave", id=name)["text"]
    assert people.ask("proposal.list")["proposals"][0]["signed"] == ["bob", "dave"]


def test_a_quorum_of_owners_proposes_acts_to_each_other(people: FakeDesk) -> None:
    people.do("owner.add", name="bob")
    people.do("owner.quorum", count=2)
    act = people.do("grant.set", prefix="policy", users=["dave"])
    assert act["text"].startswith("proposed:")
    assert "dusk sign" in act["notes"][0]
    added = people.do("user.add", name="eve", password="a few good words")
    assert added["text"] == "proposed: user eve added"
    for proposal in people.ask("proposal.list")["proposals"]:
        people.ask("proposal.sign", token="token-bob", id=proposal["id"])
    assert "policy" in [g["prefix"] for g in people.ask("grant.list")["grants"]]
    assert "eve" in [u["name"] for u in people.ask("user.list")["users"]]


def test_who_would_not_count_is_refused_and_proposes_nothing(people: FakeDesk) -> None:
    edit(people, "dave")
    refused(people, "draft.commit", "missing-signatures", token="token-dave", message="x")
    edit(people, "bob", policy="other")
    refused(people, "draft.commit", "missing-signatures", token="token-bob", message="x")


def test_what_stretches_a_grant_is_refused_and_never_proposed(people: FakeDesk) -> None:
    people.do("grant.set", prefix="policy/wifi", users=["bob", "carol"], threshold=2, packages=["network"])
    name = propose(people)
    assert name
    refused(people, "proposal.sign", "outside-grant", token="token-carol", id=name)


def test_a_proposal_is_withdrawn_by_its_author(people: FakeDesk) -> None:
    name = propose(people)
    refused(people, "proposal.withdraw", "missing-signatures", token="token-carol", id=name)
    people.ask("proposal.withdraw", token="token-bob", id=name)
    assert people.ask("proposal.list") == {"proposals": []}
    for gone in (name, "ab"):
        with pytest.raises(Refused, match="no open proposal"):
            people.ask("proposal.show", id=gone)


def test_a_proposal_that_came_too_late_says_so(people: FakeDesk) -> None:
    name = propose(people)
    people.set("policy/wifi", wireless__x__ssid="Other")
    people.commit()
    with pytest.raises(Refused, match="somebody else"):
        people.ask("proposal.sign", token="token-carol", id=name)
    assert "somebody else" in people.ask("proposal.list")["proposals"][0]["state"]


def test_a_proposal_that_was_handed_in_too_late_says_at_which_version(people: FakeDesk) -> None:
    name = propose(people)
    people.is_cut_off = True
    people.ask("proposal.sign", token="token-carol", id=name)
    world = people.world
    world.commit(world.set("wifi", "wireless.x.ssid", "Other"))
    people.deliver()
    state = people.ask("proposal.list")["proposals"][0]["state"]
    assert state == f"handed in as version {world.log.head.seq}, and came too late"


def test_what_several_signed_and_came_too_late_is_a_conflict_and_is_decided_by_as_many(
    people: FakeDesk,
) -> None:
    test_a_proposal_that_was_handed_in_too_late_says_at_which_version(people)
    people.is_cut_off = False
    (lost,) = people.ask("conflict.list")["conflicts"]
    assert (lost["author"], [row["b"] for row in lost["records"]]) == ("bob", ["'Home'"])
    started = people.ask("conflict.resolve", token="token-bob", id=lost["id"], take="B")
    proposal = people.poll(started["ticket"])["result"]["proposal"]
    assert (started["text"][:9], f"dusk sign {proposal}" in started["notes"][0]) == ("proposed:", True)
    assert people.ask("conflict.list")["conflicts"] == [lost], "nothing is decided yet"
    people.ask("proposal.sign", token="token-carol", id=proposal)
    assert people.ask("conflict.list")["conflicts"] == []
    assert said(people) == ("Home",)


@pytest.mark.parametrize("keys", [[], ["wireless.x.ssid"]])
def test_what_several_signed_is_put_back_by_as_many(people: FakeDesk, keys: list[str]) -> None:
    people.ask("proposal.sign", token="token-carol", id=propose(people))
    seq = people.log.head.seq
    target = "policy/wifi" if keys else ""
    started = people.ask("log.revert", token="token-bob", seq=seq, target=target, keys=keys)
    assert started["text"].startswith("proposed: reverts version")
    proposal = people.poll(started["ticket"])["result"]["proposal"]
    people.ask("proposal.sign", token="token-carol", id=proposal)
    assert people.log.state.value("policy/wifi", "set/wireless.x.ssid") is None
    people.do("log.revert", seq=people.log.head.seq)
    assert said(people) == ("Home",), "an owner alone may"


def test_a_proposal_whose_signatures_are_enough_by_now_is_handed_in_by_who_signs_next(
    people: FakeDesk,
) -> None:
    name = propose(people)
    people.do("grant.set", prefix="policy/wifi", users=["bob", "carol"])
    assert people.ask("proposal.show", id=name)["state"].startswith("all have signed who must")
    assert not people.log.state.records("policy/wifi")
    people.ask("proposal.sign", token="token-bob", id=name)
    assert people.log.state.records("policy/wifi")
    assert people.ask("proposal.list") == {"proposals": []}


def test_who_was_disabled_since_has_not_signed(people: FakeDesk) -> None:
    name = propose(people)
    people.do("user.disable", name="bob")
    assert "author's own" in people.ask("proposal.list")["proposals"][0]["state"]
    refused(people, "proposal.sign", "inactive-key", token="token-carol", id=name)


def test_without_a_clock_to_trust_a_proposal_never_ends(people: FakeDesk) -> None:
    people.clock = WallTime(0, trusted=False)
    propose(people)
    assert people.ask("proposal.list")["proposals"][0]["expires"] is None


def test_what_is_too_large_to_be_proposed_is_refused(people: FakeDesk) -> None:
    for n in range(12):
        row = {"key": f"wireless.x{n}.ssid", "values": [str(n) * 6000]}
        people.ask("draft.edit", token="token-bob", target="policy/wifi", verb="set", edits=[row])
    refused(people, "draft.commit", "too-large", token="token-bob", message="x")
