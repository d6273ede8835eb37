"""HTTP/1.1 for one connection: h11 decides about bytes, this about bounds and time."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import h11
import trio

from dusk.daemon.mistakes import MISTAKES

HEAD_BYTES_MAX = 16_384
BODY_BYTES_MAX = 65_536
"""As uhttpd takes at ``/ubus``."""
HEAD_S_MAX = 10.0
"""From a request's first byte to the end of its head."""
REQUEST_S_MAX = 10.0
"""From there to the end of its body."""
IDLE_S_MAX = 60.0
"""Without a byte, before the first request and between two."""
ANSWER_S_MAX = 30.0
_READ_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Request:
    """What a browser asked.

    Attributes:
        method: in capitals.
        path: without what stands behind ``?``.
        headers: name in lower case → value; of several the last.
        body: at most `BODY_BYTES_MAX`.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What it gets.

    Attributes:
        status: of HTTP.
        kind: the value of ``Content-Type``.
        data: the body.
        headers: further ones.
    """

    status: int
    kind: str = "text/plain; charset=utf-8"
    data: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Request], Awaitable[Response]]
Check = Callable[[Request], Response | None]
"""Judges a head, with an empty body. What it returns is the answer, and of the body nothing is read."""
BREAKS = (*MISTAKES, OSError, RuntimeError, h11.LocalProtocolError)
"""What a mistake of our own raises, what is nested too deep, or a machine that has no descriptor left."""


class _UnwantedBody(Exception):
    """A body that is not read, or not to its end.

    Attributes:
        status: of HTTP, which says why.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def serve(
    stream: trio.abc.Stream, check: Check, handler: Handler, tell: Callable[[BaseException], None]
) -> None:
    """Answer one connection's requests until it ends, breaks a rule, or is too slow.

    Args:
        stream: to the browser; closed at the end.
        check: tells who may ask at all, before anybody's body costs anything (R10, A34).
        handler: gives the answers.
        tell: of a mistake of our own: it ends this connection, and no other (A34).
    """
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES_MAX)
    async with stream:
        try:
            while await _serve_one(connection, stream, check, handler):
                connection.start_next_cycle()
        except (h11.RemoteProtocolError, _UnwantedBody) as error:
            status = error.status if isinstance(error, _UnwantedBody) else 400
            await _refuse(connection, stream, Response(status))
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            return
        except BREAKS as error:
            tell(error)
            await _refuse(connection, stream, Response(500))


async def _serve_one(
    connection: h11.Connection, stream: trio.abc.Stream, check: Check, handler: Handler
) -> bool:
    """Answer one request; tells whether there may be another on this connection."""
    with trio.fail_after(IDLE_S_MAX):
        await _first_byte(connection, stream)
    with trio.fail_after(HEAD_S_MAX):
        first = await _next_event(connection, stream)
    if not isinstance(first, h11.Request):
        return False
    headers = {name.decode("ascii").lower(): value.decode("latin-1") for name, value in first.headers}
    path = first.target.decode("ascii").partition("?")[0]
    request = Request(first.method.decode("ascii"), path, headers, b"")
    is_head = first.method == b"HEAD"
    refusal = check(request)
    if refusal is not None:
        await _refuse(connection, stream, refusal, is_head=is_head)
        return False
    if "transfer-encoding" in headers:
        raise _UnwantedBody(411)  # in pieces of a byte it costs much, and our page says how long it is
    with trio.fail_after(REQUEST_S_MAX):
        body = await _body(connection, stream)
    response = await handler(replace(request, body=body))
    await _send(connection, stream, response, is_head=is_head)
    return connection.our_state is h11.DONE and connection.their_state is h11.DONE


async def _first_byte(connection: h11.Connection, stream: trio.abc.Stream) -> None:
    """Wait until something of the next request is there, or the end."""
    if not connection.trailing_data[0]:
        connection.receive_data(bytes(await stream.receive_some(_READ_BYTES)))


async def _next_event(connection: h11.Connection, stream: trio.abc.Stream) -> object:
    while (event := connection.next_event()) is h11.NEED_DATA:
        if connection.they_are_waiting_for_100_continue:
            goes_on = h11.InformationalResponse(status_code=100, headers=[])
            await stream.send_all(connection.send(goes_on))
        connection.receive_data(bytes(await stream.receive_some(_READ_BYTES)))
    return event


async def _body(connection: h11.Connection, stream: trio.abc.Stream) -> bytes:
    body = bytearray()
    while isinstance(event := await _next_event(connection, stream), h11.Data):
        body += event.data
        if len(body) > BODY_BYTES_MAX:
            raise _UnwantedBody(413)
    return bytes(body)


async def _send(
    connection: h11.Connection, stream: trio.abc.Stream, response: Response, *, is_head: bool = False
) -> None:
    headers = {"Content-Type": response.kind, "Content-Length": str(len(response.data)), **response.headers}
    head = h11.Response(status_code=response.status, headers=list(headers.items()))
    data = connection.send(head) or b""
    if not is_head:  # it asks how long the body is (RFC 9110, 9.3.2)
        data += connection.send(h11.Data(data=response.data)) or b""
    data += connection.send(h11.EndOfMessage()) or b""
    with trio.fail_after(ANSWER_S_MAX):
        await stream.send_all(data)


async def _refuse(
    connection: h11.Connection, stream: trio.abc.Stream, response: Response, *, is_head: bool = False
) -> None:
    """Say what was wrong, where that can be said, and go."""
    if connection.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
        return
    last = replace(response, headers={**response.headers, "Connection": "close"})
    with trio.move_on_after(REQUEST_S_MAX):
        try:
            await _send(connection, stream, last, is_head=is_head)
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            return
