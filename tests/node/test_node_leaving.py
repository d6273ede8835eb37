"""A device that leaves by its own key: the others hear of it; who may lead stays."""

import pytest

from dusk.changelog.sections import device_path
from dusk.cycle.outbox import Outbox
from dusk.errors import Refused
from dusk.node.member import LEAVES
from tests.node.site import Site
from tests.node.test_node_dismissal import STEP_S
from tests.node.test_node_forced_roles import role_for
from tests.node.test_node_secrets import submit


def _site() -> Site:
    site = Site(3, cycle_ms=500)
    site.until(lambda: len(site.heads) == 1, 10.0, STEP_S)
    return site


def test_a22_who_leaves_is_out_everywhere_and_the_key_of_the_group_is_made_anew() -> None:
    site = _site()
    master, other, gone = site.all
    before = master.node._rooms.station.channel.keys.newest
    change, effects = gone.node.leave(site.now)
    gone.do(effects)
    site.until(lambda: gone.node.is_removed(site.now), 20.0, STEP_S)
    site.until(lambda: other.node.peers.count == 2 == master.node.peers.count, 20.0, STEP_S)
    site.run(5.0)
    keys = [box.node._rooms.station.channel.keys.newest for box in site.all]
    assert keys[0] == keys[1] != before, "who left reads nothing of what is sealed from now on"
    assert keys[2] not in keys[:2]
    assert not gone.node.is_to_be_wiped
    assert master.node.log.state.value(device_path(gone.key.key_id), "retired") == [True]
    assert master.node.log.position_of(change) is not None
    assert LEAVES == "leaves the cluster"


def test_who_may_lead_is_told_that_it_stays() -> None:
    site = _site()
    change, effects = site.master.node.leave(site.now)
    site.master.do(effects)
    site.run(2.0)
    assert site.master.node.log.position_of(change) is None
    assert not site.master.node.is_removed(site.now)


def test_what_people_sent_comes_first_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    site = _site()

    def full(*_arguments: object) -> None:
        raise Refused("busy", "the outbox is full")

    monkeypatch.setattr(Outbox, "add", full)
    with pytest.raises(Refused, match="full"):
        site.all[2].node.leave(site.now)


def test_a22_a_backup_that_was_removed_while_it_was_off_stays_removed_though_it_takes_over_alone() -> None:
    site = Site(3, cycle_ms=500, holders=2)
    site.until(lambda: len(site.heads) == 1, 10.0, STEP_S)
    master, gone, other = site.all
    gone.on = False
    site.run(1.0)
    master.do(master.node.force_role(role_for(site, master), site.now))
    submit(site, site.world.edit(device_path(gone.key.key_id), "retired", [True]))
    site.run(2.0)
    gone.on = True
    site.until(lambda: gone.node.leads, 120.0, STEP_S)
    site.until(lambda: gone.node.is_removed(site.now), 60.0, STEP_S)
    site.run(30.0)
    assert gone.node.leads
    assert gone.node.is_removed(site.now)
    assert not master.node.is_removed(site.now)
    assert not other.node.is_removed(site.now)
