"""What a thief did with somebody's key, and what undoes it: the log read once more as if he had not (A23).

The entries are read from the disk again. From the position on since when the key was in a thief's
hands, a second state is kept beside the log's own, in which his signatures count for nothing:
a change that lacks others there is void, and so is one that only void ones authorised (a grant, a user,
a join key, a device). What both states say otherwise in the end is put back. Nothing goes below
the checkpoint that the log stands on.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from dusk import codec
from dusk.changelog.approval import devices_made
from dusk.changelog.authority import check_authority
from dusk.changelog.body import Change, Edit
from dusk.changelog.creation import is_request
from dusk.changelog.entry import APPLIED, CHANGE, OPEN, VOID, Entry
from dusk.changelog.foundation import read
from dusk.changelog.items import unpack_entry_item, verified_entry
from dusk.changelog.log import Log
from dusk.changelog.proposals import about_proposals
from dusk.changelog.putting_back import Left, put_back
from dusk.changelog.sealed import WRAP
from dusk.changelog.state import RecordWrite, State
from dusk.changelog.voiding import Voided, said_by
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused
from dusk.ids import ChainHash, ChangeId, ClusterId, KeyId, Seq, key_id

Items = Callable[[], Iterable[LogItem]]
"""Reads the entries above the foundation, from the first on, as often as it is called."""


class Since(NamedTuple):
    """Since when a key was in a thief's hands: an entry, or the first one written at that time or later."""

    seq: Seq | None
    time_s: int = 0


class VoidedChange(NamedTuple):
    """A change that is void."""

    seq: Seq
    change: ChangeId
    author: KeyId
    message: str


class Kept(NamedTuple):
    """A record that a void change wrote and an honest one has written since: that one stands."""

    section: str
    key: str
    seq: Seq


class Undoing(NamedTuple):
    """What would be void, and what undoes it.

    Args:
        seq: up to where the log was read.
        user, key: of whom the void tells, and which key; of a device only the key.
        since, chain: the first entry that counts, and the chain hash there.
        voided: the changes, those that were void before left out.
        edits: what puts back what they wrote, on top of the log as read.
        kept, left: what stays, and what no void puts back, each in words.
    """

    seq: Seq
    user: str
    key: KeyId
    since: Seq
    chain: ChainHash
    voided: tuple[VoidedChange, ...]
    edits: tuple[Edit, ...]
    kept: tuple[Kept, ...]
    left: tuple[Left, ...]


class Suspect(NamedTuple):
    """Whose keys were in a thief's hands: a person's by name, or a device's.

    Args:
        former: a key that the person had before the one of now, who goes on signing with that.
    """

    user: str = ""
    device: KeyId | None = None
    former: KeyId | None = None

    @property
    def places(self) -> tuple[tuple[str, str], ...]:
        """The records in which a person's key stands."""
        return ((f"user/{self.user}", "key"), ("trust", f"owner/{self.user}")) if self.user else ()


def undoing(cluster: ClusterId, below: bytes | None, items: Items, suspect: Suspect, since: Since) -> Undoing:
    """Work out what is void of a person or device since a position, and what undoes it.

    Args:
        cluster: the cluster's id.
        below: the foundation that the log stands on; None for its first entry.
        items: the log above it, verified when it was taken.
        suspect: whose keys; they have ended by now.
        since: from which entry on.

    Raises:
        Refused: ``compacted``, ``no-version``, or ``no-key``: nobody had such a key then; ``still-void``: a
            former key was replaced by what is void itself.
        UntrustedInput: these items are no such log; the disk was damaged.
    """
    scan = _scan(items, below, cluster)
    first = scan.first_of(since)
    false: frozenset[ChangeId] = frozenset()
    while True:
        reading = _Reading(scan.log(below, cluster), suspect, first, scan.voids(false))
        for item in _entries(items):
            reading.take(item)
        if reading.false_voids <= false:
            return reading.result()
        false |= reading.false_voids  # what a thief said to be void is not


def _entries(items: Items) -> Iterator[LogItem]:
    return (item for item in items() if item.kind is ItemKind.ENTRY)


