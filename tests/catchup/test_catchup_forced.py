"""A checkpoint whose branch was forced above it, or later: fetched once, and judged again (R4)."""

import pytest

from dusk.catchup import chunks
from dusk.changelog.basis import plan_of
from dusk.changelog.foundation import pieces, read
from dusk.changelog.log import Log
from dusk.effects import LogItem
from tests.catchup.test_catchup_checkpoints import meet
from tests.catchup.test_catchup_refused import pieces_asked
from tests.changelog.test_adopting_roles import Parted, forced_above
from tests.streams import Member, at

pytestmark = pytest.mark.usefixtures("small_steps")


def _member(parted: Parted, data: bytes, items: list[LogItem]) -> Member:
    """Return the backup, whose log stands on the checkpoint."""
    world = parted.world
    log = Log(world.cluster, ground=read(data, world.cluster).ground)
    log.extend(items)
    server = Member(world.kitchen, log, items, world)
    server.foundation, server.plan = data, plan_of(read(data, None).head.seq, pieces(data))
    return server


def test_r4_what_owners_say_later_is_judged_without_fetching_the_checkpoint_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parted, data, before, after = forced_above()
    parted.go_on()
    server, asked = _member(parted, data, before), pieces_asked(monkeypatch)
    stale = Member(parted.mine.master, parted.mine.log, parted.mine.items, parted.mine)
    wires = meet(server, stale)
    once, head = len(asked), stale.head
    assert once > 0
    assert "undo what is final" in wires.texts("stale")
    server.log.extend(after)
    server.items[:] = after
    wires.tick(1000)
    wires.do("stale", stale.exchanges.catch_up(at("master"), wires.now))
    assert (len(asked), stale.head) == (once, parted.world.log.head)
    assert stale.head != head


def test_r4_a_role_in_a_later_chunk_counts_before_anything_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parted, data, _, after = forced_above()
    parted.go_on()
    assert chunks.size_bytes(after) > 2000
    monkeypatch.setattr("dusk.catchup.server.CHUNK_BYTES_MAX", 1000)
    server = _member(parted, data, after)
    stale = Member(parted.mine.master, parted.mine.log, parted.mine.items, parted.mine)
    meet(server, stale)
    assert stale.head == parted.world.log.head
