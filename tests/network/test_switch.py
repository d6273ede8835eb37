"""The switch that other tests stand on carries what hosts send, and spoils it as its seed says."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dusk.demo.net import NetworkError
from tests.network.cluster import ends_within
from tests.network.harness import run_python
from tests.network.switch import Fabric, Strength, fate
from tests.network.test_harness import _exchange
from tests.network.wiring import Switch, TapNetwork, between

ALL = Strength(loss=0.2, double=0.3, late=0.4, late_s_max=0.05)
EVERYBODY = b"\xff" * 6
ONE, TWO = b"\x02\0\0\0\0\1", b"\x02\0\0\0\0\2"
FRAMES = 4000


def _fates(seed: int, pair: tuple[int, int]) -> list[tuple[float, ...]]:
    return [fate(seed, pair, number, ALL) for number in range(FRAMES)]


def test_the_fate_of_a_frame_follows_from_seed_way_and_number_alone() -> None:
    assert _fates(7, (1, 2)) == _fates(7, (1, 2))
    assert _fates(7, (1, 2)) != _fates(7, (2, 1))
    assert _fates(7, (1, 2)) != _fates(8, (1, 2))


def test_faults_are_as_frequent_as_their_strength_says() -> None:
    fates = _fates(7, (1, 2))
    arrived = [one for one in fates if one]
    copies = [delay_s for one in arrived for delay_s in one]
    assert len(arrived) / len(fates) == pytest.approx(0.8, abs=0.03)
    assert sum(1 for one in arrived if len(one) == 2) / len(arrived) == pytest.approx(0.3, abs=0.03)
    assert sum(1 for delay_s in copies if delay_s) / len(copies) == pytest.approx(0.4, abs=0.03)
    assert max(copies) < ALL.late_s_max
    assert {fate(7, (1, 2), number, Strength()) for number in range(FRAMES)} == {(0.0,)}


def _given(fabric: Fabric, now: float) -> list[tuple[int, bytes]]:
    return list(fabric.due(now))


def test_who_was_heard_gets_what_is_for_him_and_what_is_for_all_goes_to_all_others() -> None:
    fabric = Fabric(7, (1, 2, 3))
    to_all, back = EVERYBODY + ONE + b"who is it", ONE + TWO + b"me"
    fabric.take(1, to_all, 0.0)
    assert _given(fabric, 0.0) == [(2, to_all), (3, to_all)]
    fabric.take(2, back, 0.0)
    assert _given(fabric, 0.0) == [(1, back)]
    unknown = b"\x02\0\0\0\0\3" + ONE + b"hello"
    fabric.take(1, unknown, 0.0)
    assert _given(fabric, 0.0) == [(2, unknown), (3, unknown)]


def test_a_way_can_be_cut_in_one_direction() -> None:
    fabric = Fabric(7, (1, 2))
    fabric.change({"cuts": [[1, 2]]})
    fabric.take(1, EVERYBODY + ONE, 0.0)
    fabric.take(2, EVERYBODY + TWO, 0.0)
    assert _given(fabric, 0.0) == [(1, EVERYBODY + TWO)]
    assert fabric.counts["cut"] == 1
    fabric.change({"cuts": []})
    fabric.take(1, EVERYBODY + ONE, 0.0)
    assert _given(fabric, 0.0) == [(2, EVERYBODY + ONE)]


def test_late_frames_are_overtaken_and_every_fault_is_counted() -> None:
    fabric = Fabric(7, (1, 2))
    fabric.change({"strength": {"loss": 0.2, "double": 0.3, "late": 0.4, "late_s_max": 0.05}})
    numbers = []
    for number in range(FRAMES):
        fabric.take(1, EVERYBODY + ONE + number.to_bytes(4), number / 1000)
        numbers += [int.from_bytes(frame[12:]) for _, frame in fabric.due(number / 1000)]
    numbers += [int.from_bytes(frame[12:]) for _, frame in fabric.due(FRAMES)]
    assert list(fabric.due(FRAMES)) == []
    counts = fabric.counts
    assert counts["taken"] == FRAMES
    assert len(set(numbers)) == FRAMES - counts["lost"]
    assert len(numbers) == FRAMES - counts["lost"] + counts["doubled"]
    assert counts["overtaken"] > 0
    assert counts["late"] > 0


def test_groups_are_parted_both_ways() -> None:
    assert between([(1,), (2, 3)]) == {(1, 2), (1, 3), (2, 1), (3, 1)}
    assert between([(1, 2, 3)]) == set()


# --- with real hosts --------------------------------------------------------------------------

network_test = [pytest.mark.network, pytest.mark.needs("namespaces", "taps")]
ANSWER = """
import socket
socket.setdefaulttimeout(60)
six = socket.create_server(("fe80::2", 4000, 0, socket.if_nametoindex("eth0")), family=socket.AF_INET6)
four = socket.create_server(("10.77.0.2", 4000))
print("listening", flush=True)
for server in (six, four):
    peer, _ = server.accept()
    with peer, peer.makefile("rwb") as stream:
        stream.write(stream.readline().upper() * 5000)
