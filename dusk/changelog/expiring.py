"""What ends by time: join keys and proposals, by an entry of their own (R11; `specs/log.md`, section 13).

A clock decides when such an entry is written, never what it means: it stands at one position of the
log, for everybody, and whatever it ended stays ended though clocks go back.
"""

from collections.abc import Iterator

from dusk import codec
from dusk.changelog import proposals
from dusk.changelog.body import SALT_BYTES, Value
from dusk.changelog.entry import APPLIED, Stamp
from dusk.changelog.sections import SectionKind, parse_path
from dusk.changelog.state import Record, RecordWrite, State
from dusk.changelog.verdict import Verdict
from dusk.errors import Refused

EXPIRED = "expired"
"""The record of a join key that only such an entry writes."""


def judge_expiry(state: State, section: str, stamp: Stamp) -> Verdict:
    """Judge the entry that ends a join key or a proposal.

    Args:
        state: what the log says before it.
        section: ``joinkey/ID`` or ``proposal/ID``.
        stamp: of the entry; its time decides.

    Raises:
        Refused: ``not-expired``: it does not end now, or did before, or never does.
    """
    expires_s = _expiry(state, section)
    if expires_s is None or not stamp.clock_trusted or stamp.time_s < expires_s:
        raise Refused("not-expired", f"{section}: nothing that ends by now")
    if parse_path(section).kind is SectionKind.PROPOSAL:
        return Verdict(APPLIED, *proposals.ended(state, section))
    rule = state.record(section, "rule")
    assert rule is not None, "it has an expiry"
    return Verdict(APPLIED, (RecordWrite(section, EXPIRED, _flag(rule)),), ())


def expiries(state: State) -> list[tuple[int, str]]:
    """Return what has yet to end by time, the first first: seconds since 1970, section."""
    return sorted(_expiries(state))


def _expiries(state: State) -> Iterator[tuple[int, str]]:
    for prefix in ("joinkey/", "proposal/"):
        for section in state.sections(prefix):
            expires_s = _expiry(state, section)
            if expires_s is not None:
                yield expires_s, section


def _expiry(state: State, section: str) -> int | None:
    """Return when something ends that may still be used; None for anything else."""
    kind = parse_path(section).kind
    if kind is SectionKind.PROPOSAL:
        row = state.value(section, proposals.CHANGE)
        return row[1] or None if row is not None else None
    rule = state.value(section, "rule") if kind is SectionKind.JOINKEY else None
    if rule is None or any(state.value(section, key) is not None for key in ("revoked", EXPIRED)):
        return None
    return rule[2] or None


def _flag(rule: Record) -> Record:
    """Return the record of a join key that has ended: written with the base of its rule."""
    value = Value(bytes(SALT_BYTES), codec.pack([True]))
    return Record(value.data, value.hash, rule.base, value.salt)
