"""Devices that a person lets in (log.md, 7, *Approval*)."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from tests.vectors.reader import changes
from tests.vectors.reader.changes import Change
from tests.vectors.reader.keys import key_id, labelled
from tests.vectors.reader.packing import Decoded, Refused, need
from tests.vectors.reader.state import State

ASKED = {"key", "label", "origin"}
Made = dict[str, set[str]]
"""Section of a device that a change makes -> the groups of its join key."""


def made(
    state: State,
    cluster: bytes,
    change: Change,
    values: list[Decoded | None],
    check_signature: Callable[[Change, bytes, bytes], None],
) -> Made:
    """Judge the requests that a change carries, in its order."""
    found: Made = {}
    for one in change.body.operations:
        if one.key == "request" and one.section.startswith("device/") and "/" not in one.section[7:]:
            rows = zip(change.body.operations, change.values, values, strict=True)
            said = {each.key: (raw, value) for each, raw, value in rows if each.section == one.section}
            found[one.section] = _made(state, cluster, said, one.section, check_signature)
    return found


def _made(
    state: State,
    cluster: bytes,
    said: dict[str, tuple[Any, Decoded | None]],
    path: str,
    check_signature: Callable[[Change, bytes, bytes], None],
) -> set[str]:
    need(state.base(path, "key") is None, "device-exists")
    need(set(said) == {*ASKED, "name", "groups", "request"}, "bad-request")
    need(all(value is not None for _, value in said.values()), "bad-request")
    row = {key: list(value or ()) for key, (_, value) in said.items()}
    request = _request(row["request"], {key: raw for key, (raw, _) in said.items()})
    body, device = request.body, bytes.fromhex(path[7:])
    need((body.cluster, body.counter) == (cluster, 0), "bad-request")
    need((body.author, body.device) == (device, device), "bad-request")
    need({(one.section, one.key) for one in body.operations} == {(path, key) for key in ASKED}, "bad-request")
    need(all(one.base is None for one in body.operations), "bad-request")
    need(device not in state.subjects() and key_id(row["key"][0]) == device, "bad-request")
    keys, groups = {device: row["key"][0]}, set()
    if row["origin"][0] != "hand":
        rule = state.get(f"joinkey/{row['origin'][0]}", "rule")
        need(rule is not None, "unknown-joinkey")
        need(state.get(f"joinkey/{row['origin'][0]}", "revoked") is None, "joinkey-revoked")
        assert rule is not None
        keys[key_id(rule[0])], groups = rule[0], set(rule[3])
    need({signer for signer, _ in request.signatures} == set(keys), "missing-signatures")
    for signer, public in keys.items():
        check_signature(request, signer, public)
    return groups


def _request(row: list[Any], raw: dict[str, Any]) -> Change:
    body_bytes, signatures = row
    try:
        body = changes.body(body_bytes)
    except Refused:
        raise Refused("bad-request") from None
    for one in body.operations:
        value = raw.get(one.key)
        need(value is not None, "bad-request")
        assert value is not None
        need(labelled("dusk.value", value.salt, value.data) == one.value_hash, "bad-request")
    signed = [(signer, signature) for signer, signature in signatures]
    return Change(labelled("dusk.change", body_bytes), body, signed, b"", [])


def count(after: State, found: Made) -> None:
    """Let each device count as a use of its join key."""
    origins = Counter(origin[0] for path in found if (origin := after.get(path, "origin")))
    for joinkey, number in origins.items():
        if joinkey != "hand":
            after.derived[f"uses/{joinkey}"] = after.derived.get(f"uses/{joinkey}", 0) + number


def has_twin(state: State, label: str) -> bool:
    """Whether an active device has a label that says something."""
    devices = (path for path in state.sections if path.startswith("device/") and path.count("/") == 1)
    return bool(label) and any(
        (state.get(path, "label") or [""])[0] == label and state.get(path, "retired") is None
        for path in devices
    )


Get = Callable[[str, str], Decoded | None]
"""Gives what a record has: by the state, or by it and a change on top."""


def groups_of(get: Get, sections: Iterable[str], device: str) -> set[str]:
    """The groups that a device is in, by its own record and by theirs."""
    own = get(f"device/{device}", "groups")
    groups = {path[6:] for path in sections if path.startswith("group/")}
    return set(own[0] if own else ()) | {g for g in groups if get(f"group/{g}", f"member/{device}")}
