"""A device that comes back after a factory reset as what it was, without a person (`specs/log.md`, 7).

Owners made a join key whose rule says so, for hardware labels that it lists. A label is no credential
(A20), so more must hold: one member alone shows the label, it may not lead, and who wrote the entry
attests in it that the member was not heard for many cycles. What the writer says there is his word
alone, and he may lie. So a device that came back reads no secret until a person confirms it: that is what
record ``rebound`` says, which the fold writes here and a person deletes (R15).
"""

from collections.abc import Iterator

from dusk import codec, limits
from dusk.changelog import views
from dusk.changelog.body import Change, Value
from dusk.changelog.entry import Absent
from dusk.changelog.sections import device_path
from dusk.changelog.state import Record, RecordWrite, State
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId
from dusk.membership.names import decide_name

REBOUND = "rebound"
"""The record of a device that took another's place without a person: whose, until somebody confirms it."""
AUTO = "auto"
"""The rebind rule of a join key by which devices come back without a person."""


def returns_as(state: State, label: str, rebind: str) -> DeviceId | None:
    """Return the member in whose place a device would come back, if it is absent; None: a person decides.

    Args:
        state: what the log says.
        label: the hardware label that the device shows; its join key lists it.
        rebind: the rebind rule of that join key.
    """
    same = same_label(state, label) if rebind == AUTO else ()
    return same[0] if len(same) == 1 and same[0] not in views.succession(state) else None


def is_attested(absent: Absent | None, former: DeviceId) -> bool:
    """Tell whether a writer says of a member that it was not heard for long enough."""
    return absent is not None and absent.device == former and absent.cycles >= limits.ABSENT_CYCLES_MIN


def same_label(state: State, label: str) -> list[DeviceId]:
    """Return the active devices that say this hardware label is theirs, by id; of an empty one none."""
    known = state.device_labels().get(label, ()) if label else ()
    return sorted(DeviceId(bytes.fromhex(d)) for d in known if state.value(f"device/{d}", "retired") is None)


def place_taken(state: State, change: Change, former: DeviceId) -> tuple[RecordWrite, ...] | None:
    """Return what gives a device that asks the place of a member, and ends that; None if it is too much.

    Name, groups, settings, and what is assigned to it go over. Keys of secrets do not: each is for one
    section and its readers.
    """
    writes: list[RecordWrite] = []
    for section, key, row in _rows(state, change.body.device, former):
        writes.append(_written(change, section, key, row))
        if len(writes) > limits.RETURN_RECORDS_MAX:
            return None
    return tuple(writes)


_Row = tuple[str, str, list[object] | bytes | None]
"""Section, record, and its value, decoded or not; None deletes it."""


def _rows(state: State, new: DeviceId, old: DeviceId) -> Iterator[_Row]:
    member = views.member(state, old)
    assert member is not None, "whose label is known is a device with a name"
    groups = state.value(device_path(old), "groups")
    yield device_path(new), "name", [member.name]
    yield device_path(new), "groups", groups or [[]]
    yield device_path(new), REBOUND, [old]
    yield device_path(old), "retired", [True]
    yield device_path(old), "name", [decide_name(f"{member.name}-old", "", state.device_names())]
    for key, record in sorted(state.records(f"{device_path(old)}/config").items()):
        if not key.startswith("wrap/"):
            yield f"{device_path(new)}/config", key, record.data
    for path in state.sections("group/"):
        if state.value(path, f"member/{old.hex()}") is not None:
            yield path, f"member/{old.hex()}", None
            yield path, f"member/{new.hex()}", [True]
    for path in state.sections("assignment/"):
        row = state.value(path, "to")
        if row is not None and row[0] == "devices" and old.hex() in row[1]:
            others = set(row[1]) - {old.hex()}
            yield path, "to", [row[0], sorted({*others, new.hex()}), row[2]]


def _written(change: Change, section: str, key: str, row: list[object] | bytes | None) -> RecordWrite:
    """Make a record that the fold itself writes: its salt is the start of the change's id."""
    if row is None:
        return RecordWrite(section, key, Record(None, None, change.id))
    value = Value(change.id[:16], row if isinstance(row, bytes) else codec.pack(row))
    return RecordWrite(section, key, Record(value.data, value.hash, change.id, value.salt))


def asks_as(state: State, unverified: Change) -> DeviceId | None:
    """Return the member whose place a request to join would get if that is absent, by its join key's rule."""
    rows = {}
    try:
        for operation, value in zip(unverified.body.operations, unverified.values, strict=True):
            if value is not None:
                rows[operation.key] = codec.unpack(value.data, size_max=len(value.data))
        label, joinkey = rows["label"][0], rows["origin"][0]
    except (UntrustedInput, KeyError, IndexError):  # a hostile leader may have written it as rejected
        return None
    rule = state.value(f"joinkey/{joinkey}", "rule")
    return None if rule is None else returns_as(state, str(label), rule[6])
