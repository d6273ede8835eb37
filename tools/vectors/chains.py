"""`chains.json`: a log entry by entry with its state, and logs that break one rule each."""

from dataclasses import dataclass, field, replace
from typing import Any

from dusk import codec
from dusk.changelog import merkle
from dusk.changelog.body import Change
from dusk.changelog.entry import APPLIED, Entry, EntryKind, Outcome, OutcomeCode, sign_head
from dusk.changelog.fold import judge
from dusk.changelog.kinds import kind_of
from dusk.changelog.log import Log, pack_entry_item
from dusk.changelog.sections import device_path
from dusk.changelog.state import State
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ChainHash, ClusterId, DeviceId, Seq, labelled_hash
from dusk.keys.signing import SigningKey
from tools.vectors.case import Case, valid
from tools.vectors.cluster import (
    ALICE,
    MASTER,
    NO_REST,
    SECOND,
    STRANGER,
    THIRD,
    Cluster,
)
from tools.vectors.derived import counted, derived_hash
from tools.vectors.show import Json, show_change, show_entry, show_head, show_signed_head, show_state

REFUSED_BY_THE_FOLD = frozenset(
    {
        "foreign-cluster",
        "bad-value",
        "missing-signatures",
        "unknown-key",
        "inactive-key",
        "bad-signature",
        "unknown-device",
        "counter-used",
        "outside-grant",
        "still-active",
        "too-few-owners",
        "no-succession",
        "in-succession",
        "name-taken",
        "bad-request",
        "device-exists",
        "unknown-joinkey",
        "joinkey-revoked",
        "approval-needed",
        "joinkey-used-up",
        "label-not-listed",
        "clock-unknown",
        "joinkey-expired",
        "join-rejected",
        "label-known",
    }
)
"""The codes of `specs/log.md`, section 7."""


def home_log(cluster: Cluster) -> Case:
    """Return the log, entry by entry, and the state after each."""
    replica = Log(cluster.id)
    steps: list[Json] = []
    for step in cluster.steps:
        replica.extend((step.item, step.head))
        written = sorted({path for path, _ in step.entry.sections})
        everything = show_state(replica.state)
        records = {path: everything[path]["records"] if path in everything else {} for path in written}
        steps.append(
            {
                "name": step.name,
                "shows": step.shows,
                "entry_item": step.item.data.hex(),
                "head_item": step.head.data.hex(),
                "entry": show_entry(step.entry),
                "change": None if step.change is None else show_change(step.change),
                "signed_head": show_signed_head(replica.newest) if replica.newest else None,
                "digest": step.entry.digest.hex(),
                "head": show_head(replica.head),
                "section_hashes": {path: everything[path]["hash"] for path in everything},
                "records_of_its_sections": records,
                "derived": step.derived,
                "derived_hash": replica.state.derived_hash.hex(),
            }
        )
    return valid(
        "home",
        "A log from its first entry on; a head is signed after each entry.",
        kind="log",
        cluster=cluster.id.hex(),
        keys=_names(cluster),
        entries=steps,
        datastore=show_state(replica.state),
    )


def _names(cluster: Cluster) -> Json:
    """Return whose public key is whose, for people who read the file."""
    state = cluster.log.state
    found = {}
    for path in state.sections():
        row = state.value(path, "key") or state.value(path, "rule")
        if row is not None and isinstance(row[0], bytes):
            found[path] = row[0].hex()
    return found


# --- forging -----------------------------------------------------------------------------------


def _section_hash(state: State, path: str, writes: dict[str, bytes]) -> bytes:
    """Return the hash that a section would have with more records, given by digest."""
    digests: dict[str, bytes] = {}
    for name in state.keys(path):
        record = state.record(path, name)
        assert record is not None, "keys that are listed have records"
        digests[name] = labelled_hash(b"dusk.record", record.value_hash or bytes(32), record.base)
    root: merkle.Node | None = None
    for name, digest in {**digests, **writes}.items():
        root = merkle.put(root, merkle.place_of(name.encode()), digest)
    return merkle.root_hash(root)


