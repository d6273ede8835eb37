"""A checkpoint as it is kept and sent: all that a log needs of what is below it (`specs/log.md`, section 12).

One array of bytes: the state with its hash's parts, the digest of each entry and the id of its
change, the entries that changed the owners, the newest forced roles and changes without effect, and
the owners' attestations. `read` believes nothing of it but what hangs together: the digests add up to the
chain hash, the owners' chain goes from the first entry to whoever attested, and the state has the
hash that they attested. Two devices that have the same log make the same bytes of it.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from dusk import codec, limits
from dusk.changelog.attesting import attested_by
from dusk.changelog.body import Change, Value, decode_change
from dusk.changelog.entry import APPLIED, HEAD_ROW, Entry, Outcome, OutcomeCode
from dusk.changelog.ground import Ground
from dusk.changelog.history import Epoch, History, Passed
from dusk.changelog.items import unpack_entry_item, verified_entry
from dusk.changelog.kinds import is_recovery
from dusk.changelog.milestone import Milestone
from dusk.changelog.milestones import Milestones, outcome_row, used_hash
from dusk.changelog.owners import changes_owners, walk
from dusk.changelog.raises import Rights, is_raise
from dusk.changelog.recovering import read_recovery
from dusk.changelog.roles import Role, read_role
from dusk.changelog.sections import check_record, parse_path
from dusk.changelog.state import DerivedWrite, Record, RecordWrite, State
from dusk.changelog.terms import Term, Terms
from dusk.effects import ItemKind, LogItem
from dusk.errors import Refused, UntrustedInput
from dusk.ids import (
    NO_CHAIN,
    BootId,
    ChainHash,
    ChangeId,
    ClusterId,
    DeviceId,
    Head,
    KeyId,
    Seq,
    labelled_hash,
)

VERSION = 1
"""Of the form below."""
_NO_CHANGE = bytes(32)
_DIGESTS = codec.blob_to(limits.FOUNDATION_BYTES_MAX)
_NUMBER = codec.number(0, limits.NUMBER_MAX)
_SEQ = codec.number(1, limits.NUMBER_MAX)
_DATA = codec.blob_to(limits.VALUE_BYTES_MAX, or_nil=True)
_OPENED = codec.Row("epoch", seq=_SEQ, writer=codec.size(16), boot=codec.size(8), handed_over=codec.FLAG)
_RECORD = codec.Row(
    "record",
    key=codec.text_to(limits.RECORD_KEY_BYTES_MAX),
    salt=codec.size(16, or_nil=True),
    data=_DATA,
    base=codec.size(32),
)
_SECTION = codec.Row(
    "section",
    path=codec.text_to(limits.SECTION_BYTES_MAX),
    records=codec.rows_to(limits.FOUNDATION_RECORDS_MAX, _RECORD, 1),
)
_TERM_PLACES = codec.Row(
    "term", seq=_SEQ, holders=codec.Place((list,), 1, limits.SUCCESSION_MAX), forced=codec.FLAG
)
_MILESTONE = codec.Row(
    "milestone", seq=_SEQ, state=codec.size(32), owners=codec.Place((list,), 0, 4096), quorum=_NUMBER
)
_OUTCOME = codec.Row(
    "outcome",
    seq=_SEQ,
    code=codec.number(1, max(OutcomeCode)),
    by=codec.size(32, or_nil=True),
    reason=codec.text_to(64),
)
_DERIVED = codec.Row("derived", key=codec.text_to(255), number=_NUMBER)
_FOUNDATION = codec.Row(
    "foundation",
    version=codec.number(VERSION, VERSION),
    head=codec.row(HEAD_ROW),
    opened=codec.row(_OPENED),
    terms=codec.rows_to(limits.FOUNDATION_TERMS_MAX, _TERM_PLACES, 1),
    milestones=codec.rows_to(limits.MILESTONES_MAX, _MILESTONE),
    digests=_DIGESTS,
    changes=_DIGESTS,
    outcomes=codec.rows_to(limits.FOUNDATION_OUTCOMES_MAX, _OUTCOME),
    sections=codec.rows_to(limits.FOUNDATION_SECTIONS_MAX, _SECTION, 1),
    derived=codec.rows_to(limits.FOUNDATION_NUMBERS_MAX, _DERIVED),
    kept=codec.Place((list,), 1, limits.FOUNDATION_KEPT_MAX),
    attestations=codec.Place((list,), 1, limits.SIGNATURES_MAX * 2),
)


_KEPT_AT = 10


class Foundation(NamedTuple):
    """What was read and hangs together.

    Args:
        head: where the checkpoint stands.
        state: hash of the whole state there, which owners attested.
        ground: what a log stands on; for one log.
        kept: the entries that changed the owners, forced roles, and changes without effect, in log order.
        digests: of all entries up to there, 32 bytes each.
        signers: who attested it.
    """

    head: Head
    state: bytes
    ground: Ground
    kept: tuple[LogItem, ...]
    digests: bytes
    signers: frozenset[KeyId]


# --- making it ---------------------------------------------------------------------------------


def encode(ground: Ground, digests: bytes, kept: Sequence[LogItem], attestations: Sequence[Change]) -> bytes:
    """Return the bytes of a foundation.

    Args:
        ground: of a log whose newest entry is the checkpoint's.
        digests: of all its entries.
        kept: as `Foundation.kept`.
        attestations: enough changes by which owners attest that very state, in log order.
    """
    state, history = ground.state, ground.history
    head, epoch = history.head, history.epoch
    milestones = Milestones(state, history, ground.not_applied, ground.terms)
    outcomes = sorted((ground.positions[c], *outcome_row(o)) for c, o in ground.not_applied.items())
    ids = (change or _NO_CHANGE for change in history.changes(1, head.seq))
    return codec.pack(
        (
            VERSION,
            (head.generation, head.mandate, head.epoch, head.seq, head.chain),
            (epoch.seq, epoch.writer, epoch.boot, history.handed_over),
            ground.terms.all,
            milestones.rows(head.seq),
            digests,
            b"".join(ids),
            outcomes,
            [(path, _record_rows(state, path)) for path in state.sections()],
            sorted(state.numbers().items()),
            [item.data for item in kept],
            [change.encode() for change in attestations],
        )
    )


def _record_rows(state: State, path: str) -> list[tuple[str, bytes | None, bytes | None, bytes]]:
    records = sorted(state.tombstones(path).items())
    return [(key, record.salt, record.data, record.base) for key, record in records]


def pieces(data: bytes) -> tuple[bytes, ...]:
    """Cut the bytes as they are stored and sent."""
    size = limits.PIECE_BYTES_MAX
    return tuple(data[at : at + size] for at in range(0, len(data), size))


def piece_hash(piece: bytes) -> bytes:
    """Hash one piece."""
    return labelled_hash(b"dusk.piece", piece)


def position_of(data: bytes) -> Seq:
    """Return where a foundation that was verified before stands."""
    row = codec.unproven(data, size_max=limits.FOUNDATION_BYTES_MAX)
    return Seq(row[1][3])


def kept_entries(data: bytes) -> tuple[LogItem, ...]:
    """Return the kept entries of a foundation that was verified before."""
    row = codec.unproven(data, size_max=limits.FOUNDATION_BYTES_MAX)
    return tuple(LogItem(ItemKind.ENTRY, each) for each in row[_KEPT_AT])


# --- reading it --------------------------------------------------------------------------------


def form(data: bytes) -> list[Any]:
    """Decode the bytes of a foundation; nobody's word is needed for them to be built, so they are few.

    Raises:
        UntrustedInput: not the form, or larger than any that is written, sent or read (A6).
    """
    items_max = min(limits.FOUNDATION_ITEMS_MAX, len(data) // limits.FOUNDATION_BYTES_PER_ITEM_MIN)
    return _FOUNDATION.decode(data, size_max=limits.FOUNDATION_BYTES_MAX, items_max=items_max)


def read(data: bytes, cluster: ClusterId | None) -> Foundation:
    """Verify a foundation: what its form, the digests and the owners' signatures are, before the state.

    Args:
        data: all its bytes.
        cluster: whose it must be; None for the own disk's.

    Raises:
        UntrustedInput: anything of it does not hang together.
    """
    (
        _version,
        head_row,
        opened,
        terms,
        milestones,
        digests,
        changes,
        outcomes,
        sections,
        derived,
        kept,
        said,
    ) = form(data)
    head, found = Head(*head_row), ClusterId(digests[:32])
    if cluster not in (None, found):
        raise UntrustedInput("foundation: of another cluster")
    passed = _passed(head, digests, changes)
    ground = _ground(head, passed, opened, terms, found)
    _take_outcomes(ground, outcomes)
    items = _kept(kept, digests, ground)
    owners = walk(found, _of_owners(items))
    ground.history.trusted += owners.trusted
    _check_roles(items, ground)
    signers, state = _attested(said, head, owners.rights, found)
    _take_sections(ground.state, sections, derived)
    if not owners.are_of(ground.state):
        raise UntrustedInput("foundation: other owners than those that the entries name")
    _take_milestones(ground, milestones)
    whole = _measure(ground, head.seq)
    if whole.state != state:
        raise UntrustedInput("foundation: attested is another state")
    ground.state.milestones[head.seq] = whole
    if encode(ground, digests, items, [decode_change(each) for each in said]) != data:
        raise UntrustedInput("foundation: not the one way to write it")
    return Foundation(head, state, ground, items, digests, frozenset(signers))


def _passed(head: Head, digests: bytes, changes: bytes) -> Passed:
    """Add the digests up to the head's chain hash."""
    if not head.seq * 32 == len(digests) == len(changes):
        raise UntrustedInput("foundation: not a digest and a change for each entry")
    chains: list[ChainHash] = []
    chain = NO_CHAIN
    for at in range(0, len(digests), 32):
        chain = ChainHash(labelled_hash(b"dusk.chain", chain, digests[at : at + 32]))
        chains.append(chain)
    if head.seq == 0 or chain != head.chain:
        raise UntrustedInput("foundation: the digests are not those of its chain hash")
    ids = [changes[at : at + 32] for at in range(0, len(changes), 32)]
    return Passed(chains, [None if each == _NO_CHANGE else ChangeId(each) for each in ids])


