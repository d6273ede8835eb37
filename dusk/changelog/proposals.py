"""Changes that still need signatures: kept in the log until enough keys signed (`specs/log.md`, section 13).

A *joint* change has several signers and no counter; its id is used once for ever, so nothing else
is needed against a replay. Until it has all its signatures it stands in a section ``proposal/ID``,
where each signer adds his own. It is judged only when it is handed in itself; a proposal has
no effect on anything.
"""

from collections.abc import Collection, Mapping
from typing import Any

from dusk import codec, limits
from dusk.changelog.body import CHANGE_LABEL, Body, Change, Signature, Value, decode_change
from dusk.changelog.holders import HolderKind
from dusk.changelog.sections import SectionKind, parse_path
from dusk.changelog.state import DerivedWrite, Record, RecordWrite, State, proposals_key
from dusk.errors import Refused, UntrustedInput
from dusk.ids import ChangeId, KeyId
from dusk.keys.signing import verify

CHANGE = "change"
_BY = "by/"
_PEOPLE = (HolderKind.OWNER, HolderKind.USER)


def proposal_path(change: ChangeId) -> str:
    """Return the section where a joint change collects its signatures."""
    return f"proposal/{change[:16].hex()}"


def is_joint(body: Body) -> bool:
    """Tell whether a change has no counter because several sign it, and not because it makes a device."""
    return body.counter == 0 and body.author != KeyId(body.device)


def proposal_row(change: Change, expires_s: int) -> bytes:
    """Return the value of record ``change`` of a proposal: the change without its signatures."""
    bare = change._replace(signatures=())
    return codec.pack((bare.encode(), expires_s))


def read_proposal(row: list[Any]) -> Change:
    """Read a proposal's record ``change``.

    Raises:
        UntrustedInput: what stands there is no change without signatures.
    """
    change = decode_change(row[0])
    if change.signatures:
        raise UntrustedInput("proposal: signatures stand in records of their own")
    return change


def is_person(state: State, key: KeyId) -> bool:
    """Tell whether a key is a person's."""
    holder = state.holder(key)
    return holder is not None and holder.kind in _PEOPLE


def collected(state: State, section: str) -> Change:
    """Return a proposal's change with the signatures that it has so far; it stands in the state."""
    row = state.value(section, CHANGE)
    assert row is not None, "there is such a proposal"
    signatures = [
        Signature(KeyId(bytes.fromhex(key.removeprefix(_BY))), codec.unpack(record.data, size_max=128)[0])
        for key, record in sorted(state.records(section, _BY).items())
        if record.data is not None
    ]
    return read_proposal(row)._replace(signatures=tuple(signatures))


def has_ended(state: State, change: Change) -> bool:
    """Tell whether a joint change was proposed and that ended without it: so did what was signed there."""
    record = state.record(proposal_path(change.id), CHANGE)
    return record is not None and record.data is None


def about_proposals(change: Change) -> bool:
    """Tell whether a change is about a proposal: then it does nothing else."""
    return any(o.section.startswith("proposal/") for o in change.body.operations)


def check_proposal(state: State, change: Change, signers: Collection[KeyId]) -> None:
    """Check what somebody does to a proposal: makes it, signs it, or takes it back.

    Raises:
        Refused: ``bad-value`` where it is something else too, or not in order; ``missing-signatures``
            where it is not the signer's to do; ``proposal-gone``, ``too-many-proposals``.
    """
    pairs = list(zip(change.body.operations, change.values, strict=True))
    sections = {o.section for o, _ in pairs}
    if len(sections) != 1 or parse_path(next(iter(sections))).kind is not SectionKind.PROPOSAL:
        raise Refused("bad-value", "a change about a proposal does nothing else")
    section, values = sections.pop(), {o.key: value for o, value in pairs}
    if values.get(CHANGE, _ABSENT) is None:
        _check_withdrawal(state, section, values, signers)
    elif CHANGE in values:
        _check_made(state, change, section, values)
    else:
        _check_signed(state, change.body.author, section, values)


_ABSENT = Value(b"", b"")


