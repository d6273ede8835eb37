"""How much of the log those may fill who were granted nothing: everybody keeps it on flash (R12, A54).

A device writes its facts, a person what is sealed under his password, and any person proposes: that is
nobody's to grant. Of each key the writer takes so much of it, and as much again once the log stands on
another checkpoint: what was below is on no disk any more. Owners, and whoever is in a grant, are not
counted: they may fill sections anyway. Nor is what a key does once, such as to join, to leave, or to
prove a fork.
"""

from dusk.changelog.authority import PASSED, grant_for
from dusk.changelog.body import Change
from dusk.changelog.log import Log
from dusk.changelog.state import State
from dusk.errors import Refused
from dusk.ids import KeyId, Seq
from dusk.limits import QUOTA_BYTES, QUOTA_CHANGES, QUOTA_KEYS_MAX

_GRANT = "grant/"


class Quota:
    """What keys that were granted nothing had written since the checkpoint that the log stands on.

    It is in memory alone: who begins to lead begins anew.

    Args:
        log: that is written.
    """

    def __init__(self, log: Log) -> None:
        self._log, self._floor = log, Seq(0)
        self._used: dict[KeyId, tuple[int, int]] = {}
        """By key: changes, and the bytes of their entries."""

    def check(self, change: Change) -> None:
        """Refuse a change of a key that had its share; it is not verified yet.

        Raises:
            Refused: ``quota-used``.
        """
        if self._log.floor != self._floor:
            self._floor = self._log.floor
            self._used.clear()
        count, size_bytes = self._used.get(change.body.author, (0, 0))
        is_used = count >= QUOTA_CHANGES or size_bytes >= QUOTA_BYTES
        if is_used and is_counted(self._log.state, change):
            raise Refused(
                "quota-used",
                f"this key has no right, and filled its part of the log with {count} changes,"
                f" {size_bytes >> 10} KiB: the next checkpoint makes room, once owners commit",
            )

    def wrote(self, change: Change, size_bytes: int) -> None:
        """Count a change that was written.

        Args:
            change: the fold took it, so its signatures are its author's.
            size_bytes: of its entry.
        """
        if not is_counted(self._log.state, change):
            return
        author = change.body.author
        count, before = self._used.pop(author, (0, 0))
        if len(self._used) >= QUOTA_KEYS_MAX:
            del self._used[next(iter(self._used))]  # who has written nothing for longest
        self._used[author] = count + 1, before + size_bytes


def is_counted(state: State, change: Change) -> bool:
    """Tell whether a change is what nobody is granted, by a key that was granted nothing."""
    author = change.body.author
    operations = change.body.operations
    return (
        all(_is_free(operation.section, operation.key) for operation in operations)
        and author not in state.owners()
        and not _is_granted(state, author)
    )


def _is_free(section: str, key: str) -> bool:
    """Tell whether nobody is granted a record; what is no path at all is refused by the fold."""
    kind, _, rest = section.partition("/")
    return (
        kind == "proposal"
        or (kind == "device" and rest.endswith("/facts"))
        or (kind == "user" and key == "sealed")
    )


def _is_granted(state: State, author: KeyId) -> bool:
    """Tell whether a key is in a grant that is in force."""
    prefixes = {
        key.removeprefix(_GRANT) for place in ("trust", PASSED) for key in state.records(place, _GRANT)
    }
    grants = (grant_for(state, prefix) for prefix in prefixes)
    return any(grant is not None and author in grant.keys for grant in grants)
