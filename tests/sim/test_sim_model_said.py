"""The simulator's own model tells what a leader promises from what a device passes on (R8)."""

from unittest.mock import Mock

import pytest

from dusk.cycle.messages import CHAIN_PREFIX_BYTES, Kind
from dusk.effects import Link, SendMulticast
from dusk.ids import Seq
from dusk.node import Node
from dusk.sim.broken import RuleBroken
from dusk.sim.wire import Said
from tests.plain_branches import Grove


def _says(grove: Grove, index: int, said: Said) -> None:
    """Let a device that leads by the end of its round multicast something."""
    device, checks = grove.devices[index], grove.checks
    device.node = Mock(spec=Node, leads=True)
    checks.read = Mock(return_value=said)  # type: ignore[method-assign]  # what it says is all that counts here
    checks.sending(device, SendMulticast(b"sealed", Link("lan", 4)))


def test_who_leads_by_the_end_of_a_round_may_have_passed_on_data_of_another_at_its_beginning() -> None:
    grove = Grove((0, 1))
    given = grove.grow(grove.trunk, grove.setting(grove.trunk, 1))
    _says(grove, 1, Said(Kind.DATA, given.seq, given.chain[:CHAIN_PREFIX_BYTES]))


def test_a_start_about_what_another_alone_has_is_caught_r8() -> None:
    grove = Grove((0, 1))
    given = grove.grow(grove.trunk, grove.setting(grove.trunk, 1))
    with pytest.RaisesExc(RuleBroken, match=r"^R8:"):
        _says(grove, 1, Said(Kind.START, given.seq, given.chain))


def test_data_of_what_is_on_no_disk_is_caught_r8() -> None:
    grove = Grove((0, 1))
    with pytest.RaisesExc(RuleBroken, match=r"^R8:"):
        _says(grove, 1, Said(Kind.DATA, Seq(grove.trunk.seq + 1), bytes(CHAIN_PREFIX_BYTES)))
