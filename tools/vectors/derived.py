"""The derived numbers of a vector's log, counted beside the log (`specs/log.md`, 5)."""

from dusk import codec
from dusk.changelog import merkle
from dusk.changelog.approval import HAND
from dusk.changelog.body import Change
from dusk.changelog.state import counter_key, passed_key, uses_key
from dusk.ids import labelled_hash


def counted(derived: dict[str, int], change: Change) -> dict[str, int]:
    """Return the derived numbers that a change sets."""
    body, found = change.body, dict[str, int]()
    if body.counter:
        found[counter_key(body.author, body.device)] = body.counter
    signers = {signature.key_id for signature in change.signatures}
    for operation, value in zip(body.operations, change.values, strict=True):
        if operation.section == "passed" and operation.base is None and value is not None:
            for key in sorted(signers.intersection(codec.unpack(value.data, size_max=len(value.data))[-1])):
                name = passed_key(key)
                found[name] = found.get(name, derived.get(name, 0)) + 1
        if operation.key == "origin" and value is not None and body.operations[0].section != "trust":
            origin = codec.unpack(value.data, size_max=1024)[0]
            name = uses_key(origin)
            found |= {} if origin in ("genesis", HAND) else {name: found.get(name, derived.get(name, 0)) + 1}
    return found


def derived_hash(derived: dict[str, int]) -> bytes:
    """Return the hash of the derived state, computed from nothing."""
    root: merkle.Node | None = None
    for name, number in derived.items():
        digest = labelled_hash(b"dusk.derived", number.to_bytes(8, "big"))
        root = merkle.put(root, merkle.place_of(name.encode()), digest)
    return merkle.root_hash(root)
