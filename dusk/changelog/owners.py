"""The chain of owners: from the first entry on, each change of `trust` signed by those before it.

A RECOVER is signed by the recovery phrase before it.

Who has no log, or one of years ago, learns this way who may attest the state now.
"""

from collections.abc import Mapping, Sequence

from dusk import codec
from dusk.changelog.body import CHANGE_LABEL, Change
from dusk.changelog.entry import APPLIED, Entry
from dusk.changelog.genesis import judge_genesis
from dusk.changelog.items import unpack_entry_item
from dusk.changelog.kinds import is_recovery
from dusk.changelog.recovering import OWNER, RECOVERY, is_signed, owners_named
from dusk.changelog.sections import check_record, parse_path
from dusk.changelog.state import State
from dusk.changelog.views import recovery_key
from dusk.effects import LogItem
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ClusterId, KeyId, PublicKey, key_id
from dusk.keys.signing import verify

TRUST = "trust"


class Owners:
    """Who they are, and how many of them must sign, as far as the chain was walked."""

    def __init__(self, cluster: ClusterId) -> None:
        self.quorum = 0
        self.recovery: PublicKey | None = None
        self._cluster = cluster
        self._publics: dict[str, PublicKey] = {}

    @property
    def keys(self) -> Mapping[KeyId, PublicKey]:
        """The owners' key ids with their keys."""
        return {key_id(public): public for public in self._publics.values()}

    def signed(self, change: Change) -> int:
        """Count the owners that signed a change."""
        keys, body = self.keys, change.body_bytes
        return sum(
            s.key_id in keys and verify(keys[s.key_id], CHANGE_LABEL, self._cluster, body, s.signature)
            for s in change.signatures
        )

    def are_of(self, state: State) -> bool:
        """Tell whether a state names the same owners, quorum and recovery key."""
        said = (set(state.owners()), state.quorum, recovery_key(state))
        return (set(self.keys), self.quorum, self.recovery) == said

    def take(self, entry: Entry, change: Change) -> None:
        """Take the next change of `trust`, or the next forced role, which owners must sign too.

        Raises:
            UntrustedInput: those who were owners before it have not signed it, or a RECOVER leaves one.
        """
        if entry.seq == 1:
            try:
                judge_genesis(change, entry.writer)
            except Refused as error:
                raise UntrustedInput(f"entry 1: {error.reason}") from None
        elif change.body.cluster != self._cluster or not self._may(change):
            raise UntrustedInput(f"entry {entry.seq}: the owners before it have not signed it")
        for operation, value in zip(change.body.operations, change.values, strict=True):
            if operation.section == TRUST:
                self._write(operation.key, None if value is None else value.data)
        named = owners_named(change) if is_recovery(change) else None
        if named is not None and {key.removeprefix(OWNER) for key in self._publics} != named:
            raise UntrustedInput(f"entry {entry.seq}: an owner is left whom the recovery does not name")

    def _may(self, change: Change) -> bool:
        if is_recovery(change):
            return self.recovery is not None and is_signed(change, self.recovery, self._cluster)
        return self.signed(change) >= self.quorum

    def _write(self, key: str, data: bytes | None) -> None:
        check_record(parse_path(TRUST), key, data)
        said = None if data is None else codec.unpack(data, size_max=len(data))[0]
        if key == "quorum":
            self.quorum = said or 0
        elif key == RECOVERY[1]:
            self.recovery = said
        elif key.startswith(OWNER):
            self._publics.pop(key, None)
            if said is not None:
                self._publics[key] = PublicKey(said)


def changes_owners(entry: Entry) -> bool:
    """Tell whether an entry changed `trust`."""
    return entry.outcome == APPLIED and any(section == TRUST for section, _ in entry.sections)


def walk(cluster: ClusterId, items: Sequence[LogItem]) -> Owners:
    """Walk the chain of owners.

    Args:
        cluster: whose they are.
        items: the entries that changed `trust`, the first entry among them, in order, and any forced
            roles between them; that they are the log's is for the caller to check.

    Raises:
        UntrustedInput: one was not signed by the owners before it, or there is none.
    """
    owners = Owners(cluster)
    for item in items:
        entry, change = unpack_entry_item(item.data)
        if change is None:
            raise UntrustedInput(f"entry {entry.seq}: changes nothing, and owners least of all")
        owners.take(entry, change)
    if owners.quorum == 0:
        raise UntrustedInput("owners: nobody said who they are")
    return owners
