"""What the plain model lets a device take over that comes back as an absent member (A20)."""

from collections.abc import Iterator
from typing import Any, Protocol

from dusk import codec
from dusk.changelog.body import Change
from dusk.sim.tree import Held, Place


class Records(Protocol):
    """A branch's records."""

    @property
    def records(self) -> dict[Place, Held]:
        """What stands at each place, deleted ones included."""


def place_of(plain: Records, change: Change, former: str) -> dict[Place, Held]:
    """Return what is written where a device takes the place of a member, by that one's section."""
    new, old = f"device/{change.body.device.hex()}", former
    return {place: Held(data, change.id) for place, data in _rows(plain.records, new, old)}


def _rows(records: dict[Place, Held], new: str, old: str) -> Iterator[tuple[Place, bytes | None]]:
    name = _said(records, (old, "name"))[0]
    taken = {
        _said(records, place)[0]
        for place, held in records.items()
        if place[1] == "name" and place[0].startswith("device/") and place[0].count("/") == 1 and held.data
    }
    names = (f"{name}-old", *(f"{name}-old-{n}" for n in range(2, 99)))
    yield (new, "name"), codec.pack([name])
    yield (new, "groups"), codec.pack(_said(records, (old, "groups")))
    yield (new, "rebound"), codec.pack([bytes.fromhex(old.removeprefix("device/"))])
    yield (old, "retired"), codec.pack([True])
    yield (old, "name"), codec.pack([next(one for one in names if one not in taken)])
    here, there = (section.removeprefix("device/") for section in (old, new))
    for (section, key), held in records.items():
        if held.data is None:
            continue
        if section == f"{old}/config":
            yield (f"{new}/config", key), held.data
        if section.startswith("group/") and key == f"member/{here}":
            yield (section, key), None
            yield (section, f"member/{there}"), codec.pack([True])
        row = _said(records, (section, key)) if section.startswith("assignment/") else ["all"]
        if row[0] == "devices" and here in row[1]:
            listed = sorted({there if one == here else one for one in row[1]})
            yield (section, key), codec.pack([row[0], listed, row[2]])


def _said(records: dict[Place, Held], place: Place) -> list[Any]:
    data = records[place].data
    assert data is not None, "it stands there"
    return codec.unpack(data, size_max=len(data))
