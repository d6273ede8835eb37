"""Two owners who sign together: what one of them proposes, reverts, and may still do alone."""

import pytest

from dusk.config.settings import decode_setting
from dusk.errors import Refused
from tests.control.test_people_methods import add, refused
from tests.desk import FakeDesk

SSID = "wireless.x.ssid"


@pytest.fixture
def two(desk: FakeDesk) -> FakeDesk:
    """Return a desk where alice and bob own the cluster together; carol has Wi-Fi for one group."""
    desk.do("group.create", name="upstairs")
    edit(desk, "First")
    desk.do("policy.assign", name="wifi", to="all", names=[])
    desk.commit()
    for name in ("bob", "carol"):
        add(desk, name)
    desk.do("owner.add", name="bob")
    desk.do("grant.set", prefix="policy/wifi", users=["carol"], packages=["wireless"], groups=["upstairs"])
    desk.do("owner.quorum", count=2)
    return desk


def edit(desk: FakeDesk, value: str, policy: str = "wifi") -> None:
    desk.do("draft.edit", target=f"policy/{policy}", verb="set", edits=[{"key": SSID, "values": [value]}])


def commit(desk: FakeDesk, who: str = "alice") -> str:
    """Commit a draft and return the proposal that it makes."""
    started = desk.ask("draft.commit", token=f"token-{who}", message="name it", yes=True)
    found = desk.poll(started["ticket"])["result"]["proposal"]
    return "" if found is None else str(found)


def signed(desk: FakeDesk, name: str, who: str = "bob") -> int:
    """Sign a proposal, and return the version that it became."""
    ticket = desk.ask("proposal.sign", token=f"token-{who}", id=name)["ticket"]
    seq: int = desk.poll(ticket)["result"]["seq"]
    return seq


def says(desk: FakeDesk, policy: str = "wifi") -> tuple[str, ...] | None:
    record = desk.log.state.record(f"policy/{policy}", f"set/{SSID}")
    return None if record is None or record.data is None else decode_setting(record.data).values


# --- what several signed is put back ---------------------------------------------------------------


def test_what_two_signed_is_put_back_as_a_proposal_of_one(two: FakeDesk) -> None:
    edit(two, "Old")
    signed(two, commit(two))
    edit(two, "New")
    seq = signed(two, commit(two))
    put_back = two.do("log.revert", seq=seq)
    assert put_back["text"].startswith(f"proposed: reverts version {seq}")
    (proposal,) = two.ask("proposal.list")["proposals"]
    assert says(two) == ("New",)
    again = signed(two, proposal["id"])
    assert says(two) == ("Old",)
    signed(two, two.poll(two.do("owner.quorum", count=1)["ticket"])["result"]["proposal"])
    two.do("log.revert", seq=again)
    assert says(two) == ("New",)


# --- owners beyond a grant -------------------------------------------------------------------------


def test_what_a_grant_allows_nobody_an_owner_proposes_to_the_owners(two: FakeDesk) -> None:
    edit(two, "Home")
    name = commit(two)
    (proposal,) = two.ask("proposal.list")["proposals"]
    assert "needs the signatures of 2 of the owners alice, bob" in proposal["state"]
    refused(two, "proposal.sign", "outside-grant", token="token-carol", id=name)
    refused(two, "proposal.sign", "signed-already", id=name)
    signed(two, name)
    assert says(two) == ("Home",)


def test_of_three_owners_each_signature_beyond_a_grant_is_kept(two: FakeDesk) -> None:
    add(two, "dora")
    for proposal in two.ask("proposal.list")["proposals"]:
        signed(two, proposal["id"])
    for act, params in (("owner.add", {"name": "dora"}), ("owner.quorum", {"count": 3})):
        signed(two, two.poll(two.do(act, **params)["ticket"])["result"]["proposal"])
    edit(two, "Home")
    name = commit(two)
    told = two.ask("proposal.sign", token="token-bob", id=name)["text"]
    assert told.startswith("signed; not enough yet: policy/wifi")
    assert told.endswith("so it needs the signatures of 3 of the owners alice, bob, dora")
    signed(two, name, "dora")
    assert says(two) == ("Home",)


