"""Who held the succession when, and so who has a say in what is settled (`specs/log.md`, section 9)."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from dusk.ids import DeviceId, Seq


class Term(NamedTuple):
    """A succession and from which entry on it was in force; ``forced`` by the owners' word."""

    seq: Seq
    holders: tuple[DeviceId, ...]
    forced: bool


class Terms:
    """The successions of a log, in order."""

    def __init__(self, terms: Iterable[Term] = ()) -> None:
        self._terms: list[Term] = list(terms)

    @property
    def all(self) -> tuple[Term, ...]:
        """All of them, oldest first."""
        return tuple(self._terms)

    def add(self, seq: Seq, holders: tuple[DeviceId, ...], *, forced: bool) -> None:
        """Take the succession that an entry sets, if it is another or by force."""
        if forced or not self._terms or self._terms[-1].holders != holders:
            self._terms.append(Term(seq, holders, forced))

    def cut(self, seq: int) -> None:
        """Forget what entries behind ``seq`` set."""
        while self._terms and self._terms[-1].seq > seq:
            self._terms.pop()

    def at(self, seq: int) -> Term:
        """Return the term in force after entry ``seq``; of the empty log, nobody's."""
        found = [term for term in self._terms if term.seq <= seq]
        return found[-1] if found else Term(Seq(0), (), forced=False)

    def required(self, seq: int, settled: int) -> frozenset[DeviceId]:
        """Return who must acknowledge entry ``seq`` to settle it.

        All holders of the successions in force from the last settled entry on, for until a
        change of the succession is settled its old and its new holders have a say. Nothing
        before the newest forced one counts (A55).
        """
        first = self.at(settled).seq
        required: frozenset[DeviceId] = frozenset()
        for term in self._terms:
            if first <= term.seq <= seq:
                required = frozenset(term.holders) | (frozenset() if term.forced else required)
        return required

    def allowed(self, seq: int) -> frozenset[DeviceId]:
        """Return who may acknowledge entry ``seq``: who must, for one that knows nothing settled."""
        return self.required(seq, 0)

    def ends(self, after: int, up_to: int) -> Iterator[Seq]:
        """Iterate over the last entries of the terms behind ``after``, and ``up_to`` itself."""
        yield from (Seq(term.seq - 1) for term in self._terms if after < term.seq - 1 < up_to)
        if after < up_to:
            yield Seq(up_to)

    def changed_between(self, before: int, seq: int) -> bool:
        """Tell whether the succession changed behind entry ``before``, up to ``seq``."""
        return any(before < term.seq <= seq for term in self._terms)
