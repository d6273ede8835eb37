"""Queries, edits and commits through the table of methods, over a real log."""

from pathlib import Path
from typing import Any

import pytest

from dusk.changelog.state import State
from dusk.control.calling import call
from dusk.control.desk import Peer, WallTime
from dusk.control.methods import METHODS
from dusk.errors import Refused
from dusk.ids import Seq
from dusk.keys.joinkey import parse_join_line
from tests.desk import FakeDesk, refusal

PROJECT = Path(__file__).resolve().parents[2]
SSID = "wireless__default_radio0__ssid"
KEY = "wireless.default_radio0.ssid"


def test_every_method_is_in_the_specification_with_its_parameters() -> None:
    text = (PROJECT / "specs/control-api.md").read_text()
    for name, method in METHODS.items():
        row = next((line for line in text.splitlines() if line.startswith(f"| `{name}` |")), None)
        assert row is not None, name
        for parameter in method.parameters:
            if parameter not in ("token", "signed"):
                assert f"`{parameter}`" in row, (name, parameter)
        assert (row.split("|")[5].strip() == "session") == method.is_signing, name


def test_a_policy_is_set_assigned_committed_and_effective_on_all(desk: FakeDesk) -> None:
    value = 'Bob\'s "Café" $(id) \\ #'
    assert desk.set("policy/wifi", **{SSID: value})["changed"] == 1
    desk.do("policy.assign", name="wifi", to="all")
    shown = desk.do("draft.show")
    assert shown["devices"] == ["attic", "hall", "roof"]
    assert "policy/wifi" in shown["text"]
    result = desk.commit("cafe")
    assert (result["state"], result["seq"]) == ("durable", desk.log.head.seq)
    for device in ("attic", "hall", "roof"):
        (option,) = desk.ask("effective", device=device)["options"]
        assert (option["key"], option["values"], option["origin"]) == (KEY, [value], "policy/wifi")
    assert desk.do("draft.show")["edits"] == 0
    (policy,) = desk.ask("policy.list")["policies"]
    assert (policy["to"], policy["priority"], policy["devices"]) == ("all", 100, 3)


def test_a_policy_for_nobody_is_committed_with_a_note(desk: FakeDesk) -> None:
    desk.set("policy/wifi", **{SSID: "x"})
    assert any("assigned to nobody" in note for note in desk.commit()["notes"])


def test_an_undefined_variable_is_refused_before_anything_is_signed(desk: FakeDesk) -> None:
    desk.set("policy/wifi", **{SSID: "${site}"})
    desk.do("policy.assign", name="wifi", to="devices", names=["hall"])
    before = desk.log.head
    error = refusal(desk, "draft.commit", message="m")
    assert error.code == "bad-config"
    assert "hall" in error.reason
    assert "'site' is not defined" in error.reason
    assert desk.log.head == before
    desk.do("var.set", scope="device/hall", variables=[{"name": "site", "values": ["Hall"]}])
    desk.commit()
    assert desk.ask("effective", device="hall")["options"][0]["values"] == ["Hall"]


def test_a_record_that_names_devices_is_shown_with_their_names(desk: FakeDesk) -> None:
    hall = desk.ask("device.show", name="hall")["id"]
    desk.do("role.backups", devices=["hall"])
    diff = desk.ask("log.show", seq=desk.log.head.seq)["diff"]
    assert "succession: [attic] → [attic hall]" in diff
    assert hall not in diff


def test_what_is_wrong_with_many_devices_is_said_once(desk: FakeDesk) -> None:
    desk.set("policy/wifi", **{SSID: "${site}"})
    desk.do("policy.assign", name="wifi", to="all")
    (problem,) = desk.do("draft.show")["problems"]
    assert problem.startswith("3 devices (attic, hall, roof): ")
    desk.world.join("shed")
    (problem,) = desk.do("draft.show")["problems"]
    assert problem.startswith("4 devices (attic, hall, roof, …): ")
    assert problem.count("is not defined") == 1


