"""Listens, and puts guard, site and daemon together."""

import secrets
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from ipaddress import ip_address
from typing import Any

import trio

from dusk.cli.client import Client
from dusk.daemon.mistakes import describe
from dusk.errors import Refused
from dusk.web import relaying, views
from dusk.web.guard import Guard
from dusk.web.http import Request, Response, serve
from dusk.web.places import Places
from dusk.web.site import BASE, Site

CALLERS_MAX = 8
"""So many requests ask the daemon at once."""
LOGINS_MAX = 8
"""As many as the daemon lets wait."""
LOGIN_S_MAX = 60.0

Connect = Callable[[], Client]
"""Makes a client of the control socket."""


async def run(host: str, port: int, connect: Connect, say: Callable[[str], None]) -> None:
    """Serve the page until cancelled.

    Args:
        host: address to listen at.
        port: TCP port; 0 takes any that is free.
        connect: to the daemon.
        say: is told the address to open, once that can be opened.

    Raises:
        Refused: ``address-in-use``, or the address is not one of this machine.
        ConfigError: the views are not there.
    """
    files, menu = views.page_files(), views.menu()
    try:
        listeners = await trio.open_tcp_listeners(port, host=host)
    except OSError as error:
        raise Refused(
            "cannot-listen", f"cannot listen at {host}:{port}: {error.strerror}; see --listen"
        ) from None
    port = listeners[0].socket.getsockname()[1]
    code = secrets.token_urlsafe(18)
    guard = Guard(_names(host, port), port, secrets.token_bytes, time.monotonic, code)
    site = Site(guard, files, menu, _relay(connect), _login(connect))
    say(f"http://{_written(host)}:{port}{BASE}overview#code={code}")
    places = Places(trio.current_time)

    async def one(stream: trio.SocketStream) -> None:
        async with stream:
            with places.take(_address(stream)) as place:
                if place is None:
                    return

                async def handle(request: Request) -> Response:
                    with places.answering(place):
                        return await site.handle(request)

                await serve(stream, site.refusal, handle, _tell)

    await trio.serve_listeners(one, listeners)


def _address(stream: trio.SocketStream) -> str:
    """Return who is at the other end; empty for who has gone already."""
    try:
        return str(stream.socket.getpeername()[0])
    except OSError:
        return ""


def _tell(error: BaseException) -> None:
    sys.stderr.write(f"dusk web: {describe(error)}\n")


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def is_here_alone(host: str) -> bool:
    """Tell whether only this machine reaches an address; of a name that is not known."""
    try:
        return host == "localhost" or ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _names(host: str, port: int) -> set[str]:
    """Return the values of ``Host`` that are this page's."""
    hosts = {_written(host)} | ({"localhost"} if host in ("127.0.0.1", "::1") else set())
    return {f"{one}:{port}".lower() for one in hosts}


def _relay(connect: Connect) -> Callable[[bytes], Any]:
    known, places = relaying.methods(), trio.CapacityLimiter(CALLERS_MAX)

    def ask(body: bytes) -> bytes:
        with closing(connect()) as client:
            return relaying.answer(body, known, lambda method, args: client.call(method, **args))

    async def relay(body: bytes) -> bytes:
        return await trio.to_thread.run_sync(ask, body, limiter=places)

    return relay


def _login(connect: Connect) -> Callable[[str, str], Any]:
    places = trio.CapacityLimiter(LOGINS_MAX)

    def ask(user: str, password: str) -> Mapping[str, Any]:
        with closing(connect()) as client:
            ticket = client.call("session.login", user=user, password=password)["ticket"]
            return client.wait(ticket, LOGIN_S_MAX)

    async def login(user: str, password: str) -> Mapping[str, Any]:
        if not places.available_tokens:
            raise Refused("busy", "others are logging in; try again in a few seconds")
        return await trio.to_thread.run_sync(ask, user, password, limiter=places)

    return login
