"""What is staged, to be switched to together with others: computed, never written, and said to be ready."""

from dataclasses import replace

import pytest

from dusk.apply.driver import UNCONFIRMED, WAITING, Driver, Staged
from dusk.apply.events import Contact, Deadline, Event, Mode, SetMode
from dusk.apply.machine import State
from dusk.changelog.overlay import Overlay
from dusk.config.merge import Managed
from dusk.effects import FilesRead, HelperDone, ReadFiles, RollbackFiles, StoreFile, WriteFiles
from dusk.ids import Head, Seq
from dusk.links import LookUp, Seen, Up
from tests.apply.test_apply_machine import NEW, OLD, WIFI, after
from tests.secrets import NoSecrets
from tests.world import World

IN_EFFECT = FilesRead({"wireless": b"config wifi-iface 'a'\n\toption ssid 'new'\n"})
BROKEN = FilesRead({"wireless": b"config wifi-iface 'a\n"})
ROLLOUT = "0" * 32
SECTION = ["policy/wifi"]
STAGED = replace(WIFI, is_staged=True)


class _Lacking(NoSecrets):
    """Secrets of which some cannot be opened."""

    lacks: tuple[str, ...] = ()

    def lacking(self, managed: Managed) -> tuple[str, ...]:
        return self.lacks if "later" in repr(managed) else ()


class Waiter:
    """A device with a setting in effect, which then waits to switch to another together with others."""

    def __init__(self) -> None:
        world = self.world = World()
        world.commit(world.set("wifi", "wireless.a.ssid", "new"))
        world.commit(world.edit("assignment/wifi", "to", ("all", [], 100)))
        self.before, self.secrets = world.log.head, _Lacking()
        self.driver = Driver(world.device_id, bytes(32), Mode.RUN, self.secrets)
        self.driver.log_moved(world.log.state, world.log.head)
        self.driver.start(0.0)
        self.driver.answer(IN_EFFECT, 1.0)
        assert self.driver.state == "committed"

    def staged(self, value: str = "later", key: str = "wireless.a.ssid") -> Staged:
        """Return what counts once all switch."""
        state, head = self.world.log.state, self.before
        edit = self.world.set("wifi", key, value)
        return Staged(Overlay(state, [edit]), replace(head, seq=Seq(head.seq + 1)))

    def waits(self, staged: Staged, touched: list[str] | None = SECTION) -> None:
        self.driver.log_moved(self.world.log.state, self.before, touched, ROLLOUT, staged)

    def begin(self, staged: Staged | None = None) -> None:
        """Wait for it: what counts is looked at anew first."""
        self.waits(staged or self.staged())
        assert not self.may_stage(), "what counts goes first"
        self.driver.start(2.0)
        assert not self.may_stage()
        self.driver.answer(IN_EFFECT, 3.0)
        assert self.may_stage()

    def may_stage(self) -> bool:
        return self.driver.may_stage

    def stage(self, files: FilesRead = IN_EFFECT) -> None:
        assert self.driver.stage(4.0) == [ReadFiles(("wireless",))]
        assert self.driver.answer(files, 5.0) == []
        assert not self.driver.may_stage

    @property
    def says(self) -> tuple[str, str, int]:
        return self.driver.state, self.driver.reason, self.driver.judged - self.before.seq


def test_what_is_staged_is_computed_and_not_written_and_what_counts_stays_in_effect() -> None:
    waiter = Waiter()
    waiter.begin()
    waiter.stage()
    assert waiter.says == ("ready", "", 1)
    assert (waiter.driver.head, waiter.driver.resting) == (waiter.before, True)
    assert waiter.driver.looked_at() == ("wireless",)


def test_all_are_told_to_switch_and_it_is_written() -> None:
    waiter = Waiter()
    waiter.begin()
    waiter.stage()
    staged = waiter.staged()
    waiter.driver.log_moved(staged.datastore, staged.head, ["rollout/x"])
    assert waiter.driver.waiting
    assert not waiter.may_stage()
    assert waiter.driver.start(6.0) == [ReadFiles(("wireless", "dusk-local"))]
    assert [type(one) for one in waiter.driver.answer(IN_EFFECT, 7.0)] == [StoreFile, WriteFiles]
    assert waiter.driver.tried == staged.head.seq


def test_it_is_staged_again_where_something_that_it_depends_on_has_changed_and_else_not() -> None:
    waiter = Waiter()
    waiter.begin()
    waiter.stage()
    waiter.waits(waiter.staged(), ["user/bob"])
    assert not waiter.may_stage()
    waiter.waits(waiter.staged("later still"))
    assert waiter.may_stage()
    waiter.stage()


def test_what_somebody_changed_on_the_device_is_put_back_first_and_then_it_is_staged_again() -> None:
    waiter = Waiter()
    waiter.begin()
    waiter.stage()
    waiter.driver.revert()
    assert not waiter.may_stage()
    waiter.driver.start(6.0)
    waiter.driver.answer(IN_EFFECT, 7.0)
    assert (waiter.driver.state, waiter.may_stage()) == ("committed", True)


def test_files_that_make_no_sense_are_told_and_it_is_staged_again_when_the_log_moves() -> None:
    waiter = Waiter()
    waiter.begin()
    waiter.stage(BROKEN)
    assert waiter.says == ("failed", "wireless:1: unterminated '", 1)
    waiter.waits(waiter.staged("later still"))
    assert waiter.may_stage()
    waiter.stage()
    assert waiter.says[0] == "ready"


