import contextlib
import errno
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from dusk.control.outside import ToSign
from dusk.daemon import control
from dusk.daemon.control import Connection, ControlServer
from dusk.errors import ConfigError, Refused, StorageError
from dusk.limits import (
    CONTROL_CONNECTIONS_MAX,
    CONTROL_EVENTS_MAX,
    CONTROL_IDLE_S_MAX,
    CONTROL_LINE_BYTES_MAX,
    CONTROL_LINE_S_MAX,
)


class StandInMethods:
    async def call(self, name: str, params: object, connection: object) -> dict[str, Any]:
        await trio.lowlevel.checkpoint()
        assert isinstance(connection, Connection)
        match name:
            case "echo":
                return {"params": params}
            case "large":
                return {"text": "x" * CONTROL_LINE_BYTES_MAX}
            case "subscribe":
                connection.is_subscribed = True
                return {}
            case "refuse":
                raise Refused("stale-base", "somebody was faster")
            case "sign":
                raise ToSign({"kind": "change"})
            case "disk":
                raise StorageError("the disk is full")
            case "mistake":
                raise KeyError("none")
            case "memory":
                raise MemoryError
        raise Refused("no-method", f"there is no method {name!r}")


@pytest.fixture
def server(tmp_path: Path) -> ControlServer:
    return ControlServer(tmp_path, StandInMethods())


@contextlib.asynccontextmanager
async def running(server: ControlServer) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        await nursery.start(server.run)
        yield
        nursery.cancel_scope.cancel()


class Crowded:
    """A listening socket on a machine that has no descriptor left for a while."""

    def __init__(self, listener: trio.socket.SocketType) -> None:
        self._listener, self.close = listener, listener.close
        self.refusals = 3

    async def accept(self) -> tuple[trio.socket.SocketType, object]:
        await trio.lowlevel.checkpoint()
        if self.refusals:
            self.refusals -= 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return await self._listener.accept()


class Client:
    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.rest = b""

    async def ask(self, line: bytes) -> dict[str, Any]:
        await self.stream.send_all(line + b"\n")
        return await self.read()

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        return await self.ask(json.dumps(request).encode())

    async def read(self) -> dict[str, Any]:
        with trio.fail_after(2 * CONTROL_IDLE_S_MAX):
            while b"\n" not in self.rest:
                part = await self.stream.receive_some(65536)
                if not part:
                    return {"closed": True}
                self.rest += part
        line, _, self.rest = self.rest.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextlib.asynccontextmanager
async def client(folder: Path) -> AsyncIterator[Client]:
    async with await trio.open_unix_socket(str(folder / "control.sock")) as stream:
        yield Client(stream)


async def test_a_call_is_answered_with_its_id(server: ControlServer, tmp_path: Path) -> None:
    async with running(server), client(tmp_path) as one:
        assert await one.call("echo", text="é\n\0") == {
            "jsonrpc": "2.0",
            "id": 7,
            "result": {"params": {"text": "é\n\0"}},
        }


async def test_r10_who_asks_a_machine_without_descriptors_waits_and_the_daemon_does_not_end(
    server: ControlServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen = control.listen
    monkeypatch.setattr(control, "listen", lambda folder: Crowded(listen(folder)))
    async with running(server), client(tmp_path) as one:
        assert (await one.call("echo"))["result"] == {"params": {}}


async def test_what_is_to_be_signed_elsewhere_stands_in_the_error(
    server: ControlServer, tmp_path: Path
) -> None:
    async with running(server), client(tmp_path) as one:
        error = (await one.call("sign"))["error"]
    assert error["data"] == {"code": "to-sign", "to_sign": {"kind": "change"}}


async def test_calls_sent_at_once_are_answered_in_order(server: ControlServer, tmp_path: Path) -> None:
    async with running(server), client(tmp_path) as one:
        lines = b"".join(b'{"jsonrpc":"2.0","id":%d,"method":"echo"}\n' % number for number in range(50))
        await one.stream.send_all(lines)
        assert [(await one.read())["id"] for _ in range(50)] == list(range(50))


@pytest.mark.parametrize(
    ("method", "code", "word"),
    [
        ("refuse", -32000, "stale-base"),
        ("disk", -32000, "failed"),
        ("none", -32601, "no-method"),
        ("mistake", -32603, "internal"),
        ("memory", -32603, "internal"),
        ("large", -32000, "too-large"),
    ],
)
async def test_what_goes_wrong_has_a_number_a_word_and_a_line(
    server: ControlServer, tmp_path: Path, method: str, code: int, word: str
) -> None:
    async with running(server), client(tmp_path) as one:
        answer = await one.call(method)
        assert answer["id"] == 7
        assert answer["error"]["code"] == code
        assert answer["error"]["data"] == {"code": word}
        assert "\n" not in answer["error"]["message"]
        assert "result" in await one.call("echo")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"hello", -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"echo"}]', -32600),
        (b'{"id":1,"method":"echo"}', -32600),
        (b'{"jsonrpc":"2.0","method":"echo"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":5}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"echo"}', -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"echo"}', -32600),
        ('{"jsonrpc":"2.0","id":1,"method":"echo"}'.encode("utf-16-le"), -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"echo","params":[1]}', -32600),
    ],
)
async def test_a_line_that_is_no_request_is_said_so(
    server: ControlServer, tmp_path: Path, line: bytes, code: int
) -> None:
    async with running(server), client(tmp_path) as one:
        assert (await one.ask(line))["error"]["code"] == code
        assert "result" in await one.call("echo")


