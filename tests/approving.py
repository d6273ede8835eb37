"""Changes by which people let devices in, as a client makes them."""

from collections.abc import Mapping, Sequence

from dusk import codec
from dusk.changelog.approval import HAND, request_row
from dusk.changelog.body import Change, Edit, Value, build_change
from dusk.changelog.sections import device_path
from dusk.ids import DeviceId
from dusk.keys.signing import SigningKey
from tests.world import World


def approve_mode(world: World, uses: int = 1, groups: Sequence[str] = (), rebind: str = "ask") -> str:
    """Make the join key's record, in the mode in which a person decides, and return its id."""
    name = world.joinkey.key_id.hex()
    rule: list[object] = [world.joinkey.public, uses, 0, groups, "approve", [], rebind, ""]
    world.commit(world.edit(f"joinkey/{name}", "rule", rule))
    return name


def asked_by_hand(world: World, device: SigningKey) -> Change:
    """Build a request of a device that a person logged in at: no join key signs."""
    rows = (("key", (device.public,)), ("label", ("02:aa",)), ("origin", (HAND, bytes(32), "router")))
    return build_change(
        cluster=world.cluster,
        device=DeviceId(device.key_id),
        counter=0,
        message="",
        edits=[Edit(device_path(device.key_id), key, codec.pack(row), None) for key, row in rows],
        signers=(device,),
        random_bytes=world.random.randbytes,
    )


def approval_edits(
    asked: Change, name: str = "porch", groups: Sequence[str] = ("aps",), **rows: object
) -> list[Edit]:
    """Return what an approval of a request writes; ``rows`` takes the place of single values."""
    section = device_path(asked.body.device)
    made: Mapping[str, object] = {"name": [name], "groups": [list(groups)], "request": request_row(asked)}
    edits = [
        Edit(section, o.key, None if value is None else value.data, None, value and value.salt)
        for o, value in zip(asked.body.operations, asked.values, strict=True)
    ]
    edits += [Edit(section, key, codec.pack(row), None) for key, row in {**made, **rows}.items() if row]  # type: ignore[arg-type]  # rows are arrays
    return edits


def changed(edits: Sequence[Edit], key: str, value: Value | None) -> list[Edit]:
    """Return edits with another value of one record."""
    data, salt = (None, None) if value is None else (value.data, value.salt)
    return [Edit(e.section, e.key, data, e.base, salt) if e.key == key else e for e in edits]
