"""Secrets in what people edit, sign and look at (R15, A47, A52, A53)."""

import json

import pytest

from dusk.changelog.readers import wraps_in
from dusk.changelog.sealed import WRAP
from dusk.control.drafts import Draft, decode_draft, written_by
from dusk.control.sealing import Sealer
from dusk.control.tending import known_secrets
from dusk.control.vault import none_held
from dusk.errors import Refused
from tests.desk import FakeDesk
from tests.secret_desk import (
    KEY,
    SECRET,
    for_group,
    key_ids,
    nowhere,
    opened,
    put_secret,
    readers,
    refusal,
    secret_desk,
)
from tests.secrets import wraps


@pytest.fixture
def desk() -> FakeDesk:
    """Return a desk over a master and two devices, hall in the group ap."""
    return secret_desk()


# --- the whole way ---------------------------------------------------------------------------------


def test_a47_a_secret_reaches_the_devices_of_its_policy_and_stands_nowhere_in_plain(desk: FakeDesk) -> None:
    put_secret(desk)
    desk.do("policy.assign", name="wifi", to="groups", names=["ap"])
    assert SECRET not in json.dumps(desk.do("draft.show"))
    assert SECRET.encode() not in desk.drafts["alice"]
    desk.commit()
    assert nowhere(desk)
    assert readers(desk) == {"alice", "hall"}
    assert opened(desk, "hall") == {KEY: SECRET}


def test_a_draft_is_sealed_to_its_author_alone(desk: FakeDesk) -> None:
    put_secret(desk)
    (edit,) = [e for e in decode_draft(desk.drafts["alice"]).edits if e.key.startswith(WRAP)]
    assert bytes(desk.world.owner.key_id) in (edit.data or b"")
    assert bytes(desk.devices["attic"].key_id) not in (edit.data or b"")
    assert desk.do("draft.show")["edits"] == 2
    assert "(secret)" in desk.do("draft.show")["text"]


def test_a_secret_is_assigned_later_and_reaches_who_it_is_for(desk: FakeDesk) -> None:
    put_secret(desk)
    desk.commit()
    assert readers(desk) == {"alice"}
    desk.do("policy.assign", name="wifi", to="all", names=[])
    desk.commit()
    assert readers(desk) == {"alice", "attic", "hall", "roof"}


def test_a_secret_said_again_changes_nothing_and_another_one_shows_as_changed(desk: FakeDesk) -> None:
    for_group(desk)
    assert put_secret(desk)["changed"] == 0
    assert put_secret(desk, "another one")["changed"] == 1
    assert "(secret) → (secret changed)" in desk.do("draft.show")["text"]
    assert desk.do("draft.show")["devices"] == ["hall"]
    desk.commit()
    assert opened(desk, "hall") == {KEY: "another one"}
    assert len(key_ids(desk)) == 1


def test_a_secret_list_is_one_value(desk: FakeDesk) -> None:
    edits = [{"key": "wireless.lan.r0kh", "values": ["one", "two"]}]
    desk.do("draft.edit", target="device/hall", verb="set", edits=edits)
    desk.commit()
    section = f"device/{desk.devices['hall'].key_id.hex()}/config"
    assert opened(desk, "hall") == {"wireless.lan.r0kh": ("one", "two")}
    assert readers(desk, section) == {"alice", "hall"}
    for verb in ("add-list", "del-list"):
        error = refusal(desk, "draft.edit", target="device/hall", verb=verb, edits=edits)
        assert error.code == "secret-list"


@pytest.mark.parametrize("value", ["add_list wireless.lan.key=x\n", "del_list wireless.lan.key=x\n"])
def test_a_secret_list_is_not_imported_in_parts(desk: FakeDesk, value: str) -> None:
    error = refusal(desk, "draft.import", target="policy/wifi", text=value)
    assert "imported as a whole" in error.reason


def test_text_with_secrets_is_imported_and_a_second_time_changes_nothing(desk: FakeDesk) -> None:
    text = f"set wireless.lan=wifi-iface\nset {KEY}='{SECRET}'\nset wireless.lan.ssid=Home\n"
    assert desk.do("draft.import", target="policy/wifi", text=text, replace=True)["changed"] == 3
    desk.commit()
    assert nowhere(desk)
    assert desk.do("draft.import", target="policy/wifi", text=text, replace=True)["changed"] == 0
    assert f"# {KEY} is a secret and not shown\n" in desk.ask("settings.export", target="policy/wifi")["text"]


