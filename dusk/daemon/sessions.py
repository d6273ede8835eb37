"""Who has logged in: unlocked keys in memory, and how guessing passwords is slowed (A24).

A password costs Argon2id in a thread, one at a time, only when there is memory for it. After a
few wrong ones each further try has to wait twice as long as the one before. Users that do not
exist cost and wait the same.
"""

import os
import secrets
from collections.abc import Callable
from dataclasses import field
from math import ceil
from pathlib import Path
from typing import Any, TypeVar

import trio

from dusk.control.outside import CHALLENGE_BYTES, Challenges, OutsideKey
from dusk.control.passwords import check_new_password
from dusk.errors import Refused
from dusk.keys.box import NONCE_BYTES
from dusk.keys.sealed import DEFAULT, SALT_BYTES, cost_of, open_user_key, seal_user_key
from dusk.keys.signing import SEED_BYTES, SigningKey
from dusk.lazy import dataclass
from dusk.limits import (
    LOGIN_FREE_TRIES,
    LOGIN_PAUSE_S_MAX,
    LOGIN_USERS_COUNTED_MAX,
    LOGINS_WAITING_MAX,
    SESSION_IDLE_S_MAX,
    SESSION_S_MAX,
    SESSIONS_MAX,
)

T = TypeVar("T")
MEMORY_MARGIN_KIB = 8 * 1024
"""What a login leaves to the rest of the router."""


@dataclass(slots=True)
class Session:
    """A person who has logged in; ``repr`` hides the key.

    Attributes:
        user: the name.
        key: unlocked, in memory only; or the public half of one that signs elsewhere.
        began_at, used_at: seconds.
    """

    user: str
    key: SigningKey = field(repr=False)
    began_at: float
    used_at: float


@dataclass(slots=True)
class _Tries:
    """Wrong passwords for one name since the last right one."""

    exists: bool
    wrong: int = 0
    next_at: float = 0.0


