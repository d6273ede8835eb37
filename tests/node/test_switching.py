"""When all switch together, and whether that stays: what who leads makes of what it sees (R9)."""

import pytest

from dusk.changelog.rollouts import BACK_WORD, STAY_WORD, STOP_WORD, SWITCH_WORD
from dusk.ids import DeviceId, Seq
from dusk.node.switching import Report, Seen, Switch, delay_s

OWN, TWO, THREE, FOUR = (DeviceId(bytes([number]) * 16) for number in (1, 2, 3, 4))
ALL = (OWN, TWO, THREE, FOUR)
BEFORE, BEHIND = Seq(7), Seq(8)
SAYS = {
    "ready": Report(BEFORE, "ready", BEHIND, BEHIND),
    "old": Report(BEFORE, "ready", BEFORE, BEHIND),
    "busy": Report(BEFORE, "staged", BEHIND, BEHIND),
    "failed": Report(BEFORE, "failed", BEHIND, BEHIND),
    "stuck": Report(Seq(5), "failed", BEFORE, BEHIND),
    "held": Report(BEFORE, "held", BEFORE, BEHIND),
    "off": Report(BEFORE, "off", BEFORE, BEHIND),
    "applied": Report(BEFORE, "applied", BEHIND, BEHIND),
    "confirming": Report(BEFORE, "confirming", BEHIND, BEHIND),
    "other": Report(BEFORE, "applied", BEFORE, BEHIND),
    "has": Report(BEHIND, "committed", BEHIND, BEHIND),
    "lacks": Report(BEFORE, "ready", BEHIND, BEFORE),
}


def seen(device: DeviceId, word: str) -> Seen:
    """Return a device as it is seen; behind what it says ``away``, ``lost``, or ``was``: it had switched."""
    says, *more = word.split()
    is_there = not {"away", "lost"} & set(more)
    return Seen(device, SAYS.get(says), is_there, "lost" in more, "was" in more)


def switch(*words: str, failures: int = 0) -> Switch:
    devices = [seen(device, word) for device, word in zip(ALL, words, strict=False)]
    return Switch(devices, BEFORE, OWN, failures)


@pytest.mark.parametrize(
    ("words", "failures", "word"),
    [
        (["ready"] * 4, 0, SWITCH_WORD),
        ([], 0, SWITCH_WORD),
        (["ready", "ready", "ready", "busy"], 0, None),
        (["ready", "ready", "ready", "nothing"], 0, None),
        (["ready", "ready", "ready", "old"], 0, None),
        (["ready", "ready", "ready", "ready away"], 0, None),
        (["ready", "ready", "ready", "failed"], 0, STOP_WORD + FOUR.hex()),
        (["ready", "ready", "ready", "stuck"], 0, STOP_WORD + FOUR.hex()),
        (["ready", "ready", "held", "ready"], 0, STOP_WORD + THREE.hex()),
        (["ready", "off", "ready", "ready"], 0, STOP_WORD + TWO.hex()),
        (["ready", "ready", "ready", "ready lost"], 0, STOP_WORD + FOUR.hex()),
        (["ready", "ready", "ready", "nothing lost"], 0, STOP_WORD + FOUR.hex()),
        (["ready", "ready", "ready", "failed"], 1, SWITCH_WORD),
        (["ready", "ready", "busy", "failed"], 1, None),
        (["ready", "ready", "failed", "failed"], 2, STOP_WORD + THREE.hex()),
        (["failed", "ready", "ready", "ready"], 4, STOP_WORD + OWN.hex()),
        (["busy", "ready", "ready", "ready lost"], 0, STOP_WORD + FOUR.hex()),
    ],
)
def test_all_switch_once_all_are_ready_that_are_not_let_miss_it(
    words: list[str], failures: int, word: str | None
) -> None:
    assert switch(*words, failures=failures).staged_word() == word


@pytest.mark.parametrize(
    ("words", "led", "word"),
    [
        (["applied"] * 4, OWN, STAY_WORD),
        ([], OWN, STAY_WORD),
        (["applied", "confirming", "has", "failed"], OWN, STAY_WORD),
        (["applied", "applied", "applied", "ready away"], OWN, STAY_WORD),
        (["applied", "applied", "has away", "ready away"], OWN, STAY_WORD),
        (["applied", "applied", "ready away", "ready away"], OWN, None),
        (["applied", "applied", "applied away", "applied away"], OWN, None),
        (["applied away", "applied", "applied", "applied"], OWN, None),
        (["applied", "applied", "applied", "ready away"], FOUR, None),
        (["applied", "applied", "other", "nothing"], OWN, None),
        (["failed", "applied", "applied", "applied"], OWN, BACK_WORD + OWN.hex()),
        (["failed", "ready away", "ready away", "ready away"], OWN, None),
        (["failed", "ready", "ready away", "ready away"], OWN, None),
        (["failed", "failed", "failed", "ready away"], OWN, BACK_WORD + OWN.hex()),
        (["failed was", "failed", "failed", "ready away"], OWN, BACK_WORD + TWO.hex()),
        (["failed was", "failed was", "failed was", "held was"], OWN, BACK_WORD + OWN.hex()),
        (["held", "applied", "applied", "ready"], TWO, BACK_WORD + OWN.hex()),
        (["applied", "applied", "failed", "failed"], OWN, BACK_WORD + THREE.hex()),
        (["applied", "stuck", "stuck", "busy"], OWN, None),
        (["applied", "applied", "applied", "failed"], FOUR, BACK_WORD + FOUR.hex()),
        (["applied", "applied", "applied", "ready lost"], FOUR, BACK_WORD + FOUR.hex()),
    ],
)
def test_r9_it_stays_with_who_led_and_most_of_them_or_goes_back_with_most_of_them(
    words: list[str], led: DeviceId, word: str | None
) -> None:
    assert switch(*words).switched_word(led) == word


def test_who_led_and_is_not_concerned_need_not_switch() -> None:
    others = switch("applied", "applied")._replace(own=FOUR)
    assert others.switched_word(FOUR) == STAY_WORD


@pytest.mark.parametrize(
    ("words", "holders", "failures", "word"),
    [
        (["ready"] * 4, set(ALL), 0, None),
        (["ready", "ready", "ready", "lacks"], set(), 0, BACK_WORD + FOUR.hex()),
        (["ready", "ready", "nothing", "ready"], set(), 0, BACK_WORD + THREE.hex()),
        (["ready", "ready", "ready", "lacks"], {OWN}, 1, None),
        (["ready", "ready", "ready", "lacks"], {OWN, FOUR}, 1, BACK_WORD + FOUR.hex()),
    ],
)
def test_it_is_called_off_where_the_word_is_missing(
    words: list[str], holders: set[DeviceId], failures: int, word: str | None
) -> None:
    assert switch(*words, failures=failures).recall_word(BEHIND, holders) == word


def test_the_word_has_three_cycles_to_reach_all_and_two_seconds_at_least() -> None:
    assert (delay_s(0.2), delay_s(5.0)) == (2.0, 15.0)
