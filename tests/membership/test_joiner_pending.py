"""Who waits for a person says so, asks again, and is in soon after; who may lead waits for no group key."""

from dusk.changelog.log import Log
from dusk.effects import Append, Restart, StoreFile, Tick
from dusk.keys.joinkey import JoinKey
from dusk.keys.signing import SigningKey
from dusk.limits import PENDING_ASK_S_MAX
from dusk.membership.joiner import Joiner
from tests.approving import approval_edits, approve_mode
from tests.streams import Wires, master
from tests.world import World


def _joiner(world: World, key: SigningKey) -> Joiner:
    line = JoinKey(world.cluster, world.named(), world.joinkey.seed, ("master",))
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


def test_who_alone_may_lead_and_lost_its_disk_needs_no_group_key_that_nobody_else_has() -> None:
    world = World()
    world.allow_joining()
    key, other = world.join(), world.join()
    world.commit(world.edit("cluster", "succession", [[key.key_id]]))
    reasons = []
    for device, restarts in ((key, [Restart("joined")]), (other, [])):
        serving, joiner = master(world), _joiner(world, device)
        serving.ring = b""
        wires = Wires({"master": serving, "joiner": joiner})
        wires.do("joiner", joiner.start(wires.now))
        assert wires.of("joiner", Restart) == restarts
        assert wires.of("joiner", StoreFile) == []
        reasons.append(joiner.reason)
    assert reasons[1] == "the member has no group key yet"
