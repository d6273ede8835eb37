"""A device remembers what an apply replaced, and gives it back when it is asked to."""

from dataclasses import replace

import pytest

from dusk.apply.computing import packages_read, with_memory
from dusk.apply.driver import Driver
from dusk.apply.events import Mode
from dusk.changelog.body import Edit
from dusk.config.device import managed_and_local
from dusk.config.local import decode_memory
from dusk.config.settings import FORMER, LOCAL, Setting, Verb, encode_setting
from dusk.effects import FilesRead, HelperDone, ReadFiles, WriteFiles
from dusk.errors import Refused
from dusk.limits import MEMORY_BYTES_MAX
from dusk.links import Seen, Up
from tests.secrets import NoSecrets
from tests.world import World

OWN = b"config wifi-iface 'a'\n\toption ssid 'own'\n"
NEW = b"config wifi-iface 'a'\n\toption ssid 'new'\n"
SSID = "wireless.a.ssid"


def _world() -> World:
    world = World()
    world.commit(world.set("wifi", SSID, "new"), world.edit("assignment/wifi", "to", ("all", [], 100)))
    return world


def _local(world: World) -> None:
    world.commit(replace(world.set("wifi", SSID, ""), data=encode_setting(LOCAL)))


class Router:
    """A driver with its files."""

    def __init__(self, world: World) -> None:
        self.world, self.files = world, {"wireless": OWN}
        self.driver = Driver(world.device_id, bytes(32), Mode.RUN, NoSecrets())
        self.read: tuple[str, ...] = ()

    def apply(self) -> tuple[str, ...]:
        """Apply what the log says; return what was written."""
        driver = self.driver
        driver.log_moved(self.world.log.state, self.world.log.head)
        (ask,) = driver.start(0.0)
        assert isinstance(ask, ReadFiles)
        self.read = ask.packages
        files = {package: self.files.get(package) for package in ask.packages}
        write = next(
            (one for one in driver.answer(FilesRead(files), 1.0) if isinstance(one, WriteFiles)), None
        )
        if write is None:
            assert driver.state == "committed"
            return ()
        self.files |= {package: new for package, (_, new) in write.files.items()}
        driver.answer(HelperDone("write", write.apply_id, None, 0, ""), 2.0)
        driver.answer(Seen(Up()), 2.5)
        driver.contact(3.0)
        driver.answer(HelperDone("commit", write.apply_id, None, None, ""), 4.0)
        assert driver.state == "committed"
        return tuple(write.files)

    @property
    def remembers(self) -> dict[str, object]:
        return dict(decode_memory(self.files.get(FORMER), self.world.device_id).values)


def test_what_nobody_manages_any_more_becomes_what_it_was_and_is_forgotten() -> None:
    router = Router(_world())
    assert router.apply() == ("wireless", FORMER)
    assert (router.files["wireless"], router.remembers) == (NEW, {SSID: "own"})
    assert FORMER not in router.driver.hashes, "no file that a status tells of"
    _local(router.world)
    assert router.apply() == ("wireless", FORMER)
    assert router.read == (FORMER, "wireless")
    assert (router.files["wireless"], router.remembers) == (OWN, {})
    router.files["wireless"] = NEW
    assert router.apply() == (), "that was once; what somebody says there now is his"


def test_what_is_plainly_managed_no_more_stays_and_is_still_remembered() -> None:
    router = Router(_world())
    router.apply()
    router.world.commit(replace(router.world.set("wifi", SSID, ""), data=None))
    assert router.apply() == ()
    assert router.files["wireless"] == NEW
    _local(router.world)
    router.apply()
    assert router.files["wireless"] == OWN


def test_a_policy_that_was_taken_away_gives_back_what_it_said_to_those_that_had_it() -> None:
    router = Router(_world())
    router.apply()
    world = router.world
    base = world.log.state.record("assignment/wifi", "to")
    assert base is not None
    world.commit(
        Edit("assignment/wifi", "to", None, base.base),
        world.edit("assignment/wifi", "local", ("all", [], 100)),
    )
    assert managed_and_local(world.log.state, world.device_id) == ({}, frozenset({SSID}))
    router.apply()
    assert router.files["wireless"] == OWN


