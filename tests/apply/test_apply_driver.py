"""The driver: what a device is asked for, and how its head moves on where it is not meant."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from dusk.apply.computing import compute_files, packages_read
from dusk.apply.driver import Driver
from dusk.apply.events import Mode
from dusk.changelog.body import Edit
from dusk.config.device import concerns, managed_config
from dusk.config.merge import Managed
from dusk.config.revealing import sealed_of
from dusk.config.sealing import Sealed
from dusk.config.settings import FORMER, Setting, Verb, encode_setting
from dusk.effects import CommitFiles, FilesRead, HelperDone, ReadFiles, RemoveFile, StoreFile, WriteFiles
from dusk.ids import DeviceId
from dusk.keys.secret import SecretValue
from dusk.links import Seen, Up
from tests.secrets import NoSecrets, secret_setting
from tests.world import World

OLD = b"config wifi-iface 'a'\n\toption ssid 'old'\n"
TYPE = Setting(Verb.TYPE, ("wifi-iface",))
ELSEWHERE = ["user/bob", f"device/{'00' * 16}", f"device/{'00' * 16}/facts", "joinkey/x", "trust"]


def _world() -> World:
    world = World()
    world.commit(
        world.set("wifi", "wireless.a.ssid", "new"), world.edit("assignment/wifi", "to", ("all", [], 100))
    )
    return world


def _driver(world: World, mode: Mode = Mode.RUN) -> Driver:
    driver = Driver(world.device_id, bytes(32), mode, NoSecrets())
    driver.log_moved(world.log.state, world.log.head)
    return driver


def _apply(driver: Driver) -> None:
    """Go through an apply that succeeds."""
    assert driver.start(0.0) == [ReadFiles(("wireless", FORMER))]
    (write,) = driver.answer(FilesRead({"wireless": OLD}), 1.0)
    assert isinstance(write, WriteFiles)
    driver.answer(HelperDone("write", write.apply_id, None, 0, ""), 2.0)
    assert driver.contact_wanted_since == 2.0
    driver.answer(Seen(Up()), 2.5)
    assert driver.contact(3.0) == [CommitFiles(write.apply_id)]
    driver.answer(HelperDone("commit", write.apply_id, None, None, ""), 4.0)


def test_a_file_is_the_one_in_effect_byte_for_byte_or_not() -> None:
    driver = _driver(_world())
    driver.start(0.0)
    (write,) = driver.answer(FilesRead({"wireless": OLD}), 1.0)
    assert isinstance(write, WriteFiles)
    content = write.files["wireless"][1]
    assert not driver.has_in_effect("wireless", content)
    _end(driver, write, 2.0)
    assert driver.has_in_effect("wireless", content)
    assert not driver.has_in_effect("wireless", content + b"\n")
    assert not driver.has_in_effect("system", content)


def _elsewhere(world: World, driver: Driver) -> None:
    world.commit(world.edit("user/bob", "key", (world.key().public,)))
    driver.log_moved(world.log.state, world.log.head, ELSEWHERE)


def test_what_was_applied_stands_for_a_later_head_that_does_not_concern_the_device() -> None:
    world = _world()
    driver = _driver(world)
    asked = driver.asked
    _apply(driver)
    _elsewhere(world, driver)
    assert not driver.waiting
    assert driver.head == world.log.head
    assert (driver.asked, driver.judged) == (asked, world.log.head.seq)


def test_a_target_that_waits_or_is_under_way_ends_at_the_newest_head() -> None:
    world = _world()
    driver = _driver(world)
    _elsewhere(world, driver)
    assert driver.waiting
    driver.start(0.0)
    _elsewhere(world, driver)
    assert driver.head.seq == 0
    driver.answer(FilesRead({"wireless": OLD.replace(b"old", b"new")}), 1.0)
    assert driver.head == world.log.head


def test_a_target_behind_the_one_under_way_moves_on_too() -> None:
    world = _world()
    driver = _driver(world)
    driver.start(0.0)
    world.commit(world.set("wifi", "wireless.a.ssid", "newest"))
    driver.log_moved(world.log.state, world.log.head, ["policy/wifi"])
    driver.start(0.5)
    _elsewhere(world, driver)
    assert driver.judged < world.log.head.seq
    driver.answer(FilesRead({"wireless": OLD.replace(b"old", b"new")}), 1.0)
    driver.answer(FilesRead({"wireless": OLD.replace(b"old", b"newest")}), 2.0)
    assert driver.head == world.log.head


def test_a_busy_log_is_computed_once_when_it_may_start_and_at_its_newest_head() -> None:
    world = _world()
    driver = _driver(world)
    for number in range(3):
        world.commit(world.set("wifi", "wireless.a.ssid", f"v{number}"))
        driver.log_moved(world.log.state, world.log.head, ["policy/wifi"])
    driver.start(0.0)
    (write,) = driver.answer(FilesRead({"wireless": OLD}), 1.0)
    assert isinstance(write, WriteFiles)
    assert write.files["wireless"][1] == OLD.replace(b"old", b"v2")


def test_a_held_device_shows_no_head_that_it_has_not_applied() -> None:
    world = _world()
    driver = _driver(world, Mode.HOLD)
    _elsewhere(world, driver)
    driver.start(0.0)
    _elsewhere(world, driver)
    assert (driver.state, driver.head.seq) == ("held", 0)


def test_a_config_that_cannot_be_computed_stays_wrong_and_is_judged_at_each_head() -> None:
    world = _world()
    driver = _driver(world)
    _apply(driver)
    applied = driver.head
    world.commit(world.set("wifi", "wireless.a.ssid", "${nowhere}"))
    driver.log_moved(world.log.state, world.log.head, ["policy/wifi"])
    assert driver.start(5.0) == []
    assert not driver.waiting
    _elsewhere(world, driver)
    assert (driver.state, driver.head) == ("failed", applied)
    assert driver.judged == world.log.head.seq
    world.commit(world.edit("cluster", "var/nowhere", ("here",)))
    driver.log_moved(world.log.state, world.log.head, ["cluster"])
    assert driver.waiting


def test_a_device_that_was_never_given_a_target_has_judged_nothing() -> None:
    world = World()
    world.commit(
        world.set("wifi", "wireless.a.ssid", "${nowhere}"),
        world.edit("assignment/wifi", "to", ("all", [], 100)),
    )
    driver = Driver(world.device_id, bytes(32), Mode.RUN, NoSecrets())
    assert driver.judged == 0
    driver.log_moved(world.log.state, world.log.head)
    driver.start(0.0)
    _elsewhere(world, driver)
    assert driver.state == "failed"


def test_nothing_is_looked_at_where_the_config_cannot_be_computed_or_nothing_is_known() -> None:
    world = World()
    assert Driver(world.device_id, bytes(32), Mode.RUN, NoSecrets()).watched == ()
    world.commit(
        world.set("wifi", "wireless.a.ssid", "${nowhere}"),
        world.edit("assignment/wifi", "to", ("all", [], 100)),
    )
    assert _driver(world).watched == ()


class _Reading:
    """A datastore that notes which sections are asked for."""

    def __init__(self, world: World) -> None:
        self.state, self.asked = world.log.state, set[str]()

    def value(self, section: str, key: str) -> list[Any] | None:
        self.asked.add(section)
        return self.state.value(section, key)

    def records(self, section: str, prefix: str = "") -> Mapping[str, Any]:
        self.asked.add(section)
        return self.state.records(section, prefix)

    def sections(self, prefix: str = "") -> Iterator[str]:
        return self.state.sections(prefix)


def test_a_managed_config_depends_on_no_section_that_is_said_not_to_concern_it() -> None:
    world = _world()
    world.allow_joining(groups=("core",))
    world.commit(world.edit("group/core", "made", (True,)), world.edit("cluster", "var/x", ("1",)))
    other = DeviceId(world.join().key_id)
    world.commit(world.edit(f"device/{other.hex()}/config", "var/x", ("2",)))
    for device in (world.device_id, other):
        reading = _Reading(world)
        managed_config(reading, device)
        assert reading.asked
        assert all(concerns(section, device) for section in reading.asked)
        mine = {section for section in world.log.state.sections("device/") if concerns(section, device)}
        assert mine == {s for s in world.log.state.sections("device/") if device.hex() in s}
    assert not any(concerns(section, other) for section in ELSEWHERE)


def test_a_file_that_is_not_there_and_need_not_be_is_not_made() -> None:
    world = World()
    absent = Setting(Verb.ABSENT, (), 0)
    world.commit(world.edit("assignment/wifi", "to", ("all", [], 100)))
    world.commit(Edit("policy/wifi", "set/wireless.a.ssid", encode_setting(absent), None))
    managed = managed_config(world.log.state, world.device_id)
    assert compute_files(managed, {"wireless": None}) == {}
    assert b"ssid" not in compute_files(managed, {"wireless": OLD})["wireless"]


def test_r9_what_is_exclusive_goes_by_the_network_as_it_will_be() -> None:
    world = World()
    world.commit(world.edit("assignment/wifi", "to", ("all", [], 100)))
    alone = encode_setting(Setting(Verb.EXCLUSIVE))
    world.commit(Edit("policy/wifi", "set/firewall.*", alone, None))
    firewall = b"config zone\n\toption network 'a'\n\nconfig zone\n\toption network 'b'\n"
    network = (
        b"config interface 'a'\n\toption device 'eth5'\n\nconfig interface 'b'\n\toption device 'eth6'\n"
    )
    files: dict[str, bytes | None] = {"firewall": firewall, "network": network}

    managed = managed_config(world.log.state, world.device_id)
    assert packages_read(managed) == ("firewall", "network")
    assert list(compute_files(managed, files, ("eth5",))) == ["firewall"]
    assert b"'a'" in compute_files(managed, files, ("eth5",))["firewall"]
    assert b"'b'" not in compute_files(managed, files, ("eth5",))["firewall"]
    assert compute_files(managed, {"firewall": firewall, "network": None})["firewall"].strip() == b""

    moved = encode_setting(Setting(Verb.SET, ("eth5",), 0))
    world.commit(Edit("policy/wifi", "set/network.b.device", moved, None))
    managed = managed_config(world.log.state, world.device_id)
    computed = compute_files(managed, files, ("eth5",))
    assert computed["firewall"] == firewall
    assert list(computed) == list(managed)


class _Locked(NoSecrets):
    """Lacks the key of all secrets until it is told."""

    is_locked = True

    def lacking(self, managed: Managed) -> tuple[str, ...]:
        return tuple(key for key, _ in sealed_of(managed)) if self.is_locked else ()

    def value(self, sealed: Sealed) -> SecretValue:
        return "hush"


def test_r7_a_device_that_lacks_a_key_applies_nothing_says_so_and_goes_on_when_it_is_there() -> None:
    world = _world()
    for key in ("wireless.a.key", "wireless.b.key"):
        world.commit(secret_setting(world, "policy/wifi", key, "hush"))
    world.commit(replace(world.set("wifi", "wireless.b", "wifi-iface"), data=encode_setting(TYPE)))
    secrets = _Locked()
    driver = Driver(world.device_id, bytes(32), Mode.RUN, secrets)
    driver.log_moved(world.log.state, world.log.head)
    assert driver.start(0.0) == []
    assert (driver.state, driver.waiting, driver.judged) == ("waiting-for-secret", False, world.log.head.seq)
    assert driver.reason == "waiting for secret: wireless.a.key and 1 more"
    _elsewhere(world, driver)
    assert driver.state == "waiting-for-secret"
    secrets.is_locked = False
    driver.keys_came()
    assert driver.state == "idle"
    driver.keys_came()
    assert driver.start(1.0) == [ReadFiles(("wireless", FORMER))]
    (write,) = driver.answer(FilesRead({"wireless": OLD}), 2.0)
    assert isinstance(write, WriteFiles)
    assert b"option key 'hush'" in (write.files["wireless"][1] or b"")


def test_one_secret_that_is_waited_for_is_named() -> None:
    world = _world()
    world.commit(secret_setting(world, "policy/wifi", "wireless.a.key", "hush"))
    driver = Driver(world.device_id, bytes(32), Mode.RUN, _Locked())
    driver.log_moved(world.log.state, world.log.head)
    driver.start(0.0)
    assert driver.reason == "waiting for secret: wireless.a.key"


def test_r8_a_failure_is_kept_before_it_is_told_and_once_and_gone_when_something_is_in_effect() -> None:
    world = _world()
    driver = _driver(world)
    driver.recall(None, 0.0)
    assert driver.keep() == []
    driver.start(0.0)
    (write,) = driver.answer(FilesRead({"wireless": OLD}), 1.0)
    assert isinstance(write, WriteFiles)
    driver.answer(HelperDone("write", write.apply_id, None, 1, "no such channel"), 2.0)
    driver.answer(HelperDone("rollback", write.apply_id, None, 0, ""), 3.0)
    (kept,) = driver.keep()
    assert isinstance(kept, StoreFile)
    assert (kept.name, driver.keep()) == ("failed", [])
    again = _driver(world)
    again.recall(kept.data, 10.0)
    assert again.keep() == []
    again.start(10.0)
    assert again.answer(FilesRead({"wireless": OLD}), 11.0) == []
    assert (again.state, again.reason) == ("failed", "the reload ended with 1: no such channel")
    since = again.contact_wanted_since
    again.contact(12.0)
    assert (since, again.contact_wanted_since) == (11.0, None)
    assert again.tick(40.0, there=False) == []
    assert again.tick(45.0) == [ReadFiles(("wireless", FORMER))]
    _finish(again, 46.0)
    assert again.keep() == [RemoveFile("failed")]


def _finish(driver: Driver, now: float) -> None:
    (write,) = driver.answer(FilesRead({"wireless": OLD}), now)
    assert isinstance(write, WriteFiles)
    _end(driver, write, now)


def _end(driver: Driver, write: WriteFiles, now: float) -> None:
    """Go on from a write to its end."""
    driver.answer(HelperDone("write", write.apply_id, None, 0, ""), now)
    driver.answer(Seen(Up()), now)
    driver.contact(now)
    driver.answer(HelperDone("commit", write.apply_id, None, None, ""), now)
    assert driver.state == "committed"
