"""What somebody changes on a device: noticed, told to all, left or put back (drift)."""

import pytest

from dusk.apply.events import Mode
from dusk.apply.keeping import FIGHT_TIMES, FILE
from dusk.config.device import managed_config
from dusk.config.drift_told import DRIFT, believed, decode_drift
from dusk.daemon.status import peers_of, status_of
from dusk.effects import (
    Answered,
    Effect,
    FilesSeen,
    FilesTouched,
    LookAtFiles,
    Question,
    StoreFile,
    Told,
    WriteFiles,
)
from dusk.errors import Refused
from tests.managed import manage, managed_site
from tests.node.site import Box, Site

HERE = "system.@system[0].hostname"


def hand(box: Box, name: str) -> None:
    """Have somebody give the option another value on the device."""
    box.files["system"] = f"config system\n\toption hostname '{name}'\n".encode()
    box.give(FilesTouched())


def drifted() -> tuple[Site, Box]:
    site = managed_site()
    member = site.all[1]
    hand(member, "mine")
    site.run(12)
    return site, member


def enforce(site: Site) -> None:
    world = site.world
    world.log = site.master.node.log
    change = world.change(world.edit("cluster", "drift", ("enforce",)))
    site.master.do(site.master.node.submit(change, site.now))
    site.run(12)


def count(box: Box, kind: type[Effect]) -> int:
    return len(box.of(kind))


def test_what_somebody_changes_is_shown_on_the_device_and_on_every_other() -> None:
    site, member = drifted()
    assert [one.key for one in member.node.applied.drift] == [HERE]
    assert "drift" in member.node.alarms
    assert HERE in member.node.alarms["drift"]
    name = status_of(member.node, "", (), site.now)["name"]
    peer = peers_of(site.master.node, site.now)[member.node.device_id]
    assert (peer.drift, peer.alarms) == (1, ("drift",))
    assert (
        f"changed by hand on {name}: `dusk drift {name}`"
        in status_of(site.master.node, "", (), site.now)["alarms"]
    )
    assert peers_of(member.node, site.now)[member.node.device_id].drift == 1


def test_what_is_changed_back_is_shown_no_more() -> None:
    site, member = drifted()
    hand(member, "x")
    site.run(12)
    assert member.node.applied.drift == ()
    assert not member.node.alarms
    assert peers_of(site.master.node, site.now)[member.node.device_id].drift == 0


def test_a_look_writes_nothing_and_no_look_is_made_where_nothing_was_touched() -> None:
    site, member = drifted()
    looks, stored = count(member, LookAtFiles), count(member, StoreFile)
    assert looks == 1
    site.run(60)
    assert (count(member, LookAtFiles), count(member, StoreFile)) == (looks, stored)
    member.give(FilesTouched())
    site.run(5)
    assert (count(member, LookAtFiles), count(member, StoreFile)) == (looks + 1, stored)


def test_what_somebody_changed_stays_through_other_changes_and_restarts() -> None:
    site, member = drifted()
    writes = count(member, WriteFiles)
    world = site.world
    world.log = site.master.node.log
    change = world.change(world.set("base", "system.@system[0].timezone", "UTC"))
    site.master.do(site.master.node.submit(change, site.now))
    site.run(12)
    assert count(member, WriteFiles) == writes + 1
    assert member.files["system"] == b"config system\n\toption hostname 'mine'\n\toption timezone 'UTC'\n"
    member.restart()
    member.give(FilesTouched())
    site.run(20)
    assert b"'mine'" in (member.files["system"] or b"")
    assert [one.key for one in member.node.applied.drift] == [HERE]


def test_what_was_changed_while_the_device_was_off_is_noticed_at_its_start_though_it_hears_nobody() -> None:
    site = managed_site()
    member = site.all[1]
    member.on = False
    site.master.on = False
    member.files["system"] = b"config system\n\toption hostname 'mine'\n"
    member.restart()
    member.give(FilesTouched())
    site.run(12)
    assert [one.key for one in member.node.applied.drift] == [HERE]


def test_a_new_value_is_written_over_what_somebody_changed() -> None:
    site, member = drifted()
    manage(site, "new")
    site.run(12)
    assert b"'new'" in (member.files["system"] or b"")
    assert member.node.applied.drift == ()


def test_to_make_it_the_value_for_all_is_no_drift_any_more() -> None:
    site, member = drifted()
    manage(site, "mine")
    site.run(12)
    assert member.node.applied.drift == ()
    assert b"'mine'" in (site.master.files["system"] or b"")


def test_where_the_cluster_enforces_it_is_put_back_at_once_and_what_is_there_already_too() -> None:
    site, member = drifted()
    enforce(site)
    assert b"'x'" in (member.files["system"] or b"")
    hand(member, "again")
    site.run(6)
    assert b"'x'" in (member.files["system"] or b"")
    assert member.node.applied.drift == ()


