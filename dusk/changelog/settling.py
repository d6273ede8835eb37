"""How far a log is settled: its certificates, and the signed heads of who holds it alone.

What is settled never falls by itself. It depends on what was read, not on how: heads and
certificates that prove nothing which later ones do not prove as well may be left out
(`dusk.catchup.chunks.thin`).
"""

from collections.abc import Set as AbstractSet
from typing import NamedTuple

from dusk.changelog.certificate import Certificate, verify_ack
from dusk.changelog.entry import SignedHead
from dusk.changelog.history import History
from dusk.changelog.milestones import Milestones
from dusk.changelog.state import State
from dusk.changelog.terms import Terms
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId, KeyId, PublicKey, Seq


class Waived(NamedTuple):
    """What owners' word for a checkpoint spared: an entry is settled that these holders have not signed.

    Args:
        seq: the entry.
        holders: of terms before the checkpoint, who would have had to.
    """

    seq: Seq
    holders: frozenset[DeviceId]


class Mark(NamedTuple):
    """What is settled at some moment, to come back to."""

    settled: Seq
    certificates: tuple[Certificate, ...]
    waived: Waived | None


class Settling:
    """The settled position of one log, with what proves it.

    Args:
        state, history, terms, milestones: the log's own.
        settled: what it stands on is settled.

    Attributes:
        waived: the newest entry that is settled for less than what was settled here would ask for.
    """

    def __init__(
        self, state: State, history: History, terms: Terms, milestones: Milestones, settled: Seq
    ) -> None:
        self.terms, self._milestones = terms, milestones
        self.waived: Waived | None = None
        self.settled = self._floor = settled
        self._state = state
        self._history = history
        self._certificates: tuple[Certificate, ...] = ()

    @property
    def certified(self) -> Certificate | None:
        """The newest certificate that counted."""
        return self._certificates[-1] if self._certificates else None

    def above(self, settled: int) -> tuple[Certificate, ...]:
        """Return the certificates that somebody needs who has settled no more than this, in order."""
        return tuple(c for c in self._certificates if c.head.seq > settled)

    def mark(self) -> Mark:
        """Remember what is settled."""
        return Mark(self.settled, self._certificates, self.waived)

    def restore(self, mark: Mark) -> None:
        """Take back what was settled since."""
        self.settled, self._certificates, self.waived = mark

    def fall(self, seq: Seq) -> None:
        """Forget what was settled behind ``seq``: owners forced a role from an older entry."""
        self.settled = min(self.settled, seq)
        self._certificates = tuple(c for c in self._certificates if c.head.seq <= seq)
        if self.waived is not None and self.waived.seq > seq:
            self.waived = None

    def required(self, seq: int) -> frozenset[DeviceId]:
        """Return who must acknowledge an entry to settle it.

        Owners' word for a checkpoint settles nothing. But as they attest what is final for them, who
        held only terms before the one that is in force at the entry is asked no more (section 12).
        """
        return self.terms.required(seq, max(self.settled, self._milestones.in_force(seq).seq))

    def by_head(self, signed: SignedHead | None) -> None:
        """Settle what a verified head settles: as far as its writer alone has a say."""
        if signed is None:
            return
        leader = self._history.writer_at(signed.head.seq)
        for end in self.terms.ends(self.settled, signed.head.seq):
            if self.required(end) == {leader}:
                self._settle(end, {leader})

    def take(self, certificate: Certificate) -> bool:
        """Settle an entry of ours; False where that brings nothing new.

        Raises:
            ForkFound: it is about another entry than ours.
            UntrustedInput: there is no such entry here; a holder's acknowledgement is missing;
                one is wrong, or of who is no holder.
        """
        seq, acks = certificate.head.seq, dict(certificate.acks)
        if 0 < seq <= self._floor:
            self._history.check(seq, certificate.head.chain, "certificate")
            return False
        self._check_head(certificate)
        if seq <= self.settled:
            return False
        if missing := self.required(seq) - acks.keys():
            raise UntrustedInput(f"certificate {seq}: {len(missing)} holders have not acknowledged it")
        if not acks.keys() <= self.terms.allowed(seq):
            raise UntrustedInput(f"certificate {seq}: acknowledged by who holds nothing")
        for device, ack in acks.items():
            if not verify_ack(self._key_of(device), self._state.cluster, certificate.head, ack):
                raise UntrustedInput(f"certificate {seq}: an acknowledgement does not verify")
        self._settle(seq, acks.keys())
        self._keep(certificate)
        return True

    def _settle(self, seq: Seq, signers: AbstractSet[DeviceId | None]) -> None:
        missing = self.terms.required(seq, self.settled) - signers
        if missing:
            self.waived = Waived(seq, missing)
        self.settled = seq

    def _check_head(self, certificate: Certificate) -> None:
        head = certificate.head
        ours = self._history.head_at(head.seq)
        if ours is None:
            raise UntrustedInput(f"certificate {head.seq}: there is no such entry here")
        self._history.check(head.seq, head.chain, "certificate")
        if ours != head:
            raise UntrustedInput(f"certificate {head.seq}: not the head of our entry")

    def _key_of(self, device: DeviceId) -> PublicKey:
        """Return the key of a device that is or was in a succession, be it retired since."""
        holder = self._state.holder(KeyId(device))
        assert holder is not None, "only devices are in a succession, and their keys stay"
        return holder.public

    def _keep(self, certificate: Certificate) -> None:
        """Keep the newest, and of each succession the first: who lacks that cannot check later ones."""
        kept = self._certificates
        if kept:
            before = kept[-2].head.seq if len(kept) > 1 else 0
            if not self.terms.changed_between(before, kept[-1].head.seq):
                kept = kept[:-1]
        self._certificates = (*kept, certificate)
