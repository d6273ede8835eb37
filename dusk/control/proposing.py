"""Changes that need more signatures than one: proposed, looked at, signed (`specs/log.md`, 13).

Whoever adds the last signature hands the change itself in. What is shown to a signer comes from the
bytes that are signed, never from what a proposal says about itself (A57).
"""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from dusk import codec, limits
from dusk.changelog.approval import devices_made
from dusk.changelog.authority import GRANTABLE, check_authority, grant_for
from dusk.changelog.body import Change, Edit, Operation, Signature
from dusk.changelog.proposals import CHANGE, collected, proposal_path, proposal_row
from dusk.changelog.sealed import WRAP
from dusk.changelog.sections import SectionKind, parse_path
from dusk.changelog.state import State
from dusk.control import names, words
from dusk.control.attesting import hand_in
from dusk.control.desk import Desk, Json, Session
from dusk.control.drafts import written_by
from dusk.control.outside import OutsideKey, check_signed, signature_by
from dusk.control.signing import check_verdict, sign
from dusk.errors import Refused
from dusk.ids import ChangeId, KeyId
from dusk.keys.signing import SigningKey

DAY_S = 86_400
EXPIRES_S = 30 * DAY_S
"""How long a proposal waits, where a clock is to be trusted: to the end of that day, in UTC."""
ID_DIGITS_MIN = 8
_SECTION = "proposal/"


class Signed(NamedTuple):
    """What became of edits: a change to be handed in, and the proposal that it makes, if it is one."""

    change: Change
    proposal: str
    notes: tuple[str, ...]


class Unsigned(NamedTuple):
    """In the place of a session of which nothing is signed: to judge what it would sign."""

    user: str
    key: OutsideKey


def signed_or_proposed(desk: Desk, session: Session, message: str, edits: Sequence[Edit]) -> Signed:
    """Sign edits; where others must sign, too, make the change that proposes them.

    What a grant allows nobody, an owner proposes to the owners.

    Raises:
        Refused: what the writer would say, or ``missing-signatures`` where this person's would not count.
    """
    change = sign(desk, session, message, edits)
    try:
        check_verdict(desk, change)
    except Refused as error:
        return _proposed(desk, session, message, edits, _lacking(desk.log.state, session, change, error))
    return Signed(change, "", ())


def foretold(desk: Desk, session: Session, edits: Sequence[Edit]) -> str:
    """Say whose signatures edits would wait for as a proposal; nothing where this person's do.

    Raises:
        Refused: `signed_or_proposed` would refuse them, whatever else is right with them.
    """
    state, own = desk.log.state, session.key.key_id
    is_unknown = state.holder(own) is None  # which is told as that, once it signs
    if is_unknown or (state.quorum == 1 and own in state.owners()):
        return ""
    change = sign(desk, Unsigned(session.user, OutsideKey.of(session.key.public)), "foretold", edits)
    try:
        check_authority(state, change.body.operations, change.values, (own,), devices_made(state, change))
    except Refused as error:
        return _lacking(state, session, change, error)
    return ""


def _lacking(state: State, session: Session, change: Change, error: Refused) -> str:
    """Return whose signatures are missing, where nothing else is.

    Args:
        state: what the log says.
        session: who signed.
        change: what this person signed alone.
        error: why the writer would refuse it.

    Raises:
        Refused: the same, or for which part this person's signature does not count.
    """
    own = session.key.key_id
    why = _waits_for(state, change, own, error)
    if not why:
        raise error
    foreign = [o for o in change.body.operations if not _counts_for(state, o.section, own)]
    hindrance = _refusal(state, change, (own,), foreign)
    if not hindrance:
        return why
    rest = "" if hindrance == error.reason else "; without that the rest is proposed to who must sign it, too"
    raise Refused(error.code, f"{hindrance}{_assigning(foreign)}{rest}")


def _assigning(foreign: Sequence[Operation]) -> str:
    """Say what owners do where somebody assigns who may not: that is granted beside the policy itself."""
    section = next((o.section for o in foreign if parse_path(o.section).kind is SectionKind.ASSIGNMENT), "")
    granting = f"`dusk grant {section}` with the same limits as the policy's"
    return f"; owners assign it, or grant that, too: {granting}" if section else ""


def _waits_for(state: State, change: Change, own: KeyId, error: Refused) -> str:
    """Say whose signatures a change lacks, where it lacks nothing else; nothing otherwise.

    Args:
        state: what the log says.
        change: what was refused.
        own: who would sign it; what a grant allows nobody, an owner has the other owners sign.
        error: why it was refused.
    """
    if error.code == "missing-signatures":
        return error.reason
    owners = state.owners()
    if error.code != "outside-grant" or own not in owners or _refusal(state, change, owners):
        return ""
    who = ", ".join(sorted(owners.values()))
    return f"{error.reason}; so it needs the signatures of {state.quorum} of the owners {who}"