def test_who_is_no_owner_proposes_nothing_beyond_a_grant(two: FakeDesk) -> None:
    row = {"key": SSID, "values": ["Home"]}
    two.ask("draft.edit", token="token-carol", target="policy/wifi", verb="set", edits=[row])
    refused(two, "draft.commit", "outside-grant", token="token-carol", message="name it")
    assert two.ask("proposal.list") == {"proposals": []}


# --- one owner alone -------------------------------------------------------------------------------


def test_an_owner_counts_for_a_grant_as_who_is_named_there_and_that_is_said(desk: FakeDesk) -> None:
    for name in ("bob", "carol"):
        add(desk, name)
    desk.do("owner.add", name="bob")
    assert desk.do("owner.quorum", count=2)["notes"] == []
    signed(desk, desk.poll(desk.do("owner.quorum", count=1)["ticket"])["result"]["proposal"])
    desk.do("grant.set", prefix="policy/wifi", users=["carol"])
    both = desk.do("grant.set", prefix="policy/lan", users=["bob", "carol"], threshold=2)
    assert both["text"] == "policy/lan granted to 2 of bob, carol"
    (note,) = desk.do("owner.quorum", count=2)["notes"]
    assert note.startswith("fewer owners still change policy/wifi (1 of carol): an owner counts")
    edit(desk, "Home")
    assert commit(desk) == ""
    assert desk.ask("section.show", path="policy/wifi")["who"] == (
        "2 of the owners alice, bob, or 1 of carol and the owners"
    )
    edit(desk, "Home", "lan")
    assert commit(desk)


# --- mixed drafts ----------------------------------------------------------------------------------


def test_a_mixed_draft_names_the_part_that_one_has_no_say_in(two: FakeDesk) -> None:
    granted = two.do("grant.set", prefix="policy/lan", users=["carol"], threshold=2)
    signed(two, two.poll(granted["ticket"])["result"]["proposal"])
    row = {"key": "network.x.mtu", "values": ["1400"]}
    two.ask("draft.edit", token="token-carol", target="policy/lan", verb="set", edits=[row])
    two.ask("policy.assign", token="token-carol", name="lan", to="all", names=[])
    with pytest.raises(Refused) as found:
        commit(two, "carol")
    assert found.value.code == "missing-signatures"
    assert found.value.reason.startswith("assignment/lan: needs the signatures of 2 of the owners alice, bob")
    granting = "; owners assign it, or grant that, too: `dusk grant assignment/lan` with the same limits as"
    assert granting in found.value.reason
    assert found.value.reason.endswith("; without that the rest is proposed to who must sign it, too")
    two.ask("policy.unassign", token="token-carol", name="lan")
    assert commit(two, "carol")


def draft_of(desk: FakeDesk, who: str) -> tuple[list[str], list[str]]:
    """Return what a draft says keeps it from being sent, and what it says of a proposal."""
    said = desk.ask("draft.show", token=f"token-{who}")
    return said["problems"], [note for note in said["notes"] if "makes a proposal" in note]


def test_a_draft_says_that_it_becomes_a_proposal_and_whose_signatures_that_takes(two: FakeDesk) -> None:
    assert draft_of(two, "alice") == ([], [])
    edit(two, "Home")
    problems, (note,) = draft_of(two, "alice")
    assert (problems, note.endswith("needs the signatures of 2 of the owners alice, bob")) == ([], True)
    name = commit(two)
    edit(two, "Else")
    assert draft_of(two, "alice")[1]
    signed(two, name)


def test_a_draft_says_what_its_author_may_not_before_anybody_is_asked_for_a_yes(two: FakeDesk) -> None:
    row = {"key": "network.lan.mtu", "values": ["1400"]}
    two.ask("draft.edit", token="token-carol", target="policy/wifi", verb="set", edits=[row])
    (problem,), proposed = draft_of(two, "carol")
    assert (problem.startswith("policy/wifi: "), proposed) == (True, [])
    with pytest.raises(Refused) as found:
        two.ask("draft.commit", token="token-carol", message="mtu")
    assert (found.value.code, found.value.reason) == ("outside-grant", problem)


def test_a_draft_of_what_one_may_alone_says_nothing_of_it(two: FakeDesk) -> None:
    granted = two.do("grant.set", prefix="policy/own", users=["carol"], packages=["wireless"])
    signed(two, two.poll(granted["ticket"])["result"]["proposal"])
    rows = [{"key": SSID, "values": ["Home"]}, {"key": "wireless.x.key", "values": ["a secret word"]}]
    two.ask("draft.edit", token="token-carol", target="policy/own", verb="set", edits=rows)
    assert draft_of(two, "carol") == ([], [])
    assert commit(two, "carol") == ""


