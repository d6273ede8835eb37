"""When a node leads: what keeps it from it, and what it waits for."""

import pytest

from dusk.cycle.takeover import DEADLINE, State, Told
from dusk.effects import Connect, Disconnected, Effect
from dusk.errors import Refused
from dusk.ids import Seq
from dusk.node.recovery import MUST_HEAR_FILE
from tests.node.site import DELAY_S, Site
from tests.node.test_node_forced_roles import role_for

STEP_S = 0.05


def _settled(site: Site) -> Site:
    site.until(
        lambda: {box.node.settled for box in site.all} == {site.master.node.log.head.seq}, 20.0, STEP_S
    )
    return site


def test_a28_owners_cannot_force_a_device_to_lead_whose_log_is_not_whole() -> None:
    site = Site(2)
    site.run(6.0)
    box = site.all[1]
    site.master.on = False
    box.saved[MUST_HEAR_FILE] = b"1"
    box.restart()
    role = role_for(site, box)
    with pytest.raises(Refused) as refused:
        box.node.force_role(role, site.now)
    assert refused.value.code == "not-whole"
    assert not box.node.leads


def test_a28_a_backup_whose_log_was_cut_never_takes_over_alone() -> None:
    site = _settled(Site(3, holders=2))
    site.master.on = site.all[2].on = False
    backup = site.all[1]
    backup.saved[MUST_HEAR_FILE] = b"1"
    backup.restart()
    site.run(120.0)
    assert not backup.node.leads


def test_a28_what_a_member_showed_and_does_not_hand_over_is_waited_for_shortly() -> None:
    site = _settled(Site(3, holders=2))
    backup, member = site.all[1:]
    count = len(backup.items)
    site.master.commit("the member has it")
    _settled(site)
    site.master.on = False
    backup.on = False
    site.run(1.0)
    site.connect = lambda box, conn, to: site.after(  # type: ignore[method-assign]  # no stream works
        DELAY_S, lambda: box.give(Disconnected(conn, "nobody there"))
    )
    backup.restart(count)
    asked_s = site.until(lambda: backup.node.leads, 60.0, STEP_S)
    assert asked_s > 3 * 5.0 + 2.0, "longer than one that nobody shows more to"
    assert backup.of(Connect)
    assert backup.node.log.head.seq <= member.node.log.head.seq


def test_who_leads_wants_no_other_deadline_and_who_only_watches_the_wait_of_its_place() -> None:
    site = _settled(Site(3, holders=2))
    master, backup, member = (box.node._rooms.leading for box in site.all)
    assert master.deadline is None
    assert backup.deadline is not None
    assert site.now < backup.deadline <= site.now + 1.5 * 5.0
    assert member.deadline is None
    assert [leading.is_first for leading in (master, backup, member)] == [True, False, False]


def test_a_backup_that_was_shown_more_than_it_has_fetches_it_before_it_leads() -> None:
    site = _settled(Site(3, holders=2))
    backup, member = site.all[1:]
    leading, head = backup.node._rooms.leading, backup.node.log.head
    assert leading._act_on(leading._takeover.handle(DEADLINE, site.now), site.now), "it asks"
    leading._act(Told(member.node.device_id, Seq(head.seq + 1), member.address, acknowledges=False), site.now)
    effects: list[Effect] = []
    while leading._takeover.state is State.ASKING:
        effects = leading._act_on(leading._takeover.handle(DEADLINE, site.now), site.now)
    assert leading._takeover.state is State.SYNCING
    assert [effect.to for effect in effects if isinstance(effect, Connect)] == [member.address]
    assert not backup.node.leads
