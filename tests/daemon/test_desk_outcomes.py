"""What a person is told became of a change that makes this router lead."""

from collections.abc import Sequence
from typing import cast

import pytest
import trio

from dusk import codec
from dusk.changelog.body import Change, Edit, build_change
from dusk.changelog.log import Log
from dusk.changelog.recovering import JOINS, RECOVERY
from dusk.daemon import desk as desk_module
from dusk.daemon.answers import Answers
from dusk.daemon.core import Core
from dusk.daemon.desk import DaemonDesk
from dusk.daemon.drafts import Drafts
from dusk.daemon.sessions import Sessions
from dusk.daemon.tickets import Tickets
from dusk.effects import ChangeState, Effect, Progress
from dusk.errors import Refused
from dusk.ids import ChangeId, Seq
from tests.holders import id_of
from tests.world import World

HEAD = bytes(range(32))


class Leaver:
    """A node that leads by what it is given, and goes over to another history before anybody asks again."""

    def __init__(self, log: Log) -> None:
        self.log, self.device_id, self.leads = log, bytes(16), True
        self._placed: dict[ChangeId, Progress] = {}

    def submit(self, change: Change, now: float) -> list[Effect]:
        return self.force_role(change, now)

    def force_role(self, change: Change, _now: float) -> list[Effect]:
        self._placed[change.id] = Progress(change.id, ChangeState.QUEUED, Seq(7), "")
        return []

    def progress(self, change: ChangeId) -> Progress | None:
        return self._placed.pop(change, None)

    def online(self, _now: float) -> tuple[int, ...]:
        return (1, 2)


class NoDisk:
    """A loop whose node is never thrown away, and whose disk has room."""

    def __init__(self, node: Leaver) -> None:
        self.node, self.storage, self.files = node, self, self

    def check_room(self, *_sizes: int) -> None: ...

    def add(self, _effects: Sequence[Effect]) -> None: ...

    async def quiet(self) -> None: ...


def _leaving(
    key: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> tuple[Change, Leaver, Tickets, DaemonDesk]:
    """Return a change that writes one record, who leads by it, and the desk that hands it in."""
    world, tickets = World(), Tickets()
    leaver = Leaver(world.log)
    monkeypatch.setattr(desk_module, "Node", Leaver)
    change = build_change(
        cluster=world.cluster,
        device=id_of(world.master),
        counter=1,
        message="",
        edits=[Edit(*key, codec.pack([HEAD]), None)],
        signers=(world.owner,),
        random_bytes=world.random.randbytes,
    )
    desk = DaemonDesk(
        cast("Core", NoDisk(leaver)),
        cast("Sessions", None),
        tickets,
        cast("Drafts", None),
        cast("Answers", None),
        addresses=tuple,
        alarms=tuple,
    )
    return change, leaver, tickets, desk


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (JOINS, {"result": {"seq": 7, "state": "local", "missing": ""}}),
        (RECOVERY, {"error": {"code": "refused", "message": "the change was refused and is forgotten"}}),
    ],
)
async def test_a37_what_gave_a_side_up_is_done_once_that_is_gone_and_anything_else_was_refused(
    key: tuple[str, str], told: dict[str, dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    change, _, tickets, desk = _leaving(key, monkeypatch)
    async with trio.open_nursery() as nursery:
        await nursery.start(tickets.run)
        ticket = desk.force_role(change, 5.0, {})
        while not (answer := desk.poll(ticket))["done"]:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    answer.get("result", {}).pop("hash", None)
    assert {name: answer[name] for name in told} == told


@pytest.mark.parametrize("method", ["submit", "force_role"])
async def test_where_too_much_is_under_way_nothing_was_handed_in(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, leaver, _, desk = _leaving(RECOVERY, monkeypatch)
    monkeypatch.setattr("dusk.daemon.tickets.TICKETS_MAX", 0)
    with pytest.raises(Refused) as refusal:
        getattr(desk, method)(change, 5.0, {})
    assert (refusal.value.code, leaver.progress(change.id)) == ("busy", None)
