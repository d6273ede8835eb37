"""Entries that we would have written so: taken at once, and never where reading them would refuse (R2)."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dusk.changelog.entry import EntryKind, Outcome, OutcomeCode, sign_head
from dusk.changelog.log import Log, pack_entry_item, unpack_entry_item
from dusk.effects import ItemKind, LogItem
from dusk.errors import UntrustedInput
from dusk.ids import BootId, DeviceId, Seq
from tests.world import NO_REST, World


def _world() -> World:
    world = World()
    world.allow_joining()
    world.join("kitchen")
    world.commit(world.set("wifi", "wireless.radio0.channel", "6"))
    return world


WORLD = _world()
LAST, LAST_CHANGE = unpack_entry_item(WORLD.items[-2].data)


class Pedant(Log):
    """Reads and judges each part of an entry, and never compares it with its own."""

    def _take_expected(self, glanced: object, verified: object) -> None:
        """Expect nothing."""


def outcome(log: Log, items: Sequence[LogItem]) -> object:
    try:
        taken = log.extend(items)
    except UntrustedInput as error:
        return type(error), str(error), log.head, log.state.derived_hash
    return taken, log.head, log.state.derived_hash


@given(st.data())
def test_r2_an_entry_is_judged_the_same_part_by_part_and_by_its_bytes(data: st.DataObject) -> None:
    at = data.draw(st.sampled_from(range(len(WORLD.items))))
    item = bytearray(WORLD.items[at].data)
    item[data.draw(st.integers(0, len(item) - 1))] ^= data.draw(st.sampled_from([0, 1, 2, 128]))
    items = [*WORLD.items[:at], LogItem(WORLD.items[at].kind, bytes(item)), *WORLD.items[at + 1 :]]
    assert outcome(Log(WORLD.cluster), items) == outcome(Pedant(WORLD.cluster), items)


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_s": LAST.time_s + 1},
        {"clock_trusted": not LAST.clock_trusted},
        {"boot": BootId(b"other123")},
        {"derived": bytes(32)},
        {"sections": ()},
        {"epoch": LAST.epoch + 1},
        {"generation": 1},
        {"seq": Seq(LAST.seq + 1)},
        {"kind": EntryKind.GATE},
        {"writer": DeviceId(bytes(16))},
        {"outcome": Outcome(OutcomeCode.REJECTED, None, "no")},
    ],
)
def test_r2_of_an_entry_its_writer_chooses_the_run_and_the_time_alone(wrong: dict[str, Any]) -> None:
    entry = LAST._replace(**wrong)
    head = sign_head(WORLD.master, WORLD.cluster, entry.head, NO_REST)
    items = [*WORLD.items[:-2], pack_entry_item(entry, LAST_CHANGE), LogItem(ItemKind.HEAD, head.encode())]
    log, pedant = Log(WORLD.cluster), Pedant(WORLD.cluster)
    result = outcome(log, items)
    assert result == outcome(pedant, items)
    assert (log.head == entry.head) == (set(wrong) <= {"time_s", "clock_trusted", "boot"})
