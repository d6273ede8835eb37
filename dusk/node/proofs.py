"""Two heads by one run of a device for one position: found, and handed in as proof (A13)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from dusk.changelog.body import Edit
from dusk.changelog.entry import Entry, SignedHead, decode_signed_head
from dusk.changelog.freezing import is_proof, proof_row
from dusk.changelog.kinds import FROZEN
from dusk.changelog.log import Log, verified_entry
from dusk.changelog.sections import device_path
from dusk.effects import ItemKind, LogItem
from dusk.ids import DeviceId, PublicKey, Seq
from dusk.limits import SUCCESSION_MAX

WAIT_CYCLES = 3.0
"""Within this time those hand a proof in that do not lead: one is enough."""


class _Proof(NamedTuple):
    one: SignedHead
    other: SignedHead
    due_at: float


class Proofs:
    """What this device can prove and the log does not say yet.

    Args:
        log: the log.
        cycle_s: gives a cycle's length by chance, from 0 to all of it; 0 where this device leads.
    """

    def __init__(self, log: Log, cycle_s: Callable[[], float]) -> None:
        self._log, self._cycle_s = log, cycle_s
        self._found: dict[DeviceId, _Proof] = {}

    def compare(self, ours: Sequence[LogItem], theirs: Sequence[LogItem], now: float) -> None:
        """Look at two branches that were verified whether one run of a device signed both."""
        entries, others = _entries(ours), _entries(theirs)
        heads = {signed.head.seq: signed for signed in _heads(ours)}
        for signed in _heads(theirs):
            seq = signed.head.seq
            if seq in heads and seq in entries and seq in others and _is_one_run(entries[seq], others[seq]):
                self._note(others[seq].writer, heads[seq], signed, now)

    def _note(self, culprit: DeviceId, one: SignedHead, other: SignedHead, now: float) -> None:
        row = self._log.state.value(device_path(culprit), "key")
        is_new = culprit not in self._found and len(self._found) < SUCCESSION_MAX
        if row is not None and is_new and is_proof(one, other, PublicKey(row[0]), self._log.state.cluster):
            self._found[culprit] = _Proof(one, other, now + WAIT_CYCLES * self._cycle_s())

    def due(self, now: float) -> tuple[DeviceId, list[Edit]] | None:
        """Return what to hand in now, and of whom; nothing that the log says already."""
        state = self._log.state
        for culprit, proof in tuple(self._found.items()):
            path = device_path(culprit)
            mark = state.record(path, FROZEN)
            made, now_in_force = proof.one.head, self._log.head
            is_old = mark is not None and (made.generation, made.mandate) < (
                now_in_force.generation,
                now_in_force.mandate,
            )
            if is_old or (mark is not None and mark.data is not None):
                del self._found[culprit]  # it is frozen, or owners have forgiven it
            elif proof.due_at <= now:
                base = None if mark is None else mark.base
                return culprit, [Edit(path, FROZEN, proof_row(proof.one, proof.other), base)]
        return None

    def handed_in(self, culprit: DeviceId) -> None:
        """Note that a proof is on its way: the outbox keeps it."""
        self._found.pop(culprit, None)


def _is_one_run(entry: Entry, other: Entry) -> bool:
    """Tell whether one run of one device wrote both; a disk that was put back is another run."""
    return (entry.writer, entry.boot, entry.epoch) == (other.writer, other.boot, other.epoch)


def _entries(items: Iterable[LogItem]) -> Mapping[Seq, Entry]:
    read = (verified_entry(item) for item in items if item.kind is ItemKind.ENTRY)
    return {entry.seq: entry for entry in read}


def _heads(items: Iterable[LogItem]) -> list[SignedHead]:
    return [decode_signed_head(item.data) for item in items if item.kind is ItemKind.HEAD]