def test_what_comes_again_and_again_is_left_with_an_alarm() -> None:
    site = managed_site()
    member = site.all[1]
    enforce(site)
    for _ in range(FIGHT_TIMES):
        hand(member, "mine")
        site.run(12)
        assert b"'x'" in (member.files["system"] or b"")
    hand(member, "mine")
    site.run(12)
    assert b"'mine'" in (member.files["system"] or b"")
    assert HERE in member.node.alarms["drift-fight"]
    member.do(member.node.revert_drift(site.now))
    site.run(12)
    assert b"'x'" in (member.files["system"] or b"")
    assert not member.node.alarms


def test_a_person_has_it_put_back() -> None:
    site, member = drifted()
    member.do(member.node.revert_drift(site.now))
    site.run(12)
    assert b"'x'" in (member.files["system"] or b"")
    assert member.node.applied.drift == ()


def test_a_held_device_says_what_was_changed_and_puts_nothing_back() -> None:
    site = managed_site()
    member = site.all[1]
    enforce(site)
    member.do(member.node.set_mode(Mode.HOLD, site.now))
    hand(member, "mine")
    site.run(12)
    assert [one.key for one in member.node.applied.drift] == [HERE]
    with pytest.raises(Refused, match="held"):
        member.node.revert_drift(site.now)
    name = status_of(member.node, "", (), site.now)["name"]
    assert (
        f"on hold, so nothing is applied there: {name}"
        in status_of(site.master.node, "", (), site.now)["alarms"]
    )
    member.do(member.node.set_mode(Mode.RUN, site.now))
    site.run(12)
    assert b"'x'" in (member.files["system"] or b"")


def test_a_device_that_changes_no_files_looks_at_none() -> None:
    site = managed_site()
    member = site.all[1]
    member.do(member.node.set_mode(Mode.OFF, site.now))
    hand(member, "mine")
    site.run(12)
    assert member.node.applied.watched == ()
    assert count(member, LookAtFiles) == len(member.node.applied.drift) == 0
    with pytest.raises(Refused, match="off"):
        member.node.revert_drift(site.now)


def test_files_that_cannot_be_read_tell_nothing() -> None:
    site = managed_site()
    member = site.all[1]
    member.can_be_read = False
    hand(member, "mine")
    site.run(12)
    assert member.node.applied.drift == ()
    member.can_be_read = True
    member.give(FilesTouched())
    site.run(12)
    assert len(member.node.applied.drift) == 1


def test_a_look_that_meets_an_apply_is_made_again_behind_it() -> None:
    site = managed_site()
    member = site.all[1]
    member.helper_s = 5.0
    manage(site, "new")
    site.until(lambda: member.node.applied.state == "staged", 10.0)
    member.give(FilesSeen({"system": b"config system\n"}))
    assert member.node.applied.drift == ()
    assert count(member, LookAtFiles) == 0
    site.run(20)
    assert count(member, LookAtFiles) == 1
    assert member.node.applied.drift == ()


def test_where_what_is_in_effect_is_not_known_the_files_are_brought_to_the_log() -> None:
    site, member = drifted()
    member.saved.pop(FILE)
    member.restart()
    member.give(FilesTouched())
    site.run(20)
    assert b"'x'" in (member.files["system"] or b"")


def asked_of(site: Site, asker: Box, asked: Box) -> Told:
    asker.do(asker.node.ask(1, asked.node.device_id, Question(DRIFT), site.now))
    site.run(2.0)
    found = asker.of(Answered)[-1]
    assert isinstance(found, Answered)
    return found.told


def test_a_member_that_asks_is_told_what_was_changed_and_who_was_removed_is_not() -> None:
    site, member = drifted()
    told = asked_of(site, site.master, member)
    (one,) = believed(decode_drift(told.data), managed_config(site.world.log.state, member.node.device_id))
    assert (one.key, one.wanted, one.found) == (HERE, "x", "mine")
    assert decode_drift(asked_of(site, member, site.master).data).count == 0

    world = site.world
    world.log = site.master.node.log
    hand(site.master, "its secret")
    site.run(12)
    path = f"device/{member.node.device_id.hex()}"
    site.master.do(site.master.node.submit(world.change(world.edit(path, "retired", (True,))), site.now))
    site.run(12)
    removed = asked_of(site, member, site.master)
    assert removed.word
    assert removed.data == b""


def test_what_could_not_be_computed_is_computed_anew_when_somebody_mends_the_file() -> None:
    site = managed_site()
    member = site.all[1]
    member.files["system"] = b"config system 'a\n"
    manage(site, "second")
    site.run(12)
    assert member.node.applied.state == "failed"
    asked = count(member, WriteFiles)
    member.give(FilesTouched())
    site.run(12)
    assert (member.node.applied.state, count(member, WriteFiles)) == ("failed", asked)
    hand(member, "x")
    site.run(12)
    assert member.node.applied.state == "committed"
    assert b"'second'" in (member.files["system"] or b"")
