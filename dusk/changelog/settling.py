"""How far a log is settled: its certificates, and the signed heads of who holds it alone.

What is settled never falls by itself. It depends on what was read, not on how: heads and
certificates that prove nothing which later ones do not prove as well may be left out
(`dusk.catchup.chunks.thin`).
"""

from typing import NamedTuple

from dusk import limits
from dusk.changelog.certificate import Certificate, verify_ack
from dusk.changelog.entry import SignedHead
from dusk.changelog.history import History
from dusk.changelog.state import State
from dusk.changelog.terms import Terms
from dusk.changelog.witness import Witness
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId, KeyId, PublicKey, Seq


class Lacking(NamedTuple):
    """A certificate that settles its entry elsewhere, and not here, for want of some holders' signatures.

    Args:
        seq: the entry.
        holders: of terms before the checkpoint in force, that are not settled here.
    """

    seq: Seq
    holders: frozenset[DeviceId]


class Mark(NamedTuple):
    """What is settled at some moment, to come back to."""

    settled: Seq
    certificates: tuple[Certificate, ...]
    lacking: Lacking | None
    witness: Witness | None


class Settling:
    """The settled position of one log, with what proves it.

    Args:
        state, history, terms: the log's own.
        settled: what it stands on is settled.

    Attributes:
        lacking: the newest certificate that is of no use here; None once something newer is settled.
        witness: the newest that the own disk has.
    """

    def __init__(self, state: State, history: History, terms: Terms, settled: Seq) -> None:
        self.terms = terms
        self.lacking: Lacking | None = None
        self.witness: Witness | None = None
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

    def before(self, seq: int) -> tuple[Certificate, ...]:
        """Return the certificates about entries before one."""
        return tuple(c for c in self._certificates if c.head.seq < seq)

    def mark(self) -> Mark:
        """Remember what is settled."""
        return Mark(self.settled, self._certificates, self.lacking, self.witness)

    def restore(self, mark: Mark) -> None:
        """Take back what was settled since."""
        self.settled, self._certificates, self.lacking, self.witness = mark

    def fall(self, seq: Seq) -> None:
        """Forget what was settled behind ``seq``: owners forced a role from an older entry."""
        self.settled = min(self.settled, seq)
        self._certificates = tuple(c for c in self._certificates if c.head.seq <= seq)
        if self.lacking is not None and self.lacking.seq > seq:
            self.lacking = None

    def required(self, seq: int) -> frozenset[DeviceId]:
        """Return who must acknowledge an entry to settle it; owners' word for a checkpoint spares nobody."""
        return self.terms.required(seq, self.settled)

    def by_head(self, signed: SignedHead | None) -> None:
        """Settle what a verified head settles: as far as its writer alone has a say."""
        if signed is None:
            return
        leader = self._history.writer_at(signed.head.seq)
        for end in self.terms.ends(self.settled, signed.head.seq):
            if self.required(end) == {leader}:
                self._settle(end)

    def by_witness(self, witness: Witness) -> bool:
        """Settle what a word for a branch that was left settles before the fork; False for nothing.

        One that proves nothing here settles nothing: it is no lie of anybody, for nobody sends it.
        """
        if not witness.stands_on(self._history.chain_at(witness.seq)):
            return False
        self.witness = witness
        reached = self._reached(witness, self.settled)
        if reached <= self.settled:
            return False
        self._settle(reached)
        return True

    def _reached(self, witness: Witness, settled: Seq) -> Seq:
        """Return up to where a witness settles this log for who has settled that much."""
        for end in self.terms.ends(settled, witness.seq):
            if all(self._attests(witness, device) for device in self.terms.required(end, settled)):
                settled = end
        return settled

    def _attests(self, witness: Witness, device: DeviceId) -> bool:
        word, key, cluster = witness.word, self._key_of(device), self._state.cluster
        if not isinstance(word, Certificate):
            return word.signed_by(key, cluster)
        ack = dict(word.acks).get(device)
        return ack is not None and verify_ack(key, cluster, word.head, ack)

    @property
    def _shown(self) -> Seq:
        """Up to where certificates and the witness show that this log is settled."""
        certified = Seq(0) if self.certified is None else self.certified.head.seq
        shown = max(self._floor, certified)
        return shown if self.witness is None else self._reached(self.witness, shown)

    def owed(self) -> frozenset[DeviceId]:
        """Return by whose word more is settled than certificates and the witness show; nobody: nothing is."""
        shown = self._shown
        return self.terms.required(self.settled, shown) if shown < self.settled else frozenset()

    def shows(self, witness: Witness) -> bool:
        """Tell whether a witness of this log shows all that is settled."""
        return self._reached(witness, self._shown) >= self.settled

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
            if not self._required_of_compacted(seq) <= acks.keys():
                raise UntrustedInput(f"certificate {seq}: {len(missing)} holders have not acknowledged it")
            self.lacking = Lacking(seq, missing)
            return False
        if not acks.keys() <= self.terms.allowed(seq):
            raise UntrustedInput(f"certificate {seq}: acknowledged by who holds nothing")
        for device, ack in acks.items():
            if not verify_ack(self._key_of(device), self._state.cluster, certificate.head, ack):
                raise UntrustedInput(f"certificate {seq}: an acknowledgement does not verify")
        self._settle(seq)
        self._keep(certificate)
        return True

    def _required_of_compacted(self, seq: int) -> frozenset[DeviceId]:
        """Return who must acknowledge an entry for one that has settled the newest milestone up to it.

        Where all have compacted up to there, certificates of before are gone: a newer one is no lie for
        that, though whether a checkpoint is in force there may not be known here yet.
        """
        return self.terms.required(seq, max(self.settled, seq - seq % limits.CHECKPOINT_STEP))

    def _settle(self, seq: Seq) -> None:
        self.settled = seq
        if self.lacking is not None and self.lacking.seq <= seq:
            self.lacking = None

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
