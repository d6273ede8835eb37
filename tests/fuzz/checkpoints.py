"""Bytes that a server says are a checkpoint: what is taken is the one that the owners attested."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

from dusk import codec, limits
from dusk.catchup.gathering import Gathering
from dusk.catchup.messages import Compacted, GetPiece, Piece, decode_reply, decode_request, encode
from dusk.changelog.adopting import adopt
from dusk.changelog.basis import Plan, basis_of, decode_plan, lay, plan_of
from dusk.changelog.body import Edit
from dusk.changelog.foundation import pieces, read
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import Seq
from tests.checkpoints import above, attestation, commit, foundation
from tests.fuzzing import Feed, Rig, Target
from tests.world import World

STEP = 8


class Attested:
    """A cluster with a checkpoint, and a device that was away."""

    def __init__(self) -> None:
        former, limits.CHECKPOINT_STEP = limits.CHECKPOINT_STEP, STEP
        try:
            self.world = world = World(11)
            self.away = world.replica()
            commit(world, 12)
            setting = world.set("office", "system.@system[0].hostname", "late")
            world.write(world.change(Edit(setting.section, setting.key, setting.data, None)))
            commit(world, 6)
            world.write(attestation(world, 16))
            self.data = foundation(world)
            self.above = above(world.items, 16)
        finally:
            limits.CHECKPOINT_STEP = former

    def read(self, data: bytes) -> None:
        """Nobody makes another checkpoint under the owners' signature."""
        altered = _altered(data)
        read(altered, self.world.cluster)
        assert altered == self.data

    def adopt(self, data: bytes) -> None:
        """Nothing of what is refused is left in the own log (R7)."""
        before = self.away.head, self.away.state.derived_hash
        try:
            adopted = adopt(self.away, _altered(data), self.above)
        finally:
            assert (self.away.head, self.away.state.derived_hash) == before
        assert adopted is not None
        assert adopted.log.head == self.world.log.head


ATTESTED = Attested()
PLAN = plan_of(Seq(16), pieces(ATTESTED.data))


@contextmanager
def _small(feed: Feed) -> Iterator[Feed]:
    former, limits.CHECKPOINT_STEP = limits.CHECKPOINT_STEP, STEP
    try:
        yield feed
    finally:
        limits.CHECKPOINT_STEP = former


def _plan(data: bytes) -> None:
    assert decode_plan(data).encode() == data


def _basis(data: bytes) -> None:
    """Any items at all give an answer, or none."""
    items = [LogItem(ItemKind.PLAN, PLAN.encode()), LogItem(ItemKind.PIECE, ATTESTED.data)]
    found = basis_of([*items, LogItem(ItemKind.LEFT, data)])
    if found is None:
        raise UntrustedInput("not a beginning")
    laid = list(lay(Seq(16), found.data, found.branches))
    assert basis_of(laid) is not None


def _piece(data: bytes) -> None:
    gathering = Gathering(PLAN)
    gathering.put(0, _altered(data))
    assert gathering.data == ATTESTED.data


def _messages(data: bytes) -> None:
    for read_it in (decode_reply, decode_request):
        try:
            found = read_it(data)
        except UntrustedInput:
            continue
        assert encode(found) == data
        return
    raise UntrustedInput("neither")


def _altered(script: bytes) -> bytes:
    """Alter the checkpoint as some bytes say: it is larger than what is fed."""
    return ATTESTED.data if script[:1] < b"\x10" else _grown(Random(script))


def _grown(rng: Random) -> bytes:
    """The checkpoint with some bytes turned over, or with a part cut, doubled, or that of another place."""
    data = bytearray(ATTESTED.data)
    if rng.random() < 0.4:
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(len(data))] ^= rng.randint(1, 255)
        return bytes(data)
    row = codec.unpack(ATTESTED.data, size_max=len(data))
    at = rng.randrange(len(row))
    part: Any = row[at]
    if hasattr(part, "__len__") and len(part):
        cut = rng.randrange(len(part))
        row[at] = rng.choice((part[:cut], part[cut:], part + part[cut:], part[cut:] + part[:cut]))
    else:
        row[at] = row[rng.randrange(len(row))]
    return codec.pack(row)


TARGETS = [
    Target("plan", _plan, UntrustedInput, [PLAN.encode()]),
    Target("left item", _basis, UntrustedInput, [codec.pack((0, 3, 1, b"entry"))]),
    Target("piece", _piece, UntrustedInput, [b"\0"], share=0.5),
    Target(
        "messages about checkpoints",
        _messages,
        UntrustedInput,
        [encode(Compacted(Plan(Seq(8), PLAN.hashes))), encode(GetPiece(Seq(8), 0)), encode(Piece(b"data"))],
    ),
    Target("foundation", Rig(lambda: _small(ATTESTED.read)), UntrustedInput, [b"\0"], share=0.1),
    Target("checkpoint", Rig(lambda: _small(ATTESTED.adopt)), UntrustedInput, [b"\0"], share=0.05),
]
