"""Devices that come back after a reset by themselves, in whole nodes (A20, A21, A45)."""

from dusk.changelog import views
from dusk.changelog.body import Change
from dusk.changelog.entry import OutcomeCode
from dusk.changelog.returning import AUTO, REBOUND
from dusk.changelog.sections import device_path
from dusk.ids import DeviceId
from dusk.keys.signing import SigningKey, x25519_public
from dusk.limits import ABSENT_CYCLES_MIN
from tests.node.site import Box, Site
from tests.world import World

STEP_S = 0.05
CYCLE_MS = 500
ABSENT_S = ABSENT_CYCLES_MIN * CYCLE_MS / 1000


def _auto_key(world: World) -> None:
    world.joinkey = world.key()
    rule: list[object] = [world.joinkey.public, 5, 0, [], "approve", ["02:*"], AUTO, ""]
    world.commit(world.edit(f"joinkey/{world.joinkey.key_id.hex()}", "rule", rule))


def _site(holders: int = 1) -> Site:
    site = Site(4, _auto_key, holders=holders, cycle_ms=CYCLE_MS)
    site.until(lambda: len(site.heads) == 1, 10.0, STEP_S)
    site.run(3.0)
    return site


def _label(box: Box) -> str:
    found = views.member(box.node.log.state, box.node.device_id)
    assert found is not None
    return found.label


def _asks(site: Site, box: Box, at: Box, key: SigningKey) -> Change:
    """Let the router of a box, which was reset, ask a member to be let in again."""
    request = site.world.request(key, label=_label(box))
    at.do(at.node._rooms.writing.on_stream(request, site.now))
    site.run(1.0)
    return request


def _reset(site: Site, box: Box, at: Box) -> SigningKey:
    """Switch a box off for good, and let it come back by another key."""
    box.on = False
    key = site.world.key()
    _asks(site, box, at, key)
    assert not _is_back(at, key), "it was heard a moment ago"
    site.run(ABSENT_S)
    _asks(site, box, at, key)
    return key


def _is_back(box: Box, key: SigningKey) -> bool:
    return box.node.log.state.value(device_path(key.key_id), REBOUND) is not None


def test_a20_a_reset_router_has_its_place_again_once_it_was_silent_for_long_enough() -> None:
    site = _site()
    master, member, _, old = site.all
    key = _reset(site, old, member)
    assert all(_is_back(box, key) for box in (master, member))
    line = master.node.alarms["rebound"]
    assert member.node.alarms["rebound"] == line
    assert "dusk device approve r3" in line
    site.world.log = master.node.log
    confirmed = site.world.change(site.world.edit(device_path(key.key_id), REBOUND, None), counter=77)
    master.do(master.node.submit(confirmed, site.now))
    site.run(2.0)
    assert "rebound" not in master.node.alarms
    assert "rebound" not in member.node.alarms


def test_a20_a_member_that_is_there_keeps_its_place_and_the_leader_shows_who_asks_for_it() -> None:
    site = _site()
    master, member, _, old = site.all
    site.run(2 * ABSENT_S)
    key = site.world.key()
    _asks(site, old, member, key)
    assert not _is_back(master, key)
    assert "same-label" in master.node.alarms


def test_a20_a_leader_that_has_just_begun_or_stood_still_has_no_word_on_others() -> None:
    site = _site()
    master, member, _, old = site.all
    leader = master.node._rooms.writing.leader
    assert leader is not None
    old.on = False
    site.run(5.0)
    few = leader.silent_cycles(old.node.device_id, site.now)
    assert 5 <= few <= 12
    assert leader.silent_cycles(old.node.device_id, site.now + 10 * ABSENT_S) == few, "it asked no more"
    assert leader.silent_cycles(member.node.device_id, site.now) <= 1
    assert leader.silent_cycles(DeviceId(bytes(16)), site.now) == 0
    master.restart()
    site.run(5.0)
    again = master.node._rooms.writing.leader
    assert again is not None
    assert again.silent_cycles(old.node.device_id, site.now) <= 12