class _Scan(NamedTuple):
    """What is known of the log before it is read.

    Args:
        floor: below it nothing is here.
        head: the newest entry.
        said: the voids above the floor.
        times: position and time of each entry that is later than all before it.
    """

    floor: Seq
    head: Seq
    said: Mapping[ChangeId, Voided]
    times: Sequence[tuple[Seq, int]]

    def first_of(self, since: Since) -> Seq:
        """Return the first entry that counts.

        Raises:
            Refused: ``compacted``, or ``no-version``.
        """
        seq = since.seq
        if seq is None:
            seq = next((at for at, time_s in self.times if time_s >= since.time_s), None)
        if seq is None or seq > self.head:
            raise Refused("no-version", f"there is no version of then or later; the newest is {self.head}")
        if seq <= self.floor or (since.seq is None and self.floor and seq == self.floor + 1):
            raise Refused(
                "compacted",
                f"versions up to {self.floor} were compacted: what was changed up to then cannot be undone."
                f" Say --compromised-since {self.floor + 1}; `dusk blame` shows who made older settings what"
                " they are, and set them by hand",
            )
        return seq

    def voids(self, false: Collection[ChangeId]) -> Mapping[ChangeId, Voided]:
        """Return the voids that can be read anew: the others are part of what stands at the floor."""
        return {
            name: said for name, said in self.said.items() if said.since > self.floor and name not in false
        }

    def log(self, below: bytes | None, cluster: ClusterId) -> Log:
        """Return the log at the floor."""
        return Log(cluster, ground=None if below is None else read(below, cluster).ground)


def _scan(items: Items, below: bytes | None, cluster: ClusterId) -> _Scan:
    floor = Seq(0) if below is None else read(below, cluster).ground.floor
    head, said, times = floor, dict[ChangeId, Voided](), list[tuple[Seq, int]]()
    for item in _entries(items):
        entry = verified_entry(item)
        head = entry.seq
        if not times or entry.time_s > times[-1][1]:
            times.append((entry.seq, entry.time_s))
        if entry.kind is VOID and entry.outcome == APPLIED:
            change = _change_of(item)
            said[change.id] = said_by(change)
    return _Scan(floor, head, said, times)


def _change_of(item: LogItem) -> Change:
    change = unpack_entry_item(item.data)[1]
    assert change is not None, "entries of that kind have one"
    return change


