"""A recovery in virtual time: any member leads by it at once, all follow, and all show it for a week."""

import pytest

from dusk import codec
from dusk.changelog.body import Change
from dusk.changelog.log import Log
from dusk.changelog.recovering import recovered_row
from dusk.effects import ChangeState, StoreFile, WallClock
from dusk.errors import Refused
from dusk.ids import DeviceId
from dusk.keys.signing import SigningKey
from dusk.node.alarms import Alarms
from dusk.node.recovered import FILE, SHOWN_S, Recovered
from tests.holders import Holders
from tests.node.site import Box, Site

DAY_S = 86_400


def recovery_for(
    site: Site, box: Box, phrase: SigningKey, owner: SigningKey, following: SigningKey
) -> Change:
    """Return a RECOVER that makes a device lead, alone, and bob the owner."""
    world, log = site.world, box.node.log
    world.log = log
    return world.change(
        world.edit("trust", "recovered", list(codec.unpack(recovered_row(log.head), size_max=99))),
        world.edit("trust", "recovery", [following.public, log.head.generation + 1]),
        world.edit("trust", "owner/bob", [owner.public]),
        world.edit("trust", "owner/alice", None),
        world.edit("user/bob", "key", [owner.public]),
        world.edit("user/alice", "disabled", [True]),
        world.edit("cluster", "succession", [[box.node.device_id]]),
        signers=(phrase,),
        device=box.key,
        counter=1,
    )


def test_a_plain_member_leads_at_once_without_the_old_master_and_all_follow_and_show_it() -> None:
    site = Site(4)
    site.run(12)
    box, other, away = site.all[1:]
    site.master.on = away.on = False
    site.run(3)
    key_before = box.node._rooms.station.channel.keys.newest
    owner, following = site.world.key(), site.world.key()
    change = recovery_for(site, box, site.world.recovery, owner, following)
    box.do(box.node.force_role(change, site.now))
    assert box.node.leads
    assert box.node.log.head.generation == 1
    site.until(lambda: other.node.log.head == box.node.log.head, 20)
    keys = box.node._rooms.station.channel.keys
    assert keys.generation == 1
    assert keys.newest not in (None, key_before)
    site.until(lambda: other.node._rooms.station.channel.keys.newest == keys.newest, 20)
    for each in (box, other):
        site.until(lambda each=each: FILE in each.node.alarms, 20)  # type: ignore[misc]  # bound at once
        assert "bob owns it now" in each.node.alarms[FILE]
    site.until(lambda: (p := box.node.progress(change.id)) is None or p.state is ChangeState.DURABLE, 20)
    site.master.on = away.on = True
    for each in (site.master, away):
        site.until(lambda each=each: each.node.log.head == box.node.log.head, 90)  # type: ignore[misc]  # the same
        assert not each.node.leads
        site.until(lambda each=each: FILE in each.node.alarms, 20)  # type: ignore[misc]  # the same
    again = recovery_for(site, away, site.world.recovery, owner, site.world.key())
    with pytest.raises(Refused) as refused:
        away.node.force_role(again, site.now)
    assert refused.value.code == "spent-phrase"


def test_a_change_that_a_former_owner_gave_before_is_told_to_be_refused() -> None:
    site = Site(3)
    site.run(12)
    box, other = site.all[1:]
    site.master.on = False
    site.world.log = other.node.log
    late = site.world.change(site.world.set("a", "system.s.x", "1"), device=other.key)
    other.do(other.node.submit(late, site.now))
    owner, following = site.world.key(), site.world.key()
    change = recovery_for(site, box, site.world.recovery, owner, following)
    box.do(box.node.force_role(change, site.now))
    site.until(lambda: late.id not in other.node._rooms.outbox, 60)
    assert box.node.log.position_of(late.id) is None


# --- the alarm -----------------------------------------------------------------------------------


class Shown:
    """A device's alarm for a log, over restarts."""

    def __init__(self, log: Log, own: DeviceId, saved: bytes | None = None) -> None:
        self.lines: dict[str, str] = {}
        self.saved = saved
        self._log, self._own = log, own
        self.start()

    def start(self) -> None:
        self.lines.clear()
        self._room = Recovered(self._log, self._own, self.saved, Alarms(self.lines, lambda: 5.0))

    def look(self, wall_s: float, *, trusted: bool = True) -> bool:
        """Look at a wall-clock time, and tell whether it is shown."""
        for effect in self._room.look(WallClock(wall_s, trusted=trusted), 0.0):
            if isinstance(effect, StoreFile):
                assert effect.name == FILE
                self.saved = effect.data
        return FILE in self.lines


@pytest.fixture
def world() -> Holders:
    return Holders()


def own_id(world: Holders) -> DeviceId:
    return DeviceId(world.garage.key_id)


def test_it_is_shown_for_a_week_from_when_this_device_knows_over_restarts(world: Holders) -> None:
    shown = Shown(world.log, own_id(world))
    assert not shown.look(1e9)
    world.recover(world.kitchen)
    assert shown.look(1e9)
    text = shown.lines[FILE]
    assert f"version {world.log.head.seq}: rescuer owns it now" in text
    world.commit(world.edit("user/bob", "key", [(bob := world.key()).public]))
    world.commit(world.edit("trust", "owner/bob", [bob.public]))
    assert shown.look(1e9 + SHOWN_S - 1)
    assert shown.lines[FILE] == text, "it is told once"
    shown.start()
    assert shown.look(1e9 + SHOWN_S - 1)
    assert not shown.look(1e9 + SHOWN_S)
    shown.start()
    assert not shown.look(1e9 + 2 * SHOWN_S)
    world.recover(world.kitchen)
    assert shown.look(1e9 + 3 * SHOWN_S), "another one is shown anew"


def test_a30_without_a_clock_it_is_shown_until_there_is_one_and_a_week_more(world: Holders) -> None:
    world.recover(world.kitchen)
    shown = Shown(world.log, own_id(world))
    assert shown.look(5.0, trusted=False)
    assert shown.look(1e9, trusted=False)
    assert shown.look(2e9)
    assert shown.look(9e9, trusted=False)
    assert not shown.look(2e9 + SHOWN_S)


def test_who_was_let_in_afterwards_shows_nothing(world: Holders) -> None:
    world.recover(world.kitchen)
    rule = world.edit(f"joinkey/{world.joinkey.key_id.hex()}", "rejected/" + "0" * 32, [True])
    world.commit(rule)
    late = world.join("late")
    assert not Shown(world.log, DeviceId(late.key_id)).look(1e9)
    assert not Shown(world.log, DeviceId(bytes(16))).look(1e9)


def test_a_damaged_file_is_as_good_as_none(world: Holders) -> None:
    world.recover(world.kitchen)
    for bad in (b"", b"junk", codec.pack((bytes(31), 0)), codec.pack((bytes(32), -1))):
        assert Shown(world.log, own_id(world), bad).look(1e9)
