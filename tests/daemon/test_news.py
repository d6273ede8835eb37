"""The system log says what an owner needs, once when it begins and once when it is over."""

from dataclasses import replace

from dusk.changelog.entry import Outcome, OutcomeCode
from dusk.control.desk import Json
from dusk.daemon.builder import Idle
from dusk.daemon.news import VERSIONS_AT_ONCE_MAX, News, Versions
from dusk.errors import StorageError
from dusk.ids import ChainHash
from dusk.keys.signing import SigningKey
from tests.managed import manage, managed_site

IDLE = Idle(SigningKey.from_seed(bytes(32)), "", "")


def test_who_leads_is_said_once_and_a_master_that_is_missed_after_a_second_look() -> None:
    site = managed_site()
    first, other = News(list), News(list)
    assert first.look(site.master.node, site.now) == [
        f"role: leads, in epoch {site.master.node.log.head.epoch}"
    ]
    assert other.look(site.all[1].node, site.now) == ["role: follows attic"]
    assert first.look(site.master.node, site.now) == other.look(site.all[1].node, site.now) == []
    site.master.on = False
    site.run(60)
    assert other.look(site.all[1].node, site.now) == []
    assert other.look(site.all[1].node, site.now) == ["role: the master is not heard"]
    site.master.on = True
    site.run(60)
    assert other.look(site.all[1].node, site.now) == ["role: follows attic"]


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
    assert line.startswith(f"apply: version {head} could not be applied here: ")
    (told,) = master.look(site.master.node, site.now)
    assert f" could not apply version {head}: " in told
    site.all[1].reload_exit = 0
    manage(site, "z")
    site.run(90)
    assert here.look(site.all[1].node, site.now) == [line.replace("apply: ", "apply: over: ")]
    assert master.look(site.master.node, site.now) == [told.replace("others: ", "others: over: ")]


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
    for expected in (["conflict: 1 change stands in the log without effect"], []):
        late = site.world.change(site.world.set("base", "system.s.x", str(len(looks))))
        log._not_applied[late.id] = Outcome(OutcomeCode.REJECTED, reason="counter-used")
        assert news.look(site.master.node, site.now) == expected
        assert news.look(site.master.node, site.now) == []
    assert len(looks) == 2


def test_there_is_nothing_to_say_of_a_router_in_no_cluster() -> None:
    assert News(list).look(IDLE, 0.0) == []


def rows(seq: int, count: int) -> list[Json]:
    """Return rows as ``log.list`` gives them, newest first."""
    row = {
        "outcome": "applied",
        "author": "anna",
        "signed": ["anna", "bob"],
        "device": "attic",
        "message": "why",
    }
    return [{**row, "seq": number} for number in range(seq + count, seq, -1)]


def test_each_version_is_said_once_and_none_of_those_that_were_here() -> None:
    site = managed_site()
    log, asked = site.master.node.log, list[int]()

    def behind(seq: int) -> list[Json]:
        asked.append(seq)
        return rows(seq, log.head.seq - seq)

    versions, before = Versions(behind), log.head.seq
    assert versions.look(site.master.node) == versions.look(IDLE) == []
    for word in ("y", "z"):
        manage(site, word)
    site.run(30)
    assert log.head.seq > before
    said = versions.look(site.master.node)
    assert said[0] == f"entry: version {before + 1}, applied, by anna, bob on attic: why"
    assert len(said) == log.head.seq - before
    assert versions.look(site.master.node) == []
    assert asked == [before]


def test_a_flood_of_versions_is_counted_and_a_disk_that_fails_ends_nothing() -> None:
    site = managed_site()
    log = site.master.node.log

    def failing(_seq: int) -> list[Json]:
        raise StorageError("the disk failed")

    versions = Versions(failing)
    versions.look(site.master.node)
    before = log.head.seq
    manage(site, "y")
    site.run(30)
    assert versions.look(site.master.node) == []
    for number in range(VERSIONS_AT_ONCE_MAX + 1):
        manage(site, str(number))
        site.run(1)
    site.run(30)
    (line,) = versions.look(site.master.node)
    assert log.head.seq - before > VERSIONS_AT_ONCE_MAX
    assert line.endswith(f" versions came, up to {log.head.seq}")


def test_another_branch_is_said_by_what_switched_and_not_version_by_version() -> None:
    site = managed_site()
    versions = Versions(lambda _seq: rows(0, 1))
    versions.look(site.master.node)
    assert versions._seen is not None
    versions._seen = replace(versions._seen, chain=ChainHash(bytes(32)))
    manage(site, "y")
    site.run(30)
    assert versions.look(site.master.node) == []
    manage(site, "z")
    site.run(30)
    assert versions.look(site.master.node) != []