def _ground(head: Head, passed: Passed, opened: list[Any], terms: list[Any], cluster: ClusterId) -> Ground:
    seq, writer, boot, handed_over = opened
    epoch = Epoch(Seq(seq), head.generation, head.mandate, head.epoch, DeviceId(writer), BootId(boot))
    history = History.up_to(passed, epoch, handed_over=handed_over)
    positions = {change: Seq(at) for at, change in enumerate(passed.changes, 1) if change is not None}
    read_terms = [Term(Seq(at), _devices(holders), forced=forced) for at, holders, forced in terms]
    if (
        seq > head.seq
        or any(a.seq >= b.seq for a, b in pairwise(read_terms))
        or read_terms[-1].seq > head.seq
    ):
        raise UntrustedInput("foundation: epoch or successions behind its end")
    state = State()
    state.cluster = cluster
    return Ground(state, history, Terms(read_terms), positions, {}, cluster, head.seq)


def _devices(rows: list[object]) -> tuple[DeviceId, ...]:
    return tuple(DeviceId(codec.exactly(each, 16, "device")) for each in rows)


def _take_outcomes(ground: Ground, rows: list[Any]) -> None:
    before = 0
    for seq, code, by, reason in rows:
        change = ground.history.changes(seq, seq)
        if seq <= before or not change or change[0] is None:
            raise UntrustedInput("foundation: an outcome of no change")
        ground.not_applied[change[0]] = Outcome(OutcomeCode(code), by, reason)
        before = seq


