"""The page on a real socket: where it listens, and who keeps it from whom."""

import socket
from contextlib import ExitStack
from typing import cast

import pytest
import trio

from dusk.cli.client import Client
from dusk.web.http import HEAD_S_MAX
from dusk.web.places import CONNECTIONS_MAX
from dusk.web.serving import is_here_alone, run


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_an_address_of_this_machine_alone_is_known(host: str) -> None:
    assert is_here_alone(host)


@pytest.mark.parametrize("host", ["192.168.1.2", "0.0.0.0", "::", "fe80::1%eth0", "2001:db8::1", "box", ""])
def test_a34_what_others_may_reach_is_taken_for_that(host: str) -> None:
    assert not is_here_alone(host)


def _no_client() -> Client:
    return cast("Client", None)


async def _get(port: int) -> bytes:
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        await stream.send_all(b"GET /web/host.css HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port)
        return bytes(await stream.receive_some(4096))


async def test_a34_silent_connections_keep_nobody_out() -> None:
    said: list[str] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run, "127.0.0.1", 0, _no_client, said.append)
        with trio.fail_after(HEAD_S_MAX / 2):
            while not said:
                await trio.lowlevel.checkpoint()
            port = int(said[0].split(":")[2].partition("/")[0])
            with ExitStack() as silent:
                for _ in range(2 * CONNECTIONS_MAX):
                    one = silent.enter_context(socket.create_connection(("127.0.0.1", port)))
                    one.send(b"G")
                assert (await _get(port)).startswith(b"HTTP/1.1 200")
        nursery.cancel_scope.cancel()