async def test_a6_an_endless_line_is_cut_off(server: ControlServer, tmp_path: Path) -> None:
    async with running(server), client(tmp_path) as one:
        answer: dict[str, Any] = {}
        with contextlib.suppress(trio.BrokenResourceError):
            await one.stream.send_all(bytes(CONTROL_LINE_BYTES_MAX + 2))
            answer = await one.read()
        assert answer["error"]["data"] == {"code": "too-large"}


async def test_a6_a_trickling_line_is_cut_off(
    server: ControlServer, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with running(server), client(tmp_path) as one:
        await one.stream.send_all(b"{")
        began = trio.current_time()
        assert await one.read() == {"closed": True}
        assert trio.current_time() - began == pytest.approx(CONTROL_LINE_S_MAX)


async def test_a_silent_client_goes_and_a_listening_one_stays(
    server: ControlServer, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with running(server), client(tmp_path) as silent, client(tmp_path) as listening:
        await listening.call("subscribe")
        assert await silent.read() == {"closed": True}
        await trio.sleep(2 * CONTROL_IDLE_S_MAX)
        server.notify("event", {"name": "joined", "text": "ap7"})
        event = await listening.read()
        assert event == {"jsonrpc": "2.0", "method": "event", "params": {"name": "joined", "text": "ap7"}}


async def test_events_go_to_subscribers_only_and_lost_ones_are_counted(
    server: ControlServer, tmp_path: Path
) -> None:
    async with running(server), client(tmp_path) as one, client(tmp_path) as other:
        await one.call("subscribe")
        await other.call("echo")
        for number in range(CONTROL_EVENTS_MAX + 10):
            server.notify("progress", {"number": number})
        assert (await one.read())["params"] == {"count": 10}
        assert (await one.read())["params"] == {"number": 10}
        assert "result" in await other.call("echo")


async def test_connections_are_bounded_and_the_refused_one_is_told(
    server: ControlServer, tmp_path: Path
) -> None:
    async with running(server), contextlib.AsyncExitStack() as stack:
        for _ in range(CONTROL_CONNECTIONS_MAX):
            one = await stack.enter_async_context(client(tmp_path))
            await one.call("echo")
        extra = await stack.enter_async_context(client(tmp_path))
        assert (await extra.read())["error"]["data"] == {"code": "busy"}
        assert await extra.read() == {"closed": True}


async def test_a35_the_socket_is_for_its_owner_alone_and_goes_with_the_daemon(
    server: ControlServer, tmp_path: Path
) -> None:
    former = os.umask(0)
    try:
        async with running(server):
            assert stat.S_IMODE((tmp_path / "control.sock").stat().st_mode) == 0o600
            assert os.umask(0) == 0
    finally:
        os.umask(former)
    assert not (tmp_path / "control.sock").exists()


async def test_a_dead_daemons_socket_is_replaced_and_a_live_ones_refused(
    server: ControlServer, tmp_path: Path
) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "control.sock"))
    dead.close()
    async with running(server), client(tmp_path) as one:
        with pytest.raises(ConfigError, match="another daemon answers"):
            await ControlServer(tmp_path, StandInMethods()).run()
        assert "result" in await one.call("echo")


async def test_a_path_longer_than_a_socket_address_works(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 60) / ("y" * 60)
    folder.mkdir(parents=True)
    async with running(ControlServer(folder, StandInMethods())):
        fd = os.open(folder, os.O_PATH)
        async with client(Path(f"/proc/self/fd/{fd}")) as one:
            assert "result" in await one.call("echo")
        os.close(fd)


async def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot make .*control\.sock: no such file"):
        await ControlServer(tmp_path / "none", StandInMethods()).run()
