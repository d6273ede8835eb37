"""The pieces of a checkpoint on their way here: each proves itself by the plan, whoever sends it.

What one stream brought is gone on with by the next one, from any member whose log stands on the
same checkpoint. That the plan is that of a checkpoint is proven by the whole alone.
"""

from dusk.changelog.basis import Plan
from dusk.changelog.foundation import piece_hash
from dusk.errors import UntrustedInput


class Gathering:
    """What is here of one checkpoint.

    Args:
        plan: its pieces' hashes.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._pieces: dict[int, bytes] = {}

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

    @property
    def data(self) -> bytes:
        """The whole."""
        return b"".join(self._pieces[at] for at in range(len(self.plan.hashes)))


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
