import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from dusk.control.outside import OutsideKey
from dusk.daemon import sessions as module
from dusk.daemon.sessions import Sessions, available_kib
from dusk.daemon.tickets import Ticket, Tickets
from dusk.errors import ConfigError, Refused
from dusk.keys.sealed import DEFAULT, Argon2Parameters, open_user_key, seal_user_key
from dusk.keys.signing import SigningKey
from dusk.limits import (
    CHALLENGE_S_MAX,
    LOGIN_FREE_TRIES,
    LOGIN_PAUSE_S_MAX,
    LOGIN_USERS_COUNTED_MAX,
    LOGINS_WAITING_MAX,
    SESSION_IDLE_S_MAX,
    SESSION_S_MAX,
    SESSIONS_MAX,
    TICKET_KEPT_S_MAX,
    TICKETS_MAX,
)

SEED = bytes(range(32))
KEY = SigningKey.from_seed(SEED)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> list[bytes | None]:
    """Replaces Argon2id: the password is right if it is ``right``; what was tried is kept."""
    tried: list[bytes | None] = []

    def unlock(user: str, password: bytes, sealed: bytes | None) -> SigningKey:
        tried.append(sealed)
        if sealed is None or password != b"right":
            raise Refused("wrong-password", f"wrong password for user {user}")
        return KEY

    monkeypatch.setattr(module, "_unlock", unlock)
    monkeypatch.setattr(module, "cost_of", lambda _sealed, name: DEFAULT)
    return tried


@pytest.fixture
def sessions(told: list[str]) -> Sessions:
    return Sessions(told.append, lambda: None)


