"""The pieces of a checkpoint on their way here: each proves itself by the plan, whoever sends it.

What one stream brought is gone on with by the next one, from any member whose log stands on the
same checkpoint. That the plan is that of a checkpoint is proven by the whole alone.
"""

from collections.abc import Sequence

from dusk import limits
from dusk.catchup.chunks import size_bytes, up_to_last_head
from dusk.changelog.basis import Plan
from dusk.changelog.entry import ATTESTED
from dusk.changelog.foundation import piece_hash
from dusk.changelog.items import verified_entry
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput


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
        self.above, self._above_bytes, self._judged = [], 0, 0

    def add(self, items: Sequence[LogItem]) -> bool:
        """Add what stands above; tell whether that is within the bound."""
        self.above += items
        self._above_bytes += size_bytes(items)
        return self._above_bytes <= limits.FOUNDATION_BYTES_MAX

    def to_judge(self, *, more: bool) -> tuple[LogItem, ...]:
        """Return what to judge now: up to a signed head, once owners' word is new in it or no more comes.

        Only the entry with their last word puts the checkpoint in force, hundreds behind it, and
        to judge takes long.
        """
        proven = up_to_last_head(self.above)
        new, self._judged = proven[self._judged :], len(proven)
        return proven if not more or any(_may_attest(item) for item in new) else ()

    @property
    def data(self) -> bytes:
        """The whole."""
        return b"".join(self._pieces[at] for at in range(len(self.plan.hashes)))


def _may_attest(item: LogItem) -> bool:
    """Tell whether an entry is an owner's word of the state; what cannot be read is for the log to judge."""
    if item.kind is not ItemKind.ENTRY:
        return False
    try:
        return verified_entry(item).kind is ATTESTED
    except UntrustedInput:
        return True


class Gatherings:
    """The newest gathering of a device, to be gone on with."""

    def __init__(self) -> None:
        self._newest: Gathering | None = None

    def of(self, plan: Plan) -> Gathering:
        """Return what is here of a checkpoint."""
        if self._newest is None or self._newest.plan != plan:
            self._newest = Gathering(plan)
        return self._newest

    def forget(self) -> None:
        """Keep nothing: it is used, or worth nothing."""
        self._newest = None