def test_a21_a_dormant_member_that_is_there_after_all_is_told_and_both_are_shown() -> None:
    site = _site()
    master, member, _, old = site.all
    _reset(site, old, member)
    host = master.node._rooms.exchanges._host
    assert host.removed_asked(x25519_public(site.world.key().public), site.now) == []
    old.on = True
    site.until(lambda: old.node.is_removed(site.now), 60.0, STEP_S)
    site.until(lambda: any("clone" in box.node.alarms for box in site.all[:3]), 60.0, STEP_S)
    lines = {box.node.alarms.get("clone", "") for box in site.all[:3]} - {""}
    assert all("r3-old was removed, r3 is a member" in line for line in lines)


def test_a21_who_was_removed_and_has_no_successor_is_no_copy() -> None:
    site = _site()
    master, _, _, old = site.all
    site.world.log = master.node.log
    gone = site.world.change(site.world.edit(device_path(old.key.key_id), "retired", [True]), counter=77)
    master.do(master.node.submit(gone, site.now))
    site.run(2.0)
    host = master.node._rooms.exchanges._host
    assert host.removed_asked(x25519_public(old.key.public), site.now) == []


def _parted() -> tuple[Site, SigningKey, Change]:
    """Return two sides: on one a router came back, on the other the member in whose place it did."""
    site = _site(holders=2)
    master, backup, member, old = site.all
    site.part([master, member], [backup, old])
    site.until(lambda: len(site.leaders) == 2, 10.0, STEP_S)
    key = site.world.key()
    site.run(2 * ABSENT_S)
    request = _asks(site, old, member, key)
    assert _is_back(master, key)
    assert not _is_back(backup, key)
    return site, key, request


def _owners_force(site: Site, box: Box) -> None:
    """Let the branch of a box stand: the other one loses to what owners say there."""
    world, log = site.world, box.node.log
    world.log = log
    other = site.all[box is site.all[0]]
    names = [[box.key.key_id, other.key.key_id]]
    head = log.head
    edits = [
        world.edit("cluster", "mandate", (head.mandate + 1, head.seq, head.chain)),
        world.edit("cluster", "succession", names),
    ]
    counter = box.node.next_counter(world.owner.key_id)
    role = world.change(*edits, device=box.key, counter=counter)
    box.do(box.node.force_role(role, site.now))


def test_a45_where_the_newcomer_s_side_stands_the_former_one_is_dormant_and_shown() -> None:
    site, key, _ = _parted()
    master, _, _, old = site.all
    _owners_force(site, master)
    site.heal()
    site.until(lambda: old.node.is_removed(site.now), 120.0, STEP_S)
    site.until(lambda: len({b.node.log.head for b in site.all[:3]}) == 1, 60.0, STEP_S)
    assert all(_is_back(box, key) for box in site.all[:3])
    site.until(lambda: any("clone" in box.node.alarms for box in site.all[:3]), 60.0, STEP_S)


def test_a45_where_the_former_one_s_side_stands_the_newcomer_waits_for_a_person() -> None:
    site, key, request = _parted()
    master, backup, _, old = site.all
    _owners_force(site, backup)
    site.heal()
    logs = [box.node.log for box in site.all]
    site.until(
        lambda: all(log.position_of(request.id) for log in logs) and len(site.heads) == 1, 120.0, STEP_S
    )
    assert all(log.outcome_of(request.id).code is OutcomeCode.REJECTED for log in logs)
    assert not any(_is_back(box, key) for box in (master, backup, old))
    assert not old.node.is_removed(site.now)
    (leader,) = site.leaders
    assert [p.device for p in leader.node.pending(site.now)] == [DeviceId(key.key_id)]
    site.run(2.0)
    assert "same-label" in leader.node.alarms


def test_a45_where_the_former_one_is_gone_on_both_sides_the_newcomer_is_back_on_both() -> None:
    site, key, request = _parted()
    _, backup, _, old = site.all
    old.on = False
    _owners_force(site, backup)
    site.run(2 * ABSENT_S)
    site.heal()
    rest = site.all[:3]
    site.until(lambda: all(box.node.log.position_of(request.id) for box in rest), 120.0, STEP_S)
    site.until(lambda: len({box.node.log.head for box in rest}) == 1, 60.0, STEP_S)
    assert all(_is_back(box, key) for box in rest)
