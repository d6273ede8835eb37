"""What goes on proving that an entry is final when the word that did so is about a left branch.

Certificates settle, and the signed heads of who alone holds the succession (`settling.py`). Either
may be about an entry behind the fork at which a device goes over to another branch, while part of
what it settled stands before it. Its head names all that is before it by its chain hash, so with the
digests of the entries between it is its signers' word for the fork as well. A device keeps that on its
own disk, behind the rewind: what it said to be final is final when it reads its disk again (R4, R5).
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from dusk import codec, limits
from dusk.changelog.certificate import Certificate, decode_certificate
from dusk.changelog.entry import SignedHead, decode_signed_head
from dusk.changelog.items import verified_entry
from dusk.effects import ItemKind, LogItem
from dusk.ids import ChainHash, DeviceId, Seq, labelled_hash
from dusk.lazy import dataclass

_WITNESS = codec.Row(
    "witness",
    seq=codec.number(1, limits.NUMBER_MAX),
    digests=codec.Place((list,), 1, limits.BRANCH_STEPS_MAX),
    kind=codec.number(ItemKind.HEAD, ItemKind.CERTIFICATE),
    word=codec.blob_to(limits.CERTIFICATE_BYTES_MAX),
)
WITNESS_BYTES_MAX = 34 * limits.BRANCH_STEPS_MAX + limits.CERTIFICATE_BYTES_MAX + 32


@dataclass(frozen=True, slots=True)
class Witness:
    """A head of a branch that was left, by whose word, and how it stands on entry ``seq``; not verified here.

    Attributes:
        seq: the entry that it is about, the fork.
        digests: of the entries behind it, up to that of the head.
        word: the signed head, or the certificate.
    """

    seq: Seq
    digests: tuple[bytes, ...]
    word: SignedHead | Certificate

    def stands_on(self, chain: ChainHash | None) -> bool:
        """Tell whether the head is one of entries behind this chain hash."""
        if chain is None:
            return False
        for digest in self.digests:
            chain = ChainHash(labelled_hash(b"dusk.chain", chain, digest))
        return chain == self.word.head.chain

    def item(self) -> LogItem:
        """Return it as it is stored."""
        kind = ItemKind.CERTIFICATE if isinstance(self.word, Certificate) else ItemKind.HEAD
        return LogItem(ItemKind.WITNESS, codec.pack((self.seq, self.digests, int(kind), self.word.encode())))


def decode_witness(data: bytes) -> Witness:
    """Read a witness; neither chain nor signature is checked here.

    Raises:
        UntrustedInput: anything but the one encoding.
    """
    seq, digests, kind, word = _WITNESS.decode(data, size_max=WITNESS_BYTES_MAX)
    return Witness(
        Seq(seq),
        tuple(codec.exactly(each, 32, "digest") for each in digests),
        decode_signed_head(word) if kind == ItemKind.HEAD else decode_certificate(word),
    )


def witnesses_of(
    fork: Seq,
    left: Sequence[LogItem],
    owed: AbstractSet[DeviceId],
    certificates: Sequence[Certificate],
    former: Witness | None,
) -> Iterator[Witness]:
    """Yield what may show that devices had a fork on their disks, the nearest behind it first.

    Args:
        fork: a position.
        left: entries and signed heads behind it, which were verified.
        owed: whose signatures it takes.
        certificates: those that counted there, of entries before the fork, too.
        former: one of an earlier switch; it will do if it is about one of these entries.
    """
    certified = {certificate.head.seq: certificate for certificate in certificates}
    digests: list[bytes] = []
    writer: DeviceId | None = None
    for item in left:
        if item.kind is not ItemKind.ENTRY:
            if owed == {writer}:
                yield Witness(fork, tuple(digests), decode_signed_head(item.data))
            continue
        entry = verified_entry(item)
        digests.append(entry.digest)
        writer = entry.writer
        if former is not None and former.seq == entry.seq:
            yield Witness(fork, (*digests, *former.digests), former.word)
        if entry.seq in certified:
            yield Witness(fork, tuple(digests), certified[entry.seq])
