import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing

from dusk.daemon.inbox import Inbox
from dusk.daemon.streams import Streams
from dusk.effects import Accepted, Address, Connected, Disconnected, Input, Received
from dusk.limits import (
    FRAME_BYTES_MAX,
    HANDSHAKE_S_MAX,
    HANDSHAKES_MAX,
    HANDSHAKES_PER_ADDRESS_MAX,
    STREAM_ANSWER_S_MAX,
    STREAM_IDLE_S_MAX,
    STREAM_SEND_BYTES_MAX,
    STREAMS_MAX,
)


class Side:
    """Streams, a listener for them, and what came out."""

    def __init__(self) -> None:
        self.inbox = Inbox()
        self.streams = Streams(self.inbox)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = Address("127.0.0.1", self.listener.getsockname()[1])
        self._taken: list[Input] = []

    async def serve(self) -> None:
        listener = trio.socket.from_stdlib_socket(self.listener)
        while True:
            accepted, source = await listener.accept()
            raw = socket.socket(fileno=accepted.detach())
            self.streams.accept(raw, Address(source[0], source[1]))

    async def next(self) -> Input:
        with trio.fail_after(100):
            while not self._taken:
                await self.inbox.wait(100)
                self._taken += self.inbox.take()
        return self._taken.pop(0)


@contextlib.asynccontextmanager
async def running(count: int = 1) -> AsyncIterator[list[Side]]:
    sides = [Side() for _ in range(count)]
    async with trio.open_nursery() as nursery:
        for side in sides:
            await nursery.start(side.streams.run)
            nursery.start_soon(side.serve)
        yield sides
        nursery.cancel_scope.cancel()
    for side in sides:
        side.listener.close()


async def raw_client(side: Side) -> trio.SocketStream:
    return await trio.open_tcp_stream(side.address.host, side.address.port)


async def test_frames_of_every_size_go_both_ways_and_a_close_comes_after_them() -> None:
    async with running(2) as (one, two):
        one.streams.connect(2, two.address)
        assert await one.next() == Connected(2)
        accepted = await two.next()
        assert isinstance(accepted, Accepted)
        assert accepted.conn % 2 == 1
        frames = [b"a", bytes(FRAME_BYTES_MAX), b"last"]
        for frame in frames:
            one.streams.send(2, frame)
        for frame in frames:
            assert await two.next() == Received(accepted.conn, frame)
        for frame in frames:
            two.streams.send(accepted.conn, frame)
        two.streams.disconnect(accepted.conn)
        for frame in frames:
            assert await one.next() == Received(2, frame)
        assert await one.next() == Disconnected(2, "closed by the peer")
        assert await two.next() == Disconnected(accepted.conn, "closed here")
        assert one.streams.count == two.streams.count == 0
        one.streams.send(2, b"to nobody")
        one.streams.disconnect(2)


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("127.0.0.1", "nothing listens on port "),
        ("255.255.255.255", "network is unreachable"),
        ("fe80::1%none0", "no interface none0"),
        ("a name", ""),
    ],
)
async def test_a_connection_that_fails_says_why(host: str, reason: str) -> None:
    async with running() as (one,):
        port = one.listener.getsockname()[1]
        one.listener.close()
        one.listener = socket.create_server(("127.0.0.1", 0))
        one.streams.connect(4, Address(host, port))
        gone = await one.next()
        assert isinstance(gone, Disconnected)
        assert reason in gone.reason


async def test_a7_a_connection_without_a_handshake_is_closed(autojump_clock: trio.testing.MockClock) -> None:
    async with running() as (one,):
        client = await raw_client(one)
        began = trio.current_time()
        assert isinstance(await one.next(), Accepted)
        await client.send_all(b"\x00")
        assert await one.next() == Disconnected(1, "no handshake")
        assert trio.current_time() - began == pytest.approx(HANDSHAKE_S_MAX)
        assert await client.receive_some() == b""
        await client.aclose()


async def handshaken(side: Side) -> trio.SocketStream:
    client = await raw_client(side)
    assert isinstance(await side.next(), Accepted)
    for _ in range(2):
        await client.send_all(b"\x00\x01x")
        assert isinstance(await side.next(), Received)
    return client


