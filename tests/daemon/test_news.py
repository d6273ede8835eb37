"""The system log says what an owner needs, once when it begins and once when it is over."""

from dusk.changelog.entry import Outcome, OutcomeCode
from dusk.daemon.builder import Idle
from dusk.daemon.news import News
from dusk.errors import StorageError
from dusk.keys.signing import SigningKey
from tests.managed import manage, managed_site

IDLE = Idle(SigningKey.from_seed(bytes(32)), "", "")


def test_who_leads_is_said_once_and_a_master_that_is_missed_after_a_second_look() -> None:
    site = managed_site()
    first, other = News(list), News(list)
    assert first.look(site.master.node, site.now) == [f"leads, in epoch {site.master.node.log.head.epoch}"]
    assert other.look(site.all[1].node, site.now) == ["follows attic"]
    assert first.look(site.master.node, site.now) == other.look(site.all[1].node, site.now) == []
    site.master.on = False
    site.run(60)
    assert other.look(site.all[1].node, site.now) == []
    assert other.look(site.all[1].node, site.now) == ["the master is not heard"]
    site.master.on = True
    site.run(60)
    assert other.look(site.all[1].node, site.now) == ["follows attic"]


def test_what_could_not_be_applied_is_said_where_it_failed_and_at_the_master_until_it_is_over() -> None:
    site = managed_site()
    here, master = News(list), News(list)
    here.look(site.all[1].node, site.now)
    master.look(site.master.node, site.now)
    site.all[1].reload_exit = 1
    manage(site, "y")
    site.run(90)
    head = site.master.node.log.head.seq
    (line,) = here.look(site.all[1].node, site.now)
    assert line.startswith(f"version {head} could not be applied here: ")
    (told,) = master.look(site.master.node, site.now)
    assert f" could not apply version {head}: " in told
    site.all[1].reload_exit = 0
    manage(site, "z")
    site.run(90)
    assert here.look(site.all[1].node, site.now) == [f"over: {line}"]
    assert master.look(site.master.node, site.now) == [f"over: {told}"]


def test_a_router_that_hears_no_other_says_that_a_version_waits() -> None:
    site = managed_site()
    news = News(list)
    news.look(site.master.node, site.now)
    site.all[1].on = False
    site.run(30)
    manage(site, "y")
    site.run(30)
    (line,) = news.look(site.master.node, site.now)
    assert line.endswith("waits here until another router is heard: one that hears nobody changes nothing")


def test_changes_without_effect_are_looked_up_where_there_are_more() -> None:
    site = managed_site()
    looks: list[int] = []

    def asked() -> list[str]:
        looks.append(1)
        if len(looks) == 2:
            raise StorageError("the disk failed")
        return ["no router takes over", "1 change stands in the log without effect"]

    news = News(asked)
    log = site.master.node.log
    news.look(site.master.node, site.now)
    assert looks == []
    for expected in (["1 change stands in the log without effect"], []):
        late = site.world.change(site.world.set("base", "system.s.x", str(len(looks))))
        log._not_applied[late.id] = Outcome(OutcomeCode.REJECTED, reason="counter-used")
        assert news.look(site.master.node, site.now) == expected
        assert news.look(site.master.node, site.now) == []
    assert len(looks) == 2


def test_there_is_nothing_to_say_of_a_router_in_no_cluster() -> None:
    assert News(list).look(IDLE, 0.0) == []
