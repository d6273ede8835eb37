"""Branches of a log made by hand, for tests of the simulator's own model: entries that say anything.

The entries are put together field by field, not by the log's code, so that each can be wrong in
one thing. The devices are those of a simulation that never runs.
"""

from collections.abc import Mapping, Sequence
from random import Random

from dusk import codec
from dusk.changelog.body import Change, Edit, build_change
from dusk.changelog.certificate import Certificate, sign_ack
from dusk.changelog.entry import APPLIED, Entry, EntryKind, Outcome, OutcomeCode, sign_head
from dusk.changelog.items import pack_entry_item
from dusk.effects import Append, ItemKind, LogItem
from dusk.ids import BootId, ChainHash, ChangeId, DeviceId, Head, Seq
from dusk.keys.signing import SigningKey
from dusk.sim.faults import NONE
from dusk.sim.scenario import Plan, Simulation
from dusk.sim.tree import Logged

ZEROS = bytes(32)


def rejected(code: str) -> Outcome:
    """Return the outcome of a change that is refused, and had to get one."""
    return Outcome(OutcomeCode.REJECTED, None, code)


class Grove:
    """Four members, of which the first leads alone; their disks have the same three entries.

    Attributes:
        checks: those of the simulation, under test.
        trunk: the newest common entry: it makes the other three members.
    """

    def __init__(self, holders: Sequence[int] = (0,)) -> None:
        self._simulation = Simulation(Plan(1, NONE, devices=4, duration_s=1.0))
        self.checks = self._simulation.checks
        self.history = self.checks.history
        self.devices = self._simulation.devices
        self.owner = self._simulation._founded.owner
        self._random = Random(1)
        self._counters: dict[tuple[bytes, int], int] = {(self.owner.key_id, 0): 2}
        founded = list(self.devices[0].disk.items)
        (root,) = self.history.ends
        edits = [self.edit(root, self.section(i), "key", [self.devices[i].key.public]) for i in (1, 2, 3)]
        made = self.entry(root, self.change(edits))
        self.write(0, made)
        items = [*founded, made, self.head(self.seen(made))]
        for index in (1, 2, 3):
            self.write(index, *items[: len(founded)], *items[len(founded) :])
        self.write(0, items[-1], quietly=True)
        self.trunk = self.seen(made)
        if tuple(holders) != (0,):
            self.trunk = self.grow(self.trunk, self.succeed(self.trunk, *holders), on=(0, 1, 2, 3))

    # --- names -----------------------------------------------------------------------------------

    def id(self, index: int) -> DeviceId:
        """Return a device's id."""
        return self.devices[index].device_id

    def section(self, index: int) -> str:
        """Return the path of a device's section."""
        return f"device/{self.id(index).hex()}"

    def seen(self, item: LogItem) -> Logged:
        """Return an entry that stands on a disk."""
        return self.history.see(item)

    # --- changes ---------------------------------------------------------------------------------

    def edit(self, at: Logged, section: str, key: str, row: Sequence[object] | None) -> Edit:
        """Set, or delete, a record as it is seen behind an entry."""
        held = self.history.records_at(at).get((section, key))
        data = None if row is None else codec.pack(row)
        return Edit(section, key, data, None if held is None else held.base)

    def change(
        self, edits: Sequence[Edit], made_at: int = 0, *, by: SigningKey | None = None, number: int = 0
    ) -> Change:
        """Sign a change, as the owner if nobody else is named; its number is the next one."""
        signer = by or self.owner
        place = (bytes(signer.key_id), made_at)
        counter = number or self._counters.get(place, 0) + 1
        self._counters[place] = counter
        change = build_change(
            cluster=self.history.cluster,
            device=self.id(made_at),
            counter=counter,
            message="",
            edits=edits,
            signers=(signer,),
            random_bytes=self._random.randbytes,
        )
        if by is None:
            self.checks.keyring.note(change)
        return change

    def setting(self, at: Logged, value: int, made_at: int = 0) -> Change:
        """Sign a change of a record that all tests may use."""
        return self.change([self.edit(at, "policy/site", "set/a", [value])], made_at)

    def succeed(self, at: Logged, *holders: int) -> Change:
        """Sign another succession."""
        row = [[self.id(index) for index in holders]]
        return self.change([self.edit(at, "cluster", "succession", row)])

    def role(
        self,
        at: Logged,
        *holders: int,
        number: int = 1,
        named: Logged | None = None,
        more: Sequence[Edit] = (),
    ) -> Change:
        """Sign a role by force, at an entry."""
        named = named or at
        edits = [
            self.edit(at, "cluster", "succession", [[self.id(index) for index in holders]]),
            self.edit(at, "cluster", "mandate", [number, named.seq, named.chain]),
            *more,
        ]
        return self.change(edits)

    # --- entries ---------------------------------------------------------------------------------

    def entry(
        self,
        parent: Logged,
        change: Change | None = None,
        *,
        kind: EntryKind | None = None,
        writer: int | None = None,
        epoch: int | None = None,
        mandate: int | None = None,
        outcome: Outcome = APPLIED,
        sections: Sequence[str] | None = None,
    ) -> LogItem:
        """Make an entry behind another; what is not said is as it should be."""
        kind = kind or (EntryKind.OPEN if change is None else EntryKind.CHANGE)
        before = parent.entry
        if sections is None:
            done = change is not None and outcome is APPLIED
            sections = sorted({o.section for o in change.body.operations}) if done and change else ()
        entry = Entry(
            generation=before.generation,
            mandate=before.mandate if mandate is None else mandate,
            epoch=before.epoch + (kind is EntryKind.OPEN) if epoch is None else epoch,
            seq=Seq(before.seq + 1),
            previous=parent.chain,
            writer=parent.leader if writer is None else self.id(writer),
            boot=BootId(bytes(8)),
            time_s=0,
            clock_trusted=False,
            kind=kind,
            change=None if change is None else change.id,
            signatures=None if change is None else change.signatures_hash,
            outcome=outcome,
            sections=tuple((section, ZEROS) for section in sections),
            derived=ZEROS,
        )
        return pack_entry_item(entry, change)

    def head(self, logged: Logged, signer: int | None = None) -> LogItem:
        """Sign an entry's head, as who leads there if nobody else is named."""
        keys = {device.device_id: device.key for device in self.devices}
        key = keys[logged.leader if signer is None else self.id(signer)]
        return LogItem(ItemKind.HEAD, sign_head(key, self.history.cluster, logged.entry.head, ZEROS).encode())

    def certificate(
        self, logged: Logged, *signers: int, forged: Mapping[int, bytes] | None = None
    ) -> LogItem:
        """Make a certificate for an entry."""
        head, cluster = logged.entry.head, self.history.cluster
        acks = {self.id(i): sign_ack(self.devices[i].key, cluster, head) for i in signers}
        acks |= {self.id(index): ack for index, ack in (forged or {}).items()}
        return Certificate.of(head, acks).item()

    def nothing(self) -> Head:
        """Return a head that no entry has."""
        return Head(0, 0, 1, Seq(3), ChainHash(ZEROS))

    # --- disks -----------------------------------------------------------------------------------

    def write(self, index: int, *items: LogItem, quietly: bool = False) -> None:
        """Append to a device's disk what it wants there, with the checks watching.

        Args:
            index: of the device.
            items: what it writes.
            quietly: also where they add no entry, which devices never do.
        """
        device = self.devices[index]
        device.disk.do(Append(items))
        if quietly:
            self.checks.shelf.append(self.checks.holding_of(device), items)
        else:
            self.checks.stored(device, Append(items), None)

    def grow(
        self, parent: Logged, change: Change | None = None, *, on: Sequence[int] = (), **rest: object
    ) -> Logged:
        """Make an entry, and let its writer and then others have it, covered by a signed head.

        Their disks must end with its parent.
        """
        item = self.entry(parent, change, **rest)  # type: ignore[arg-type]  # passed on as they came
        writer = self.history.decode(item)[0].writer
        first = next(device.index for device in self.devices if device.device_id == writer)
        self.write(first, item)
        logged = self.seen(item)
        self.write(first, self.head(logged), quietly=True)
        for index in on:
            if index != first:
                self.write(index, item, self.head(logged))
        return logged

    def item(self, logged: Logged) -> LogItem:
        """Return an entry as it is stored."""
        return next(
            item
            for device in self.devices
            for item in (*device.disk.items, *(i for b in device.disk.branches for i in b.items))
            if item.kind is ItemKind.ENTRY and self.history.see(item) is logged
        )

    def switch(self, index: int, to: Logged, *more: LogItem) -> None:
        """Let a device leave its branch for another one, whole and in one write."""
        held = self.checks.head_of(self.devices[index])
        assert held is not None, "all disks have something"
        path = []
        here: Logged | None = to
        ours = {id(logged) for logged in held.back()}
        while here is not None and id(here) not in ours:
            path.append(here)
            here = here.parent
        items = [self.item(logged) for logged in reversed(path)] + [self.head(to), *more]
        seq = 0 if here is None else here.seq
        self.write(index, LogItem(ItemKind.REWIND, codec.pack((seq, len(items)))), *items)

    def fate(self, change: ChangeId, head: Logged) -> OutcomeCode:
        """Return what became of a change on a branch."""
        return self.history.outcomes_at(head)[change][1]
