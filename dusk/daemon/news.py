"""What an owner should find in the system log: each version, who leads, what is not applied, what waits.

Looked up now and then and said once, each line with a word first that is kept (`specs/control-api.md`, *The
system's log*).
"""

from collections.abc import Callable, Sequence

from dusk.control.desk import Json
from dusk.daemon.status import failures, name_of, waits_alone
from dusk.errors import DuskError
from dusk.ids import Head, Seq
from dusk.node import Node

VERSIONS_AT_ONCE_MAX = 32
"""Of more that come between two looks, as when a router was off, only the number is said."""
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
        lines = self._told("role", self._role(resident, now))
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
        return [f"{word}: {text}" if text else f"{word}: over: {former}"]

    def _role(self, node: Node, now: float) -> str:
        if node.leads:
            self._unheard = 0
            return f"leads, in epoch {node.log.head.epoch}"
        if node.fresh(now):
            self._unheard = 0
            return f"follows {name_of(node, node.master)}"
        self._unheard += 1
        former = self._said.get("role", "")
        return former if self._unheard < UNHEARD_LOOKS_MAX else "the master is not heard"

    def _conflicts(self, node: Node) -> list[str]:
        """Say what changes are without effect, where there are more: to look at them reads the disk."""
        former, self._without_effect = self._without_effect, len(node.log.not_applied)
        if self._without_effect <= former:
            return []
        try:
            return [f"conflict: {line}" for line in self._asked() if "without effect" in line]
        except DuskError:  # said by who looks at them; no reason for the daemon to end
            return []


class Versions:
    """Says each version that comes into the log, and only the number of many at once.

    Args:
        rows: gives the rows of ``log.list`` behind a position, newest first.
    """

    def __init__(self, rows: Callable[[Seq], Sequence[Json]]) -> None:
        self._rows = rows
        self._seen: Head | None = None

    def look(self, resident: object) -> list[str]:
        """Return a line for each new version; none for those that were here at the first look."""
        if not isinstance(resident, Node):
            return []
        log, seen = resident.log, self._seen
        self._seen = head = log.head
        if (
            seen is None or head == seen or log.chain_at(seen.seq) != seen.chain
        ):  # the last: another branch, said
            return []
        if head.seq - seen.seq > VERSIONS_AT_ONCE_MAX:
            return [f"entry: {head.seq - seen.seq} versions came, up to {head.seq}"]
        try:
            return [_version(row) for row in reversed(self._rows(seen.seq))]
        except DuskError:  # said by who reads the log; no reason for the daemon to end
            return []


def _version(row: Json) -> str:
    who = ", ".join(row["signed"]) or row["author"]
    return f"entry: version {row['seq']}, {row['outcome']}, by {who} on {row['device']}: {row['message']}"


def _apply(node: Node) -> str:
    """Say that this device could not apply what it tried last, and why."""
    applied = node.applied
    if applied.state != "failed":
        return ""
    return f"version {applied.judged} could not be applied here: {applied.reason}"