class _Reading:
    """The log as it is, and beside it a state without what is void."""

    def __init__(self, log: Log, suspect: Suspect, since: Seq, voids: Mapping[ChangeId, Voided]) -> None:
        self.false_voids: frozenset[ChangeId] = frozenset()
        """Voids that are void themselves."""
        self._log, self._suspect, self._since, self._voids = log, suspect, since, voids
        self._begin = min([since, *(said.since for said in voids.values())])
        self._known = {change for said in voids.values() for change in said.changes}
        self._keys: list[KeyId] = [] if suspect.device is None else [suspect.device]
        self._without: State | None = None
        self._chain = ChainHash(bytes(32))
        self._voided: list[VoidedChange] = []
        self._touched: dict[tuple[str, str], None] = {}
        self._differs: dict[tuple[str, str], None] = {}
        self._kept: dict[tuple[str, str], Seq] = {}
        self._mixed: set[str] = set()
        self._forced: list[Left] = []

    def take(self, item: LogItem) -> None:
        """Take the next entry."""
        entry = verified_entry(item)
        if entry.seq == self._begin:
            self._without = _copied(self._log.state)
        if entry.seq == self._since:
            self._take_keys()
        written = self._log.retake(item)
        if entry.seq == self._since:
            self._chain = entry.head.chain
        if entry.seq >= self._since and not self._keys:  # who had none before: the first one from then on
            self._take_keys()
        change = unpack_entry_item(item.data)[1]
        if entry.seq >= self._begin and change is not None and entry.outcome == APPLIED:
            assert self._without is not None
            self._follow(self._without, entry, change, written)

    def _take_keys(self) -> None:
        former, rows = self._suspect.former, (self._log.state.value(*place) for place in self._suspect.places)
        for name in dict.fromkeys(key_id(row[0]) for row in rows if row):
            if former in (None, name):
                self._keys.append(name)

    def _follow(
        self, without: State, entry: Entry, change: Change, written: Sequence[tuple[str, str]]
    ) -> None:
        """Let a change count in both states, or only in the log's own."""
        places = written if is_request(change) else [(o.section, o.key) for o in change.body.operations]
        self._touched.update(dict.fromkeys(places))
        if change.id in self._known:
            self._differ(places)
        elif not self._counts(without, entry, change):
            author, message = change.body.author, change.body.message
            self._voided.append(VoidedChange(entry.seq, change.id, author, message))
            self._differ(places)
            if entry.kind is VOID:
                self.false_voids |= {change.id}
        elif change.id not in self._voids:
            self._keep(without, entry, places)

    def _differ(self, places: Sequence[tuple[str, str]]) -> None:
        self._differs.update(dict.fromkeys(places))
        for place in places:
            self._kept.pop(place, None)

    def _keep(self, without: State, entry: Entry, places: Sequence[tuple[str, str]]) -> None:
        writes = []
        for section, key in places:
            record = self._log.state.record(section, key)
            assert record is not None, "it was just written"
            writes.append(RecordWrite(section, key, record))
            if (section, key) in self._differs:
                self._kept[section, key] = entry.seq
            if key.startswith(WRAP) and any(section == other for other, _key in self._differs):
                self._mixed.add(section)
        without.take(writes, ())

    def _counts(self, without: State, entry: Entry, change: Change) -> bool:
        """Tell whether enough others than a thief signed a change, as things would be."""
        signers = [s.key_id for s in change.signatures]
        stolen = self._keys if entry.seq >= self._since else ()
        if not self._differs and not any(signer in stolen for signer in signers):
            return True
        if entry.kind is OPEN and any(signer in stolen for signer in signers):
            self._forced.append(Left("cluster", "mandate", f"version {entry.seq} forced a role"))
        if entry.kind not in (CHANGE, VOID):
            return True
        if is_request(change):
            return _is_let_in(without, change)
        valid = [s for s in signers if s not in stolen and is_active(without, s)]
        if about_proposals(change):
            return change.body.author in valid
        try:
            made = devices_made(without, change)
            check_authority(without, change.body.operations, change.values, valid, made)
        except Refused:
            return False
        return True

    def result(self) -> Undoing:
        """Return what was found.

        Raises:
            Refused: ``no-key``, or ``still-void``.
        """
        suspect = self._suspect
        if not self._keys or self._without is None:
            raise Refused("no-key", f"{suspect.user} had no such key at, or behind, version {self._since}")
        if suspect.former is not None:
            self._check_replaced(self._without)
        user = suspect.user if suspect.former is None else ""
        found = put_back(self._without, self._log.state, self._touched, user, self._mixed)
        still = [place for place in self._kept if place[0].partition("/")[0] not in _UNTOLD]
        kept = [Kept(s, k, self._kept[s, k]) for s, k in sorted(still) if not k.startswith(WRAP)]
        return Undoing(
            self._log.head.seq,
            self._suspect.user,
            self._keys[0],
            self._since,
            self._chain,
            tuple(self._voided),
            found.edits,
            tuple(kept),
            (*self._forced, *found.left),
        )

    def _check_replaced(self, without: State) -> None:
        """Check that what counts gave the person the key of now, and let the stolen one own nothing again.

        Raises:
            Refused: ``still-void``.
        """
        for place in self._suspect.places:
            want, now = without.value(*place), self._log.state.value(*place)
            if now is None and want is not None and key_id(want[0]) == self._keys[0]:
                self._touched.pop(place)
                self._forced.append(Left(*place, "he owned the cluster by that key: see `dusk owner add`"))
            elif now not in (None, want) and (want is not None or place == self._suspect.places[0]):
                raise Refused(
                    "still-void",
                    f"what put another key in the place of that one is void with it: end the right of"
                    f" {self._suspect.user} to sign, without naming a key",
                )


_UNTOLD = ("proposal", "checkpoint", "void")


def is_active(state: State, name: KeyId) -> bool:
    """Tell whether a key may sign."""
    holder = state.holder(name)
    return holder is not None and holder.active


def _is_let_in(without: State, change: Change) -> bool:
    """Tell whether the join key is there by which a device made itself."""
    pairs = zip(change.body.operations, change.values, strict=True)
    (origin,) = [value.data for o, value in pairs if o.key == "origin" and value is not None]
    joinkey = codec.unpack(origin, size_max=len(origin))[0]
    return without.value(f"joinkey/{joinkey}", "rule") is not None


def _copied(state: State) -> State:
    """Return a state of its own that says the same."""
    made = State()
    made.cluster = state.cluster
    made.take(
        [
            RecordWrite(section, key, record)
            for section in state.sections()
            for key, record in state.tombstones(section).items()
        ],
        (),
    )
    return made
