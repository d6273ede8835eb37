"""Grants and sections by the methods of the control socket: given, passed on, listed, taken back."""

import pytest

from dusk.changelog.sections import device_path
from dusk.errors import Refused
from tests.control.test_people_methods import add, refused
from tests.desk import FakeDesk


@pytest.fixture
def people(desk: FakeDesk) -> FakeDesk:
    """Return a desk where Bob and Carol are users."""
    for name in ("bob", "carol"):
        add(desk, name)
    return desk


def grants(desk: FakeDesk) -> dict[str, dict[str, object]]:
    return {grant["prefix"]: grant for grant in desk.ask("grant.list")["grants"]}


def make_groups(desk: FakeDesk, *names: str) -> None:
    for name in names:
        desk.do("group.create", name=name)
    desk.commit()


def test_a_grant_with_limits_is_listed_as_it_was_given(people: FakeDesk) -> None:
    make_groups(people, "aps")
    limits = {"packages": ["wireless", "dhcp", "dhcp"], "groups": ["aps"], "max_priority": 200}
    people.do("grant.set", prefix="policy/wifi", users=["carol", "bob", "bob"], threshold=2, **limits)
    assert grants(people)["policy/wifi"] == {
        "prefix": "policy/wifi",
        "users": ["bob", "carol"],
        "threshold": 2,
        "packages": ["dhcp", "wireless"],
        "groups": ["aps"],
        "max_priority": 200,
        "under": None,
        "by": [],
        "in_force": True,
    }


def test_a_grant_for_a_group_that_does_not_exist_is_refused_and_leaves_the_one_before(
    people: FakeDesk,
) -> None:
    make_groups(people, "aps")
    people.do("grant.set", prefix="policy/wifi", users=["bob"], groups=["aps"])
    before = grants(people)
    error = refused(people, "grant.set", "no-group", prefix="policy/wifi", users=["bob"], groups=["asp"])
    assert "`dusk group create NAME` makes one" in error
    people.ask("group.create", token="token-alice", name="drafted")
    error = refused(people, "grant.set", "no-group", prefix="policy", users=["bob"], groups=["drafted"])
    assert "in your draft alone: `dusk commit` first" in error
    assert grants(people) == before


def test_what_a_grant_replaces_is_said(people: FakeDesk) -> None:
    make_groups(people, "aps")
    first = people.do("grant.set", prefix="policy/wifi", users=["bob", "carol"], groups=["aps"], threshold=2)
    assert first["notes"] == []
    limits = {"packages": ["wireless"], "max_priority": 200}
    (note,) = people.do("grant.set", prefix="policy/wifi", users=["bob"], **limits)["notes"]
    assert note == "it replaces what was granted there: 2 of bob, carol; groups aps"
    (note,) = people.do("grant.set", prefix="policy/wifi", users=[], packages=[])["notes"]
    assert note == "it replaces what was granted there: 1 of bob; packages wireless; priority up to 200"
    (note,) = people.do("grant.set", prefix="policy/wifi", users=["bob"])["notes"]
    assert note == "it replaces what was granted there: nobody but owners; packages none"


def test_a_package_that_no_router_takes_by_itself_is_named_in_a_grant(people: FakeDesk) -> None:
    packages = ["wirless", "dhcp", "file:/etc/banner"]
    (note,) = people.do("grant.set", prefix="policy/wifi", users=["bob"], packages=packages)["notes"]
    assert note.startswith("a router takes wirless only where root allows it")
    assert note.endswith("; did you mean wireless?")


def test_who_is_granted_groups_is_told_why_a_policy_for_all_is_not_his(people: FakeDesk) -> None:
    make_groups(people, "aps", "roofs")
    people.set("policy/wifi", wireless__x__ssid="Home")
    people.do("policy.assign", name="wifi", to="all")
    people.commit()
    people.do("grant.set", prefix="policy/wifi", users=["bob"], groups=["aps"])
    edits = [{"key": "wireless.x.ssid", "values": ["Mine"]}]
    people.ask("draft.edit", token="token-bob", target="policy/wifi", verb="set", edits=edits)
    error = refused(people, "draft.commit", "outside-grant", token="token-bob", message="m")
    assert (
        "policy/wifi: it is assigned to all, or to routers by name, and the grant is for aps alone" in error
    )
    people.do("policy.assign", name="wifi", to="groups", names=["aps", "roofs"])
    people.commit()
    error = refused(people, "draft.commit", "outside-grant", token="token-bob", message="m")
    assert "the grant is for aps, and not for roofs" in error


def test_a_grant_for_a_device_names_it_as_people_do(people: FakeDesk) -> None:
    people.do("grant.set", prefix="device/hall/config", users=["bob"])
    assert list(grants(people)) == ["device/hall/config"]
    people.do("grant.remove", prefix="device/hall/config")
    assert grants(people) == {}


def test_who_has_a_grant_passes_it_on_and_takes_it_back(people: FakeDesk) -> None:
    people.do("grant.set", prefix="policy", users=["bob"], packages=["wireless"])
    passed = {"prefix": "policy/wifi", "users": ["carol"]}
    refused(people, "grant.set", "outside-grant", token="token-bob", **passed)
    people.ask("grant.set", token="token-bob", packages=["wireless"], **passed)
    found = grants(people)["policy/wifi"]
    assert (found["under"], found["by"], found["in_force"]) == ("policy", ["bob"], True)
    people.do("grant.remove", prefix="policy")
    assert not grants(people)["policy/wifi"]["in_force"]
    people.do("grant.set", prefix="policy", users=["bob"])
    people.ask("grant.remove", token="token-bob", prefix="policy/wifi")
    assert list(grants(people)) == ["policy"]


