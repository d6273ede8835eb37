"""Looks at the device's files when somebody wrote one, and says what was changed there (drift)."""

from collections.abc import Mapping

from dusk.apply.driver import Driver
from dusk.effects import Effect, LookAtFiles
from dusk.listing import listed
from dusk.node.alarms import Alarms

DRIFT, FIGHT = "drift", "drift-fight"
"""Words of its alarms."""
NAMES_SHOWN_MAX = 3
"""Of settings, in one line."""


class Drifting:
    """A node's part in drift.

    Args:
        driver: the apply machine, and what it keeps.
        alarms: the node's.
    """

    def __init__(self, driver: Driver, alarms: Alarms) -> None:
        self._driver, self._alarms = driver, alarms
        self._is_due = False
        self._is_asked = False

    def touched(self) -> None:
        """Note that a file was written, by whomever."""
        self._is_due = True

    def seen(self, files: Mapping[str, bytes | None] | None, now: float) -> None:
        """Take the files; if an apply began meanwhile they are looked at again behind it."""
        self._is_asked = False
        if files is None:
            return
        if self._driver.looked_at():
            self._driver.looked(files, now)
        else:
            self._is_due = True

    def step(self) -> list[Effect]:
        """Ask for the files if a look is due and no apply is under way; keep the alarms true."""
        effects = [*self._tell(DRIFT, self._drift()), *self._tell(FIGHT, self._fight())]
        if not self._is_due or self._is_asked:
            return effects
        packages = self._driver.looked_at()
        if not packages:
            return effects
        self._is_due, self._is_asked = False, True
        return [*effects, LookAtFiles(packages)]

    def _tell(self, word: str, text: str) -> list[Effect]:
        return self._alarms.tell(word, text)

    def _drift(self) -> str:
        keys = [one.key for one in self._driver.drift]
        if not keys:
            return ""
        return f"changed on this device: {listed(keys, NAMES_SHOWN_MAX)}; `dusk drift` shows it"

    def _fight(self) -> str:
        keys = self._driver.given_up
        if not keys:
            return ""
        return (
            f"put back again and again, and left as it is now: {listed(keys, NAMES_SHOWN_MAX)};"
            " find out what writes it, then `dusk drift revert`"
        )
