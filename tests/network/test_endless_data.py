"""Real daemons under endless data and half-open connections: the others notice nothing, memory stays flat."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dusk.daemon.control import NAME
from dusk.demo.place import BridgePlace
from dusk.keys.joinkey import parse_join_line
from dusk.limits import CONTROL_LINE_BYTES_MAX
from tests.network.cluster import Cluster, Machine, Owner, running

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces"), pytest.mark.xdist_group("endless data")]

SOURCES = 40
HALF_OPEN = 1000
GROWTH_KIB_MAX = 8 * 1024
"""More than all bounded buffers that these attacks can fill; endless data would be far above it."""

HALF_OPEN_FLOOD = """
import resource, select, socket, sys
targets, sources, count = sys.argv[1].split(","), sys.argv[2].split(","), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_NOFILE, (2 * count + 100, 2 * count + 100))
opened = 0
while True:
    held = []
    for number in range(count):
        made = socket.socket()
        made.setblocking(False)
        made.bind((sources[number % len(sources)], 0))
        made.connect_ex((targets[number % len(targets)], 3875))
        held.append(made)
        if number % 2:
            select.select([], [made], [], 0.02)
            try:
                made.send(b"\\0")  # the first byte of a frame that never comes
            except OSError:
                pass
    opened += count
    print(opened, flush=True)
"""
GIANTS = """
import os, socket, sys
from dusk.catchup import messages
from dusk.catchup.channel import Channel
from dusk.keys.signing import SigningKey
target, cluster = sys.argv[1], bytes.fromhex(sys.argv[2])
ended = 0
def exactly(sock, size):
    found = b""
    while len(found) < size:
        part = sock.recv(size - len(found))
        if not part:
            raise OSError("closed")
        found += part
    return found
while True:
    sock = socket.create_connection((target, 3875))
    sock.settimeout(20)
    stream = Channel(initiator=True, static_private=SigningKey.from_seed(os.urandom(32)).x25519_private(),
        ephemeral_private=os.urandom(32), cluster_id=cluster, message_bytes_max=2**20)
    def put(frame):
        sock.sendall(len(frame).to_bytes(2, "big") + frame)
    try:
        put(stream.open())
        answer = exactly(sock, int.from_bytes(exactly(sock, 2), "big"))
        for frame in stream.receive(answer).frames:
            put(frame)
        kind = ended % 3
        if kind == 0:  # a length of gigabytes
            put(stream._ciphers[0].encrypt((2**31).to_bytes(4, "big") + bytes(1000)))
        while True:  # requests without end: to join, to write
            request = messages.Join(bytes(60000)) if kind == 1 else messages.Submit(os.urandom(250000))
            for frame in stream.send(messages.encode(request)):
                put(frame)
    except OSError:
        ended += 1
        print(ended, flush=True)
    finally:
        sock.close()
"""


def resident_kib(router: Machine) -> int:
    status = Path(f"/proc/{router.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two routers, and a third machine from which they are attacked."""
    with running(3, "0.5s") as made:
        attacker = made.routers.pop()
        attacker.cut_power()
        made.wait("the two at one head", made.at_one_head)
        yield made


@pytest.fixture(scope="module")
def owner(cluster: Cluster) -> Owner:
    """One login for all: each may keep the 19 MiB of its password's hash, which is not what is measured."""
    found = cluster.owner(cluster.first)
    goes_on(cluster, found, "nobody attacks")
    return found


@contextmanager
def attacking(cluster: Cluster, source: str, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a program on the third machine during the block; it has said something when that begins."""
    place = cluster.first._place
    command = place.command(3, [sys.executable, "-c", source, *arguments])
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            yield process
        finally:
            process.kill()


def addresses(cluster: Cluster) -> tuple[list[str], list[str]]:
    """Return the routers' addresses, and many of the third machine."""
    place = cluster.first._place
    assert isinstance(place, BridgePlace)
    first, second, third = place._network.hosts
    prefix = third.address4.rpartition(".")[0]
    own = [f"{prefix}.{number}" for number in range(200, 200 + SOURCES)]
    known = place._network._ip
    known(third.pid, [f"addr replace {address}/24 dev eth0" for address in own])
    return [first.address4, second.address4], own


def goes_on(cluster: Cluster, owner: Owner, value: str) -> None:
    """See a commit become durable, and a member that was off catch up, both in usual time."""
    second = cluster.routers[1]
    owner.set("policy/wifi", "wireless.default_radio0.ssid", value)
    assert owner.commit(value, timeout_s=10)["state"] == "durable"
    second.cut_power()
    owner.set("policy/wifi", "wireless.default_radio0.ssid", value + " again")
    owner.commit(value, timeout_s=0.1)
    second.power_on()
    cluster.wait("one head", cluster.at_one_head, 20)


def test_a7_a_thousand_half_open_connections_hinder_neither_cycles_nor_catch_up(
    cluster: Cluster, owner: Owner
) -> None:
    targets, sources = addresses(cluster)
    before = resident_kib(cluster.first)
    with attacking(cluster, HALF_OPEN_FLOOD, ",".join(targets), ",".join(sources), str(HALF_OPEN)):
        goes_on(cluster, owner, "half open")
        assert resident_kib(cluster.first) - before < GROWTH_KIB_MAX


def test_a6_requests_without_end_are_cut_and_memory_stays_flat(cluster: Cluster, owner: Owner) -> None:
    targets, _ = addresses(cluster)
    key = parse_join_line((cluster.base / "joinkey").read_text())
    before = resident_kib(cluster.first)
    with attacking(cluster, GIANTS, targets[0], key.cluster_id.hex()) as process:
        assert process.stdout is not None
        goes_on(cluster, owner, "giants")
        while int(process.stdout.readline()) < 200:
            assert resident_kib(cluster.first) - before < GROWTH_KIB_MAX
    assert resident_kib(cluster.first) - before < GROWTH_KIB_MAX


@pytest.mark.usefixtures("owner")
def test_a6_a_control_line_without_end_is_cut_and_memory_stays_flat(cluster: Cluster) -> None:
    before = resident_kib(cluster.first)
    for _ in range(20):
        assert _endless_line(cluster.first) <= 4 * CONTROL_LINE_BYTES_MAX
        assert resident_kib(cluster.first) - before < GROWTH_KIB_MAX
    assert cluster.first.state() is not None


def _endless_line(router: Machine) -> int:
    """Send a line without an end to the control socket; return how much went in before it was cut."""
    folder = os.open(router.root / "var/run/dusk", os.O_PATH | os.O_DIRECTORY)
    sent = 0
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(f"/proc/self/fd/{folder}/{NAME}")
        os.close(folder)
        try:
            while sent < 64 * CONTROL_LINE_BYTES_MAX:
                sent += client.send(b"x" * 65536)
        except (BrokenPipeError, ConnectionResetError):
            return sent
    return sent
