"""The creation of a device in the log: the joiner's own request, under a join key (`specs/joining.md`).

It can only make a device id that never existed. Name and groups are not the device's to
choose: the fold takes the groups from the join key's rule and decides the name, so they are
the same on every replica.
"""

from typing import Any

from dusk import codec
from dusk.changelog.body import CHANGE_LABEL, Change, Value
from dusk.changelog.entry import APPLIED, Stamp
from dusk.changelog.holders import DEVICE
from dusk.changelog.state import DerivedWrite, Record, RecordWrite, State, uses_key
from dusk.changelog.verdict import Verdict, written
from dusk.errors import Refused
from dusk.ids import KeyId, PublicKey, key_id
from dusk.keys.signing import verify
from dusk.membership.names import decide_name

_REQUESTED = ("key", "label", "origin")


def judge_creation(state: State, change: Change, stamp: Stamp) -> Verdict:
    """Judge a change without a counter: a device asks to be made.

    Raises:
        Refused: not a creation as a join key allows it; the code says which rule.
    """
    body = change.body
    section = f"device/{body.device.hex()}"
    if body.author != KeyId(body.device) or sorted((o.section, o.key) for o in body.operations) != [
        (section, key) for key in _REQUESTED
    ]:
        raise Refused("bad-request", "a change without a number must be a device's request to join")
    if any(o.base is not None for o in body.operations):
        raise Refused("bad-request", "a request to join replaces nothing")
    if state.record(section, "key") is not None:
        raise Refused("device-exists", "a device with this key exists, or existed, in the cluster")
    if state.holder(body.author) is not None:
        raise Refused("bad-request", "the device's key is a person's or a join key's")
    values = {o.key: _row(v) for o, v in zip(body.operations, change.values, strict=True)}
    public, (origin, _handshake, wanted) = PublicKey(values["key"][0]), values["origin"]
    if key_id(public) != KeyId(body.device):
        raise Refused("bad-request", "the device's id is not that of its key")
    rule = _usable_rule(state, origin, values["label"][0], stamp)
    _check_signatures(change, {body.author: public, KeyId(bytes.fromhex(origin)): PublicKey(rule[0])})
    name = decide_name(wanted, rule[7], state.device_names())
    return Verdict(
        APPLIED,
        (
            *(written(o, v, change.id) for o, v in zip(body.operations, change.values, strict=True)),
            _added(change, section, "name", [name]),
            _added(change, section, "groups", [rule[3]]),
        ),
        (DerivedWrite(uses_key(origin), state.derived(uses_key(origin)) + 1),),
    )


def _row(value: Value | None) -> list[Any]:
    if value is None:
        raise Refused("bad-request", "a request to join deletes nothing")
    return codec.unpack(value.data, size_max=len(value.data))


def _usable_rule(state: State, joinkey: str, label: str, stamp: Stamp) -> list[Any]:
    """Return the join key's rule if it lets this device in now."""
    rule = state.value(f"joinkey/{joinkey}", "rule")
    if rule is None:
        raise Refused("unknown-joinkey", "the cluster does not know this join key")
    _public, uses, expires_s, _groups, mode, labels, _rebind, _template = rule
    if state.value(f"joinkey/{joinkey}", "revoked") is not None:
        raise Refused("joinkey-revoked", "this join key was revoked")
    if mode != "auto":
        raise Refused("approval-needed", "this join key lets a device in only after an owner approved it")
    if state.derived(uses_key(joinkey)) >= uses:
        whom = "one device, which has joined" if uses == 1 else f"{uses} devices, which have joined"
        raise Refused("joinkey-used-up", f"this join key was for {whom}")
    if labels and not any(matches(pattern, label) for pattern in labels):
        raise Refused("label-not-listed", "this join key is for other hardware")
    if expires_s and not stamp.clock_trusted:
        raise Refused("clock-unknown", "this join key expires, and the master does not know the time yet")
    if expires_s and stamp.time_s >= expires_s:
        raise Refused("joinkey-expired", "this join key has expired")
    return rule


def matches(pattern: str, label: str) -> bool:
    """Tell whether a pattern is for a label: ``*`` is any text, ``?`` one character, all else itself.

    At most one step for each pair of characters, whatever the pattern (R10).
    """
    at, here, star, behind = 0, 0, -1, 0
    while here < len(label):
        if at < len(pattern) and pattern[at] == "*":
            star, behind = at, here
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", label[here]):
            at += 1
            here += 1
        elif star >= 0:
            behind += 1
            at, here = star + 1, behind
        else:
            return False
    return not pattern[at:].strip("*")


def _check_signatures(change: Change, publics: dict[KeyId, PublicKey]) -> None:
    """Exactly the device and the join key sign, and both signatures verify."""
    if {s.key_id for s in change.signatures} != set(publics):
        raise Refused("missing-signatures", "a request to join is signed by the device and the join key")
    for signature in change.signatures:
        public = publics[signature.key_id]
        if not verify(public, CHANGE_LABEL, change.body.cluster, change.body_bytes, signature.signature):
            raise Refused("bad-signature", "a signature on the request to join does not verify")


def _added(change: Change, section: str, key: str, row: list[Any]) -> RecordWrite:
    """Make a record that the fold itself writes: its salt is the start of the change's id."""
    value = Value(change.id[:16], codec.pack(row))
    return RecordWrite(section, key, Record(value.data, value.hash, change.id, value.salt))


def is_device_key(state: State, key: KeyId) -> bool:
    """Tell whether a key id is an active device's."""
    holder = state.holder(key)
    return holder is not None and holder.kind is DEVICE and holder.active