@dataclass
class Forger:
    """A writer who checks nothing: what it writes is refused for the one broken rule alone."""

    cluster: Cluster
    cases: list[Case] = field(default_factory=list)
    _replicas: dict[int, Log] = field(default_factory=dict)

    def replica(self, after: int) -> Log:
        """Return a log with the first entries; it is read, or refuses, and so stays what it is."""
        if after not in self._replicas:
            self._replicas[after] = self.cluster.replica(after)
        return self._replicas[after]

    def entry(self, after: int, change: Change | None, *, trusted: bool = True, time_s: int = 0) -> Entry:
        """Return the entry of a writer that applies whatever it gets."""
        replica = self.replica(after)
        derived = dict(self.cluster.steps[after - 1].derived) if after else {}
        writes: dict[str, dict[str, bytes]] = {}
        if change is not None:
            derived.update(counted(derived, change))
            for operation in change.body.operations:
                digest = labelled_hash(b"dusk.record", operation.value_hash or bytes(32), change.id)
                writes.setdefault(operation.section, {})[operation.key] = digest
        head = replica.head
        return Entry(
            generation=head.generation,
            mandate=head.mandate,
            epoch=head.epoch + (change is None),
            seq=Seq(head.seq + 1),
            previous=head.chain,
            writer=DeviceId(MASTER.key_id),
            boot=self.cluster.boot,
            time_s=time_s or self.cluster.time_s,
            clock_trusted=trusted,
            kind=EntryKind.OPEN if change is None else kind_of(change),
            change=None if change is None else change.id,
            signatures=None if change is None else change.signatures_hash,
            outcome=APPLIED,
            sections=tuple((p, _section_hash(replica.state, p, writes[p])) for p in sorted(writes)),
            derived=derived_hash(derived),
        )

    def refuse(self, name: str, shows: str, reason: str, after: int, change: Change, **stamp: Any) -> None:
        """Add a change that the fold refuses: no entry may carry it."""
        assert reason in REFUSED_BY_THE_FOLD, reason
        entry = self.entry(after, change, **stamp)
        replica = self.replica(after)
        made = self.cluster.stamp(trusted=entry.clock_trusted)._replace(time_s=entry.time_s)
        try:
            judge(replica.state, change, made)
        except Refused as error:
            assert error.code == reason, (name, error.code, error.reason)
        else:
            raise AssertionError(f"{name}: was accepted")
        self.items(name, shows, reason, after, self.with_head(entry, change), change=show_change(change))

    def with_head(self, entry: Entry, change: Change | None, signer: SigningKey = MASTER) -> list[LogItem]:
        """Return an entry and the head that its writer signs over it."""
        signed = sign_head(signer, self.cluster.id, entry.head, NO_REST)
        return [pack_entry_item(entry, change), LogItem(ItemKind.HEAD, signed.encode())]

    def items(
        self,
        name: str,
        shows: str,
        reason: str,
        after: int,
        items: list[LogItem],
        says: str = "",
        **more: Any,
    ) -> None:
        """Add items that a log refuses; what it had taken before stays."""
        replica = self.replica(after)
        before = replica.head
        try:
            replica.extend(items)
        except UntrustedInput as error:
            assert says in str(error), (name, str(error))
            assert replica.head == before, name
        else:
            raise AssertionError(f"{name}: was accepted")
        rows = [[int(item.kind), item.data.hex()] for item in items]
        self.cases.append(
            {
                "name": name,
                "shows": shows,
                "kind": "broken",
                "log": "home",
                "after": after,
                "items": rows,
                **more,
                "invalid": reason,
            }
        )

    def bend(self, name: str, shows: str, reason: str, after: int, says: str, **changed: Any) -> None:
        """Add the log's own next entry with some fields changed, under a head that fits it."""
        step = self.cluster.steps[after]
        entry = step.entry._replace(**changed)
        self.items(name, shows, reason, after, self.with_head(entry, step.change), says)


_OTHER_KINDS = {
    EntryKind.HANDOVER: ("A handover has no change.", "other-change"),
    EntryKind.GATE: ("Nor has a gate.", "other-change"),
    EntryKind.VOID: ("Only a change that says what is void has it.", "wrong-kind"),
    EntryKind.FREEZE: ("Only a change that freezes a device has it.", "wrong-kind"),
}


