"""The network that other tests stand on does what they take for granted."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dusk.demo.net import Mode
from tests.network.harness import Host, Network, NetworkError, capturing, run_python

pytestmark = [pytest.mark.network, pytest.mark.needs("namespaces")]

LISTEN = """
import socket, struct, sys
index = socket.if_nametoindex("eth0")
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
six.bind(("ff12::3875", 3875, 0, index))
group = socket.inet_pton(socket.AF_INET6, "ff12::3875")
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group + struct.pack("@I", index))
four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
four.bind(("239.255.38.75", 3875))
request = socket.inet_aton("239.255.38.75") + struct.pack("@4si", bytes(4), index)
four.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
six.settimeout(float(sys.stdin.readline()))
four.settimeout(six.gettimeout())
print("listening", flush=True)
for listener in (six, four):
    try:
        data, source = listener.recvfrom(2048)
        print(data.decode(), source[0].partition("%")[0], flush=True)
    except TimeoutError:
        print("nothing", flush=True)
"""
SEND = """
import socket, struct
index = socket.if_nametoindex("eth0")
six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
six.sendto(b"over six", ("ff12::3875", 3875))
four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
four.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("@4s4si", bytes(4), bytes(4), index))
four.sendto(b"over four", ("239.255.38.75", 3875))
"""


def _exchange(network: Network, sender: Host, listener: Host, patience_s: float) -> list[str]:
    """Send from one host to the groups, and return what the other heard."""
    with run_python(network, listener, LISTEN) as ear:
        assert ear.stdin is not None
        assert ear.stdout is not None
        ear.stdin.write(f"{patience_s}\n".encode())
        ear.stdin.flush()
        assert ear.stdout.readline() == b"listening\n"
        with run_python(network, sender, SEND) as mouth:
            mouth.communicate()
        assert mouth.returncode == 0
        return ear.stdout.read().decode().splitlines()


MODES = [Mode.ROOT, Mode.USER] if os.geteuid() == 0 else [Mode.USER]


@pytest.fixture(params=MODES, ids=lambda mode: mode.name)
def network(request: pytest.FixtureRequest) -> Iterator[Network]:
    with Network(2, request.param) as made:
        yield made


def test_hosts_hear_each_others_multicast_and_the_capture_sees_it(network: Network, tmp_path: Path) -> None:
    first, second = network.hosts
    with capturing(network, tmp_path / "packets.pcap") as packets:
        heard = _exchange(network, first, second, 20)
    assert heard == ["over six fe80::1", "over four 10.77.0.1"]
    assert b"over six" in packets
    assert b"over four" in packets
    assert b"over nothing" not in packets


def test_an_unplugged_host_hears_nothing_until_it_is_plugged_in_again(network: Network) -> None:
    first, second = network.hosts
    network.unplug(second)
    assert _exchange(network, first, second, 0.3) == ["nothing", "nothing"]
    network.plug(second)
    assert _exchange(network, first, second, 20) == ["over six fe80::1", "over four 10.77.0.1"]


def test_the_process_started_on_a_host_is_the_program_itself(network: Network) -> None:
    with run_python(network, network.hosts[0], "import os; print(os.getpid(), os.geteuid())") as process:
        assert process.stdout is not None
        pid, uid = process.stdout.read().decode().split()
    assert int(pid) == process.pid
    assert uid == ("0" if network.mode is Mode.ROOT else "1000")


def test_too_many_hosts_are_refused_before_anything_is_made() -> None:
    with pytest.raises(NetworkError, match="from 1 to 200"):
        Network(201)


def _namespaces(pids: list[int]) -> set[str]:
    """Return the network namespaces, of those that these processes had, which still have a process."""
    alive = set()
    for pid in pids:
        entry = Path(f"/proc/{pid}/ns/net")
        if entry.exists():
            alive.add(str(entry.readlink()))
    return alive


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_behind_however_the_program_ends(number: signal.Signals) -> None:
    program = """
import os, signal
from dusk.demo.net import Network
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what it starts behind it
woken, wake = os.pipe()
os.set_blocking(wake, False)
signal.set_wakeup_fd(wake)  # a signal that comes before we wait ends the wait, too
with Network(2) as network:
    print(*(host.pid for host in network.hosts), flush=True)
    os.read(woken, 1)
"""
    links_before = Path("/proc/net/dev").read_text().count(":")
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        pids = [int(word) for word in process.stdout.readline().split()]
        watched = [os.pidfd_open(pid) for pid in pids]
        assert len(_namespaces(pids)) == 2
        process.send_signal(number)
    for watch in watched:
        os.set_blocking(watch, True)
        _wait_for_end(watch)
    assert _namespaces(pids) == set()
    assert Path("/proc/net/dev").read_text().count(":") == links_before


def _wait_for_end(pidfd: int) -> None:
    """Wait until the process behind the descriptor ended: it becomes readable."""
    import select

    ready, _, _ = select.select([pidfd], [], [], 20)
    os.close(pidfd)
    assert ready, "a process that held a namespace lives on"
