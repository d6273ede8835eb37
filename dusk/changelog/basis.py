"""How a log begins that stands on a foundation: on the disk, and in what is said of it on a stream.

A *plan* names the pieces of a foundation by their hashes, so that each can be judged alone and
fetched from anybody who has the same. Behind them stand the branches that were left before and
of which a change still waits.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from dusk import codec, limits
from dusk.changelog.foundation import piece_hash, pieces
from dusk.effects import ItemKind, LogItem, LostBranch
from dusk.errors import UntrustedInput
from dusk.ids import Seq

PIECES_MAX = -(-limits.FOUNDATION_BYTES_MAX // limits.PIECE_BYTES_MAX)
PLAN_BYTES_MAX = 34 * PIECES_MAX + 32
_HASHES = codec.Place((list,), 1, PIECES_MAX)
_PLAN = codec.Row("plan", seq=codec.number(1, limits.NUMBER_MAX), hashes=_HASHES)
_LEFT = codec.Row(
    "left item",
    branch=codec.number(0, limits.NUMBER_MAX),
    seq=codec.number(0, limits.NUMBER_MAX),
    kind=codec.number(1, 3),
    data=codec.blob_to(limits.KEPT_ITEM_BYTES_MAX),
)
_LEFT_BYTES_MAX = limits.KEPT_ITEM_BYTES_MAX + 64


class Plan(NamedTuple):
    """The position of a checkpoint, and the hashes of the pieces of its foundation, in order."""

    seq: Seq
    hashes: tuple[bytes, ...]

    def encode(self) -> bytes:
        """Return the bytes, as stored and sent."""
        return codec.pack((self.seq, self.hashes))


def decode_plan(data: bytes) -> Plan:
    """Read a plan.

    Raises:
        UntrustedInput: anything but the one encoding.
    """
    return _plan(_PLAN.decode(data, size_max=PLAN_BYTES_MAX))


def plan_from_row(row: object) -> Plan:
    """Read a plan from a decoded row.

    Raises:
        UntrustedInput: it is none.
    """
    return _plan(_PLAN.read(row))


def _plan(row: list[Any]) -> Plan:
    seq, hashes = row
    return Plan(Seq(seq), tuple(codec.exactly(each, 32, "piece") for each in hashes))


def plan_of(seq: Seq, cut: Sequence[bytes]) -> Plan:
    """Return the plan of a foundation that was cut into pieces."""
    return Plan(seq, tuple(piece_hash(piece) for piece in cut))


def lay(seq: Seq, data: bytes, branches: Sequence[LostBranch]) -> Iterator[LogItem]:
    """Yield what stands at the beginning of a disk whose log stands on a foundation."""
    cut = pieces(data)
    yield LogItem(ItemKind.PLAN, plan_of(seq, cut).encode())
    for piece in cut:
        yield LogItem(ItemKind.PIECE, piece)
    for number, branch in enumerate(branches):
        for item in branch.items:
            yield LogItem(ItemKind.LEFT, codec.pack((number, branch.seq, int(item.kind), item.data)))


class Basis(NamedTuple):
    """What the items of a disk begin with.

    Args:
        plan: None where the log begins with its first entry.
        data: the foundation's bytes; empty without a plan.
        branches: that were left before it was written.
        taken: how many items that takes.
    """

    plan: Plan | None
    data: bytes
    branches: tuple[LostBranch, ...]
    taken: int

    @property
    def floor(self) -> Seq:
        """The position on which the log stands."""
        return Seq(0) if self.plan is None else self.plan.seq


NO_BASIS = Basis(None, b"", (), 0)


def basis_of(items: Sequence[LogItem]) -> Basis | None:
    """Read what a disk begins with; None if that is not whole."""
    if not items or items[0].kind is not ItemKind.PLAN:
        return NO_BASIS
    try:
        plan = decode_plan(items[0].data)
        end = 1 + len(plan.hashes)
        cut = [item.data for item in items[1:end]]
        if [piece_hash(piece) for piece in cut] != list(plan.hashes):
            return None
        count = end
        while count < len(items) and items[count].kind is ItemKind.LEFT:
            count += 1
        return Basis(plan, b"".join(cut), _branches(items[end:count]), count)
    except UntrustedInput:
        return None


def _branches(items: Sequence[LogItem]) -> tuple[LostBranch, ...]:
    found: dict[tuple[int, int], list[LogItem]] = {}
    for item in items:
        number, seq, kind, data = _LEFT.decode(item.data, size_max=_LEFT_BYTES_MAX)
        found.setdefault((number, seq), []).append(LogItem(ItemKind(kind), data))
    return tuple(LostBranch(Seq(seq), tuple(rows)) for (_, seq), rows in found.items())
