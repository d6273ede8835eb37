"""The first raise of another branch, judged by who may raise at the reader's own head (R4, A40, A56).

Wherever the fork is, and whatever that branch made of its owners, the right to undo what is
final here is that of the owners, and of the recovery phrase, which the reader's own newest entry
knows.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from dusk.changelog.body import CHANGE_LABEL, Change
from dusk.changelog.entry import OPEN, Entry
from dusk.changelog.forkchoice import Raise
from dusk.changelog.items import unpack_entry_item, verified_entry
from dusk.changelog.kinds import is_recovery
from dusk.changelog.recovering import is_signed
from dusk.changelog.state import State
from dusk.changelog.views import recovery_key
from dusk.effects import ItemKind, LogItem
from dusk.ids import ChangeId, ClusterId, KeyId, PublicKey
from dusk.keys.signing import verify


def is_raise(entry: Entry) -> bool:
    """Tell whether an entry raises generation or mandate: an `open` with a change, behind the first entry."""
    return entry.kind is OPEN and entry.change is not None and entry.seq > 1


class Own(NamedTuple):
    """What stands in the reader's own branch behind the fork.

    Args:
        changes: their ids.
        spent: ids of recovery keys that signed RECOVERs there.
        recovery: the first of these.
    """

    changes: Collection[ChangeId | None]
    spent: Collection[KeyId] = ()
    recovery: ChangeId | None = None


class Rights(NamedTuple):
    """Who may raise at some head.

    Args:
        cluster: of the log.
        owners: with their keys; they force roles.
        quorum: how many of them must sign.
        recovery: key of the recovery phrase; None for none.
    """

    cluster: ClusterId
    owners: Mapping[KeyId, PublicKey]
    quorum: int
    recovery: PublicKey | None

    def hold(self, change: Change) -> bool:
        """Tell whether enough of them signed, or the recovery phrase where it is for that to sign."""
        if is_recovery(change):
            return self.recovery is not None and is_signed(change, self.recovery, self.cluster)
        return self.signed(change) >= self.quorum > 0

    def signed(self, change: Change) -> int:
        """Count the owners that signed a change; every signature that counts is verified here."""
        body = change.body_bytes
        return sum(
            verify(self.owners[s.key_id], CHANGE_LABEL, self.cluster, body, s.signature)
            for s in change.signatures
            if s.key_id in self.owners
        )

    def judge(self, change: Change | None, own: Own) -> Raise:
        """Judge what `first_raise` found in a branch, where it stands by right.

        Args:
            change: None for no raise.
            own: what the own branch has.
        """
        if change is None:
            return Raise.NONE
        if is_recovery(change) and change.body.author in own.spent:
            return Raise.KNOWN if change.id in own.changes else Raise.RIVAL
        if not self.hold(change):
            return Raise.FOREIGN
        return Raise.KNOWN if change.id in own.changes else Raise.NEW


def own_branch(items: Iterable[LogItem]) -> Own:
    """Return what a branch of the reader's own has, all of it verified before."""
    entries = [(verified_entry(item), item) for item in items if item.kind is ItemKind.ENTRY]
    raising = [_change(item) for entry, item in entries if is_raise(entry)]
    recoveries = [change for change in raising if is_recovery(change)]
    return Own(
        {entry.change for entry, _ in entries},
        {change.body.author for change in recoveries},
        recoveries[0].id if recoveries else None,
    )


def first_raise(items: Iterable[LogItem]) -> Change | None:
    """Return what decides whether a branch counts: its first RECOVER, else its first forced role.

    Args:
        items: of the branch, in order, verified.
    """
    found = None
    for item in items:
        if item.kind is ItemKind.ENTRY and is_raise(verified_entry(item)):
            change = _change(item)
            if is_recovery(change):
                return change
            found = found or change
    return found


def _change(item: LogItem) -> Change:
    change = unpack_entry_item(item.data)[1]
    assert change is not None, "the entry raises"
    return change


def rights_at(state: State) -> Rights:
    """Return who may raise in a state, as it is now."""
    found = {owner: state.holder(owner) for owner in state.owners()}
    keys = {owner: holder.public for owner, holder in found.items() if holder is not None}
    return Rights(state.cluster, keys, state.quorum, recovery_key(state))
