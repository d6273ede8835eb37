"""Who may ask: one page in one tab, that logged in at an address that we know (A34, `specs/web.md`).

Every request names a host that we listen for, or it comes by a name that somebody else's DNS points
here (rebinding). Whoever logs in gets two things that are worth nothing alone: a cookie, which scripts
do not see and other sites do not send, but which other ports of this host get and may set, too; and a
token, which stands in the answer to the login and nowhere else, so that only the page that asked has it.
"""

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from dusk.errors import Refused

SESSIONS_MAX = 16
IDLE_S = 15 * 60.0
LAST_S = 12 * 3600.0
CODE_TRIES_MAX = 5
COOKIE = "dusk-web"
TOKEN_HEADER = "x-dusk-token"  # noqa: S105 - the name of a header
IDLE_HEADER = "x-dusk-idle"
_IDLE_DIGITS_MAX = 6

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
    """A page that logged in.

    Attributes:
        name: of its cookie.
        cookie: what the browser sends by itself, in hex.
        token: what the page sends, in hex.
        began_s: monotonic seconds.
        used_s: monotonic seconds, when a person last did something there.
    """

    name: str
    cookie: str
    token: str
    began_s: float
    used_s: float


class Guard:
    """The doorkeeper of one host.

    Args:
        hosts: values of ``Host`` that are ours, lower case.
        port: which we listen at; cookies know none, so their names carry it.
        random: gives so many random bytes.
        now: monotonic seconds.
        code: lets in whoever read it on the terminal, once; None: nobody.
    """

    def __init__(
        self,
        hosts: Iterable[str],
        port: int,
        random: Callable[[int], bytes],
        now: Callable[[], float],
        code: str | None,
    ) -> None:
        self._hosts, self._port = frozenset(hosts), port
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
        """Return whose page asks; None: nobody's that is logged in.

        Its token came, and its cookie is among those that came, whatever others of that name a
        neighbour on this host has planted beside it. A request that the page makes by itself is no
        use of the session: the page says how long ago its person did something.
        """
        now = self._now()
        for old in [one for one in self._sessions.values() if _is_over(one, now)]:
            del self._sessions[old.name]
        token = headers.get(TOKEN_HEADER, "")
        found = [one for one in self._sessions.values() if _is_same(one.token, token)]
        if not found or not any(_is_same(found[0].cookie, value) for value in _cookies(headers, found[0])):
            return None
        found[0].used_s = max(found[0].used_s, now - _idle_s(headers))
        return found[0]

    def let_in(self) -> Session:
        """Begin a session, beside others of the same browser; where there is no place the idlest goes."""
        if len(self._sessions) >= SESSIONS_MAX:
            self.end(min(self._sessions.values(), key=lambda session: session.used_s))
        names = (f"{COOKIE}-{self._port}-{place}" for place in range(SESSIONS_MAX))
        name = next(name for name in names if name not in self._sessions)
        now = self._now()
        session = Session(name, self._random(32).hex(), self._random(32).hex(), now, now)
        self._sessions[name] = session
        return session

    def take_code(self, code: str) -> None:
        """Use up the code that stands on the terminal.

        Raises:
            Refused: ``wrong-code``.
        """
        self._tries += 1
        is_right = self._code is not None and _is_same(self._code, code)
        if not is_right or self._tries > CODE_TRIES_MAX:
            raise Refused("wrong-code", "this address was used already: log in, or start `dusk web` again")
        self._code = None

    def end(self, session: Session) -> None:
        """Log a page out."""
        self._sessions.pop(session.name, None)


def cookie_header(session: Session) -> str:
    """Return the value of ``Set-Cookie`` for a session that began."""
    return f"{session.name}={session.cookie}; HttpOnly; SameSite=Strict; Path=/"


def end_header(session: Session) -> str:
    """Return the value of ``Set-Cookie`` that takes the cookie of a session back."""
    return f"{session.name}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"


def _cookies(headers: Mapping[str, str], session: Session) -> Iterator[str]:
    """Yield the values of all cookies that have the name of a session's."""
    for one in headers.get("cookie", "").split(";"):
        name, _, value = one.strip().partition("=")
        if name == session.name:
            yield value


def _is_same(ours: str, unverified_given: str) -> bool:
    """Compare in a time that tells nothing; half a character is none of ours."""
    return hmac.compare_digest(ours.encode(), unverified_given.encode(errors="surrogatepass"))


def _idle_s(headers: Mapping[str, str]) -> float:
    """Return how long ago a person did something in the page; what says nothing of it is no use."""
    text = headers.get(IDLE_HEADER, "")
    is_number = text.isascii() and text.isdigit() and len(text) <= _IDLE_DIGITS_MAX
    return float(text) if is_number else float("inf")


def _is_over(session: Session, now: float) -> bool:
    return now - session.used_s > IDLE_S or now - session.began_s > LAST_S
