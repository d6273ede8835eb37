"""The word of a refusal reaches who asked, whichever way the change went."""

import pytest

from dusk.changelog.body import Change
from dusk.changelog.log import Log
from dusk.cycle import outbox
from dusk.cycle.messages import Answer, AnswerCode, Kind
from dusk.effects import ChangeState, Datagram, Progress
from dusk.ids import Seq
from dusk.keys.joinkey import JoinKey
from dusk.membership.joiner import Joiner
from tests.node.site import Box, Site
from tests.world import World


def _told(box: Box, change: Change) -> list[tuple[ChangeState, str]]:
    progress = [e for e in box.of(Progress) if isinstance(e, Progress) and e.change == change.id]
    return [(p.state, p.word) for p in progress]


@pytest.mark.parametrize("size_bytes", [10, 5000])
def test_a_member_learns_the_word_by_datagram_and_by_stream(size_bytes: int) -> None:
    site = Site(2)
    site.run(6.0)
    member = site.all[1]
    stranger = site.world.key()
    edit = site.world.set("wifi", "wireless.a.ssid", "x" * size_bytes)
    change = site.world.change(edit, signers=(stranger,), device=member.key)
    member.do(member.node.submit(change, site.now))
    site.run(3.0)
    assert _told(member, change) == [(ChangeState.QUEUED, ""), (ChangeState.REFUSED, "unknown-key")]


def test_at_the_master_the_word_comes_at_once() -> None:
    site = Site(1)
    site.until(lambda: site.master.node.leads, 3.0)
    change = site.world.change(site.world.set("wifi", "wireless.a.ssid", "x"), signers=(site.world.key(),))
    site.master.do(site.master.node.submit(change, site.now))
    site.run(0.1)
    assert _told(site.master, change)[-1] == (ChangeState.REFUSED, "unknown-key")


def test_a_superseded_change_has_its_word_in_the_outbox_and_in_the_log() -> None:
    site = Site(2)
    site.run(6.0)
    member = site.all[1]
    world = site.world
    late = world.change(world.set("wifi", "wireless.a.ssid", "late"), device=member.key)
    first = world.change(world.set("wifi", "wireless.a.ssid", "first"))
    site.master.do(site.master.node.submit(first, site.now))
    site.run(1.0)
    member.do(member.node.submit(late, site.now))
    site.run(10.0)
    assert _told(member, late)[-1] == (ChangeState.DURABLE, "superseded")
    known = member.node.progress(late.id)
    assert known is not None
    assert known.word == "superseded"


def _joiner(site: Site, at: str) -> Box:
    """Return a device that joins by a key that wants an owner's approval."""
    world = site.world
    key = world.key()
    join_key = JoinKey(world.cluster, world.named(), world.joinkey.seed, (f"{at}:3875",))
    box = Box(site, "10.0.0.99", site.world.master, world.replica(), [])
    box.key = key
    box.core = Joiner(
        join_key=join_key,
        device=key,
        log=Log(world.cluster),
        label="02:aa",
        wanted="attic",
        random_bytes=world.random.randbytes,
        now=site.now,
    )
    site.boxes[box.name] = box
    box.do(box.core.start(site.now))
    return box


def _ask_for_approval(world: World) -> None:
    world.joinkey = world.key()
    name = world.joinkey.key_id.hex()
    rule: tuple[object, ...] = (world.joinkey.public, 9, 0, [], "approve", [], "ask", "")
    world.commit(world.edit(f"joinkey/{name}", "rule", rule))


@pytest.mark.parametrize("at", ["10.0.0.0", "10.0.0.1"], ids=["the master", "a member"])
def test_a_joiner_that_needs_approval_is_pending_wherever_it_asked(at: str) -> None:
    site = Site(2, _ask_for_approval)
    site.run(6.0)
    joining = _joiner(site, at)
    site.run(4.0)
    assert isinstance(joining.core, Joiner)
    status = joining.core.status(site.now)
    assert status["role"] == "pending"
    assert "approval-needed" in status["reason"]


def test_a_stream_is_told_to_come_again_where_too_much_of_others_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(2)
    site.run(6.0)
    monkeypatch.setattr(outbox, "RELAYED_MAX", 0)
    joining = _joiner(site, "10.0.0.1")
    site.until(lambda: isinstance(joining.core, Joiner) and "no-answer" in joining.core.reason, 10.0)


def test_an_insiders_answer_does_not_make_a_change_forgotten() -> None:
    site = Site(3)
    site.run(6.0)
    member, liar = site.all[1:]
    change = site.world.change(site.world.set("wifi", "wireless.a.ssid", "x"), device=member.key)
    site.lost = lambda sender, to, _: (sender, to) == (member.name, site.master.name)
    member.do(member.node.submit(change, site.now))
    lie = Answer(change.id, AnswerCode.REFUSED, Seq(0), "no", "outside-grant")
    station = liar.node._rooms.station
    peer = station.peers.get(member.node.device_id)
    assert peer is not None
    member.give(Datagram(station.channel.seal_to(peer, Kind.ANSWER, lie.encode()), liar.address, None))
    assert member.node.waiting_changes() == (change.id,)
