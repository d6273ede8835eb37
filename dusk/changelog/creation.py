"""The creation of a device in the log: the joiner's own request, under a join key (`specs/joining.md`).

It can only make a device id that never existed. Name and groups are not the device's to
choose: the fold takes the groups from the join key's rule and decides the name, so they are
the same on every replica.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dusk import codec
from dusk.changelog.body import CHANGE_LABEL, Body, Change, Value
from dusk.changelog.entry import APPLIED, Stamp
from dusk.changelog.holders import DEVICE
from dusk.changelog.labels import matches
from dusk.changelog.returning import is_attested, place_taken, returns_as, same_label
from dusk.changelog.sections import device_path
from dusk.changelog.state import DerivedWrite, Record, RecordWrite, State, uses_key
from dusk.changelog.verdict import Verdict, written
from dusk.errors import Refused
from dusk.ids import KeyId, PublicKey, key_id
from dusk.keys.signing import verify
from dusk.membership.names import decide_name

REQUESTED = ("key", "label", "origin")
"""The records that a device asks for."""
APPROVAL_NEEDED, USED_UP, LABEL_KNOWN = "approval-needed", "joinkey-used-up", "label-known"
PENDING = frozenset((APPROVAL_NEEDED, USED_UP, LABEL_KNOWN))
"""Refusals after which a request waits for a person."""


def is_request(change: Change) -> bool:
    """Tell whether a change can only be a device's request to be made."""
    return change.body.counter == 0 and change.body.author == KeyId(change.body.device)


class Asked(NamedTuple):
    """What a device's request to join says, read and compared with its own id."""

    section: str
    public: PublicKey
    label: str
    joinkey: str
    """The id of the join key in hex, or another word for how it came."""
    wanted: str


def judge_creation(state: State, change: Change, stamp: Stamp) -> Verdict:
    """Judge a change without a counter: a device asks to be made.

    The refusals of ``PENDING`` come last: a request that is refused with one of them is in order,
    and waits for a person.

    Raises:
        Refused: not a creation as a join key allows it; the code says which rule.
    """
    asked = read_request(state, change.body, change.values)
    rule = _usable_rule(state, asked, stamp)
    signed_by_both(asked, rule, change)
    taken = _place_taken(state, change, asked, rule, stamp)
    _check_is_let_in(state, asked, rule, returns=bool(taken))
    uses = uses_key(asked.joinkey)
    return Verdict(
        APPLIED,
        (
            *(written(o, v, change.id) for o, v in zip(change.body.operations, change.values, strict=True)),
            *(taken or _named(state, change, asked, rule)),
        ),
        (DerivedWrite(uses, state.derived(uses) + 1),),
        stamp.absent if taken else None,
    )


def _place_taken(
    state: State, change: Change, asked: Asked, rule: Sequence[Any], stamp: Stamp
) -> tuple[RecordWrite, ...]:
    """Return what gives a device the place of an absent member, if the rule and the writer's word do."""
    former = returns_as(state, asked.label, rule[6])
    if former is None or not is_attested(stamp.absent, former):
        return ()
    return place_taken(state, change, former) or ()


def _named(state: State, change: Change, asked: Asked, rule: Sequence[Any]) -> tuple[RecordWrite, ...]:
    """Return name and groups of a device that never was a member."""
    name = decide_name(asked.wanted, rule[7], state.device_names())
    return (
        _added(change, asked.section, "name", [name]),
        _added(change, asked.section, "groups", [rule[3]]),
    )


def read_request(state: State, body: Body, values: Sequence[Value | None]) -> Asked:
    """Read what a device asks for, whoever carries it into the log.

    Args:
        state: what the log says before it.
        body: the request's own.
        values: one for each of its operations, with the hashes that stand there.

    Raises:
        Refused: ``bad-request``, or ``device-exists``.
    """
    section = device_path(body.device)
    if body.author != KeyId(body.device) or sorted((o.section, o.key) for o in body.operations) != [
        (section, key) for key in REQUESTED
    ]:
        raise Refused("bad-request", "a change without a number must be a device's request to join")
    if any(o.base is not None for o in body.operations):
        raise Refused("bad-request", "a request to join replaces nothing")
    if state.record(section, "key") is not None:
        raise Refused("device-exists", "a device with this key exists, or existed, in the cluster")
    if state.holder(body.author) is not None:
        raise Refused("bad-request", "the device's key is a person's or a join key's")
    rows = {o.key: _row(v) for o, v in zip(body.operations, values, strict=True)}
    public, (origin, _handshake, wanted) = PublicKey(rows["key"][0]), rows["origin"]
    if key_id(public) != KeyId(body.device):
        raise Refused("bad-request", "the device's id is not that of its key")
    return Asked(section, public, rows["label"][0], origin, wanted)