def test_a_text_that_was_given_out_replaces_all_and_leaves_its_secrets_as_they_are(desk: FakeDesk) -> None:
    put_secret(desk)
    desk.set("policy/wifi", wireless__lan__ssid="Home", wireless__lan__mode="ap")
    desk.do("cluster.set", values=[{"name": "secrets", "values": ["door"]}])
    desk.commit()
    text = desk.ask("settings.export", target="policy/wifi")["text"]
    assert desk.do("draft.import", target="policy/wifi", text=text, replace=True)["changed"] == 0
    edited = text.replace("'Home'", "'Away'").replace("set wireless.lan.mode='ap'\n", "")
    done = desk.do("draft.import", target="policy/wifi", text=edited, replace=True)
    assert (done["changed"], [note for note in done["notes"] if "secret" in note]) == (2, [])
    desk.do("policy.assign", name="wifi", to="all")
    desk.commit()
    assert opened(desk, "hall") == {KEY: SECRET}


def test_a_secret_that_a_text_does_not_name_goes_and_is_named(desk: FakeDesk) -> None:
    put_secret(desk)
    desk.commit()
    text = "set wireless.lan=wifi-iface\n# wireless.lan.ke is a secret and not shown\n"
    done = desk.do("draft.import", target="policy/wifi", text=text, replace=True)
    assert done["changed"] == 1
    assert f"{KEY} is a secret that the text does not name: it goes" in done["notes"]


def test_a_text_in_another_order_is_put_in_that_order(desk: FakeDesk) -> None:
    lines = ["set wireless.b=wifi-iface\n", "set wireless.a=wifi-iface\n"]
    desk.do("draft.import", target="policy/wifi", text="".join(lines))
    desk.commit()
    text = "".join(reversed(lines))
    assert desk.do("draft.import", target="policy/wifi", text=text, replace=True)["changed"] == 2
    desk.commit()
    assert desk.ask("settings.export", target="policy/wifi")["text"].index("wireless.a") < 10


@pytest.mark.parametrize("value", ["dos secret\r", "two\nlines", "a\ttab", "del\x7f"])
def test_a_secret_that_no_router_would_take_is_refused_wherever_one_is_given(
    desk: FakeDesk, value: str
) -> None:
    edits = [{"key": KEY, "values": [value]}]
    found = refusal(desk, "draft.edit", target="policy/wifi", verb="set", edits=edits)
    assert (found.code, found.reason[: len(KEY)], value in found.reason) == ("secret-lines", KEY, False)
    text = f"set {KEY}='{value}'\n"
    assert refusal(desk, "draft.import", target="policy/wifi", text=text).code == "secret-lines"
    rows = [{"name": "wpa", "values": [value]}]
    assert refusal(desk, "var.set", scope="cluster", variables=rows, secret=True).code == "secret-lines"
    assert desk.do("draft.show")["edits"] == 0


def test_an_empty_secret_is_refused_wherever_one_is_given(desk: FakeDesk) -> None:
    for values in ([""], ["one", ""]):
        edits = [{"key": KEY, "values": values}]
        error = refusal(desk, "draft.edit", target="policy/wifi", verb="set", edits=edits)
        assert (error.code, error.reason[: len(KEY)], "`dusk delete`" in error.reason) == (
            "empty-secret",
            KEY,
            True,
        )
    for text in (f"set {KEY}=''\n", f"set {KEY}=one\nadd_list {KEY}=''\n"):
        assert "the secret is empty" in refusal(desk, "draft.import", target="policy/wifi", text=text).reason
    rows = [{"name": "wpa", "values": [""]}]
    error = refusal(desk, "var.set", scope="cluster", variables=rows, secret=True)
    assert (error.code, "`dusk var unset cluster wpa`" in error.reason) == ("empty-secret", True)
    assert desk.do("draft.show")["edits"] == 0
    assert desk.do("var.set", scope="cluster", variables=rows)["changed"] == 1, "no secret may be empty"
    desk.commit()
    desk.do("cluster.set", values=[{"name": "secrets", "values": ["door"]}])
    text = "set system.s=system\nset system.s.Door=\n"
    assert "import:2: " in refusal(desk, "draft.import", target="policy/p", text=text).reason
    assert desk.do("draft.import", target="policy/p", text="delete system.s.door\n")["changed"] == 1


def test_a_secret_among_the_arguments_is_refused_with_what_to_write(desk: FakeDesk) -> None:
    edits = [{"key": KEY, "values": [SECRET]}]
    error = refusal(desk, "draft.edit", target="policy/wifi", verb="set", edits=edits, typed=[KEY])
    assert error.code == "secret-argument"
    assert f"{KEY}=@FILE" in error.reason
    reference = [{"key": KEY, "values": ["${wpa}"]}]
    desk.do("draft.edit", target="policy/wifi", verb="set", edits=reference, typed=[KEY])


