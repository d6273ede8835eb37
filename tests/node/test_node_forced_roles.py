"""A role that owners force makes a device lead at once, in virtual time."""

import pytest

from dusk.changelog import views
from dusk.changelog.body import Change, Edit
from dusk.changelog.roles import mandate_row
from dusk.effects import Append, ChangeState, Progress
from dusk.errors import Refused
from dusk.ids import DeviceId
from tests.node.site import Box, Site


def role_for(site: Site, box: Box) -> Change:
    """Return the owner's word that a device leads, alone."""
    world, log = site.world, box.node.log
    world.log = log
    return world.change(
        world.edit("cluster", "succession", [[box.node.device_id]]),
        Edit("cluster", "mandate", mandate_row(log.head), world.base("cluster", "mandate")),
        device=box.key,
    )


def test_a_plain_member_leads_at_once_and_the_old_master_follows_it() -> None:
    site = Site(3)
    site.run(12)
    box, old = site.all[1], site.master
    assert (old.node.leads, box.node.leads) == (True, False)
    change = role_for(site, box)
    box.do(box.node.force_role(change, site.now))
    assert box.node.leads
    assert views.succession(box.node.log.state) == (box.node.device_id,)
    site.until(lambda: old.node.master == box.node.device_id, 20)
    assert (old.node.leads, old.node.log.head) == (False, box.node.log.head)
    found = box.node.progress(change.id)
    assert found is not None
    site.until(lambda: (p := box.node.progress(change.id)) is not None and p.state is ChangeState.DURABLE, 10)
    assert box.node.log.head.mandate == 1


def test_it_leads_without_the_old_master_and_says_how_safe_that_is() -> None:
    site = Site(2)
    site.run(12)
    box = site.all[1]
    site.master.on = False
    change = role_for(site, box)
    effects = box.node.force_role(change, site.now)
    states = [e.state for e in effects if isinstance(e, Progress) and e.change == change.id]
    assert states[-1] is ChangeState.LOCAL
    assert sum(isinstance(e, Append) for e in effects) == 1
    box.do(effects)
    site.run(60)
    assert box.node.leads
    head = box.node.log.head
    assert (head.mandate, box.node.settled) == (1, head.seq)
    site.master.on = True
    site.until(lambda: site.master.node.log.head == box.node.log.head, 60)
    assert not site.master.node.leads
    assert site.master.node.log.leader == box.node.device_id


def test_a_role_that_is_worth_nothing_here_changes_nothing() -> None:
    site = Site(2)
    site.run(12)
    box = site.all[1]
    others = role_for(site, site.master)
    for change in (others, site.world.change(site.world.set("a", "system.s.x", "1"))):
        head = box.node.log.head
        with pytest.raises(Refused):
            box.node.force_role(change, site.now)
        assert (box.node.leads, box.node.log.head) == (False, head)
        assert box.node.progress(change.id) is None


def test_who_leads_already_may_be_given_the_role_anew() -> None:
    site = Site(2)
    site.run(12)
    change = role_for(site, site.master)
    site.master.do(site.master.node.force_role(change, site.now))
    assert site.master.node.log.head.mandate == 1
    with pytest.raises(Refused) as refused:
        site.master.node.force_role(change, site.now)
    assert refused.value.code == "known"
    site.until(lambda: site.all[1].node.log.head == site.master.node.log.head, 20)
    assert DeviceId(site.master.key.key_id) == site.all[1].node.master
