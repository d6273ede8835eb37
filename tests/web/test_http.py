"""One connection: what is answered, and what ends it (A34)."""

from contextlib import suppress

import pytest
import trio
import trio.testing

from dusk.web import http
from dusk.web.http import BODY_BYTES_MAX, HEAD_BYTES_MAX, Check, Handler, Request, Response, serve

GET = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


async def _echo(request: Request) -> Response:
    text = f"{request.method} {request.path} {request.headers['host']} {len(request.body)}"
    return Response(200, data=text.encode(), headers={"X-Own": "1"})


def _anybody(request: Request) -> Response | None:
    assert request.body == b"", "who may ask is judged by the head"
    return None


_told: list[BaseException] = []


async def _never(request: Request) -> Response:
    raise AssertionError("nobody was to be answered")


def _unexpected(error: BaseException) -> None:
    raise AssertionError("a mistake was told") from error


async def talk(*parts: bytes, handler: Handler = _echo, check: Check = _anybody) -> bytes:
    """Send bytes and return all that comes back until the end."""
    ours, theirs = trio.testing.memory_stream_pair()
    said = b""
    async with trio.open_nursery() as nursery:
        tell = _unexpected if handler is _echo else _told.append
        nursery.start_soon(serve, theirs, check, handler, tell)
        for part in parts:
            await ours.send_all(part)
        await ours.send_eof()
        with trio.fail_after(5):
            async for data in ours:
                said += data
    return said


async def test_requests_of_one_connection_are_answered_one_after_the_other() -> None:
    post = b"POST /ubus HTTP/1.1\r\nHost: y\r\nContent-Length: 3\r\n\r\nabc"
    said = await talk(GET, post)
    assert said.count(b"HTTP/1.1 200") == 2
    assert b"GET /a x 0" in said
    assert b"POST /ubus y 3" in said
    assert said.lower().count(b"x-own: 1") == 2


async def test_a34_who_asks_for_the_head_alone_gets_it_and_goes_on() -> None:
    said = await talk(GET.replace(b"GET", b"HEAD"), GET)
    assert said.count(b"HTTP/1.1 200") == 2
    head, _, rest = said.partition(b"\r\n\r\n")
    assert b"content-length: 11" in head.lower()
    assert rest.startswith(b"HTTP/1.1 200"), "no body came before the next answer"


@pytest.mark.parametrize("error", [RecursionError("too deep"), OSError(24, "no descriptor"), ValueError("x")])
async def test_a34_a_mistake_ends_one_connection_is_told_and_no_other_ends(error: Exception) -> None:
    async def broken(request: Request) -> Response:
        raise error

    _told.clear()
    assert b"HTTP/1.1 500" in await talk(GET, GET, handler=broken)
    assert _told == [error]
    assert b"HTTP/1.1 200" in await talk(GET)


async def test_a_browser_that_waits_for_leave_to_send_gets_it() -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, theirs, _anybody, _echo, _unexpected)
        await ours.send_all(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        assert b"HTTP/1.1 100" in await ours.receive_some()
        await ours.send_all(b"ab")
        assert b"POST / x 2" in await ours.receive_some()
        await ours.aclose()


@pytest.mark.parametrize(
    ("what", "status"),
    [
        (b"rubbish\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nLong: " + b"x" * 2 * HEAD_BYTES_MAX, b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"400"),
        (CHUNKED + b"1\r\na\r\n0\r\n\r\n", b"411"),
        (CHUNKED.replace(b"Host", b"Content-Length: 1\r\nHost") + b"1\r\na\r\n0\r\n\r\n", b"411"),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n" + b"x" * (BODY_BYTES_MAX + 1),
            b"413",
        ),
    ],
)
async def test_a34_what_is_no_request_or_too_large_is_refused_and_ends_the_connection(
    what: bytes, status: bytes
) -> None:
    said = await talk(what)
    assert said.startswith(b"HTTP/1.1 " + status)
    assert b"connection: close" in said.lower()


async def test_a34_a_body_in_pieces_is_refused_before_a_piece_of_it_came() -> None:
    with trio.fail_after(5):
        said = await talk(CHUNKED, handler=_never)
    assert said.startswith(b"HTTP/1.1 411")


async def test_a34_who_may_not_ask_is_told_so_before_his_body_came_and_is_let_go() -> None:
    refusal = Response(421, data=b"another name", headers={"X-Own": "1"})
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
    said = await talk(head, handler=_never, check=lambda request: refusal)
    assert said.startswith(b"HTTP/1.1 421")
    assert b"connection: close" in said.lower()
    assert said.endswith(b"another name")
    said = await talk(GET.replace(b"GET", b"HEAD"), GET, handler=_never, check=lambda request: refusal)
    assert said.count(b"HTTP/1.1 421") == 1
    assert said.endswith(b"\r\n\r\n"), "a head has no body behind it"


@pytest.mark.parametrize(
    ("sent", "after_s"),
    [(b"", http.IDLE_S_MAX), (GET[:10], http.HEAD_S_MAX), (GET + GET[:10], http.HEAD_S_MAX)],
)
async def test_a34_who_says_nothing_more_is_let_go(
    sent: bytes, after_s: float, autojump_clock: trio.testing.MockClock
) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, theirs, _anybody, _echo, _unexpected)
        await ours.send_all(sent)
        async for _ in ours:
            pass
    assert trio.current_time() == pytest.approx(after_s, abs=1.0)


async def test_a34_a_head_that_trickles_ends_the_connection(autojump_clock: trio.testing.MockClock) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, theirs, _anybody, _echo, _unexpected)
        with suppress(trio.BrokenResourceError):
            for letter in GET[:-1]:
                await ours.send_all(bytes([letter]))
                await trio.sleep(http.HEAD_S_MAX / 8)
    assert trio.current_time() == pytest.approx(http.HEAD_S_MAX, abs=2.0)


async def test_a34_a_body_that_trickles_ends_the_connection(autojump_clock: trio.testing.MockClock) -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, theirs, _anybody, _echo, _unexpected)
        await ours.send_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc")
        assert await ours.receive_some() == b""
    assert trio.current_time() == pytest.approx(http.REQUEST_S_MAX, abs=1.0)