async def test_a7_an_idle_stream_is_closed(autojump_clock: trio.testing.MockClock) -> None:
    async with running() as (one,):
        client = await handshaken(one)
        began = trio.current_time()
        assert await one.next() == Disconnected(1, "too slow")
        assert trio.current_time() - began == pytest.approx(STREAM_IDLE_S_MAX, abs=0.1)
        await client.aclose()


async def test_a6_a_frame_that_trickles_in_is_cut_off(autojump_clock: trio.testing.MockClock) -> None:
    async with running() as (one,):
        client = await handshaken(one)
        began = trio.current_time()
        await client.send_all(b"\xff\xff")
        with contextlib.suppress(trio.BrokenResourceError):
            for _ in range(100):
                await client.send_all(b"x")
                await trio.sleep(0.5)
        assert await one.next() == Disconnected(1, "too slow")
        assert trio.current_time() - began >= STREAM_IDLE_S_MAX
        await client.aclose()


async def test_a6_small_frames_just_in_time_do_not_hold_a_place(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with running() as (one,):
        client = await handshaken(one)
        for _ in range(2):
            await trio.sleep(STREAM_IDLE_S_MAX - 1)
            await client.send_all(b"\x00\x01x")
        assert isinstance(await one.next(), Received)
        assert await one.next() == Disconnected(1, "too slow")
        await client.aclose()


async def test_an_initiator_waits_longer_for_an_answer(autojump_clock: trio.testing.MockClock) -> None:
    async with running() as (one,):
        silent = socket.create_server(("127.0.0.1", 0))
        one.streams.connect(2, Address("127.0.0.1", silent.getsockname()[1]))
        assert await one.next() == Connected(2)
        began = trio.current_time()
        assert await one.next() == Disconnected(2, "too slow")
        assert trio.current_time() - began == pytest.approx(STREAM_ANSWER_S_MAX)
        silent.close()


async def test_a6_what_a_peer_does_not_read_is_bounded(autojump_clock: trio.testing.MockClock) -> None:
    async with running() as (one,):
        client = await handshaken(one)
        for _ in range(STREAM_SEND_BYTES_MAX // FRAME_BYTES_MAX + 1):
            one.streams.send(1, bytes(FRAME_BYTES_MAX))
        assert await one.next() == Disconnected(1, "the peer does not read what it asked for")
        await client.aclose()


async def test_a7_a_thousand_half_open_connections_keep_nobody_out() -> None:
    async with running() as (one,):
        address = Address("192.0.2.1", 1)
        pairs = [socket.socketpair() for _ in range(HANDSHAKES_PER_ADDRESS_MAX + 1)]
        for mine, _ in pairs:
            mine.setblocking(False)
            one.streams.accept(mine, address)
        assert one.streams.refused == 1
        assert pairs[-1][1].recv(1) == b""
        others = [socket.socketpair() for _ in range(1000)]
        for number, (mine, _) in enumerate(others):
            mine.setblocking(False)
            one.streams.accept(mine, Address(f"192.0.3.{number}", 1))
            await trio.testing.wait_all_tasks_blocked()
            one.inbox.take()
            assert one.streams.count <= HANDSHAKES_MAX
        client = await handshaken_among(one)
        await client.send_all(b"\x00\x02ok")
        for mine, theirs in (*pairs, *others):
            mine.close()
            theirs.close()
        with trio.fail_after(5):
            while not any(isinstance(item, Received) and item.frame == b"ok" for item in one.inbox.take()):
                await one.inbox.wait(5)
        await client.aclose()


async def handshaken_among(side: Side) -> trio.SocketStream:
    client = await raw_client(side)
    await client.send_all(b"\x00\x01x\x00\x01x")
    await trio.testing.wait_all_tasks_blocked()
    return client


async def test_no_more_streams_are_opened_than_the_bound_and_all_close_when_the_node_starts_again() -> None:
    async with running(2) as (one, two):
        for conn in range(2, 2 * STREAMS_MAX + 4, 2):
            one.streams.connect(conn, two.address)
        assert await one.next() == Disconnected(2 * STREAMS_MAX + 2, "too many streams")
        with trio.fail_after(5):
            await one.streams.end_all()
        gone = [await one.next() for _ in range(STREAMS_MAX)]
        assert {type(item) for item in gone} <= {Disconnected, Connected}
        assert one.streams.count == 0