def _check_made(state: State, change: Change, section: str, values: Mapping[str, Value | None]) -> None:
    """Check a new proposal: the change is its author's own, has his signature, and was never here."""
    author = change.body.author
    if set(values) != {CHANGE, _BY + author.hex()} or state.record(section, CHANGE) is not None:
        raise Refused("bad-value", f"{section}: a proposal is made once, with its author's signature")
    row = _row(values[CHANGE])
    proposed = _proposed(row)
    body = proposed.body
    if body.author != author or not is_joint(body) or proposal_path(proposed.id) != section:
        raise Refused("bad-value", f"{section}: not a change of its author, without a number")
    if body.cluster != state.cluster or about_proposals(proposed):
        raise Refused("bad-value", f"{section}: not a change that can be proposed here")
    if state.derived(proposals_key(author)) >= limits.PROPOSALS_MAX:
        raise Refused("too-many-proposals", f"{limits.PROPOSALS_MAX} proposals of one author wait already")
    _check_signature(state, author, proposed, values[_BY + author.hex()])


def _check_signed(state: State, author: KeyId, section: str, values: Mapping[str, Value | None]) -> None:
    """Check a further signature: its signer's own, over the proposed bytes (A57)."""
    row = state.value(section, CHANGE)
    if row is None:
        raise Refused("proposal-gone", f"{section}: there is no such proposal any more")
    if set(values) != {_BY + author.hex()}:
        raise Refused("missing-signatures", f"{section}: everybody signs for himself")
    _check_signature(state, author, read_proposal(row), values[_BY + author.hex()])


def _check_signature(state: State, signer: KeyId, proposed: Change, value: Value | None) -> None:
    holder = state.holder(signer)
    if holder is None or not is_person(state, signer):
        raise Refused("missing-signatures", "people propose and sign; devices and join keys do not")
    if value is None:
        raise Refused("bad-value", "a signature is not taken back; the proposal is, by its author")
    (signature,) = _row(value)
    if not verify(holder.public, CHANGE_LABEL, state.cluster, proposed.body_bytes, signature):
        raise Refused("bad-signature", f"the signature of {holder.name} on the proposal does not verify")


def _check_withdrawal(
    state: State, section: str, values: Mapping[str, Value | None], signers: Collection[KeyId]
) -> None:
    row = state.value(section, CHANGE)
    if row is None:
        raise Refused("proposal-gone", f"{section}: there is no such proposal any more")
    if set(values) != {CHANGE}:
        raise Refused("bad-value", f"{section}: a proposal goes as a whole")
    by_quorum = len(signers & state.owners().keys()) >= state.quorum
    if read_proposal(row).body.author not in signers and not by_quorum:
        raise Refused("missing-signatures", f"{section}: taken back by its author, or by the owners")


def follows(state: State, change: Change) -> tuple[tuple[RecordWrite, ...], tuple[DerivedWrite, ...]]:
    """Return what the fold itself does to proposals behind a change that counts.

    A joint change that is applied ends its own proposal, and one that is taken back takes its signatures
    along; the count of what its author has waiting follows. Of a change about a proposal it is known that
    it is in order.
    """
    body = change.body
    if is_joint(body):
        section = proposal_path(change.id)
        if state.value(section, CHANGE) is None:
            return (), ()
        writes, counted = ended(state, section)
        return tuple(w._replace(record=Record(None, None, change.id)) for w in writes), counted
    made = next((o for o in body.operations if o.key == CHANGE), None)
    if made is None:
        return (), ()
    if made.value_hash is not None:
        return (), (_counted(state, body.author, 1),)
    writes, counted = ended(state, made.section)
    bases = tuple(w._replace(record=Record(None, None, change.id)) for w in writes if w.key != CHANGE)
    return bases, counted


def ended(state: State, section: str) -> tuple[tuple[RecordWrite, ...], tuple[DerivedWrite, ...]]:
    """Return what ends a proposal that has expired: all its records, with the bases that they have."""
    row = state.value(section, CHANGE)
    assert row is not None, "it is open"
    gone = [
        RecordWrite(section, key, Record(None, None, record.base))
        for key, record in sorted(state.records(section).items())
    ]
    return tuple(gone), (_counted(state, read_proposal(row).body.author, -1),)


def _counted(state: State, author: KeyId, more: int) -> DerivedWrite:
    key = proposals_key(author)
    return DerivedWrite(key, state.derived(key) + more)


def _row(value: Value | None) -> list[Any]:
    assert value is not None, "it was looked at"
    return codec.unpack(value.data, size_max=len(value.data))


def _proposed(row: list[Any]) -> Change:
    try:
        return read_proposal(row)
    except UntrustedInput as error:
        raise Refused("bad-value", str(error)) from None
