"""What is at which address of the page, and for whom (A34)."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from dusk.errors import Refused
from dusk.web.guard import TOKEN_HEADER, Guard
from dusk.web.http import Request, Response
from dusk.web.site import BASE, Site
from dusk.web.views import File

HOST = "127.0.0.1:7874"
OWN = {"host": HOST, "origin": f"http://{HOST}"}
SCRIPT = "/luci-static/resources/view/dusk/overview.js"


class Browser:
    """A site, and a browser that keeps its cookie and its page's token."""

    def __init__(self) -> None:
        guard = Guard([HOST], 7874, lambda size: b"\7" * size, lambda: 0.0, "code")
        files = {SCRIPT: File("text/javascript", b"1")}
        self.site = Site(guard, files, [("overview", "Over <view>")], self._relay, self._login)
        self.headers: dict[str, str] = {}

    async def _relay(self, body: bytes) -> bytes:
        return b"relayed " + body

    async def _login(self, user: str, password: str) -> Mapping[str, object]:
        if password != "right":
            raise Refused("wrong-password", "wrong user or password")
        return {"token": "00", "user": user, "idle_s": 900}

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
        request = Request(method, path, {**OWN, **self.headers, **headers}, body)
        return self.site.refusal(replace(request, body=b"")) or await self.site.handle(request)

    async def log_in(self) -> Response:
        response = await self.ask("POST", "/web/login", b'{"user":"anna","password":"right"}')
        cookie = response.headers["Set-Cookie"].partition(";")[0]
        self.headers = {"cookie": cookie, TOKEN_HEADER: json.loads(response.data)["page"]}
        return response


async def test_who_is_not_logged_in_gets_the_page_as_it_stands_in_the_project_and_nothing_else() -> None:
    browser = Browser()
    assert (await browser.ask("GET", SCRIPT)).data == b"1"
    assert (await browser.ask("GET", "/etc/passwd")).status == 404
    for path in ("/ubus", "/web/logout", "/elsewhere"):
        answer = await browser.ask("POST", path)
        assert answer.status == 401
        assert json.loads(answer.data)["error"]["code"] == "no-page-session"


async def test_a34_the_page_is_the_same_for_all_and_the_login_alone_tells_the_token() -> None:
    browser = Browser()
    before = await browser.ask("GET", BASE + "overview")
    assert b"Over &lt;view&gt;" in before.data
    said = json.loads((await browser.log_in()).data)
    assert (await browser.ask("GET", BASE + "overview")) == before
    for path in ("/", BASE + "overview", SCRIPT, "/web/host.js", "/web/door.js", "/missing"):
        for headers in ({}, browser.headers):
            answer = await Browser().ask("GET", path, b"", **headers)
            assert said["page"].encode() not in answer.data
            assert "Set-Cookie" not in answer.headers


async def test_a_person_logs_in_by_name_and_password_and_the_page_asks_by_its_token() -> None:
    browser = Browser()
    said = json.loads((await browser.log_in()).data)
    assert said == {"token": "00", "user": "anna", "idle_s": 900, "page": (b"\7" * 32).hex()}
    assert (await browser.ask("POST", "/ubus", b"[]")).data == b"relayed []"
    assert (await browser.ask("GET", "/")).headers["Location"] == BASE + "overview"


async def test_a_wrong_password_is_told_and_lets_nobody_in() -> None:
    answer = await Browser().ask("POST", "/web/login", b'{"user":"anna","password":"wrong"}')
    assert answer.status == 403
    assert json.loads(answer.data)["error"]["code"] == "wrong-password"
    assert "Set-Cookie" not in answer.headers


async def test_the_code_lets_in_once_and_brings_no_token_of_a_person() -> None:
    browser = Browser()
    first = await browser.ask("POST", "/web/login", b'{"code":"code"}')
    assert (first.status, json.loads(first.data)) == (200, {"page": (b"\7" * 32).hex()})
    assert (await browser.ask("POST", "/web/login", b'{"code":"code"}')).status == 403


async def test_who_logs_out_is_asked_to_log_in_again() -> None:
    browser = Browser()
    await browser.log_in()
    answer = await browser.ask("POST", "/web/logout")
    assert (answer.status, "Max-Age=0" in answer.headers["Set-Cookie"]) == (200, True)
    assert (await browser.ask("POST", "/ubus", b"[]")).status == 401


@pytest.mark.parametrize(
    "path",
    [
        "/luci-static/resources/view/dusk/../../../../../../etc/passwd",
        "/luci-static/resources/view/dusk/%2e%2e/overview.js",
        "//etc/passwd",
        BASE + "../overview",
        BASE + "missing",
        "/web/page.html",
        "/web/login.html",
        "/web/",
    ],
)
async def test_a34_what_is_not_listed_is_not_there(path: str) -> None:
    browser = Browser()
    await browser.log_in()
    assert (await browser.ask("GET", path)).status == 404


async def test_a34_another_sites_page_gets_nothing_though_the_browser_sends_the_cookie() -> None:
    browser = Browser()
    await browser.log_in()
    for change in ({"origin": "http://evil.example"}, {"origin": ""}, {"sec-fetch-site": "cross-site"}):
        assert (await browser.ask("POST", "/ubus", b"[]", **change)).status == 403
    assert (await browser.ask("POST", "/ubus", b"[]", **{TOKEN_HEADER: ""})).status == 401
    assert (await browser.ask("POST", "/ubus", b"[]", host="evil.example")).status == 421
    assert (
        await browser.ask("POST", "/web/login", b'{"code":"code"}', origin="http://evil.example")
    ).status == 403


async def test_a34_every_answer_forbids_frames_foreign_scripts_and_guessed_types() -> None:
    browser = Browser()
    answers = [
        await browser.ask("GET", "/"),
        await browser.ask("GET", "/web/host.js"),
        await browser.ask("GET", "/missing"),
        await browser.ask("GET", "/", host="evil.example"),
    ]
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src 'self'; style-src 'self'; " in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("body", [b"", b"1", b"{", b'{"user":"anna"}', b'{"code":1}', b"[" * 60_000])
async def test_a34_a_login_that_is_none_is_refused(body: bytes) -> None:
    assert (await Browser().ask("POST", "/web/login", body)).status == 400
