"""Whether an entry may stand behind a log, whoever wrote it: position, writer, kind, change (R1, R2)."""

from collections.abc import Mapping

from dusk import limits
from dusk.changelog import views
from dusk.changelog.body import Change
from dusk.changelog.entry import APPLIED, Entry, EntryKind, OutcomeCode, Stamp
from dusk.changelog.expiring import judge_expiry
from dusk.changelog.fold import judge
from dusk.changelog.former import ROLLOUT
from dusk.changelog.gating import judge_gate
from dusk.changelog.genesis import judge_genesis
from dusk.changelog.history import History
from dusk.changelog.holders import DEVICE
from dusk.changelog.kinds import FROZEN, is_recovery, kind_of, raised
from dusk.changelog.recovering import judge_recovery
from dusk.changelog.roles import judge_role
from dusk.changelog.sections import device_path
from dusk.changelog.state import State
from dusk.changelog.stranded import judge_stranded
from dusk.changelog.verdict import Verdict
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ChangeId, ClusterId, DeviceId, KeyId, PublicKey, Seq
from dusk.keys.signing import NONE_VERIFIED, Verified

NOTHING = Verdict(APPLIED, (), ())
"""Of an entry without a change."""


class Judging:
    """Judges what would be a log's next entry; changes nothing.

    Args:
        state, history: the log's own.
        positions: where changes stand in it.
    """

    def __init__(self, state: State, history: History, positions: Mapping[ChangeId, Seq]) -> None:
        self._state = state
        self._history = history
        self._positions = positions

    def device_key(self, device: DeviceId) -> PublicKey | None:
        """Return an active member's key."""
        holder = self._state.holder(KeyId(device))
        if holder is None or holder.kind is not DEVICE or not holder.active:
            return None
        return holder.public

    def may_lead(self, device: DeviceId) -> bool:
        """Tell whether a device may open an epoch: an active member in the succession, not frozen."""
        return (
            device in views.succession(self._state)
            and self.device_key(device) is not None
            and self._state.value(device_path(device), FROZEN) is None
        )

    def check_position(self, entry: Entry, change: Change | None) -> None:
        """Check where an entry with its change says that it stands, and who writes it.

        Raises:
            UntrustedInput: not right behind this log.
        """
        ours, leader = self._history.head, self._history.leader
        if (entry.seq, entry.previous) != (ours.seq + 1, ours.chain):
            raise UntrustedInput(f"entry {entry.seq}: does not follow our entry {ours.seq}")
        if (entry.generation, entry.mandate) != raised(ours, entry.kind, change):
            raise UntrustedInput(f"entry {entry.seq}: generation or mandate changed without cause")
        if entry.kind is EntryKind.OPEN:
            if not ours.epoch < entry.epoch <= ours.epoch + limits.EPOCH_JUMP_MAX:
                raise UntrustedInput(f"entry {entry.seq}: epoch {entry.epoch} does not follow {ours.epoch}")
        elif entry.epoch != ours.epoch or entry.writer != leader or self._history.handed_over:
            raise UntrustedInput(f"entry {entry.seq}: not by the writer of its epoch")

    def first(self, entry: Entry, change: Change | None, cluster: ClusterId | None) -> Verdict:
        """Judge the first entry.

        Raises:
            Refused: its change makes no cluster.
            UntrustedInput: it has none, or is that of another cluster than this.
        """
        if change is None:  # before it nobody leads, so its kind can only be to open
            raise UntrustedInput("entry 1: not a genesis")
        if cluster not in (None, entry.digest):
            raise UntrustedInput("entry 1: the genesis of another cluster")
        return judge_genesis(change, entry.writer)

    def later(self, entry: Entry, change: Change | None, stamp: Stamp, verified: Verified) -> Verdict:
        """Judge an entry behind the first, whose position is checked.

        Raises:
            Refused: no such entry may carry its change.
            UntrustedInput: its kind, its writer or its change may not be.
        """
        if change is not None and change.id in self._positions:
            raise UntrustedInput(f"entry {entry.seq}: its change stands in the log already")
        if entry.kind is EntryKind.OPEN:
            return self.opening(change, stamp, verified)
        if self.device_key(entry.writer) is None:
            raise UntrustedInput(f"entry {entry.seq}: its writer was retired before")
        if entry.kind is EntryKind.HANDOVER and change is None:
            return NOTHING
        if entry.kind is EntryKind.EXPIRE and change is None:
            return judge_expiry(self._state, entry.sections[0][0] if entry.sections else "", stamp)
        if entry.kind is EntryKind.GATE and change is None:
            section = next((path for path, _ in entry.sections if path.startswith(ROLLOUT)), "")
            return judge_gate(self._state, section, entry.outcome.reason, stamp)
        if change is None or entry.kind is not kind_of(change):
            raise UntrustedInput(f"entry {entry.seq}: a kind that this version does not write")
        may_reject = entry.outcome.code is OutcomeCode.REJECTED
        return (judge_stranded if may_reject else judge)(self._state, change, stamp, verified)

    def opening(self, role: Change | None, stamp: Stamp, verified: Verified = NONE_VERIFIED) -> Verdict:
        """Judge an `open` behind the first entry.

        Raises:
            Refused: it carries a role that is worth nothing here.
            UntrustedInput: its writer may not lead.
        """
        if role is not None:
            judge_raise = judge_recovery if is_recovery(role) else judge_role
            return judge_raise(self._state, self._history, role, stamp, verified)
        if not self.may_lead(stamp.writer):
            raise UntrustedInput(f"entry {self._history.head.seq + 1}: opened by who may not lead")
        return NOTHING

    def check_new(self, change: Change) -> None:
        """Refuse a change that stands in the log."""
        if change.id in self._positions:
            raise Refused("known", f"this change stands in the log, at {self._positions[change.id]}")

    def check_writes(self, writer: DeviceId) -> None:
        """Refuse a leader whose epoch goes on no more."""
        if self.device_key(writer) is None:
            raise Refused("not-writer", "this device was retired and writes no more")
        if self._history.handed_over:
            raise Refused("not-writer", "this device has handed over and writes no more")
