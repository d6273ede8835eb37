"""What is kept of a failed apply: a restart, or a power cut within the next try, must not forget it.

Without it a change that makes the router restart would be tried at each start for ever.
"""

from dusk import codec
from dusk.lazy import dataclass
from dusk.limits import REASON_BYTES_MAX

FILE = "failed"
"""Of the node's folder; there while the newest content has failed."""
_ID_BYTES_MAX = 64
_FAILURES_MAX = 16
_BYTES_MAX = 512


@dataclass(frozen=True, slots=True)
class Verdict:
    """How it went with the content that failed last.

    Attributes:
        ident: which content: the id of its apply.
        failures: how often it was tried.
        is_blamed: whether it failed by what the settings may have done, and not by a disk or a power cut.
        is_hard: whether it is not tried again.
        reason: why, in one line.
    """

    ident: str
    failures: int
    is_blamed: bool
    is_hard: bool
    reason: str

    def encode(self) -> bytes:
        """Return the file."""
        reason = codec.shortened(self.reason, REASON_BYTES_MAX)
        failures = min(self.failures, _FAILURES_MAX)
        return codec.pack((self.ident, failures, self.is_blamed, self.is_hard, reason))


def decode_verdict(data: bytes) -> Verdict:
    """Read what :meth:`Verdict.encode` wrote.

    Raises:
        UntrustedInput: anything else.
    """
    row = codec.fields(codec.unpack(data, size_max=_BYTES_MAX), 5, "failed apply")
    return Verdict(
        codec.text(row[0], _ID_BYTES_MAX, "id of an apply"),
        codec.integer(row[1], 1, _FAILURES_MAX, "tries of an apply"),
        codec.boolean(row[2], "failed apply"),
        codec.boolean(row[3], "failed apply"),
        codec.text(row[4], REASON_BYTES_MAX, "reason"),
    )
