"""Who comes and who goes, by the methods of the control socket."""

from base64 import b64encode
from typing import Any

import pytest

from dusk import codec
from dusk.changelog import views
from dusk.changelog.body import Change
from dusk.changelog.sections import device_path, expected_path
from dusk.control import approving
from dusk.control.desk import Json, Peer
from dusk.control.expecting import folded, is_mac
from dusk.errors import Refused
from dusk.ids import DeviceId, Seq
from dusk.keys.joinkey import parse_join_line
from dusk.keys.signing import SigningKey
from tests.approving import approve_mode, asked_by_hand
from tests.desk import FakeDesk, Person
from tests.world import World

THERE = Peer(True, Seq(1), Seq(1), "idle", "", (), 1.0)
ABSENT = Peer(False, Seq(1), Seq(1), "idle", "", (), 99.0)


class Cluster:
    """A desk at the founder's device, with a join key that lets nobody in by itself."""

    def __init__(self, **rule: Any) -> None:
        self.world = World()
        self.joinkey = approve_mode(self.world, **rule)
        self.desk = FakeDesk(self.world)
        self.desk.seen[self.world.device_id] = THERE
        self.world.commit(*(self.world.edit(f"group/{g}", "made", (True,)) for g in ("aps", "core")))

    def ask(self, label: str = "02:bb", wanted: str = "router") -> tuple[SigningKey, Change]:
        """Let a device ask."""
        key = self.world.key()
        request = self.world.request(key, wanted=wanted, label=label)
        self.desk.waits.put(request, "approval-needed", 0.0)
        return key, request

    def call(self, method: str, **arguments: Any) -> Json:
        return self.desk.do(method, **arguments)

    def refused(self, method: str, **arguments: Any) -> str:
        before = self.world.log.head
        with pytest.raises(Refused) as refusal:
            self.call(method, **arguments)
        assert self.world.log.head == before
        return refusal.value.code

    def member(self, name: str) -> views.Member:
        return next(d for d in views.devices(self.world.log.state) if d.name == name)

    def joined(self, label: str, name: str, *, online: bool = True) -> DeviceId:
        """Let a device in and tell whether it is there."""
        key, _ = self.ask(label)
        self.call("device.approve", names=[key.key_id.hex()], name=name)
        device = DeviceId(key.key_id)
        self.desk.seen[device] = THERE if online else ABSENT
        return device

    @property
    def names(self) -> set[str]:
        return {member.name for member in views.members(self.world.log.state)}


def test_who_waits_is_listed_with_what_a_person_needs_to_know() -> None:
    cluster = Cluster()
    key, _ = cluster.ask("02:bb", "porch")
    cluster.joined("02:cc", "shed", online=False)
    cluster.ask("02:cc", "router")
    waiting = cluster.desk.ask("device.pending")["pending"]
    rows = {row["label"]: row for row in waiting}
    assert (rows["02:bb"]["id"], rows["02:bb"]["name"], rows["02:bb"]["like"]) == (
        key.key_id.hex(),
        "porch",
        "",
    )
    assert (rows["02:cc"]["like"], rows["02:cc"]["like_online"]) == ("shed", False)
    assert [d["name"] for d in cluster.desk.ask("device.list")["devices"]] == ["attic", "shed"]
    assert cluster.desk.ask("joinkey.list")["joinkeys"][0]["pending"] == 2


@pytest.mark.parametrize("how", ["id", "short id", "label", "wanted"])
def test_a_device_is_approved_by_what_people_see_of_it_and_the_first_is_the_backup(how: str) -> None:
    cluster = Cluster()
    key, _ = cluster.ask("02:bb", "porch")
    cluster.ask("02:dd", "other")
    named = {"id": key.key_id.hex(), "short id": key.key_id.hex()[:8], "label": "02:bb", "wanted": "porch"}
    answer = cluster.call("device.approve", names=[named[how]], groups=["aps"])
    assert answer["devices"][0]["text"] == "porch joins in aps, and takes over if the master fails"
    assert cluster.member("porch").groups == ("aps",)
    assert views.succession(cluster.world.log.state) == (cluster.world.device_id, DeviceId(key.key_id))
    answer = cluster.call("device.approve", all=True)
    assert answer["devices"][0]["text"] == "other joins"
    assert len(views.succession(cluster.world.log.state)) == 2