def _row(value: Value | None) -> list[Any]:
    if value is None:
        raise Refused("bad-request", "a request to join deletes nothing")
    return codec.unpack(value.data, size_max=len(value.data))


def known_rule(state: State, joinkey: str) -> list[Any]:
    """Return the rule of a join key that may still bring devices.

    Raises:
        Refused: ``unknown-joinkey``, ``joinkey-revoked`` or ``joinkey-expired``.
    """
    rule = state.value(f"joinkey/{joinkey}", "rule")
    if rule is None:
        raise Refused("unknown-joinkey", "the cluster does not know this join key")
    if state.value(f"joinkey/{joinkey}", "revoked") is not None:
        raise Refused("joinkey-revoked", "this join key was revoked")
    if state.value(f"joinkey/{joinkey}", "expired") is not None:
        raise Refused("joinkey-expired", "this join key has expired")
    return rule


def _usable_rule(state: State, asked: Asked, stamp: Stamp) -> list[Any]:
    """Return the join key's rule if it is for this device, now."""
    rule = known_rule(state, asked.joinkey)
    _public, _uses, expires_s, _groups, _mode, labels, _rebind, _template = rule
    if state.value(f"joinkey/{asked.joinkey}", f"rejected/{asked.section.removeprefix('device/')}"):
        raise Refused("join-rejected", "somebody who may decide that said no to this device")
    if labels and not any(matches(pattern, asked.label) for pattern in labels):
        raise Refused("label-not-listed", "this join key is for other hardware")
    if expires_s and not stamp.clock_trusted:
        raise Refused("clock-unknown", "this join key expires, and the master does not know the time yet")
    if expires_s and stamp.time_s >= expires_s:
        raise Refused("joinkey-expired", "this join key has expired")
    return rule


def _check_is_let_in(state: State, asked: Asked, rule: Sequence[Any], *, returns: bool) -> None:
    """Refuse what a person has to decide; a label is no credential, so alone it takes no place (A20)."""
    uses, mode, joinkey = rule[1], rule[4], asked.joinkey
    if not returns and same_label(state, asked.label):
        raise Refused(LABEL_KNOWN, "a member has this hardware label; somebody has to say which it is")
    if not returns and mode != "auto":
        raise Refused(APPROVAL_NEEDED, "this join key lets a device in only after somebody approved it")
    if state.derived(uses_key(joinkey)) >= uses:
        whom = "one device, which has joined" if uses == 1 else f"{uses} devices, which have joined"
        raise Refused(USED_UP, f"this join key was for {whom}; now somebody has to approve each")


def signed_by_both(asked: Asked, rule: Sequence[Any], request: Change) -> None:
    """Check that exactly the device and the join key signed, and that both signatures verify.

    Raises:
        Refused: ``missing-signatures`` or ``bad-signature``.
    """
    keys = {key_id(asked.public): asked.public, key_id(rule[0]): PublicKey(rule[0])}
    check_signatures(request, keys, "the device and the join key")


def check_signatures(request: Change, publics: Mapping[KeyId, PublicKey], who: str) -> None:
    """Check that exactly these keys signed a request.

    Raises:
        Refused: ``missing-signatures`` or ``bad-signature``.
    """
    if {s.key_id for s in request.signatures} != set(publics):
        raise Refused("missing-signatures", f"a request to join is signed by {who}")
    for signature in request.signatures:
        public = publics[signature.key_id]
        if not verify(public, CHANGE_LABEL, request.body.cluster, request.body_bytes, signature.signature):
            raise Refused("bad-signature", "a signature on the request to join does not verify")


def _added(change: Change, section: str, key: str, row: list[Any]) -> RecordWrite:
    """Make a record that the fold itself writes: its salt is the start of the change's id."""
    value = Value(change.id[:16], codec.pack(row))
    return RecordWrite(section, key, Record(value.data, value.hash, change.id, value.salt))


def is_device_key(state: State, key: KeyId) -> bool:
    """Tell whether a key id is an active device's."""
    holder = state.holder(key)
    return holder is not None and holder.kind is DEVICE and holder.active