def _kept(rows: list[object], digests: bytes, ground: Ground) -> tuple[LogItem, ...]:
    """Read the entries that are kept: the log's own, in order, none missing that should be here."""
    items = [
        LogItem(ItemKind.ENTRY, codec.blob(each, limits.KEPT_ITEM_BYTES_MAX, "kept entry")) for each in rows
    ]
    entries = [unpack_entry_item(item.data)[0] for item in items]
    for before, entry in zip([None, *entries], entries, strict=False):
        at = (entry.seq - 1) * 32
        if (before is not None and before.seq >= entry.seq) or digests[at : at + 32] != entry.digest:
            raise UntrustedInput(f"foundation: entry {entry.seq} is not the log's, or out of order")
    without_effect = [entry.change for entry in entries if entry.outcome != APPLIED]
    if without_effect != kept_changes(ground):
        raise UntrustedInput("foundation: not the changes without effect that belong there")
    raises, newest = [entry for entry in entries if is_raise(entry)], kept_roles(ground)
    older = raises[: -len(newest)] if newest else raises
    if [entry.seq for entry in raises[len(older) :]] != newest or not all(map(changes_owners, older)):
        raise UntrustedInput("foundation: not the forced roles that belong there")
    if any(entry.outcome == APPLIED and not _is_of_owners(entry) for entry in entries):
        raise UntrustedInput("foundation: an entry that nobody needs")
    return tuple(items)


def _of_owners(items: Sequence[LogItem]) -> list[LogItem]:
    """Return the entries that the owners before them must have signed."""
    entries = ((verified_entry(item), item) for item in items)
    return [item for entry, item in entries if _is_of_owners(entry)]


def _is_of_owners(entry: Entry) -> bool:
    return changes_owners(entry) or is_raise(entry)


