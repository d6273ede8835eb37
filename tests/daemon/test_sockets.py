import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator, Callable

import pytest
import trio
import trio.testing

from dusk.daemon import multicast, sockets
from dusk.daemon.endpoints import Endpoint, plan, sockaddr
from dusk.daemon.inbox import Inbox
from dusk.daemon.interfaces import Interface, LocalAddress, look_up
from dusk.daemon.sockets import Sockets, Wanted
from dusk.effects import Address, Datagram, Input, Link, Links
from dusk.errors import ConfigError
from dusk.limits import DATAGRAM_BYTES_MAX

PORT = 28750
LO4 = Link("lo", 4)


class Peer:
    """A node's sockets with what arrived through them."""

    def __init__(self, host: str, port: int = PORT, interfaces: tuple[str, ...] = ("lo",)) -> None:
        self.host = host
        self.inbox = Inbox()
        self.accepted: list[socket.socket] = []
        addresses = (ipaddress.ip_address(host),) if host else ()
        self.sockets = Sockets(Wanted(interfaces, addresses, port), self.inbox, self._accept)
        self.taken: list[Input] = []
        self.arrived = trio.Event()
        self.known: set[str] = set()

    def _accept(self, accepted: socket.socket, source: Address) -> None:
        self.accepted.append(accepted)
        self.arrived.set()

    async def next(self, kind: type[Input]) -> Input:
        """Return the next input of a kind; what tests beside this one multicast here is not meant."""
        with trio.fail_after(5):
            while True:
                for item in self.taken:
                    is_strange = isinstance(item, Datagram) and item.source.host not in self.known
                    if isinstance(item, kind) and not is_strange:
                        self.taken.remove(item)
                        return item
                await self.inbox.wait(5)
                self.taken += self.inbox.take()


@contextlib.asynccontextmanager
async def running(*peers: Peer) -> AsyncIterator[None]:
    for peer in peers:
        peer.known = {other.host for other in peers}
    async with trio.open_nursery() as nursery:
        for peer in peers:
            await nursery.start(peer.sockets.run)
        yield
        nursery.cancel_scope.cancel()
    for peer in peers:
        for accepted in peer.accepted:
            accepted.close()


async def test_multicast_on_loopback_reaches_every_daemon_of_the_machine_but_its_sender() -> None:
    one, two, three = (Peer(f"127.0.3.{number}", multicast.PORT) for number in (1, 2, 3))
    async with running(one, two, three):
        assert one.sockets.links == (LO4,)
        assert await one.next(Links) == Links((LO4,))
        one.sockets.send_multicast(b"start", LO4)
        for peer in (two, three):
            assert await peer.next(Datagram) == Datagram(b"start", Address("127.0.3.1", multicast.PORT), LO4)
        two.sockets.send(b"respond", Address("127.0.3.1", multicast.PORT))
        answer = Datagram(b"respond", Address("127.0.3.2", multicast.PORT), None)
        assert await one.next(Datagram) == answer


async def test_multicast_goes_to_its_own_port_whatever_the_unicast_port() -> None:
    one, two = Peer("127.0.3.4", PORT), Peer("127.0.3.5", PORT + 1)
    async with running(one, two):
        two.sockets.send_multicast(b"hello", LO4)
        assert await one.next(Datagram) == Datagram(b"hello", Address("127.0.3.5", PORT + 1), LO4)


async def test_an_oversized_datagram_is_dropped_before_anybody_looks_at_it() -> None:
    one, two = Peer("127.0.3.6"), Peer("127.0.3.7")
    async with running(one, two):
        two.sockets.send(bytes(DATAGRAM_BYTES_MAX + 1), Address("127.0.3.6", PORT))
        two.sockets.send(bytes(DATAGRAM_BYTES_MAX), Address("127.0.3.6", PORT))
        received = await one.next(Datagram)
        assert isinstance(received, Datagram)
        assert len(received.data) == DATAGRAM_BYTES_MAX


