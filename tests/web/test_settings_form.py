"""The form of this router's own settings under LuCI: what it leaves of a hold that `dusk hold` began."""

from pathlib import Path

import pytest

from tests.web.modules import RESOURCES, run_node

pytestmark = [pytest.mark.needs("node")]
HARNESS = Path(__file__).with_name("settings_form.mjs")
TIMED = {"hold": "1", "hold_for": "7200", "hold_since": "one/100"}
"""As `dusk hold --for 2h` writes it."""


def _after(saved: dict[str, str], *ticks: bool) -> list[dict[str, str]]:
    """Return the file's options after each saving, with *Holds still* ticked or not."""
    text = (RESOURCES / "view/dusk/settings.js").read_text()
    found: list[dict[str, str]] = run_node(HARNESS, {"text": text, "saved": saved, "ticks": ticks})
    return found


def test_a_tick_that_is_taken_off_and_set_again_is_no_hold_of_before() -> None:
    assert _after(TIMED, False, True) == [{}, {"hold": "1"}]


def test_what_a_former_hold_left_behind_is_no_part_of_a_new_one() -> None:
    left = {"hold_for": "7200", "hold_since": "one/100"}
    assert _after(left, True) == [{"hold": "1"}]


def test_who_changes_something_else_changes_nothing_about_the_hold() -> None:
    assert _after(TIMED, True) == [TIMED]
    released = {"hold_since": "one/130"}
    assert _after({"hold": "0", **released}, False) == [released]
