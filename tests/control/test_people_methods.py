"""Adding people, their passwords and keys, ownership: by the methods of the control socket."""

import pytest

from dusk.control.cluster import check_login_here, check_session
from dusk.errors import Refused
from dusk.keys.armour import key_line, public_line
from dusk.keys.sealed import open_user_key
from tests.desk import FakeDesk, Person

PASSWORD = "a few good words"


def add(desk: FakeDesk, name: str) -> Person:
    """Add a person by a password, and log in."""
    desk.do("user.add", name=name, password=PASSWORD)
    desk.people[f"token-{name}"] = Person(name, desk.keys[name])
    return desk.people[f"token-{name}"]


def row(desk: FakeDesk, name: str) -> dict[str, object]:
    return next(user for user in desk.ask("user.list")["users"] if user["name"] == name)


def refused(desk: FakeDesk, method: str, code: str, **params: object) -> str:
    with pytest.raises(Refused) as refusal:
        desk.ask(method, **{"token": "token-alice", **params})
    assert refusal.value.code == code, refusal.value.reason
    return refusal.value.reason


def test_a_person_is_added_with_a_password_that_opens_the_key(desk: FakeDesk) -> None:
    started = desk.do("user.add", name="bob", password=PASSWORD)
    assert desk.poll(started["ticket"])["result"]["state"] == "durable"
    assert row(desk, "bob") == {
        "name": "bob",
        "owner": False,
        "disabled": False,
        "compromised_since": None,
        "signs_with": "password",
        "key": public_line(desk.keys["bob"].public),
        "grants": [],
    }
    sealed = desk.log.state.value("user/bob", "sealed")
    assert sealed is not None
    assert open_user_key(sealed[0], PASSWORD.encode(), name="bob").public == desk.keys["bob"].public


def test_a_person_who_keeps_the_key_gives_its_public_line(desk: FakeDesk) -> None:
    key = desk.world.key()
    desk.do("user.add", name="carol", public_key=public_line(key.public) + "\n")
    assert row(desk, "carol")["signs_with"] == "key file"
    assert desk.log.state.value("user/carol", "sealed") is None


def test_a_secret_line_or_a_damaged_one_adds_nobody(desk: FakeDesk) -> None:
    key = desk.world.key()
    assert "keep it" in refused(desk, "user.add", "bad-key", name="carol", public_key=key_line(key))
    refused(desk, "user.add", "bad-key", name="carol", public_key=public_line(key.public)[:-3])
    refused(desk, "user.add", "bad-params", name="carol")
    refused(desk, "user.add", "bad-params", name="carol", password="x", public_key=public_line(key.public))
    refused(desk, "user.add", "bad-name", name="Carol", password=PASSWORD)
    refused(desk, "user.add", "user-exists", name="alice", password=PASSWORD)


def test_only_owners_add_people(desk: FakeDesk) -> None:
    add(desk, "bob")
    refused(desk, "user.add", "missing-signatures", token="token-bob", name="eve", password=PASSWORD)


def test_everybody_changes_the_own_password_and_nobody_elses(desk: FakeDesk) -> None:
    bob = add(desk, "bob")
    desk.ask("user.passwd", token="token-bob", password="another few words")
    sealed = desk.log.state.value("user/bob", "sealed")
    assert sealed is not None
    assert open_user_key(sealed[0], b"another few words", name="bob").public == bob.key.public
    assert "--new-key" in refused(desk, "user.passwd", "not-yours", name="bob", password=PASSWORD)
    refused(desk, "user.passwd", "no-user", name="eve", password=PASSWORD)
    refused(desk, "user.passwd", "bad-params")


def test_a_key_outside_the_cluster_has_no_password_here(desk: FakeDesk) -> None:
    key = desk.world.key()
    desk.do("user.add", name="carol", public_key=public_line(key.public))
    desk.people["token-carol"] = Person("carol", key)
    refused(desk, "user.passwd", "no-password", token="token-carol", password=PASSWORD)


def test_an_owner_gives_a_new_key_which_keeps_rights_and_ownership(desk: FakeDesk) -> None:
    old = add(desk, "bob")
    desk.do("owner.add", name="bob")
    desk.do("grant.set", prefix="policy/wifi", users=["bob", "alice"])
    desk.do("user.passwd", name="bob", password=PASSWORD, new_key=True)
    new = desk.keys["bob"]
    assert new.public != old.key.public
    assert (row(desk, "bob")["owner"], row(desk, "bob")["grants"]) == (True, ["policy/wifi"])
    refused(desk, "user.disable", "unknown-key", token="token-bob", name="bob")
    refused(desk, "user.passwd", "bad-params", name="bob", new_key=True)


def test_a_new_key_keeps_what_was_passed_on_with_the_old_one(desk: FakeDesk) -> None:
    add(desk, "bob")
    add(desk, "carol")
    desk.do("grant.set", prefix="policy", users=["bob"])
    desk.ask("grant.set", token="token-bob", prefix="policy/wifi", users=["carol"])
    assert row(desk, "carol")["grants"] == ["policy/wifi"]
    desk.do("user.passwd", name="bob", password=PASSWORD, new_key=True)
    assert row(desk, "carol")["grants"] == ["policy/wifi"]
    desk.do("grant.set", prefix="policy", users=["alice"])
    assert row(desk, "carol")["grants"] == []


