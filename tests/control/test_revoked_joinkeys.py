"""Who becomes the backup of several that are let in, and who goes with a revoked join key (A19, A29)."""

import pytest

from dusk.changelog import views
from dusk.control import membership
from tests.control.test_membership_methods import Cluster


def two_must_sign(cluster: Cluster) -> None:
    """Make bob an owner, too, and ask for both."""
    world = cluster.world
    bob = world.key()
    world.commit(world.edit("user/bob", "key", (bob.public,)))
    world.commit(world.edit("trust", "owner/bob", (bob.public,)))
    world.commit(world.edit("trust", "quorum", (2,)))


def test_a29_of_all_that_wait_who_is_expected_and_then_who_asked_first_becomes_the_backup() -> None:
    cluster = Cluster()
    late, early = sorted((cluster.world.key() for _ in range(2)), key=lambda key: key.key_id)
    for key, label, at in ((early, "02:bb", 1.0), (late, "02:cc", 4.0)):
        cluster.desk.waits.put(
            cluster.world.request(key, wanted=label[-2:], label=label), "approval-needed", at
        )
    answer = cluster.call("device.approve", all=True)
    assert [(d["name"], d["backup"]) for d in answer["devices"]] == [("bb", True), ("cc", False)]
    assert answer["devices"][0]["text"] == "bb joins, and takes over if the master fails"

    cluster = Cluster()
    cluster.call("device.expect", devices=[{"label": "02:cc", "name": "shed", "groups": [], "variables": {}}])
    for n, label in enumerate(("02:bb", "02:cc")):
        key = cluster.world.key()
        cluster.desk.waits.put(cluster.world.request(key, label=label), "approval-needed", float(n))
    answer = cluster.call("device.approve", all=True)
    assert [(d["name"], d["backup"]) for d in answer["devices"]] == [("shed", True), ("router", False)]


def test_who_becomes_the_backup_is_told_of_many_that_join_in_the_log_too() -> None:
    cluster = Cluster()
    for n in range(20):
        cluster.ask(f"02:{n:02}", f"a-long-name-{n:02}")
    answer = cluster.call("device.approve", all=True)
    (backup,) = [device["name"] for device in answer["devices"] if device["backup"]]
    assert answer["text"].startswith(f"{backup} takes over if the master fails; 20 devices join: ")


def test_a19_a_revoked_join_key_takes_its_devices_along_if_asked() -> None:
    cluster = Cluster()
    backup = cluster.joined("02:aa", "backup")
    cluster.joined("02:bb", "shed")
    cluster.ask("02:cc")
    name = cluster.joinkey[:8]
    assert cluster.call("joinkey.revoke", id=name)["devices"] == []
    assert cluster.desk.pending() == []
    answer = cluster.call("joinkey.revoke", id=name, with_devices=True)
    assert (answer["devices"], answer["left"], answer["stays"]) == (["shed"], 1, [])
    assert "backup may not lead any more" in answer["text"]
    assert views.succession(cluster.world.log.state) == (cluster.world.device_id,)
    answer = cluster.call("joinkey.revoke", id=name, with_devices=True)
    assert (answer["devices"], answer["left"], answer["stays"]) == (["backup"], 0, [])
    assert cluster.names == {"attic"}
    assert cluster.world.log.device_key(backup) is None
    assert cluster.call("joinkey.revoke", id=name)["ticket"] is None
    for wrong in ("nowhere", cluster.joinkey[:4]):
        assert cluster.refused("joinkey.revoke", id=wrong) == "no-joinkey"


def test_a19_who_leads_and_came_by_the_key_stays_and_is_named_and_no_other_does() -> None:
    cluster = Cluster()
    backup = cluster.joined("02:aa", "backup")
    cluster.joined("02:bb", "shed")
    both = ((backup, cluster.world.device_id),)
    cluster.world.commit(cluster.world.edit("cluster", "succession", both))
    answer = cluster.call("joinkey.revoke", id=cluster.joinkey, with_devices=True)
    assert (answer["devices"], answer["left"], answer["stays"]) == (["shed"], 0, ["backup"])
    (note,) = answer["notes"]
    assert note.startswith("backup may lead the cluster: say first who does in its place")
    assert cluster.names == {"attic", "backup"}
    again = cluster.call("joinkey.revoke", id=cluster.joinkey, with_devices=True)
    assert (again["ticket"], again["stays"], again["notes"]) == (None, ["backup"], [note])
    turned = ((cluster.world.device_id, backup),)
    cluster.world.commit(cluster.world.edit("cluster", "succession", turned))
    for gone in ([], ["backup"]):
        assert cluster.call("joinkey.revoke", id=cluster.joinkey, with_devices=True)["devices"] == gone
    assert cluster.names == {"attic"}


def test_a19_who_alone_may_not_say_who_leads_removes_the_others_and_asks_once() -> None:
    cluster = Cluster()
    cluster.joined("02:aa", "backup")
    for n in range(2):
        cluster.joined(f"02:b{n}", f"ap-{n}")
    two_must_sign(cluster)
    answer = cluster.call("joinkey.revoke", id=cluster.joinkey, with_devices=True)
    assert (answer["devices"], answer["left"], answer["stays"]) == (["ap-0", "ap-1"], 0, ["backup"])
    assert answer["text"].startswith("proposed: ")
    assert any(note.startswith("backup may lead") for note in answer["notes"])


def test_what_a_proposal_has_no_room_for_is_asked_for_after_it_was_signed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = Cluster()
    cluster.world.commit(cluster.world.edit("cluster", "manual-backup", (True,)))
    for n in range(5):
        cluster.joined(f"02:{n:02}", f"ap-{n}")
    two_must_sign(cluster)
    monkeypatch.setattr(membership, "OPERATIONS_MAX", 4)
    answer = cluster.call("joinkey.revoke", id=cluster.joinkey, with_devices=True)
    assert (len(answer["devices"]), answer["left"]) == (2, 0)
    assert "3 more are removed when you ask again" in answer["notes"][-1]


def test_more_devices_than_a_change_removes_leave_with_the_next_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster()
    cluster.world.commit(cluster.world.edit("cluster", "manual-backup", (True,)))
    for n in range(5):
        cluster.joined(f"02:{n:02}", f"ap-{n}")
    monkeypatch.setattr(membership, "OPERATIONS_MAX", 4)
    gone: list[str] = []
    for left in (3, 0):
        answer = cluster.call("joinkey.revoke", id=cluster.joinkey, with_devices=True)
        assert answer["left"] == left
        gone += answer["devices"]
        assert cluster.names == {"attic"} | {f"ap-{n}" for n in range(5)} - set(gone)
    assert sorted(gone) == [f"ap-{n}" for n in range(5)]
