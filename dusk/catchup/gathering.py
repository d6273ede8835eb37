"""The pieces of a checkpoint on their way here: each proves itself by the plan, whoever sends it.

What one stream brought is gone on with by the next one, from any member whose log stands on the
same checkpoint. That the plan is that of a checkpoint is proven by the whole alone.
"""

from collections.abc import Callable, Sequence

from dusk import limits
from dusk.catchup.chunks import size_bytes, up_to_last_head
from dusk.changelog.adopting import Apart, Unfit
from dusk.changelog.basis import Plan
from dusk.changelog.certificate import decode_certificate
from dusk.changelog.entry import ATTESTED
from dusk.changelog.foundation import piece_hash
from dusk.changelog.items import verified_entry
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import Head, Seq


class Gathering:
    """What is here of one checkpoint.

    Args:
        plan: its pieces' hashes.

    Attributes:
        above: what stands above it, as far as it was fetched.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._pieces: dict[int, bytes] = {}
        self.above: list[LogItem] = []
        self._above_bytes = self._judged = 0
        self._word: Seq | None = None
        """The last word of an owner in it that no certificate behind it covers."""

    @property
    def missing(self) -> int | None:
        """The first piece that is not here; None if all are."""
        return next((at for at in range(len(self.plan.hashes)) if at not in self._pieces), None)

    def put(self, at: int, data: bytes) -> None:
        """Take a piece.

        Raises:
            UntrustedInput: it is another one than the plan names.
        """
        if piece_hash(data) != self.plan.hashes[at]:
            raise UntrustedInput("exchange: not the piece that was asked for")
        self._pieces[at] = data

    def begin(self) -> None:
        """Begin with what stands above: another stream may not go on where the last one was cut."""
        self.above, self._above_bytes, self._judged, self._word = [], 0, 0, None

    def add(self, items: Sequence[LogItem]) -> bool:
        """Add what stands above; tell whether that is within the bound."""
        self.above += items
        self._above_bytes += size_bytes(items)
        return self._above_bytes <= limits.FOUNDATION_BYTES_MAX

    def to_judge(self, *, more: bool) -> tuple[LogItem, ...]:
        """Return what to judge now: up to a signed head, once it may have become enough or no more comes.

        Only the entry with the owners' last word puts the checkpoint in force, hundreds behind it, and
        the holders must have signed for that; to judge takes long.
        """
        proven = up_to_last_head(self.above)
        new, self._judged = proven[self._judged :], len(proven)
        may_decide = [self._may_decide(item) for item in new]
        return proven if not more or any(may_decide) else ()

    def _may_decide(self, item: LogItem) -> bool:
        """Tell of an owner's word, of the first certificate for it, and of what the log cannot read."""
        try:
            if item.kind is ItemKind.CERTIFICATE:
                seq = decode_certificate(item.data).head.seq
                if self._word is None or seq < self._word:
                    return False
                self._word = None
                return True
            if item.kind is not ItemKind.ENTRY:
                return False
            entry = verified_entry(item)
        except UntrustedInput:
            return True
        if entry.kind is ATTESTED:
            self._word = entry.seq
        return entry.kind is ATTESTED

    @property
    def data(self) -> bytes:
        """The whole."""
        return b"".join(self._pieces[at] for at in range(len(self.plan.hashes)))


class Gatherings:
    """The newest gathering of a device, to be gone on with, and which checkpoints need no other.

    Args:
        head: gives the head of the own log.
    """

    def __init__(self, head: Callable[[], Head]) -> None:
        self._head = head
        self._newest: Gathering | None = None
        self._refused: dict[Plan, tuple[Head, Unfit]] = {}

    def of(self, plan: Plan) -> Gathering:
        """Return what is here of a checkpoint.

        Raises:
            Unfit: the whole of it was fetched and refused, and nothing has changed here since.
        """
        head, error = self._refused.get(plan, (None, None))
        if error is not None and (head == self._head() or not isinstance(error, Apart)):
            raise type(error)(str(error))
        if self._newest is None or self._newest.plan != plan:
            self._newest = Gathering(plan)
        return self._newest

    def refuse(self, error: Unfit) -> None:
        """Note that the newest one was refused: it is not fetched again after each back-off."""
        assert self._newest is not None, "what is refused was fetched"
        self._refused.pop(self._newest.plan, None)
        self._refused[self._newest.plan] = self._head(), error
        if len(self._refused) > limits.REFUSED_PLANS_MAX:
            del self._refused[next(iter(self._refused))]

    def forget(self) -> None:
        """Keep nothing: it is used, or worth nothing."""
        self._newest = None
