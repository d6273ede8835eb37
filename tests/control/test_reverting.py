"""`dusk revert`: the inverse of a version as a new change; what was written since is never overwritten."""

from typing import Any

import pytest

from dusk import limits
from dusk.config.settings import Verb, decode_setting
from dusk.errors import Refused
from tests.desk import FakeDesk, Person, desk_of_two
from tests.secret_desk import KEY, opened, put_secret, secret_desk

SSID, CHANNEL = "wireless.r.ssid", "wireless.r.channel"


@pytest.fixture
def desk() -> FakeDesk:
    return desk_of_two()


def edited(desk: FakeDesk, *, policy: str = "wifi", message: str = "an edit", **pairs: str) -> int:
    """Commit settings of one section of a policy, and return the version."""
    desk.set(f"policy/{policy}", **{f"wireless__r__{name}": value for name, value in pairs.items()})
    seq: int = desk.commit(message)["seq"]
    return seq


def says(desk: FakeDesk, key: str = SSID, policy: str = "wifi") -> tuple[str, ...] | None:
    record = desk.log.state.record(f"policy/{policy}", f"set/{key}")
    return None if record is None or record.data is None else decode_setting(record.data).values


def refused(desk: FakeDesk, seq: int, **more: Any) -> Refused:
    head = desk.log.head.seq
    with pytest.raises(Refused) as found:
        desk.do("log.revert", seq=seq, **more)
    assert desk.log.head.seq == head, "nothing was signed"
    return found.value


def test_a_version_is_put_back_option_by_option_by_a_new_one_that_names_it(desk: FakeDesk) -> None:
    edited(desk, ssid="old", country="DE")
    seq = edited(desk, ssid="new", channel="36", message="better names")
    edited(desk, htmode="HT20")
    started = desk.do("log.revert", seq=seq)
    result = desk.poll(started["ticket"])["result"]
    assert (result["state"], result["seq"]) == ("durable", desk.log.head.seq)
    assert (says(desk), says(desk, CHANNEL)) == (("old",), None)
    assert (says(desk, "wireless.r.country"), says(desk, "wireless.r.htmode")) == (("DE",), ("HT20",))
    assert started["diff"].splitlines() == [
        "policy/wifi",
        f"  - {CHANNEL}: '36'",
        f"  ~ {SSID}: 'new' → 'old'",
    ]
    assert [row["item"] for row in started["operations"]] == [CHANNEL, SSID]
    assert (started["kept"], started["text"]) == ([], f"reverts version {seq}: better names")
    assert desk.ask("log.show", seq=result["seq"])["message"] == started["text"]


def test_what_is_put_back_can_be_put_back_again(desk: FakeDesk) -> None:
    edited(desk, ssid="old")
    seq = edited(desk, ssid="new", channel="36")
    desk.do("log.revert", seq=seq)
    desk.do("log.revert", seq=desk.log.head.seq, message="after all")
    assert (says(desk), says(desk, CHANNEL)) == (("new",), ("36",))
    assert desk.ask("log.show", seq=desk.log.head.seq)["message"] == "after all"


def test_what_was_changed_again_since_is_named_and_nothing_is_signed(desk: FakeDesk) -> None:
    seq = edited(desk, ssid="1", channel="36")
    later = edited(desk, ssid="2")
    found = refused(desk, seq)
    assert found.code == "later-edits"
    assert f"policy/wifi {SSID} (version {later} by alice)" in found.reason
    assert CHANNEL not in found.reason
    assert "--keep-later" in found.reason


def test_what_was_changed_again_since_can_be_left_as_it_is(desk: FakeDesk) -> None:
    seq = edited(desk, ssid="1", channel="36")
    later = edited(desk, ssid="2")
    started = desk.do("log.revert", seq=seq, keep_later=True)
    assert started["kept"] == [{"where": "policy/wifi", "item": SSID, "by": f"version {later} by alice"}]
    assert (says(desk), says(desk, CHANNEL)) == (("2",), None)


def test_many_later_edits_are_counted(desk: FakeDesk) -> None:
    options = {f"o{n}": "1" for n in range(7)}
    seq = edited(desk, **options)
    edited(desk, **dict.fromkeys(options, "2"))
    found = refused(desk, seq)
    assert found.reason.count("wireless.r.o") == 5
    assert "and 2 more" in found.reason