"""
ASK = """
import socket
socket.setdefaulttimeout(60)
index = socket.if_nametoindex("eth0")
six, four = (socket.AF_INET6, ("fe80::2", 4000, 0, index)), (socket.AF_INET, ("10.77.0.2", 4000))
for family, address in (six, four):
    with socket.socket(family) as one:
        one.connect(address)
        one.sendall(b"abc\\n")
        with one.makefile("rb") as stream:
            print(len(stream.read()), flush=True)
"""


@pytest.fixture
def network() -> Iterator[TapNetwork]:
    with TapNetwork(3, 7) as made:
        yield made


def _streams(network: TapNetwork) -> list[str]:
    """Let the first host ask the second one over IPv6 and IPv4; return how much came back."""
    with run_python(network, network.hosts[1], ANSWER) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"listening\n"
        with run_python(network, network.hosts[0], ASK) as client:
            said, _ = client.communicate(timeout=60)
        assert client.returncode == 0
    return said.decode().split()


class TestHosts:
    pytestmark = network_test

    def test_hear_each_others_multicast_as_on_a_bridge(self, network: TapNetwork) -> None:
        first, second, _ = network.hosts
        assert _exchange(network, first, second, 20) == ["over six fe80::1", "over four 10.77.0.1"]

    def test_find_each_other_and_stream_over_both_families(self, network: TapNetwork) -> None:
        assert _streams(network) == ["20000", "20000"]
        counts = network.switch.count()
        assert counts["given"] >= counts["taken"] - counts.get("refused by the host", 0)
        assert counts["lost"] == counts["doubled"] == counts["late"] == 0

    def test_stream_in_whole_through_loss_copies_and_delays(self, network: TapNetwork) -> None:
        network.switch.set_strength(Strength(loss=0.05, double=0.2, late=0.2, late_s_max=0.02))
        assert _streams(network) == ["20000", "20000"]
        counts = network.switch.count()
        assert counts["doubled"] > 0
        assert counts["late"] > 0

    def test_are_parted_in_one_direction_only(self, network: TapNetwork) -> None:
        first, second, _ = network.hosts
        network.switch.set_cuts(frozenset({(1, 2)}))
        assert _exchange(network, first, second, 0.3) == ["nothing", "nothing"]
        assert _exchange(network, second, first, 20) == ["over six fe80::2", "over four 10.77.0.2"]
        assert network.switch.count()["cut"] > 0
        network.switch.set_cuts(frozenset())
        assert _exchange(network, first, second, 20) == ["over six fe80::1", "over four 10.77.0.1"]

    def test_take_the_switch_with_them(self) -> None:
        links_before = Path("/proc/net/dev").read_text().count(":")
        with TapNetwork(2, 7) as network:
            watch = os.pidfd_open(network.switch.pid)
        assert ends_within(watch, 0)
        assert Path("/proc/net/dev").read_text().count(":") == links_before

    def test_are_not_made_where_the_switch_cannot_start(self) -> None:
        with pytest.raises(NetworkError, match="the switch ended: no such reason"):
            Switch(["sh", "-c", "echo no such reason >&2"])