def available_kib(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Return the memory that can be had without swapping, in KiB; None if the system does not say."""
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)


class Sessions:
    """All sessions of a daemon.

    Args:
        tell: called with a line for people about who logged in, and wrong passwords.
        memory_kib: how much memory there is; another one only in tests.
    """

    def __init__(
        self, tell: Callable[[str], None], memory_kib: Callable[[], int | None] = available_kib
    ) -> None:
        self._sessions: dict[str, Session] = {}
        self._ended: dict[str, Refused] = {}
        """Of those that were taken away, why."""
        self._tries: dict[str, _Tries] = {}
        self._challenges = Challenges()
        self._turn = trio.Lock()
        self._waiting = 0
        self._tell = tell
        self._memory_kib = memory_kib

    def session(self, token: str, *, is_use: bool = True) -> Session:
        """Return a live session, and count this as its use unless the caller only looks after it.

        Raises:
            Refused: ``no-session``.
        """
        now = trio.current_time()
        for old in [key for key, one in self._sessions.items() if _is_over(one, now)]:
            del self._sessions[old]
        session = self._sessions.get(token)
        if session is None and token in self._ended:
            raise Refused(self._ended[token].code, self._ended[token].reason)
        if session is None:
            raise Refused("no-session", "you are not logged in here, or for too long: dusk login USER")
        if is_use:
            session.used_at = now
        return session

    def left(self, token: str) -> dict[str, float]:
        """Return in how many seconds a live session ends: unless it is used, and at the latest.

        Raises:
            Refused: ``no-session``.
        """
        session, now = self.session(token, is_use=False), trio.current_time()
        last_s = SESSION_S_MAX - (now - session.began_at)
        return {"idle_left_s": min(last_s, SESSION_IDLE_S_MAX - (now - session.used_at)), "left_s": last_s}

    def user(self, token: str) -> str:
        """Return whose live session a token is, which is no use of it; empty: nobody's."""
        session = self._sessions.get(token)
        return "" if session is None or _is_over(session, trio.current_time()) else session.user

    def logout(self, token: str) -> None:
        """Forget a session."""
        self._sessions.pop(token, None)

    def listed(self) -> list[dict[str, object]]:
        """Return the live sessions: user, and how many seconds since they began and were used."""
        now = trio.current_time()
        live = (one for one in self._sessions.values() if not _is_over(one, now))
        return [
            {"user": one.user, "began_s_ago": now - one.began_at, "idle_s": now - one.used_at} for one in live
        ]

    def end_all(self) -> None:
        """Forget all sessions: the cluster whose people they are is this device's no more."""
        self._sessions.clear()
        self._ended.clear()

    def recheck(self, check: Callable[[Session], None], *tokens: str) -> None:
        """Forget the sessions, of these or of all, that a check refuses; why is told at their next use."""
        for token in tokens or tuple(self._sessions):
            try:
                if token in self._sessions:
                    check(self._sessions[token])
            except Refused as error:
                del self._sessions[token]
                self._ended[token] = error
                while len(self._ended) > SESSIONS_MAX:
                    del self._ended[next(iter(self._ended))]

    def end(self, user: str) -> int:
        """Forget all sessions of a user, and return how many there were."""
        found = [token for token, one in self._sessions.items() if one.user == user]
        for token in found:
            del self._sessions[token]
        return len(found)

    async def seal(self, user: str, password: str, seed: bytes | None) -> tuple[SigningKey, bytes]:
        """Seal a key under a password; takes as long, and is as bounded, as a login.

        Args:
            user: whose.
            password: as typed.
            seed: of the key; None makes a new one.

        Returns:
            The key, and what the log has of it.

        Raises:
            Refused: ``busy``, ``no-memory``, or as of `check_new_password`.
        """
        check_new_password(password)
        key = SigningKey.from_seed(os.urandom(SEED_BYTES) if seed is None else seed)

        def seal() -> bytes:
            salt, nonce = os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
            return seal_user_key(key.seed, password.encode(), salt=salt, nonce=nonce, name=user)

        return key, await self._in_turn(seal, DEFAULT.memory_kib)

    def wrong_passwords(self) -> dict[str, int]:
        """Return user → wrong passwords since the last right one, where that is worth showing."""
        return {user: tries.wrong for user, tries in self._tries.items() if tries.wrong > LOGIN_FREE_TRIES}

    async def login(self, user: str, password: str, sealed: bytes | None) -> dict[str, Any]:
        """Unlock a user's key; takes as long as Argon2id takes.

        Args:
            user: the name as typed.
            password: as typed.
            sealed: the sealed key; None for users that do not exist or are disabled.

        Returns:
            ``token``, ``user``, and when it ends: ``idle_s`` after its last use, ``lasts_s`` from now.

        Raises:
            Refused: ``wrong-password``, ``too-many-tries``, ``busy``, ``no-memory``.
        """
        self._check_pace(user)
        memory_kib = _memory_kib(user, sealed)

        def unlock() -> SigningKey:
            return _unlock(user, password.encode(), sealed)

        try:
            key = await self._in_turn(unlock, memory_kib, check=lambda: self._check_pace(user))
        except Refused as error:
            if error.code == "wrong-password":
                self._count_wrong(user, exists=sealed is not None)
            raise
        self._tries.pop(user, None)
        return self._opened(user, key)

    def challenge(self, user: str) -> bytes:
        """Return what a key outside the cluster has to sign within a minute, once."""
        return self._challenges.issue(user, os.urandom(CHALLENGE_BYTES), trio.current_time())

    def is_challenged(self, user: str, challenge: bytes) -> bool:
        """Tell whether a challenge was given out for this user and not answered before."""
        return self._challenges.take(user, challenge, trio.current_time())

    def open(self, user: str, key: OutsideKey) -> dict[str, Any]:
        """Open a session without a private key, for who has proven to have it elsewhere."""
        return self._opened(user, key)

    async def _in_turn(
        self, work: Callable[[], T], memory_kib: int, check: Callable[[], None] = lambda: None
    ) -> T:
        """Do work that costs Argon2id in a thread, one at a time, when there is memory for it."""
        if self._waiting >= LOGINS_WAITING_MAX:
            raise Refused("busy", "others are logging in; try again in a few seconds")
        self._waiting += 1
        try:
            async with self._turn:
                check()
                self._check_memory(memory_kib)
                return await trio.to_thread.run_sync(work)
        finally:
            self._waiting -= 1

    def _opened(self, user: str, key: SigningKey) -> dict[str, Any]:
        token = self._open(user, key)
        self._tell(f"{user} logged in")
        return {"token": token, "user": user, "idle_s": SESSION_IDLE_S_MAX, "lasts_s": SESSION_S_MAX}

    def _open(self, user: str, key: SigningKey) -> str:
        now = trio.current_time()
        if len(self._sessions) >= SESSIONS_MAX:
            del self._sessions[min(self._sessions, key=lambda token: self._sessions[token].used_at)]
        token = secrets.token_hex(32)
        self._sessions[token] = Session(user, key, now, now)
        return token

    def _check_pace(self, user: str) -> None:
        tries = self._tries.get(user)
        wait_s = 0.0 if tries is None else tries.next_at - trio.current_time()
        if tries is not None and wait_s > 0:
            reason = f"{tries.wrong} wrong passwords for user {user}; try again in {ceil(wait_s)} s"
            raise Refused("too-many-tries", reason)

    def _check_memory(self, needed_kib: int) -> None:
        available = self._memory_kib()
        if available is not None and available < needed_kib + MEMORY_MARGIN_KIB:
            raise Refused(
                "no-memory",
                f"only {available} KiB of memory are free, and the password takes {needed_kib};"
                " log in at another device",
            )

    def _count_wrong(self, user: str, *, exists: bool) -> None:
        if user not in self._tries and len(self._tries) >= LOGIN_USERS_COUNTED_MAX:
            # Names at random must not wash out how often a real one was tried; those the log bounds.
            for made_up in [name for name, tries in self._tries.items() if not tries.exists][:1]:
                del self._tries[made_up]
        tries = self._tries.setdefault(user, _Tries(exists))
        tries.wrong += 1
        if tries.wrong >= LOGIN_FREE_TRIES:
            pause_s = min(2.0 ** min(tries.wrong - LOGIN_FREE_TRIES, 32), LOGIN_PAUSE_S_MAX)
            tries.next_at = trio.current_time() + pause_s
        self._tell(f"wrong password for user {user}, {tries.wrong} in a row")


def _is_over(session: Session, now: float) -> bool:
    return now - session.used_at > SESSION_IDLE_S_MAX or now - session.began_at > SESSION_S_MAX


def _memory_kib(user: str, sealed: bytes | None) -> int:
    """Return what trying a password takes: of a key, what that itself says; else as much as a new one."""
    return DEFAULT.memory_kib if sealed is None else cost_of(sealed, name=user).memory_kib


def _unlock(user: str, password: bytes, sealed: bytes | None) -> SigningKey:
    """Open a sealed key; for a user that does not exist spend the same and say the same."""
    if sealed is None:
        seal_user_key(os.urandom(32), password or b"-", salt=os.urandom(16), nonce=os.urandom(24), name=user)
        raise Refused("wrong-password", f"wrong password for user {user}")
    return open_user_key(sealed, password, name=user)
