"""Who may ask the page (A34)."""

import pytest

from dusk.errors import Refused
from dusk.web.guard import (
    CODE_TRIES_MAX,
    IDLE_S,
    LAST_S,
    SESSIONS_MAX,
    Guard,
    Session,
    cookie_header,
    end_header,
)

HOST = {"host": "127.0.0.1:7874"}
OWN = {**HOST, "origin": "http://127.0.0.1:7874"}


class Doors:
    """A guard with a clock and random bytes of ours."""

    def __init__(self) -> None:
        self.now, self.count = 0.0, 0
        self.guard = Guard(["127.0.0.1:7874", "localhost:7874"], 7874, self._random, lambda: self.now, "code")

    def _random(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(size, "big")

    def of(self, session: Session, **more: str) -> dict[str, str]:
        """Return what a page of the session sends, right after its person did something."""
        cookie = f"other=1; {session.name}={session.cookie}"
        return {**OWN, "cookie": cookie, "x-dusk-token": session.token, "x-dusk-idle": "0", **more}


def refused(code: str) -> pytest.RaisesExc[Refused]:
    return pytest.RaisesExc(Refused, check=lambda error: error.code == code)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:80", "", "127.0.0.1:7874.evil.example"]
)
def test_a34_a_name_that_somebody_elses_dns_points_here_is_no_name_of_ours(host: str) -> None:
    with refused("foreign-host"):
        Doors().guard.check_host({"host": host})


@pytest.mark.parametrize("host", ["127.0.0.1:7874", "LOCALHOST:7874"])
def test_our_own_names_are_known(host: str) -> None:
    Doors().guard.check_host({"host": host})


@pytest.mark.parametrize(
    "headers",
    [
        HOST,
        {**HOST, "origin": "null"},
        {**HOST, "origin": "http://evil.example"},
        {**HOST, "origin": "http://127.0.0.1:7875"},
        {**OWN, "sec-fetch-site": "cross-site"},
        {**OWN, "sec-fetch-site": "same-site"},
    ],
)
def test_a34_what_another_site_asks_for_is_refused(headers: dict[str, str]) -> None:
    with refused("foreign-site"):
        Doors().guard.check_own(headers)


def test_a34_half_a_character_is_no_code() -> None:
    with refused("wrong-code"):
        Doors().guard.take_code("\ud800")


def test_a34_a_cookie_alone_asks_for_nothing() -> None:
    doors = Doors()
    session, other = doors.guard.let_in(), doors.guard.let_in()
    assert doors.guard.session(doors.of(session)) is session
    for token in ("", "0" * 64, session.cookie, "\u00ff", "\ud800", other.token):
        assert doors.guard.session(doors.of(session, **{"x-dusk-token": token})) is None


def test_a34_a_token_alone_asks_for_nothing() -> None:
    doors = Doors()
    session, other = doors.guard.let_in(), doors.guard.let_in()
    for cookie in (
        "",
        f"{session.name}=",
        f"{session.name}={session.token}",
        f"{session.name}={other.cookie}",
        f"{other.name}={session.cookie}",
        f"dusk-web={session.cookie}",
    ):
        assert doors.guard.session(doors.of(session, cookie=cookie)) is None


def test_a34_a_planted_cookie_neither_locks_out_nor_logs_in_as_another() -> None:
    """Whoever has another port of this host sets cookies for ours, by any name, and his comes first."""
    doors = Doors()
    session, planters = doors.guard.let_in(), doors.guard.let_in()
    own = f"{session.name}={session.cookie}"
    theirs = (f"{session.name}=0", f"{session.name}={planters.cookie}", f"{planters.name}={planters.cookie}")
    for planted in theirs:
        for cookie in (f"{planted}; {own}", f"{own}; {planted}"):
            assert doors.guard.session(doors.of(session, cookie=cookie)) is session
        assert doors.guard.session(doors.of(session, cookie=planted)) is None


def test_a34_scripts_do_not_see_the_cookie_and_other_sites_do_not_send_it() -> None:
    session = Doors().guard.let_in()
    assert cookie_header(session) == (
        f"dusk-web-7874-0={session.cookie}; HttpOnly; SameSite=Strict; Path=/"
    ), "its name has the port, for cookies know none"
    assert end_header(session) == "dusk-web-7874-0=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"


def test_a_second_tab_logs_in_beside_the_first() -> None:
    doors = Doors()
    first, second = doors.guard.let_in(), doors.guard.let_in()
    both = f"{first.name}={first.cookie}; {second.name}={second.cookie}"
    assert doors.guard.session(doors.of(first, cookie=both)) is first
    assert doors.guard.session(doors.of(second, cookie=both)) is second
    doors.guard.end(first)
    assert doors.guard.session(doors.of(second, cookie=both)) is second
    assert doors.guard.let_in().name == first.name, "a browser keeps few cookies of ours"


def test_a_session_ends_when_nobody_used_it() -> None:
    doors = Doors()
    session = doors.guard.let_in()
    for _ in range(3):
        doors.now += IDLE_S - 1
        assert doors.guard.session(doors.of(session)) is session
    doors.now += IDLE_S + 1
    assert doors.guard.session(doors.of(session)) is None


@pytest.mark.parametrize("told", ["since", "-1", "nan", "", "9" * 7, "\u0661"])
def test_what_a_page_asks_by_itself_keeps_no_session_alive(told: str) -> None:
    doors = Doors()
    session = doors.guard.let_in()
    while doors.now <= IDLE_S:
        idle = str(int(doors.now)) if told == "since" else told
        assert doors.guard.session(doors.of(session, **{"x-dusk-idle": idle})) is session
        doors.now += 5
    assert doors.guard.session(doors.of(session)) is None


def test_whoever_types_and_sends_nothing_is_using_it() -> None:
    doors = Doors()
    session = doors.guard.let_in()
    doors.now = IDLE_S
    assert doors.guard.session(doors.of(session, **{"x-dusk-idle": "60"})) is session
    doors.now = 2 * IDLE_S - 61
    assert doors.guard.session(doors.of(session, **{"x-dusk-idle": str(10 * IDLE_S)})) is session
    doors.now = 2 * IDLE_S - 59
    assert doors.guard.session(doors.of(session)) is None


def test_a_session_ends_at_last_however_it_is_used() -> None:
    doors = Doors()
    session = doors.guard.let_in()
    while doors.now < LAST_S:
        assert doors.guard.session(doors.of(session)) is session
        doors.now += IDLE_S - 1
    assert doors.guard.session(doors.of(session)) is None


def test_who_logs_out_is_out_and_the_idlest_gives_way_to_one_more() -> None:
    doors = Doors()
    first = doors.guard.let_in()
    doors.now = 1.0
    others = [doors.guard.let_in() for _ in range(SESSIONS_MAX)]
    assert doors.guard.session(doors.of(first)) is None
    doors.guard.end(others[0])
    assert doors.guard.session(doors.of(others[0])) is None
    assert doors.guard.session(doors.of(others[1])) is others[1]


def test_the_code_of_the_terminal_lets_in_once() -> None:
    guard = Doors().guard
    guard.take_code("code")
    with refused("wrong-code"):
        guard.take_code("code")


def test_a34_a_code_is_not_guessed() -> None:
    guard = Doors().guard
    for _ in range(CODE_TRIES_MAX):
        with refused("wrong-code"):
            guard.take_code("cod\u00e9")
    with refused("wrong-code"):
        guard.take_code("code")