async def test_a_flood_of_datagrams_is_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dusk.daemon.inbox.INBOX_DATAGRAMS_MAX", 10)
    inbox = Inbox()
    for _ in range(25):
        inbox.offer(Datagram(b"", Address("127.0.0.1", 1), None))
    inbox.put(Links(()))
    assert len(inbox.take()) == 11
    assert inbox.dropped == 15


async def test_datagrams_gather_while_the_node_is_in_no_hurry_p7(
    mock_clock: trio.testing.MockClock,
) -> None:
    peer, sender = Peer("127.0.0.1"), Peer("127.0.0.2")
    peer.inbox.unhurried_until = trio.current_time() + sockets.GATHER_S / 2
    async with running(peer, sender):
        sender.sockets.send(b"first", Address("127.0.0.1", PORT))
        await peer.next(Datagram)
        for data in (b"one", b"two"):
            sender.sockets.send(data, Address("127.0.0.1", PORT))
        await trio.testing.wait_all_tasks_blocked()
        assert peer.inbox.take() == []
        mock_clock.jump(sockets.GATHER_S)
        await peer.inbox.wait(5)
        both = [item.data for item in peer.inbox.take() if isinstance(item, Datagram)]
        assert both == [b"one", b"two"]
        sender.sockets.send(b"last", Address("127.0.0.1", PORT))
        await peer.next(Datagram)


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
async def test_a_taken_port_is_one_clear_line(kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.3.8", PORT))
        if kind is socket.SOCK_STREAM:
            other.listen()
        with trio.fail_after(5), pytest.raises(ExceptionGroup) as caught:
            async with running(Peer("127.0.3.8")):
                pass
    (error,) = caught.value.exceptions
    while isinstance(error, ExceptionGroup):
        (error,) = error.exceptions
    assert isinstance(error, ConfigError)
    assert str(error).startswith(f"port {PORT} on 127.0.3.8 is taken by another program")


async def test_tcp_connections_are_handed_over_with_their_source() -> None:
    peer = Peer("127.0.3.9")
    async with running(peer):
        with trio.fail_after(5), socket.socket() as client:
            client.connect(("127.0.3.9", PORT))
            await peer.arrived.wait()
        assert len(peer.accepted) == 1
        assert peer.sockets.addresses == (Address("127.0.3.9", PORT),)


def fake(name: str, index: int, *addresses: str) -> Interface:
    parsed = [ipaddress.ip_interface(address) for address in addresses]
    return Interface(name, index, tuple(LocalAddress(one.ip, one.network) for one in parsed))


async def test_an_interface_that_comes_later_is_taken_then(
    autojump_clock: trio.testing.MockClock, capsys: pytest.CaptureFixture[str]
) -> None:
    there: dict[str, Interface] = {}
    inbox = Inbox()
    sockets_ = Sockets(Wanted(("late0",), (), PORT), inbox, lambda *_: None, there.get)
    async with trio.open_nursery() as nursery:
        await nursery.start(sockets_.run)
        assert list(sockets_.alarms) == ["interface late0 is missing"]
        await trio.sleep(30)
        assert capsys.readouterr().err == "dusk: interface late0 is missing\n"
        there["late0"] = fake("late0", socket.if_nametoindex("lo"), "127.0.3.10/8")
        await trio.sleep(2 * sockets.RETRY_S)
        assert list(sockets_.alarms) == []
        assert sockets_.links == (Link("late0", 4),)
        assert inbox.take() == [Links((Link("late0", 4),))]
        there.clear()
        await trio.sleep(2 * sockets.RESCAN_S)
        assert inbox.take() == [Links(())]
        assert sockets_.addresses == ()
        nursery.cancel_scope.cancel()


async def test_an_address_that_is_not_usable_yet_is_tried_again(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    lo = fake("lo", socket.if_nametoindex("lo"), "192.0.2.77/24")
    sockets_ = Sockets(Wanted(("lo",), (), PORT), Inbox(), lambda *_: None, {"lo": lo}.get)
    async with trio.open_nursery() as nursery:
        await nursery.start(sockets_.run)
        assert sockets_.alarms == ("address 192.0.2.77 is not usable yet",)
        assert sockets_.links == ()
        nursery.cancel_scope.cancel()


async def test_new_settings_close_what_they_do_not_want() -> None:
    peer = Peer("127.0.3.11")
    async with running(peer):
        await peer.next(Links)
        peer.sockets.configure(Wanted(("lo",), (ipaddress.ip_address("127.0.3.12"),), PORT + 2))
        with trio.fail_after(5):
            while peer.sockets.addresses != (Address("127.0.3.12", PORT + 2),):
                await trio.testing.wait_all_tasks_blocked()


async def test_a_send_that_cannot_work_is_counted_and_nothing_else() -> None:
    peer = Peer("127.0.3.13")
    async with running(peer):
        for host in ("no address", "fe80::1%nowhere0", "2001:db8::1", "255.255.255.255"):
            peer.sockets.send(b"x", Address(host, 1))
        peer.sockets.send_multicast(b"x", Link("lo", 6))
        assert peer.sockets.lost == 5


def test_every_address_of_an_interface_is_used_and_link_local_ones_first() -> None:
    found = fake("br-lan", 7, "192.168.1.1/24", "fd00::1/64", "fe80::1/64")
    endpoints = plan([found], ["br-lan", "wan9"], []).endpoints
    assert [endpoint.host for endpoint in endpoints] == ["fe80::1%br-lan", "fd00::1", "192.168.1.1"]
    assert plan([found], ["br-lan", "wan9"], []).missing == ("interface wan9 is missing",)
    assert plan([fake("eth0", 2)], ["eth0"], []).missing == ("interface eth0 has no address",)


def test_listed_addresses_are_the_only_ones_and_find_their_interface() -> None:
    lo = fake("lo", 1, "127.0.0.1/8", "::1/128")
    chosen = plan([lo], ["lo"], [ipaddress.ip_address(text) for text in ("127.0.0.5", "192.0.2.1", "::1")])
    assert set(chosen.endpoints) == {
        Endpoint(ipaddress.ip_address("127.0.0.5"), "lo", 1),
        Endpoint(ipaddress.ip_address("::1"), "lo", 1),
        Endpoint(ipaddress.ip_address("192.0.2.1"), "", 0),
    }
    assert {endpoint.link for endpoint in chosen.endpoints} == {LO4, None}


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.1", ("192.0.2.1", 5)),
        ("fd00::1", ("fd00::1", 5, 0, 0)),
        ("fe80::1%eth7", ("fe80::1", 5, 0, 7)),
        ("fe80::1%12", ("fe80::1", 5, 0, 12)),
    ],
)
def test_an_address_is_written_as_the_kernel_wants_it(host: str, expected: tuple[object, ...]) -> None:
    assert sockaddr(Address(host, 5), {"eth7": 7}) == expected