# --- taken back ------------------------------------------------------------------------------------


def withdrawn(desk: FakeDesk, name: str, who: str = "alice") -> list[str]:
    notes: list[str] = desk.ask("proposal.withdraw", token=f"token-{who}", id=name)["notes"]
    return notes


def test_who_takes_a_proposal_back_has_its_settings_in_the_draft_again(two: FakeDesk) -> None:
    edit(two, "Home")
    name = commit(two)
    assert withdrawn(two, name) == ["1 edit of it in your draft again: `dusk draft`"]
    assert "'Home'" in two.do("draft.show")["text"]
    signed(two, commit(two))
    assert says(two) == ("Home",)


def test_a_draft_that_is_not_empty_stays_as_it_is(two: FakeDesk) -> None:
    edit(two, "Home")
    name = commit(two)
    edit(two, "Other")
    assert withdrawn(two, name) == ["your draft has other edits, so what was proposed is not put back there"]
    assert "'Other'" in two.do("draft.show")["text"]


def test_a_draft_that_cannot_be_read_is_left_alone(two: FakeDesk) -> None:
    edit(two, "Home")
    name = commit(two)
    two.drafts["alice"] = b"junk"
    (note,) = withdrawn(two, name)
    assert note.startswith("what was proposed is not put back into your draft: ")
    assert two.drafts["alice"] == b"junk"


def test_what_is_no_setting_goes_into_no_draft(two: FakeDesk) -> None:
    name = two.poll(two.do("owner.quorum", count=1)["ticket"])["result"]["proposal"]
    assert withdrawn(two, name) == []
    assert two.do("draft.show")["edits"] == 0


def test_under_a_quorum_nobody_but_its_author_takes_a_proposal_back(two: FakeDesk) -> None:
    edit(two, "Home")
    name = commit(two)
    with pytest.raises(Refused, match="only alice, who proposed it, takes it back; it ends where"):
        withdrawn(two, name, "bob")
    assert len(two.ask("proposal.list")["proposals"]) == 1


def test_an_owner_alone_takes_back_what_another_proposed(desk: FakeDesk) -> None:
    for name in ("bob", "carol"):
        add(desk, name)
    desk.do("grant.set", prefix="policy/wifi", users=["bob", "carol"], threshold=2)
    row = {"key": SSID, "values": ["Home"]}
    desk.ask("draft.edit", token="token-bob", target="policy/wifi", verb="set", edits=[row])
    name = commit(desk, "bob")
    with pytest.raises(Refused, match="only bob, who proposed it, and the owners take it back"):
        withdrawn(desk, name, "carol")
    assert withdrawn(desk, name) == []
    assert desk.ask("draft.show", token="token-bob")["edits"] == 0


# --- who signed ------------------------------------------------------------------------------------


def test_the_log_names_all_who_signed(two: FakeDesk) -> None:
    edit(two, "Home")
    seq = signed(two, commit(two))
    shown = two.ask("log.show", seq=seq)
    assert (shown["author"], shown["signed"]) == ("alice", ["alice", "bob"])
    two.world.open()
    assert two.ask("log.list")["entries"][0]["signed"] == []


# --- proposed already ------------------------------------------------------------------------------


def test_what_is_proposed_already_is_not_proposed_again_as_long_as_it_can_come(two: FakeDesk) -> None:
    two.do("device.rename", name="hall", new_name="porch")
    (proposal,) = two.ask("proposal.list")["proposals"]
    assert f"`dusk sign {proposal['id']}`" in refused(
        two, "device.rename", "proposed-already", token="token-bob", name="hall", new_name="porch"
    )
    two.do("device.rename", name="hall", new_name="barn")
    assert len(two.ask("proposal.list")["proposals"]) == 2


def test_a_repeated_commit_says_what_it_proposed(two: FakeDesk) -> None:
    edit(two, "Home")
    two.is_cut_off = True
    name = commit(two)
    assert name
    assert commit(two) == name


def test_who_leads_next_is_proposed_too(two: FakeDesk) -> None:
    asked = two.do("role.backups", devices=["hall"])
    assert (asked["text"], len(asked["notes"])) == ("proposed: attic leads, then hall", 1)