def test_a_cluster_may_name_further_secrets(desk: FakeDesk) -> None:
    desk.set("policy/wifi", snmpd__public__community=SECRET)
    desk.do("policy.assign", name="wifi", to="all", names=[])
    desk.commit()
    desk.do("cluster.set", values=[{"name": "secrets", "values": ["community"]}])
    shown = (
        desk.ask("policy.show", name="wifi")["text"]
        + desk.ask("settings.export", target="policy/wifi")["text"]
    )
    assert SECRET not in shown + str(desk.ask("effective", device="hall"))
    desk.set("policy/wifi", snmpd__public__community="other")
    desk.commit()
    assert opened(desk, "roof") == {"snmpd.public.community": "other"}


def test_a_secret_variable_is_for_who_its_scope_is_for(desk: FakeDesk) -> None:
    rows = [{"name": "wpa", "values": [SECRET]}]
    desk.do("var.set", scope="group/ap", variables=rows, secret=True)
    put_secret(desk, "${wpa}")
    desk.do("policy.assign", name="wifi", to="groups", names=["ap"])
    desk.commit()
    assert nowhere(desk)
    assert readers(desk, "group/ap") == {"alice", "hall"}
    assert opened(desk, "hall") == {KEY: SECRET}
    assert {"scope": "group/ap", "name": "wpa", "value": "(secret)"} in desk.ask("var.list")["variables"]
    assert refusal(desk, "var.set", scope="group/ap", variables=rows).code == "is-secret"


# --- who comes and who goes ------------------------------------------------------------------------


def test_a22_whoever_leaves_a_scope_is_left_out_by_another_key_and_the_log_says_what_he_knew(
    desk: FakeDesk,
) -> None:
    for_group(desk)
    desk.do("group.add", name="ap", devices=["roof"])
    desk.commit()
    (before,) = key_ids(desk)
    assert readers(desk) == {"alice", "hall", "roof"}
    desk.do("group.remove", name="ap", devices=["hall"])
    desk.commit()
    (after,) = key_ids(desk)
    assert after != before
    assert readers(desk) == {"alice", "roof"}
    assert opened(desk, "roof") == {KEY: SECRET}
    newest = desk.ask("log.list", count=1)["entries"][0]["message"]
    assert f"change at their source: policy/wifi {KEY}" in newest
    (asked,) = known_secrets(desk)
    assert asked == f"somebody who left knows policy/wifi {KEY}: change them at their source"
    put_secret(desk, "another one")
    desk.commit()
    assert known_secrets(desk) == []


def test_a22_a_variable_of_a_group_is_sealed_anew_when_a_member_leaves(desk: FakeDesk) -> None:
    desk.do("group.add", name="ap", devices=["roof"])
    desk.do("var.set", scope="group/ap", variables=[{"name": "wpa", "values": [SECRET]}], secret=True)
    put_secret(desk, "${wpa}")
    desk.do("policy.assign", name="wifi", to="groups", names=["ap"])
    desk.commit()
    (before,) = key_ids(desk, "group/ap")
    desk.do("group.remove", name="ap", devices=["hall"])
    desk.commit()
    assert key_ids(desk, "group/ap") != {before}
    assert readers(desk, "group/ap") == {"alice", "roof"}
    assert opened(desk, "roof") == {KEY: SECRET}


def test_a22_a_device_that_is_removed_is_left_out(desk: FakeDesk) -> None:
    for_group(desk)
    desk.do("device.remove", names=["hall"])
    assert readers(desk) == {"alice"}


def test_whoever_becomes_an_owner_or_is_granted_a_policy_reads_its_secrets_with_the_next_signature(
    desk: FakeDesk,
) -> None:
    for_group(desk)
    desk.do("grant.set", prefix="policy/wifi", users=["carol"])
    desk.do("policy.assign", name="wifi", to="all", names=[])
    desk.commit()
    assert readers(desk) == {"alice", "carol", "attic", "hall", "roof"}
    desk.ask(
        "draft.edit",
        token="token-carol",
        target="policy/wifi",
        verb="set",
        edits=[{"key": KEY, "values": ["x"]}],
    )
    desk.ask("draft.commit", token="token-carol", message="by carol")
    assert opened(desk, "roof") == {KEY: "x"}