def test_who_says_the_same_again_has_decided_so(
    desk: FakeDesk,
) -> None:
    seq = edited(desk, ssid="1")
    edited(desk, ssid="2")
    edited(desk, ssid="1")
    assert refused(desk, seq).code == "later-edits"


def test_nothing_is_signed_where_nothing_is_left_to_put_back(desk: FakeDesk) -> None:
    seq = edited(desk, ssid="1")
    desk.do("draft.edit", target="policy/wifi", verb="unset", edits=[{"key": SSID, "values": []}])
    desk.commit()
    started = desk.do("log.revert", seq=seq)
    assert (started["ticket"], started["kept"], started["diff"]) == (None, [], "")
    assert f"version {seq}" in started["text"]
    seq = edited(desk, ssid="2")
    edited(desk, ssid="3")
    head = desk.log.head.seq
    started = desk.do("log.revert", seq=seq, keep_later=True)
    assert (started["ticket"], len(started["kept"]), desk.log.head.seq) == (None, 1, head)


def test_a_deletion_is_put_back_too(desk: FakeDesk) -> None:
    edited(desk, ssid="1")
    desk.do("policy.assign", name="wifi", to="all")
    desk.commit()
    desk.do("policy.delete", name="wifi")
    seq = desk.commit("gone")["seq"]
    assert says(desk) is None
    desk.do("log.revert", seq=seq)
    assert says(desk) == ("1",)
    assert desk.log.state.value("assignment/wifi", "to") == ["all", [], 100]


def test_groups_variables_and_the_clusters_own_settings_are_put_back(desk: FakeDesk) -> None:
    desk.do("group.create", name="up")
    desk.do("group.add", name="up", devices=["hall"])
    desk.do("var.set", scope="cluster", variables=[{"name": "a", "values": ["1"]}])
    seq = desk.commit()["seq"]
    desk.do("cluster.set", values=[{"name": "cycle", "values": ["1s"]}])
    desk.do("log.revert", seq=desk.log.head.seq)
    assert desk.ask("cluster.show")["settings"][1]["value"] == "5s"
    desk.do("log.revert", seq=seq)
    assert desk.ask("group.list")["groups"] == []
    assert desk.ask("var.list")["variables"] == []
    desk.do("device.rename", name="hall", new_name="attic2")
    found = refused(desk, desk.log.head.seq)
    assert found.code == "compacted", "the first name was given by the log, not by a change"
    desk.do("device.rename", name="attic2", new_name="attic3")
    desk.do("log.revert", seq=desk.log.head.seq)
    assert [d["name"] for d in desk.ask("device.list")["devices"]] == ["attic", "attic2"]


def test_rights_and_people_are_decided_anew_and_not_put_back(desk: FakeDesk) -> None:
    desk.world.commit(desk.world.edit("user/bob", "key", [desk.world.key().public]))
    found = refused(desk, desk.log.head.seq)
    assert (found.code, "user/bob" in found.reason) == ("not-revertible", True)
    assert refused(desk, 1).code == "not-revertible"
    desk.do("role.backups", devices=["hall"])
    assert "succession" in refused(desk, desk.log.head.seq).reason
    desk.do("role.backups", devices=[])
    desk.do("device.remove", names=["hall"])
    assert refused(desk, desk.log.head.seq).code == "not-revertible"


def test_entries_that_no_person_made_are_not_put_back(desk: FakeDesk) -> None:
    desk.world.join("porch")
    joined = desk.log.head.seq
    desk.world.open()
    for seq in (joined, desk.log.head.seq):
        found = refused(desk, seq)
        assert (found.code, f"dusk show {seq}" in found.reason) == ("not-revertible", True)
    assert refused(desk, desk.log.head.seq + 1).code == "no-version"


def test_a_change_without_effect_is_not_put_back(desk: FakeDesk) -> None:
    world = desk.world
    late = world.change(world.set("wifi", SSID, "1"), counter=50)
    world.commit(world.set("wifi", SSID, "2"))
    world.strand(late)
    found = refused(desk, desk.log.head.seq)
    assert (found.code, "not applied" in found.reason) == ("not-revertible", True)


