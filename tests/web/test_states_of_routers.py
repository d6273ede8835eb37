"""How the page calls a router: one word for whoever shows it, in table and picture."""

from typing import Any

import pytest

from dusk.apply.driver import WAITING
from dusk.apply.machine import State
from tests.web.modules import results

pytestmark = [pytest.mark.needs("node")]
WELL = {"online": True, "apply": "committed", "applied": 9, "rollout": None, "drift": 0}


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "well"),
        ({"applied": 10}, "well"),
        ({"drift": 2}, "drift"),
        ({"applied": 8}, "behind"),
        ({"applied": None}, "behind"),
        ({"applied": 8, "drift": 2}, "behind"),
        ({"applied": 8, "rollout": "ab"}, "waits"),
        ({"applied": 8, "rollout": "ab", "apply": WAITING}, "waiting-for-secret"),
        ({"applied": 8, "apply": "held"}, "held"),
        ({"apply": "off", "drift": 2}, "off"),
        ({"applied": 8, "apply": "waiting", "rollout": "ab"}, "waiting"),
        ({"applied": 8, "apply": "failed"}, "failed"),
        ({"applied": 8, "apply": "failed", "online": False}, "away"),
    ],
)
def test_of_all_that_is_so_the_word_is_what_to_see_to_first(changes: dict[str, Any], state: str) -> None:
    assert results("dusk.states", ("of", {**WELL, **changes}, 9)) == [state]


NOTHING_GOES_ON = frozenset({State.FAILED, State.WAITING, State.HELD, State.OFF, WAITING})
"""Words of a status that are how a router is; by the others it is on its way."""


@pytest.mark.parametrize("word", [*(state.value for state in State), WAITING])
def test_each_state_of_an_apply_is_said_in_words_and_drawn(word: str) -> None:
    (said,), (mark,) = (
        results("dusk.states", ("applying", word)),
        results("dusk.states", ("of", {**WELL, "applied": 8, "apply": word}, 9)),
    )
    assert said != word, "people read no word of the machine"
    assert mark == (word if word in NOTHING_GOES_ON else "behind")