def test_where_backups_are_named_by_hand_nobody_becomes_one() -> None:
    cluster = Cluster()
    cluster.world.commit(cluster.world.edit("cluster", "manual-backup", (True,)))
    cluster.ask()
    assert cluster.call("device.approve", all=True)["devices"][0]["backup"] is False


def test_forty_expected_devices_are_named_grouped_and_given_variables_by_one_change() -> None:
    cluster = Cluster(groups=("core",))
    rows = [
        {
            "label": f"02:{n:02}",
            "name": f"ap-{n}",
            "groups": ["aps"],
            "variables": {"floor": str(n), "l": ["a", "b"]},
        }
        for n in range(40)
    ]
    cluster.call("device.expect", devices=rows)
    assert len(cluster.desk.ask("device.expected")["expected"]) == 40
    for n in range(40):
        cluster.ask(f"02:{n:02}")
    before = cluster.world.log.head.seq
    answer = cluster.call("device.approve", all=True)
    assert (len(answer["devices"]), answer["left"], answer["skipped"]) == (40, 0, [])
    assert cluster.world.log.head.seq == before + 1
    assert cluster.names == {"attic", *(f"ap-{n}" for n in range(40))}
    ap = cluster.member("ap-7")
    assert (ap.label, ap.groups) == ("02:07", ("aps", "core"))
    section = f"{device_path(ap.device_id)}/config"
    assert cluster.world.log.state.value(section, "var/floor") == ["7"]
    assert cluster.world.log.state.value(section, "var/l") == [["a", "b"]]
    assert cluster.desk.ask("device.expected")["expected"] == []
    assert cluster.world.replica().head == cluster.world.log.head


def test_more_than_a_change_takes_are_left_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster()
    monkeypatch.setattr(approving, "CHANGE_BYTES_MAX", 4096)
    for n in range(5):
        cluster.ask(f"02:{n:02}")
    answer = cluster.call("device.approve", all=True)
    assert answer["left"] == 5 - len(answer["devices"]) > 0
    while answer["left"]:
        answer = cluster.call("device.approve", all=True)
    assert len(cluster.names) == 6


def test_names_come_from_the_person_the_list_the_template_and_are_free() -> None:
    cluster = Cluster()
    cluster.call(
        "device.expect", devices=[{"label": "02:aa", "name": "attic", "groups": [], "variables": {}}]
    )
    cluster.ask("02:aa")
    cluster.ask("02:bb", "Living Room")
    answer = cluster.call("device.approve", all=True)
    assert {d["name"] for d in answer["devices"]} == {"attic-2", "living-room"}
    key, _ = cluster.ask("02:cc")
    for name, code in (("Bad Name", "bad-name"), ("attic", "name-taken")):
        assert cluster.refused("device.approve", names=[key.key_id.hex()], name=name) == code
    assert cluster.refused("device.approve", names=["02:cc"], groups=["nowhere"]) == "no-group"


def test_what_is_not_said_clearly_lets_nobody_in() -> None:
    cluster = Cluster()
    assert cluster.refused("device.approve", all=True) == "not-pending"
    cluster.ask("02:bb", "same")
    cluster.ask("02:cc", "same")
    assert cluster.refused("device.approve") == "bad-params"
    assert cluster.refused("device.approve", names=["same"], all=True) == "bad-params"
    assert cluster.refused("device.approve", all=True, name="x") == "bad-params"
    assert cluster.refused("device.approve", names=["same"]) == "ambiguous"
    assert cluster.refused("device.approve", names=["nobody"]) == "not-pending"
    assert cluster.refused("device.reject", names=[]) == "bad-params"


def test_a19_who_may_not_approve_is_told_whose_keys_would_do() -> None:
    cluster = Cluster()
    cluster.ask()
    bob = cluster.world.key()
    cluster.world.commit(cluster.world.edit("user/bob", "key", (bob.public,)))
    cluster.desk.people["token-alice"] = Person("bob", bob)
    assert cluster.refused("device.approve", all=True) == "missing-signatures"


