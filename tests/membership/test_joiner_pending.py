"""A device that waits for a person: it says so, asks again, and is in soon after."""

from dusk.changelog.log import Log
from dusk.effects import Append, Restart, Tick
from dusk.ids import Seq
from dusk.keys.joinkey import JoinKey
from dusk.keys.signing import SigningKey
from dusk.limits import PENDING_ASK_S_MAX
from dusk.membership.joiner import Joiner
from tests.approving import approval_edits, approve_mode
from tests.streams import Wires, master
from tests.world import World


def _joiner(world: World, key: SigningKey) -> Joiner:
    chain = world.log.chain_at(1)
    assert chain is not None
    line = JoinKey(world.cluster, 0, Seq(1), chain, world.joinkey.seed, ("master",))
    return Joiner(
        join_key=line,
        device=key,
        log=Log(world.cluster),
        label="02:00:00:00:00:aa",
        wanted="attic",
        random_bytes=world.random.randbytes,
        now=100.0,
    )


def test_a19_a_pending_device_says_what_to_do_and_is_in_soon_after_somebody_approved_it() -> None:
    world, key = World(), SigningKey.from_seed(b"p" * 32)
    approve_mode(world)
    joiner, serving = _joiner(world, key), master(world)
    wires = Wires({"master": serving, "joiner": joiner})
    wires.do("joiner", joiner.start(wires.now))
    assert joiner.status(0.0)["role"] == "pending"
    assert joiner.status(0.0)["label"] == "02:00:00:00:00:aa"
    assert f"dusk device approve {key.key_id.hex()[:8]}" in joiner.refusal
    assert wires.of("joiner", Append) == []
    for _ in range(20):  # however long it waits
        wires.now += PENDING_ASK_S_MAX * 1.3
        wires.do("joiner", joiner.handle(Tick(), wires.now))
    request = joiner._request(bytes(32))
    world.commit(*approval_edits(request, name="porch", groups=("aps",)))
    serving.items = list(world.items)
    wires.now += PENDING_ASK_S_MAX * 1.3
    wires.do("joiner", joiner.handle(Tick(), wires.now))
    assert wires.of("joiner", Restart) == [Restart("joined")]
