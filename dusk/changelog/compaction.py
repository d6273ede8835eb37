"""What is below a checkpoint made into a foundation; what stands above it stays as it is.

The entries are read from the disk once more, a piece at a time, for the state at the checkpoint
is in memory no more. Nothing is verified again, and no second copy of the log is held.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from dusk.changelog.attesting import attested_by
from dusk.changelog.body import Change
from dusk.changelog.entry import APPLIED, Entry, EntryKind
from dusk.changelog.foundation import encode, form, kept_changes, kept_roles, read
from dusk.changelog.items import unpack_entry_item, verified_entry
from dusk.changelog.log import Log
from dusk.changelog.owners import changes_owners
from dusk.changelog.raises import is_raise
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import ChangeId, ClusterId, Seq


def compact(cluster: ClusterId, below: bytes | None, items: Iterable[LogItem], seq: Seq) -> bytes:
    """Make the foundation at a checkpoint.

    Args:
        cluster: the cluster's id.
        below: the foundation that the log stands on; None for the first entry.
        items: the log above it, verified when it was taken.
        seq: of a checkpoint that is final.

    Returns:
        The bytes of the foundation.

    Raises:
        UntrustedInput, Refused: these items are not such a log; the disk was damaged. Or it would be
            larger than any that is read.
    """
    made = _Making(cluster, below)
    for item in items:
        if item.kind is not ItemKind.ENTRY:
            continue
        if made.log.head.seq < seq:
            made.pass_by(item)
        elif made.collect(item, seq):
            return made.encoded()
    raise UntrustedInput(f"no checkpoint at entry {seq}")


class _Making:
    """A foundation in the making."""

    def __init__(self, cluster: ClusterId, below: bytes | None) -> None:
        found = None if below is None else read(below, cluster)
        self.log = Log(cluster, ground=None if found is None else found.ground)
        self._digests = [] if found is None else [found.digests]
        self._kept = [] if found is None else list(found.kept)
        self._attestations: list[Change] = []

    def pass_by(self, item: LogItem) -> None:
        """Take an entry up to the checkpoint."""
        self.log.retake(item)
        entry = verified_entry(item)
        self._digests.append(entry.digest)
        if changes_owners(entry) or is_raise(entry) or entry.outcome != APPLIED:
            self._kept.append(item)

    def collect(self, item: LogItem, seq: Seq) -> bool:
        """Look for owners' word above the checkpoint; tell whether it is enough."""
        entry = verified_entry(item)
        if entry.kind is EntryKind.CHECKPOINT and entry.outcome == APPLIED:
            self._add(unpack_entry_item(item.data)[1], seq)
        return len(self._attestations) >= self.log.state.quorum

    def _add(self, change: Change | None, seq: Seq) -> None:
        assert change is not None, "entries of that kind have one"
        said, authors = attested_by(change), {each.body.author for each in self._attestations}
        is_owner = change.body.author in self.log.state.owners() and change.body.author not in authors
        if said is not None and said.seq == seq and is_owner:
            self._attestations.append(change)

    def encoded(self) -> bytes:
        """Return the bytes, which can be read again."""
        wanted, roles = set(kept_changes(self.log.ground)), set(kept_roles(self.log.ground))
        kept = [item for item in self._kept if _is_kept(verified_entry(item), wanted, roles)]
        data = encode(self.log.ground, b"".join(self._digests), kept, self._attestations)
        form(data)
        return data


def _is_kept(entry: Entry, wanted: AbstractSet[ChangeId], roles: AbstractSet[Seq]) -> bool:
    return changes_owners(entry) or entry.change in wanted or entry.seq in roles
