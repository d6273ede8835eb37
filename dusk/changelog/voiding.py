"""What owners say of a key that was in a thief's hands: which changes count no more (A23).

A *void* names the key, since when, and the changes; its other operations put back what these wrote. It
is a change of the owners like any other, in an entry of a kind of its own: which values are put
back is spelt out in it and signed, and the bases say on top of what (`undoing` works them out). So
the log stays what it is, and whoever holds it comes to the same state, with or without the old values.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from dusk import codec
from dusk.changelog.body import Change
from dusk.changelog.kinds import VOIDS
from dusk.changelog.sections import VOIDED_PER_RECORD_MAX
from dusk.changelog.state import State
from dusk.errors import Refused
from dusk.ids import ChainHash, ChangeId, KeyId, Seq

PART = "part/"


class Voided(NamedTuple):
    """One record of a void: since which position, as its log has it, and which changes."""

    since: Seq
    chain: ChainHash
    changes: tuple[ChangeId, ...]


class Void(NamedTuple):
    """A void: of which key, and what it says."""

    key: KeyId
    said: Voided


def void_path(key: KeyId) -> str:
    """Return the section that lists what is void of a key."""
    return f"{VOIDS}{key.hex()}"


def voided_row(voided: Voided) -> bytes:
    """Return the value of a record of a void."""
    assert len(voided.changes) <= VOIDED_PER_RECORD_MAX
    return codec.pack((voided.since, voided.chain, voided.changes))


def check_void(state: State, change: Change) -> None:
    """Check the form of a void, whose signatures are judged as ever.

    Raises:
        Refused: ``bad-value``, or ``still-active``: the key must have ended before, and not begin anew.
    """
    said = [o for o in change.body.operations if o.section.startswith(VOIDS)]
    if len(said) != 1 or said[0].value_hash is None or said[0].base is not None:
        raise Refused("bad-value", "a void has one record of its own, which is new")
    name = KeyId(bytes.fromhex(said[0].section.removeprefix(VOIDS)))
    holder = state.holder(name)
    if holder is None:
        return
    again = {(f"user/{holder.name}", "disabled"), ("trust", f"owner/{holder.name}")}
    if holder.active or any((o.section, o.key) in again for o in change.body.operations):
        raise Refused(
            "still-active", f"{holder.name} may still sign: that ends first, in a change of its own"
        )


def said_by(change: Change) -> Voided:
    """Return what a void says that stands in the log."""
    pairs = zip(change.body.operations, change.values, strict=True)
    (data,) = [value.data for o, value in pairs if value is not None and o.section.startswith(VOIDS)]
    return _said(codec.unpack(data, size_max=len(data)))


def _said(row: list[Any]) -> Voided:
    since, chain, changes = row
    return Voided(Seq(since), ChainHash(chain), tuple(map(ChangeId, changes)))


def voids_in(state: State) -> Mapping[ChangeId, Void]:
    """Return each void by its change's id."""
    found: dict[ChangeId, Void] = {}
    for section in state.sections(VOIDS):
        name = KeyId(bytes.fromhex(section.removeprefix(VOIDS)))
        for key, record in state.records(section).items():
            row = state.value(section, key)
            assert row is not None, "it has a value"
            found[record.base] = Void(name, _said(row))
    return found


def voided_by(
    voids: Mapping[ChangeId, Void], position_of: Callable[[ChangeId], Seq | None]
) -> Mapping[ChangeId, ChangeId]:
    """Return change → the void that lists it; one that is itself void lists nothing any more.

    Args:
        voids: as of `voids_in`.
        position_of: where each stands in the log.
    """
    found: dict[ChangeId, ChangeId] = {}
    for void in sorted(voids, key=lambda one: position_of(one) or 0, reverse=True):
        if void not in found:
            found.update((change, void) for change in voids[void].said.changes)
    return found
