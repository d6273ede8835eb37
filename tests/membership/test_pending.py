"""Who waits for a person: bounded, in memory, gone when nobody asks any more (A19, R10, R12)."""

import pytest

from dusk import limits
from dusk.changelog.body import Change
from dusk.errors import UntrustedInput
from dusk.ids import DeviceId
from dusk.limits import PENDING_MAX, PENDING_PER_KEY_MAX, PENDING_S_MAX
from dusk.membership.pending import PendingList, pending_of, still_waiting
from tests.approving import approval_edits, approve_mode, changed
from tests.world import World

WHY = "approval-needed"


def ids(waiting: PendingList, world: World, now: float = 0.0) -> list[DeviceId]:
    return [pending.device for pending in waiting.current(world.log.state, now)]


def test_a_request_is_shown_with_what_it_says_and_repeated_it_is_one() -> None:
    world, waiting = World(), PendingList()
    name, key = approve_mode(world), world.key()
    waiting.put(world.request(key, wanted="porch", label="02:bb"), WHY, 5.0)
    newer = world.request(key, wanted="shed", label="02:bb")
    waiting.put(newer, WHY, 9.0)
    (pending,) = waiting.current(world.log.state, 9.0)
    assert (pending.device, pending.joinkey, pending.why) == (DeviceId(key.key_id), name, WHY)
    assert (pending.label, pending.wanted, pending.request) == ("02:bb", "shed", newer)
    assert (pending.since, pending.seen_at) == (5.0, 9.0)


def test_who_asks_no_more_waits_no_more() -> None:
    world, waiting = World(), PendingList()
    approve_mode(world)
    waiting.put(world.request(world.key()), WHY, 0.0)
    assert len(ids(waiting, world, PENDING_S_MAX - 1)) == 1
    assert ids(waiting, world, PENDING_S_MAX) == []


def test_who_was_let_in_or_turned_away_and_whose_key_ended_waits_no_more() -> None:
    world, waiting = World(), PendingList()
    name = approve_mode(world)
    requests = [world.request(world.key()) for _ in range(3)]
    for request in requests:
        waiting.put(request, WHY, 0.0)
    told = waiting.current(world.log.state, 0.0)
    world.commit(*approval_edits(requests[0]))
    world.commit(world.edit(f"joinkey/{name}", f"rejected/{requests[1].body.device.hex()}", (True,)))
    assert ids(waiting, world) == [requests[2].body.device]
    assert [p.device for p in still_waiting(world.log.state, told)] == [requests[2].body.device]
    world.commit(world.edit(f"joinkey/{name}", "revoked", (True,)))
    assert ids(waiting, world) == []


def test_a19_a_leaked_key_fills_its_own_part_and_the_oldest_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (PENDING_PER_KEY_MAX, PENDING_MAX) == (256, 1024)
    monkeypatch.setattr(limits, "PENDING_PER_KEY_MAX", 3)
    monkeypatch.setattr(limits, "PENDING_MAX", 4)
    world, waiting = World(), PendingList()
    approve_mode(world)
    honest = world.request(world.key())
    waiting.put(honest, WHY, 0.0)
    leaked, world.joinkey = world.joinkey, world.key()
    approve_mode(world)
    flood = [world.request(world.key()) for _ in range(5)]
    for request in flood:
        waiting.put(request, WHY, 1.0)
    assert set(ids(waiting, world)) == {honest.body.device, *(r.body.device for r in flood[2:])}
    world.joinkey = leaked
    more = [world.request(world.key()) for _ in range(2)]
    for request in more:
        waiting.put(request, WHY, 2.0)
    assert set(ids(waiting, world)) == {r.body.device for r in (*flood[3:], *more)}


def test_a45_devices_of_an_approval_that_stands_without_effect_wait_again() -> None:
    world, waiting = World(), PendingList()
    approve_mode(world)
    requests = [world.request(world.key()) for _ in range(2)]
    edits = [e for n, r in enumerate(requests) for e in approval_edits(r, name=f"ap-{n}")]
    waiting.keep_stranded(world.change(*edits), "name-taken", 1.0)
    assert set(ids(waiting, world, 1.0)) == {r.body.device for r in requests}
    third = world.request(world.key())
    waiting.keep_stranded(third, "joinkey-revoked", 1.0)
    assert len(ids(waiting, world, 1.0)) == 2
    waiting.keep_stranded(third, "joinkey-used-up", 1.0)
    assert len(ids(waiting, world, 1.0)) == 3


def test_a45_what_cannot_be_read_of_a_change_without_effect_is_let_be() -> None:
    world, waiting = World(), PendingList()
    approve_mode(world)
    request = world.request(world.key())
    for edits in (
        approval_edits(request, request=[b"junk", [[bytes(16), bytes(64)]]]),
        changed(approval_edits(request), "request", None),
        changed(approval_edits(request), "label", None),
        [world.set("wifi", "wireless.radio0.channel", "6")],
    ):
        waiting.keep_stranded(world.change(*edits), "bad-value", 1.0)
    assert waiting._waiting == {}


def test_a17_what_is_not_formed_as_a_request_is_none() -> None:
    world = World()
    approve_mode(world)
    request = world.request(world.key())
    for unverified in (
        world.change(world.edit("nowhere", "x", (1,)), counter=1),
        world.change(world.edit("cluster", "name", ("x",)), counter=1),
        world.change(world.edit("cluster", "name", None), counter=1),
        Change(request.body_bytes, request.signatures, (None, *request.values[1:])),
    ):
        with pytest.raises(UntrustedInput):
            pending_of(unverified, WHY, 0.0, 0.0)