def test_who_cannot_open_a_key_seals_under_another_one(desk: FakeDesk) -> None:
    desk.do("grant.set", prefix="policy", users=["carol"])
    for_group(desk)
    world = desk.world
    record = next(key for key, _, boxes in wraps_in(desk.log.state, "policy/wifi"))
    row = desk.log.state.value("policy/wifi", record)
    assert row is not None
    carol = desk.people["token-carol"].key.key_id
    world.commit(world.edit("policy/wifi", record, [row[0], [b for b in row[1] if b[0] != carol]]))
    edits = [{"key": "wireless.guest.key", "values": ["for guests"]}]
    desk.ask("draft.edit", token="token-carol", target="policy/wifi", verb="set", edits=edits)
    desk.ask("draft.commit", token="token-carol", message="by carol")
    assert len(key_ids(desk)) == 2
    assert opened(desk, "hall") == {KEY: SECRET, "wireless.guest.key": "for guests"}


def test_a_key_of_nothing_is_wrapped_to_nobody(desk: FakeDesk) -> None:
    for_group(desk)
    desk.do("draft.edit", target="policy/wifi", verb="unset", edits=[{"key": KEY, "values": []}])
    desk.commit()
    assert key_ids(desk) == set()


def test_a_policy_that_is_renamed_takes_its_secrets_along(desk: FakeDesk) -> None:
    for_group(desk)
    desk.do("policy.rename", name="wifi", new_name="radio")
    desk.commit()
    assert opened(desk, "hall") == {KEY: SECRET}
    assert (key_ids(desk), readers(desk, "policy/radio")) == (set(), {"alice", "hall"})


def test_a_draft_whose_place_for_keys_was_taken_meanwhile_takes_another(desk: FakeDesk) -> None:
    put_secret(desk)
    draft = desk.drafts.pop("alice")
    put_secret(desk, "for guests", key="wireless.guest.key")
    desk.do("policy.assign", name="wifi", to="groups", names=["ap"])
    desk.commit()
    desk.drafts["alice"] = draft
    assert desk.do("draft.show")["problems"] == []
    desk.commit()
    assert opened(desk, "hall") == {KEY: SECRET, "wireless.guest.key": "for guests"}


def test_a_secret_whose_key_is_gone_is_not_signed(desk: FakeDesk) -> None:
    put_secret(desk)
    draft = decode_draft(desk.drafts["alice"])
    desk.drafts["alice"] = Draft(tuple(e for e in draft.edits if not e.key.startswith(WRAP))).encode()
    assert refusal(desk, "draft.commit", message="m").code == "secret-lost"


def test_a_key_outside_the_cluster_seals_nothing_here(desk: FakeDesk) -> None:
    sealer = Sealer(desk.log.state, desk.world.cluster, None, desk.random_bytes)
    with pytest.raises(Refused, match="unlocked here"):
        sealer.sealed(Draft(), "policy/wifi", f"set/{KEY}", SECRET)
    for_group(desk)
    assert sealer.vault(Draft()).secret("policy/wifi", next(iter(key_ids(desk)))) is None
    assert not sealer.opens
    assert none_held("policy/wifi", b"") is None


def test_who_may_not_write_a_policy_alone_gives_nobody_its_keys_and_is_not_hindered(desk: FakeDesk) -> None:
    for_group(desk)
    both = desk.people["token-carol"].key.key_id, desk.world.owner.key_id
    alone = [[both[0]], 1, None, None, None]
    grants = {"policy/wifi": [sorted(both), 2, None, None, None], "group": alone, "device": alone}
    world = desk.world
    world.commit(*(world.edit("trust", f"grant/{prefix}", row) for prefix, row in grants.items()))
    desk.do("group.create", name="shed")
    desk.commit()
    assert readers(desk) == {"alice", "carol", "hall"}
    desk.ask("group.add", token="token-carol", name="ap", devices=["roof"])
    desk.ask("draft.commit", token="token-carol", message="by carol")
    assert readers(desk) == {"alice", "carol", "hall"}
    put_secret(desk, "of another policy", target="policy/other")
    desk.commit()
    assert readers(desk) == {"alice", "carol", "hall", "roof"}


def test_a_device_that_takes_the_place_of_another_takes_its_secrets_over(desk: FakeDesk) -> None:
    put_secret(desk, target="device/hall")
    desk.commit()
    desk.do("device.replace", old="hall", new="roof")
    assert opened(desk, "roof") == {KEY: SECRET}
    section = f"device/{desk.devices['roof'].key_id.hex()}/config"
    assert readers(desk, section) == {"alice", "roof"}


