"""What somebody's own machine has seen of a log, whichever router showed it (A57, R5).

A router may side with an owner who was removed, and show a log that forked before that: higher, and well
signed. So who keeps his key at home remembers an entry that was final. A log without it is another history,
unless somebody had the phrase that was in force then, and recovered the cluster from an older head (R4).
"""

from typing import NamedTuple

from dusk import limits
from dusk.changelog.log import Log
from dusk.changelog.views import recovery_key
from dusk.control.copying import Copy
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ChainHash, KeyId, Named, Seq, key_id

_FORM, _NONE = "dusk-seen-2", "-"
_FORMER_FIELDS = 4
_DIGITS_MAX = len(str(limits.NUMBER_MAX))


class Seen(NamedTuple):
    """What was seen.

    Args:
        position: generation, mandate, epoch and seq of the newest head.
        named: the newest entry that was final, and who the owners were there; None where nobody noted that.
        recovery: id of the recovery key in force at that head; None for none.
    """

    position: tuple[int, int, int, int] = (0, 0, 0, 0)
    named: Named | None = None
    recovery: KeyId | None = None

    def line(self) -> str:
        """Return this as it stands in a file."""
        if self.named is None:
            return " ".join(map(str, self.position))
        generation, seq, chain, trust = self.named
        recovery = _NONE if self.recovery is None else self.recovery.hex()
        words = (_FORM, *self.position, generation, seq, chain.hex(), trust.hex(), recovery)
        return " ".join(map(str, words))

    def followed_by(self, copy: Copy, file: str) -> "Seen":
        """Compare with a copy of the log that was verified, and return what was seen with that.

        Args:
            copy: what a router has shown.
            file: where this is kept; for words alone.

        Raises:
            Refused: ``old-log``: it ends before what was seen; ``other-log``: it is another history.
        """
        log = copy.log
        now = _seen_in(log)
        if now.position < self.position:
            raise Refused(
                "old-log",
                f"this router's log ends at version {log.head.seq}, and {file} says that there is a later"
                f" one, {self.position[-1]}: ask another router, or this one once it has caught up",
            )
        if self.named is None:
            return now
        if log.has(self.named):
            return now if log.settled >= self.named.seq else now._replace(named=self.named)
        if self.recovery is None or copy.recoveries.get(self.position[0] + 1) != self.recovery:
            raise Refused("other-log", _another(log, self.named, file))
        return now


def _seen_in(log: Log) -> Seen:
    head, public = log.head, recovery_key(log.state)
    position = (head.generation, head.mandate, head.epoch, head.seq)
    recovery = None if public is None else key_id(public)
    return Seen(position, log.named(max(log.settled, 1)), recovery)


def _another(log: Log, named: Named, file: str) -> str:
    chain = log.chain_at(named.seq)
    if chain is None:
        what = f"it ends at version {log.head.seq}, and version {named.seq} was final"
    elif chain != named.chain:
        what = f"its version {named.seq} has hash {chain.hex()[:12]}, and {named.chain.hex()[:12]} was final"
    else:
        what = f"it names other owners at version {named.seq} than there were"
    return (
        f"this router shows another history than {file} knows: {what}, and nobody recovered the cluster by"
        " the phrase of then. Nothing is signed by it: ask another router. If all show it, for owners forced"
        f" the role and undid that version, remove {file}"
    )


# --- the file ------------------------------------------------------------------------------------


def seen_of(text: str) -> Seen:
    """Read what `Seen.line` wrote; nothing was seen yet where there is no text.

    A line of four numbers is of former versions. It says how new a log was, and not which.

    Raises:
        UntrustedInput: it is none.
    """
    words = text.split()
    if not words:
        return Seen()
    try:
        return _read(words)
    except ValueError:
        raise UntrustedInput("not what was seen of a log") from None


def _read(words: list[str]) -> Seen:
    if len(words) == _FORMER_FIELDS:
        return Seen(_position(words))
    form, *position, generation, seq, chain, trust, recovery = words
    named = Named(_number(generation), Seq(_number(seq)), ChainHash(_octets(chain, 32)), _octets(trust, 32))
    key = None if recovery == _NONE else KeyId(_octets(recovery, 16))
    if form != _FORM or not 0 < named.seq <= limits.NUMBER_MAX:
        raise ValueError(form)
    return Seen(_position(position), named, key)


def _position(words: list[str]) -> tuple[int, int, int, int]:
    generation, mandate, epoch, seq = map(_number, words)
    return generation, mandate, epoch, seq


def _number(word: str) -> int:
    if len(word) > _DIGITS_MAX or not (word.isascii() and word.isdecimal()):
        raise ValueError(word)
    return int(word)


def _octets(word: str, size_bytes: int) -> bytes:
    octets = bytes.fromhex(word)
    if len(octets) != size_bytes:
        raise ValueError(word)
    return octets