def test_owners_take_back_what_others_passed_on(people: FakeDesk) -> None:
    people.do("grant.set", prefix="policy", users=["bob"])
    people.ask("grant.set", token="token-bob", prefix="policy/wifi", users=["carol"])
    people.do("grant.set", prefix="policy/wifi", users=[])
    assert [g["users"] for g in people.ask("grant.list")["grants"]] == [["bob"], [], ["carol"]]
    assert [g["in_force"] for g in people.ask("grant.list")["grants"]] == [True, True, False]
    people.do("grant.remove", prefix="policy/wifi")
    assert list(grants(people)) == ["policy"]


def test_who_has_nothing_grants_nothing(people: FakeDesk) -> None:
    for prefix in ("policy/wifi", "policy"):
        refused(people, "grant.set", "missing-signatures", token="token-bob", prefix=prefix, users=["bob"])
    refused(people, "grant.remove", "no-grant", prefix="policy")


@pytest.mark.parametrize(
    ("prefix", "users", "threshold", "code"),
    [
        ("polic", ["bob"], 1, "bad-target"),
        ("policy/a/b/c", ["bob"], 1, "bad-target"),
        ("policy/No", ["bob"], 1, "bad-name"),
        ("device/nowhere", ["bob"], 1, "no-device"),
        ("policy", ["eve"], 1, "no-user"),
        ("policy", ["bob"], 3, "bad-threshold"),
        ("policy", [], 2, "bad-threshold"),
    ],
)
def test_a_grant_that_cannot_be_is_refused(
    people: FakeDesk, prefix: str, users: list[str], threshold: int, code: str
) -> None:
    refused(people, "grant.set", code, prefix=prefix, users=users, threshold=threshold)


def test_a_section_shows_its_records_and_whose_keys_may(people: FakeDesk) -> None:
    people.set("policy/wifi", wireless__x__ssid="Home")
    people.commit()
    people.do("grant.set", prefix="policy", users=["bob", "carol"], threshold=2)
    shown = people.ask("section.show", path="policy/wifi")
    assert (shown["title"], shown["who"]) == ("policy/wifi", "owner alice, or 2 of bob, carol")
    assert [record["says"] for record in shown["records"]] == ["'Home'"]
    assert shown["records"][0]["version"] == people.log.position_of(
        people.log.state.records("policy/wifi")[shown["records"][0]["key"]].base
    )
    assert shown["hash"] == people.log.state.section_hash("policy/wifi").hex()


def test_sections_are_listed_by_prefix_and_in_pages(
    people: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dusk.control.rights.SECTIONS_SHOWN_MAX", 2)
    first = people.ask("section.list", prefix="user")
    second = people.ask("section.list", prefix="user", after=first["sections"][-1]["path"])
    assert [s["path"] for s in (*first["sections"], *second["sections"])] == [
        "user/alice",
        "user/bob",
        "user/carol",
    ]
    assert (first["more"], second["more"]) == (True, False)
    assert first["sections"][0]["who"] == "owner alice, or alice for the password"


def test_records_come_in_pages(people: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dusk.control.rights.RECORDS_SHOWN_MAX", 1)
    first = people.ask("section.show", path="trust")
    second = people.ask("section.show", path="trust", after=first["records"][0]["key"])
    assert (first["more"], first["records"][0]["key"]) == (True, "owner/alice")
    assert second["records"][0]["key"] == "quorum"


def test_what_is_said_of_sections_fits_their_kind(people: FakeDesk) -> None:
    people.do("owner.add", name="bob")
    people.do("grant.set", prefix="group", users=["carol"])
    who = {s["title"]: s["who"] for s in people.ask("section.list")["sections"]}
    assert who["cluster"] == "1 of the owners alice, bob"
    people.do("grant.set", prefix="policy/x", users=[])
    with pytest.raises(Refused, match="no section"):
        people.ask("section.show", path="policy/x")


def test_what_a_device_says_of_itself_is_for_its_own_key_whoever_owns_the_cluster(people: FakeDesk) -> None:
    world = people.world
    facts = f"{device_path(people.device_id)}/facts"
    world.write(world.change(world.edit(facts, "board", ["x86"]), signers=(world.master,)))
    people.do("grant.set", prefix="device", users=["carol"])
    (listed,) = people.ask("section.list", prefix="device/attic/facts")["sections"]
    assert (listed["title"], listed["who"]) == ("device/attic/facts", "this device's own key")
    assert people.ask("section.show", path="device/attic/facts")["who"] == "this device's own key"


def test_owners_count_where_more_must_sign_than_are_named(people: FakeDesk) -> None:
    people.do("grant.set", prefix="policy/firewall", users=["bob"], threshold=2)
    assert (grants(people)["policy/firewall"]["users"], grants(people)["policy/firewall"]["threshold"]) == (
        ["alice", "bob"],
        2,
    )