def test_a20_a_device_after_a_factory_reset_has_its_former_place_again() -> None:
    cluster = Cluster()
    cluster.joined("02:aa", "backup")
    old = cluster.joined("02:bb", "shed", online=False)
    world, section = cluster.world, device_path(old)
    world.commit(
        world.edit(section, "groups", (["core"],)),
        world.edit("group/aps", f"member/{old.hex()}", (True,)),
        world.edit(f"{section}/config", "var/floor", ("two",)),
        world.edit("assignment/wifi", "to", ("devices", sorted([old.hex(), world.device_id.hex()]), 5)),
        world.edit("assignment/lan", "to", ("groups", ["aps"], 5)),
        world.edit("assignment/roof", "to", ("devices", [world.device_id.hex()], 5)),
    )
    others = world.log.state.section_hash("assignment/roof")
    key, _ = cluster.ask("02:bb", "OpenWrt")
    new = DeviceId(key.key_id)
    answer = cluster.call("device.approve", names=["02:bb"])
    assert answer["devices"][0]["text"] == "shed is back under a new key"
    shed, former = cluster.member("shed"), cluster.member("shed-old")
    assert (shed.device_id, shed.groups, former.device_id, former.retired) == (
        new,
        ("aps", "core"),
        old,
        True,
    )
    state = world.log.state
    assert state.value(f"{device_path(new)}/config", "var/floor") == ["two"]
    assert state.value("assignment/wifi", "to") == ["devices", sorted([new.hex(), world.device_id.hex()]), 5]
    assert state.section_hash("assignment/roof") == others, "it is not for who came back"
    assert state.value("group/aps", f"member/{old.hex()}") is None
    assert cluster.names == {"attic", "backup", "shed"}


def test_a20_all_takes_nobody_for_an_absent_member_unless_somebody_says_so() -> None:
    cluster = Cluster()
    cluster.joined("02:aa", "backup")
    cluster.joined("02:bb", "shed", online=False)
    thief, _ = cluster.ask("02:bb", "OpenWrt")
    other, _ = cluster.ask("02:cc")
    answer = cluster.call("device.approve", all=True)
    assert [d["id"] for d in answer["devices"]] == [other.key_id.hex()]
    assert answer["rebinds"] == [{"id": thief.key_id.hex(), "label": "02:bb", "like": "shed"}]
    assert (answer["skipped"], answer["left"]) == ([], 0)
    assert not cluster.member("shed").retired
    again = cluster.call("device.approve", all=True)
    assert (again["ticket"], again["devices"], len(again["rebinds"])) == (None, [], 1)
    said = cluster.call("device.approve", all=True, with_rebinds=True)
    assert (said["devices"][0]["replaces"], said["rebinds"]) == ("shed", [])
    assert cluster.member("shed").device_id == DeviceId(thief.key_id)
    assert cluster.member("shed-old").retired


def test_a20_one_place_is_given_to_one_of_those_that_look_like_it() -> None:
    cluster = Cluster()
    cluster.joined("02:aa", "backup")
    cluster.joined("02:bb", "shed", online=False)
    asking = {cluster.ask("02:bb")[0].key_id for _ in range(2)}
    answer = cluster.call("device.approve", all=True, with_rebinds=True)
    (back,), (left,) = answer["devices"], answer["skipped"]
    assert {bytes.fromhex(back["id"]), bytes.fromhex(left["id"])} == asking
    assert "several would take the place of shed" in left["reason"]


def test_a20_a_label_of_a_member_that_is_online_lets_nobody_in_without_a_name() -> None:
    cluster = Cluster()
    cluster.joined("02:bb", "shed")
    key, _ = cluster.ask("02:bb")
    assert cluster.refused("device.approve", names=[key.key_id.hex()]) == "clone"
    other, _ = cluster.ask("02:cc")
    answer = cluster.call("device.approve", all=True)
    assert [d["id"] for d in answer["devices"]] == [other.key_id.hex()]
    assert [each["id"] for each in answer["skipped"]] == [key.key_id.hex()]
    assert cluster.call("device.approve", all=True)["ticket"] is None
    cluster.call("device.approve", names=[key.key_id.hex()], name="shed-b")
    assert {"shed", "shed-b"} <= cluster.names


def test_a20_a_join_key_that_never_rebinds_makes_another_device() -> None:
    cluster = Cluster(rebind="never")
    cluster.joined("02:bb", "shed", online=False)
    cluster.ask("02:bb", "shed")
    assert cluster.call("device.approve", all=True)["devices"][0]["name"] == "shed-2"


def test_a20_who_may_lead_is_not_replaced_before_somebody_else_may() -> None:
    cluster = Cluster()
    device = cluster.joined("02:bb", "shed", online=False)
    assert device in views.succession(cluster.world.log.state)
    cluster.ask("02:bb")
    assert cluster.refused("device.approve", names=["02:bb"]) == "in-succession"
    assert cluster.refused("device.remove", names=["shed"]) == "in-succession"


