"""Hosts whose only cable goes to a switch that loses, doubles, delays and cuts by a seed (`switch.py`)."""

import json
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from itertools import permutations, product
from pathlib import Path

from dusk.demo.net import INTERFACE, Host, Network, NetworkError
from dusk.demo.place import Spot
from tests.network import switch
from tests.network.switch import Port, Strength

END_S_MAX = 20.0
"""The switch ends at once; the machine may be busy."""
NO_FAULTS = Strength()

Cuts = frozenset[tuple[Port, Port]]
"""Ordered pairs: nothing passes from the first to the second."""


def between(groups: Iterable[Iterable[Port]]) -> Cuts:
    """Return the cuts that part groups of hosts from each other, both ways."""
    parts = [tuple(group) for group in groups]
    return frozenset(pair for here, there in permutations(parts, 2) for pair in product(here, there))


class Switch:
    """The running switch.

    Args:
        command: starts it.

    Raises:
        NetworkError: it could not make its devices.
    """

    def __init__(self, command: list[str]) -> None:
        self.counts: dict[str, int] = {}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            self._hear()
        except NetworkError:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def set_strength(self, strength: Strength) -> None:
        """Let faults be as strong as this from now on."""
        self._tell({"strength": asdict(strength)})

    def set_cuts(self, cuts: Cuts) -> None:
        """Let these ways be cut, and no other."""
        self._tell({"cuts": sorted(cuts)})

    def set_deaf(self, ports: Iterable[Port]) -> None:
        """Let these ports get no multicast of the cluster, and all others."""
        self._tell({"deaf": sorted(ports)})

    def count(self) -> dict[str, int]:
        """Return how often what happened so far."""
        self._tell({})
        return self.counts

    def close(self) -> None:
        """End it; its devices go with it."""
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
        try:
            self._process.wait(END_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _tell(self, wanted: dict[str, object]) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it ended; what it said comes next
            self._process.stdin.write(json.dumps(wanted) + "\n")
            self._process.stdin.flush()
        self._hear()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        line = self._process.stdout.readline()
        if not line:
            last = self._process.stderr.read().strip().splitlines()[-1:] or ["it said nothing"]
            raise NetworkError(f"the switch ended: {last[0]}")
        self.counts = json.loads(line)


class TapNetwork(Network):
    """Hosts on a switch of ours instead of on the kernel's bridge.

    Args:
        hosts: how many.
        seed: of the switch's faults.

    Raises:
        NetworkError: this machine cannot.
    """

    def __init__(self, hosts: int, seed: int) -> None:
        self._seed = seed
        self._cable: Switch | None = None
        super().__init__(hosts)

    @property
    def switch(self) -> Switch:
        """The switch between them."""
        assert self._cable is not None, "made with the hosts"
        return self._cable

    def _wire(self) -> None:
        pids = [str(host.pid) for host in self.hosts]
        program = [sys.executable, "-I", str(Path(switch.__file__)), str(self._seed), INTERFACE, *pids]
        self._cable = Switch(self.command_on_the_switch(program))
        for host in self.hosts:
            self._ip(host.pid, [f"link set {INTERFACE} address {_mac(host)}", *self._addresses(host)])

    def close(self) -> None:
        """End the switch, then the namespaces."""
        if self._cable is not None:
            self._cable.close()
        super().close()


def _mac(host: Host) -> str:
    """Return an address that is a host's own in every run: routers take it for their label."""
    return f"02:00:00:00:00:{host.number:02x}"


class TapPlace:
    """Where routers stand on such a switch.

    Args:
        routers: how many.
        seed: of the switch's faults.
    """

    name = "a switch of our own"

    def __init__(self, routers: int, seed: int) -> None:
        self._network = TapNetwork(routers, seed)

    @property
    def switch(self) -> Switch:
        """The switch between them."""
        return self._network.switch

    def spot(self, number: int) -> Spot:
        """Return the host's only interface; its addresses are found by the daemon."""
        assert self._network.hosts[number - 1].number == number
        return Spot(INTERFACE, None)

    def command(self, number: int, arguments: list[str]) -> list[str]:
        """Enter the host's namespace."""
        return self._network.command(self._network.hosts[number - 1], arguments)

    def close(self) -> None:
        """End switch and namespaces."""
        self._network.close()
