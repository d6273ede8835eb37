"""What is at which address: the page and its files, the login, and the way to the daemon.

What a browser gets by asking for an address is the same for everybody, and says nothing of the cluster:
it is what stands in the project. All else takes a session, and is asked by the page itself.
"""

import html
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from dusk.errors import Refused
from dusk.web import guard
from dusk.web.guard import Guard, Session
from dusk.web.http import Request, Response
from dusk.web.relaying import BadRequest, as_json
from dusk.web.views import TYPES, File

BASE = "/admin/services/dusk/"
"""Below it are the views, as below LuCI's own address."""
STATIC = Path(__file__).with_name("static")
_HTML = "text/html; charset=utf-8"
_JSON = "application/json"
_LOOKING = ("GET", "HEAD")
_NOTHING = Response(404, data=b"there is nothing at this address\n")

Relay = Callable[[bytes], Awaitable[bytes]]
"""Carries a request of the views to the daemon; raises `BadRequest`."""
Login = Callable[[str, str], Awaitable[Mapping[str, Any]]]
"""Tries a user and a password at the daemon; returns what it says of the session, or raises `Refused`."""


class Site:
    """The addresses of one `dusk web`.

    Args:
        guard: who may ask.
        files: address → file of the views.
        menu: (name, title) of each view.
        relay: to the daemon.
        login: at the daemon.
    """

    def __init__(
        self, guard: Guard, files: Mapping[str, File], menu: list[tuple[str, str]], relay: Relay, login: Login
    ) -> None:
        own = [path for path in STATIC.iterdir() if path.suffix in TYPES]
        page = File(_HTML, _page(menu))
        self._files = {
            **files,
            **{f"/web/{path.name}": File(TYPES[path.suffix], path.read_bytes()) for path in own},
            **{BASE + name: page for name, _ in menu},
        }
        self._first = BASE + menu[0][0]
        self._guard, self._relay, self._login = guard, relay, login

    def refusal(self, request: Request) -> Response | None:
        """Return what who may not ask here is told, by what the head of a request says; None: he may."""
        try:
            self._guard.check_host(request.headers)
            if request.method not in _LOOKING:
                self._guard.check_own(request.headers)
        except Refused as error:
            return _guarded(_refusal(421 if error.code == "foreign-host" else 403, error))
        return None

    async def handle(self, request: Request) -> Response:
        """Answer one request of who may ask (`refusal`)."""
        try:
            answer = await self._answer(request)
        except Refused as error:
            answer = _refusal(403, error)
        except BadRequest as error:
            answer = Response(400, data=str(error).encode())
        return _guarded(answer)

    async def _answer(self, request: Request) -> Response:
        if request.method in _LOOKING:
            return self._get(request.path)
        if request.path == "/web/login":
            return await self._let_in(request)
        session = self._guard.session(request.headers)
        if session is None:
            return _refusal(401, Refused("no-page-session", "log in to this page"))
        return await self._asked(request, session)

    def _get(self, path: str) -> Response:
        if path in ("/", BASE, BASE.rstrip("/")):
            return Response(302, headers={"Location": self._first})
        found = self._files.get(path)
        return _NOTHING if found is None else Response(200, found.kind, found.data)

    async def _asked(self, request: Request, session: Session) -> Response:
        """Do what the page of a session asks for."""
        if request.path == "/web/logout":
            self._guard.end(session)
            return Response(200, _JSON, b"{}", {"Set-Cookie": guard.end_header(session)})
        if request.path == "/ubus":
            return Response(200, _JSON, await self._relay(request.body))
        return _NOTHING

    async def _let_in(self, request: Request) -> Response:
        """Log somebody in, by the code on the terminal, or by a person's name and password.

        The answer is the one place where the page's token stands.
        """
        try:
            given = json.loads(request.body)
        except (ValueError, RecursionError):
            raise BadRequest("not JSON") from None
        match given:
            case {"code": str(code)}:
                self._guard.take_code(code)
                known: Mapping[str, Any] = {}
            case {"user": str(user), "password": str(password)}:
                known = await self._login(user, password)
            case _:
                raise BadRequest("neither code nor user and password")
        session = self._guard.let_in()
        said = {**known, "page": session.token}
        return Response(200, _JSON, as_json(said), {"Set-Cookie": guard.cookie_header(session)})


def _guarded(answer: Response) -> Response:
    return Response(answer.status, answer.kind, answer.data, {**guard.HEADERS, **answer.headers})


def _refusal(status: int, error: Refused) -> Response:
    return Response(status, _JSON, as_json({"error": {"code": error.code, "message": error.reason}}))


def _page(menu: list[tuple[str, str]]) -> bytes:
    """Return the one page around all views. What is put in is ours, and escaped all the same."""
    links = "".join(
        f'<li><a href="{BASE}{html.escape(name)}">{html.escape(title)}</a></li>' for name, title in menu
    )
    return (STATIC / "page.html").read_text().replace("{{menu}}", links).encode()