def test_two_policies_of_equal_priority_that_disagree_are_refused_by_name(desk: FakeDesk) -> None:
    desk.set("policy/a", **{SSID: "A"})
    desk.set("policy/b", **{SSID: "B"})
    desk.do("policy.assign", name="a", to="all")
    desk.do("policy.assign", name="b", to="devices", names=["roof"])
    error = refusal(desk, "draft.commit", message="m")
    assert "policy/a" in error.reason
    assert "policy/b" in error.reason
    desk.do("policy.assign", name="b", to="devices", names=["roof"], priority=200)
    desk.commit()
    assert desk.ask("effective", device="roof")["options"][0]["values"] == ["B"]


def test_a_stale_base_is_said_and_the_draft_is_kept(desk: FakeDesk) -> None:
    desk.set("policy/wifi", **{SSID: "mine"})
    desk.world.commit(desk.world.set("wifi", KEY, "theirs"))
    error = refusal(desk, "draft.commit", message="m")
    assert error.code == "stale-base"
    assert f"version {desk.log.head.seq} by alice" in error.reason
    assert desk.do("draft.show")["edits"] == 1
    desk.set("policy/wifi", **{SSID: "mine, knowingly"})
    assert desk.commit()["state"] == "durable"


@pytest.mark.parametrize(
    ("target", "key", "value", "code"),
    [
        ("policy/wifi", "wireless.default_radio0.key", "secret123\0", "bad-setting"),
        ("policy/wifi", "dusk.main.enabled", "0", "bad-setting"),
        ("policy/wifi", "nonsense", "x", "bad-setting"),
        ("policy/wifi", KEY, "a\0b", "bad-setting"),
        ("policy/wifi", KEY, "x" * 70_000, "bad-setting"),
        ("policy/Wi Fi", KEY, "x", "bad-name"),
        ("device/nobody", KEY, "x", "no-device"),
        ("wifi", KEY, "x", "bad-target"),
        ("policy/wifi", "system.@system[0]", "other", "bad-setting"),
    ],
)
def test_what_cannot_be_managed_is_refused_and_the_draft_stays(
    desk: FakeDesk, target: str, key: str, value: str, code: str
) -> None:
    desk.set("policy/wifi", **{SSID: "kept"})
    before = desk.drafts["alice"]
    error = refusal(
        desk,
        "draft.edit",
        target=target,
        verb="set",
        edits=[{"key": "system.ntp.enabled", "values": ["1"]}, {"key": key, "values": [value]}],
    )
    assert error.code == code
    assert "\n" not in error.reason
    assert "secret123" not in error.reason
    assert desk.drafts["alice"] == before


def test_a_value_with_newline_and_quotes_survives_unchanged(desk: FakeDesk) -> None:
    value = "two\nlines 'and' \"quotes\" " + "ü" * 1000
    desk.set("policy/wifi", **{SSID: value})
    desk.do("policy.assign", name="wifi", to="all")
    desk.commit()
    assert desk.ask("effective", device="attic", key=KEY)["options"][0]["values"] == [value]


def test_an_import_with_replace_is_idempotent_and_says_so(desk: FakeDesk) -> None:
    text = "package system\n\nconfig timeserver 'ntp'\n\tlist server 'a'\n\tlist server 'b'\n"
    arguments = {"target": "policy/time", "text": text, "name": "time.uci", "replace": True}
    assert desk.do("draft.import", **arguments)["changed"] == 2
    assert desk.do("draft.import", **arguments)["text"].startswith("nothing changed")
    desk.commit()
    again = desk.do("draft.import", **arguments)
    assert (again["changed"], again["edits"]) == (0, 0)
    exported = desk.ask("settings.export", target="policy/time")["text"]
    assert desk.do("draft.import", **{**arguments, "text": exported})["changed"] == 0


def test_a_malformed_import_names_file_and_line_and_imports_nothing(desk: FakeDesk) -> None:
    error = refusal(
        desk, "draft.import", target="policy/x", text="set system.ntp=timeserver\nset broken", name="f.uci"
    )
    assert "f.uci:2" in error.reason
    assert desk.drafts == {}


