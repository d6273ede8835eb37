"""What is at which address: login, the page, its files, and the way to the daemon."""

import html
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

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

Relay = Callable[[bytes], Awaitable[bytes]]
"""Carries a request of the views to the daemon; raises `BadRequest`."""
Login = Callable[[str, str], Awaitable[Mapping[str, str]]]
"""Tries a user and a password at the daemon; returns its token, or raises `Refused`."""


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
        self._open = {f"/web/{path.name}": File(TYPES[path.suffix], path.read_bytes()) for path in own}
        self._files = dict(files)
        self._guard, self._menu, self._relay, self._login = guard, menu, relay, login
        self._page = (STATIC / "page.html").read_text()
        self._door = (STATIC / "login.html").read_bytes()

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        try:
            self._guard.check_host(request.headers)
            answer = await self._answer(request)
        except Refused as error:
            status = 421 if error.code == "foreign-host" else 403
            answer = Response(
                status, _JSON, as_json({"error": {"code": error.code, "message": error.reason}})
            )
        except BadRequest as error:
            answer = Response(400, data=str(error).encode())
        return Response(answer.status, answer.kind, answer.data, {**guard.HEADERS, **answer.headers})

    async def _answer(self, request: Request) -> Response:
        if request.method in ("GET", "HEAD") and request.path in self._open:
            found = self._open[request.path]
            return Response(200, found.kind, found.data)
        if request.method == "POST" and request.path == "/web/login":
            return await self._let_in(request)
        session = self._guard.session(request.headers)
        if session is None:
            is_page = request.method == "GET" and (request.path == "/" or request.path.startswith(BASE))
            return Response(200 if is_page else 401, _HTML, self._door if is_page else b"")
        if request.method == "GET":
            return self._get(request.path, session)
        return await self._post(request, session)

    def _get(self, path: str, session: Session) -> Response:
        if path in ("/", BASE, BASE.rstrip("/")):
            return Response(302, headers={"Location": BASE + self._menu[0][0]})
        found = self._files.get(path)
        if found is not None:
            return Response(200, found.kind, found.data)
        name = path.removeprefix(BASE)
        if path.startswith(BASE) and name in dict(self._menu):
            return Response(200, _HTML, self._view(name, session))
        return Response(404, data=b"there is nothing at this address\n")

    async def _post(self, request: Request, session: Session) -> Response:
        self._guard.check_token(session, request.headers)
        if request.path == "/web/logout":
            self._guard.end(session)
            return Response(200, _JSON, b"{}")
        if request.path == "/ubus":
            return Response(200, _JSON, await self._relay(request.body))
        return Response(404, data=b"there is nothing at this address\n")

    async def _let_in(self, request: Request) -> Response:
        """Log somebody in, by the code on the terminal, or by a person's name and password."""
        self._guard.check_own(request.headers)
        try:
            given = json.loads(request.body)
        except (ValueError, RecursionError):
            raise BadRequest("not JSON") from None
        match given:
            case {"code": str(code)}:
                self._guard.take_code(code)
                known: Mapping[str, str] = {}
            case {"user": str(user), "password": str(password)}:
                known = await self._login(user, password)
            case _:
                raise BadRequest("neither code nor user and password")
        session = self._guard.let_in()
        return Response(200, _JSON, as_json(dict(known)), {"Set-Cookie": guard.cookie_header(session)})

    def _view(self, name: str, session: Session) -> bytes:
        """Return the page around a view. What is put in is ours, and escaped all the same."""
        links = "".join(
            f'<li><a href="{BASE}{html.escape(one)}"{" aria-current=page" if one == name else ""}>'
            f"{html.escape(title)}</a></li>"
            for one, title in self._menu
        )
        title = dict(self._menu)[name]
        marks = {"title": title, "view": name, "token": session.token}
        page = self._page.replace("{{menu}}", links)
        for mark, text in marks.items():
            page = page.replace(f"{{{{{mark}}}}}", html.escape(text))
        return page.encode()
