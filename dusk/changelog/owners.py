"""The chain of owners: from the first entry on, each change of `trust` signed by those before it.

A RECOVER is signed by the recovery phrase before it.

Each entry says the hash of section `trust` behind it. The section is built up from all of them, so one that
is left out between two others is missed, unless these wrote all of it anew. One left out at the end is not:
who has something to compare with, his own log or the entry that he was told, compares.

Who has no log, or one of years ago, learns this way who may attest the state now.
"""

from collections.abc import Sequence

from dusk.changelog.body import Change
from dusk.changelog.entry import APPLIED, Entry, trust_behind
from dusk.changelog.genesis import judge_genesis
from dusk.changelog.history import Trusted
from dusk.changelog.items import unpack_entry_item
from dusk.changelog.kinds import is_recovery
from dusk.changelog.raises import Rights, rights_at
from dusk.changelog.recovering import OWNER, owners_named
from dusk.changelog.sections import check_record, parse_path
from dusk.changelog.state import RecordWrite, State
from dusk.changelog.verdict import written
from dusk.effects import LogItem
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ClusterId

TRUST = "trust"


class Owners:
    """Who they are, and how many of them must sign, as far as the chain was walked."""

    def __init__(self, cluster: ClusterId) -> None:
        self._trust = State()  # of which there is that section alone
        self._trust.cluster = cluster
        self.trusted: list[Trusted] = []
        """The entries that wrote `trust`, as far as it was walked."""

    @property
    def rights(self) -> Rights:
        """Who they are and how many must sign."""
        return rights_at(self._trust)

    def are_of(self, state: State) -> bool:
        """Tell whether a state has the same section `trust`, with the same history of each record."""
        return self._trust.section_hash(TRUST) == state.section_hash(TRUST)

    def take(self, entry: Entry, change: Change) -> None:
        """Take the next change of `trust`, or the next forced role, which owners must sign too.

        Raises:
            UntrustedInput: those who were owners before it have not signed it, a RECOVER leaves one, or
                it says another section `trust` than all that were taken make.
        """
        if entry.seq == 1:
            try:
                judge_genesis(change, entry.writer)
            except Refused as error:
                raise UntrustedInput(f"entry 1: {error.reason}") from None
        elif change.body.cluster != self._trust.cluster or not self.rights.hold(change):
            raise UntrustedInput(f"entry {entry.seq}: the owners before it have not signed it")
        writes = _writes(change)
        self._trust.take(writes, ())
        named = owners_named(change) if is_recovery(change) else None
        owners = {key.removeprefix(OWNER) for key in self._trust.records(TRUST, OWNER)}
        if named is not None and owners != named:
            raise UntrustedInput(f"entry {entry.seq}: an owner is left whom the recovery does not name")
        said, made = trust_behind(entry), self._trust.section_hash(TRUST) if writes else None
        if said != made:
            raise UntrustedInput(f"entry {entry.seq}: one before it that changed the owners is not shown")
        if said is not None:
            self.trusted.append(Trusted(entry.seq, entry.generation, said))


def _writes(change: Change) -> list[RecordWrite]:
    """Return what a change does to section `trust`.

    Raises:
        UntrustedInput: something that does not stand there.
    """
    path, writes = parse_path(TRUST), []
    for operation, value in zip(change.body.operations, change.values, strict=True):
        if operation.section == TRUST:
            check_record(path, operation.key, None if value is None else value.data)
            writes.append(written(operation, value, change.id))
    return writes


def changes_owners(entry: Entry) -> bool:
    """Tell whether an entry changed `trust`."""
    return entry.outcome == APPLIED and trust_behind(entry) is not None


def walk(cluster: ClusterId, items: Sequence[LogItem]) -> Owners:
    """Walk the chain of owners.

    Args:
        cluster: whose they are.
        items: the entries that changed `trust`, the first entry among them, in order, and any forced
            roles between them; that they are the log's is for the caller to check.

    Raises:
        UntrustedInput: one was not signed by the owners before it, one is missing between two others, or
            there is none.
    """
    owners = Owners(cluster)
    for item in items:
        entry, change = unpack_entry_item(item.data)
        if change is None:
            raise UntrustedInput(f"entry {entry.seq}: changes nothing, and owners least of all")
        owners.take(entry, change)
    if not owners.trusted:
        raise UntrustedInput("owners: nobody said who they are")
    return owners