def test_edits_of_one_record_become_one_and_going_back_leaves_none(desk: FakeDesk) -> None:
    desk.set("policy/wifi", **{SSID: "one"})
    desk.set("policy/wifi", **{SSID: "two"})
    assert desk.do("draft.show")["edits"] == 1
    desk.do("draft.edit", target="policy/wifi", verb="unset", edits=[{"key": KEY, "values": []}])
    assert desk.do("draft.show")["edits"] == 0
    assert desk.drafts == {}


def test_list_edits_add_up(desk: FakeDesk) -> None:
    for verb, value in (("add-list", "a"), ("add-list", "b"), ("del-list", "a"), ("del-list", "c")):
        edits = [{"key": "system.ntp.server", "values": [value]}]
        desk.do("draft.edit", target="policy/t", verb=verb, edits=edits)
    (row,) = desk.do("draft.show")["operations"]
    assert row["after"] == "list with 'b', list without 'a' 'c'"


def test_a_section_that_is_deleted_takes_no_options(desk: FakeDesk) -> None:
    desk.set("policy/n", network__guest="interface", network__guest__proto="static")
    desk.do("draft.edit", target="policy/n", verb="delete", edits=[{"key": "network.guest", "values": []}])
    (row,) = desk.do("draft.show")["operations"]
    assert row["after"] == "must not be there"
    edits = [{"key": "network.guest.proto", "values": ["dhcp"]}]
    assert refusal(desk, "draft.edit", target="policy/n", verb="set", edits=edits).code == "bad-setting"
    desk.do("draft.edit", target="policy/n", verb="unset", edits=[{"key": "network.guest", "values": []}])
    assert desk.do("draft.show")["edits"] == 0


def test_a_change_that_waits_is_resumed_and_its_edits_are_not_lost(desk: FakeDesk) -> None:
    desk.is_cut_off = True
    desk.set("policy/wifi", **{SSID: "x"})
    first = desk.commit("waits")
    assert first["state"] == "queued"
    again = desk.do("draft.commit", message="m")
    assert again["hash"] == first["hash"]
    assert any("waits" in note for note in desk.do("draft.show")["notes"])
    desk.set("policy/wifi", **{SSID: "y"})
    assert "stale-base" not in str(desk.do("draft.show")["problems"])
    second = desk.commit("on top")
    assert second["hash"] != first["hash"]
    desk.deliver()
    assert desk.do("draft.show")["edits"] == 0
    assert "'y'" in desk.ask("policy.show", name="wifi")["text"]


def test_a_change_that_is_refused_gives_its_edits_back(desk: FakeDesk) -> None:
    desk.is_cut_off = True
    desk.set("policy/wifi", **{SSID: "mine"})
    desk.commit("too late")
    desk.world.commit(desk.world.set("wifi", KEY, "theirs"))
    desk.deliver()
    shown = desk.do("draft.show")
    assert shown["edits"] == 1
    assert any("'too late' was not applied" in note for note in shown["notes"])
    assert any("was changed by version" in problem for problem in shown["problems"])


def test_a_change_that_the_outbox_lost_gives_its_edits_back(desk: FakeDesk) -> None:
    desk.is_cut_off = True
    desk.set("policy/wifi", **{SSID: "x"})
    desk.commit()
    desk.outbox.clear()
    assert desk.do("draft.show")["edits"] == 1


def test_an_empty_draft_is_not_committed_and_discard_counts(desk: FakeDesk) -> None:
    assert refusal(desk, "draft.commit", message="m").code == "empty-draft"
    desk.set("policy/wifi", **{SSID: "x"})
    assert desk.do("draft.discard") == {"discarded": 1}
    assert desk.do("draft.discard") == {"discarded": 0}