def test_a_new_key_leaves_grants_of_others_as_they_are(desk: FakeDesk) -> None:
    add(desk, "bob")
    add(desk, "carol")
    desk.do("grant.set", prefix="policy/wifi", users=["bob"])
    desk.do("grant.set", prefix="policy/lan", users=["carol"])
    before = desk.log.state.record("trust", "grant/policy/lan")
    desk.do("user.passwd", name="bob", password=PASSWORD, new_key=True)
    assert desk.log.state.record("trust", "grant/policy/lan") == before
    assert (row(desk, "bob")["grants"], row(desk, "carol")["grants"]) == (["policy/wifi"], ["policy/lan"])


def test_a_new_key_may_be_one_outside_the_cluster(desk: FakeDesk) -> None:
    add(desk, "bob")
    key = desk.world.key()
    desk.do("user.passwd", name="bob", public_key=public_line(key.public), new_key=True)
    assert row(desk, "bob")["signs_with"] == "key file"
    other = desk.world.key()
    desk.do("user.passwd", name="bob", public_key=public_line(other.public), new_key=True)
    assert row(desk, "bob")["key"] == public_line(other.public)


def test_who_is_disabled_signs_nothing_more(desk: FakeDesk) -> None:
    add(desk, "bob")
    desk.do("user.disable", name="bob")
    assert row(desk, "bob")["disabled"]
    refused(desk, "user.passwd", "inactive-key", token="token-bob", password=PASSWORD)
    assert desk.do("user.disable", name="bob")["ticket"] is None
    refused(desk, "user.disable", "no-user", name="eve")


def test_who_is_disabled_is_so_for_good_and_each_way_back_says_so(desk: FakeDesk) -> None:
    bob = add(desk, "bob")
    desk.do("grant.set", prefix="policy/wifi", users=["bob"])
    notes = desk.do("user.disable", name="bob")["notes"]
    assert "for good" in notes[0]
    assert "still granted to bob, who signs nothing there: policy/wifi" in notes[1]
    ways: tuple[tuple[str, dict[str, object]], ...] = (
        ("user.passwd", {"name": "bob", "new_key": True, "password": PASSWORD}),
        ("owner.add", {"name": "bob"}),
        ("grant.set", {"prefix": "policy/lan", "users": ["bob"]}),
    )
    for method, more in ways:
        assert "by another name" in refused(desk, method, "disabled", **more)
    assert "disabled for good" in refused(desk, "user.add", "user-exists", name="bob", password=PASSWORD)
    assert row(desk, "bob")["key"] == public_line(bob.key.public)


def test_owners_come_and_go_but_never_all(desk: FakeDesk) -> None:
    add(desk, "bob")
    assert "first" in refused(desk, "user.disable", "bad-value", name="alice")
    refused(desk, "owner.remove", "too-few-owners", name="alice")
    refused(desk, "owner.quorum", "too-few-owners", count=2)
    desk.do("owner.add", name="bob")
    assert desk.do("owner.add", name="bob")["ticket"] is None
    desk.do("owner.remove", name="alice")
    assert desk.ask("user.list")["quorum"] == 1
    refused(desk, "owner.add", "missing-signatures", name="alice")
    refused(desk, "owner.remove", "no-owner", token="token-bob", name="alice")
    refused(desk, "owner.add", "no-user", token="token-bob", name="eve")


def test_the_quorum_is_raised_and_is_as_it_is(desk: FakeDesk) -> None:
    add(desk, "bob")
    desk.do("owner.add", name="bob")
    assert desk.do("owner.quorum", count=1)["ticket"] is None
    desk.do("owner.quorum", count=2)
    assert desk.do("owner.quorum", count=1)["text"].startswith("proposed")


def test_sessions_are_listed_and_ended_by_owners_and_their_own(desk: FakeDesk) -> None:
    add(desk, "bob")
    uses = desk.uses
    listed = desk.do("session.list")["sessions"]
    assert desk.do("session.whoami")["idle_left_s"] == 900.0
    assert desk.uses == uses, "who looks after a session keeps none alive"
    assert sorted(one["user"] for one in listed) == ["alice", "bob"]
    refused(desk, "session.end", "missing-signatures", token="token-bob", user="alice")
    assert desk.do("session.end", user="bob") == {"ended": 1}
    refused(desk, "session.list", "no-session", token="token-bob")
    assert desk.do("session.end", user="alice") == {"ended": 1}