def test_secrets_that_the_replacer_cannot_open_stay_behind(desk: FakeDesk) -> None:
    put_secret(desk, target="device/hall")
    desk.commit()
    grants = ("device", "group", "assignment", "policy")
    for prefix in grants:
        desk.do("grant.set", prefix=prefix, users=["carol"])
    section = f"device/{desk.devices['hall'].key_id.hex()}/config"
    world, carol = desk.world, desk.people["token-carol"].key.key_id
    ((place, name, boxes),) = wraps_in(desk.log.state, section)
    left = sorted((reader, box) for reader, box in boxes.items() if reader != carol)
    world.commit(world.edit(section, place, [name, left]))
    desk.ask("device.replace", token="token-carol", old="hall", new="roof")
    assert opened(desk, "roof") == {}


def test_a_secret_that_others_must_sign_reaches_its_readers_with_the_last_signature(desk: FakeDesk) -> None:
    desk.do("owner.add", name="carol")
    desk.do("owner.quorum", count=2)
    put_secret(desk)
    desk.do("policy.assign", name="wifi", to="groups", names=["ap"])
    proposal = desk.commit()["proposal"]
    assert readers(desk) == set()
    desk.ask("proposal.sign", token="token-carol", id=proposal)
    assert opened(desk, "hall") == {KEY: SECRET}
    assert readers(desk) == {"alice", "carol", "hall"}
    assert nowhere(desk)


def test_a_secret_that_no_record_has_room_for_is_refused(desk: FakeDesk) -> None:
    edits = [{"key": KEY, "values": ["x" * 61_440]}]
    assert refusal(desk, "draft.edit", target="policy/wifi", verb="set", edits=edits).code == "too-large"


def test_more_readers_than_one_record_holds_take_several(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dusk.control.tidying.WRAPS_PER_RECORD_MAX", 2)
    monkeypatch.setattr("dusk.limits.WRAP_RECORDS_MAX", 2)
    put_secret(desk)
    desk.do("policy.assign", name="wifi", to="all", names=[])
    desk.commit()
    assert len(list(wraps_in(desk.log.state, "policy/wifi"))) == 2
    assert readers(desk) == {"alice", "attic", "hall", "roof"}
    edits = [{"key": KEY, "values": ["x"]}]
    desk.do("grant.set", prefix="policy/wifi", users=["carol"])
    with pytest.raises(Refused, match="no room for more readers"):
        desk.ask("draft.edit", token="token-carol", target="policy/wifi", verb="set", edits=edits)


def test_one_change_wraps_keys_to_so_many_and_the_next_to_the_others(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dusk.control.tidying.WRAPS_MAX", 1)
    put_secret(desk)
    desk.do("policy.assign", name="wifi", to="all", names=[])
    desk.commit()
    first = readers(desk)
    assert "alice" in first
    put_secret(desk, "other", target="policy/b")
    desk.commit()
    assert len(readers(desk)) > len(first)


def test_a_secret_that_came_too_late_counts_after_all_if_somebody_takes_it(desk: FakeDesk) -> None:
    for_group(desk)
    put_secret(desk, "of the other side")
    desk.is_cut_off = True
    desk.do("draft.commit", message="from the other side")
    (late,) = desk.outbox
    desk.outbox.clear()
    desk.is_cut_off = False
    desk.drafts.clear()
    put_secret(desk, "of this side")
    desk.commit()
    desk.outbox.append(desk.world.change(*written_by(late), counter=500))
    desk.deliver()
    (lost,) = desk.ask("conflict.list")["conflicts"]
    assert [(row["item"], row["b"]) for row in lost["records"]] == [(KEY, "(secret changed)")]
    desk.do("conflict.resolve", id=lost["id"], take="B")
    assert opened(desk, "hall") == {KEY: "of the other side"}
    assert desk.ask("conflict.list")["conflicts"] == []
    assert nowhere(desk, "of the other side")


def test_keys_that_came_too_late_are_no_matter_for_people(desk: FakeDesk) -> None:
    for_group(desk)
    ((place, _, _),) = wraps_in(desk.log.state, "policy/wifi")
    edit = wraps(desk.world, "policy/wifi", [desk.devices["roof"]], place=int(place.removeprefix(WRAP)))
    late = desk.world.change(edit, message="secrets: keys for their readers", counter=500)
    put_secret(desk, "another one", key="wireless.b.key")
    desk.do("policy.assign", name="wifi", to="all", names=[])
    desk.commit()
    desk.outbox.append(late)
    desk.deliver()
    assert desk.log.not_applied == (late.id,)
    assert desk.ask("conflict.list")["conflicts"] == []
    assert opened(desk, "roof")[KEY] == SECRET