def _check_roles(items: Sequence[LogItem], ground: Ground) -> None:
    """Check that each forced role or RECOVER is one, makes what was due, and sets the term that begins.

    That all are here that should be, and in which order they stand, the terms say, which owners attest.
    All RECOVERs are, for each changed the owners.
    """
    forced, head = [term for term in ground.terms.all if term.forced], ground.history.head
    due = {term.seq: (number, term.holders) for number, term in enumerate(forced, 1)}
    generation = 0
    for entry, change in (unpack_entry_item(item.data) for item in items):
        if change is None or not is_raise(entry):
            continue
        made, is_generation = _raised(change)
        generation += is_generation
        raised, holders = due.get(entry.seq, (0, ()))
        count = generation if is_generation else raised - generation
        named = ground.history.chain_at(made.mandate.seq) if made.mandate.seq < entry.seq else None
        said = (made.mandate.number, made.succession, named)
        if said != (count, holders, made.mandate.chain):
            raise UntrustedInput(f"foundation: the role in entry {entry.seq} is not what was due there")
        place = (entry.generation, entry.mandate, entry.writer, entry.outcome)
        if place != (generation, raised - generation, made.succession[0], APPLIED):
            raise UntrustedInput(f"foundation: entry {entry.seq} is not the `open` of its role")
    if (head.generation, head.mandate) != (generation, len(forced) - generation):
        raise UntrustedInput("foundation: not a forced role for each mandate")


def _raised(change: Change) -> tuple[Role, bool]:
    """Return what a change raises and who succeeds by it, and whether it is a RECOVER."""
    _check_records(change)
    try:
        if not is_recovery(change):
            return read_role(change), False
        recovery = read_recovery(change)
    except Refused as error:
        raise UntrustedInput(f"foundation: {error}") from None
    return Role(recovery.generation, recovery.succession), True


def kept_roles(ground: Ground) -> list[Seq]:
    """Return where the newest forced roles stand, which are kept whole for who parted before them."""
    return [term.seq for term in ground.terms.all if term.forced][-limits.ROLES_KEPT_MAX :]


def kept_changes(ground: Ground) -> list[ChangeId]:
    """Return the newest changes without effect, which are kept whole for people to decide."""
    changes = sorted(ground.not_applied, key=lambda change: ground.positions[change])
    return changes[-limits.CONFLICTS_KEPT_MAX :]


def _take_sections(state: State, sections: list[Any], derived: list[Any]) -> None:
    writes = [
        RecordWrite(path, key, _record(path, key, salt, data, base))
        for path, records in sections
        for key, salt, data, base in records
    ]
    state.take(writes, [DerivedWrite(key, number) for key, number in derived])


def _record(path: str, key: str, salt: bytes | None, data: bytes | None, base: bytes) -> Record:
    if (salt is None) != (data is None):
        raise UntrustedInput("foundation: a value without a salt, or a salt without a value")
    check_record(parse_path(path), key, data)
    if salt is None or data is None:
        return Record(None, None, ChangeId(base))
    return Record(data, Value(salt, data).hash, ChangeId(base), salt)


def _take_milestones(ground: Ground, rows: list[Any]) -> None:
    head = ground.history.head
    for seq, state, owners, quorum in rows:
        chain = ground.history.chain_at(seq)
        if chain is None or seq >= head.seq:
            raise UntrustedInput("foundation: a milestone behind its end")
        names = frozenset(KeyId(codec.exactly(each, 16, "owner")) for each in owners)
        ground.state.milestones[seq] = Milestone(chain, state, b"", names, quorum)


def _measure(ground: Ground, seq: Seq) -> Milestone:
    """Work out what the whole state is; the hash over the changes goes from the first step on."""
    step, used = limits.CHECKPOINT_STEP, bytes(32)
    if seq % step:
        raise UntrustedInput("foundation: not at a position that owners attest")
    for first in range(1, seq - step + 1, step):
        used = used_hash(used, ground.history.changes(first, first + step - 1), ground.not_applied)
    rest = Milestones(ground.state, ground.history, ground.not_applied, ground.terms)
    return rest.here(seq, used)


def _attested(rows: list[object], head: Head, owners: Rights, cluster: ClusterId) -> tuple[set[KeyId], bytes]:
    """Check that as many owners as must be signed one state here; returns them and its hash."""
    signers: set[KeyId] = set()
    states: set[bytes] = set()
    for change in _changes(rows):
        said = attested_by(change)
        if (
            said is None
            or (said.seq, said.chain) != (head.seq, head.chain)
            or change.body.cluster != cluster
            or len(change.signatures) != 1
        ):
            raise UntrustedInput("foundation: attested is another position")
        if change.body.author in signers or owners.signed(change) != 1:
            raise UntrustedInput("foundation: attested by who was no owner, or twice")
        signers.add(change.body.author)
        states.add(said.state)
    if len(signers) < owners.quorum:
        raise UntrustedInput("foundation: not attested by enough owners")
    if len(states) != 1:
        raise UntrustedInput("foundation: attested is more than one state")
    return signers, states.pop()


def _changes(rows: list[object]) -> Iterator[Change]:
    for each in rows:
        change = decode_change(codec.blob(each, limits.CHANGE_BYTES_MAX, "attestation"))
        _check_records(change)
        yield change


def _check_records(change: Change) -> None:
    for operation, value in zip(change.body.operations, change.values, strict=True):
        check_record(parse_path(operation.section), operation.key, None if value is None else value.data)
