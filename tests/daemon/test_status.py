"""What ``dusk status`` says of a node, a joiner and a device without a cluster."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dusk.changelog.log import Log
from dusk.changelog.state import State
from dusk.cycle.far_messages import Via
from dusk.daemon.builder import Idle
from dusk.daemon.status import _failure, name_of, peers_of, status_of
from dusk.ids import Seq
from dusk.keys.joinkey import JoinKey
from dusk.keys.signing import SigningKey
from dusk.membership.joiner import Joiner
from tests.managed import manage, managed_site
from tests.node.site import Site
from tests.world import World

IDLE = Idle(SigningKey.from_seed(bytes(32)), "", "")


def test_the_status_has_the_fields_of_the_contract() -> None:
    site = managed_site()
    status = status_of(site.master.node, "", ("eth9: there is no such interface",), site.now)
    head = site.master.node.log.head
    assert status == {
        "cluster": "home",
        "device": site.master.node.device_id.hex(),
        "name": "attic",
        "role": "master",
        "epoch": 2,
        "head": {"seq": head.seq, "hash": head.chain.hex()},
        "settled": head.seq,
        "checkpoint": 0,
        "store_bytes": 0,
        "master": "attic",
        "members": 2,
        "online": 2,
        "apply": {"state": "committed", "head": head.seq, "reason": ""},
        "alarms": ["eth9: there is no such interface"],
    }
    assert status_of(site.all[1].node, "", (), site.now)["role"] == "member"


def _holders(world: World) -> None:
    first, second = world.log.state.sections("device/")
    ids = sorted((bytes.fromhex(s.removeprefix("device/")) for s in (first, second)), key=_is_second(world))
    world.commit(world.edit("cluster", "succession", [ids]))


def _is_second(world: World) -> Callable[[bytes], bool]:
    return lambda device: device != world.device_id


def _two_holders() -> Site:
    site = Site(2, _holders)
    site.run(20)
    return site


def test_roles_follow_who_leads() -> None:
    site = _two_holders()
    master, backup = (status_of(box.node, "", (), site.now) for box in site.all)
    assert (master["role"], backup["role"]) == ("master", "backupMaster")
    assert (master["alarms"], backup["alarms"]) == ([], [])
    assert master["settled"] == backup["settled"] == master["head"]["seq"]
    site.master.on = False
    site.until(lambda: site.all[1].node.leads, 60)
    stands_in = status_of(site.all[1].node, "", (), site.now)
    assert (stands_in["role"], stands_in["master"]) == ("master", stands_in["name"])
    site.master.on = True
    site.until(lambda: site.master.node.master == site.all[1].node.device_id, 60)
    assert status_of(site.master.node, "", (), site.now)["role"] == "backupMaster"


def test_a_member_that_hears_the_master_shows_it_as_heard_with_what_it_wrote() -> None:
    site = _two_holders()
    backup, master = site.all[1].node, site.master.node
    peer = peers_of(backup, site.now)[master.device_id]
    assert (peer.online, peer.head_seq) == (True, master.log.head.seq)
    assert peer.seen_s_ago is not None
    assert peer.seen_s_ago <= 5.0
    assert peer.way == "", "only who leads knows how its word comes"
    site.master.on = False
    site.run(10)
    assert not peers_of(backup, site.now + 600)[master.device_id].online


def test_who_leads_shows_how_its_word_comes_to_each() -> None:
    site = Site(4)
    site.run(20)
    node, known = site.master.node, (box.node.device_id for box in site.all[1:])
    near, *far = sorted(known)
    assert node.elsewhere is not None
    for device in far:
        peer = node.peers.get(device)
        assert peer is not None
        peer.path.is_proven = True
        node.elsewhere.answered(peer, Via(None, far[0]))
    shown = peers_of(node, site.now)
    ways = [shown[device].way for device in (node.device_id, near, *far)]
    assert ways == ["", "multicast", "alone", f"relay {name_of(node, far[0])}"]


def test_a_status_names_only_those_it_tells_of_and_without_their_groups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    groups = 12

    def grouped(world: World) -> None:
        world.commit(*(world.edit(f"group/group-{number}", "made", (True,)) for number in range(groups)))

    site = Site(4, grouped)
    site.run(20)
    node, state_value, named = site.master.node, State.value, list[str]()
    (first, *_others) = node.peers.others
    assert first.status is not None
    first.status = replace(first.status, drift=2)

    def counted(state: State, section: str, key: str) -> list[Any] | None:
        named.append(f"{section} {key}")
        return state_value(state, section, key)

    monkeypatch.setattr(State, "value", counted)
    alarms = status_of(node, "", (), site.now)["alarms"]
    assert [line.partition(" on ")[0] for line in alarms] == ["changed by hand"]
    of_groups = [line for line in named if line.startswith("group/")]
    assert len(of_groups) <= groups, "this device's own, not each member's"
    of_names = {line for line in named if line.endswith(" name") and line.startswith("device/")}
    assert len(of_names) == 2, "this device's and that of the one that it tells of"


def test_a_holder_that_is_not_heard_is_named_with_how_long_and_what_waits_for_it() -> None:
    site = _two_holders()
    settled = site.master.node.settled
    site.all[1].on = False
    site.run(60)
    (line,) = status_of(site.master.node, "", (), site.now)["alarms"]
    assert " is not heard for " in line
    assert line.endswith(": no later version is final until it is")
    manage(site, "y")
    site.run(10)
    line, waits = status_of(site.master.node, "", (), site.now)["alarms"]
    assert "waits here until another router is heard" in waits
    assert line.endswith(f": nothing above version {settled} is final until it is")
    site.all[1].on = True
    site.run(60)
    assert status_of(site.master.node, "", (), site.now)["alarms"] == []


def test_a_device_that_hears_nobody_says_why_it_changes_nothing() -> None:
    site = managed_site()
    site.all[1].on = False
    site.run(30)
    manage(site, "y")
    site.run(30)
    apply = status_of(site.master.node, "", (), site.now)["apply"]
    assert apply["reason"].startswith("waits until another member is heard")
    alarms = status_of(site.master.node, "", (), site.now)["alarms"]
    assert any("waits here until another router is heard" in line for line in alarms)
    assert peers_of(site.master.node, site.now)[site.master.node.device_id].reason == apply["reason"]
    site.all[1].on = True
    site.run(30)
    assert status_of(site.master.node, "", (), site.now)["apply"]["reason"] == ""
    assert site.master.files["system"] == b"config system\n\toption hostname 'y'\n"


def test_a_master_waits_for_the_others_and_says_so() -> None:
    site = managed_site()
    site.all[1].helper_s = 3.0
    manage(site, "y")
    site.run(1)
    reason = status_of(site.master.node, "", (), site.now)["apply"]["reason"]
    assert reason == "waits until the other members have applied it"


def test_who_could_not_apply_a_version_is_named_until_it_applies_one() -> None:
    site = managed_site()
    site.all[1].reload_exit = 1
    manage(site, "y")
    site.run(90)
    head, name = site.master.node.log.head.seq, status_of(site.all[1].node, "", (), site.now)["name"]
    (line,) = status_of(site.master.node, "", (), site.now)["alarms"]
    assert line == f"{name} could not apply version {head}: `dusk device show {name}` says why"
    site.all[1].reload_exit = 0
    manage(site, "z")
    site.run(90)
    assert status_of(site.master.node, "", (), site.now)["alarms"] == []


def test_of_many_that_could_not_apply_a_version_some_are_named() -> None:
    names = [f"r{n}" for n in range(7)]
    assert _failure(names, Seq(4)).startswith("r0, r1, r2, r3, r4 and 2 more could not apply version 4: ")


def test_a_member_that_hears_no_master_is_stale() -> None:
    site = managed_site()
    site.master.on = False
    site.run(60)
    assert "stale: the master is not heard" in status_of(site.all[1].node, "", (), site.now)["alarms"]


def test_a_joiner_that_is_not_let_in_shows_that_something_is_wrong() -> None:
    world = World()
    key = JoinKey(world.cluster, world.named(), bytes(32), ())
    joiner = Joiner(
        device=world.key(),
        join_key=key,
        log=Log(world.cluster),
        wanted="x",
        label="",
        random_bytes=world.random.randbytes,
        now=0.0,
    )
    assert status_of(joiner, "", ("x",), 0.0)["alarms"] == ["x"]
    joiner.refusal = "this join key was revoked"
    assert status_of(joiner, "", ("x",), 0.0)["alarms"] == ["not let in: this join key was revoked", "x"]


def test_a_device_without_a_cluster_or_in_trouble_says_what_to_do() -> None:
    assert status_of(IDLE, "", (), 0.0)["alarms"] == ["in no cluster: dusk init, or dusk join --file F"]
    status = status_of(None, "the disk is full", (), 0.0)
    assert (status["role"], status["alarms"]) == ("none", ["the disk is full"])
