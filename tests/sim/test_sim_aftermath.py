"""Whom people let in anew at the end of a run: who is known on no side that stands, and has said so (A45)."""

from types import SimpleNamespace
from typing import cast

import pytest

from dusk.sim.aftermath import turned_away
from dusk.sim.checks import Checks
from dusk.sim.device import Device
from dusk.sim.tree import Logged
from tests.plain_branches import Grove


def knowing(index: int, *others: int) -> Device:
    keys = {f"device {other}": b"key" for other in others}
    node = SimpleNamespace(log=SimpleNamespace(device_key=keys.get))
    return cast(Device, SimpleNamespace(index=index, device_id=f"device {index}", member=node))


@pytest.mark.parametrize(
    ("told", "known", "is_apart", "found"),
    [({1}, (), True, [1]), (set(), (), True, []), ({1}, (1,), True, []), ({1}, (), False, [])],
)
def test_a45_who_said_so_and_is_known_nowhere_else_is_let_in_anew(
    *, told: set[int], known: tuple[int, ...], is_apart: bool, found: list[int]
) -> None:
    grove = Grove((0, 1))
    fork = grove.grow(grove.trunk, grove.setting(grove.trunk, 1), on=(0, 1))
    ours = grove.grow(fork, grove.setting(fork, 2))
    heads: dict[int, Logged] = {0: ours, 1: grove.grow(fork, writer=1) if is_apart else fork}
    checks = SimpleNamespace(head_of=lambda device: heads[device.index], told_turned_away=told)
    devices = [knowing(0, 0, *known), knowing(1, 0, 1)]
    assert [device.index for device in turned_away(cast(Checks, checks), devices)] == found