def test_one_edit_or_one_heading_of_a_draft_is_discarded_alone(desk: FakeDesk) -> None:
    desk.set("policy/wifi", wireless__a__ssid="x", wireless__a__hidden="1", wireless__ab__ssid="y")
    desk.set("device/hall", system__s__x="1")
    desk.do("group.create", name="lab")
    desk.do("var.set", scope="cluster", variables=[{"name": "site", "values": ["A"]}])
    for target, key, count in (
        ("policy/wifi", "wireless.a", 2),
        ("policy/wifi", "", 1),
        ("device/hall", "system.s.x", 1),
        ("cluster", "site", 1),
    ):
        assert desk.do("draft.discard", target=target, key=key) == {"discarded": count}
    assert [row["where"] for row in desk.do("draft.show")["operations"]] == ["group/lab"]
    assert refusal(desk, "draft.discard", target="policy/wifi").code == "not-in-draft"
    assert refusal(desk, "draft.discard", key="site").code == "bad-params"
    desk.drafts["alice"] = b"\x93\x01"
    assert refusal(desk, "draft.discard", target="group/lab").code == "draft-damaged"


def test_a_damaged_draft_is_said_and_can_be_discarded(desk: FakeDesk) -> None:
    desk.drafts["alice"] = b"\x93\x01"
    assert refusal(desk, "draft.show").code == "draft-damaged"
    desk.do("draft.discard")
    assert desk.do("draft.show")["edits"] == 0


def test_a_message_is_one_line(desk: FakeDesk) -> None:
    desk.set("policy/wifi", **{SSID: "x"})
    for message in ("two\nlines", "", "  "):
        assert refusal(desk, "draft.commit", message=message).code == "bad-message"


def test_who_may_not_sign_is_told_before_anything_is_sent(desk: FakeDesk) -> None:
    class Stranger:
        user = "bob"
        key = desk.world.key()

    desk.people["token-bob"] = Stranger  # type: ignore[assignment]  # as good as a Person
    params = {"token": "token-bob", "target": "policy/x", "verb": "set"}
    desk.ask("draft.edit", **params, edits=[{"key": KEY, "values": ["x"]}])
    with pytest.raises(Refused, match="does not know"):
        desk.ask("draft.commit", token="token-bob", message="m")
    assert desk.outbox == []
    assert "bob" in desk.drafts


def test_policies_are_renamed_and_deleted_with_their_assignment(desk: FakeDesk) -> None:
    desk.set("policy/wifi", **{SSID: "x"})
    desk.do("policy.assign", name="wifi", to="all", priority=7)
    desk.do("policy.rename", name="wifi", new_name="wlan")
    desk.commit()
    assert [p["name"] for p in desk.ask("policy.list")["policies"]] == ["wlan"]
    assert refusal(desk, "policy.rename", name="wlan", new_name="wlan").code == "policy-exists"
    desk.do("policy.unassign", name="wlan")
    desk.commit()
    assert desk.ask("policy.list")["policies"][0]["to"] == "nobody"
    desk.do("policy.delete", name="wlan")
    desk.commit()
    assert desk.ask("policy.list")["policies"] == []
    assert refusal(desk, "policy.delete", name="wlan").code == "no-policy"
    assert refusal(desk, "policy.assign", name="wlan", to="all").code == "no-policy"


def test_groups_have_members_variables_and_policies(desk: FakeDesk) -> None:
    desk.do("group.create", name="office")
    desk.do("group.add", name="office", devices=["hall", "roof"])
    desk.do("var.set", scope="group/office", variables=[{"name": "site", "values": ["Office"]}])
    desk.set("policy/wifi", **{SSID: "${site}"})
    desk.do("policy.assign", name="wifi", to="groups", names=["office"])
    desk.commit()
    shown = desk.ask("group.show", name="office")
    assert shown == {
        "name": "office",
        "selects": [],
        "devices": ["hall", "roof"],
        "policies": ["wifi"],
        "variables": {"site": "Office"},
    }
    assert desk.ask("effective", device="hall")["options"][0]["values"] == ["Office"]
    assert desk.ask("effective", device="attic")["options"] == []
    assert refusal(desk, "group.delete", name="office").code == "group-in-use"
    desk.do("group.remove", name="office", devices=["hall"])
    desk.do("policy.unassign", name="wifi")
    desk.do("group.delete", name="office")
    desk.commit()
    assert desk.ask("group.list")["groups"] == []
    assert refusal(desk, "group.remove", name="office", devices=["hall"]).code == "no-group"