def test_a_void_change_is_put_back_by_its_void_alone(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    seq = edited(desk, ssid="1")
    record = desk.log.state.record("policy/wifi", f"set/{SSID}")
    assert record is not None
    monkeypatch.setattr("dusk.control.reverting.voided_at", lambda _: {record.base: 99})
    found = refused(desk, seq)
    assert (found.code, "version 99" in found.reason) == ("not-revertible", True)


def test_what_stood_before_and_is_kept_no_more_is_said(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited(desk, ssid="1")
    seq = edited(desk, ssid="2")
    monkeypatch.setattr("dusk.control.history.change_of", lambda _desk, _name: None)
    found = refused(desk, seq)
    assert (found.code, SSID in found.reason) == ("compacted", True)


def test_a_long_message_is_cut_where_it_still_is_text(desk: FakeDesk) -> None:
    seq = edited(desk, ssid="1", message="ü" * (limits.MESSAGE_BYTES_MAX // 2))
    text = desk.do("log.revert", seq=seq)["text"]
    assert text.startswith(f"reverts version {seq}: üüü")
    assert len(text.encode()) <= limits.MESSAGE_BYTES_MAX


def test_what_no_router_could_take_is_refused_as_of_a_draft(desk: FakeDesk) -> None:
    desk.do("var.set", scope="cluster", variables=[{"name": "name", "values": ["x"]}])
    seq = desk.commit()["seq"]
    desk.set("policy/wifi", wireless__r__ssid="${name}")
    desk.do("policy.assign", name="wifi", to="all")
    desk.commit()
    found = refused(desk, seq)
    assert (found.code, "'name' is not defined" in found.reason) == ("bad-config", True)


def test_who_may_not_write_a_setting_puts_none_back(desk: FakeDesk) -> None:
    seq = edited(desk, ssid="1")
    desk.people["token-alice"] = Person("eve", desk.world.key())
    assert refused(desk, seq).code in ("missing-signatures", "inactive-key", "unknown-key")
    assert says(desk) == ("1",)


# --- secrets ----------------------------------------------------------------------------------------


def secret_for_all() -> tuple[FakeDesk, int]:
    """Give all routers a secret; return the desk, and the version that did."""
    desk = secret_desk()
    put_secret(desk)
    desk.do("policy.assign", name="wifi", to="all")
    return desk, desk.commit()["seq"]


def test_a_secret_is_put_back_and_masked() -> None:
    desk, _ = secret_for_all()
    put_secret(desk, "another one")
    seq = desk.commit()["seq"]
    assert opened(desk, "hall") == {KEY: "another one"}
    started = desk.do("log.revert", seq=seq)
    assert opened(desk, "hall") == {KEY: "correct horse battery"}
    assert "correct" not in str(started)
    assert "(secret changed)" in started["diff"]


def test_a_secret_whose_key_is_in_use_no_more_is_sealed_anew() -> None:
    desk, _ = secret_for_all()
    edits = [{"key": KEY, "values": []}]
    desk.do("draft.edit", target="policy/wifi", verb="unset", edits=edits)
    seq = desk.commit()["seq"]
    assert opened(desk, "hall") == {}
    desk.do("log.revert", seq=seq)
    record = desk.log.state.record("policy/wifi", f"set/{KEY}")
    assert record is not None
    assert record.data is not None
    assert decode_setting(record.data).verb is Verb.SEALED
    assert opened(desk, "hall") == {KEY: "correct horse battery"}


def test_a_secret_that_nobody_can_open_here_is_not_put_back() -> None:
    desk = secret_desk()
    put_secret(desk)
    desk.commit()
    put_secret(desk, "another one")
    seq = desk.commit()["seq"]
    world = desk.world
    world.commit(world.edit("user/bob", "key", [(bob := world.key()).public]))
    desk.do("grant.set", prefix="policy/wifi", users=["bob"])
    desk.people["token-alice"] = Person("bob", bob)
    desk.held = {}
    found = refused(desk, seq)
    assert found.code == "secret-lost"


def test_a_secret_that_was_only_sealed_anew_since_is_put_back_as_nobody_changed_it() -> None:
    desk, _ = secret_for_all()
    put_secret(desk, "another one")
    seq = desk.commit()["seq"]
    for name in ("roof", "hall"):
        desk.do("device.remove", names=[name])
        assert is_tending_newest(desk)
    started = desk.do("log.revert", seq=seq)
    assert started["kept"] == []
    assert opened(desk, "attic") == {KEY: "correct horse battery"}


def test_a_secret_that_was_changed_behind_that_is_named_with_who_changed_it() -> None:
    desk, seq = secret_for_all()
    put_secret(desk, "another one")
    changed = desk.commit()["seq"]
    desk.do("device.remove", names=["hall"])
    assert is_tending_newest(desk)
    found = refused(desk, seq)
    assert (found.code, f"policy/wifi {KEY} (version {changed} by alice)" in found.reason) == (
        "later-edits",
        True,
    )


def test_what_was_sealed_anew_too_often_to_be_followed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dusk.control.reverting._SEALED_ANEW_MAX", 1)
    desk, seq = secret_for_all()
    for name in ("roof", "hall"):
        desk.do("device.remove", names=[name])
    assert refused(desk, seq).code == "later-edits"


def is_tending_newest(desk: FakeDesk) -> bool:
    message: str = desk.ask("log.list", count=1)["entries"][0]["message"]
    return message.startswith("secrets: sealed anew")


# --- a part of a version ----------------------------------------------------------------------------


def test_one_option_of_a_version_is_put_back_and_the_rest_stands(desk: FakeDesk) -> None:
    edited(desk, ssid="old", channel="1")
    seq = edited(desk, ssid="new", channel="36", message="better names")
    edited(desk, channel="40")
    started = desk.do("log.revert", seq=seq, target="policy/wifi", keys=[SSID])
    assert (says(desk), says(desk, CHANNEL)) == (("old",), ("40",))
    assert started["text"] == f"reverts a part of version {seq}: better names"
    assert (started["kept"], [row["item"] for row in started["operations"]]) == ([], [SSID])


@pytest.mark.parametrize("key", ["wireless", "wireless.r", SSID, f"set/{SSID}", ""])
def test_a_section_or_package_names_all_that_is_in_it(desk: FakeDesk, key: str) -> None:
    desk.set("policy/wifi", wireless__r__ssid="new", wireless__r__channel="36", wireless__rr__mode="ap")
    desk.set("policy/dns", dhcp__lan__start="1")
    seq = desk.commit()["seq"]
    desk.do("log.revert", seq=seq, target="policy/wifi", keys=[key] if key else [])
    left = {one for one in (SSID, CHANNEL, "wireless.rr.mode") if says(desk, one)}
    of_one = {CHANNEL, "wireless.rr.mode"}
    assert left == {"wireless": set(), "wireless.r": {"wireless.rr.mode"}, "": set()}.get(key, of_one)
    assert says(desk, "dhcp.lan.start", "dns") == ("1",)


def test_what_is_no_setting_is_named_as_it_is_shown_or_by_its_record(desk: FakeDesk) -> None:
    desk.do("var.set", scope="cluster", variables=[{"name": name, "values": ["1"]} for name in "abc"])
    seq = desk.commit()["seq"]
    desk.do("log.revert", seq=seq, target="cluster", keys=["variable a", "var/b"])
    assert [row["name"] for row in desk.ask("var.list")["variables"]] == ["c"]


def test_what_else_a_version_changed_keeps_no_part_of_it(desk: FakeDesk) -> None:
    world = desk.world
    seq = world.commit(world.set("wifi", SSID, "1"), world.edit("user/bob", "key", [world.key().public])).seq
    assert refused(desk, seq).code == "not-revertible"
    assert refused(desk, seq, target="user/bob").code == "not-revertible"
    desk.do("log.revert", seq=seq, target="policy/wifi")
    assert says(desk) is None


def test_a_part_that_somebody_changed_again_is_named(desk: FakeDesk) -> None:
    seq = edited(desk, ssid="1", channel="36")
    edited(desk, ssid="2")
    assert refused(desk, seq, target="policy/wifi", keys=[SSID]).code == "later-edits"
    started = desk.do("log.revert", seq=seq, target="policy/wifi", keys=[SSID], keep_later=True)
    assert (started["ticket"], len(started["kept"])) == (None, 1)
    assert started["text"] == f"nothing of a part of version {seq} stands that could be put back"


@pytest.mark.parametrize(
    ("more", "code", "what"),
    [
        ({"keys": [SSID]}, "no-target", "policy/NAME"),
        ({"target": "policy/dns"}, "not-in-version", "nothing of policy/dns;"),
        ({"target": "policy/wifi", "keys": [SSID, "wireless.r.key"]}, "not-in-version", "wireless.r.key of"),
        ({"target": "policy/wifi", "keys": ["wireless.r.ss"]}, "not-in-version", "wireless.r.ss of policy/"),
    ],
)
def test_a_part_that_is_none_is_refused(desk: FakeDesk, more: Any, code: str, what: str) -> None:
    found = refused(desk, edited(desk, ssid="1"), **more)
    assert (found.code, what in found.reason) == (code, True)