async def refused(work: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await work
    return caught.value


async def test_the_right_password_opens_a_session_and_logout_ends_it(told: list[str]) -> None:
    sessions = Sessions(told.append)
    sealed = seal_user_key(SEED, b"tea", salt=os.urandom(16), nonce=os.urandom(24), name="alice")
    opened = await sessions.login("alice", "tea", sealed)
    session = sessions.session(opened["token"])
    assert (session.user, session.key.public) == ("alice", KEY.public)
    assert SEED.hex() not in repr(session)
    assert len(opened["token"]) == 64
    sessions.logout(opened["token"])
    sessions.logout("unknown")
    with pytest.raises(Refused, match="dusk login"):
        sessions.session(opened["token"])


async def test_who_is_asked_after_is_told_and_counts_as_no_use(
    sessions: Sessions, cheap: list[bytes | None], autojump_clock: trio.testing.MockClock
) -> None:
    token = (await sessions.login("alice", "right", b"sealed"))["token"]
    assert sessions.user("") == sessions.user("0" * 64) == ""
    await trio.sleep(SESSION_IDLE_S_MAX - 1)
    assert sessions.user(token) == "alice"
    await trio.sleep(2)
    assert sessions.user(token) == ""


async def test_who_looks_after_a_session_keeps_none_alive_and_is_told_when_it_ends(
    sessions: Sessions, cheap: list[bytes | None], autojump_clock: trio.testing.MockClock
) -> None:
    opened = await sessions.login("alice", "right", b"sealed")
    assert (opened["idle_s"], opened["lasts_s"]) == (SESSION_IDLE_S_MAX, SESSION_S_MAX)
    token = opened["token"]
    await trio.sleep(100)
    sessions.session(token)
    while sessions.left(token)["idle_left_s"] >= 100:
        await trio.sleep(60)
        sessions.session(token, is_use=False)
    left = sessions.left(token)
    assert left["left_s"] == pytest.approx(SESSION_S_MAX - 100 - SESSION_IDLE_S_MAX + left["idle_left_s"])
    await trio.sleep(left["idle_left_s"] + 1)
    with pytest.raises(Refused, match="for too long"):
        sessions.left(token)


async def test_a_session_near_its_last_hour_ends_then_however_it_is_used(
    sessions: Sessions, cheap: list[bytes | None], autojump_clock: trio.testing.MockClock
) -> None:
    token = (await sessions.login("alice", "right", b"sealed"))["token"]
    while sessions.left(token)["left_s"] > SESSION_IDLE_S_MAX / 2:
        await trio.sleep(SESSION_IDLE_S_MAX / 2)
        sessions.session(token)
    left = sessions.left(token)
    assert left["idle_left_s"] == left["left_s"]


async def test_a24_unknown_users_cost_and_answer_like_wrong_passwords(told: list[str]) -> None:
    sessions = Sessions(told.append)
    sealed = seal_user_key(SEED, b"tea", salt=os.urandom(16), nonce=os.urandom(24), name="alice")
    took = []
    for user, blob in (("alice", sealed), ("nobody", None)):
        began = trio.current_time()
        error = await refused(sessions.login(user, "coffee", blob))
        took.append(trio.current_time() - began)
        assert (error.code, error.reason) == ("wrong-password", f"wrong password for user {user}")
    assert max(took) < 20 * min(took)
    assert told == ["wrong password for user alice, 1 in a row", "wrong password for user nobody, 1 in a row"]


@pytest.mark.parametrize("sealed", [b"sealed", None])
async def test_a24_guesses_are_slowed_counted_and_shown(
    sessions: Sessions,
    cheap: list[bytes | None],
    autojump_clock: trio.testing.MockClock,
    sealed: bytes | None,
    told: list[str],
) -> None:
    for _ in range(LOGIN_FREE_TRIES):
        assert (await refused(sessions.login("alice", "wrong", sealed))).code == "wrong-password"
    pause_s = 1.0
    for _ in range(12):
        tried = len(cheap)
        assert (await refused(sessions.login("alice", "wrong", sealed))).code == "too-many-tries"
        assert len(cheap) == tried
        await trio.sleep(pause_s - 0.01)
        soon = await refused(sessions.login("alice", "wrong", sealed))
        assert (soon.code, soon.reason.rpartition("; ")[2]) == ("too-many-tries", "try again in 1 s")
        await trio.sleep(0.02)
        assert (await refused(sessions.login("alice", "wrong", sealed))).code == "wrong-password"
        pause_s = min(2 * pause_s, LOGIN_PAUSE_S_MAX)
    assert sessions.wrong_passwords() == {"alice": LOGIN_FREE_TRIES + 12}
    assert len(told) == LOGIN_FREE_TRIES + 12
    assert (await sessions.login("bob", "right", b"sealed"))["user"] == "bob"
    await trio.sleep(LOGIN_PAUSE_S_MAX)
    if sealed is not None:
        await sessions.login("alice", "right", sealed)
        assert sessions.wrong_passwords() == {}


async def test_a24_names_that_are_counted_are_bounded(
    sessions: Sessions, cheap: list[bytes | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOGIN_USERS_COUNTED_MAX", 3)
    assert LOGIN_USERS_COUNTED_MAX > 3
    for number in range(10):
        await refused(sessions.login(f"user{number}", "wrong", None))
    assert len(sessions._tries) == 3


async def test_a24_names_that_do_not_exist_wash_out_no_pause_of_one_that_does(
    sessions: Sessions, cheap: list[bytes | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOGIN_USERS_COUNTED_MAX", 3)
    for _ in range(LOGIN_FREE_TRIES):
        await refused(sessions.login("alice", "wrong", b"sealed"))
    for number in range(10):
        await refused(sessions.login(f"user{number}", "wrong", None))
    assert (await refused(sessions.login("alice", "wrong", b"sealed"))).code == "too-many-tries"


async def test_passwords_are_tried_one_at_a_time_and_few_wait(
    sessions: Sessions, cheap: list[bytes | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = trio.Event()
    inside: list[Callable[[], object]] = []

    async def run_sync(work: Callable[[], object]) -> SigningKey:
        inside.append(work)
        await release.wait()
        return KEY

    monkeypatch.setattr(trio.to_thread, "run_sync", run_sync)
    async with trio.open_nursery() as nursery:
        for number in range(LOGINS_WAITING_MAX):
            nursery.start_soon(sessions.login, f"user{number}", "right", b"sealed")
        await trio.testing.wait_all_tasks_blocked()
        assert len(inside) == 1
        assert (await refused(sessions.login("late", "right", b"sealed"))).code == "busy"
        release.set()
    assert len(inside) == LOGINS_WAITING_MAX


async def test_a_login_without_memory_for_it_is_refused_before_it_takes_any(
    told: list[str], cheap: list[bytes | None]
) -> None:
    sessions = Sessions(told.append, lambda: 20 * 1024)
    error = await refused(sessions.login("alice", "right", b"sealed"))
    assert error.code == "no-memory"
    assert cheap == []


@pytest.mark.parametrize(("memory_kib", "free_kib"), [(64 * 1024, 71 * 1024), (32 * 1024, 28 * 1024)])
async def test_r10_a_login_needs_the_memory_that_the_key_itself_names(
    told: list[str], monkeypatch: pytest.MonkeyPatch, memory_kib: int, free_kib: int
) -> None:
    cost = Argon2Parameters(memory_kib=memory_kib, passes=2, lanes=1)
    salt, nonce = os.urandom(16), os.urandom(24)
    sealed = seal_user_key(SEED, b"right", salt=salt, nonce=nonce, name="alice", parameters=cost)
    free = [free_kib]
    sessions = Sessions(told.append, lambda: free[0])
    monkeypatch.setattr(module, "_unlock", lambda *_: KEY)
    error = await refused(sessions.login("alice", "right", sealed))
    assert (error.code, f"takes {memory_kib};" in error.reason) == ("no-memory", True)
    free[0] = memory_kib + module.MEMORY_MARGIN_KIB
    assert (await sessions.login("alice", "right", sealed))["user"] == "alice"


async def test_sessions_end_when_idle_and_at_the_end_of_the_day(
    sessions: Sessions, cheap: list[bytes | None], autojump_clock: trio.testing.MockClock
) -> None:
    token = (await sessions.login("alice", "right", b"sealed"))["token"]
    for _ in range(int(SESSION_S_MAX / SESSION_IDLE_S_MAX)):
        sessions.session(token)
        await trio.sleep(SESSION_IDLE_S_MAX - 0.1)
    sessions.session(token)
    await trio.sleep(10)
    with pytest.raises(Refused, match="too long"):
        sessions.session(token)
    token = (await sessions.login("alice", "right", b"sealed"))["token"]
    await trio.sleep(SESSION_IDLE_S_MAX + 1)
    with pytest.raises(Refused):
        sessions.session(token)


async def test_sessions_are_bounded_and_the_idlest_goes(
    sessions: Sessions, cheap: list[bytes | None], autojump_clock: trio.testing.MockClock
) -> None:
    tokens = []
    for _ in range(SESSIONS_MAX + 1):
        tokens.append((await sessions.login("alice", "right", b"sealed"))["token"])
        await trio.sleep(0.1)
    with pytest.raises(Refused):
        sessions.session(tokens[0])
    assert sessions.session(tokens[1]).user == "alice"


def test_free_memory_is_read_where_the_system_tells_it(tmp_path: Path) -> None:
    assert (available_kib() or 0) > 1024
    assert available_kib(tmp_path / "none") is None
    (tmp_path / "meminfo").write_text("MemTotal: 5 kB\n")
    assert available_kib(tmp_path / "meminfo") is None


# --- tickets ---------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[Tickets]:
    tickets = Tickets()
    async with trio.open_nursery() as nursery:
        await nursery.start(tickets.run)
        yield tickets
        nursery.cancel_scope.cancel()


async def test_a_ticket_shows_progress_and_then_the_result() -> None:
    release = trio.Event()

    async def work(ticket: Ticket) -> dict[str, Any]:
        ticket.progress = {"state": "local"}
        await release.wait()
        return {"seq": 5}

    async with running() as tickets:
        name = tickets.start(work)
        await trio.testing.wait_all_tasks_blocked()
        assert tickets.poll(name) == {"done": False, "progress": {"state": "local"}}
        release.set()
        await trio.testing.wait_all_tasks_blocked()
        assert tickets.poll(name) == {"done": True, "progress": {"state": "local"}, "result": {"seq": 5}}
        with pytest.raises(Refused, match="unknown"):
            tickets.poll("none")


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (
            Refused("stale-base", "somebody was faster"),
            {"code": "stale-base", "message": "somebody was faster"},
        ),
        (ConfigError("line 5"), {"code": "failed", "message": "line 5"}),
        (KeyError("x"), {"code": "internal", "message": "internal error: KeyError: 'x'"}),
    ],
)
async def test_what_fails_stands_in_the_ticket(error: Exception, shown: dict[str, str]) -> None:
    async def work(_ticket: Ticket) -> dict[str, Any]:
        raise error

    async with running() as tickets:
        name = tickets.start(work)
        await trio.testing.wait_all_tasks_blocked()
        assert tickets.poll(name) == {"done": True, "progress": {}, "error": shown}


async def test_tickets_are_bounded_and_forgotten_in_the_end(autojump_clock: trio.testing.MockClock) -> None:
    async def never(_ticket: Ticket) -> dict[str, Any]:
        await trio.sleep_forever()
        raise AssertionError

    async def at_once(_ticket: Ticket) -> dict[str, Any]:
        return {}

    async with running() as tickets:
        done = tickets.start(at_once)
        for _ in range(TICKETS_MAX - 1):
            tickets.start(never)
        await trio.testing.wait_all_tasks_blocked()
        tickets.start(at_once)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Refused, match="unknown"):
            tickets.poll(done)
        last = tickets.start(never)
        assert tickets.poll(last)["done"] is False
        with pytest.raises(Refused, match="under way"):
            tickets.start(never)
    async with running() as tickets:
        done = tickets.start(at_once)
        await trio.sleep(TICKET_KEPT_S_MAX + 1)
        with pytest.raises(Refused, match="ended long ago"):
            tickets.poll(done)
        tickets.start(at_once)
        assert len(tickets._tickets) == 1


async def test_a_key_is_sealed_so_that_the_password_opens_it(sessions: Sessions) -> None:
    key, sealed = await sessions.seal("bob", "a few words", None)
    assert open_user_key(sealed, b"a few words", name="bob").public == key.public
    again, other = await sessions.seal("bob", "more words", key.seed)
    assert (again.public, other != sealed) == (key.public, True)
    for password, code in (("", "empty-password"), ("x", "short-password"), ("é" * 513, "long-password")):
        assert (await refused(sessions.seal("bob", password, key.seed))).code == code


async def test_a_key_is_sealed_only_where_there_is_memory_for_it(told: list[str]) -> None:
    sessions = Sessions(told.append, lambda: 20 * 1024)
    assert (await refused(sessions.seal("bob", "a few words", None))).code == "no-memory"


async def test_sessions_are_listed_without_their_tokens_and_ended_by_user(
    sessions: Sessions, cheap: list[bytes | None]
) -> None:
    for user in ("alice", "bob", "bob"):
        await sessions.login(user, "right", b"sealed")
    assert [one["user"] for one in sessions.listed()] == ["alice", "bob", "bob"]
    assert sessions.end("bob") == 2
    assert [one["user"] for one in sessions.listed()] == ["alice"]


async def test_a23_keys_that_may_be_here_no_more_go_at_once_and_whose_they_were_is_told_why(
    sessions: Sessions, cheap: list[bytes | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = {u: (await sessions.login(u, "right", b"sealed"))["token"] for u in ("alice", "bob", "carol")}

    def check(session: module.Session) -> None:
        if session.user != "carol":
            raise Refused("no-session", f"{session.user} was disabled")

    sessions.recheck(check, tokens["carol"], tokens["bob"], "unknown")
    assert [one["user"] for one in sessions.listed()] == ["alice", "carol"]
    sessions.recheck(check)
    assert [one["user"] for one in sessions.listed()] == ["carol"]
    assert sessions.session(tokens["carol"]).user == "carol"
    for user in ("alice", "bob"):
        with pytest.raises(Refused, match=f"{user} was disabled") as caught:
            sessions.session(tokens[user])
        assert caught.value.code == "no-session"
    monkeypatch.setattr(module, "SESSIONS_MAX", 1)
    again = (await sessions.login("bob", "right", b"sealed"))["token"]
    sessions.recheck(check)
    with pytest.raises(Refused, match="bob was disabled"):
        sessions.session(again)
    with pytest.raises(Refused, match="dusk login"):
        sessions.session(tokens["bob"])


# --- keys outside the cluster --------------------------------------------------------------------


async def test_a_session_for_a_key_elsewhere_has_the_public_half_alone(sessions: Sessions) -> None:
    opened = sessions.open("ann", OutsideKey.of(KEY.public))
    session = sessions.session(opened["token"])
    assert (session.user, session.key.public, session.key.seed) == ("ann", KEY.public, b"")


async def test_a_challenge_is_random_and_answered_once_within_a_minute(
    sessions: Sessions, autojump_clock: trio.testing.MockClock
) -> None:
    first, second = sessions.challenge("ann"), sessions.challenge("ann")
    assert first != second
    assert [sessions.is_challenged("ann", first) for _ in range(2)] == [True, False]
    await trio.sleep(CHALLENGE_S_MAX)
    assert not sessions.is_challenged("ann", second)
