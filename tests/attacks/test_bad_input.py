"""Bad input to whole nodes: old disks and logs, newcomers that claim all, keys that are used twice."""

import pytest

from dusk.changelog import views
from dusk.changelog.body import Change
from dusk.changelog.entry import Outcome, OutcomeCode
from dusk.changelog.log import Log
from dusk.changelog.state import uses_key
from dusk.cycle.messages import Kind
from dusk.daemon.status import status_of
from dusk.effects import Datagram, SendMulticast
from dusk.errors import Refused
from dusk.ids import DeviceId
from dusk.keys.signing import SigningKey
from dusk.limits import NUMBER_MAX
from tests.approving import approval_edits
from tests.node.site import Box, Site
from tests.world import World

STEP_S = 0.05


def _ready(size: int = 3, holders: int = 2) -> Site:
    site = Site(size, holders=holders, cycle_ms=500)
    site.until(lambda: _is_one(site), 10.0, STEP_S)
    return site


def _is_one(site: Site) -> bool:
    on = [box for box in site.all if box.on]
    return len(site.heads) == 1 and all(box.node.settled == box.node.log.head.seq for box in on)


# --- A2: rollback -----------------------------------------------------------------------------------


def test_a2_after_a_restart_old_starts_and_an_old_log_take_nothing_back() -> None:
    site = _ready()
    member, old = site.all[2], len(site.master.items)
    recorded = [
        effect.data
        for effect in site.master.effects
        if isinstance(effect, SendMulticast) and effect.data[8] == Kind.START
    ]
    change = site.master.commit("new")
    site.until(lambda: _decided(site.master, change) and _is_one(site), 10.0, STEP_S)
    head = member.node.log.head
    for box in site.all[:2]:
        box.on = False
    member.restart()
    for data in recorded:
        member.give(Datagram(data, site.master.address, None))
    site.run(1.0)
    assert (member.node.log.head, member.node.fresh(site.now)) == (head, False)
    for box in site.all[:2]:
        box.restart(old)  # both lost what they had
    site.until(lambda: bool(site.leaders), 20.0, STEP_S)
    site.run(20.0)
    assert member.node.log.position_of(change.id) == head.seq
    assert {box.node.log.position_of(change.id) for box in site.all} == {head.seq}


# --- A5: fast-forward -------------------------------------------------------------------------------


def test_a5_a_counter_at_the_end_of_numbers_keeps_one_author_at_one_device_and_nobody_else_waiting() -> None:
    world = World()
    world.allow_joining()
    other = world.join("other")
    world.write(world.change(world.set("a", "system.s.x", "1"), counter=NUMBER_MAX))
    with pytest.raises(Refused) as refusal:
        world.write(world.change(world.set("a", "system.s.x", "2"), counter=NUMBER_MAX))
    assert refusal.value.code == "counter-used"
    world.write(world.change(world.set("a", "system.s.x", "3"), device=other))
    assert world.replica().head == world.log.head


# --- A29: a factory-fresh node ----------------------------------------------------------------------


def _lowest_key(site: Site) -> SigningKey:
    """Return a new key with an id below all members'."""
    lowest = min(box.node.device_id for box in site.all)
    while True:
        key = site.world.key()
        if key.key_id < lowest:
            return key


def _claims_all(box: Box) -> None:
    """Let a device believe that it may lead, and lead far ahead of everybody."""
    box.node.log._judging.may_lead = lambda _: True  # type: ignore[assignment, method-assign]  # it does as it likes
    box.do(box.node._rooms.leading.lead(box.site.now, epoch_above=box.node.log.head.epoch + 1000))
    box.commit("mine", policy="own")


def test_a29_a_fresh_node_with_the_lowest_id_and_the_loudest_claims_never_leads_nor_writes() -> None:
    site = _ready()
    key = _lowest_key(site)
    world, honest = site.world, site.all
    world.log = site.master.node.log
    request = world.request(key, wanted="fresh")
    site.master.do(site.master.node.submit(request, site.now))
    site.until(lambda: _decided(site.master, request) and _is_one(site), 10.0, STEP_S)
    log = Log(world.cluster)
    log.extend(site.master.items)
    fresh = Box(site, "10.0.0.9", key, log, list(site.master.items))
    site.boxes[fresh.name] = fresh
    fresh.start()
    site.run(2.0)
    epoch = site.master.node.log.head.epoch
    _claims_all(fresh)
    site.run(30.0)
    change = site.all[2].commit("still works")
    site.until(lambda: all(b.node.log.position_of(change.id) is not None for b in honest), 20.0, STEP_S)
    assert [box for box in honest if box.node.leads] == [site.master]
    assert {box.node.log.head.epoch for box in honest} == {epoch}
    assert {"own"} & set(views.policies(site.master.node.log.state)) == set()
    assert {box.node.master for box in honest} == {site.master.node.device_id}