def test_a19_who_was_turned_away_waits_no_more_and_the_key_lets_it_in_no_more() -> None:
    cluster = Cluster()
    _, request = cluster.ask("02:bb")
    cluster.call("device.reject", names=["02:bb"])
    assert cluster.desk.pending() == []
    with pytest.raises(Refused, match="said no"):
        cluster.world.write(request)


def test_what_is_expected_already_is_no_change_and_what_cannot_be_is_refused() -> None:
    cluster = Cluster()
    row: Json = {"label": "02:aa", "name": "porch", "groups": ["core", "aps"], "variables": {}}
    cluster.call("device.expect", devices=[row])
    assert cluster.world.log.state.value(expected_path("02:aa"), "as") == [
        "02:aa",
        "porch",
        ["aps", "core"],
        [],
    ]
    assert cluster.call("device.expect", devices=[row])["ticket"] is None
    for wrong, code in (
        ({"name": "Not A Name"}, "bad-name"),
        ({"groups": ["nowhere"]}, "no-group"),
        ({"label": ""}, "bad-value"),
        ({"label": "02:aa;hall;aps"}, "bad-params"),
        ({"variables": {"no name": "x"}}, "bad-value"),
    ):
        assert cluster.refused("device.expect", devices=[{**row, **wrong}]) == code
    for junk in ([], [1], [{"label": "x"}], [{**row, "variables": 1}], "x", [{**row, "variables": {"a": 1}}]):
        assert cluster.refused("device.expect", devices=junk) == "bad-params"


def test_a_label_is_kept_as_routers_say_it_and_taken_back_as_it_was_typed() -> None:
    cluster = Cluster()
    row: Json = {"label": "02-AA-00-00-00-01", "name": "porch", "groups": [], "variables": {}}
    assert cluster.call("device.expect", devices=[row])["notes"] == []
    cluster.ask(label="02:aa:00:00:00:01", wanted="router")
    (said,) = cluster.call("device.approve", all=True)["devices"]
    assert said["name"] == "porch"
    again = cluster.call("device.expect", devices=[row, {**row, "label": "02:bb", "name": "hall"}])
    assert "another router's name: porch" in again["notes"][0]
    assert [is_mac(folded(label)) for label in (row["label"], "02:bb")] == [True, False]
    gone = cluster.call("device.expect", devices=[{**row, "name": ""}], forget=True)
    assert gone["text"] == "1 device expected no more"
    (left,) = cluster.desk.ask("device.expected")["expected"]
    assert left["label"] == "02:bb"
    assert cluster.refused("device.expect", devices=[row], forget=True) == "not-expected"


def test_a_device_gets_another_name() -> None:
    cluster = Cluster()
    cluster.call("device.rename", name="attic", new_name="loft")
    assert cluster.names == {"loft"}
    assert cluster.call("device.rename", name="loft", new_name="loft")["ticket"] is None
    cluster.joined("02:bb", "shed")
    assert cluster.refused("device.rename", name="shed", new_name="loft") == "name-taken"


def test_removed_devices_are_gone_for_good_and_people_are_told_who_does_not_hear_it() -> None:
    cluster = Cluster()
    cluster.joined("02:aa", "backup")
    shed, barn = cluster.joined("02:bb", "shed"), cluster.joined("02:cc", "barn", online=False)
    answer = cluster.call("device.remove", names=["shed", "barn"], wipe_managed=True)
    assert cluster.names == {"attic", "backup"}
    assert [note.split()[0] for note in answer["notes"]] == ["barn"]
    state = cluster.world.log.state
    assert [state.value(device_path(d), "wipe") for d in (shed, barn)] == [[True], [True]]
    assert cluster.refused("device.remove", names=["shed"]) == "not-member"
    assert cluster.refused("device.remove", names=[]) == "bad-params"
    assert cluster.call("device.remove", names=[cluster.joined("02:dd", "den").hex()])["notes"] == []


