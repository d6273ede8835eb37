"""For how long a device is on hold: counted without a wall clock, through restarts and reboots (R11)."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import trio
import trio.testing

from dusk import codec
from dusk.apply.events import Mode
from dusk.daemon import boot, holding, service
from dusk.daemon.builder import mode_of
from dusk.daemon.settings import Settings, read_settings
from dusk.errors import ConfigError


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> "At":
    return At(monkeypatch)


class At:
    """Sets the boot and the seconds since then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self("one", 100.0)

    def __call__(self, name: str, since_s: float) -> None:
        self._patch.setattr(boot, "boot_id", lambda: name)
        self._patch.setattr(boot, "since_boot_s", lambda: since_s)


def held(for_s: int = 3600, since: str = "one/100") -> Settings:
    return Settings(hold=True, hold_for_s=for_s, hold_since=since)


def test_a_hold_begins_and_ends_by_the_boots_own_clock(at: At) -> None:
    settings = held(since=boot.this_moment())
    assert holding.left_s(settings, None) == 3600
    at("one", 3000.0)
    assert (holding.left_s(settings, None), mode_of(settings, None)) == (700, Mode.HOLD)
    at("one", 3700.0)
    assert (holding.left_s(settings, None), mode_of(settings, None)) == (0, Mode.RUN)


def test_in_another_boot_it_counts_from_the_beginning_of_that(at: At) -> None:
    at("two", 5.0)
    assert holding.left_s(held(), None) == 3595


def test_what_came_to_its_end_is_over_in_every_boot_and_a_new_hold_is_not(at: At) -> None:
    at("three", 5.0)
    assert holding.left_s(held(), b"one/100") == 0
    assert holding.left_s(held(since="three/5"), b"one/100") == 3600


async def test_a31_a_beginning_that_is_no_text_ends_no_daemon(
    at: At, autojump_clock: trio.testing.MockClock
) -> None:
    settings = read_settings(
        b"config dusk 'main'\n\toption hold '1'\n\toption hold_for '60'\n\toption hold_since 'one/\xff'\n"
    )
    at("one", 50.0)
    assert holding.left_s(settings, None) == 10
    assert holding.left_s(settings, b"one/\xff") == 0
    builder = SimpleNamespace(braking=settings, hold_over=None)
    with trio.move_on_after(3 * service.LOOK_S) as watched:
        await service._watch_hold(SimpleNamespace(builder=builder, core=SimpleNamespace(node=None)))  # type: ignore[arg-type]  # all that it looks at
    assert watched.cancelled_caught


@pytest.mark.parametrize("since", ["", "one", "one/", "one/soon", "one/-4", "one/999999999"])
def test_a_beginning_that_makes_no_sense_never_holds_longer_than_from_now(at: At, since: str) -> None:
    at("one", 100.0)
    assert 0 < holding.left_s(held(since=since), None) <= 3600


def test_without_an_end_it_is_on_until_it_is_taken_off(at: At) -> None:
    at("one", 1e9)
    assert holding.left_s(Settings(hold=True), b"") == holding.ENDLESS
    assert holding.left_s(Settings(), None) == 0
    assert mode_of(Settings(hold=True, apply=False), None) is Mode.OFF


def test_the_real_clock_and_boot_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 3590 < holding.left_s(held(since=boot.this_moment()), None) <= 3600
    monkeypatch.setattr(boot, "BOOT_ID", tmp_path / "none")
    assert boot.this_moment().startswith("unknown/")


def test_a_time_is_said_as_people_say_it() -> None:
    assert [holding.words(s) for s in (1, 90, 7100, 7200, 90_000)] == [
        "1 min",
        "2 min",
        "118 min",
        "2 h 0 min",
        "25 h 0 min",
    ]


def test_the_settings_of_a_hold_are_read_and_wrong_ones_refused() -> None:
    lines = b"config dusk 'main'\n\toption hold '1'\n\toption hold_for '60'\n\toption hold_since 'one/5'\n"
    settings = read_settings(lines)
    assert (settings.hold, settings.hold_for_s, settings.hold_since) == (True, 60, "one/5")
    for wrong in (b"2h", b"-1", b"1234567890"):
        with pytest.raises(ConfigError, match="hold_for"):
            read_settings(lines.replace(b"'60'", b"'" + wrong + b"'"))


def test_an_order_counts_until_the_settings_say_anything_else(at: At) -> None:
    own = Settings(name="attic")
    data = holding.ordered(own, 60)
    found = holding.in_force(own, data)
    assert (found.hold, found.hold_for_s, found.hold_since, found.name) == (True, 60, "one/100", "attic")
    at("one", 130.0)
    assert holding.left_s(found, None) == 30
    said_here = Settings(name="attic", hold_since="one/130")
    assert holding.in_force(said_here, data) == said_here
    assert holding.in_force(own, None) == own


@pytest.mark.usefixtures("at")
def test_an_order_takes_off_what_was_said_here_and_a_new_word_here_counts_again() -> None:
    here = held(for_s=0)
    data = holding.ordered(here, None)
    assert not holding.left_s(holding.in_force(here, data), None)
    again = held(for_s=0, since="one/101")
    assert holding.left_s(holding.in_force(again, data), None) == holding.ENDLESS
    endless = holding.in_force(again, holding.ordered(again, 0))
    assert holding.left_s(endless, None) == holding.ENDLESS


@pytest.mark.parametrize("damaged", [b"", b"junk", codec.pack((True, -1, "one/1", bytes(16)))])
def test_a_damaged_order_is_none(damaged: bytes) -> None:
    odd = held(since="\udce9")
    assert holding.in_force(odd, damaged) == odd
