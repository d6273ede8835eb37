"""Who may ask the page (A34)."""

import pytest

from dusk.errors import Refused
from dusk.web.guard import CODE_TRIES_MAX, IDLE_S, LAST_S, SESSIONS_MAX, Guard, Session, cookie_header

HOST = {"host": "127.0.0.1:7874"}
OWN = {**HOST, "origin": "http://127.0.0.1:7874"}


class Doors:
    """A guard with a clock and random bytes of ours."""

    def __init__(self) -> None:
        self.now, self.count = 0.0, 0
        self.guard = Guard(["127.0.0.1:7874", "localhost:7874"], self._random, lambda: self.now, "code")

    def _random(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(size, "big")

    def with_cookie(self, session: Session, **more: str) -> dict[str, str]:
        return {**OWN, "cookie": f"other=1; dusk-web={session.cookie}", **more}


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
    session = doors.guard.let_in()
    assert doors.guard.session(doors.with_cookie(session)) is session
    for token in ("", "0" * 64, session.cookie, "\u00ff"):
        with refused("foreign-site"):
            doors.guard.check_token(session, doors.with_cookie(session, **{"x-dusk-token": token}))
    doors.guard.check_token(session, doors.with_cookie(session, **{"x-dusk-token": session.token}))


def test_a34_scripts_do_not_see_the_cookie_and_other_sites_do_not_send_it() -> None:
    header = cookie_header(Doors().guard.let_in())
    assert "; HttpOnly; SameSite=Strict; Path=/" in header


def test_a_session_ends_when_nobody_used_it() -> None:
    doors = Doors()
    session = doors.guard.let_in()
    for _ in range(3):
        doors.now += IDLE_S - 1
        assert doors.guard.session(doors.with_cookie(session)) is session
    doors.now += IDLE_S + 1
    assert doors.guard.session(doors.with_cookie(session)) is None


def test_a_session_ends_at_last_however_it_is_used() -> None:
    doors = Doors()
    session = doors.guard.let_in()
    while doors.now < LAST_S:
        assert doors.guard.session(doors.with_cookie(session)) is session
        doors.now += IDLE_S - 1
    assert doors.guard.session(doors.with_cookie(session)) is None


def test_who_logs_out_is_out_and_the_idlest_gives_way_to_one_more() -> None:
    doors = Doors()
    first = doors.guard.let_in()
    doors.now = 1.0
    others = [doors.guard.let_in() for _ in range(SESSIONS_MAX)]
    assert doors.guard.session(doors.with_cookie(first)) is None
    doors.guard.end(others[0])
    assert doors.guard.session(doors.with_cookie(others[0])) is None
    assert doors.guard.session(doors.with_cookie(others[1])) is others[1]


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
