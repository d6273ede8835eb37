"""The first raise of another branch, judged by who may raise at the reader's own head (R4, A40, A56).

Wherever the fork is, and whatever that branch made of its owners, the right to undo what is
final here is that of the owners whom the reader's own newest entry knows.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from dusk.changelog.body import CHANGE_LABEL, Change
from dusk.changelog.entry import OPEN, Entry
from dusk.changelog.forkchoice import Raise
from dusk.changelog.state import State
from dusk.ids import ChangeId, ClusterId, KeyId, PublicKey
from dusk.keys.signing import verify


def is_raise(entry: Entry) -> bool:
    """Tell whether an entry raises the mandate: an `open` with a change, behind the first entry."""
    return entry.kind is OPEN and entry.change is not None and entry.seq > 1


class Rights(NamedTuple):
    """Who may raise a mandate at some head: the owners with their keys, and how many must sign."""

    cluster: ClusterId
    owners: Mapping[KeyId, PublicKey]
    quorum: int

    def hold(self, change: Change) -> bool:
        """Tell whether enough of them signed; every signature that counts is verified here."""
        body = change.body_bytes
        signed = sum(
            verify(self.owners[s.key_id], CHANGE_LABEL, self.cluster, body, s.signature)
            for s in change.signatures
            if s.key_id in self.owners
        )
        return signed >= self.quorum > 0

    def judge(self, change: Change | None, known: Collection[ChangeId | None]) -> Raise:
        """Judge the change of a branch's first raise.

        Args:
            change: that the entry carries; None for none.
            known: ids of changes behind the fork in the own log.
        """
        if change is None or not self.hold(change):
            return Raise.FOREIGN
        return Raise.KNOWN if change.id in known else Raise.NEW


def rights_at(state: State) -> Rights:
    """Return who may raise a mandate in a state, as it is now."""
    found = {owner: state.holder(owner) for owner in state.owners()}
    keys = {owner: holder.public for owner, holder in found.items() if holder is not None}
    return Rights(state.cluster, keys, state.quorum)