def test_a_device_takes_anothers_place_whether_it_waits_or_is_a_member() -> None:
    cluster = Cluster()
    cluster.joined("02:aa", "backup")
    old = cluster.joined("02:bb", "shed")
    cluster.world.commit(
        cluster.world.edit(device_path(old), "groups", (["core"],)),
        cluster.world.edit(f"{device_path(old)}/config", "var/x", ("1",)),
    )
    key, _ = cluster.ask("02:ff")
    answer = cluster.call("device.replace", old="shed", new="02:ff")
    assert answer["devices"][0]["replaces"] == "shed"
    assert cluster.member("shed").device_id == DeviceId(key.key_id)
    spare = cluster.joined("02:ee", "spare")
    cluster.call("device.replace", old="shed", new="spare")
    shed = cluster.member("shed")
    assert (shed.device_id, shed.groups) == (spare, ("core",))
    assert cluster.names == {"attic", "backup", "shed"}
    assert cluster.refused("device.replace", old="shed", new="shed") == "bad-target"
    assert cluster.refused("device.replace", old="shed", new="nobody") == "no-device"
    cluster.ask("02:11", "twice")
    cluster.ask("02:12", "twice")
    assert cluster.refused("device.replace", old="shed", new="twice") == "ambiguous"


def test_packed_expected_values_are_those_of_the_log() -> None:
    cluster = Cluster()
    cluster.call(
        "device.expect", devices=[{"label": "l", "name": "", "groups": [], "variables": {"b": "1", "a": "2"}}]
    )
    record = cluster.world.log.state.record(expected_path("l"), "as")
    assert record is not None
    assert record.data == codec.pack(["l", "", [], [["a", "2"], ["b", "1"]]])


# --- by hand -------------------------------------------------------------------------------------


def test_a_router_is_let_in_by_hand_by_what_its_own_daemon_signed() -> None:
    cluster = Cluster()
    contact = cluster.desk.ask("join.contact")["line"]
    assert parse_join_line(contact).cluster_id == cluster.world.cluster
    assert parse_join_line(contact).id not in {j.id for j in views.joinkeys(cluster.world.log.state)}
    request = cluster.desk.ask("join.request", line=contact)["request"]
    answer = cluster.call("device.admit", request=request, name="shed", groups=["aps"])
    assert answer["devices"][0]["text"] == "shed joins in aps, and takes over if the master fails"
    section = device_path(cluster.member("shed").device_id)
    assert cluster.world.log.state.value(section, "origin")[0] == "hand"  # type: ignore[index]  # it is there
    assert cluster.refused("device.admit", request=request, name="barn") == "device-exists"


def test_a1_what_is_let_in_by_hand_is_a_request_by_hand_for_this_cluster() -> None:
    cluster = Cluster()
    _, by_key = cluster.ask()
    foreign = asked_by_hand(World(3), cluster.world.key())
    for change in (by_key, foreign, cluster.world.change(cluster.world.set("w", "system.s.x", "1"))):
        request = b64encode(change.encode()).decode()
        assert cluster.refused("device.admit", request=request) == "bad-request"
    for line in ("AAAA", "no base64", "é"):
        assert cluster.refused("device.admit", request=line) == "bad-request"
    with pytest.raises(Refused) as refusal:
        cluster.desk.ask("join.request", line="dusk-join-2:x")
    assert refusal.value.code == "bad-join-key"


def test_a1_a_router_by_hand_is_let_in_by_its_own_word_and_by_who_may() -> None:
    cluster = Cluster()
    good = asked_by_hand(cluster.world, cluster.world.key())
    other = asked_by_hand(cluster.world, cluster.world.key())
    swapped = b64encode(good._replace(signatures=other.signatures).encode()).decode()
    assert cluster.refused("device.admit", request=swapped) == "missing-signatures"
    bob = cluster.world.key()
    cluster.world.commit(
        cluster.world.edit("user/bob", "key", (bob.public,)),
        cluster.world.edit("trust", "grant/device", ([bob.key_id], 1, None, ["aps"], None)),
    )
    cluster.desk.people["token-bob"] = Person("bob", bob)
    request = b64encode(good.encode()).decode()
    code = cluster.refused("device.admit", token="token-bob", request=request, groups=["aps"])
    assert code == "outside-grant"


def test_a20_by_hand_too_a_label_of_a_member_that_is_online_is_a_copy() -> None:
    cluster = Cluster()
    cluster.joined("02:aa", "shed")
    request = b64encode(asked_by_hand(cluster.world, cluster.world.key()).encode()).decode()
    assert cluster.refused("device.admit", request=request) == "clone"
    cluster.call("device.admit", request=request, name="barn")
    assert {"shed", "barn"} <= cluster.names