def test_p12_groups_are_listed_in_one_pass(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [f"g{number}" for number in range(20)]
    for name in many:
        desk.do("group.create", name=name)
        desk.do("group.add", name=name, devices=["roof", "hall"])
    desk.do("group.select", name=many[0], facts=[{"fact": "board", "values": ["x"]}])
    desk.commit()
    desk.ask("device.list")
    looked_up: list[str] = []
    value = State.value

    def counted(state: State, section: str, key: str) -> list[Any] | None:
        looked_up.append(section)
        return value(state, section, key)

    monkeypatch.setattr(State, "value", counted)
    groups = desk.ask("group.list")["groups"]
    assert [(group["name"], group["devices"]) for group in groups] == [
        (name, ["hall", "roof"]) for name in sorted(many)
    ]
    assert len(looked_up) < 4 * len(many), "each group is read, not each for each device and group"


def test_a_group_that_a_device_joined_with_can_be_left(desk: FakeDesk) -> None:
    world = desk.world
    section = f"device/{desk.device_id.hex()}"
    world.commit(world.edit(section, "groups", [["lab", "spare"]]))
    assert [g["name"] for g in desk.ask("group.list")["groups"]] == ["lab", "spare"]
    desk.do("group.remove", name="lab", devices=["attic"])
    desk.commit()
    assert desk.ask("device.show", name="attic")["groups"] == ["spare"]
    assert refusal(desk, "group.remove", name="spare", devices=["hall"]).code == "not-in-group"


def test_variables_are_listed_by_scope_and_unset(desk: FakeDesk) -> None:
    desk.do("var.set", scope="cluster", variables=[{"name": "dns", "values": ["1.1.1.1", "9.9.9.9"]}])
    desk.do("var.set", scope="device/roof", variables=[{"name": "channel", "values": ["11"]}])
    desk.commit()
    assert desk.ask("var.list")["variables"] == [
        {"scope": "cluster", "name": "dns", "value": ["1.1.1.1", "9.9.9.9"]},
        {"scope": "device/roof", "name": "channel", "value": "11"},
    ]
    assert desk.ask("var.list", scope="cluster")["variables"][0]["name"] == "dns"
    desk.do("var.unset", scope="cluster", names=["dns"])
    desk.commit()
    assert refusal(desk, "var.unset", scope="cluster", names=["dns"]).code == "no-variable"
    assert (
        refusal(desk, "var.set", scope="home", variables=[{"name": "a", "values": ["b"]}]).code
        == "bad-target"
    )


def test_a_join_key_is_made_with_its_limits_and_listed(desk: FakeDesk) -> None:
    desk.do("group.create", name="lab")
    desk.commit()
    started = desk.do("joinkey.create", uses=3, expires_s=3600, groups=["lab"], auto=True)
    result = desk.poll(started["ticket"])["result"]
    key = parse_join_line(result["line"])
    assert (key.id, key.cluster_id) == (result["id"], desk.log.cluster)
    assert desk.log.has(key.named)
    row = next(k for k in desk.ask("joinkey.list")["joinkeys"] if k["id"] == key.id)
    assert (row["state"], row["uses"], row["mode"], row["groups"]) == ("open", 3, "auto", ["lab"])
    assert row["expires"] == desk.clock.time_s + 3600
    desk.clock = WallTime(desk.clock.time_s + 4000, trusted=False)
    row = next(k for k in desk.ask("joinkey.list")["joinkeys"] if k["id"] == key.id)
    assert row["state"] == "expired"
    unknown = refusal(desk, "joinkey.create", expires_s=60)
    assert (unknown.code, "time service (NTP)" in unknown.reason) == ("clock-unknown", True)
    assert refusal(desk, "joinkey.create", groups=["nowhere"]).code == "no-group"
    for template in ("ap-{m}", "ap-{n", "{n}-{n}", "{Name}"):
        assert refusal(desk, "joinkey.create", name=template).code == "bad-params"
    assert desk.do("joinkey.create", name="{name}-{n}")["ticket"]


def test_devices_are_shown_with_what_is_known_of_them_now(desk: FakeDesk) -> None:
    peer = Peer(
        online=True,
        head_seq=Seq(4),
        applied_seq=Seq(3),
        apply_state="applying",
        reason="",
        alarms=("drift",),
        seen_s_ago=0.5,
    )
    desk.seen[desk.device_id] = peer
    rows = {d["name"]: d for d in desk.ask("device.list")["devices"]}
    assert (rows["attic"]["role"], rows["attic"]["applied"], rows["attic"]["online"]) == ("master", 3, True)
    assert (rows["hall"]["role"], rows["hall"]["apply"], rows["hall"]["online"]) == (
        "member",
        "unknown",
        False,
    )
    shown = desk.ask("device.show", name=rows["hall"]["id"][:10])
    assert (shown["name"], shown["retired"]) == ("hall", False)
    assert refusal(desk, "device.show", name="cellar").code == "bad-params"  # token is no parameter there
    with pytest.raises(Refused, match="no device 'cellar'"):
        desk.ask("device.show", name="cellar")


def test_the_log_says_who_what_and_why_with_a_diff(desk: FakeDesk) -> None:
    desk.set("policy/wifi", **{SSID: "one"})
    desk.commit("first")
    desk.set("policy/wifi", **{SSID: "two"})
    desk.commit("second")
    page = desk.ask("log.list", count=2)
    assert [e["message"] for e in page["entries"]] == ["second", "first"]
    assert page["entries"][0]["author"] == "alice"
    assert desk.ask("log.list", since=page["head"])["entries"] == []
    shown = desk.ask("log.show", seq=page["head"])
    assert shown["diff"] == f"policy/wifi\n  ~ {KEY}: 'one' → 'two'"
    for seq in range(1, page["head"]):
        assert desk.ask("log.show", seq=seq)["diff"]
    with pytest.raises(Refused, match="the newest is"):
        desk.ask("log.show", seq=page["head"] + 1)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("no.such", {}),
        ("device.show", {}),
        ("device.show", {"name": 7}),
        ("device.show", {"name": "x" * 300}),
        ("device.show", {"name": "\ud800"}),
        ("device.show", {"name": "attic", "more": 1}),
        ("log.show", {"seq": True}),
        ("log.list", {"count": 0}),
        ("joinkey.create", {"token": "t", "auto": "yes"}),
        ("joinkey.create", {"token": "t", "rebind": "perhaps"}),
        ("joinkey.create", {"token": "t", "groups": "lab"}),
        ("joinkey.create", {"token": "t", "timeout_s": -1}),
        ("draft.edit", {"token": "t", "target": "x", "verb": "set", "edits": []}),
        ("draft.edit", {"token": "t", "target": "x", "verb": "set", "edits": [{"key": "a"}]}),
        ("draft.show", {"token": "unknown"}),
        ("status", []),
    ],
)
def test_a_wrong_call_is_refused_in_one_line(desk: FakeDesk, method: str, params: Any) -> None:
    with pytest.raises(Refused) as caught:
        call(desk, method, params)
    assert caught.value.code in ("bad-params", "no-method", "no-session")
    assert "\n" not in caught.value.reason


def test_a_verb_without_its_value_is_refused(desk: FakeDesk) -> None:
    edits = [{"key": KEY, "values": []}]
    assert refusal(desk, "draft.edit", target="policy/x", verb="set", edits=edits).code == "bad-params"
    edits = [{"key": KEY, "values": ["x"]}]
    assert refusal(desk, "draft.edit", target="policy/x", verb="delete", edits=edits).code == "bad-params"
    edits = [{"key": KEY, "values": []}]
    refused = refusal(desk, "draft.edit", target="policy/x", verb="unset", edits=edits)
    assert (refused.code, "it has no settings at all" in refused.reason) == ("not-managed", True)
