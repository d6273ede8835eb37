"""Who may ask: one browser that logged in, at an address that we know, from our own page (A34).

Every request names a host that we listen for, or it comes by a name that somebody else's DNS points
here (rebinding). Whoever logged in has a cookie that scripts do not see and other sites do not send;
what is asked by script brings a token besides, which only our own page holds, and comes from our origin.
"""

import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from dusk.errors import Refused

SESSIONS_MAX = 16
IDLE_S = 15 * 60.0
LAST_S = 12 * 3600.0
CODE_TRIES_MAX = 5
COOKIE = "dusk-web"
TOKEN_HEADER = "x-dusk-token"  # noqa: S105 - the name of a header

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""What every answer says."""


@dataclass(slots=True)
class Session:
    """A browser that logged in.

    Attributes:
        cookie: what it sends by itself, in hex.
        token: what its page sends, in hex.
        began_s: monotonic seconds.
        used_s: monotonic seconds of its last request.
    """

    cookie: str
    token: str
    began_s: float
    used_s: float


class Guard:
    """The doorkeeper of one host.

    Args:
        hosts: values of ``Host`` that are ours, lower case.
        random: gives so many random bytes.
        now: monotonic seconds.
        code: lets in whoever read it on the terminal, once; None: nobody.
    """

    def __init__(
        self, hosts: Iterable[str], random: Callable[[int], bytes], now: Callable[[], float], code: str | None
    ) -> None:
        self._hosts = frozenset(hosts)
        self._random, self._now = random, now
        self._code, self._tries = code, 0
        self._sessions: dict[str, Session] = {}

    def check_host(self, headers: Mapping[str, str]) -> None:
        """Refuse who came by another name.

        Raises:
            Refused: ``foreign-host``.
        """
        if headers.get("host", "").lower() not in self._hosts:
            raise Refused("foreign-host", f"open the page at http://{min(self._hosts)}/")

    def check_own(self, headers: Mapping[str, str]) -> None:
        """Refuse what another site's page asks for.

        Raises:
            Refused: ``foreign-site``.
        """
        origin = headers.get("origin", "").lower()
        if (
            origin != f"http://{headers['host'].lower()}"
            or headers.get("sec-fetch-site", "same-origin") != "same-origin"
        ):
            raise Refused("foreign-site", "another site's page asked for this")

    def session(self, headers: Mapping[str, str]) -> Session | None:
        """Return whose cookie comes with a request; None: nobody's that is logged in."""
        cookies = (one.strip().partition("=") for one in headers.get("cookie", "").split(";"))
        found = next((self._sessions.get(value) for name, _, value in cookies if name == COOKIE), None)
        now = self._now()
        if found is None:
            return None
        if now - found.used_s > IDLE_S or now - found.began_s > LAST_S:
            del self._sessions[found.cookie]
            return None
        found.used_s = now
        return found

    def check_token(self, session: Session, headers: Mapping[str, str]) -> None:
        """Refuse what does not come from the page that this session was given.

        Raises:
            Refused: ``foreign-site``.
        """
        self.check_own(headers)
        if not hmac.compare_digest(headers.get(TOKEN_HEADER, "").encode(), session.token.encode()):
            raise Refused("foreign-site", "the page is of another session: load it again")

    def let_in(self) -> Session:
        """Begin a session; the idlest gives way."""
        if len(self._sessions) >= SESSIONS_MAX:
            idlest = min(self._sessions.values(), key=lambda session: session.used_s)
            del self._sessions[idlest.cookie]
        now = self._now()
        session = Session(self._random(32).hex(), self._random(32).hex(), now, now)
        self._sessions[session.cookie] = session
        return session

    def take_code(self, code: str) -> None:
        """Use up the code that stands on the terminal.

        Raises:
            Refused: ``wrong-code``.
        """
        self._tries += 1
        given = code.encode(errors="surrogatepass")  # half a character is no code
        is_right = self._code is not None and hmac.compare_digest(given, self._code.encode())
        if not is_right or self._tries > CODE_TRIES_MAX:
            raise Refused("wrong-code", "this address was used already: log in, or start `dusk web` again")
        self._code = None

    def end(self, session: Session) -> None:
        """Log a browser out."""
        self._sessions.pop(session.cookie, None)


def cookie_header(session: Session) -> str:
    """Return the value of ``Set-Cookie`` for a session that began."""
    return f"{COOKIE}={session.cookie}; HttpOnly; SameSite=Strict; Path=/"
