"""Every log that a cluster ever had: each entry is judged once, when it is first on a disk (R1–R4)."""

from collections.abc import Iterator, Mapping

from dusk.changelog.body import Change
from dusk.changelog.entry import Entry, EntryKind, OutcomeCode, pack_head
from dusk.changelog.log import unpack_entry_item
from dusk.effects import LogItem
from dusk.ids import ChainHash, ChangeId, ClusterId, DeviceId, KeyId, Seq, labelled_hash
from dusk.keys.signing import verify
from dusk.sim.broken import RuleBroken
from dusk.sim.choice import Choice, Side, choose
from dusk.sim.keyring import Keyring
from dusk.sim.plain import Judge, Plain, holders_of, row_of
from dusk.sim.rolled import FORMER
from dusk.sim.tree import NOWHERE, Held, Logged, Place, at, behind, fork_of, is_on, proven_by

ACK_LABEL = b"dusk.ack"
_BRANCHES_KEPT = 8
"""Branches whose sums are kept at hand; others are worked out from the beginning again."""


class History:
    """The tree of all entries, and what is settled in it.

    Args:
        keyring: who may sign.
    """

    def __init__(self, keyring: Keyring) -> None:
        self.settled_changes: set[ChangeId] = set()
        """Changes with an outcome that is settled."""
        self._keyring = keyring
        self._judge = Judge(keyring)
        self._entries: dict[ChainHash, Logged] = {}
        self._of_change: dict[ChangeId, list[Logged]] = {}
        self._sums: dict[ChainHash, Plain] = {}
        self._settled: list[Logged] = []
        self._writers: set[tuple[ChainHash, DeviceId]] = set()
        self._epochs: dict[DeviceId, int] = {}
        self.once_holders: set[DeviceId] = set()
        self._decoded: dict[bytes, tuple[Entry, Change | None]] = {}

    @property
    def cluster(self) -> ClusterId:
        """The cluster's id."""
        return self._judge.cluster

    @property
    def ends(self) -> list[Logged]:
        """The newest entry of each branch, in the order in which the branches came to be."""
        inner = {logged.entry.previous for logged in self._entries.values()}
        return [logged for chain, logged in self._entries.items() if chain not in inner]

    def at(self, chain: ChainHash) -> Logged | None:
        """Return an entry by its chain hash."""
        return self._entries.get(chain)

    def named(self, seq: Seq, chain: bytes) -> list[Logged]:
        """Return the entries that a position and the beginning of a chain hash name: one, as a rule."""
        return [each for each in self._entries.values() if each.seq == seq and each.chain.startswith(chain)]

    def entries_of(self, change: ChangeId) -> list[Logged]:
        """Return the entries that carry a change: one on each branch, at most."""
        return self._of_change.get(change, [])

    def records_at(self, logged: Logged | None) -> Mapping[Place, Held]:
        """Return all records behind an entry."""
        return self._plain(logged).records

    def outcomes_at(self, logged: Logged | None) -> Mapping[ChangeId, tuple[Seq, OutcomeCode]]:
        """Return what became of each change on the branch that ends there."""
        return self._plain(logged).outcomes

    def may_refuse(self, change: Change) -> bool:
        """Tell whether one of those who lead now may refuse a change that people have signed.

        It names who is no member there, or was made at a device that was taken out there. Where a
        later number of its author, or what another wrote to the same records, stands behind the refusal,
        that came in the same round: the change is judged at the places before those, too.
        """
        return any(self._may_refuse_at(place, change) for end in self.ends for place in _places(end, change))

    def _may_refuse_at(self, place: Logged | None, change: Change) -> bool:
        plain = self._plain(place)
        code, section = self._judge.refusal(plain, change), f"device/{change.body.device.hex()}"
        is_gone = plain.row(section, "key") is not None
        return code == "no-succession" or (code == "unknown-device" and is_gone)

    def decode(self, item: LogItem) -> tuple[Entry, Change | None]:
        """Read an entry; each once, however many disks have it."""
        if item.data not in self._decoded:
            self._decoded[item.data] = unpack_entry_item(item.data)
        return self._decoded[item.data]

    # --- a disk has an entry -----------------------------------------------------------------

    def see(self, item: LogItem) -> Logged:
        """Take an entry that is on a disk now: a new one, or one that others have too.

        Raises:
            RuleBroken: it may not stand there.
        """
        entry, change = self.decode(item)
        known = self._entries.get(entry.head.chain)
        return known or self._take(entry, change)

    def knows(self, item: LogItem) -> bool:
        """Tell whether an entry was ever on a disk."""
        return self.decode(item)[0].head.chain in self._entries

    def _take(self, entry: Entry, change: Change | None) -> Logged:
        parent = self._entries.get(entry.previous)
        if (parent is None and self._entries) or entry.seq != 1 + (0 if parent is None else parent.seq):
            raise RuleBroken("R7", f"entry {entry.seq} behind what is on no disk")
        self._check_writer(entry)
        plain = self._plain(parent)
        left = change is not None and change.id in self._of_change
        ruling = self._judge.rule(plain, parent, entry, change, was_left=left)
        if parent is None:
            self._judge.cluster = ClusterId(entry.digest)
        leader = entry.writer if entry.kind is EntryKind.OPEN or parent is None else parent.leader
        holders = holders_of(ruling, () if parent is None else parent.holders)
        logged = Logged(parent, entry, ruling, leader, holders)
        _check_sections(logged)
        self._add(logged, plain)
        return logged

    def _add(self, logged: Logged, plain: Plain) -> None:
        """Let the sum of a branch go on with it: it was the parent's so far."""
        entry = logged.entry
        self._entries[logged.chain] = logged
        self.once_holders.update(logged.holders)
        self._writers.add((entry.previous, entry.writer))
        self._epochs[entry.writer] = max(entry.epoch, self._epochs.get(entry.writer, 0))
        self._sums.pop(entry.previous, None)
        plain.take(logged)
        self._sums[logged.chain] = plain
        if len(self._sums) > _BRANCHES_KEPT:
            del self._sums[next(iter(self._sums))]
        if logged.change is not None:
            self._of_change.setdefault(logged.change, []).append(logged)

    def _plain(self, logged: Logged | None) -> Plain:
        plain = Plain() if logged is None else self._sums.get(logged.chain)
        if plain is None:
            plain = Plain()
            for each in behind(None, logged):
                plain.take(each)
        return plain

    def _check_writer(self, entry: Entry) -> None:
        """A device writes one log: nothing twice behind one entry, no epoch that it had already (R2, R5)."""
        writer = entry.writer
        if (entry.previous, writer) in self._writers:
            raise RuleBroken("R2", f"two entries for position {entry.seq} by one device")
        if entry.kind is EntryKind.OPEN and entry.epoch <= self._epochs.get(writer, -1):
            raise RuleBroken("R5", f"entry {entry.seq}: its writer had epoch {entry.epoch} before")

    # --- what is settled -----------------------------------------------------------------------

    def settled_at(self, logged: Logged | None) -> Seq:
        """Return up to where the branch that ends there is settled, by all that anybody ever saw."""
        return NOWHERE if logged is None else next((e.seq for e in logged.back() if e.settled), NOWHERE)

    def cover(self, logged: Logged) -> None:
        """Take a signed head: its leader's word for all before it (R4)."""
        if not logged.settled:
            self._settle(logged, {logged.leader})

    def certify(self, head_bytes: bytes, chain: ChainHash, acks: Mapping[DeviceId, bytes]) -> Logged:
        """Take a certificate.

        Args:
            head_bytes: the head, packed.
            chain: its chain hash.
            acks: device → signature.

        Raises:
            RuleBroken: it is not one (R4).
        """
        logged = self._entries.get(chain)
        if logged is None or pack_head(logged.entry.head) != head_bytes:
            raise RuleBroken("R4", "a certificate for what is on no disk")
        signed = labelled_hash(ACK_LABEL, head_bytes)
        for device, ack in acks.items():
            public = self._keyring.publics.get(KeyId(device))
            if public is None or not verify(public, ACK_LABEL, self.cluster, signed, ack):
                raise RuleBroken("R4", f"a certificate for {logged.seq} with a signature that nobody made")
        if not logged.settled:
            self._settle(logged, set(acks))
        if not logged.settled or not set(logged.holders) <= set(acks):
            raise RuleBroken("R4", f"a certificate for {logged.seq} that a holder did not sign")
        return logged

    def _settle(self, logged: Logged, signers: set[DeviceId]) -> None:
        base = at(logged, self.settled_at(logged))
        entries = behind(base, logged)
        up_to = proven_by(base, entries, signers)
        news = [each for each in entries if each.seq <= up_to]
        for each in news:
            each.settled = True
            if each.change is not None:
                self.settled_changes.add(each.change)
        if news:
            self._check_final(news[-1])

    def _check_final(self, newest: Logged) -> None:
        """What is settled is on one branch, but where owners forced the role (R4)."""
        others = [other for other in self._settled if not is_on(newest, other)]
        for other in others:
            fork = fork_of(newest, other)
            sides = behind(fork, newest) + behind(fork, other)
            if not any(each.is_forced for each in sides):
                at_seq = 1 + (0 if fork is None else fork.seq)
                raise RuleBroken("R4", f"two entries for position {at_seq} are settled")
        self._settled = [*others, newest]

    def check_outcome(self, head: Logged) -> None:
        """Check that all that was ever settled stands on a branch, but where owners forced the role (R4)."""
        for settled in self._settled:
            fork = fork_of(head, settled)
            if fork is not settled and not any(each.is_forced for each in behind(fork, head)):
                raise RuleBroken("R4", f"entry {settled.seq} was settled, and does not stand in the end")

    # --- one branch for another ----------------------------------------------------------------

    def check_switch(self, who: str, ours: Side, theirs: Logged | None) -> None:
        """Check that a device which held one branch may hold another one now.

        Its own certificates bind it; of the other branch whatever is proven to anybody counts.

        Raises:
            RuleBroken: R5 if it went down, R4 if what it gave up was final.
        """
        if theirs is ours.head:
            return
        found = choose(ours, Side(theirs, self.settled_at(theirs)), self._may_raise)
        seqs = [0 if head is None else head.seq for head in (ours.head, theirs)]
        if found is Choice.REFUSES:
            raise RuleBroken("R4", f"{who} gave up entry {ours.settled}, which was final, for {seqs[1]}")
        if found is Choice.STAYS:
            raise RuleBroken("R5", f"{who} had entry {seqs[0]}, and went back or down to {seqs[1]}")

    def _may_raise(self, forced: Logged, reader: Logged) -> bool:
        """Tell whether as many owners at a reader's head as its quorum signed an entry's change."""
        records = self.records_at(reader)
        owners = {
            bytes(row[0])
            for (section, key), held in records.items()
            if section == "trust" and key.startswith("owner/") and (row := row_of(held)) is not None
        }
        quorum = row_of(records["trust", "quorum"]) or [0]
        change = None if forced.change is None else self._keyring.changes.get(forced.change)
        if change is not None and change.body.author in self._keyring.phrases:
            held = row_of(records["trust", "recovery"])
            return held is not None and bytes(held[0]) == self._keyring.publics[change.body.author]
        public = self._keyring.publics[self._keyring.owner]
        signers = {public} if forced.change in self._keyring.signed else set()
        return bool(len(owners & signers) >= quorum[0])


def _places(end: Logged, change: Change) -> Iterator[Logged | None]:
    """Iterate over the end of a branch, and the places before what came on top of a change's base there.

    That is a later number of its author, or what somebody else wrote to its records.
    """
    body = change.body
    seen, is_seen = {operation.base for operation in body.operations} - {None}, False
    records = {(operation.section, operation.key) for operation in body.operations}
    yield end
    for logged in end.back():
        is_seen = is_seen or logged.change in seen
        author, device, counter = logged.ruling.counter or (None, None, 0)
        is_later = (author, device) == (body.author, bytes(body.device)) and counter > body.counter
        if is_later or not (is_seen or records.isdisjoint(logged.writes)):
            yield logged.parent


def _check_sections(logged: Logged) -> None:
    """An entry names exactly the sections that it touches (R7)."""
    touched = sorted({section for section, _ in logged.writes})
    named = [section for section, _ in logged.entry.sections if not section.startswith(FORMER)]
    if named != touched:
        raise RuleBroken("R7", f"entry {logged.seq}: names other sections than it touches")