def broken_positions(cluster: Cluster) -> list[Case]:
    """Return logs with one entry or head out of place."""
    f = Forger(cluster)
    at = cluster.marks["one device"]
    entry = cluster.steps[at].entry
    first = cluster.steps[0]
    f.bend("seq too low", "Exactly one more.", "position", at, "follow", seq=Seq(entry.seq + 1))
    f.bend(
        "another chain", "It follows our chain.", "position", at, "follow", previous=first.entry.head.chain
    )
    f.bend("a higher generation", "It needs a cause.", "position", at, "generation", generation=1)
    f.bend("a higher mandate", "The same.", "position", at, "mandate", mandate=1)
    f.bend("another epoch", "A change is of the epoch that is open.", "epoch", at, "writer", epoch=3)
    stranger = DeviceId(bytes(16))
    f.bend("another writer", "Who opened the epoch writes.", "writer", at, "writer", writer=stranger)
    f.bend(
        "outcome superseded",
        "The outcome is our own.",
        "outcome",
        at,
        "outcome",
        outcome=Outcome(OutcomeCode.SUPERSEDED),
    )
    rejected = Outcome(OutcomeCode.REJECTED, None, "bad-value")
    f.bend("outcome rejected", "The fold takes the change.", "outcome", at, "outcome", outcome=rejected)
    f.bend(
        "a reason with applied",
        "The outcome is our own.",
        "outcome",
        at,
        "",
        outcome=Outcome(APPLIED.code, None, "x"),
    )
    hashes = ((entry.sections[0][0], bytes(32)), *entry.sections[1:])
    f.bend("another section hash", "Hashes are our own.", "hashes", at, "hashes", sections=hashes)
    f.bend(
        "a section left out", "All that were written.", "hashes", at, "hashes", sections=entry.sections[1:]
    )
    more = (("cluster", bytes(32)), *entry.sections)
    f.bend("a section too many", "Only those that were written.", "hashes", at, "hashes", sections=more)
    f.bend("another derived hash", "Counters and uses are ours.", "hashes", at, "hashes", derived=bytes(32))
    for kind in EntryKind:
        if kind > EntryKind.CHANGE:
            name = f"kind {int(kind)}"
            shows, reason = _OTHER_KINDS.get(kind, ("Reserved for later versions.", "unknown-kind"))
            f.bend(name, shows, reason, at, "", kind=kind)
    _broken_opens(f)
    _broken_items(f)
    _broken_heads(f)
    return f.cases


def _broken_opens(f: Forger) -> None:
    after = len(f.cluster.steps)
    opened = f.entry(after, None)
    change = f.cluster.change(f.cluster.edit("cluster", "name", ["x"]))

    def bad(name: str, shows: str, reason: str, entry: Entry, signer: SigningKey = MASTER) -> None:
        f.items(name, shows, reason, after, f.with_head(entry, None, signer))

    bad("an epoch opened twice", "An epoch is above the one before.", "epoch", opened._replace(epoch=3))
    far = opened._replace(epoch=3 + 2**20 + 1)
    bad("an epoch far ahead", "At most 2^20 above (A5).", "epoch", far)

    for person, name, shows in (
        (THIRD, "opened by a retired device", "It is not a member any more."),
        (STRANGER, "opened by a stranger", "Only devices lead."),
    ):
        entry = opened._replace(writer=DeviceId(person.key_id))
        bad(name, shows, "writer", entry, person)
    before = f.cluster.marks["quorum"]
    entry = f.entry(before, None)._replace(writer=DeviceId(SECOND.key_id))
    shows = "A member, but not in the succession."
    f.items("opened by a member that may not lead", shows, "writer", before, f.with_head(entry, None, SECOND))
    carried = opened._replace(mandate=1, change=change.id, signatures=change.signatures_hash)
    shows = "Only forced roles stand there."
    f.items("an open with a change", shows, "bad-role", after, f.with_head(carried, change))
    without = opened._replace(epoch=3, kind=EntryKind.CHANGE)
    f.items(
        "a change without a change",
        "The kind needs one.",
        "entry-without-change",
        after,
        f.with_head(without, None),
    )
    end = f.cluster.marks["ends"]
    shows = "Its change is in the log already."
    step = f.cluster.steps[end - 1]
    assert step.change is not None
    again = f.entry(end, step.change)._replace(sections=step.entry.sections)
    f.items("a change twice", shows, "known", end, f.with_head(again, step.change), "already")


def _broken_items(f: Forger) -> None:
    at = f.cluster.marks["one device"]
    step, other = f.cluster.steps[at], f.cluster.steps[at - 1]
    assert step.change is not None
    item = LogItem(ItemKind.ENTRY, codec.pack((step.entry.encoded, None)))
    f.items(
        "the change is missing", "It comes with its entry.", "entry-without-change", at, [item, step.head]
    )
    assert other.change is not None
    item = LogItem(ItemKind.ENTRY, codec.pack((step.entry.encoded, other.change.encode())))
    f.items("another change", "Not the one that the entry names.", "other-change", at, [item, step.head])
    fewer = Change(step.change.body_bytes, step.change.signatures[:1], step.change.values)
    item = LogItem(ItemKind.ENTRY, codec.pack((step.entry.encoded, fewer.encode())))
    f.items("a signature taken away", "The entry has the hash of all.", "other-change", at, [item, step.head])
    later = f.cluster.steps[at + 1]
    items = [later.item, later.head]
    f.items("an entry left out", "One position is missing.", "position", at, items)
    items = [later.item, step.item, later.head]
    f.items("entries exchanged", "In the order of the log.", "position", at, items)
    fork = step.entry._replace(time_s=step.entry.time_s + 1)
    behind = at + 2
    items = f.with_head(fork, step.change)
    shows = "A position that we hold, with other bytes: nothing is taken."
    f.items("another entry at a position that is held", shows, "fork", behind, items, "differs")