@pytest.mark.parametrize("host", ["localhost", "127.1", "", "example:x", "fe80::1%none"])
def test_a58_what_is_no_address_is_never_looked_up(host: str) -> None:
    with pytest.raises(ValueError, match=r"is no address|no interface"):
        sockaddr(Address(host, 5), {"eth7": 7})


def test_the_machines_interfaces_are_seen() -> None:
    lo = look_up("lo")
    assert lo is not None
    assert (
        LocalAddress(ipaddress.ip_address("127.0.0.1"), ipaddress.ip_network("127.0.0.0/8")) in lo.addresses
    )
    assert look_up("none0") is None


async def test_streams_wait_for_room_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dusk.daemon.inbox.INBOX_STREAM_INPUTS_MAX", 2)
    inbox = Inbox()
    done: list[int] = []

    async def reader(put: Callable[[int], Input]) -> None:
        for number in range(4):
            await inbox.put_stream(put(number))
            done.append(number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader, lambda number: Links((Link(str(number), 4),)))
        await trio.testing.wait_all_tasks_blocked()
        assert done == [0, 1]
        inbox.offer(Datagram(b"", Address("127.0.0.1", 1), None))
        assert len(inbox.take()) == 3
        await trio.testing.wait_all_tasks_blocked()
        assert done == [0, 1, 2, 3]
    inbox.clear()
    assert inbox.take() == []