def test_who_did_not_have_it_or_has_it_again_is_given_nothing() -> None:
    world = _world()
    world.commit(world.edit("assignment/wifi", "local", ("all", [], 100)))
    assert managed_and_local(world.log.state, world.device_id)[1] == frozenset()
    world.commit(world.edit("assignment/other", "local", ("devices", ["ab" * 16], 100)))
    world.commit(world.set("other", SSID, "x"))
    assert managed_and_local(world.log.state, world.device_id)[1] == frozenset()


def test_what_the_device_itself_is_to_give_back_yields_to_a_policy() -> None:
    world = _world()
    own = f"device/{world.device_id.hex()}/config"
    for key in (SSID, "wireless.a.mode"):
        world.commit(Edit(own, f"set/{key}", encode_setting(LOCAL), None))
    managed, local = managed_and_local(world.log.state, world.device_id)
    assert local == {"wireless.a.mode"}
    assert packages_read(managed, local | {"system.a.b"}) == ("wireless", FORMER, "system")


def test_without_its_memory_nothing_is_noted_or_given_back() -> None:
    world = _world()
    managed, _ = managed_and_local(world.log.state, world.device_id)

    def computed(files: dict[str, bytes | None]) -> dict[str, bytes]:
        return with_memory(world.device_id, managed, lambda _: managed, files, local=(), interfaces=())

    assert computed({"wireless": OWN}) == {"wireless": NEW}
    assert computed({"wireless": NEW, FORMER: None}) == {"wireless": NEW}
    huge = b"config wifi-iface 'a'\n\toption ssid '" + b"x" * MEMORY_BYTES_MAX + b"'\n"
    assert computed({"wireless": huge, FORMER: None}) == {"wireless": NEW}


def test_what_was_given_back_is_forgotten_though_what_is_new_has_no_room() -> None:
    router = Router(_world())
    router.apply()
    router.files["wireless"] += b"config wifi-iface 'b'\n\toption ssid '" + b"x" * MEMORY_BYTES_MAX + b"'\n"
    _local(router.world)
    router.world.commit(router.world.set("wifi", "wireless.b.ssid", "new"))
    assert router.apply() == ("wireless", FORMER)
    assert router.files["wireless"].startswith(OWN)
    assert router.remembers == {}


def test_all_that_is_remembered_comes_back_whatever_the_log_says_before_a_device_leaves() -> None:
    router = Router(_world())
    router.apply()
    driver = router.driver
    driver.give_back()
    assert (driver.waiting, driver.has_given_back) == (True, False)
    assert router.apply() == ("wireless", FORMER)
    assert (router.files["wireless"], router.remembers, driver.has_given_back) == (OWN, {}, True)
    driver.give_back(is_wanted=False)
    assert (driver.waiting, driver.has_given_back) == (True, False)
    assert router.apply() == ("wireless", FORMER)
    assert router.files["wireless"] == NEW


@pytest.mark.parametrize("mode", [Mode.HOLD, Mode.OFF])
def test_a_device_that_changes_no_files_gives_nothing_back(mode: Mode) -> None:
    driver = Router(_world()).driver
    driver.set_mode(mode, 0.0)
    with pytest.raises(Refused, match="changes no files now"):
        driver.give_back()


@pytest.mark.parametrize("key", ["dusk.a.b", "dusk-local.a.b"])
def test_a46_the_memory_is_no_package_that_the_log_can_name(key: str) -> None:
    world = _world()
    refused = Edit("policy/wifi", f"set/{key}", encode_setting(Setting(Verb.SET, ("x",))), None)
    with pytest.raises(Refused, match="never managed"):
        world.commit(refused)
