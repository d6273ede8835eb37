"""What goes on proving that an entry is final when the signed head that did so stands on a left branch.

Who alone holds the succession settles by its signed heads (`settling.py`). Such a head may stand
behind the fork at which a device goes over to another branch, while part of what it settled stands
before it. The head names all that is before it by its chain hash, so with the digests of the
entries between it is its writer's word for the fork as well. A device keeps that on its own disk,
behind the rewind: what it said to be final is final when it reads its disk again (R4, R5).
"""

from collections.abc import Iterator, Sequence

from dusk import codec, limits
from dusk.changelog.entry import SignedHead, decode_signed_head
from dusk.changelog.items import verified_entry
from dusk.effects import ItemKind, LogItem
from dusk.ids import ChainHash, DeviceId, Seq, labelled_hash
from dusk.lazy import dataclass

_WITNESS = codec.Row(
    "witness",
    seq=codec.number(1, limits.NUMBER_MAX),
    digests=codec.Place((list,), 1, limits.BRANCH_STEPS_MAX),
    head=codec.blob_to(limits.SIGNED_HEAD_BYTES_MAX),
)
WITNESS_BYTES_MAX = 34 * limits.BRANCH_STEPS_MAX + limits.SIGNED_HEAD_BYTES_MAX + 32


@dataclass(frozen=True, slots=True)
class Witness:
    """A signed head of a branch that was left, and how it stands on entry ``seq``; not verified here.

    Attributes:
        seq: the entry that it is about, the fork.
        digests: of the entries behind it, up to that of the head.
        signed: the head.
    """

    seq: Seq
    digests: tuple[bytes, ...]
    signed: SignedHead

    def stands_on(self, chain: ChainHash | None) -> bool:
        """Tell whether the head is one of entries behind this chain hash."""
        if chain is None:
            return False
        for digest in self.digests:
            chain = ChainHash(labelled_hash(b"dusk.chain", chain, digest))
        return chain == self.signed.head.chain

    def item(self) -> LogItem:
        """Return it as it is stored."""
        return LogItem(ItemKind.WITNESS, codec.pack((self.seq, self.digests, self.signed.encode())))


def decode_witness(data: bytes) -> Witness:
    """Read a witness; neither chain nor signature is checked here.

    Raises:
        UntrustedInput: anything but the one encoding.
    """
    seq, digests, head = _WITNESS.decode(data, size_max=WITNESS_BYTES_MAX)
    return Witness(
        Seq(seq), tuple(codec.exactly(each, 32, "digest") for each in digests), decode_signed_head(head)
    )


def witness_of(
    fork: Seq, left: Sequence[LogItem], writer: DeviceId, former: Witness | None
) -> Witness | None:
    """Return what shows that a device had a fork on its disk: its first signed head behind it.

    Args:
        fork: a position.
        left: entries and signed heads behind it, which were verified.
        writer: whose signature it takes.
        former: one of an earlier switch; it will do if it is about one of these entries.
    """
    found = next(_witnesses(fork, left, writer, former), None)
    return None if found is None or len(found.digests) > limits.BRANCH_STEPS_MAX else found


def _witnesses(
    fork: Seq, left: Sequence[LogItem], writer: DeviceId, former: Witness | None
) -> Iterator[Witness]:
    digests: list[bytes] = []
    is_its = False
    for item in left:
        if item.kind is ItemKind.ENTRY:
            entry = verified_entry(item)
            digests.append(entry.digest)
            is_its = entry.writer == writer
            if former is not None and former.seq == entry.seq:
                yield Witness(fork, (*digests, *former.digests), former.signed)
        elif is_its:
            yield Witness(fork, tuple(digests), decode_signed_head(item.data))