def test_what_could_not_be_staged_is_staged_again_when_somebody_mends_the_file() -> None:
    waiter = Waiter()
    waiter.begin()
    waiter.stage(BROKEN)
    assert not waiter.may_stage()
    waiter.driver.looked(IN_EFFECT.files, 8.0)
    assert waiter.may_stage()
    assert not waiter.driver.waiting
    waiter.stage()
    assert waiter.says[0] == "ready"


def test_settings_that_cannot_be_computed_are_told_before_anybody_switches() -> None:
    waiter = Waiter()
    waiter.begin(waiter.staged("${nowhere}"))
    assert waiter.driver.stage(4.0) == []
    state, reason, ahead = waiter.says
    assert (state, ahead) == ("failed", 1)
    assert "nowhere" in reason
    assert waiter.driver.head == waiter.before


def test_a_secret_that_cannot_be_opened_is_waited_for() -> None:
    waiter = Waiter()
    waiter.begin()
    waiter.secrets.lacks = ("wireless.a.key", "wireless.b.key")
    assert waiter.driver.stage(4.0) == []
    assert waiter.says == (WAITING, "waiting for secret: wireless.a.key and 1 more", 1)
    waiter.driver.looked({"wireless": IN_EFFECT.files["wireless"]}, 5.0)
    assert waiter.may_stage(), "what is missing was asked for something else meanwhile"
    assert waiter.driver.stage(6.0) == []
    waiter.secrets.lacks = ()
    waiter.driver.keys_came()
    assert waiter.may_stage()
    waiter.stage()
    assert waiter.says[0] == "ready"


def test_r9_what_most_did_not_switch_to_is_put_back_and_says_so() -> None:
    waiter = Waiter()
    staged = waiter.staged()
    waiter.driver.log_moved(staged.datastore, staged.head, ["policy/wifi"])
    waiter.driver.start(2.0)
    replaced, write = waiter.driver.answer(IN_EFFECT, 3.0)
    assert isinstance(replaced, StoreFile), "what is in effect is no more, before files say otherwise"
    assert isinstance(write, WriteFiles)
    waiter.driver.answer(HelperDone("write", write.apply_id, None, 0, ""), 4.0)
    assert waiter.driver.tick(94.0, is_kept=False) == [RollbackFiles(write.apply_id)]
    assert waiter.driver.reason == f"{UNCONFIRMED} within 90 s after the reload"


def test_the_brake_keeps_what_is_staged_for_later() -> None:
    applier, _ = after(STAGED, OLD)
    assert (applier.state, applier.stages, applier.tried) == (State.READY, True, 5)
    assert after(SetMode(Mode.HOLD), applier=applier)[0].state.value == "held"
    assert after(SetMode(Mode.RUN), applier=applier)[1] == [ReadFiles(("wireless",))]
    assert after(OLD, applier=applier)[0].state.value == "ready"


def test_a_target_that_came_meanwhile_is_taken_up_from_there() -> None:
    applier, actions = after(STAGED, replace(WIFI, head=replace(WIFI.head, seq=Seq(6))), OLD)
    assert (applier.state, applier.stages, actions) == (State.STAGED, False, [ReadFiles(("wireless",))])


def test_a_deadline_is_nothing_to_who_is_ready() -> None:
    applier, _ = after(STAGED, OLD)
    assert after(Deadline(), applier=applier)[1] == []


@pytest.mark.parametrize(
    ("event", "state", "head"),
    [(Contact(), State.COMMITTED, WIFI.head), (Deadline(missing=UNCONFIRMED), State.FAILED, None)],
)
def test_where_no_file_changes_it_is_in_effect_once_the_others_have_it_too(
    event: Event, state: State, head: Head | None
) -> None:
    applier, actions = after(replace(WIFI, is_shared=True), NEW)
    assert (applier.state, applier.head, actions) == (State.APPLIED, None, [LookUp()])
    after(Seen(Up()), applier=applier)
    after(event, applier=applier, now=90.0)
    assert (applier.state, applier.head, applier.hard) == (state, head, False)


def test_a_switch_that_changes_no_file_is_remembered_by_the_contact_that_ends_it_and_the_next_goes_on() -> (
    None
):
    waiter = Waiter()
    world, driver = waiter.world, waiter.driver
    same = FilesRead({"wireless": b"config wifi-iface 'a'\n\toption ssid 'new'\n\toption mode 'ap'\n"})
    world.commit(world.set("wifi", "wireless.a.mode", "ap"))
    driver.log_moved(world.log.state, world.log.head)
    assert driver.start(6.0, is_shared=True) == [ReadFiles(("wireless", "dusk-local"))]
    assert driver.answer(same, 7.0) == [LookUp()]
    driver.answer(Seen(Up()), 7.5)
    world.commit(world.set("wifi", "wireless.a.ssid", "later"))
    driver.log_moved(world.log.state, world.log.head)
    assert driver.start(8.0) == [], "one after the other"
    kept, read = driver.contact(9.0)
    assert isinstance(kept, StoreFile), "what all switched to is in effect"
    assert read == ReadFiles(("wireless", "dusk-local"))
    *stored, write = driver.answer(same, 10.0)
    assert isinstance(write, WriteFiles)
    assert all(isinstance(one, StoreFile) for one in stored)
