"""UDP and TCP sockets of a node: opened as interfaces and addresses come, closed as they go.

Every few seconds the machine's addresses are looked at again. What cannot be opened yet (an
interface that comes later, an address under duplicate detection) is tried again and stands in
``alarms`` meanwhile; only a port that is taken at the start ends the daemon, by one line.
"""

import errno
import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any

import trio

from dusk.daemon import multicast
from dusk.daemon.disk import in_words
from dusk.daemon.endpoints import Endpoint, Plan, links, plan, sockaddr
from dusk.daemon.inbox import Inbox
from dusk.daemon.interfaces import Interface, IpAddress, look_up
from dusk.daemon.say import say
from dusk.effects import Address, Datagram, Link, Links
from dusk.errors import ConfigError
from dusk.lazy import dataclass
from dusk.limits import DATAGRAM_BYTES_MAX, RECEIVE_BATCH_MAX, ROUTES_MAX

RESCAN_S = 5.0
"""How often the machine's addresses are looked at."""
RETRY_S = 1.0
"""The same while something wanted is not open yet; duplicate detection takes 1.3 s."""
GATHER_S = 0.025
"""How long datagrams gather in the kernel while the node is in no hurry: each wakeup costs more than
what most datagrams ask for, as all that it touches has left the processor's caches (P7)."""
ACCEPT_PAUSE_S = 0.1
"""After running out of file descriptors."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings say about the network."""

    interfaces: tuple[str, ...]
    addresses: tuple[IpAddress, ...]
    port: int


@dataclass(slots=True)
class _Open:
    """The open sockets of one endpoint, or of the group on one link."""

    udp: socket.socket
    listener: socket.socket | None
    scope: trio.CancelScope