def test_the_clusters_own_settings_are_shown_and_changed_together(desk: FakeDesk) -> None:
    def shown() -> dict[str, str]:
        return {s["name"]: s["value"] for s in desk.ask("cluster.show")["settings"]}

    assert shown() == {"name": "home", "cycle": "5s", "logins": "all", "secrets": "", "drift": "report"}
    values = {
        "name": "Our school",
        "cycle": "500ms",
        "logins": "roof,hall",
        "secrets": "PIN2 x_key",
        "drift": "enforce",
    }
    desk.do("cluster.set", values=[{"name": n, "values": [v]} for n, v in values.items()])
    assert shown() == {**values, "logins": "hall,roof", "secrets": "pin2,x_key"}
    back = {"cycle": "0.5m", "logins": "all", "secrets": "", "drift": "report"}
    desk.do("cluster.set", values=[{"name": n, "values": [v]} for n, v in back.items()])
    assert shown() == {
        "name": "Our school",
        "cycle": "30s",
        "logins": "all",
        "secrets": "",
        "drift": "report",
    }
    again = [{"name": "cycle", "values": ["30s"]}]
    assert desk.do("cluster.set", values=again)["text"] == "nothing changed"


def test_a_cycle_that_makes_all_slow_is_taken_with_a_word_of_warning(desk: FakeDesk) -> None:
    for value, is_slow in (("60s", False), ("1h", True), ("61s", True)):
        notes = desk.do("cluster.set", values=[{"name": "cycle", "values": [value]}])["notes"]
        assert [note.startswith("a cycle of more than 60s") for note in notes] == [True] * is_slow


def test_what_the_log_has_in_plain_is_named_where_that_is_secret_from_now_on(desk: FakeDesk) -> None:
    desk.set("policy/wifi", wireless__x__ssid="Home", wireless__x__hidden="1")
    desk.do("draft.edit", target="policy/wifi", verb="set", edits=[{"key": "wireless.y", "values": ["ssid"]}])
    desk.do(
        "draft.edit", target="device/attic", verb="delete", edits=[{"key": "wireless.z.ssid", "values": []}]
    )
    desk.commit()
    (note,) = desk.do("cluster.set", values=[{"name": "secrets", "values": ["SSID, door"]}])["notes"]
    assert "goes on to: policy/wifi wireless.x.ssid; set each anew with `KEY=-`" in note
    assert desk.do("cluster.set", values=[{"name": "secrets", "values": ["ssid"]}])["notes"] == []
    assert desk.do("cluster.set", values=[{"name": "secrets", "values": [""]}])["notes"] == []


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("name", "", "bad-value"),
        ("name", "x" * 64, "bad-value"),
        ("name", "a\nb", "bad-value"),
        ("cycle", "5", "bad-value"),
        ("cycle", "fives", "bad-value"),
        ("cycle", "1e999s", "bad-value"),
        ("cycle", "199ms", "bad-value"),
        ("cycle", "2h", "bad-value"),
        ("logins", " ", "bad-value"),
        ("logins", "nowhere", "no-device"),
        ("succession", "x", "bad-params"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(desk: FakeDesk, name: str, value: str, code: str) -> None:
    refused(desk, "cluster.set", code, values=[{"name": name, "values": [value]}])


def test_people_log_in_where_owners_say_and_anywhere_if_no_such_device_is_left(desk: FakeDesk) -> None:
    state, hall = desk.log.state, next(m for m in desk.ask("device.list")["devices"] if m["name"] == "hall")
    check_login_here(desk.device_id, state)
    desk.do("cluster.set", values=[{"name": "logins", "values": ["hall"]}])
    check_login_here(bytes.fromhex(hall["id"]), state)
    with pytest.raises(Refused, match="log in on hall"):
        check_login_here(desk.device_id, state)
    world = desk.world
    world.commit(world.edit(f"device/{hall['id']}", "retired", [True]))
    check_login_here(desk.device_id, state)


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ("hall", ["yours too", "one router alone"]),
        ("hall,roof", ["yours too"]),
        ("attic", ["one router alone"]),
        ("attic,hall", []),
        ("all", []),
    ],
)
def test_who_shuts_himself_out_by_a_list_of_where_people_log_in_is_told(
    desk: FakeDesk, listed: str, said: list[str]
) -> None:
    desk.do("cluster.set", values=[{"name": "logins", "values": ["roof"]}])
    notes = desk.do("cluster.set", values=[{"name": "logins", "values": [listed]}])["notes"]
    assert len(notes) == len(said)
    assert all(part in note for part, note in zip(said, notes, strict=True))


def test_a23_a_session_is_none_where_its_key_or_its_place_was_taken_away(desk: FakeDesk) -> None:
    bob, state = add(desk, "bob"), desk.log.state
    check_session(desk.device_id, state, bob)
    desk.do("cluster.set", values=[{"name": "logins", "values": ["hall"]}])
    with pytest.raises(Refused, match=r"log in on hall.*your session here has ended") as caught:
        check_session(desk.device_id, state, bob)
    assert caught.value.code == "no-session"
    desk.do("cluster.set", values=[{"name": "logins", "values": ["all"]}])
    check_session(desk.device_id, state, bob)
    desk.do("user.disable", name="bob")
    stranger = Person("eve", desk.world.key())
    for session in (bob, stranger):
        with pytest.raises(Refused, match="disabled or replaced") as caught:
            check_session(desk.device_id, state, session)
        assert caught.value.code == "no-session"