def _broken_heads(f: Forger) -> None:
    at = f.cluster.marks["one device"]
    step = f.cluster.steps[at]
    cluster = f.cluster

    def head(signer: SigningKey, **changed: Any) -> LogItem:
        signed = sign_head(signer, cluster.id, replace(step.entry.head, **changed), NO_REST)
        return LogItem(ItemKind.HEAD, signed.encode())

    def bad(name: str, shows: str, reason: str, item: LogItem) -> None:
        f.items(name, shows, reason, at, [step.item, item])

    bad("a head by another member", "Who opened the epoch signs.", "bad-signature", head(SECOND))
    bad("a head by an owner", "Not even owners.", "bad-signature", head(ALICE))
    bad("a head of another position", "Exactly the newest entry's.", "head", head(MASTER, seq=Seq(at + 2)))
    bad("a head of another epoch", "The same.", "head", head(MASTER, epoch=9))
    bad("a head of another chain", "The same.", "head", head(MASTER, chain=ChainHash(bytes(32))))
    elsewhere = sign_head(MASTER, ClusterId(bytes(32)), step.entry.head, NO_REST)
    item = LogItem(ItemKind.HEAD, elsewhere.encode())
    bad("a head for another cluster", "Signatures count for one cluster.", "bad-signature", item)
    old = sign_head(
        MASTER, cluster.id, replace(cluster.steps[2].entry.head, chain=ChainHash(bytes(32))), NO_REST
    )
    item = LogItem(ItemKind.HEAD, old.encode())
    f.items("an old head that differs", "Compared with our own chain.", "fork", at, [item], "differs")
    own = cluster.steps[at - 1].entry.head
    item = LogItem(ItemKind.HEAD, sign_head(SECOND, cluster.id, own, NO_REST).encode())
    f.items("our head by another member", "Verified, though nothing is new.", "bad-signature", at, [item])


def uncovered(cluster: Cluster) -> list[Case]:
    """Return items that a log takes in part, or has already."""
    at = cluster.marks["one device"]
    one, two = cluster.steps[at], cluster.steps[at + 1]
    rows: list[tuple[str, str, list[LogItem], int]] = [
        ("no head", "Entries count once a signed head covers them.", [one.item], 0),
        ("a head behind the first of two", "The second one waits.", [one.item, one.head, two.item], 2),
        ("one head for two entries", "A head covers all before it.", [one.item, two.item, two.head], 3),
        ("what is held already", "It is compared, and not taken.", cluster.items(at), 0),
        ("from the beginning", "The known part is passed over.", cluster.items(at + 1), 2),
        ("a head alone", "Ours; it proves nothing new.", [cluster.steps[at - 1].head], 0),
    ]
    ours = cluster.steps[at - 1].entry.head
    torn = LogItem(ItemKind.HEAD, sign_head(SECOND, cluster.id, ours, NO_REST).encode())
    bent = sign_head(MASTER, cluster.id, replace(cluster.steps[2].entry.head, epoch=9, mandate=9), NO_REST)
    rows += [
        (
            "a head that is below by then, by another member",
            "It is compared; its signature is past use.",
            [one.item, torn, one.head],
            2,
        ),
        (
            "an old head of another epoch",
            "Compared by position and chain hash.",
            [LogItem(ItemKind.HEAD, bent.encode())],
            0,
        ),
    ]
    return [continued(cluster, *row, after=at) for row in rows]


def continued(
    cluster: Cluster, name: str, shows: str, items: list[LogItem], taken: int, *, after: int
) -> Case:
    """Return items that a log with the first entries takes, as many as said."""
    replica = cluster.replica(after)
    assert len(replica.extend(items)) == taken, name
    return valid(
        name,
        shows,
        kind="continued",
        log="home",
        after=after,
        items=[[int(item.kind), item.data.hex()] for item in items],
        head=show_head(replica.head),
        settled=replica.settled,
    )


def device_section(signer: SigningKey) -> str:
    """Return the section of a device."""
    return device_path(signer.key_id)