class Sockets:
    """All sockets to other devices.

    Args:
        wanted: from the settings.
        inbox: takes ``Datagram`` and ``Links``.
        accept: takes each accepted TCP connection.
        look: how interfaces are looked up; another one only in tests.
    """

    def __init__(
        self,
        wanted: Wanted,
        inbox: Inbox,
        accept: Callable[[socket.socket, Address], None],
        look: Callable[[str], Interface | None] = look_up,
    ) -> None:
        self._wanted = wanted
        self._inbox = inbox
        self._accept = accept
        self._look = look
        self._plan = Plan((), (), ())
        self._endpoints: dict[Endpoint, _Open] = {}
        self._own_hosts: frozenset[str] = frozenset()
        """Hosts of the open endpoints, as peers write them: made once, asked for each datagram."""
        self._groups: dict[tuple[Link, int], _Open] = {}
        self._routes: dict[str, Endpoint | None] = {}
        self._index_of: dict[str, int] = {}
        self._rescan = trio.Event()
        self.alarms: tuple[str, ...] = ()
        """What is wanted and not open, one line each."""
        self.lost = 0
        """Datagrams that the kernel or this class could not send."""

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where this node can be reached now."""
        port = self._wanted.port
        return tuple(
            Address(endpoint.host, port) for endpoint in self._plan.endpoints if endpoint in self._endpoints
        )

    @property
    def links(self) -> tuple[Link, ...]:
        """Where multicast can be sent and heard now."""
        joined = {link for link, _ in self._groups}
        return tuple(link for link in links(self._open_in_order()) if link in joined)

    def _open_in_order(self) -> list[Endpoint]:
        return [endpoint for endpoint in self._plan.endpoints if endpoint in self._endpoints]

    def configure(self, wanted: Wanted) -> None:
        """Take new settings; what they no longer want is closed at once."""
        if wanted.port != self._wanted.port:
            self._close_all()
        self._wanted = wanted
        self._rescan.set()

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the sockets open until cancelled; started once the first look is done.

        Raises:
            ConfigError: the port is taken at the start.
        """
        async with trio.open_nursery() as nursery:
            try:
                self._look_around(nursery, is_first=True)
                task_status.started()
                while True:
                    await self._pause()
                    self._look_around(nursery)
            finally:
                self._close_all()

    async def _pause(self) -> None:
        with trio.move_on_after(RETRY_S if self.alarms else RESCAN_S):
            await self._rescan.wait()
        self._rescan = trio.Event()

    # --- opening and closing --------------------------------------------------------------

    def _look_around(self, nursery: trio.Nursery, *, is_first: bool = False) -> None:
        """Open and close what changed.

        Raises:
            ConfigError: a port is taken, and this is the first look.
        """
        before = self.links
        found = [interface for name in self._wanted.interfaces if (interface := self._look(name))]
        self._index_of = {interface.name: interface.index for interface in found}
        self._plan = plan(found, self._wanted.interfaces, self._wanted.addresses)
        self._routes.clear()
        self._close_unwanted()
        problems, taken = self._open_wanted(nursery)
        if is_first and taken:
            raise ConfigError(taken[0])
        self._tell((*self._plan.missing, *problems, *taken))
        if self.links != before:
            self._inbox.put(Links(self.links))

    def _close_unwanted(self) -> None:
        for endpoint in [known for known in self._endpoints if known not in self._plan.endpoints]:
            _close(self._endpoints.pop(endpoint))
        self._own_hosts = frozenset(endpoint.host for endpoint in self._endpoints)
        wanted = {(endpoint.link, endpoint.index) for endpoint in self._plan.endpoints}
        for key in [known for known in self._groups if known not in wanted]:
            _close(self._groups.pop(key))

    def _open_wanted(self, nursery: trio.Nursery) -> tuple[list[str], list[str]]:
        problems, taken = [], []
        for endpoint in self._plan.endpoints:
            try:
                self._open(nursery, endpoint)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    taken.append(
                        f"port {self._wanted.port} on {endpoint.host} is taken by another program: "
                        "stop it, or set another port or address in etc/config/dusk"
                    )
                elif error.errno == errno.EADDRNOTAVAIL:
                    problems.append(f"address {endpoint.host} is not usable yet")
                else:
                    problems.append(f"address {endpoint.host}: {in_words(error)}")
        return problems, taken

    def _open(self, nursery: trio.Nursery, endpoint: Endpoint) -> None:
        if endpoint not in self._endpoints:
            udp = multicast.unicast_socket(endpoint.ip, self._wanted.port, endpoint.index)
            try:
                listener = multicast.tcp_listener(endpoint.ip, self._wanted.port, endpoint.index)
            except OSError:
                udp.close()
                raise
            opened = _Open(udp, listener, trio.CancelScope())
            self._endpoints[endpoint] = opened
            self._own_hosts |= {endpoint.host}
            nursery.start_soon(self._serve, opened, None)
        link = endpoint.link
        if link is not None and (link, endpoint.index) not in self._groups:
            group = _Open(multicast.group_socket(link.family, endpoint.index), None, trio.CancelScope())
            self._groups[link, endpoint.index] = group
            nursery.start_soon(self._serve, group, link)

    def _close_all(self) -> None:
        for opened in (*self._endpoints.values(), *self._groups.values()):
            _close(opened)
        self._endpoints.clear()
        self._own_hosts = frozenset()
        self._groups.clear()

    def _tell(self, alarms: Sequence[str]) -> None:
        for line in alarms:
            if line not in self.alarms:
                say(line)
        self.alarms = tuple(alarms)

    # --- receiving ------------------------------------------------------------------------

    async def _serve(self, opened: _Open, link: Link | None) -> None:
        with opened.scope:
            async with trio.open_nursery() as nursery:
                if opened.listener is not None:
                    nursery.start_soon(self._listen, opened.listener, opened.scope)
                while not opened.scope.cancel_called:
                    await trio.lowlevel.wait_readable(opened.udp)
                    while self._receive_waiting(opened.udp, link) and await self._gather():
                        pass

    async def _gather(self) -> bool:
        """Let datagrams gather in the kernel if the node is in no hurry; tells whether it was."""
        if trio.current_time() >= self._inbox.unhurried_until:
            return False
        await trio.sleep(GATHER_S)
        return True

    def _receive_waiting(self, udp: socket.socket, link: Link | None) -> bool:
        """Take what waits in the kernel, at most so many: others get their turn then.

        Returns:
            Whether something came, and all of it was taken.
        """
        for count in range(RECEIVE_BATCH_MAX):
            try:
                data, source = udp.recvfrom(DATAGRAM_BYTES_MAX + 1)
            except OSError:  # nothing more waits, or an error of a former send came back
                return count > 0
            address = self._from_kernel(source)
            if len(data) <= DATAGRAM_BYTES_MAX and not self._is_own(address):
                self._inbox.offer(Datagram(data, address, link))
        return False

    def _from_kernel(self, source: tuple[Any, ...]) -> Address:
        """Return an address as nodes know it; the kernel tells the scope as an index beside it."""
        if len(source) < 4 or not source[3]:
            return Address(source[0], source[1])
        scopes = (name for name, index in self._index_of.items() if index == source[3])
        return Address(f"{source[0]}%{next(scopes, source[3])}", source[1])

    def _is_own(self, source: Address) -> bool:
        """Whether a datagram is our own, looped back to the group's socket."""
        return source.port == self._wanted.port and source.host in self._own_hosts

    async def _listen(self, listener: socket.socket, scope: trio.CancelScope) -> None:
        while not scope.cancel_called:
            await trio.lowlevel.wait_readable(listener)
            if not self._accept_waiting(listener):
                await trio.sleep(ACCEPT_PAUSE_S)

    def _accept_waiting(self, listener: socket.socket) -> bool:
        """Accept what waits, at most so many; return False if the machine has no room for it."""
        for _ in range(RECEIVE_BATCH_MAX):
            try:
                accepted, source = listener.accept()
            except (BlockingIOError, ConnectionError):
                return True
            except OSError:
                return False
            accepted.setblocking(False)
            self._accept(accepted, self._from_kernel(source))
        return True

    # --- sending --------------------------------------------------------------------------

    def send(self, data: bytes, to: Address) -> None:
        """Send to one address from the endpoint that the route there would use."""
        endpoint = self._route(to)
        if endpoint is None:
            self.lost += 1
            return
        self._send_from(endpoint, data, to)

    def send_multicast(self, data: bytes, link: Link) -> None:
        """Send to the group on one link from this link's first endpoint."""
        host = f"{multicast.GROUP_V6}%{link.interface}" if link.family == 6 else multicast.GROUP_V4
        for endpoint in self._open_in_order():
            if endpoint.link == link:
                self._send_from(endpoint, data, Address(host, multicast.PORT))
                return
        self.lost += 1

    def _send_from(self, endpoint: Endpoint, data: bytes, to: Address) -> None:
        try:
            self._endpoints[endpoint].udp.sendto(data, sockaddr(to, self._index_of))
        except (OSError, ValueError):
            self.lost += 1

    def _route(self, to: Address) -> Endpoint | None:
        """Return the endpoint to send from; remembered until the next look at the machine."""
        if to.host not in self._routes:
            if len(self._routes) >= ROUTES_MAX:
                self._routes.clear()
            self._routes[to.host] = self._find_route(to)
        return self._routes[to.host]

    def _find_route(self, to: Address) -> Endpoint | None:
        host, _, scope = to.host.partition("%")
        try:
            ip = ipaddress.ip_address(host)
            own = _source_towards(sockaddr(to, self._index_of))
        except (OSError, ValueError):
            return None
        mine = [endpoint for endpoint in self._open_in_order() if endpoint.ip.version == ip.version]
        if scope:
            mine = [endpoint for endpoint in mine if endpoint.interface == scope]
        direct = [endpoint for network, endpoint in self._plan.networks if ip in network and endpoint in mine]
        exact = [endpoint for endpoint in mine if endpoint.ip == own]
        return next(iter((*exact, *direct, *mine)), None)


def _source_towards(address: tuple[str, int] | tuple[str, int, int, int]) -> IpAddress:
    """Return the source address that the kernel would choose; nothing is sent."""
    family = socket.AF_INET6 if len(address) == 4 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as probe:
        probe.connect(address)
        return ipaddress.ip_address(probe.getsockname()[0].partition("%")[0])


def _close(opened: _Open) -> None:
    opened.scope.cancel()
    for sock in (opened.udp, opened.listener):
        if sock is not None:
            trio.lowlevel.notify_closing(sock)
            sock.close()
