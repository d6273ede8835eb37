"""The plain model of the log takes what real nodes write."""

from dusk.changelog.log import unpack_entry_item
from dusk.effects import ItemKind
from dusk.ids import KeyId
from dusk.keys.signing import SigningKey
from dusk.sim.history import History
from dusk.sim.keyring import Keyring
from dusk.sim.tree import Logged
from tests.world import World


def _model_of(world: World, *devices: SigningKey) -> tuple[History, Logged]:
    """Show a model the whole log of a world in which only the owner and these devices sign."""
    keys = (world.owner, world.joinkey, world.master, *devices)
    keyring = Keyring(world.owner.key_id, world.joinkey.key_id, {key.key_id: key.public for key in keys})
    history, newest = History(keyring), None
    for item in world.items:
        if item.kind is ItemKind.ENTRY:
            _, change = unpack_entry_item(item.data)
            if change is not None and change.body.author == world.owner.key_id:
                keyring.note(change)
            newest = history.see(item)
    assert newest is not None, "a world has a log"
    return history, newest


def _says(world: World, device: SigningKey, row: tuple[str] | None) -> None:
    """Let a device say a fact that is called as the record of a device's name is."""
    edit = world.edit(f"device/{device.key_id.hex()}/facts", "name", row)
    world.write(world.change(edit, signers=(device,), device=device))


def _name(history: History, newest: Logged, device: KeyId) -> bytes | None:
    return history.records_at(newest)[f"device/{device.hex()}", "name"].data


def test_a_fact_that_is_called_name_takes_no_name_from_who_joins_and_may_go_again() -> None:
    world = World()
    world.allow_joining()
    liar = world.join("liar")
    _says(world, liar, ("wanted",))
    first = world.join("wanted")
    _says(world, liar, None)
    second = world.join("wanted")
    history, newest = _model_of(world, liar, first, second)
    assert newest.entry.seq == world.log.head.seq
    for device in (liar, first, second):
        real = world.log.state.record(f"device/{device.key_id.hex()}", "name")
        assert real is not None
        assert _name(history, newest, device.key_id) == real.data