def _refusal(
    state: State, change: Change, signers: Collection[KeyId], parts: Sequence[Operation] | None = None
) -> str:
    """Say why signatures do not do for a change, or for some of its parts; nothing where they do."""
    pairs = zip(change.body.operations, change.values, strict=True)
    chosen = [(o, value) for o, value in pairs if parts is None or o in parts]
    try:
        operations, values = zip(*chosen, strict=True) if chosen else ((), ())
        check_authority(state, operations, values, signers, devices_made(state, change))
    except Refused as error:
        return error.reason
    return ""


def _counts_for(state: State, section: str, key: KeyId) -> bool:
    """Tell whether a key's signature counts towards what a section needs."""
    grant = grant_for(state, section) if parse_path(section).kind in GRANTABLE else None
    granted = () if grant is None else (name for one in grant.chain() for name in one.keys)
    return key in state.owners() or key in granted


def _proposed(desk: Desk, session: Session, message: str, edits: Sequence[Edit], why: str) -> Signed:
    check_new(desk, lambda joint: _says(written_by(joint)) == _says(edits))
    joint = sign(desk, session, message, edits, is_joint=True)
    check_signed(session.key, joint)
    time = desk.wall_time()
    row = proposal_row(joint, (time.time_s + EXPIRES_S) // DAY_S * DAY_S + DAY_S if time.trusted else 0)
    if len(row) > limits.PROPOSAL_BYTES_MAX:
        size = f"{len(row)} bytes, at most {limits.PROPOSAL_BYTES_MAX}"
        raise Refused("too-large", f"others must sign this too, and it is too large to be proposed: {size}")
    section = proposal_path(joint.id)
    signature = codec.pack([joint.signatures[0].signature])
    rows = (
        Edit(section, CHANGE, row, None),
        Edit(section, f"by/{session.key.key_id.hex()}", signature, None),
    )
    carrier = sign(desk, session, f"proposes: {message}"[: limits.MESSAGE_BYTES_MAX // 4], rows)
    check_verdict(desk, carrier)
    name = _name(section)
    return Signed(carrier, name, (f"proposed as {name}; others sign it with `dusk sign {name}`: {why}",))


def proposed_in(carrier: Change) -> str | None:
    """Return the proposal that a change makes; None where it makes none."""
    made = (o.section for o in carrier.body.operations if o.section.startswith(_SECTION) and o.key == CHANGE)
    return next(map(_name, made), None)


def _name(section: str) -> str:
    """Return by what people name a proposal."""
    return section.removeprefix(_SECTION)[:ID_DIGITS_MIN]


def check_new(desk: Desk, is_same: Callable[[Change], bool]) -> None:
    """Check that nothing that is proposed already, and can still come to be, is as this.

    Raises:
        Refused: ``proposed-already``, naming it.
    """
    state = desk.log.state
    for section in _open(state):
        joint = collected(state, section)
        if _may_come(state, joint) and is_same(joint):
            name = _name(section)
            raise Refused(
                "proposed-already",
                f"it is proposed already as {name}: others sign it with `dusk sign {name}`; "
                f"who proposed it takes it back with `dusk withdraw {name}`",
            )


def _says(edits: Sequence[Edit]) -> set[Edit]:
    """Return what edits do; keys of secrets are made anew each time."""
    return {edit for edit in edits if not edit.key.startswith(WRAP)}


def _may_come(state: State, joint: Change) -> bool:
    """Tell whether a proposal can still be applied: its author signs, and what it changes is as it was."""
    author = state.holder(joint.body.author)
    return author is not None and author.active and _is_as_then(state, joint)


def _is_as_then(state: State, joint: Change) -> bool:
    """Tell whether nobody has written since what a proposal changes."""
    return all(_base(state, o.section, o.key) == o.base for o in joint.body.operations)


# --- looking -------------------------------------------------------------------------------------


def proposal_list(desk: Desk, _arguments: Json) -> Json:
    """Return the open proposals."""
    state = desk.log.state
    return {"proposals": [_row(desk, section) for section in _open(state)]}


def proposal_show(desk: Desk, arguments: Json) -> Json:
    """Return one proposal with its differences."""
    state, section = desk.log.state, open_proposal(desk.log.state, arguments["id"])
    joint = collected(state, section)
    pairs = zip(joint.body.operations, joint.values, strict=True)
    found = [_difference(state, o, None if v is None else v.data) for o, v in pairs]
    return {**_row(desk, section), "operations": words.diff_rows(found), "diff": words.diff_text(found)}


def _difference(state: State, operation: Operation, after: bytes | None) -> words.Difference:
    record = state.record(operation.section, operation.key)
    return words.difference(
        state, operation.section, operation.key, None if record is None else record.data, after
    )


def _open(state: State) -> list[str]:
    return [section for section in state.sections(_SECTION) if state.records(section)]


def open_proposal(state: State, name: str) -> str:
    """Return the section of an open proposal, by the first digits of its id.

    Raises:
        Refused: ``no-proposal``.
    """
    found = [s for s in _open(state) if s.removeprefix(_SECTION).startswith(name.lower())]
    if len(name) < ID_DIGITS_MIN or len(found) != 1:
        raise Refused("no-proposal", f"there is no open proposal {name!r}; `dusk proposals` shows them")
    return found[0]


def _row(desk: Desk, section: str) -> Json:
    state = desk.log.state
    joint, row = collected(state, section), state.value(section, CHANGE)
    assert row is not None, "it is open"
    return {
        "id": _name(section),
        "author": names.author_name(state, joint.body.author),
        "message": joint.body.message,
        "signed": sorted(names.author_name(state, s.key_id) for s in joint.signatures),
        "state": _state(desk, joint),
        "expires": row[1] or None,
    }


def _state(desk: Desk, joint: Change) -> str:
    """Say in words what a proposal waits for."""
    position = desk.log.position_of(joint.id)
    if position is not None:
        return f"handed in as version {position}, and came too late"
    state = desk.log.state
    if not _is_as_then(state, joint):
        return "somebody else changed the same settings meanwhile; it comes too late"
    try:
        check_verdict(desk, _by_the_active(state, joint))
    except Refused as error:
        return _waits_for(state, joint, joint.body.author, error) or error.reason
    return "all have signed who must; anybody of them hands it in with `dusk sign`"


def _by_the_active(state: State, joint: Change) -> Change:
    """Leave out the signatures of who may not sign any more."""
    active = tuple(s for s in joint.signatures if (h := state.holder(s.key_id)) is not None and h.active)
    return joint._replace(signatures=active)


# --- deciding ------------------------------------------------------------------------------------


def proposal_sign(desk: Desk, arguments: Json) -> Json:
    """Sign a proposal; the last signature hands the change in."""
    session, state = desk.session(arguments["token"]), desk.log.state
    section = open_proposal(state, arguments["id"])
    joint = _by_the_active(state, collected(state, section))
    if all(s.key_id != joint.body.author for s in joint.signatures):
        raise Refused(
            "inactive-key", "its author may not sign any more; somebody else has to propose it anew"
        )
    whole = joint._replace(signatures=_with(joint.signatures, session.key, joint))
    try:
        check_verdict(desk, whole)
    except Refused as error:
        why = _waits_for(state, whole, session.key.key_id, error)
        if not why:
            raise
        if len(whole.signatures) == len(joint.signatures):
            raise Refused("signed-already", f"{session.user} has signed this already; {why}") from None
        change = _signature_added(desk, session, section, joint)
        ticket = hand_in(desk, session, change, arguments["timeout_s"], {})
        return _answer(ticket, change.id, f"signed; not enough yet: {why}")
    text = f"signed and handed in: {joint.body.message}"
    return _answer(hand_in(desk, session, whole, arguments["timeout_s"], {}), whole.id, text)


def _with(signatures: Sequence[Signature], key: SigningKey, joint: Change) -> tuple[Signature, ...]:
    if any(s.key_id == key.key_id for s in signatures):
        return tuple(signatures)
    return tuple(sorted((*signatures, signature_by(key, joint.body.cluster, joint))))


def _signature_added(desk: Desk, session: Session, section: str, joint: Change) -> Change:
    own = signature_by(session.key, joint.body.cluster, joint)
    check_signed(session.key, joint._replace(signatures=(own,)))
    key = f"by/{session.key.key_id.hex()}"
    edit = Edit(section, key, codec.pack([own.signature]), _base(desk.log.state, section, key))
    change = sign(desk, session, f"signs: {joint.body.message}"[: limits.MESSAGE_BYTES_MAX // 4], (edit,))
    check_verdict(desk, change)
    return change


def _base(state: State, section: str, key: str) -> ChangeId | None:
    record = state.record(section, key)
    return None if record is None else record.base


def _answer(ticket: str, change: ChangeId, text: str) -> Json:
    return {"ticket": ticket, "hash": change.hex(), "text": text}
