"""What an owner should find in the system log: who leads, what could not be applied, what waits for a word.

Looked up now and then and said once. Nothing here comes from another device but names and versions.
"""

from collections.abc import Callable, Sequence

from dusk.daemon.status import failures, name_of, waits_alone
from dusk.errors import DuskError
from dusk.node import Node

UNHEARD_LOOKS_MAX = 2
"""A master that is missed at so many looks in a row is not heard."""


class News:
    """Keeps what was said last, so that only what has changed is said.

    Args:
        asked: what owners should decide, for people.
    """

    def __init__(self, asked: Callable[[], Sequence[str]]) -> None:
        self._asked = asked
        self._said: dict[str, str] = {}
        self._unheard = 0
        self._without_effect = 0

    def look(self, resident: object, now: float) -> list[str]:
        """Return the lines that are new, those of what is over included.

        Args:
            resident: what lives in the core; only a node has news.
            now: monotonic seconds.
        """
        if not isinstance(resident, Node):
            return []
        lines = self._told("lead", self._lead(resident, now))
        for word, text in (
            ("apply", _apply(resident)),
            ("others", "; ".join(failures(resident))),
            ("alone", waits_alone(resident, now)),
        ):
            lines += self._told(word, text)
        return [*lines, *self._conflicts(resident)]

    def _told(self, word: str, text: str) -> list[str]:
        former, self._said[word] = self._said.get(word, ""), text
        if text == former:
            return []
        return [text] if text else [f"over: {former}"]

    def _lead(self, node: Node, now: float) -> str:
        if node.leads:
            self._unheard = 0
            return f"leads, in epoch {node.log.head.epoch}"
        if node.fresh(now):
            self._unheard = 0
            return f"follows {name_of(node, node.master)}"
        self._unheard += 1
        former = self._said.get("lead", "")
        return former if self._unheard < UNHEARD_LOOKS_MAX else "the master is not heard"

    def _conflicts(self, node: Node) -> list[str]:
        """Say what changes are without effect, where there are more: to look at them reads the disk."""
        former, self._without_effect = self._without_effect, len(node.log.not_applied)
        if self._without_effect <= former:
            return []
        try:
            return [line for line in self._asked() if "without effect" in line]
        except DuskError:  # said by who looks at them; no reason for the daemon to end
            return []


def _apply(node: Node) -> str:
    """Say that this device could not apply what it tried last, and why."""
    applied = node.applied
    if applied.state != "failed":
        return ""
    return f"version {applied.judged} could not be applied here: {applied.reason}"
