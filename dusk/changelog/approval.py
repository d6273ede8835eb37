"""Devices that a person lets in: an ordinary change that carries the device's own request (A19).

Whoever approves signs for the name and the groups, and for nothing that the device says of itself:
key, label and origin are the values that the device signed, hash for hash. Who may approve is
for `authority` to say; here it is decided whether the request is one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from dusk import codec
from dusk.changelog.body import Change, Signature, Value, decode_body
from dusk.changelog.creation import (
    REQUESTED,
    check_signatures,
    known_rule,
    read_request,
    signed_by_both,
)
from dusk.changelog.kinds import is_device
from dusk.changelog.state import DerivedWrite, State, uses_key
from dusk.errors import Refused, UntrustedInput
from dusk.ids import key_id

REQUEST = "request"
"""The record of a device that only an approval writes."""
HAND = "hand"
"""The origin of a device that a person let in at the device itself, without a join key."""
RECORDS = frozenset((*REQUESTED, "name", "groups", REQUEST))
"""What an approval writes of a device: all of these, and nothing else of that section."""


class Made(NamedTuple):
    """A device that a change makes: by which join key (empty: none), and what groups that is for."""

    joinkey: str
    groups: frozenset[str]


NONE_MADE: Mapping[str, Made] = {}


def request_row(request: Change) -> list[Any]:
    """Return the value of record ``request``: the request without the values, which stand beside it."""
    return [request.body_bytes, [[s.key_id, s.signature] for s in request.signatures]]


def devices_made(state: State, change: Change) -> Mapping[str, Made]:
    """Judge the requests that a change carries.

    Returns:
        section → the device that is made; most changes make none.

    Raises:
        Refused: a request is none, or not one for this cluster under a join key that it knows.
    """
    sections = [o.section for o in change.body.operations if o.key == REQUEST and is_device(o.section)]
    return {section: _judge(state, change, section) for section in sections} if sections else NONE_MADE


def requests_in(unverified: Change) -> list[Change]:
    """Return the requests that a change carries, as far as they can be read; nothing is verified."""
    found = []
    pairs = list(zip(unverified.body.operations, unverified.values, strict=True))
    for section in [o.section for o, _ in pairs if o.key == REQUEST and is_device(o.section)]:
        values = {o.key: value for o, value in pairs if o.section == section}
        if values[REQUEST] is not None:
            body_bytes, signatures = _row(values[REQUEST])
            found.append(_request(body_bytes, signatures, values))
    return found


def uses_written(state: State, made: Mapping[str, Made]) -> Iterable[DerivedWrite]:
    """Return what approvals do to the uses of join keys: they count, and are not refused by them."""
    counts = Counter(uses_key(device.joinkey) for device in made.values() if device.joinkey)
    return [DerivedWrite(key, state.derived(key) + count) for key, count in sorted(counts.items())]


def _judge(state: State, change: Change, section: str) -> Made:
    pairs = zip(change.body.operations, change.values, strict=True)
    values = {o.key: value for o, value in pairs if o.section == section}
    if state.record(section, "key") is not None:
        raise Refused("device-exists", "a device with this key exists, or existed, in the cluster")
    if set(values) != RECORDS or None in values.values():
        raise Refused(
            "bad-request", f"{section}: an approval writes {', '.join(sorted(RECORDS))}, and no more"
        )
    body_bytes, signatures = _row(values[REQUEST])
    request = _request(body_bytes, signatures, values)
    if request.body.cluster != state.cluster or request.body.counter != 0:
        raise Refused("bad-request", f"{section}: the request is for another cluster")
    asked = read_request(state, request.body, request.values)
    if asked.section != section:
        raise Refused("bad-request", f"{section}: the request is another device's")
    if asked.joinkey == HAND:
        check_signatures(request, {key_id(asked.public): asked.public}, "the device alone")
        return Made("", frozenset())
    rule = known_rule(state, asked.joinkey)
    signed_by_both(asked, rule, request)
    return Made(asked.joinkey, frozenset(rule[3]))


def _request(
    unverified_body: bytes, signatures: Sequence[Sequence[bytes]], values: Mapping[str, Value | None]
) -> Change:
    """Put the request together again; the approver's values must be those that it names."""
    try:
        body = decode_body(unverified_body)
    except UntrustedInput as error:
        raise Refused("bad-request", f"the request is none: {error}") from None
    found = tuple(values.get(o.key) for o in body.operations)
    if any(v is None or v.hash != o.value_hash for o, v in zip(body.operations, found, strict=True)):
        raise Refused("bad-request", "what is approved is not what the device asked for")
    return Change(unverified_body, tuple(Signature._make(row) for row in signatures), found)


def _row(value: Value | None) -> list[Any]:
    assert value is not None, "none of the records is deleted"
    return codec.unpack(value.data, size_max=len(value.data))