def test_a29_a_node_with_a_cluster_of_its_own_is_nobody_here() -> None:
    site = _ready()
    heads, stranger = site.heads, World(seed=99)
    box = Box(site, "10.0.0.9", stranger.master, stranger.log, list(stranger.items))
    site.boxes[box.name] = box
    box.start()
    site.run(30.0)
    assert {each.node.log.head for each in site.all[:3]} == heads
    assert box.node.leads, "in its own"
    assert site.master.node.leads


# --- A45: a last use twice --------------------------------------------------------------------------


def _one_use(world: World) -> None:
    """Leave one use of the join key."""
    name = world.joinkey.key_id.hex()
    made = world.log.state.derived(uses_key(name))
    assert made
    world.joinkey = world.key()
    world.allow_joining(uses=1)


def _let_in(site: Site, box: Box, name: str) -> tuple[SigningKey, Change]:
    """Let a new device in at one side, by the last use."""
    world = site.world
    world.log, key = box.node.log, site.world.key()
    request = world.request(key, wanted=name, label=name)
    box.do(box.node.submit(request, site.now))
    site.until(lambda: box.node.log.position_of(request.id) is not None, 10.0, STEP_S)
    return key, request


def test_a45_of_a_join_keys_last_use_on_both_sides_one_stands_and_the_other_device_is_told() -> None:
    site = Site(4, _one_use, holders=2, cycle_ms=500)
    site.until(lambda: _is_one(site), 10.0, STEP_S)
    site.part(site.all[0::2], site.all[1::2])
    site.until(lambda: len(site.leaders) == 2, 10.0, STEP_S)
    sides = [(site.all[place], f"new-{place}") for place in (0, 1)]
    made = [(box, *_let_in(site, box, name)) for box, name in sides]
    newcomers = []
    for number, (side, key, _) in enumerate(made):
        log = Log(site.world.cluster)
        log.extend(side.items)
        newcomer = Box(site, f"10.0.1.{number}", key, log, list(side.items))
        newcomers.append(newcomer)
    members = site.all
    site.part([*members[0::2], newcomers[0]], [*members[1::2], newcomers[1]])
    for newcomer in newcomers:
        site.boxes[newcomer.name] = newcomer
        newcomer.start()
    site.run(5.0)
    site.heal()
    site.until(lambda: len({box.node.log.head for box in members}) == 1, 60.0, STEP_S)
    site.until(lambda: all(_decided(members[0], change) for *_, change in made), 30.0, STEP_S)
    site.run(10.0)
    log = members[0].node.log
    outcomes = [log.outcome_of(change.id) for *_, change in made]
    stands = [outcome.code is OutcomeCode.APPLIED for outcome in outcomes]
    assert sorted(stands) == [False, True]
    lost = stands.index(False)
    assert outcomes[lost] == Outcome(OutcomeCode.REJECTED, None, "joinkey-used-up")
    assert log.state.derived(uses_key(site.world.joinkey.key_id.hex())) == 1
    assert log.device_key(DeviceId(made[lost][1].key_id)) is None
    site.run(60.0)
    lines = status_of(newcomers[lost].node, "", (), site.now)["alarms"]
    assert any("a history that did not stand" in line for line in lines)
    assert not newcomers[lost].node.leads
    leader = next(box for box in members if box.node.leads)
    (waiting,) = leader.node.pending(site.now)
    assert (waiting.request, waiting.why) == (made[lost][2], "joinkey-used-up")
    keys = {box.node._rooms.station.channel.keys.newest for box in members}
    assert len(keys) == 1
    assert keys.isdisjoint(newcomers[lost].node._rooms.station.channel.keys.keys)
    site.world.log = leader.node.log
    approval = site.world.change(*approval_edits(waiting.request, name="late"), counter=999)
    leader.do(leader.node.submit(approval, site.now))
    site.until(lambda: newcomers[lost].node.fresh(site.now), 700.0, 0.5)
    assert newcomers[lost].node.log.device_key(newcomers[lost].node.device_id) is not None
    site.run(5.0)
    assert status_of(newcomers[1 - lost].node, "", (), site.now)["alarms"] == []


def _decided(box: Box, change: Change) -> bool:
    return box.node.log.position_of(change.id) is not None
