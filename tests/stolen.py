"""A cluster in which somebody's key is in a thief's hands, and what owners do about it."""

from collections.abc import Sequence

from dusk.changelog.body import Edit
from dusk.changelog.entry import APPLIED, Entry
from dusk.changelog.undoing import Since, Suspect, Undoing, undoing
from dusk.changelog.voiding import PART, Voided, void_path, voided_row
from dusk.config.settings import Setting, Verb, encode_setting
from dusk.ids import Seq
from dusk.keys.signing import SigningKey
from tests.world import World

HOST = "set/system.@system[0].hostname"


class Stolen(World):
    """Bob and Carol may write policies; Alice owns the cluster."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__(seed)
        self.bob, self.carol = self.key(), self.key()
        for name, key in (("bob", self.bob), ("carol", self.carol)):
            self.commit(self.edit(f"user/{name}", "key", [key.public]))
        self.grant("policy", self.bob, self.carol)

    def grant(self, prefix: str, *keys: SigningKey, by: SigningKey | None = None) -> Entry:
        """Let the owner, or who has an owner's key, grant a prefix."""
        row = [sorted(k.key_id for k in keys), 1, None, None, None]
        return self.by(by or self.owner, self.edit("trust", f"grant/{prefix}", row))

    def by(self, signer: SigningKey | Sequence[SigningKey], *edits: Edit) -> Entry:
        """Write a change by somebody."""
        signers = (signer,) if isinstance(signer, SigningKey) else signer
        entry = self.write(self.change(*edits, signers=signers))
        assert entry.outcome == APPLIED
        return entry

    def host(self, policy: str, value: str | None) -> Edit:
        """Return an edit of one setting of a policy."""
        section = f"policy/{policy}"
        data = None if value is None else encode_setting(Setting(Verb.SET, (value,), 0))
        return Edit(section, HOST, data, self.base(section, HOST))

    def says(self, policy: str) -> str | None:
        """Return what that setting says."""
        row = self.log.state.value(f"policy/{policy}", HOST)
        return None if row is None else str(row[2][0])

    def disable(self, name: str) -> None:
        """End somebody's right to sign."""
        edits = [self.edit(f"user/{name}", "disabled", [True])]
        if self.log.state.value("trust", f"owner/{name}") is not None:
            edits.append(self.edit("trust", f"owner/{name}", None))
        self.commit(*edits)

    def replace(self, name: str, by: SigningKey | None = None) -> SigningKey:
        """Give a user, also as an owner, another key; the owner signs, or who has an owner's key."""
        new = self.key()
        edits = [self.edit(f"user/{name}", "key", [new.public])]
        if self.log.state.value("trust", f"owner/{name}") is not None:
            edits.append(self.edit("trust", f"owner/{name}", [new.public]))
        self.by(by or self.owner, *edits)
        return new

    def found(self, name: str, since: int, former: SigningKey | None = None) -> Undoing:
        """Work out what undoes somebody's changes, or those of a key that was his."""
        suspect = Suspect(name, None, None if former is None else former.key_id)
        return undoing(self.cluster, None, lambda: self.items, suspect, Since(Seq(since)))

    def void_edits(self, found: Undoing) -> list[Edit]:
        """Return what a void does that says so."""
        section = void_path(found.key)
        part = len(self.log.state.tombstones(section))
        row = voided_row(Voided(found.since, found.chain, tuple(v.change for v in found.voided)))
        return [*found.edits, Edit(section, f"{PART}{part}", row, None)]

    def undo(self, name: str, since: int) -> Undoing:
        """Disable somebody, and undo what was signed with his key since then."""
        if self.log.state.value(f"user/{name}", "disabled") is None:
            self.disable(name)
        found = self.found(name, since)
        entry = self.write(self.change(*self.void_edits(found)))
        assert entry.outcome == APPLIED
        return found
