"""How the page calls a router: one word for whoever shows it, in table and picture."""

from typing import Any

import pytest

from dusk.apply.driver import WAITING
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
        ({"applied": 8, "apply": "failed"}, "failed"),
        ({"applied": 8, "apply": "failed", "online": False}, "away"),
    ],
)
def test_of_all_that_is_so_the_word_is_what_to_see_to_first(changes: dict[str, Any], state: str) -> None:
    assert results("dusk.states", ("of", {**WELL, **changes}, 9)) == [state]
